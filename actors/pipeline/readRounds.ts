/**
 * Read rounds: how a leader makes sure, for a linearizable read, that it still leads (PROTOCOL §6, read index).
 *
 * A1. A read is confirmed only by a round that began after the read arrived, and by a majority that names this epoch.
 * A2. The counter is the leader's own; no client chooses it. At most one round is under way: reads that come meanwhile
 *     share the next.
 */
import { type Index, majorityOf, type NodeId } from '../protocol/epoch.ts';

interface WaitingRead {
  readonly peer: NodeId;
  readonly nonce: number;
  readonly index: Index;
}
export interface ConfirmedRead extends WaitingRead {}

export class ReadRounds {
  /** The round that is sent with everything that leaves. */
  round = 0;
  readonly #voters: number;
  readonly #confirmed = new Set<NodeId>();
  #asked: WaitingRead[] = [];
  #next: WaitingRead[] = [];

  constructor(voters: number) {
    this.#voters = voters;
  }

  /** `index` is the commit at arrival. Gives whether a new round has begun and must be sent. */
  ask(peer: NodeId, nonce: number, index: Index): boolean {
    this.#next.push({ peer, nonce, index });
    return this.#beginIfIdle();
  }

  #beginIfIdle(): boolean {
    if (this.#asked.length > 0 || this.#next.length === 0) return false;
    this.round++;
    this.#confirmed.clear();
    this.#asked = this.#next;
    this.#next = [];
    return true;
  }

  /** A voter that is not damaged named this epoch and `round`. Gives the reads that may now be answered. */
  confirm(peer: NodeId, round: number): readonly ConfirmedRead[] {
    if (round < this.round || this.#asked.length === 0) return [];
    this.#confirmed.add(peer);
    return this.settle();
  }

  settle(): readonly ConfirmedRead[] {
    if (this.#confirmed.size + 1 < majorityOf(this.#voters)) return [];
    const confirmed = this.#asked;
    this.#asked = [];
    return confirmed;
  }

  /** Whether reads came during the last round, and a new one has begun for them. */
  beginNext(): boolean {
    return this.#beginIfIdle();
  }

  /** The office ends: nobody is confirmed. */
  abandon(): readonly WaitingRead[] {
    const all = [...this.#asked, ...this.#next];
    this.#asked = [];
    this.#next = [];
    return all;
  }
}
