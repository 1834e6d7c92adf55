/**
 * Reads the segments when a node starts, and judges what it finds (R-D3).
 *
 *   list > enter segment > frames ... > end of segment --next one chains--> enter segment
 *                                            `--else--> judge > clean or torn: settle > done
 *                                                             > damaged: done; later quarantine > settle
 *
 * A1. The bad place is the first where no frame chains. It is damage iff something was written after it had been fsynced:
 *     a valid frame behind it whose write began behind it (record.ts A5), or any valid record in a later segment. Else it
 *     is a torn tail: a power cut keeps any subset of the sectors of the one write in flight, and that proves nothing.
 * A2. Damage: nothing is changed until `quarantine` is called. That copies or renames before it cuts, and cuts last: a
 *     crash in the middle leaves damage, or a log that ends where it was cut.
 * A3. Torn: everything behind the cut becomes zeros, so that stale frames never lie behind frames of later writes. A crash
 *     in the middle leaves a torn tail again: zeroing makes no frame valid.
 * A4. Before the log is opened its last write is written once more and fsynced: after kill -9 it may be in the page cache
 *     only, and after a failed fsync (R-D2) Linux forgets that it never reached the disk. Earlier writes were fsynced
 *     before the last one began.
 * A5. Memory does not grow with the log: one block is held at a time, and of the log its newest part (replay.ts).
 */
import type { Disk, DiskCallback, DiskError, DiskFile } from '../ports.ts';
import {
  decodeFrameBatch,
  decodeFrameHeader,
  decodeSegmentHeader,
  findFrames,
  frameHeaderBytes,
  type Place,
  segmentHeaderBytes,
} from '../protocol/record.ts';
import type { Replay } from './replay.ts';
import { copyFile, endOfData, freeQuarantine, segmentName, segmentsAmong, zeroParts } from './segmentFiles.ts';

const blockBytes = 2 * 1024 * 1024;

export type Verdict =
  | { readonly kind: 'clean' }
  | { readonly kind: 'torn'; readonly at: Place }
  | { readonly kind: 'damaged'; readonly at: Place; readonly why: string };

/** Where the writer goes on. */
export interface WriterState {
  readonly segment: number;
  readonly file: DiskFile;
  /** Where the next write begins; 0 when the segment is blank. */
  readonly end: number;
  /** The next segment, when it is there already. */
  readonly next: DiskFile | null;
  /** End of every segment, by number - 1. */
  readonly ends: number[];
  readonly chain: number;
  /** The highest write number ever found. */
  readonly write: number;
}

export type ScanOutcome =
  | { readonly kind: 'open'; readonly verdict: Verdict; readonly writer: WriterState; readonly fresh: boolean }
  | { readonly kind: 'damaged'; readonly verdict: Verdict & { readonly kind: 'damaged' } }
  | { readonly kind: 'failed'; readonly error: DiskError };

interface Block {
  readonly bytes: Buffer;
  /** Offset of its first byte in the file. */
  readonly start: number;
}

export class Recovery {
  readonly #disk: Disk;
  readonly #segmentBytes: number;
  readonly #replay: Replay;
  #done: (outcome: ScanOutcome) => void = () => {};
  #names: readonly string[] = [];
  #segments: number[] = [];
  readonly #files = new Map<number, DiskFile>();
  readonly #ends: number[] = [];
  #chain = 0;
  /** Where the write of the newest good frame began. */
  #writeStart: Place = { segment: 1, offset: 0 };
  #highestWrite = 0;
  #fresh = false;

  constructor(disk: Disk, segmentBytes: number, replay: Replay) {
    this.#disk = disk;
    this.#segmentBytes = segmentBytes;
    this.#replay = replay;
  }

