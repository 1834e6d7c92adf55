/**
 * Records on disk: the frames of the log's segments and the header of a segment (R-D1). Pure; who reads and judges them
 * is actors/log/.
 *
 *   frame     magic u32 | crc u32 | version u8 | kind u8 | 0 u16 | previousCrc u32 | write f64 | writeStart u32
 *             | batchBytes u32 | prevIndex f64 | prevEpoch f64 | commit f64 | batchCrc u32 | 0 u32, then the batch's bytes,
 *             then zeros up to a multiple of 8
 *   segment   magic u32 | crc u32 | version u8 | 0 u24 | previousCrc u32 | number f64 | firstWrite f64
 *             | index f64 | epoch f64 | lamport f64 | nextId f64
 *
 * A1. A frame begins at a multiple of 8 and lies whole in one segment.
 * A2. `crc` covers everything in the header behind it, and the place: the CRC starts from segment and offset, so that a
 *     copy of a frame at any other place is not a frame. (Else a client that stores a log in the log could forge proof.)
 * A3. The batch's bytes carry their own CRC, which the header repeats: content is summed once in its life, where its
 *     batch was made. A frame is valid when its header is, and its batch is, and the two agree.
 * A4. `previousCrc` is the `crc` of the frame before it in file order, across segments: the chain.
 * A5. `write` numbers the writes (one write = one DiskFile.write = one fsync) over the whole life of the log, rising.
 *     `writeStart` is the offset where the frame's write began, 0 for the first write of a segment, which includes the
 *     segment's header. As writes follow one another without a gap, it says exactly which bytes were durable before the
 *     frame's write began: all before `writeStart`. (A count of the frames still to come would not: after a write was
 *     cut in its middle, a count says that the next frame is still its own.)
 * A6. A frame replaces everything behind (prevIndex, prevEpoch) in the logical log. A marker has no batch and replaces
 *     nothing: it only carries the newest commit.
 * A7. A record with a valid CRC and an unknown version is 'unsupported', not malformed: a newer program made it, and what
 *     this one does not understand it must not cut off.
 */
import { crc32 } from 'node:zlib';
import { type Batch, batchHeaderBytes, batchLengthAt, decodeBatch } from './batch.ts';
import type { Index, Position } from './epoch.ts';
import { invariant, type LogMark } from './logicalLog.ts';

export const recordVersion = 1;
export const frameHeaderBytes = 64;
export const segmentHeaderBytes = 64;
const recordAlignment = 8;
const frameMagic = 0xd15c_f4a3;
const segmentMagic = 0xd15c_5e97;
const kinds = { marker: 0, batch: 1 } as const;

/** Where a record lies: the segment's number, from 1, and the offset in its file. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
}
export const samePlace = (a: Place, b: Place): boolean => a.segment === b.segment && a.offset === b.offset;
export const isBefore = (a: Place, b: Place): boolean =>
  a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);

/** A frame's header, without what is computed from its batch. */
export interface FrameFields {
  readonly previousCrc: number;
  readonly write: number;
  readonly writeStart: number;
  /** Start of the log in a marker. */
  readonly previous: Position;
  /** The writer's own commit at the time. */
  readonly commit: Index;
}
export interface FrameHeader extends FrameFields {
  readonly crc: number;
  /** 0 for a marker. */
  readonly batchBytes: number;
  readonly batchCrc: number;
  /** The whole frame, with what pads it. */
  readonly bytes: number;
}
export interface SegmentHeader {
  readonly number: number;
  readonly firstWrite: number;
  /** The chain where the segment begins. */
  readonly previousCrc: number;
  /** The end of the log where the segment begins: enough to open a log whose first segments were trimmed. */
  readonly begin: LogMark;
}
export type Unreadable = 'malformed' | 'unsupported';

const aligned = (bytes: number): number => Math.ceil(bytes / recordAlignment) * recordAlignment;
/** What a frame takes on disk; 0 bytes of batch for a marker. */
export const frameBytes = (batchBytes: number): number => frameHeaderBytes + aligned(batchBytes);

/** A2: what the CRC of a record at this place starts from. */
const seedOf = (place: Place): number => (Math.imul(place.segment, 0x9e37_79b1) + place.offset) >>> 0;
const headerCrc = (bytes: Buffer, at: number, place: Place): number =>
  crc32(bytes.subarray(at + 8, at + frameHeaderBytes), seedOf(place));

