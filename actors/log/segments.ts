/**
 * SegmentedLog: the log's batches in segment files, written in groups, read in blocks (R-D1, R-D3).
 *
 *   new > recover --clean, torn--> open
 *                 --damaged--> [the caller makes `damaged` durable] > quarantine > open
 *
 * It knows where bytes lie; what they mean to the protocol, and the newest batches themselves, are the LogicalLog's. The
 * logical log may be ahead of this one by what is being written.
 *
 * A1. One write or mark at a time; the next only after the last has called back. A write is one DiskFile.write, or one
 *     for each segment when the group does not fit into the current one (then each has a write number of its own).
 * A2. 'full' means that nothing was written and nothing has changed: the same call may be made again. 'failed' is for
 *     ever (R-D2): the process must end.
 * A3. A segment is made, pre-zeroed, when the one before it is half full; so a roll waits for it only when the disk is
 *     slower than the writes. It needs no room on the disk later: a full disk stops writes here and nowhere else.
 * A4. Segments are never reused. A frame replaces what stands behind `previous`, never at or below the commit (R7).
 * A5. A read gives only whole, live, checked batches, the first one with `after + 1`, the others following it without gap.
 */
import type { Disk, DiskError, DiskFile, DiskOutcome } from '../ports.ts';
import type { Batch } from '../protocol/batch.ts';
import { type Index, type Lamport, type Position, samePosition, start } from '../protocol/epoch.ts';
import { invariant, type LogMark, logStart, type RecoveredLog } from '../protocol/logicalLog.ts';
import {
  encodeFrameHeader,
  encodeSegmentHeader,
  frameBytes,
  frameHeaderBytes,
  type Place,
  segmentHeaderBytes,
} from '../protocol/record.ts';
import { Locations } from './locations.ts';
import { type ReadOutcome, SegmentReader } from './reader.ts';
import { Recovery, type Verdict, type WriterState } from './recovery.ts';
import { type RecoveryReader, Replay } from './replay.ts';
import { segmentName } from './segmentFiles.ts';

export type { ReadOutcome } from './reader.ts';
export type { Verdict } from './recovery.ts';
export type { RecoveryReader } from './replay.ts';

export interface SegmentedLogOptions {
  /** Size of a segment's file. Must hold the biggest group that is ever written: see `maxGroupBytes`. */
  readonly segmentBytes: number;
  /** How many bytes of committed batches recovery hands over, beside all the uncommitted ones. */
  readonly cacheBytes: number;
}
export const defaultSegments: SegmentedLogOptions = { segmentBytes: 32 * 1024 * 1024, cacheBytes: 8 * 1024 * 1024 };

/** A batch, and the position that it follows: everything behind that is replaced. */
export interface LogItem {
  readonly previous: Position;
  readonly batch: Batch;
}

export interface Recovered {
  readonly kind: 'recovered';
  /** After 'damaged' the log is what stands before the damage; `quarantine` must be called before anything else. */
  readonly verdict: Verdict;
  /** For `new LogicalLog`. */
  readonly log: RecoveredLog;
  readonly last: Position;
  readonly lastLamport: Lamport;
  readonly nextId: number;
  readonly commit: Index;
  /**
   * There was no segment at all. With an identity that is bound to a cluster this is a lost log, not a new one: segments
   * are made before a node is bound. The caller must treat it as damage (so does `--memory` after a restart).
   */
  readonly fresh: boolean;
}
export type RecoverOutcome = Recovered | { readonly kind: 'failed'; readonly error: DiskError };
export type WriteOutcome = { readonly kind: 'written' } | Trouble;
export type Trouble = { readonly kind: 'full' | 'failed'; readonly error: DiskError };

/** Batches below this are copied together: one big part is cheaper to write than many small ones. */
const copyBelowBytes = 16 * 1024;

interface Group {
  readonly parts: readonly Uint8Array[];
  readonly places: readonly Place[];
  readonly bytes: number;
  readonly chain: number;
}

