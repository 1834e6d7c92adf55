/**
 * Idempotency keys: which key brought which messages. A function of the committed log, so that every node has the same
 * table, and the same key gives the same answer across a change of leaders (PROTOCOL §8).
 *
 * K1. A key is forgotten once `keptEntries` entries were committed behind its write, or `keptKeys` writes with keys: no client
 *     can fill the memory of the nodes. Below the floor nothing is known, so a resend whose first try is older than that is
 *     refused as unknown.
 */
import type { Batch } from './batch.ts';
import type { Index, Lamport, NodeId } from './epoch.ts';

export interface KeyedWrite {
  readonly index: Index;
  readonly firstId: number;
  readonly firstLamport: Lamport;
  readonly count: number;
  readonly bodyHash: string;
  readonly origin: NodeId;
  readonly seen: number;
  readonly physicalSeconds: number;
}

/** The keyed writes of a batch, in order. */
export function keyedWrites(batch: Batch): readonly (readonly [key: string, write: KeyedWrite])[] {
  if (!batch.hasKeys) return [];
  const found: [string, KeyedWrite][] = [];
  for (const { write, firstId, firstLamport } of batch.writes()) {
    if (!write.key) continue;
    found.push([
      write.key.key,
      {
        index: batch.baseIndex + (firstId - batch.firstId),
        firstId,
        firstLamport,
        count: write.contents.length,
        bodyHash: write.key.bodyHash.toString('latin1'),
        origin: write.tag.origin,
        seen: write.seen,
        physicalSeconds: write.physicalSeconds,
      },
    ]);
  }
  return found;
}

export interface KeptKeys {
  readonly keptEntries: number;
  readonly keptKeys: number;
}

export class KeyTable {
  readonly #kept: KeptKeys;
  /** In log order: a Map keeps the order of insertion, and a key is inserted once. */
  readonly #writes = new Map<string, KeyedWrite>();
  /**
   * Goes through the map once, behind what is forgotten. A new walk for each would first pass the places of all that was
   * deleted since the map was built anew: with half a million keys a third of a millisecond.
   */
  #walk = this.#writes.entries();
  #next: readonly [key: string, write: KeyedWrite] | undefined;
  #floor: Index = 0;

  constructor(kept: KeptKeys) {
    this.#kept = kept;
  }

  get size(): number {
    return this.#writes.size;
  }
  /** Keys of writes at or below this index may have been forgotten. */
  get floor(): Index {
    return this.#floor;
  }

  get(key: string): KeyedWrite | undefined {
    return this.#writes.get(key);
  }

  commit(batch: Batch): void {
    for (const [key, write] of keyedWrites(batch)) this.add(key, write);
    this.reach(batch.endIndex);
  }

  /** The next committed write that has a key. */
  add(key: string, write: KeyedWrite): void {
    this.#writes.delete(key); // So that it stands at the end again.
    this.#writes.set(key, write);
    if (this.#writes.size > this.#kept.keptKeys) this.#floor = Math.max(this.#floor, this.#oldest?.[1].index ?? 0);
    this.#forget();
  }

  /** Everything up to this index is committed, and its keys have been added. */
  reach(commit: Index): void {
    this.#floor = Math.max(this.#floor, commit - this.#kept.keptEntries);
    this.#forget();
  }

  #forget(): void {
    for (let oldest = this.#oldest; oldest && oldest[1].index <= this.#floor; oldest = this.#oldest)
      this.#writes.delete(oldest[0]);
  }

  get #oldest(): readonly [key: string, write: KeyedWrite] | undefined {
    // A key that came again stands at the end now, with another write.
    while (this.#next === undefined || this.#writes.get(this.#next[0]) !== this.#next[1]) {
      const { value, done } = this.#walk.next();
      this.#next = value;
      if (!done) continue;
      this.#walk = this.#writes.entries(); // Nothing is left; a walk that has ended sees nothing new.
      return undefined;
    }
    return this.#next;
  }
}