  /** Reads and judges everything. */
  run(done: (outcome: ScanOutcome) => void): void {
    this.#done = done;
    this.#disk.list(
      this.#or((names) => {
        this.#names = names;
        this.#segments = segmentsAmong(names);
        this.#fresh = this.#segments.length === 0;
        if (this.#fresh) return this.#settle(1, 0, { kind: 'clean' });
        if (!this.#exists(1)) return this.#damaged({ segment: 1, offset: 0 }, 'the first segment is missing');
        this.#enter(1);
      }),
    );
  }

  // ------------------------------------------------------------------------------------------------------ reading

  #enter(segment: number): void {
    this.#read(segment, 0, blockBytes, (block) => {
      const header = decodeSegmentHeader(block.bytes, segment);
      if (header === 'unsupported') return this.#unsupported({ segment, offset: 0 });
      const before: Place = { segment: segment - 1, offset: this.#ends[segment - 2] ?? 0 };
      if (header === 'malformed') return segment === 1 ? this.#judge({ segment: 1, offset: 0 }) : this.#judge(before);
      if (header.previousCrc !== this.#chain || header.begin.position.index !== this.#replay.end.position.index) {
        return segment === 1
          ? this.#damaged({ segment, offset: 0 }, 'the log does not begin with it')
          : this.#damaged(before, `segment ${segment} does not continue it`);
      }
      this.#close(segment - 2);
      this.#writeStart = { segment, offset: 0 };
      this.#frames(segment, segmentHeaderBytes, block);
    });
  }

  /** Takes frame after frame, from `from` on. */
  #frames(segment: number, from: number, block: Block): void {
    const fileBytes = this.#fileOf(segment).bytes;
    for (let offset = from; ; ) {
      const at = offset - block.start;
      const left = block.bytes.length - at;
      const more = block.start + block.bytes.length < fileBytes;
      if (left < frameHeaderBytes && more) {
        this.#framesFrom(segment, offset, blockBytes);
        return;
      }
      const place = { segment, offset };
      const header = decodeFrameHeader(block.bytes, at, place);
      if (header === 'unsupported') {
        this.#unsupported(place);
        return;
      }
      if (header === 'malformed' || header.previousCrc !== this.#chain) {
        this.#endOfFrames(place);
        return;
      }
      if (header.bytes > left) {
        if (offset + header.bytes > fileBytes) this.#endOfFrames(place);
        else this.#framesFrom(segment, offset, Math.max(blockBytes, header.bytes));
        return;
      }
      const batch = decodeFrameBatch(block.bytes, at, header);
      if (batch === 'unsupported') {
        this.#unsupported(place);
        return;
      }
      if (batch === 'malformed') {
        this.#endOfFrames(place);
        return;
      }
      const why = batch && this.#replay.add(header.previous, batch, place);
      if (why) {
        this.#damaged(place, why);
        return;
      }
      this.#replay.commitTo(header.commit);
      this.#chain = header.crc;
      this.#highestWrite = Math.max(this.#highestWrite, header.write);
      this.#writeStart = { segment, offset: header.writeStart };
      offset += header.bytes;
    }
  }

  #framesFrom(segment: number, offset: number, bytes: number): void {
    this.#read(segment, offset, bytes, (block) => this.#frames(segment, offset, block));
  }

  #endOfFrames(place: Place): void {
    this.#ends[place.segment - 1] = place.offset;
    if (this.#exists(place.segment + 1)) {
      this.#enter(place.segment + 1);
      return;
    }
    this.#judge(place);
  }

  // ------------------------------------------------------------------------------------------------------ judging

  /** A1. No frame chains at `bad`, nor does the segment behind it. */
  #judge(bad: Place): void {
    this.#dataBehind(bad, (data) => {
      for (const frame of findFrames(data, bad)) {
        this.#highestWrite = Math.max(this.#highestWrite, frame.write);
        if (frame.writeStart > bad.offset) return this.#damaged(bad, `write ${frame.write} came behind it`);
      }
      this.#evidence(bad.segment + 1, false, (isProof, hasData) => {
        if (isProof && data.length > 0) return this.#damaged(bad, 'a later segment was written');
        if (isProof) return this.#judgeNext(bad);
        const missing = this.#missing();
        if (missing) return this.#damaged(bad, `segment ${missing} is missing`);
        const torn = data.length > 0 || hasData;
        this.#settle(bad.segment, bad.offset, torn ? { kind: 'torn', at: bad } : { kind: 'clean' });
      });
    });
  }

  /**
   * Only zeros at `bad`, as at the end of a segment, but the next one begins badly: its first write was torn, or it was
   * damaged. Unless its first frame follows one that is not here: then there was more before the zeros.
   */
  #judgeNext(bad: Place): void {
    const next = { segment: bad.segment + 1, offset: 0 };
    this.#dataBehind(next, (data) => {
      const first = decodeFrameHeader(data, segmentHeaderBytes, { ...next, offset: segmentHeaderBytes });
      const followsOther = typeof first === 'object' && first.previousCrc !== this.#chain;
      if (followsOther) this.#damaged(bad, 'the next segment continues what is not there');
      else this.#judge(next);
    });
  }

  /** Whether any segment from this one on holds a valid record, or anything but zeros. */
  #evidence(segment: number, hadData: boolean, then: (isProof: boolean, hasData: boolean) => void): void {
    if (!this.#exists(segment)) {
      then(false, hadData);
      return;
    }
    this.#dataBehind({ segment, offset: 0 }, (data) => {
      let isProof = decodeSegmentHeader(data, segment) !== 'malformed';
      for (const frame of findFrames(data, { segment, offset: 0 })) {
        this.#highestWrite = Math.max(this.#highestWrite, frame.write);
        isProof = true;
      }
      if (isProof) then(true, true);
      else this.#evidence(segment + 1, hadData || data.length > 0, then);
    });
  }

  /** The file from `place` to its end; empty when it is all zeros. */
  #dataBehind(place: Place, then: (data: Buffer) => void): void {
    this.#open(place.segment, (file) => {
      endOfData(
        file,
        place.offset,
        this.#or((end) => {
          if (end === place.offset) then(Buffer.alloc(0));
          else this.#read(place.segment, place.offset, file.bytes - place.offset, (block) => then(block.bytes));
        }),
      );
    });
  }

  // ----------------------------------------------------------------------------------------------------- settling

  /** The log ends at `end` of this segment: makes that durable (A3, A4) and hands over. */
  #settle(segment: number, end: number, verdict: Verdict): void {
    this.#ends[segment - 1] = end;
    this.#ends.length = segment;
    if (!this.#exists(segment)) {
      this.#create(segment, () => this.#settle(segment, end, verdict));
      return;
    }
    this.#blank(segment + 1, () => {
      this.#open(segment, (file) => {
        const start = this.#writeStart.segment === segment ? Math.min(this.#writeStart.offset, end) : end;
        this.#read(segment, start, end - start, ({ bytes: lastWrite }) => {
          endOfData(
            file,
            end,
            this.#or((dataEnd) => {
              file.write(
                start,
                [lastWrite, ...zeroParts(dataEnd - end)],
                this.#or(() => this.#handOver(segment, end, verdict)),
              );
            }),
          );
        });
      });
    });
  }

  #handOver(segment: number, end: number, verdict: Verdict): void {
    const file = this.#fileOf(segment);
    const next = this.#files.get(segment + 1) ?? null;
    for (const [number, other] of this.#files) if (number !== segment && number !== segment + 1) other.close();
    this.#done({
      kind: 'open',
      verdict,
      fresh: this.#fresh,
      writer: { segment, file, end, next, ends: this.#ends, chain: this.#chain, write: this.#highestWrite },
    });
  }

  /** Makes every segment from this one on all zeros. */
  #blank(segment: number, then: () => void): void {
    if (!this.#exists(segment)) {
      then();
      return;
    }
    this.#open(segment, (file) => {
      endOfData(
        file,
        0,
        this.#or((end) => {
          if (end === 0) return this.#blank(segment + 1, then);
          file.write(
            0,
            zeroParts(end),
            this.#or(() => this.#blank(segment + 1, then)),
          );
        }),
      );
    });
  }

  // --------------------------------------------------------------------------------------------------- quarantine

  #damaged(at: Place, why: string): void {
    this.#done({ kind: 'damaged', verdict: { kind: 'damaged', at, why } });
  }

  /** Puts the damaged part aside, and ends the log before it (A2). */
  quarantine(verdict: Verdict & { readonly kind: 'damaged' }, done: (outcome: ScanOutcome) => void): void {
    this.#done = done;
    const { segment, offset } = verdict.at;
    const aside = freeQuarantine(this.#names);
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
    const keepsPart = offset > 0;
    const isMoved = (number: number): boolean => number > segment || (number === segment && !keepsPart);
    const before = { segment: Math.max(1, segment - 1), offset: this.#ends[segment - 2] ?? 0 };
    const end = keepsPart ? verdict.at : before;
    const moved = this.#segments.filter(isMoved);
    const moveNext = (): void => {
      const number = moved.shift();
      if (number === undefined) {
        this.#segments = this.#segments.filter((kept) => !isMoved(kept));
        this.#settle(end.segment, end.offset, verdict);
      } else {
        this.#disk.rename(segmentName(number), aside + segmentName(number), this.#or(moveNext));
      }
    };
    if (keepsPart) {
      this.#open(segment, (file) => copyFile(this.#disk, file, aside + segmentName(segment), this.#or(moveNext)));
    } else moveNext();
  }

  // -------------------------------------------------------------------------------------------------------- files

  #exists(segment: number): boolean {
    return this.#segments.includes(segment);
  }

  /** The first segment that is not there although a later one is; 0 when there is none. */
  #missing(): number {
    const gap = this.#segments.findIndex((segment, i) => segment !== i + 1);
    return gap + 1;
  }

  #create(segment: number, then: () => void): void {
    this.#disk.create(
      segmentName(segment),
      this.#segmentBytes,
      this.#or((file) => {
        this.#files.set(segment, file);
        this.#segments.push(segment);
        then();
      }),
    );
  }

  #fileOf(segment: number): DiskFile {
    return this.#files.get(segment) as DiskFile;
  }

  #open(segment: number, then: (file: DiskFile) => void): void {
    const file = this.#files.get(segment);
    if (file) {
      then(file);
      return;
    }
    this.#disk.open(
      segmentName(segment),
      this.#or((opened) => {
        this.#files.set(segment, opened);
        then(opened);
      }),
    );
  }

  #close(segment: number): void {
    this.#files.get(segment)?.close();
    this.#files.delete(segment);
  }

  #read(segment: number, offset: number, bytes: number, then: (block: Block) => void): void {
    this.#open(segment, (file) => {
      file.read(
        offset,
        Math.min(bytes, file.bytes - offset),
        this.#or((block) => then({ bytes: block, start: offset })),
      );
    });
  }

  #unsupported({ segment, offset }: Place): void {
    const message = `${segmentName(segment)} at ${offset} was written by a newer version of this program`;
    this.#done({ kind: 'failed', error: { kind: 'failed', message } });
  }

  /** Goes on with the value; an error ends the recovery. */
  #or<T>(then: (value: T) => void): DiskCallback<T> {
    return (outcome) => (outcome.ok ? then(outcome.value) : this.#done({ kind: 'failed', error: outcome.error }));
  }
}