/** Writes a header at `at`, for a frame that will lie at `place`; gives its crc, the next frame's `previousCrc`. */
export function encodeFrameHeader(
  into: Buffer,
  at: number,
  place: Place,
  fields: FrameFields,
  batch: Batch | null,
): number {
  invariant(place.offset % recordAlignment === 0, 'A1', `a frame at offset ${place.offset}`);
  into.writeUInt32BE(frameMagic, at);
  into[at + 8] = recordVersion;
  into[at + 9] = batch ? kinds.batch : kinds.marker;
  into.writeUInt16BE(0, at + 10);
  into.writeUInt32BE(fields.previousCrc, at + 12);
  into.writeDoubleBE(fields.write, at + 16);
  into.writeUInt32BE(fields.writeStart, at + 24);
  into.writeUInt32BE(batch ? batch.bytes.length : 0, at + 28);
  into.writeDoubleBE(fields.previous.index, at + 32);
  into.writeDoubleBE(fields.previous.epoch, at + 40);
  into.writeDoubleBE(fields.commit, at + 48);
  into.writeUInt32BE(batch ? batch.crc : 0, at + 56);
  into.writeUInt32BE(0, at + 60);
  const crc = headerCrc(into, at, place);
  into.writeUInt32BE(crc, at + 4);
  return crc;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

export function decodeFrameHeader(bytes: Buffer, at: number, place: Place): FrameHeader | Unreadable {
  if (at + frameHeaderBytes > bytes.length || bytes.readUInt32BE(at) !== frameMagic) return 'malformed';
  const crc = bytes.readUInt32BE(at + 4);
  if (headerCrc(bytes, at, place) !== crc) return 'malformed';
  if (bytes[at + 8] !== recordVersion) return 'unsupported';
  const batchBytes = bytes.readUInt32BE(at + 28);
  const header: FrameHeader = {
    crc,
    previousCrc: bytes.readUInt32BE(at + 12),
    write: bytes.readDoubleBE(at + 16),
    writeStart: bytes.readUInt32BE(at + 24),
    previous: { index: bytes.readDoubleBE(at + 32), epoch: bytes.readDoubleBE(at + 40) },
    commit: bytes.readDoubleBE(at + 48),
    batchBytes,
    batchCrc: bytes.readUInt32BE(at + 56),
    bytes: frameBytes(batchBytes),
  };
  const hasBatch = bytes[at + 9] === kinds.batch;
  if (hasBatch ? batchBytes < batchHeaderBytes : batchBytes !== 0) return 'malformed';
  if (header.writeStart > place.offset || !isCount(header.write) || !isCount(header.commit)) return 'malformed';
  return isCount(header.previous.index) && isCount(header.previous.epoch) ? header : 'malformed';
}

/** The batch of the frame at `at`, whose bytes are all there; null for a marker. A3. */
export function decodeFrameBatch(bytes: Buffer, at: number, header: FrameHeader): Batch | null | Unreadable {
  if (header.batchBytes === 0) return null;
  const content = bytes.subarray(at + frameHeaderBytes, at + frameHeaderBytes + header.batchBytes);
  if (content.length < header.batchBytes) return 'malformed';
  const batch = decodeBatch(content, false);
  if (batch !== 'malformed') return batch.crc === header.batchCrc ? batch : 'malformed';
  // The bytes are what was written, and yet no batch that this program knows: A7.
  const whole = batchLengthAt(content, 0) === content.length && content.readUInt32BE(4) === header.batchCrc;
  return whole && crc32(content.subarray(8)) === header.batchCrc ? 'unsupported' : 'malformed';
}

const magicBytes = Buffer.from([0xd1, 0x5c, 0xf4, 0xa3]);

/** Every valid frame at any multiple of 8 in `bytes`, which begin at `place`. Looks for the magic: as fast as memory. */
export function* findFrames(bytes: Buffer, place: Place): Generator<FrameHeader & { readonly offset: number }> {
  for (let at = bytes.indexOf(magicBytes); at >= 0; at = bytes.indexOf(magicBytes, at + 1)) {
    if (at % recordAlignment !== 0) continue;
    const offset = place.offset + at;
    const header = decodeFrameHeader(bytes, at, { segment: place.segment, offset });
    if (typeof header === 'string' || at + header.bytes > bytes.length) continue;
    const batch = decodeFrameBatch(bytes, at, header);
    if (batch !== 'malformed') yield { ...header, offset };
  }
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  bytes.writeUInt32BE(segmentMagic, 0);
  bytes[8] = recordVersion;
  bytes.writeUInt32BE(header.previousCrc, 12);
  bytes.writeDoubleBE(header.number, 16);
  bytes.writeDoubleBE(header.firstWrite, 24);
  bytes.writeDoubleBE(header.begin.position.index, 32);
  bytes.writeDoubleBE(header.begin.position.epoch, 40);
  bytes.writeDoubleBE(header.begin.lamport, 48);
  bytes.writeDoubleBE(header.begin.nextId, 56);
  bytes.writeUInt32BE(headerCrc(bytes, 0, { segment: header.number, offset: 0 }), 4);
  return bytes;
}

export function decodeSegmentHeader(bytes: Buffer, segment: number): SegmentHeader | Unreadable {
  if (bytes.length < segmentHeaderBytes || bytes.readUInt32BE(0) !== segmentMagic) return 'malformed';
  if (headerCrc(bytes, 0, { segment, offset: 0 }) !== bytes.readUInt32BE(4)) return 'malformed';
  if (bytes[8] !== recordVersion) return 'unsupported';
  return {
    previousCrc: bytes.readUInt32BE(12),
    number: bytes.readDoubleBE(16),
    firstWrite: bytes.readDoubleBE(24),
    begin: {
      position: { index: bytes.readDoubleBE(32), epoch: bytes.readDoubleBE(40) },
      lamport: bytes.readDoubleBE(48),
      nextId: bytes.readDoubleBE(56),
    },
  };
}
