/**
 * What a node knows of its peers, and the questions that an election asks of it (PROTOCOL §5, "Seeing"). Reads no clock:
 * every question takes `now`.
 *
 * A1. `up` comes from round trips to pings that *this* node sent, and goes on while data comes in; never from an open
 *     connection or a one-way sign.
 */
import { type Epoch, type Index, majorityOf, type NodeId, type Position, start } from './epoch.ts';
import type { Ping, Unelectable } from './frames.ts';

interface PeerView {
  /** `sentAt` of this node's newest ping that the peer has echoed. */
  roundTripSentAt: number;
  upSince: number;
  quorumConnected: boolean;
  unelectable: Unelectable;
  promised: Epoch;
  position: Position;
  priority: number;
}

/** Entries that an electable node may lack at most: about 8 MiB of them, or what came within the last second. */
const maxLagEntries = 50_000;
const lagWindowMs = 1000;

export class PeerTable {
  readonly self: NodeId;
  readonly #priority: number;
  readonly #peers = new Map<NodeId, PeerView>();
  /** The best position known over the last second, oldest first. */
  #best: { readonly at: number; readonly index: Index }[] = [];

  constructor(self: NodeId, priority: number, voters: readonly NodeId[]) {
    this.self = self;
    this.#priority = priority;
    for (const id of voters) if (id !== self) this.#peers.set(id, unseen());
  }

  get peers(): readonly NodeId[] {
    return [...this.#peers.keys()];
  }
  get majority(): number {
    return majorityOf(this.#peers.size + 1);
  }

  greeted(peer: NodeId, priority: number): void {
    const view = this.#peers.get(peer);
    if (view) view.priority = priority;
  }

  /** A ping came; `roundTripSentAt` as its wire worked it out, or -1. */
  pinged(peer: NodeId, ping: Ping, roundTripSentAt: number, now: number, suspectMs: number): void {
    const view = this.#peers.get(peer);
    if (!view) return;
    const wasUp = this.up(peer, now, suspectMs);
    view.roundTripSentAt = Math.max(view.roundTripSentAt, roundTripSentAt);
    // The time may have grown since its last ping: then it counts as up already, and has no beginning yet.
    const hasNoBeginning = view.upSince === Number.POSITIVE_INFINITY;
    if ((!wasUp || hasNoBeginning) && this.up(peer, now, suspectMs)) view.upSince = now;
    view.quorumConnected = ping.quorumConnected;
    view.unelectable = ping.unelectable;
    view.promised = ping.promised;
    view.position = ping.position;
  }

  /** Data of an up peer comes in, without a ping among it (ballot.ts). */
  receiving(peer: NodeId, now: number): void {
    const view = this.#peers.get(peer);
    if (view && view.roundTripSentAt >= 0) view.roundTripSentAt = now;
  }

  /** R19: a closed connection is known at once. */
  closed(peer: NodeId): void {
    const view = this.#peers.get(peer);
    if (view) Object.assign(view, unseen(), { priority: view.priority, position: view.position });
  }

  up(peer: NodeId, now: number, withinMs: number): boolean {
    const view = this.#peers.get(peer);
    return view !== undefined && now - view.roundTripSentAt <= withinMs;
  }
  upSince(peer: NodeId): number {
    return this.#peers.get(peer)?.upSince ?? Number.POSITIVE_INFINITY;
  }

  /** As it said last. */
  promisedBy(peer: NodeId): Epoch {
    return this.#peers.get(peer)?.promised ?? 0;
  }

  /** A majority of voters, this one included, completed a round trip within the time. */
  quorumConnected(now: number, withinMs: number): boolean {
    let count = 1;
    for (const peer of this.#peers.keys()) if (this.up(peer, now, withinMs)) count++;
    return count >= this.majority;
  }

  /** Priority, then id. */
  outranks(a: NodeId, b: NodeId): boolean {
    return this.priorityOf(a) > this.priorityOf(b) || (this.priorityOf(a) === this.priorityOf(b) && a > b);
  }

  electable(peer: NodeId, own: Position, now: number, suspectMs: number): boolean {
    const view = this.#peers.get(peer);
    if (!view?.quorumConnected || view.unelectable !== 'none' || !this.up(peer, now, suspectMs)) return false;
    return this.#closeEnough(view.position.index, own.index, now);
  }

  /** How many electable nodes come before this one (R15). */
  rank(own: Position, now: number, suspectMs: number): number {
    let rank = 0;
    for (const peer of this.#peers.keys())
      if (this.outranks(peer, this.self) && this.electable(peer, own, now, suspectMs)) rank++;
    return rank;
  }

  /** Those who should lead rather than this node, best first. */
  betterLeaders(own: Position, now: number, suspectMs: number): readonly NodeId[] {
    return this.peers
      .filter((peer) => this.outranks(peer, this.self) && this.electable(peer, own, now, suspectMs))
      .sort((a, b) => (this.outranks(a, b) ? -1 : 1));
  }

  /** Those who could lead at all, best first: for a leader that leaves. */
  successors(own: Position, now: number, suspectMs: number): readonly NodeId[] {
    return this.peers
      .filter((peer) => this.electable(peer, own, now, suspectMs))
      .sort((a, b) => (this.outranks(a, b) ? -1 : 1));
  }

  /** Whether this node's own log is near enough to the best it knows of. */
  ownLogIsNear(own: Position, now: number): boolean {
    return this.#closeEnough(own.index, own.index, now);
  }

  priorityOf(id: NodeId): number {
    return id === this.self ? this.#priority : (this.#peers.get(id)?.priority ?? 0);
  }

  #closeEnough(index: Index, own: Index, now: number): boolean {
    const best = this.#noteBest(own, now);
    return index >= (this.#best[0]?.index ?? 0) || index + maxLagEntries >= best;
  }

  /** Of the logs as they are known now: a long tail that was cut must not count for ever. */
  #noteBest(own: Index, now: number): Index {
    let index = own;
    for (const view of this.#peers.values()) index = Math.max(index, view.position.index);
    if (this.#best.at(-1)?.index !== index) this.#best.push({ at: now, index });
    while (this.#best.length > 1 && (this.#best[1]?.at ?? now) < now - lagWindowMs) this.#best.shift();
    return index;
  }
}

const unseen = (): PeerView => ({
  roundTripSentAt: Number.NEGATIVE_INFINITY,
  upSince: Number.POSITIVE_INFINITY,
  quorumConnected: false,
  unelectable: 'none',
  promised: 0,
  position: start,
  priority: 0,
});
