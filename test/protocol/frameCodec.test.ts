import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Position } from '../../actors/protocol/epoch.ts';
import { decodeFrame, encodeFrame } from '../../actors/protocol/frameCodec.ts';
import {
  type Frame,
  type FrameKind,
  type FrameOf,
  maxForwarded,
  maxVoters,
  probeNoReasons,
  refusals,
  unelectableReasons,
} from '../../actors/protocol/frames.ts';
import { maxOneOf, maxViewBytes } from '../../actors/protocol/watching.ts';
import { aBatch, aWrite, e, nothingBefore } from '../support/actorWorld.ts';
import { SeededDice } from '../support/dice.ts';

const Frames = suite('frames (PROTOCOL §3)');

type Makers = { readonly [K in FrameKind]: (dice: SeededDice) => Omit<FrameOf<K>, 'kind'> };

const whole = (dice: SeededDice): number => (dice.chance(0.1) ? Number.MAX_SAFE_INTEGER : dice.int(2 ** 40));
const bool = (dice: SeededDice): boolean => dice.chance(0.5);
const position = (dice: SeededDice): Position => ({ epoch: whole(dice), index: whole(dice) });
const id = (dice: SeededDice): number => 1 + dice.int(65_535);
const hex = (dice: SeededDice): string => dice.int(2 ** 40).toString(16);
const list = <T>(dice: SeededDice, max: number, make: () => T): T[] => Array.from({ length: dice.int(max + 1) }, make);
const batch = (dice: SeededDice) =>
  dice.chance(0.2)
    ? aBatch(nothingBefore, e(1 + dice.int(9), 1), 'barrier')
    : aBatch(nothingBefore, e(1 + dice.int(9), 1), [
        aWrite({ contents: list(dice, 3, () => hex(dice)).concat('x'), ...(bool(dice) && { key: hex(dice) }) }),
      ]);

const makers: Makers = {
  hello: (d) => ({
    version: d.int(65_536),
    clusterId: bool(d) ? null : hex(d),
    from: id(d),
    incarnation: hex(d),
    boot: whole(d),
    connection: whole(d),
    membership: list(d, maxVoters, () => id(d)),
    priority: d.int(2001) - 1000,
    maxFrameBytes: d.int(2 ** 32),
    memoryLost: bool(d),
  }),
  proposal: (d) => ({ clusterId: hex(d), roster: new Map(list(d, maxVoters, () => [id(d), hex(d)] as const)) }),
  greeted: (d) => ({ epoch: whole(d), appended: whole(d), last: whole(d) }),
  ping: (d) => ({
    sentAt: d.next() * 1e9,
    echo: bool(d) ? -1 : d.next() * 1e9,
    heldMs: d.next() * 1e3,
    receiving: bool(d),
    quorumConnected: bool(d),
    unelectable: d.pick(unelectableReasons),
    leading: whole(d),
    promised: whole(d),
    seenEpoch: whole(d),
    commit: whole(d),
    position: position(d),
    readRound: whole(d),
    confirmEpoch: whole(d),
    confirmRound: whole(d),
  }),
  probe: (d) => ({ nonce: whole(d) }),
  probeOk: (d) => ({ nonce: whole(d), seenEpoch: whole(d) }),
  probeNo: (d) => ({ nonce: whole(d), reason: d.pick(probeNoReasons), seenEpoch: whole(d) }),
  prepare: (d) => ({ epoch: whole(d), handover: bool(d) ? null : { epoch: whole(d), by: id(d) } }),
  promise: (d) => ({ epoch: whole(d), position: position(d) }),
  nack: (d) => ({ refused: whole(d), seenEpoch: whole(d), leaderEpoch: whole(d) }),
  fetch: (d) => ({ epoch: whole(d), after: position(d) }),
  fetchBack: (d) => ({ epoch: whole(d), hint: position(d) }),
  gone: (d) => ({ epoch: whole(d) }),
  data: (d) => ({ epoch: whole(d), after: position(d), more: bool(d), batch: batch(d) }),
  append: (d) => ({
    epoch: whole(d),
    previous: position(d),
    commit: whole(d),
    readRound: whole(d),
    quiet: bool(d),
    batch: bool(d) ? null : batch(d),
  }),
  ack: (d) => ({ epoch: whole(d), match: whole(d), readRound: whole(d), learner: bool(d) }),
  reject: (d) => ({ epoch: whole(d), hint: position(d) }),
  forward: (d) => ({
    epoch: whole(d),
    writes: list(d, 4, () => ({
      firstTryCommit: whole(d),
      write: aWrite({ n: whole(d), ...(bool(d) && { key: hex(d) }) }),
    })),
  }),
  forwardOk: (d) => ({
    results: list(d, 4, () => ({
      n: whole(d),
      firstId: whole(d),
      firstLamport: whole(d),
      earlier: bool(d) ? null : { origin: id(d), seen: whole(d), physicalSeconds: d.next() * 1e9 },
    })),
  }),
  forwardNo: (d) => ({ ns: list(d, 4, () => whole(d)), certain: bool(d), reason: d.pick(refusals) }),
  handover: (d) => ({ epoch: whole(d) }),
  readIndex: (d) => ({ nonce: whole(d) }),
  readIndexOk: (d) => ({ nonce: whole(d), epoch: whole(d), index: whole(d) }),
  readIndexNo: (d) => ({ nonce: whole(d) }),
  watch: (d) => ({ wanted: { trace: bool(d), actors: bool(d), oneOf: 1 + d.int(maxOneOf) } }),
  view: (d) => ({ bytes: Buffer.from(list(d, 60, () => d.int(256))) }),
};
const kinds = Object.keys(makers) as FrameKind[];

