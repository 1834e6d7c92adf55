/**
 * What all offices of the pipeline share: the logical log, the key table, the way to the log store, and the commit.
 *
 * A1. Batches reach the log store in the order in which they entered the log; ticket t is durable before t + 1.
 * A2. The commit never goes back; everybody hears of each committed batch once, in order (R11).
 */

import { send } from '../clock.ts';
import type { Clock, Failpoints } from '../ports.ts';
import type { Batch } from '../protocol/batch.ts';
import type { Epoch, Index, NodeId, Position } from '../protocol/epoch.ts';
import type { Frame } from '../protocol/frames.ts';
import type { KeyTable } from '../protocol/keyTable.ts';
import { invariant, type LogicalLog } from '../protocol/logicalLog.ts';
import { type Scope, tell } from '../system.ts';

export interface CoreInput {
  readonly self: NodeId;
  readonly voters: readonly NodeId[];
  readonly clock: Clock;
  readonly failpoints: Failpoints;
}

export class Core {
  readonly self: NodeId;
  readonly voters: readonly NodeId[];
  readonly peers: readonly NodeId[];
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  readonly log: LogicalLog;
  readonly keys: KeyTable;
  readonly scope: Scope;
  /** The boot that each peer greeted with last. */
  readonly peerBoots = new Map<NodeId, number>();
  damaged: boolean;
  diskFull = false;
  /** Tickets given out, and the newest durable one. */
  lastTicket = 0;
  durableTicket = 0;
  /** The newest commit that the log store was told. */
  notedCommit: Index;
  #fsyncMsMax = 0;
  #reported: Position | null = null;
  /** When the log store last had nothing to write, for R23. */
  writingSince = 0;
  /** Where the log ends on disk once a ticket is durable. */
  readonly #ends: { readonly ticket: number; readonly end: Index }[] = [];

  constructor(input: CoreInput, log: LogicalLog, keys: KeyTable, damaged: boolean, scope: Scope) {
    this.self = input.self;
    this.voters = input.voters;
    this.peers = input.voters.filter((id) => id !== input.self);
    this.clock = input.clock;
    this.failpoints = input.failpoints;
    this.log = log;
    this.keys = keys;
    this.damaged = damaged;
    this.scope = scope;
    this.notedCommit = log.commit;
  }

  get storeIdle(): boolean {
    return this.durableTicket === this.lastTicket;
  }

  send(peer: NodeId, frame: Frame): void {
    send(this.scope, peer, frame);
  }

  /** Puts a batch behind `previous`, which the log holds, in place of whatever stood there; its ticket is `lastTicket`. */
  write(epoch: Epoch, previous: Position, batch: Batch): void {
    this.append(previous, batch);
    this.persist(epoch, previous, batch);
  }

  /** The first half of a write: in memory. */
  append(previous: Position, batch: Batch): void {
    if (this.log.last.index > previous.index) this.log.cutAfter(previous.index);
    const previousLamport = this.log.lastLamport;
    this.log.append(batch);
    if (this.storeIdle) this.writingSince = this.clock.now();
    this.lastTicket++;
    this.#ends.push({ ticket: this.lastTicket, end: batch.endIndex });
    tell(this.scope, 'metrics', { type: 'batch.stored', batch, previousLamport });
  }
  /** The second half, of the batch that was appended last. */
  persist(epoch: Epoch, previous: Position, batch: Batch): void {
    const { commit } = this.log;
    this.notedCommit = commit;
    tell(this.scope, 'store', { type: 'log.write', ticket: this.lastTicket, epoch, previous, batch, commit });
  }

  /** The log store has written everything up to this ticket, in so many milliseconds. */
  persisted(ticket: number, ms: number): void {
    this.durableTicket = ticket;
    this.writingSince = this.clock.now();
    this.#fsyncMsMax = Math.max(this.#fsyncMsMax, ms);
    while (this.#ends.length > 0 && (this.#ends[0]?.ticket ?? 0) <= ticket) {
      this.log.durable = this.#ends.shift()?.end ?? 0;
    }
    this.failpoints.reach('batch.persisted');
  }

  /** Every heartbeat: what others need to know now and then, not with each batch. */
  report(): void {
    const { commit, last } = this.log;
    if (commit > this.notedCommit) tell(this.scope, 'store', { type: 'commit.noted', commit });
    this.notedCommit = commit;
    if (last !== this.#reported || this.#fsyncMsMax > 0)
      tell(this.scope, 'election', { type: 'log.reported', position: last, fsyncMs: this.#fsyncMsMax });
    this.#reported = last;
    this.#fsyncMsMax = 0;
  }

  commitTo(index: Index): void {
    invariant(index > this.log.commit && index <= this.log.last.index, 'R8', `commit ${this.log.commit} to ${index}`);
    const batches = this.log.commitTo(index);
    for (const batch of batches) this.keys.commit(batch);
    const event = {
      type: 'commit.advanced',
      commit: index,
      lamport: this.log.commitLamport,
      lastId: this.log.lastCommittedId,
      batches,
    } as const;
    tell(this.scope, 'ingress', event);
    tell(this.scope, 'sessions', event);
    tell(this.scope, 'metrics', event);
    this.failpoints.reach('commit.advanced');
  }
}

/** What an office of the pipeline may be asked; each answers what concerns it. */
export interface Office {
  readonly kind: 'halted' | 'following' | 'adopting' | 'leading';
  persisted(): void;
}
