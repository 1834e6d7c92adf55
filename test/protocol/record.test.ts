import * as zlib from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../actors/protocol/batch.ts';
import { decodeSlot, encodeSlot, type Identity, slotBytes } from '../../actors/protocol/identityRecord.ts';
import {
  decodeFrameBatch,
  decodeFrameHeader,
  decodeSegmentHeader,
  encodeFrameHeader,
  encodeSegmentHeader,
  type FrameFields,
  findFrames,
  frameBytes,
  frameHeaderBytes,
  type Place,
} from '../../actors/protocol/record.ts';
import { Author } from '../support/logWorld.ts';

const Frames = suite('disk frames');

const place: Place = { segment: 3, offset: 4096 };
const fields: FrameFields = {
  previousCrc: 0xdead_beef,
  write: 2 ** 40,
  writeStart: 1024,
  previous: { index: 0, epoch: 0 },
  commit: 2 ** 45,
};

function aFrame(batch: Batch | null, at: Place = place, with_: Partial<FrameFields> = {}): Buffer {
  const bytes = Buffer.alloc(frameBytes(batch?.bytes.length ?? 0));
  encodeFrameHeader(bytes, 0, at, { ...fields, ...with_ }, batch);
  batch?.bytes.copy(bytes, frameHeaderBytes);
  return bytes;
}

/** The batch of a valid frame, or what is wrong. */
function readFrame(bytes: Buffer, at: Place = place): Batch | null | string {
  const header = decodeFrameHeader(bytes, 0, at);
  return typeof header === 'string' ? header : decodeFrameBatch(bytes, 0, header);
}

Frames('a frame gives back what was put in, the batch byte for byte', () => {
  const { batch } = new Author().next(7, 33);
  const bytes = aFrame(batch);
  const header = decodeFrameHeader(bytes, 0, place);
  if (typeof header === 'string') throw new Error(header);
  const { previousCrc, write, writeStart, previous, commit } = header;
  assert.equal({ previousCrc, write, writeStart, previous, commit }, fields);
  assert.is(header.bytes, bytes.length);
  const found = decodeFrameBatch(bytes, 0, header);
  assert.ok(typeof found === 'object' && found?.bytes.equals(batch.bytes));
});

Frames('a marker has no batch', () => {
  assert.is(readFrame(aFrame(null)), null);
});

Frames('every frame takes a multiple of 8', () => {
  for (let bytes = 1; bytes < 30; bytes++) {
    const { batch } = new Author().next(1, bytes);
    assert.is(frameBytes(batch.bytes.length) % 8, 0);
    assert.ok(frameBytes(batch.bytes.length) - batch.bytes.length - frameHeaderBytes < 8);
  }
});

