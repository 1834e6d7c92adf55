/** Draws frames, batches and writes: every kind, every field over all that it may hold. */
import fc from 'fast-check';
import {
  type Batch,
  bodyHashBytes,
  defaultStream,
  type EncodedWrite,
  encodeBatch,
  encodeWrite,
  type Write,
} from '../../actors/protocol/batch.ts';
import type { Position } from '../../actors/protocol/epoch.ts';
import {
  type Frame,
  type FrameKind,
  type FrameOf,
  maxVoters,
  probeNoReasons,
  refusals,
  unelectableReasons,
} from '../../actors/protocol/frames.ts';
import { maxOneOf } from '../../actors/protocol/watching.ts';
import { record } from './property.ts';

/** Small ones and the edges are likelier than in a plain draw. */
export const whole = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 16_384, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
);
const positive = whole.map((value) => Math.max(1, value));
export const nodeId = fc.integer({ min: 1, max: 65_535 });
const name = fc.string({ minLength: 1, maxLength: 16 });
const time = fc.double({ noNaN: true, noDefaultInfinity: true });
const bool = fc.boolean();
const position: fc.Arbitrary<Position> = record({ epoch: whole, index: whole });

export const writeDraw: fc.Arbitrary<Write> = record({
  tag: record({ origin: nodeId, boot: whole, n: whole }),
  stream: fc.oneof({ weight: 4, arbitrary: fc.constant(defaultStream) }, { weight: 1, arbitrary: name }),
  key: fc.option(
    record({
      key: fc.string({ minLength: 1, maxLength: 128, unit: 'grapheme-ascii' }),
      bodyHash: fc.uint8Array({ minLength: bodyHashBytes, maxLength: bodyHashBytes }).map(Buffer.from),
    }),
    { nil: undefined },
  ),
  producer: fc.option(record({ id: whole, epoch: whole, sequence: whole }), { nil: undefined }),
  seen: whole,
  physicalSeconds: time,
  contents: fc.array(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    { minLength: 1, maxLength: 5 },
  ),
}).map(({ key, producer, ...write }) => ({ ...write, ...(key && { key }), ...(producer && { producer }) }));

export const encodedWrite: fc.Arbitrary<EncodedWrite> = writeDraw.map((write) => ({
  bytes: encodeWrite(write),
  tag: write.tag,
  count: write.contents.length,
  ...(write.key && { key: write.key }),
}));

const base = record({ epoch: positive, baseIndex: positive, baseLamport: whole, firstId: whole });
export const dataBatch: fc.Arbitrary<Batch> = fc
  .tuple(base, fc.array(encodedWrite, { minLength: 1, maxLength: 4 }))
  .map(([header, writes]) => {
    const count = writes.reduce((sum, write) => sum + write.count, 0);
    return encodeBatch({ ...header, type: 'data', count }, writes);
  });
const batchDraw: fc.Arbitrary<Batch> = fc.oneof(
  { weight: 4, arbitrary: dataBatch },
  { weight: 1, arbitrary: base.map((header) => encodeBatch({ ...header, type: 'barrier', count: 1 }, [])) },
);

type Draws = { readonly [K in FrameKind]: fc.Arbitrary<Omit<FrameOf<K>, 'kind'>> };
const few = { maxLength: 5 };
const draws: Draws = {
  hello: record({
    version: fc.nat(65_535),
    clusterId: fc.option(name),
    from: nodeId,
    incarnation: name,
    boot: whole,
    connection: whole,
    membership: fc.array(nodeId, { maxLength: maxVoters }),
    priority: fc.integer({ min: -1000, max: 1000 }),
    maxFrameBytes: fc.nat(2 ** 32 - 1),
    memoryLost: bool,
  }),
  proposal: record({
    clusterId: name,
    roster: fc.array(fc.tuple(nodeId, name), { maxLength: maxVoters }).map((pairs) => new Map(pairs)),
  }),
  greeted: record({ epoch: whole, appended: whole, last: whole }),
  ping: record({
    sentAt: time,
    echo: time,
    heldMs: time,
    receiving: bool,
    quorumConnected: bool,
    unelectable: fc.constantFrom(...unelectableReasons),
    leading: whole,
    promised: whole,
    seenEpoch: whole,
    commit: whole,
    position,
    readRound: whole,
    confirmEpoch: whole,
    confirmRound: whole,
  }),
  probe: record({ nonce: whole }),
  probeOk: record({ nonce: whole, seenEpoch: whole }),
  probeNo: record({ nonce: whole, reason: fc.constantFrom(...probeNoReasons), seenEpoch: whole }),
  prepare: record({ epoch: whole, handover: fc.option(record({ epoch: whole, by: nodeId })) }),
  promise: record({ epoch: whole, position }),
  nack: record({ refused: whole, seenEpoch: whole, leaderEpoch: whole }),
  fetch: record({ epoch: whole, after: position }),
  fetchBack: record({ epoch: whole, hint: position }),
  gone: record({ epoch: whole }),
  data: record({ epoch: whole, after: position, more: bool, batch: batchDraw }),
  append: record({
    epoch: whole,
    previous: position,
    commit: whole,
    readRound: whole,
    quiet: bool,
    batch: fc.option(batchDraw),
  }),
  ack: record({ epoch: whole, match: whole, readRound: whole, learner: bool }),
  reject: record({ epoch: whole, hint: position }),
  forward: record({
    epoch: whole,
    writes: fc.array(record({ firstTryCommit: whole, write: encodedWrite }), few),
  }),
  forwardOk: record({
    results: fc.array(
      record({
        n: whole,
        firstId: whole,
        firstLamport: whole,
        earlier: fc.option(record({ origin: nodeId, seen: whole, physicalSeconds: time })),
      }),
      few,
    ),
  }),
  forwardNo: record({ ns: fc.array(whole, few), certain: bool, reason: fc.constantFrom(...refusals) }),
  handover: record({ epoch: whole }),
  readIndex: record({ nonce: whole }),
  readIndexOk: record({ nonce: whole, epoch: whole, index: whole }),
  readIndexNo: record({ nonce: whole }),
  watch: record({ wanted: record({ trace: bool, actors: bool, oneOf: fc.integer({ min: 1, max: maxOneOf }) }) }),
  view: record({ bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) }),
};
export const kinds = Object.keys(draws) as FrameKind[];

export const frameOf = (kind: FrameKind): fc.Arbitrary<Frame> =>
  draws[kind].map((fields) => ({ kind, ...fields }) as Frame);
/** Every kind is as likely as any other. */
export const frameDraw: fc.Arbitrary<Frame> = fc.constantFrom(...kinds).chain(frameOf);
