/**
 * Sends: the writes that are under way to a leader, and when it is certain that a send was in vain: that it is in no log,
 * and never will be. Only then may the write be sent again (R10a).
 *
 * A1. A write has one unresolved send at the most; no n comes twice.
 * A2. What is under way to another node is bounded by a window that follows the link (protocol/window.ts).
 */
import type { ConnectionKey } from '../events.ts';
import type { Epoch, Index, NodeId } from '../protocol/epoch.ts';
import type { Greeted } from '../protocol/frames.ts';
import { Window } from '../protocol/window.ts';
import type { Way } from './lane.ts';
import type { Pending } from './pending.ts';

export class Sends {
  readonly #self: NodeId;
  readonly #byN = new Map<number, Pending>();
  /** Of those, the ones that the commit will prove absent. */
  readonly #provable = new Set<Pending>();
  #n = 0;
  #forwardedBytes = 0;
  #window = new Window();

  constructor(self: NodeId) {
    this.#self = self;
  }

  get size(): number {
    return this.#byN.size;
  }
  get all(): readonly Pending[] {
    return [...this.#byN.values()];
  }
  of(n: number): Pending | undefined {
    return this.#byN.get(n);
  }

  nextN(): number {
    return ++this.#n;
  }
  add(pending: Pending, way: Way, n: number, bytes: number): void {
    const { epoch, to, connection } = way;
    pending.send = { epoch, to, connection, n, bytes, provenAt: null };
    pending.lane?.sent(way);
    this.#byN.set(n, pending);
    if (way.to !== this.#self) this.#forwardedBytes += bytes;
  }
  /** Whatever became of it. */
  remove(pending: Pending): void {
    const { send } = pending;
    if (!send) return;
    this.#byN.delete(send.n);
    this.#provable.delete(pending);
    pending.lane?.resolved();
    if (send.to !== this.#self) this.#forwardedBytes -= send.bytes;
    pending.send = null;
  }

  // ------------------------------------------------------------------------------------------------- the window (A2)

  leaderChanged(): void {
    this.#window = new Window();
  }
  noteRoundTrip(rttMs: number): void {
    this.#window.noteRoundTrip(rttMs);
  }
  hasRoomFor(bytes: number): boolean {
    const isFull = this.#forwardedBytes > 0 && this.#forwardedBytes + bytes > this.#window.bytes;
    if (isFull) this.#window.noteFull();
    return !isFull;
  }

  // ---------------------------------------------------------------------------------------------------- sent in vain

  /** R10a (b): a leader of this epoch built upon a log that does not hold them. */
  before(epoch: Epoch): readonly Pending[] {
    return this.all.filter(({ send }) => (send?.epoch ?? 0) < epoch);
  }

  /** R10a (c): the leader greets on a newer connection, and its log does not hold them. Of others only the commit will tell. */
  unknownTo(peer: NodeId, key: ConnectionKey, { epoch, appended, last }: Greeted, commit: Index): readonly Pending[] {
    if (epoch === 0) return [];
    const inVain: Pending[] = [];
    for (const pending of this.#byN.values()) {
      const { send } = pending;
      if (send?.to !== peer || send.connection >= key || send.epoch !== epoch) continue;
      if (send.n > appended || commit >= last) inVain.push(pending);
      else {
        send.provenAt = last;
        this.#provable.add(pending);
      }
    }
    return inVain;
  }
  /** R10a (c): the commit has reached where that log ended, and they were not found on the way. */
  absentAt(commit: Index): readonly Pending[] {
    return [...this.#provable].filter(({ send }) => commit >= (send?.provenAt ?? Number.POSITIVE_INFINITY));
  }
}
