/**
 * Token: the Lamport time that a client has seen somewhere. A node serves the client once its commit has reached it, and
 * refuses one that is too far ahead to be true; no token ever moves the clock (PROTOCOL §8).
 */
import type { Trouble } from './facade.ts';
import type { Lamport } from './protocol/epoch.ts';

/** No log gets that far ahead of another. */
export const lamportGuard = 2 ** 32;
const retryAfterMs = 200;

const detailOf = (token: Lamport, commitLamport: Lamport): string =>
  `Lamport-Time ${token}, this node has ${commitLamport}`;

export function absurdToken(token: Lamport, commitLamport: Lamport): Trouble | null {
  if (token <= commitLamport + lamportGuard) return null;
  const detail = detailOf(token, commitLamport);
  return { kind: 'trouble', code: 'LAMPORT_TIME_ABSURD', outcome: 'not_done', detail };
}

export function notCaughtUp(token: Lamport, commitLamport: Lamport): Trouble {
  const detail = detailOf(token, commitLamport);
  return { kind: 'trouble', code: 'LOG_NOT_CAUGHT_UP', outcome: 'not_done', detail, retryAfterMs };
}
