/**
 * How far the followers are behind a leader, in entries and in time: for people and for metrics, never for a decision.
 *
 * A1. What a follower had stays known when its connection ends: one that is away falls behind more and more.
 * A2. Times are those of the leader's own appends, noted at most every `markEveryMs`, the newest `marksMax` of them: a lag
 *     is that much too small at most, and is told as no longer than the marks reach back.
 */
import type { Index, NodeId } from '../protocol/epoch.ts';

const markEveryMs = 100;
/** Ten minutes of writes without a pause. */
const marksMax = 6000;

export interface Lag {
  readonly entries: number;
  readonly ms: number;
}

export class FollowerLag {
  /** At `at` the log reached up to `index`. */
  readonly #marks: { readonly at: number; readonly index: Index }[] = [];
  readonly #matches = new Map<NodeId, Index>();

  appended(index: Index, now: number): void {
    const newest = this.#marks.at(-1);
    if (newest !== undefined && now - newest.at < markEveryMs) return;
    this.#marks.push({ at: now, index });
    if (this.#marks.length > marksMax) this.#marks.shift();
  }

  acknowledged(peer: NodeId, match: Index): void {
    this.#matches.set(peer, Math.max(match, this.#matches.get(peer) ?? 0));
  }

  /** Null: this leader has not heard of its log yet. */
  of(peer: NodeId, last: Index, now: number): Lag | null {
    const match = this.#matches.get(peer);
    if (match === undefined) return null;
    if (match >= last) return { entries: 0, ms: 0 };
    const missed = this.#marks[this.#firstAbove(match)];
    return { entries: last - match, ms: missed === undefined ? 0 : now - missed.at };
  }

  /** By halving: marks rise. */
  #firstAbove(match: Index): number {
    let [low, high] = [0, this.#marks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#marks[middle]?.index ?? 0) > match) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
