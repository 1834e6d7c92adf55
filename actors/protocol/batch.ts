/**
 * Batches: the entries that were appended together. The unit of encoding, disk frame, APPEND, DATA, truncation, match
 * and commit (PROTOCOL §2); nothing splits one, and its bytes are the same on every node.
 *
 *   length u32 | crc u32 | version u8 | type u8 | flags u16 | epoch f64 | baseIndex f64 | baseLamport f64 | firstId f64
 *   | count u32 | writes u32 | then each write, one after the other
 *
 * `crc` is CRC-32 (IEEE 802.3) over everything behind it. A batch holds the writes of many clients; a write holds the
 * messages of one request, with the tag (origin, boot, n) of the send that brought it (R10a). Message i of a batch has
 * index baseIndex + i, Lamport time baseLamport + i and id firstId + i.
 *
 * A1. A batch is never changed after it was made. `decodeBatch` accepts exactly what `encodeBatch` makes.
 */
import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter } from './bytes.ts';
import type { Epoch, Index, Lamport, NodeId, Position } from './epoch.ts';

const batchVersion = 1;
export const batchHeaderBytes = 52;
/** A client's batch is at most 4 MiB; a batch may hold one such and what came beside it. */
export const maxBatchBytes = 8 * 1024 * 1024;
export const maxMessagesInWrite = 10_000;
export const maxKeyBytes = 128;
export const maxStreamBytes = 255;
export const defaultStream = 'messages';
export const bodyHashBytes = 16;

const batchTypes = ['data', 'barrier', 'config', 'trim'] as const;
/** `config` and `trim` have their place in the format and come later (PROTOCOL §8). */
export type BatchType = (typeof batchTypes)[number];

/** Says which client write this is: resends of a write have the same key, and another n. */
export interface WriteTag {
  readonly origin: NodeId;
  readonly boot: number;
  readonly n: number;
}

export interface WriteKey {
  /** Chosen by the client; at most `maxKeyBytes` bytes of UTF-8. */
  readonly key: string;
  /** Digest of the body, `bodyHashBytes` long: the same key with another body is refused. */
  readonly bodyHash: Buffer;
}

/** An idempotent producer's place in its own sequence: kept in the format, not used yet. */
export interface ProducerFields {
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
}

/** What one client sent in one request. */
export interface Write {
  readonly tag: WriteTag;
  readonly stream: string;
  readonly key?: WriteKey;
  readonly producer?: ProducerFields;
  /** The newest id that the origin had committed when it took the write (PROTOCOL §8, `seen`). */
  readonly seen: number;
  /** Wall clock of the origin in seconds, for people only. */
  readonly physicalSeconds: number;
  /** UTF-8, one or more. */
  readonly contents: readonly Buffer[];
}

const hasStream = 1;
const hasKey = 2;
const hasProducer = 4;
/** Batch flag: at least one write has a key. */
const batchHasKeys = 1;

/** The tag stands first and in fixed width, so that a resend only overwrites n. */
export function encodeWrite(write: Write): Buffer {
  const { tag, key, producer } = write;
  const ownStream = write.stream !== defaultStream;
  let size = 64 + write.contents.length * 4;
  for (const content of write.contents) size += content.length;
  const out = new ByteWriter(size);
  out.u8((ownStream ? hasStream : 0) | (key ? hasKey : 0) | (producer ? hasProducer : 0));
  out.u16(tag.origin).varint(tag.boot).varint(tag.n);
  if (ownStream) out.text(write.stream);
  if (key) out.text(key.key).raw(key.bodyHash);
  if (producer) out.varint(producer.id).varint(producer.epoch).varint(producer.sequence);
  out.varint(write.seen).f64(write.physicalSeconds).varint(write.contents.length);
  for (const content of write.contents) out.bytes(content);
  return out.finish();
}

/** Reads one write; the messages are views of the same memory. Faults show in `reader.ok`. */
export function readWrite(reader: ByteReader): Write {
  const flags = reader.u8();
  if (flags > 7) reader.fail();
  const tag = { origin: reader.u16(), boot: reader.varint(), n: reader.varint() };
  const stream = flags & hasStream ? reader.text(maxStreamBytes) : defaultStream;
  const key = flags & hasKey ? { key: reader.text(maxKeyBytes), bodyHash: reader.raw(bodyHashBytes) } : undefined;
  const producer =
    flags & hasProducer ? { id: reader.varint(), epoch: reader.varint(), sequence: reader.varint() } : undefined;
  const seen = reader.varint();
  const physicalSeconds = reader.finite();
  const count = reader.varint();
  if (count < 1 || count > maxMessagesInWrite) reader.fail();
  const contents: Buffer[] = [];
  for (let i = 0; i < count && reader.ok; i++) contents.push(reader.bytes());
  return {
    tag,
    stream,
    seen,
    physicalSeconds,
    contents,
    ...(key && { key }),
    ...(producer && { producer }),
  };
}

/** The encoded form of a write, with what its leader has to know to append it. */
export interface EncodedWrite {
  readonly bytes: Buffer;
  readonly tag: WriteTag;
  readonly count: number;
  readonly key?: WriteKey;
}

