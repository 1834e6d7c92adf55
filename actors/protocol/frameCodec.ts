/**
 * The binary form of the frames.
 *
 *   code u8 | crc u32 | lamport f64 | fields of the kind | the bytes of a batch or of writes: APPEND, DATA, FORWARD
 *
 * `crc` is CRC-32 over code, Lamport time and fields; what stands behind them has a checksum of its own, which the fields
 * repeat: two good halves of different frames are no frame. `decodeFrame` never
 * throws: what it cannot read in full is 'malformed', and the link that brought it is closed.
 */
import { crc32 } from 'node:zlib';
import { Batch, decodeBatch, type EncodedWrite, readWrite } from './batch.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import type { Lamport, Position } from './epoch.ts';
import {
  type Forward,
  type ForwardedWrite,
  type Frame,
  type FrameKind,
  type FrameOf,
  maxForwarded,
  maxVoters,
  probeNoReasons,
  refusals,
  unelectableReasons,
} from './frames.ts';
import { maxOneOf, maxViewBytes } from './watching.ts';

type Writer<F> = (out: ByteWriter, frame: F) => void;
type Reader<F> = (from: ByteReader) => Omit<F, 'kind'>;
interface Codec<F> {
  readonly code: number;
  readonly write: Writer<F>;
  readonly read: Reader<F>;
  /** What follows the checksummed fields: bytes with a checksum of their own. */
  readonly tail?: (frame: F) => readonly Uint8Array[];
  /** Completes the fields with what stands behind them. */
  readonly readTail?: (fields: Omit<F, 'kind'>, tail: Buffer) => Omit<F, 'kind'> | 'malformed';
}

const writePosition = (out: ByteWriter, position: Position): void => {
  out.f64(position.epoch).f64(position.index);
};
const readPosition = (from: ByteReader): Position => ({ epoch: from.integer(), index: from.integer() });
const oneOf = <T>(from: ByteReader, values: readonly T[]): T => {
  const value = values[from.u8()];
  if (value === undefined) from.fail();
  return value ?? (values[0] as T);
};
const readList = <T>(from: ByteReader, max: number, read: () => T): T[] => {
  const count = from.varint();
  if (count > max) from.fail();
  const list: T[] = [];
  for (let i = 0; i < count && from.ok; i++) list.push(read());
  return list;
};
const readSignedSmall = (from: ByteReader): number => from.u16() - 32_768;
const noBatch = new Batch(Buffer.alloc(64));
function withBatch<F>(fields: F & { readonly crc?: number }, tail: Buffer): (F & { batch: Batch }) | 'malformed' {
  const { crc, ...more } = fields;
  const batch = decodeBatch(tail);
  return batch === 'malformed' || batch.crc !== crc ? 'malformed' : ({ ...more, batch } as F & { batch: Batch });
}

/** Stands for a write whose length is known and whose bytes follow behind the fields. */
const unread = (bytes: number): EncodedWrite => ({
  bytes: noBytes,
  count: bytes,
  tag: { origin: 0, boot: 0, n: 0 },
});
const noBytes = Buffer.alloc(0);
function withWrites(
  fields: Omit<Forward, 'kind'> & { readonly crc?: number },
  tail: Buffer,
): Omit<Forward, 'kind'> | 'malformed' {
  if (crc32(tail) !== fields.crc) return 'malformed';
  const writes: ForwardedWrite[] = [];
  const all = new ByteReader(tail);
  for (const { firstTryCommit, write } of fields.writes) {
    const bytes = all.raw(write.count);
    const from = new ByteReader(bytes);
    const { tag, contents, key } = readWrite(from);
    if (!from.done) return 'malformed';
    writes.push({ firstTryCommit, write: { bytes, tag, count: contents.length, ...(key && { key }) } });
  }
  return all.done ? { epoch: fields.epoch, writes } : 'malformed';
}

