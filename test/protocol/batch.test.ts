import { crc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Batch,
  batchHeaderBytes,
  batchLengthAt,
  bodyHashBytes,
  decodeBatch,
  type EncodedWrite,
  encodeBatch,
  encodeWrite,
  maxBatchBytes,
  maxMessagesInWrite,
  readWrite,
  type Write,
} from '../../actors/protocol/batch.ts';
import { ByteReader } from '../../actors/protocol/bytes.ts';
import { aBatch, aWrite, e, nothingBefore } from '../support/actorWorld.ts';
import { SeededDice } from '../support/dice.ts';

const Batches = suite('batches');

function randomWrite(dice: SeededDice): Write {
  const bytes = (max: number): Buffer => Buffer.from(Array.from({ length: dice.int(max) }, () => dice.int(256)));
  return {
    tag: { origin: 1 + dice.int(65_535), boot: dice.int(2 ** 31), n: dice.int(2 ** 40) },
    stream: dice.chance(0.5) ? 'messages' : 'ein Stream',
    seen: dice.int(2 ** 45),
    physicalSeconds: dice.next() * 1e10,
    contents: Array.from({ length: 1 + dice.int(5) }, () => bytes(30)),
    ...(dice.chance(0.5) && {
      key: { key: `k${dice.int(1000)}ü`, bodyHash: Buffer.alloc(bodyHashBytes, dice.int(256)) },
    }),
    ...(dice.chance(0.3) && { producer: { id: dice.int(2 ** 40), epoch: dice.int(9), sequence: dice.int(2 ** 33) } }),
  };
}
const encoded = (write: Write): EncodedWrite => ({
  bytes: encodeWrite(write),
  tag: write.tag,
  count: write.contents.length,
  ...(write.key && { key: write.key }),
});
function randomBatch(dice: SeededDice): { batch: Batch; writes: readonly Write[] } {
  const writes = Array.from({ length: 1 + dice.int(4) }, () => randomWrite(dice));
  const header = {
    epoch: e(1 + dice.int(1000), 1 + dice.int(65_535)),
    type: 'data' as const,
    baseIndex: 1 + dice.int(2 ** 40),
    baseLamport: 1 + dice.int(2 ** 50),
    firstId: 1 + dice.int(2 ** 40),
    count: writes.reduce((sum, { contents }) => sum + contents.length, 0),
  };
  return { batch: encodeBatch(header, writes.map(encoded)), writes };
}

Batches('a write comes back as it was', () => {
  const dice = new SeededDice('write');
  for (let i = 0; i < 500; i++) {
    const write = randomWrite(dice);
    const reader = new ByteReader(encodeWrite(write));
    assert.equal(readWrite(reader), write);
    assert.ok(reader.done);
  }
});

Batches('a batch comes back as it was, byte for byte, with the ids and Lamport times of its messages', () => {
  const dice = new SeededDice('batch');
  for (let i = 0; i < 200; i++) {
    const { batch, writes } = randomBatch(dice);
    const again = decodeBatch(Buffer.from(batch.bytes));
    if (again === 'malformed') throw new Error('malformed');
    assert.ok(again.bytes.equals(batch.bytes));
    assert.equal(
      [...again.writes()].map(({ write }) => write),
      writes,
    );
    let offset = 0;
    for (const { write, firstId, firstLamport } of again.writes()) {
      assert.is(firstId, again.firstId + offset);
      assert.is(firstLamport, again.baseLamport + offset);
      offset += write.contents.length;
    }
    assert.is(offset, again.count);
    assert.is(again.endIndex, again.baseIndex + offset - 1);
    assert.is(again.nextId, again.firstId + offset);
    assert.is(
      again.hasKeys,
      writes.some(({ key }) => key !== undefined),
    );
  }
});

Batches('a barrier is one entry and no message', () => {
  const barrier = aBatch(nothingBefore, e(1, 1), 'barrier');
  assert.is(barrier.count, 1);
  assert.is(barrier.messageCount, 0);
  assert.is(barrier.nextId, barrier.firstId);
  assert.equal([...barrier.writes()], []);
  assert.not.equal(decodeBatch(barrier.bytes), 'malformed');
});

