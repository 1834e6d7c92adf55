/** What this log is measured against. */
import type { System } from '../systems.ts';

export const peers: readonly System[] = [];
