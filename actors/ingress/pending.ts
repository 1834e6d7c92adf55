/** Pending: a client's write that has no answer yet, and the one send of it that is unresolved, if there is one. */
import type { Appended, AppendRequest, Trouble } from '../facade.ts';
import type { Index, Lamport } from '../protocol/epoch.ts';
import type { Lane, Way } from './lane.ts';

export interface Send extends Way {
  readonly n: number;
  readonly bytes: number;
  /** R10a (c): where the leader's log ended when it greeted anew; once that is committed here, absence is proof. */
  provenAt: Index | null;
}

export interface Pending {
  readonly request: AppendRequest;
  readonly lane: Lane | null;
  /** Its place among all that came. */
  readonly arrival: number;
  readonly settle: (outcome: Appended | Trouble) => void;
  readonly deadlineAt: number;
  /** Of its content. */
  readonly bytes: number;
  seen: number;
  readonly physicalSeconds: number;
  readonly firstTryCommit: Index;
  /** Of a session token that this node has not reached yet. */
  waitsFor: Lamport;
  send: Send | null;
  notBefore: number;
}
