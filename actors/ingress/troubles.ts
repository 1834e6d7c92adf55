/** What a client is told of a write that was not done, or of which nobody knows. */
import type { Trouble, TroubleCode } from '../facade.ts';
import type { Lamport, NodeId } from '../protocol/epoch.ts';
import type { Refusal } from '../protocol/frames.ts';
import { notCaughtUp } from '../token.ts';
import type { Pending } from './pending.ts';

export const shortRetryAfterMs = 1000;

const trouble = (code: TroubleCode, outcome: Trouble['outcome'], detail: string, retryAfterMs?: number): Trouble => ({
  kind: 'trouble',
  code,
  outcome,
  detail,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});
export const notDone = (code: TroubleCode, detail: string, retryAfterMs?: number): Trouble =>
  trouble(code, 'not_done', detail, retryAfterMs);

export const stopping: Trouble = notDone('STOPPING', 'this node is stopping');
export const stopped = ({ send }: Pending): Trouble =>
  trouble('STOPPING', send ? 'unknown' : 'not_done', 'this node has stopped');

/** By the leader, which may not be certain that an earlier send of the write is in no log. */
export function refused(reason: Exclude<Refusal, 'notLeader'>, certain: boolean): Trouble {
  const outcome = certain ? 'not_done' : 'unknown';
  switch (reason) {
    case 'overloaded':
      return trouble('OVERLOADED', outcome, 'too many writes wait at the leader', shortRetryAfterMs);
    case 'diskFull':
      return trouble('DISK_FULL', outcome, 'the disk of the leader is full');
    case 'keyReused':
      return trouble('KEY_REUSED', outcome, 'this Idempotency-Key came before with another body');
    case 'keyExpired':
      return trouble('KEY_EXPIRED', outcome, 'the first try of this key is too long ago to know what became of it');
  }
}

/** At its deadline. */
export function tooLate({ send, waitsFor }: Pending, leader: NodeId | null, commitLamport: Lamport): Trouble {
  if (send)
    return trouble('OUTCOME_UNKNOWN', 'unknown', `node ${send.to} was asked to append it and did not answer in time`);
  if (waitsFor > commitLamport) return notCaughtUp(waitsFor, commitLamport);
  if (leader === null) return notDone('NO_LEADER', 'no majority has a leader', shortRetryAfterMs);
  return notDone('LEADER_UNREACHABLE', `node ${leader} leads and does not take it`, shortRetryAfterMs);
}
