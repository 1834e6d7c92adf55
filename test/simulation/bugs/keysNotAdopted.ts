/**
 * A new leader knows the keys of what is committed, but not of what it took over uncommitted (PROTOCOL §8): the resend of a
 * write that stands there, and is committed with the barrier, is appended again.
 */
import * as real from '../../../actors/pipeline/keyDesk.ts';
import type { Batch } from '../../../actors/protocol/batch.ts';
import type { KeyTable } from '../../../actors/protocol/keyTable.ts';

export * from '../../../actors/pipeline/keyDesk.ts';

export class KeyDesk extends real.KeyDesk {
  constructor(table: KeyTable, _uncommitted: readonly Batch[]) {
    super(table, []);
  }
}
