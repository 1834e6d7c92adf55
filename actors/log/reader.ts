/**
 * Reads batches from the segments in big blocks, never frame by frame.
 *
 * A1. Gives only what is durable, live and whole. Every checksum is checked, and that the batches follow one another: what
 *     does not is 'damaged', never left out in silence.
 * A2. A reader that goes on where it stopped does not search again: the places behind the last reads are remembered.
 */
import type { Disk, DiskCallback, DiskError, DiskFile } from '../ports.ts';
import type { Batch } from '../protocol/batch.ts';
import type { Index } from '../protocol/epoch.ts';
import {
  decodeFrameBatch,
  decodeFrameHeader,
  frameHeaderBytes,
  isBefore,
  type Place,
  samePlace,
  segmentHeaderBytes,
} from '../protocol/record.ts';
import type { Jump, Locations } from './locations.ts';
import { segmentName } from './segmentFiles.ts';

/** What is read at once: the asked bytes and what lies between a mark and them, within these. */
const blockBytesMin = 64 * 1024;
const blockBytesMax = 2 * 1024 * 1024;
/** Readers that catch up at the same time: as many peers, and some tails. */
const rememberedPlaces = 32;
const openFiles = 8;

export type ReadOutcome =
  | { readonly kind: 'batches'; readonly batches: readonly Batch[] }
  | { readonly kind: 'damaged'; readonly at: Place; readonly why: string }
  | { readonly kind: 'failed'; readonly error: DiskError };

export interface ReadRequest {
  readonly locations: Locations;
  /** Where the frames of each segment end, by number - 1. */
  readonly ends: readonly number[];
  readonly after: Index;
  readonly maxBytes: number;
  readonly done: (outcome: ReadOutcome) => void;
}

/** One read under way. */
interface Walk extends ReadRequest {
  readonly batches: Batch[];
  bytes: number;
  /** The end of the newest batch found, or `after`. */
  upTo: Index;
  place: Place;
  jump: Jump | null;
}

export class SegmentReader {
  readonly #disk: Disk;
  /** Least recently used first. */
  readonly #files = new Map<number, DiskFile>();
  readonly #places = new Map<Index, Place>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  read(request: ReadRequest): void {
    const { after, locations, done } = request;
    const place = this.#places.get(after) ?? locations.placeFor(after);
    if (!place || after >= locations.last.index) {
      done({ kind: 'batches', batches: [] });
      return;
    }
    this.#places.delete(after);
    this.#go({ ...request, batches: [], bytes: 0, upTo: after, place, jump: locations.jumpFrom(place) });
  }

  /** The log was cut: what is remembered may be dead. */
  forget(): void {
    this.#places.clear();
  }

  /** Reads one block, and on until there is enough. */
  #go(walk: Walk): void {
    this.#skip(walk);
    const { place, ends } = walk;
    const left = (ends[place.segment - 1] ?? 0) - place.offset;
    if (left <= 0) {
      this.#finish(walk);
      return;
    }
    const wanted = Math.min(Math.max(walk.maxBytes - walk.bytes + blockBytesMin / 2, blockBytesMin), blockBytesMax);
    this.#block(walk, Math.min(wanted, left), left);
  }

  #block(walk: Walk, bytes: number, left: number): void {
    const { place, done } = walk;
    this.#open(place.segment, (opened) => {
      if (!opened.ok) return this.#failed(walk, opened.error);
      opened.value.read(place.offset, bytes, (read) => {
        if (!read.ok) return this.#failed(walk, read.error);
        const outcome = this.#take(walk, read.value, place);
        if (typeof outcome === 'string') return done({ kind: 'damaged', at: walk.place, why: outcome });
        if (outcome > left)
          return done({ kind: 'damaged', at: walk.place, why: 'a frame beyond the end of its segment' });
        if (outcome > 0 && samePlace(walk.place, place)) return this.#block(walk, outcome, left); // One frame is bigger.
        if (walk.batches.length > 0 && walk.bytes >= walk.maxBytes) return this.#finish(walk);
        this.#go(walk);
      });
    });
  }

  /** Takes the whole frames of a block that begins at `start`. Says how many bytes the next frame needs, or what is wrong. */
  #take(walk: Walk, block: Buffer, start: Place): number | string {
    const end = start.offset + block.length;
    while (walk.batches.length === 0 || walk.bytes < walk.maxBytes) {
      this.#skip(walk);
      const { place } = walk;
      if (place.segment !== start.segment || place.offset >= end) return 0;
      const at = place.offset - start.offset;
      if (block.length - at < frameHeaderBytes) return frameHeaderBytes;
      const header = decodeFrameHeader(block, at, place);
      if (typeof header === 'string') return `the frame is ${header}`;
      if (header.bytes > block.length - at) return header.bytes;
      const batch = decodeFrameBatch(block, at, header);
      if (typeof batch === 'string') return `the batch is ${batch}`;
      if (batch && batch.endIndex > walk.upTo) {
        const follows = walk.batches.length > 0 ? batch.baseIndex === walk.upTo + 1 : batch.baseIndex <= walk.upTo + 1;
        if (!follows) return `found entry ${batch.baseIndex} behind ${walk.upTo}`;
        walk.batches.push(batch);
        walk.bytes += batch.bytes.length;
        walk.upTo = batch.endIndex;
      }
      walk.place = { segment: place.segment, offset: place.offset + header.bytes };
    }
    return 0;
  }

  /** Moves over what is dead, and from the end of a segment into the next. */
  #skip(walk: Walk): void {
    for (;;) {
      const { place, jump, ends, locations } = walk;
      if (jump && !isBefore(place, jump.from)) {
        walk.place = jump.to;
        walk.jump = locations.jumpFrom(jump.to);
      } else if (place.offset >= (ends[place.segment - 1] ?? 0) && place.segment < ends.length) {
        walk.place = { segment: place.segment + 1, offset: segmentHeaderBytes };
      } else return;
    }
  }

  #finish(walk: Walk): void {
    if (walk.batches.length > 0) {
      this.#places.set(walk.upTo, walk.place);
      for (const oldest of this.#places.keys()) {
        if (this.#places.size <= rememberedPlaces) break;
        this.#places.delete(oldest);
      }
    }
    walk.done({ kind: 'batches', batches: walk.batches });
  }

  #failed(walk: Walk, error: DiskError): void {
    if (error.kind === 'missing') walk.done({ kind: 'damaged', at: walk.place, why: error.message });
    else walk.done({ kind: 'failed', error });
  }

  #open(segment: number, done: DiskCallback<DiskFile>): void {
    const known = this.#files.get(segment);
    if (known) {
      this.#files.delete(segment);
      this.#files.set(segment, known);
      done({ ok: true, value: known });
      return;
    }
    this.#disk.open(segmentName(segment), (outcome) => {
      if (outcome.ok) {
        this.#files.get(segment)?.close(); // Another reader was as quick.
        this.#files.set(segment, outcome.value);
        for (const [oldest, file] of this.#files) {
          if (this.#files.size <= openFiles) break;
          this.#files.delete(oldest);
          file.close();
        }
      }
      done(outcome);
    });
  }
}