const codecs: { readonly [K in FrameKind]: Codec<FrameOf<K>> } = {
  hello: {
    code: 1,
    write: (out, f) => {
      out.u16(f.version).bool(f.clusterId !== null);
      if (f.clusterId !== null) out.text(f.clusterId);
      out.u16(f.from).text(f.incarnation).varint(f.boot).varint(f.connection).varint(f.membership.length);
      for (const id of f.membership) out.u16(id);
      out
        .u16(f.priority + 32_768)
        .u32(f.maxFrameBytes)
        .bool(f.memoryLost);
    },
    read: (from) => ({
      version: from.u16(),
      clusterId: from.bool() ? from.text(64) : null,
      from: from.u16(),
      incarnation: from.text(64),
      boot: from.varint(),
      connection: from.varint(),
      membership: readList(from, maxVoters, () => from.u16()),
      priority: readSignedSmall(from),
      maxFrameBytes: from.u32(),
      memoryLost: from.bool(),
    }),
  },
  proposal: {
    code: 2,
    write: (out, f) => {
      out.text(f.clusterId).varint(f.roster.size);
      for (const [id, incarnation] of f.roster) out.u16(id).text(incarnation);
    },
    read: (from) => ({
      clusterId: from.text(64),
      roster: new Map(readList(from, maxVoters, () => [from.u16(), from.text(64)] as const)),
    }),
  },
  greeted: {
    code: 3,
    write: (out, f) => {
      out.f64(f.epoch).f64(f.appended).f64(f.last);
    },
    read: (from) => ({ epoch: from.integer(), appended: from.integer(), last: from.integer() }),
  },
  ping: {
    code: 4,
    write: (out, f) => {
      out.f64(f.sentAt).f64(f.echo).f64(f.heldMs).bool(f.receiving).bool(f.quorumConnected);
      out.u8(unelectableReasons.indexOf(f.unelectable)).f64(f.leading).f64(f.promised).f64(f.seenEpoch).f64(f.commit);
      writePosition(out, f.position);
      out.f64(f.readRound).f64(f.confirmEpoch).f64(f.confirmRound);
    },
    read: (from) => ({
      sentAt: from.finite(),
      echo: from.finite(),
      heldMs: from.finite(),
      receiving: from.bool(),
      quorumConnected: from.bool(),
      unelectable: oneOf(from, unelectableReasons),
      leading: from.integer(),
      promised: from.integer(),
      seenEpoch: from.integer(),
      commit: from.integer(),
      position: readPosition(from),
      readRound: from.integer(),
      confirmEpoch: from.integer(),
      confirmRound: from.integer(),
    }),
  },
  probe: {
    code: 5,
    write: (out, f) => {
      out.f64(f.nonce);
    },
    read: (from) => ({ nonce: from.integer() }),
  },
  probeOk: {
    code: 6,
    write: (out, f) => {
      out.f64(f.nonce).f64(f.seenEpoch);
    },
    read: (from) => ({ nonce: from.integer(), seenEpoch: from.integer() }),
  },
  probeNo: {
    code: 7,
    write: (out, f) => {
      out.f64(f.nonce).u8(probeNoReasons.indexOf(f.reason)).f64(f.seenEpoch);
    },
    read: (from) => ({ nonce: from.integer(), reason: oneOf(from, probeNoReasons), seenEpoch: from.integer() }),
  },
  prepare: {
    code: 8,
    write: (out, f) => {
      out.f64(f.epoch).bool(f.handover !== null);
      if (f.handover) out.f64(f.handover.epoch).u16(f.handover.by);
    },
    read: (from) => ({
      epoch: from.integer(),
      handover: from.bool() ? { epoch: from.integer(), by: from.u16() } : null,
    }),
  },
  promise: {
    code: 9,
    write: (out, f) => {
      out.f64(f.epoch);
      writePosition(out, f.position);
    },
    read: (from) => ({ epoch: from.integer(), position: readPosition(from) }),
  },
  nack: {
    code: 10,
    write: (out, f) => {
      out.f64(f.refused).f64(f.seenEpoch).f64(f.leaderEpoch);
    },
    read: (from) => ({ refused: from.integer(), seenEpoch: from.integer(), leaderEpoch: from.integer() }),
  },
  fetch: {
    code: 11,
    write: (out, f) => {
      out.f64(f.epoch);
      writePosition(out, f.after);
    },
    read: (from) => ({ epoch: from.integer(), after: readPosition(from) }),
  },
  fetchBack: {
    code: 12,
    write: (out, f) => {
      out.f64(f.epoch);
      writePosition(out, f.hint);
    },
    read: (from) => ({ epoch: from.integer(), hint: readPosition(from) }),
  },
  gone: {
    code: 13,
    write: (out, f) => {
      out.f64(f.epoch);
    },
    read: (from) => ({ epoch: from.integer() }),
  },
  data: {
    code: 14,
    write: (out, f) => {
      out.f64(f.epoch);
      writePosition(out, f.after);
      out.bool(f.more).u32(f.batch.crc);
    },
    read: (from) => ({
      epoch: from.integer(),
      after: readPosition(from),
      more: from.bool(),
      crc: from.u32(),
      batch: noBatch,
    }),
    tail: (f) => [f.batch.bytes],
    readTail: withBatch,
  },
  append: {
    code: 15,
    write: (out, f) => {
      out.f64(f.epoch).bool(f.batch !== null);
      writePosition(out, f.previous);
      out
        .f64(f.commit)
        .f64(f.readRound)
        .bool(f.quiet)
        .u32(f.batch?.crc ?? 0);
    },
    read: (from) => ({
      epoch: from.integer(),
      batch: from.bool() ? noBatch : null,
      previous: readPosition(from),
      commit: from.integer(),
      readRound: from.integer(),
      quiet: from.bool(),
      crc: from.u32(),
    }),
    tail: (f) => (f.batch ? [f.batch.bytes] : []),
    readTail: (fields, tail) => {
      if (fields.batch) return withBatch(fields, tail);
      const { crc, ...more } = fields as typeof fields & { readonly crc?: number };
      return tail.length === 0 && crc === 0 ? more : 'malformed';
    },
  },
  ack: {
    code: 16,
    write: (out, f) => {
      out.f64(f.epoch).f64(f.match).f64(f.readRound).bool(f.learner);
    },
    read: (from) => ({
      epoch: from.integer(),
      match: from.integer(),
      readRound: from.integer(),
      learner: from.bool(),
    }),
  },
  reject: {
    code: 17,
    write: (out, f) => {
      out.f64(f.epoch);
      writePosition(out, f.hint);
    },
    read: (from) => ({ epoch: from.integer(), hint: readPosition(from) }),
  },
  forward: {
    code: 18,
    write: (out, f) => {
      out
        .f64(f.epoch)
        .u32(f.writes.reduce((crc, { write }) => crc32(write.bytes, crc), 0))
        .varint(f.writes.length);
      for (const { write, firstTryCommit } of f.writes) out.f64(firstTryCommit).u32(write.bytes.length);
    },
    read: (from) => ({
      epoch: from.integer(),
      crc: from.u32(),
      writes: readList(from, maxForwarded, () => ({ firstTryCommit: from.integer(), write: unread(from.u32()) })),
    }),
    tail: (f) => f.writes.map(({ write }) => write.bytes),
    readTail: withWrites,
  },
  forwardOk: {
    code: 19,
    write: (out, f) => {
      out.varint(f.results.length);
      for (const { n, firstId, firstLamport, earlier } of f.results) {
        out
          .varint(n)
          .varint(firstId)
          .varint(firstLamport)
          .bool(earlier !== null);
        if (earlier) out.u16(earlier.origin).varint(earlier.seen).f64(earlier.physicalSeconds);
      }
    },
    read: (from) => ({
      results: readList(from, maxForwarded, () => ({
        n: from.varint(),
        firstId: from.varint(),
        firstLamport: from.varint(),
        earlier: from.bool() ? { origin: from.u16(), seen: from.varint(), physicalSeconds: from.finite() } : null,
      })),
    }),
  },
  forwardNo: {
    code: 20,
    write: (out, f) => {
      out.varint(f.ns.length);
      for (const n of f.ns) out.varint(n);
      out.bool(f.certain).u8(refusals.indexOf(f.reason));
    },
    read: (from) => ({
      ns: readList(from, maxForwarded, () => from.varint()),
      certain: from.bool(),
      reason: oneOf(from, refusals),
    }),
  },
  handover: {
    code: 21,
    write: (out, f) => {
      out.f64(f.epoch);
    },
    read: (from) => ({ epoch: from.integer() }),
  },
  readIndex: {
    code: 22,
    write: (out, f) => {
      out.f64(f.nonce);
    },
    read: (from) => ({ nonce: from.integer() }),
  },
  readIndexOk: {
    code: 23,
    write: (out, f) => {
      out.f64(f.nonce).f64(f.epoch).f64(f.index);
    },
    read: (from) => ({ nonce: from.integer(), epoch: from.integer(), index: from.integer() }),
  },
  readIndexNo: {
    code: 24,
    write: (out, f) => {
      out.f64(f.nonce);
    },
    read: (from) => ({ nonce: from.integer() }),
  },
  // What people look at begins at 40: it is no part of the replication.
  watch: {
    code: 40,
    write: (out, { wanted }) => {
      out.bool(wanted.trace).bool(wanted.actors).varint(wanted.oneOf);
    },
    read: (from) => {
      const wanted = { trace: from.bool(), actors: from.bool(), oneOf: from.varint() };
      if (wanted.oneOf < 1 || wanted.oneOf > maxOneOf) from.fail();
      return { wanted };
    },
  },
  view: {
    code: 41,
    write: (out, f) => {
      out.bytes(f.bytes);
    },
    read: (from) => ({ bytes: from.bytes(maxViewBytes) }),
  },
};

