/**
 * The log as the protocol sees it: which entry is of which epoch, where it ends, what is committed, and the bytes of its
 * newest part. Where the bytes lie on disk is the log store's business.
 *
 * A1. The tail holds every batch above the commit, so that a cut is always within it; older ones as the budget allows.
 * A2. Nothing at or below the commit is ever replaced (R7): `cutAfter` throws.
 * A3. Batches join without gaps in index and id.
 */
import type { Batch } from './batch.ts';
import { type Epoch, type Index, type Lamport, type Position, samePosition, start } from './epoch.ts';

/** Entries `firstIndex` up to the next run were made in `epoch`. */
export interface EpochRun {
  readonly epoch: Epoch;
  readonly firstIndex: Index;
}

/** What is known of the log at one place: between two batches. */
export interface LogMark {
  readonly position: Position;
  readonly lamport: Lamport;
  /** The id that the next message gets. */
  readonly nextId: number;
}
export const logStart: LogMark = { position: start, lamport: 0, nextId: 1 };

/** What recovery hands over. */
export interface RecoveredLog {
  readonly runs: readonly EpochRun[];
  /** Where the tail begins. */
  readonly floor: LogMark;
  /** Lamport time of the newest message before the tail, 0 for none. */
  readonly messageLamport: Lamport;
  readonly tail: readonly Batch[];
  readonly commit: Index;
}

export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

export function invariant(holds: boolean, rule: string, detail: string): asserts holds {
  if (!holds) throw new InvariantViolation(`${rule}: ${detail}`);
}

const markAfter = (batch: Batch): LogMark => ({
  position: batch.end,
  lamport: batch.endLamport,
  nextId: batch.nextId,
});

export class LogicalLog {
  readonly #runs: EpochRun[];
  readonly #tail: Batch[];
  readonly #tailBytesMax: number;
  #tailFrom = 0; // Batches before it have left the tail; the array is compacted when they hold a quarter of the budget.
  #leftBytes = 0;
  #tailBytes = 0;
  #floor: LogMark;
  readonly #messageLamport: Lamport;
  #end: LogMark;
  #commit: LogMark;
  /** What is on this node's own disk may leave memory. */
  durable: Index;

