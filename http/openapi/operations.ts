/**
 * Every call of this API. A new route gets its `Operation` in the list of its concern, or in a new list that is added
 * here; test/http/openapi.test.ts names what is missing.
 */
import { chaosOperations } from './chaos.ts';
import { descriptionOperations } from './description.ts';
import { liveOperations } from './live.ts';
import { metricsOperations } from './metrics.ts';
import { readOperations } from './reads.ts';
import { sessionOperations } from './session.ts';
import { statusOperations } from './status.ts';
import type { Operation } from './vocabulary.ts';
import { writeOperations } from './writes.ts';

const operations: readonly Operation[] = [
  ...writeOperations,
  ...readOperations,
  ...statusOperations,
  ...liveOperations,
  ...sessionOperations,
  ...metricsOperations,
  ...descriptionOperations,
  ...chaosOperations,
];

/** Those that a node has, with chaos switched on or off. */
export const operationsOf = (chaos: boolean): readonly Operation[] =>
  operations.filter((operation) => chaos || operation.chaos !== true);