export class SegmentedLog {
  readonly #disk: Disk;
  readonly #options: SegmentedLogOptions;
  readonly #reader: SegmentReader;
  #recovery: Recovery | null = null;
  #damage: (Verdict & { readonly kind: 'damaged' }) | null = null;
  #locations = new Locations();
  #end: LogMark = logStart;
  #state: 'new' | 'recovering' | 'open' | 'failed' = 'new';
  #writing = false;

  #segment = 0;
  #file: DiskFile | null = null;
  #fileEnd = 0;
  /** By number - 1: where the frames of each segment end. */
  #ends: number[] = [];
  #bytesBefore = 0;
  #chain = 0;
  #write = 0;
  #next: DiskFile | null = null;
  #preparing = false;
  #preparedFor = 0;
  #whenPrepared: ((outcome: WriteOutcome) => void) | null = null;

  constructor(disk: Disk, options: Partial<SegmentedLogOptions> = {}) {
    this.#disk = disk;
    this.#options = { ...defaultSegments, ...options };
    this.#reader = new SegmentReader(disk);
  }

  /** The durable end. */
  get last(): Position {
    return this.#locations.last;
  }
  /** Bytes in use in all segments. */
  get bytes(): number {
    return this.#bytesBefore + this.#fileEnd;
  }
  get segments(): number {
    return this.#segment;
  }
  /** What one `write` may take on disk at most: the sum of `frameBytes(batch.bytes.length)`. */
  get maxGroupBytes(): number {
    return this.#options.segmentBytes - segmentHeaderBytes;
  }

  // --------------------------------------------------------------------------------------------------- recovering

  /** Reads the whole log. Once, first. A full disk matters only when there is no segment yet: then it is 'failed'. */
  recover(reader: RecoveryReader, done: (outcome: RecoverOutcome) => void): void {
    invariant(this.#state === 'new', 'A1', `recover while ${this.#state}`);
    this.#state = 'recovering';
    const replay = new Replay(reader, this.#options.cacheBytes);
    const recovery = new Recovery(this.#disk, this.#options.segmentBytes, replay);
    this.#recovery = recovery;
    recovery.run((outcome) => {
      if (outcome.kind === 'failed') {
        this.#state = 'failed';
        return done(outcome);
      }
      this.#locations = replay.locations;
      this.#end = replay.end;
      if (outcome.kind === 'damaged') this.#damage = outcome.verdict;
      else this.#open(outcome.writer);
      const { position: last, lamport: lastLamport, nextId } = replay.end;
      const log = replay.finish();
      const fresh = outcome.kind === 'open' && outcome.fresh;
      done({ kind: 'recovered', verdict: outcome.verdict, log, last, lastLamport, nextId, commit: log.commit, fresh });
    });
  }

  /** After the verdict 'damaged', and only once `damaged` is durable: puts the damaged part aside, never deletes it. */
  quarantine(done: (outcome: WriteOutcome) => void): void {
    invariant(this.#damage !== null && this.#recovery !== null, 'A1', 'quarantine without damage');
    this.#recovery.quarantine(this.#damage, (outcome) => {
      if (outcome.kind === 'open') {
        this.#damage = null;
        this.#open(outcome.writer);
        return done({ kind: 'written' });
      }
      this.#state = 'failed';
      const message = 'the log is still damaged after the quarantine';
      done({ kind: 'failed', error: outcome.kind === 'failed' ? outcome.error : { kind: 'failed', message } });
    });
  }

  #open(writer: WriterState): void {
    this.#segment = writer.segment;
    this.#file = writer.file;
    this.#fileEnd = writer.end;
    this.#ends = writer.ends;
    this.#bytesBefore = writer.ends.reduce((sum, end) => sum + end, -writer.end);
    this.#chain = writer.chain;
    this.#write = writer.write;
    this.#next = writer.next;
    this.#recovery = null;
    this.#state = 'open';
    this.#prepareEarly();
  }

  // ------------------------------------------------------------------------------------------------------ writing

  /** Appends a group; durable, all of it, when it reports 'written'. `commit` is this node's own, for its next start. */
  write(items: readonly LogItem[], commit: Index, done: (outcome: WriteOutcome) => void): void {
    invariant(items.length > 0, 'A1', 'an empty group');
    this.#begin(items, commit, done);
  }

  /** A frame without a batch that carries the newest commit: when there is nothing to write it with. */
  mark(commit: Index, done: (outcome: WriteOutcome) => void): void {
    this.#begin([], commit, done);
  }

  #begin(items: readonly LogItem[], commit: Index, done: (outcome: WriteOutcome) => void): void {
    invariant(
      this.#state === 'open' && !this.#writing,
      'A1',
      `a write while ${this.#writing ? 'writing' : this.#state}`,
    );
    let bytes = items.length > 0 ? 0 : frameBytes(0);
    let end = this.#locations.last;
    for (const { previous, batch } of items) {
      // A4. Also a batch of the same group may be replaced; that it stands there, `append` asserts.
      invariant(previous.index >= this.#locations.commit, 'R7', `an order to replace entries behind ${previous.index}`);
      const follows = samePosition(previous, end) || previous.index < end.index;
      invariant(
        follows && batch.baseIndex === previous.index + 1,
        'A4',
        `a batch ${batch.baseIndex} behind ${end.index}`,
      );
      bytes += frameBytes(batch.bytes.length);
      end = batch.end;
    }
    invariant(bytes <= this.maxGroupBytes, 'A1', `a group of ${bytes} bytes, at most ${this.maxGroupBytes} fit`);
    this.#writing = true;
    const finish = (outcome: WriteOutcome): void => {
      this.#writing = false;
      if (outcome.kind === 'failed') this.#state = 'failed';
      done(outcome);
    };
    if (this.#start() + bytes <= this.#currentFile().bytes) {
      this.#put(items, 0, commit, finish);
      return;
    }
    this.#prepare((outcome) => (outcome.kind === 'written' ? this.#put(items, 0, commit, finish) : finish(outcome)));
  }

  #currentFile(): DiskFile {
    invariant(this.#file !== null, 'A1', 'no segment is open');
    return this.#file;
  }

  /** Where the next frame lies. */
  #start(): number {
    return this.#fileEnd === 0 ? segmentHeaderBytes : this.#fileEnd;
  }