  constructor(recovered: RecoveredLog, tailBytesMax: number) {
    this.#runs = [...recovered.runs];
    this.#tail = [...recovered.tail];
    this.#tailBytesMax = tailBytesMax;
    this.#floor = recovered.floor;
    this.#messageLamport = recovered.messageLamport;
    this.#end = this.#floor;
    this.#commit = this.#floor;
    for (const batch of this.#tail) {
      this.#tailBytes += batch.bytes.length;
      this.#end = markAfter(batch);
      if (batch.endIndex <= recovered.commit) this.#commit = this.#end;
    }
    this.durable = this.last.index;
    invariant(this.#commit.position.index === recovered.commit, 'A1', 'the recovered tail does not reach the commit');
  }

  get last(): Position {
    return this.#end.position;
  }
  get lastLamport(): Lamport {
    return this.#end.lamport;
  }
  get nextId(): number {
    return this.#end.nextId;
  }
  get commit(): Index {
    return this.#commit.position.index;
  }
  /** Lamport time of the committed end, barriers included: what a session token is measured against. */
  get commitLamport(): Lamport {
    return this.#commit.lamport;
  }
  get lastCommittedId(): number {
    return this.#commit.nextId - 1;
  }

  /** Of the newest committed message, when the log was recovered just now; 0 for none. */
  get lastCommittedMessageLamport(): Lamport {
    for (let i = this.#tailPlace(this.commit) - 1; i >= this.#tailFrom; i--) {
      const batch = this.#tail[i] as Batch;
      if (batch.type === 'data') return batch.endLamport;
    }
    return this.#messageLamport;
  }

  /** 0 before the first entry and behind the last. */
  epochAt(index: Index): Epoch {
    if (index < 1 || index > this.last.index) return 0;
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i] as EpochRun;
      if (run.firstIndex <= index) return run.epoch;
    }
    return 0;
  }

  /** The position of the entry at `index`, which the log has. */
  positionAt(index: Index): Position {
    return { epoch: this.epochAt(index), index };
  }

  holds(position: Position): boolean {
    return samePosition(position, start) || (position.epoch > 0 && this.epochAt(position.index) === position.epoch);
  }

  /**
   * The last entry with an epoch and an index at or below those of `position`: where the asker should look next for the
   * common prefix. Each answer is strictly below what the asker holds there, so that the search ends.
   */
  hintBelow(position: Position): Position {
    let end = this.last.index;
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const { epoch, firstIndex } = this.#runs[i] as EpochRun;
      if (epoch <= position.epoch && firstIndex <= position.index)
        return { epoch, index: Math.min(end, position.index) };
      end = firstIndex - 1;
    }
    return start;
  }

  append(batch: Batch): void {
    invariant(batch.baseIndex === this.last.index + 1, 'A3', `batch ${batch.baseIndex} behind ${this.last.index}`);
    invariant(batch.firstId === this.nextId, 'A3', `first id ${batch.firstId}, expected ${this.nextId}`);
    invariant(batch.epoch >= this.last.epoch, 'L2', `epoch ${batch.epoch} behind ${this.last.epoch}`);
    if (batch.epoch !== this.last.epoch) this.#runs.push({ epoch: batch.epoch, firstIndex: batch.baseIndex });
    this.#tail.push(batch);
    this.#tailBytes += batch.bytes.length;
    this.#end = markAfter(batch);
  }

  /** Drops everything behind `index`, which must be the end of a batch in the tail. */
  cutAfter(index: Index): void {
    invariant(
      index >= this.commit,
      'R7',
      `an order to replace entries behind ${index}, committed up to ${this.commit}`,
    );
    while (this.#tail.length > this.#tailFrom) {
      const batch = this.#tail[this.#tail.length - 1] as Batch;
      if (batch.endIndex <= index) break;
      invariant(batch.baseIndex > index, 'A3', `a cut at ${index} would split a batch`);
      this.#tail.pop();
      this.#tailBytes -= batch.bytes.length;
    }
    const newest = this.#tail[this.#tail.length - 1];
    this.#end = newest && this.#tail.length > this.#tailFrom ? markAfter(newest) : this.#floor;
    invariant(this.last.index === index, 'A1', `a cut at ${index}, the tail begins at ${this.last.index}`);
    while (this.#runs.length > 0 && (this.#runs[this.#runs.length - 1] as EpochRun).firstIndex > index)
      this.#runs.pop();
  }

  /** Moves the commit to `index`, the end of a batch; gives the batches that became committed. */
  commitTo(index: Index): readonly Batch[] {
    const from = this.#tailPlace(this.commit);
    const committed: Batch[] = [];
    for (let i = from; i < this.#tail.length; i++) {
      const batch = this.#tail[i] as Batch;
      if (batch.endIndex > index) break;
      committed.push(batch);
    }
    const newest = committed[committed.length - 1];
    invariant(newest?.endIndex === index, 'R8', `commit ${index} is not the end of a batch behind ${this.commit}`);
    this.#commit = markAfter(newest);
    this.#shrink();
    return committed;
  }

  /**
   * Whole batches behind `index`, the one that holds index + 1 first, about `maxBytes` but at least one; none at the
   * log's end; 'cold' when they have left the tail.
   */
  batchesAfter(index: Index, maxBytes: number): readonly Batch[] | 'cold' {
    if (index < this.#floor.position.index) return 'cold';
    const batches: Batch[] = [];
    let bytes = 0;
    for (let i = this.#tailPlace(index); i < this.#tail.length; i++) {
      const batch = this.#tail[i] as Batch;
      if (batches.length > 0 && bytes + batch.bytes.length > maxBytes) break;
      batches.push(batch);
      bytes += batch.bytes.length;
    }
    return batches;
  }

  /** The same by id, and only what is committed. */
  committedAfterId(id: number, maxBytes: number): readonly Batch[] | 'cold' {
    if (id >= this.lastCommittedId) return [];
    if (id + 1 < this.#floor.nextId) return 'cold';
    let low = this.#tailFrom;
    let high = this.#tail.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#tail[middle] as Batch).nextId > id + 1) high = middle;
      else low = middle + 1;
    }
    const batches: Batch[] = [];
    let bytes = 0;
    for (; low < this.#tail.length; low++) {
      const batch = this.#tail[low] as Batch;
      if (batch.endIndex > this.commit || (batches.length > 0 && bytes + batch.bytes.length > maxBytes)) break;
      batches.push(batch);
      bytes += batch.bytes.length;
    }
    return batches;
  }

  /** Place in the array of the batch that holds index + 1. */
  #tailPlace(index: Index): number {
    let low = this.#tailFrom;
    let high = this.#tail.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#tail[middle] as Batch).endIndex > index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #shrink(): void {
    while (this.#tailBytes > this.#tailBytesMax && this.#tailFrom < this.#tail.length) {
      const oldest = this.#tail[this.#tailFrom] as Batch;
      if (oldest.endIndex > this.commit || oldest.endIndex > this.durable) break;
      this.#tailBytes -= oldest.bytes.length;
      this.#leftBytes += oldest.bytes.length;
      this.#floor = markAfter(oldest);
      this.#tailFrom++;
    }
    if (this.#leftBytes * 4 > this.#tailBytesMax) {
      this.#tail.splice(0, this.#tailFrom);
      this.#tailFrom = 0;
      this.#leftBytes = 0;
    }
  }
}
