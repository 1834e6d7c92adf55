/**
 * Replays the frames of the files, in their order, into the logical log that they make up.
 *
 * A1. The tail holds every batch above the commit, and older ones as `tailBytesMax` allows.
 * A2. The commit is the highest that any frame named, and the end of a batch. Nothing at or below it is replaced (R7).
 */
import type { Batch } from '../protocol/batch.ts';
import type { Index, Lamport, Position } from '../protocol/epoch.ts';
import { type EpochRun, type LogMark, logStart, type RecoveredLog } from '../protocol/logicalLog.ts';
import type { Place } from '../protocol/record.ts';
import { Locations } from './locations.ts';

/** Who looks at every batch while the log is recovered. What is given is in the order of the files. */
export interface RecoveryReader {
  /**
   * A batch that stands at the log's end now; `previousLamport` is that of the entry before it. A view of a big block:
   * whoever keeps bytes of it copies them.
   */
  onBatch?(batch: Batch, previousLamport: Lamport): void;
  /** Everything reported behind `after` was replaced; what replaces it comes next. */
  onReplaced?(after: Index): void;
  /** Nothing up to here is replaced any more; batches up to here may yet come. */
  onCommit?(commit: Index): void;
}

const markAfter = (batch: Batch): LogMark => ({
  position: batch.end,
  lamport: batch.endLamport,
  nextId: batch.nextId,
});

export class Replay {
  readonly locations = new Locations();
  readonly #reader: RecoveryReader;
  readonly #tailBytesMax: number;
  readonly #runs: EpochRun[] = [];
  #tail: Batch[] = [];
  #tailFrom = 0;
  #tailBytes = 0;
  #floor: LogMark = logStart;
  /** Of the newest message before the tail. */
  #messageLamport: Lamport = 0;
  #end: LogMark = logStart;

  constructor(reader: RecoveryReader, tailBytesMax: number) {
    this.#reader = reader;
    this.#tailBytesMax = tailBytesMax;
  }

  get end(): LogMark {
    return this.#end;
  }

  /** Takes a frame's batch, or says why it cannot stand behind `previous`. */
  add(previous: Position, batch: Batch, place: Place): string | null {
    const { locations } = this;
    if (previous.index < locations.commit)
      return `replaces entries behind ${previous.index}, committed up to ${locations.commit}`;
    if (!locations.holds(previous))
      return `stands behind ${previous.index} of epoch ${previous.epoch}, which the log has not`;
    if (batch.baseIndex !== previous.index + 1) return `begins at ${batch.baseIndex}, behind ${previous.index}`;
    if (batch.epoch < previous.epoch) return `epoch ${batch.epoch} stands behind epoch ${previous.epoch}`;
    if (previous.index < this.#end.position.index) this.#cut(previous.index);
    if (batch.firstId !== this.#end.nextId) return `first id ${batch.firstId}, expected ${this.#end.nextId}`;
    locations.append(previous, batch, place);
    this.#reader.onBatch?.(batch, this.#end.lamport);
    if (batch.epoch !== previous.epoch) this.#runs.push({ epoch: batch.epoch, firstIndex: batch.baseIndex });
    this.#tail.push(batch);
    this.#tailBytes += batch.bytes.length;
    this.#end = markAfter(batch);
    return null;
  }

  commitTo(commit: Index): void {
    this.locations.commitTo(commit);
    this.#reader.onCommit?.(this.locations.commit);
    while (this.#tailBytes > this.#tailBytesMax && this.#tailFrom < this.#tail.length) {
      const oldest = this.#tail[this.#tailFrom] as Batch;
      if (oldest.endIndex > this.locations.commit) break;
      this.#tailBytes -= oldest.bytes.length;
      this.#floor = markAfter(oldest);
      if (oldest.type === 'data') this.#messageLamport = oldest.endLamport;
      this.#tailFrom++;
    }
    if (this.#tailFrom >= 1024 && this.#tailFrom * 2 > this.#tail.length) {
      this.#tail = this.#tail.slice(this.#tailFrom);
      this.#tailFrom = 0;
    }
  }

  finish(): RecoveredLog {
    const tail = this.#tail.slice(this.#tailFrom);
    let commit = this.#floor.position.index;
    for (const { endIndex } of tail) if (endIndex <= this.locations.commit) commit = endIndex;
    return { runs: this.#runs, floor: this.#floor, messageLamport: this.#messageLamport, tail, commit };
  }

  #cut(after: Index): void {
    this.#reader.onReplaced?.(after);
    while (this.#tail.length > this.#tailFrom) {
      const newest = this.#tail.at(-1) as Batch;
      if (newest.endIndex <= after) break;
      this.#tail.pop();
      this.#tailBytes -= newest.bytes.length;
    }
    this.#end = this.#tail.length > this.#tailFrom ? markAfter(this.#tail.at(-1) as Batch) : this.#floor;
    while (this.#runs.length > 0 && (this.#runs.at(-1) as EpochRun).firstIndex > after) this.#runs.pop();
  }
}