  /** Writes the items from `from` on: into this segment what fits, the rest into the next, which is ready then. */
  #put(items: readonly LogItem[], from: number, commit: Index, done: (outcome: WriteOutcome) => void): void {
    const file = this.#currentFile();
    const isMark = items.length === 0;
    let end = this.#start();
    let to = from;
    if (isMark) end += frameBytes(0);
    for (; to < items.length; to++) {
      const after = end + frameBytes((items[to] as LogItem).batch.bytes.length);
      if (after > file.bytes) break;
      end = after;
    }
    if (end > file.bytes || (!isMark && to === from)) {
      this.#prepare((outcome) => {
        if (outcome.kind !== 'written') {
          done(from === 0 ? outcome : { kind: 'failed', error: outcome.error });
          return;
        }
        this.#roll();
        this.#put(items, from, commit, done);
      });
      return;
    }
    const group = this.#encode(isMark ? [null] : items.slice(from, to), commit);
    file.write(this.#fileEnd, group.parts, (outcome) => {
      if (!outcome.ok) {
        // Half a group is durable already: not "nothing has changed" (A2).
        const kind = outcome.error.kind === 'full' && from === 0 ? 'full' : 'failed';
        done({ kind, error: outcome.error });
        return;
      }
      this.#write++;
      this.#chain = group.chain;
      this.#fileEnd += group.bytes;
      this.#ends[this.#segment - 1] = this.#fileEnd;
      for (let i = from; i < to; i++) {
        const { previous, batch } = items[i] as LogItem;
        if (previous.index !== this.#end.position.index) this.#reader.forget();
        this.#locations.append(previous, batch, group.places[i - from] as Place);
        this.#end = { position: batch.end, lamport: batch.endLamport, nextId: batch.nextId };
      }
      this.#locations.commitTo(commit);
      if (to < items.length) return this.#put(items, to, commit, done);
      this.#prepareEarly();
      done({ kind: 'written' });
    });
  }

  /** One write: the segment's header when it is the first one there, then the frames. */
  #encode(items: readonly (LogItem | null)[], commit: Index): Group {
    const segment = this.#segment;
    const writeStart = this.#fileEnd;
    const write = this.#write + 1;
    const parts: Uint8Array[] = [];
    const places: Place[] = [];
    let chain = this.#chain;
    let offset = writeStart;
    if (writeStart === 0) {
      parts.push(encodeSegmentHeader({ number: segment, firstWrite: write, previousCrc: chain, begin: this.#end }));
      offset = segmentHeaderBytes;
    }
    let scratchBytes = 0;
    for (const item of items) {
      const length = item?.batch.bytes.length ?? 0;
      scratchBytes += length < copyBelowBytes ? frameBytes(length) : frameBytes(length) - length;
    }
    const scratch = Buffer.allocUnsafe(scratchBytes);
    let taken = 0; // Of the scratch, into parts.
    let at = 0;
    for (const item of items) {
      const batch = item?.batch ?? null;
      const length = batch?.bytes.length ?? 0;
      const place = { segment, offset };
      const fields = { previousCrc: chain, write, writeStart, previous: item?.previous ?? start, commit };
      chain = encodeFrameHeader(scratch, at, place, fields, batch);
      at += frameHeaderBytes;
      if (batch && length < copyBelowBytes) {
        scratch.set(batch.bytes, at);
        at += length;
      } else if (batch) {
        parts.push(scratch.subarray(taken, at), batch.bytes);
        taken = at;
      }
      const padding = frameBytes(length) - frameHeaderBytes - length;
      scratch.fill(0, at, at + padding);
      at += padding;
      places.push(place);
      offset += frameBytes(length);
    }
    if (at > taken) parts.push(scratch.subarray(taken, at));
    return { parts, places, bytes: offset - writeStart, chain };
  }

  // ----------------------------------------------------------------------------------------------------- segments

  #roll(): void {
    const next = this.#next;
    invariant(
      next !== null && this.#fileEnd > 0,
      'A3',
      'a roll without a prepared segment, or a frame that fits in none',
    );
    this.#currentFile().close();
    this.#bytesBefore += this.#fileEnd;
    this.#segment++;
    this.#file = next;
    this.#fileEnd = 0;
    this.#next = null;
  }

  /** A3. Once for every segment: a disk that is full then is asked again when there is need. */
  #prepareEarly(): void {
    const half = this.#currentFile().bytes / 2;
    if (this.#next === null && !this.#preparing && this.#preparedFor !== this.#segment && this.#fileEnd >= half) {
      this.#preparedFor = this.#segment;
      this.#create();
    }
  }

  /** Calls back when the next segment is there. */
  #prepare(done: (outcome: WriteOutcome) => void): void {
    if (this.#next) {
      done({ kind: 'written' });
      return;
    }
    this.#whenPrepared = done;
    if (!this.#preparing) this.#create();
  }

  #create(): void {
    this.#preparing = true;
    const name = segmentName(this.#segment + 1);
    const finish = (outcome: DiskOutcome<DiskFile>): void => {
      this.#preparing = false;
      const waiting = this.#whenPrepared;
      this.#whenPrepared = null;
      if (outcome.ok) {
        this.#next = outcome.value;
        waiting?.({ kind: 'written' });
        return;
      }
      waiting?.({ kind: outcome.error.kind === 'full' ? 'full' : 'failed', error: outcome.error });
    };
    this.#disk.create(name, this.#options.segmentBytes, (outcome) => {
      // Recovery leaves none but blank segments behind the one that it opens.
      if (!outcome.ok && outcome.error.kind === 'exists') this.#disk.open(name, finish);
      else finish(outcome);
    });
  }

  // ------------------------------------------------------------------------------------------------------ reading

  /**
   * Committed batches from the disk, about `maxBytes`, at least one, the first holding `after + 1`; none at the log's end.
   * What is newer than the commit is the LogicalLog's to give. Calls back at once when there is nothing to read.
   */
  read(after: Index, maxBytes: number, done: (outcome: ReadOutcome) => void): void {
    this.#reader.read({ locations: this.#locations, ends: this.#ends, after, maxBytes, done });
  }

  /** An index to read after, so that the batch with this message is among the first 64 KiB that come. */
  locateId(id: number): Index {
    return this.#locations.indexFor(id);
  }
}