Batches('one flipped bit makes a batch malformed, wherever it is', () => {
  const { batch } = randomBatch(new SeededDice('flip'));
  for (let bit = 0; bit < batch.bytes.length * 8; bit++) {
    const rotten = Buffer.from(batch.bytes);
    rotten[bit >> 3] = (rotten[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.is(decodeBatch(rotten), 'malformed', `bit ${bit}`);
  }
});

Batches('a batch cut short or drawn out is malformed', () => {
  const { batch } = randomBatch(new SeededDice('cut'));
  for (let length = 0; length < batch.bytes.length; length++)
    assert.is(decodeBatch(Buffer.from(batch.bytes.subarray(0, length))), 'malformed', `${length} bytes`);
  assert.is(decodeBatch(Buffer.concat([batch.bytes, Buffer.alloc(1)])), 'malformed');
});

/** A liar with a right checksum: an authenticated peer of another release, or a bug. */
function forged(batch: Batch, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch.bytes);
  change(bytes);
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

Batches('a right checksum does not make a wrong header right', () => {
  const batch = aBatch(nothingBefore, e(1, 1), [aWrite({ contents: ['a', 'b'] })]);
  assert.not.equal(decodeBatch(forged(batch, () => undefined)), 'malformed');
  const lies: readonly (readonly [string, (bytes: Buffer) => void])[] = [
    ['version', (bytes) => bytes.writeUInt8(2, 8)],
    ['type', (bytes) => bytes.writeUInt8(4, 9)],
    ['a barrier with messages', (bytes) => bytes.writeUInt8(1, 9)],
    ['epoch 0', (bytes) => bytes.writeDoubleBE(0, 12)],
    ['epoch 1.5', (bytes) => bytes.writeDoubleBE(1.5, 12)],
    ['index 0', (bytes) => bytes.writeDoubleBE(0, 20)],
    ['index NaN', (bytes) => bytes.writeDoubleBE(Number.NaN, 20)],
    ['a negative Lamport time', (bytes) => bytes.writeDoubleBE(-1, 28)],
    ['a huge id', (bytes) => bytes.writeDoubleBE(2 ** 60, 36)],
    ['no entries', (bytes) => bytes.writeUInt32BE(0, 44)],
    ['one entry too few', (bytes) => bytes.writeUInt32BE(1, 44)],
    ['one entry too many', (bytes) => bytes.writeUInt32BE(3, 44)],
    ['four thousand million writes', (bytes) => bytes.writeUInt32BE(0xffff_ffff, 48)],
    ['no writes', (bytes) => bytes.writeUInt32BE(0, 48)],
  ];
  for (const [name, lie] of lies) assert.is(decodeBatch(forged(batch, lie)), 'malformed', name);
});

Batches('random bytes with a right checksum never throw, and end soon', () => {
  const dice = new SeededDice('noise');
  const { batch } = randomBatch(dice);
  for (let i = 0; i < 3000; i++) {
    const bytes = forged(batch, (b) => {
      for (let k = 1 + dice.int(4); k > 0; k--) b[8 + dice.int(b.length - 8)] = dice.int(256);
    });
    const read = decodeBatch(bytes);
    if (read !== 'malformed') assert.is([...read.writes()].length, read.writeCount);
  }
});

Batches('a write with no messages, or with too many, is malformed', () => {
  const contents = Array<Buffer>(maxMessagesInWrite + 1).fill(Buffer.alloc(0));
  for (const wrong of [[], contents]) {
    const write = encoded({ ...randomWrite(new SeededDice(1)), contents: wrong });
    const reader = new ByteReader(write.bytes);
    readWrite(reader);
    assert.not.ok(reader.ok);
  }
});

Batches('a length beyond the bound begins no batch', () => {
  const bytes = Buffer.alloc(batchHeaderBytes + 10);
  for (const [length, found] of [
    [batchHeaderBytes - 1, 0],
    [batchHeaderBytes, batchHeaderBytes],
    [maxBatchBytes, maxBatchBytes],
    [maxBatchBytes + 1, 0],
    [0xffff_ffff, 0],
  ] as const) {
    bytes.writeUInt32BE(length, 0);
    assert.is(batchLengthAt(bytes, 0), found);
  }
  assert.is(batchLengthAt(bytes, 11), 0);
});

Batches.run();