export interface BatchHeader {
  readonly epoch: Epoch;
  readonly type: BatchType;
  readonly baseIndex: Index;
  readonly baseLamport: Lamport;
  /** The id of the first message; of a barrier, the id that the next message will get. */
  readonly firstId: number;
  /** Entries in the batch, at least 1; a barrier is one entry and no message. */
  readonly count: number;
}

export class Batch implements BatchHeader {
  readonly bytes: Buffer;
  readonly epoch: Epoch;
  readonly type: BatchType;
  readonly baseIndex: Index;
  readonly baseLamport: Lamport;
  readonly firstId: number;
  readonly count: number;
  readonly writeCount: number;
  readonly hasKeys: boolean;

  /** For this module: `encodeBatch` and `decodeBatch` make batches. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.type = batchTypes[bytes[9] as number] ?? 'data';
    this.hasKeys = (bytes.readUInt16BE(10) & batchHasKeys) !== 0;
    this.epoch = bytes.readDoubleBE(12);
    this.baseIndex = bytes.readDoubleBE(20);
    this.baseLamport = bytes.readDoubleBE(28);
    this.firstId = bytes.readDoubleBE(36);
    this.count = bytes.readUInt32BE(44);
    this.writeCount = bytes.readUInt32BE(48);
  }

  get crc(): number {
    return this.bytes.readUInt32BE(4);
  }
  get endIndex(): Index {
    return this.baseIndex + this.count - 1;
  }
  get endLamport(): Lamport {
    return this.baseLamport + this.count - 1;
  }
  get end(): Position {
    return { epoch: this.epoch, index: this.endIndex };
  }
  /** Messages in the batch: what it adds to the ids. */
  get messageCount(): number {
    return this.type === 'data' ? this.count : 0;
  }
  get nextId(): number {
    return this.firstId + this.messageCount;
  }

  /** The writes in order, each with the id of its first message. Decodes on every call. */
  *writes(): Generator<{ readonly write: Write; readonly firstId: number; readonly firstLamport: Lamport }> {
    const reader = new ByteReader(this.bytes, batchHeaderBytes);
    let offset = 0;
    for (let i = 0; i < this.writeCount; i++) {
      const write = readWrite(reader);
      yield { write, firstId: this.firstId + offset, firstLamport: this.baseLamport + offset };
      offset += write.contents.length;
    }
  }
}

/** The one encode in a batch's life. `writes` are empty for a barrier. */
export function encodeBatch(header: BatchHeader, writes: readonly EncodedWrite[]): Batch {
  let length = batchHeaderBytes;
  let keys = 0;
  for (const write of writes) {
    length += write.bytes.length;
    if (write.key) keys = batchHasKeys;
  }
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeUInt32BE(length, 0);
  bytes[8] = batchVersion;
  bytes[9] = batchTypes.indexOf(header.type);
  bytes.writeUInt16BE(keys, 10);
  bytes.writeDoubleBE(header.epoch, 12);
  bytes.writeDoubleBE(header.baseIndex, 20);
  bytes.writeDoubleBE(header.baseLamport, 28);
  bytes.writeDoubleBE(header.firstId, 36);
  bytes.writeUInt32BE(header.count, 44);
  bytes.writeUInt32BE(writes.length, 48);
  let at = batchHeaderBytes;
  for (const write of writes) {
    bytes.set(write.bytes, at);
    at += write.bytes.length;
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
  return new Batch(bytes);
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** The length that a batch claims for itself, or 0 when `bytes` at `at` cannot begin one. */
export function batchLengthAt(bytes: Buffer, at: number): number {
  if (bytes.length - at < batchHeaderBytes) return 0;
  const length = bytes.readUInt32BE(at);
  return length >= batchHeaderBytes && length <= maxBatchBytes ? length : 0;
}

/**
 * Reads a batch that came from a disk or a peer: checks length, checksum, version and the header's fields, and with
 * `deep` also every write (a peer's batch; a disk's was checked when it came).
 */
export function decodeBatch(bytes: Buffer, deep = true): Batch | 'malformed' {
  if (bytes.length === 0 || batchLengthAt(bytes, 0) !== bytes.length) return 'malformed';
  if (crc32(bytes.subarray(8)) !== bytes.readUInt32BE(4)) return 'malformed';
  if (bytes[8] !== batchVersion || (bytes[9] as number) >= batchTypes.length) return 'malformed';
  const batch = new Batch(bytes);
  if (!isCount(batch.epoch) || !isCount(batch.baseIndex) || !isCount(batch.baseLamport)) return 'malformed';
  if (!isCount(batch.firstId) || batch.count < 1 || batch.epoch < 1 || batch.baseIndex < 1) return 'malformed';
  const isEmpty = batch.count === 1 && batch.writeCount === 0 && !batch.hasKeys && bytes.length === batchHeaderBytes;
  if (batch.type !== 'data' && !isEmpty) return 'malformed';
  if (!deep || batch.type !== 'data') return batch;
  const reader = new ByteReader(bytes, batchHeaderBytes);
  let count = 0;
  let flags = 0;
  for (let i = 0; i < batch.writeCount && reader.ok; i++) {
    const { contents, key } = readWrite(reader);
    count += contents.length;
    if (key) flags = batchHasKeys;
  }
  return reader.done && count === batch.count && flags === bytes.readUInt16BE(10) ? batch : 'malformed';
}