function aFrame(kind: FrameKind, dice: SeededDice): Frame {
  return { kind, ...makers[kind](dice) } as Frame;
}
const encode = (frame: Frame, lamport = 77): Buffer => Buffer.from(encodeFrame(frame as never, lamport));

Frames('of every kind come back as they were sent, with their Lamport time', () => {
  const dice = new SeededDice('frames');
  for (const kind of kinds) {
    for (let i = 0; i < 100; i++) {
      const frame = aFrame(kind, dice);
      const lamport = whole(dice);
      assert.equal(decodeFrame(encode(frame, lamport)), { frame, lamport }, kind);
    }
  }
});

Frames('with one flipped bit are malformed, wherever it is', () => {
  const dice = new SeededDice('flips');
  for (const kind of kinds) {
    for (let i = 0; i < 3; i++) {
      const bytes = encode(aFrame(kind, dice));
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        assert.is(decodeFrame(bytes), 'malformed', `${kind}, bit ${bit}`);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      }
    }
  }
});

Frames('whose kind was changed into any other are malformed', () => {
  const dice = new SeededDice('kinds');
  for (const kind of kinds) {
    const bytes = encode(aFrame(kind, dice));
    const code = bytes[0] as number;
    for (let other = 0; other < 256; other++) {
      if (other === code) continue;
      bytes[0] = other;
      assert.is(decodeFrame(bytes), 'malformed', `${kind} as ${other}`);
    }
  }
});

Frames('cut short anywhere, or drawn out, are malformed', () => {
  const dice = new SeededDice('cuts');
  for (const kind of kinds) {
    for (let i = 0; i < 3; i++) {
      const bytes = encode(aFrame(kind, dice));
      for (let length = 0; length < bytes.length; length++)
        assert.is(
          decodeFrame(Buffer.from(bytes.subarray(0, length))),
          'malformed',
          `${kind}, ${length} of ${bytes.length}`,
        );
      assert.is(decodeFrame(Buffer.concat([bytes, Buffer.alloc(1)])), 'malformed', kind);
    }
  }
});

Frames('that are noise neither throw nor take long', () => {
  const dice = new SeededDice('noise');
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(Array.from({ length: dice.int(80) }, () => dice.int(256)));
    if (bytes.length > 0 && dice.chance(0.9)) bytes[0] = 1 + dice.int(41);
    assert.is(decodeFrame(bytes), 'malformed');
  }
});

/** Beyond what a flipped bit does: the fields themselves say too much, under a right checksum. */
Frames('with more in a list than is allowed are malformed', () => {
  const write = { write: aWrite(), firstTryCommit: 0 };
  const tooLong: readonly Frame[] = [
    { kind: 'hello', ...makers.hello(new SeededDice(1)), membership: Array<number>(maxVoters + 1).fill(1) },
    { kind: 'proposal', clusterId: 'c', roster: new Map(Array.from({ length: maxVoters + 1 }, (_, i) => [i, 'i'])) },
    { kind: 'forward', epoch: 1, writes: Array(maxForwarded + 1).fill(write) },
    { kind: 'forwardNo', ns: Array<number>(maxForwarded + 1).fill(1), certain: true, reason: 'notLeader' },
    { kind: 'forwardOk', results: Array(maxForwarded + 1).fill({ n: 1, firstId: 1, firstLamport: 1, earlier: null }) },
  ];
  for (const frame of tooLong) assert.is(decodeFrame(encode(frame)), 'malformed', frame.kind);
});

Frames('whose text is longer than is allowed are malformed', () => {
  const hello = makers.hello(new SeededDice(1));
  const long = 'x'.repeat(65);
  assert.is(decodeFrame(encode({ kind: 'hello', ...hello, incarnation: long })), 'malformed');
  assert.is(decodeFrame(encode({ kind: 'hello', ...hello, clusterId: long })), 'malformed');
  assert.is(decodeFrame(encode({ kind: 'proposal', clusterId: long, roster: new Map() })), 'malformed');
});

Frames('with a longer view, or a rarer trace, than is allowed are malformed', () => {
  const view = (bytes: number) => decodeFrame(encode({ kind: 'view', bytes: Buffer.alloc(bytes, ' ') }));
  assert.is.not(view(maxViewBytes), 'malformed');
  assert.is(view(maxViewBytes + 1), 'malformed');
  const watch = (oneOf: number) =>
    decodeFrame(encode({ kind: 'watch', wanted: { trace: true, actors: false, oneOf } }));
  assert.is.not(watch(maxOneOf), 'malformed');
  assert.is(watch(maxOneOf + 1), 'malformed');
  assert.is(watch(0), 'malformed');
});

Frames('with numbers that are no safe integers are malformed', () => {
  for (const epoch of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.is(decodeFrame(encode({ kind: 'handover', epoch })), 'malformed', String(epoch));
    assert.is(decodeFrame(encode({ kind: 'handover', epoch: 1 }, epoch)), 'malformed', `Lamport time ${epoch}`);
  }
});

Frames('hold the writes of a FORWARD in their order, each with its tag and key', () => {
  const writes = [1, 2, 3].map((n) => ({
    firstTryCommit: n * 10,
    write: aWrite({ n, key: `key ${n}`, contents: ['a', 'b'] }),
  }));
  const read = decodeFrame(encode({ kind: 'forward', epoch: 5, writes }));
  if (read === 'malformed' || read.frame.kind !== 'forward') throw new Error('malformed');
  assert.equal(read.frame.writes, writes);
});

Frames.run();