const kindByCode = new Map(Object.entries(codecs).map(([kind, codec]) => [codec.code, kind as FrameKind]));
const fieldsAt = 5;
const checksum = (head: Buffer): number => crc32(head.subarray(fieldsAt), head[0]);

export function encodeFrame<K extends FrameKind>(frame: FrameOf<K>, lamport: Lamport): Buffer {
  const codec = codecs[frame.kind as K] as Codec<FrameOf<K>>;
  const out = new ByteWriter(128);
  out.u8(codec.code).u32(0).f64(lamport);
  codec.write(out, frame);
  const head = out.finish();
  head.writeUInt32BE(checksum(head), 1);
  const tail = codec.tail?.(frame) ?? [];
  return tail.length === 0 ? head : Buffer.concat([head, ...tail]);
}

export interface Received {
  readonly frame: Frame;
  readonly lamport: Lamport;
}

export function decodeFrame(bytes: Buffer): Received | 'malformed' {
  const kind = bytes.length < fieldsAt + 8 ? undefined : kindByCode.get(bytes[0] as number);
  if (kind === undefined) return 'malformed';
  const codec = codecs[kind] as Codec<Frame>;
  const from = new ByteReader(bytes, fieldsAt);
  const lamport = from.integer();
  let fields: Omit<Frame, 'kind'> | 'malformed' = codec.read(from);
  if (!from.ok || checksum(bytes.subarray(0, from.at)) !== bytes.readUInt32BE(1)) return 'malformed';
  if (codec.readTail) fields = codec.readTail(fields, bytes.subarray(from.at));
  else if (from.left > 0) return 'malformed';
  if (fields === 'malformed') return 'malformed';
  return { frame: { kind, ...fields } as Frame, lamport };
}