Frames('one flipped bit, wherever it is but in the padding, makes a frame malformed', () => {
  const { batch } = new Author().next(2, 5);
  const bytes = aFrame(batch);
  for (let bit = 0; bit < (frameHeaderBytes + batch.bytes.length) * 8; bit++) {
    const rotten = Buffer.from(bytes);
    rotten[bit >> 3] = (rotten[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.is(readFrame(rotten), 'malformed', `bit ${bit}`);
  }
});

Frames('a frame cut short at any length is malformed', () => {
  const { batch } = new Author().next(2, 5);
  const bytes = aFrame(batch);
  for (let length = 0; length < frameHeaderBytes + batch.bytes.length; length++) {
    assert.is(readFrame(Buffer.from(bytes.subarray(0, length))), 'malformed');
  }
});

Frames('a whole other batch under the header is malformed', () => {
  const author = new Author();
  const bytes = aFrame(author.next(1, 5, 97).batch);
  const other = new Author().next(1, 5, 98).batch;
  other.bytes.copy(bytes, frameHeaderBytes);
  assert.is(readFrame(bytes), 'malformed');
});

Frames('a copy at another place is no frame', () => {
  const bytes = aFrame(new Author().next().batch);
  assert.is(readFrame(bytes, { segment: 3, offset: 4104 }), 'malformed');
  assert.is(readFrame(bytes, { segment: 4, offset: 4096 }), 'malformed');
});

Frames('what a newer program wrote is unsupported, not malformed', () => {
  const { batch } = new Author().next();
  const newer = Buffer.from(batch.bytes);
  newer[8] = 2; // The batch's version.
  const bytes = aFrame(null, place);
  assert.is(readFrame(bytes), null);
  // A frame header of another version with a right checksum: made by encoding and then finding the checksum anew.
  const { crc32 } = zlib;
  const again = Buffer.from(bytes);
  again[8] = 2;
  again.writeUInt32BE(crc32(again.subarray(8, 64), (Math.imul(3, 0x9e37_79b1) + 4096) >>> 0), 4);
  assert.is(readFrame(again), 'unsupported');
  newer.writeUInt32BE(crc32(newer.subarray(8)), 4);
  const withNewBatch = aFrame({ bytes: newer, crc: newer.readUInt32BE(4) } as Batch);
  newer.copy(withNewBatch, frameHeaderBytes);
  assert.is(readFrame(withNewBatch), 'unsupported');
});

Frames('frames are found at every multiple of 8 among anything', () => {
  const author = new Author();
  const offsets = [8, 800, 1000, 2048];
  const bytes = Buffer.alloc(4096, 0xd1);
  for (const offset of offsets) {
    const at = { segment: 5, offset: 64 + offset };
    aFrame(author.next().batch, at, { writeStart: 0 }).copy(bytes, offset);
  }
  aFrame(author.next().batch, { segment: 5, offset: 64 + 3000 }, { writeStart: 0 }).copy(bytes, 3001);
  const found = [...findFrames(bytes, { segment: 5, offset: 64 })].map(({ offset }) => offset - 64);
  assert.equal(found, offsets);
});

Frames('a segment header gives back what was put in, and no bit of it may flip', () => {
  const header = {
    number: 12,
    firstWrite: 77,
    previousCrc: 5,
    begin: { position: { index: 9, epoch: 65_537 }, lamport: 44, nextId: 8 },
  };
  const bytes = encodeSegmentHeader(header);
  assert.equal(decodeSegmentHeader(bytes, 12), header);
  assert.is(decodeSegmentHeader(bytes, 13), 'malformed');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const rotten = Buffer.from(bytes);
    rotten[bit >> 3] = (rotten[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.is(decodeSegmentHeader(rotten, 12), 'malformed', `bit ${bit}`);
  }
});

Frames.run();

const Slots = suite('identity slots');

const identity: Identity = {
  clusterId: '0123456789abcdef',
  nodeId: 65_535,
  incarnation: 'fedcba9876543210',
  roster: new Map([1, 2, 3, 4, 5, 6, 65_535].map((id) => [id, 'fedcba9876543210'])),
  membership: [1, 2, 3, 4, 5, 6, 65_535],
  promised: 2 ** 52,
  boot: 1_000_000,
  damaged: true,
};

Slots('the biggest identity fits four times, and comes back whole', () => {
  const bytes = encodeSlot({ sequence: 9, identity });
  assert.is(bytes.length, slotBytes);
  assert.ok(bytes.subarray(slotBytes / 4).equals(Buffer.alloc((slotBytes * 3) / 4)));
  assert.equal(decodeSlot(bytes), { sequence: 9, identity });
  const virgin: Identity = { ...identity, clusterId: null, roster: null, damaged: false };
  assert.equal(decodeSlot(encodeSlot({ sequence: 1, identity: virgin })), { sequence: 1, identity: virgin });
});

Slots('one flipped bit in what is written makes a slot malformed', () => {
  const bytes = encodeSlot({ sequence: 9, identity });
  const used = 24 + bytes.readUInt32BE(12);
  for (let at = 0; at < used; at++) {
    const rotten = Buffer.from(bytes);
    rotten[at] = (rotten[at] as number) ^ (1 << (at & 7));
    assert.is(decodeSlot(rotten), 'malformed', `byte ${at}`);
  }
});

Slots('zeros are a slot that was never written', () => {
  assert.is(decodeSlot(Buffer.alloc(slotBytes)), 'blank');
  assert.is(decodeSlot(Buffer.alloc(slotBytes, 1)), 'malformed');
  assert.is(decodeSlot(Buffer.alloc(7)), 'malformed');
});

Slots('whole JSON that is no identity is malformed', () => {
  for (const wrong of [{ nodeId: 0 }, { promised: -1 }, { boot: 0.5 }, { clusterId: '' }, { membership: [70_000] }]) {
    const bytes = encodeSlot({ sequence: 1, identity: { ...identity, ...wrong } });
    assert.is(decodeSlot(bytes), 'malformed', JSON.stringify(wrong));
  }
});

Slots.run();
