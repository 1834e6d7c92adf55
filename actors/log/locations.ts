/**
 * Where in the segments the batches of the log lie. Bounded by what is uncommitted, plus 32 bytes for about 64 KiB of log,
 * plus one jump for every cut that ever was.
 *
 * A1. Of every live batch above the commit the exact place is known, so every place where the log may be cut is (R7).
 * A2. A mark names the place of a live batch. Live batches lie in the files in the order of the log, and what lies
 *     between two neighbours is dead: replaced by the later one.
 * A3. A reader that comes to the `from` of a jump goes on at its `to`: so it never sees a dead batch.
 */
import type { Batch } from '../protocol/batch.ts';
import { type Index, type Position, samePosition, start } from '../protocol/epoch.ts';
import { invariant } from '../protocol/logicalLog.ts';
import { isBefore, type Place } from '../protocol/record.ts';

const markEveryBytes = 64 * 1024;

export interface Jump {
  readonly from: Place;
  readonly to: Place;
}

interface Recent {
  /** The end of the batch before it. */
  readonly previous: Position;
  readonly place: Place;
}

/** Columns of a mark. `index` is the end of the batch before it, `id` the batch's first id. */
const columns = 4;
type Column = 0 | 1 | 2 | 3;
const index: Column = 0;
const id: Column = 1;
const segment: Column = 2;
const offset: Column = 3;

export class Locations {
  #marks = new Float64Array(64 * columns);
  #markCount = 0;
  /** Batches above the commit; those before `#recentFrom` are no longer. */
  readonly #recent: Recent[] = [];
  #recentFrom = 0;
  readonly #jumps: Jump[] = [];
  #last: Position = start;
  #commit: Index = 0;

  get last(): Position {
    return this.#last;
  }
  get commit(): Index {
    return this.#commit;
  }

  /** Whether a batch may stand behind `previous`: it is the end, or the end of a batch at or above the commit. */
  holds(previous: Position): boolean {
    return samePosition(previous, this.#last) || this.#recentPlace(previous) >= 0;
  }

  /** A durable batch at `place`, behind everything else in file order, replaces what is behind `previous`. */
  append(previous: Position, batch: Batch, place: Place): void {
    if (!samePosition(previous, this.#last)) this.#cut(previous, place);
    this.#recent.push({ previous, place });
    this.#last = batch.end;
    const newest = this.#markCount - 1;
    if (
      newest >= 0 &&
      this.#mark(newest, segment) === place.segment &&
      place.offset - this.#mark(newest, offset) < markEveryBytes
    ) {
      return;
    }
    this.#addMark(previous.index, batch.firstId, place);
  }

  commitTo(commit: Index): void {
    this.#commit = Math.max(this.#commit, Math.min(commit, this.#last.index));
    while (this.#recentFrom < this.#recent.length) {
      if ((this.#recent[this.#recentFrom] as Recent).previous.index >= this.#commit) break;
      this.#recentFrom++;
    }
    if (this.#recentFrom >= 1024 && this.#recentFrom * 2 > this.#recent.length) {
      this.#recent.splice(0, this.#recentFrom);
      this.#recentFrom = 0;
    }
  }

  /** Where to begin to read for the batch that holds `after + 1`: at it, or less than a mark's distance before it. */
  placeFor(after: Index): Place | null {
    const mark = this.#newestMark(index, after);
    return mark < 0 ? null : { segment: this.#mark(mark, segment), offset: this.#mark(mark, offset) };
  }

  /** An index behind which, not far, the batch with the message `messageId` comes. */
  indexFor(messageId: number): Index {
    const mark = this.#newestMark(id, messageId);
    return mark < 0 ? 0 : this.#mark(mark, index);
  }

  /** The first jump at or behind `place`. A3. */
  jumpFrom(place: Place): Jump | null {
    let low = 0;
    let high = this.#jumps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore((this.#jumps[middle] as Jump).from, place)) low = middle + 1;
      else high = middle;
    }
    return this.#jumps[low] ?? null;
  }

  #cut(previous: Position, to: Place): void {
    invariant(previous.index >= this.#commit, 'R7', `a cut behind ${previous.index}, committed up to ${this.#commit}`);
    const at = this.#recentPlace(previous);
    invariant(at >= 0, 'A1', `no batch ends at ${previous.index} in epoch ${previous.epoch}`);
    const { place: from } = this.#recent[at] as Recent;
    this.#recent.length = at;
    while (this.#markCount > 0 && this.#mark(this.#markCount - 1, index) >= previous.index) this.#markCount--;
    for (let last = this.#jumps.at(-1); last && !isBefore(last.from, from); last = this.#jumps.at(-1))
      this.#jumps.pop();
    this.#jumps.push({ from, to });
  }

  /** Where in `#recent` the batch stands that follows `previous`; -1 when none does. */
  #recentPlace(previous: Position): number {
    let low = this.#recentFrom;
    let high = this.#recent.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#recent[middle] as Recent).previous.index < previous.index) low = middle + 1;
      else high = middle;
    }
    const found = this.#recent[low];
    return found && samePosition(found.previous, previous) ? low : -1;
  }

  #mark(mark: number, column: Column): number {
    return this.#marks[mark * columns + column] as number;
  }

  #addMark(before: Index, firstId: number, place: Place): void {
    const at = this.#markCount * columns;
    if (at === this.#marks.length) {
      const grown = new Float64Array(at * 2);
      grown.set(this.#marks);
      this.#marks = grown;
    }
    this.#marks.set([before, firstId, place.segment, place.offset], at);
    this.#markCount++;
  }

  /** The newest mark whose value in this column, which rises along the log, is at most `value`. */
  #newestMark(column: Column, value: number): number {
    let low = 0;
    let high = this.#markCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#mark(middle, column) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
