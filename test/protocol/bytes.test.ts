import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ByteReader, ByteWriter } from '../../actors/protocol/bytes.ts';
import { SeededDice } from '../support/dice.ts';

const Bytes = suite('bytes');

const edges = [
  0,
  1,
  127,
  128,
  16_383,
  16_384,
  2 ** 28,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 49,
  2 ** 52,
  Number.MAX_SAFE_INTEGER,
];

Bytes('every kind of number comes back, at its edges', () => {
  for (const value of edges) {
    assert.is(new ByteReader(new ByteWriter().varint(value).finish()).varint(), value);
    assert.is(new ByteReader(new ByteWriter().f64(value).finish()).integer(), value);
    assert.is(new ByteReader(new ByteWriter().f64(-value / 3).finish()).f64(), -value / 3);
    assert.is(new ByteReader(new ByteWriter().u32(value % 2 ** 32).finish()).u32(), value % 2 ** 32);
    assert.is(new ByteReader(new ByteWriter().u16(value % 65_536).finish()).u16(), value % 65_536);
    assert.is(new ByteReader(new ByteWriter().u8(value % 256).finish()).u8(), value % 256);
  }
});

Bytes('a small number takes a small varint', () => {
  const length = (value: number): number => new ByteWriter().varint(value).length;
  assert.equal([0, 127, 128, 16_383, 16_384, Number.MAX_SAFE_INTEGER].map(length), [1, 1, 2, 2, 3, 8]);
});

Bytes('a writer that begins with nothing grows to whatever is written', () => {
  const dice = new SeededDice('grow');
  for (const initial of [0, 1, 7, 256]) {
    const writer = new ByteWriter(initial);
    const parts: Buffer[] = [];
    for (let i = 0; i < 300; i++) {
      const part = Buffer.alloc(dice.int(40), i);
      parts.push(part);
      writer
        .bytes(part)
        .u8(i & 255)
        .f64(i)
        .text('ü');
    }
    const reader = new ByteReader(writer.finish());
    for (const [i, part] of parts.entries()) {
      assert.ok(reader.bytes().equals(part));
      assert.is(reader.u8(), i & 255);
      assert.is(reader.f64(), i);
      assert.is(reader.text(), 'ü');
    }
    assert.ok(reader.done);
  }
});

Bytes('one write larger than twice the room is taken whole', () => {
  const big = Buffer.alloc(100_000, 3);
  assert.ok(new ByteReader(new ByteWriter(16).bytes(big).finish()).bytes().equals(big));
});

Bytes('behind its end a reader gives nothing, says so, and stays so (B1)', () => {
  const empty: readonly (readonly [string, (r: ByteReader) => unknown, unknown])[] = [
    ['u8', (r) => r.u8(), 0],
    ['bool', (r) => r.bool(), false],
    ['u16', (r) => r.u16(), 0],
    ['u32', (r) => r.u32(), 0],
    ['f64', (r) => r.f64(), 0],
    ['integer', (r) => r.integer(), 0],
    ['varint', (r) => r.varint(), 0],
    ['raw', (r) => r.raw(1).length, 0],
    ['bytes', (r) => r.bytes().length, 0],
    ['text', (r) => r.text(), ''],
  ];
  for (const [name, read, nothing] of empty) {
    const reader = new ByteReader(Buffer.alloc(0));
    assert.is(read(reader), nothing, name);
    assert.not.ok(reader.ok, name);
    for (const [, again, value] of empty) assert.is(again(reader), value, name);
    assert.not.ok(reader.done, name);
  }
});

Bytes('a length that lies reads and allocates nothing', () => {
  const reader = new ByteReader(
    new ByteWriter()
      .varint(2 ** 40)
      .raw(Buffer.alloc(8))
      .finish(),
  );
  assert.is(reader.bytes().length, 0);
  assert.not.ok(reader.ok);
  const bounded = new ByteReader(new ByteWriter().bytes(Buffer.alloc(9)).finish());
  assert.is(bounded.bytes(8).length, 0);
  assert.not.ok(bounded.ok);
});

Bytes('what is no safe integer is a fault (B2)', () => {
  for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    const reader = new ByteReader(new ByteWriter().f64(value).finish());
    assert.is(reader.integer(), 0);
    assert.not.ok(reader.ok, String(value));
  }
  const tooBig = new ByteReader(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]));
  assert.is(tooBig.varint(), 0);
  assert.not.ok(tooBig.ok);
  const endless = new ByteReader(Buffer.alloc(100, 0xff));
  endless.varint();
  assert.not.ok(endless.ok);
});

Bytes('a boolean is 0 or 1', () => {
  const reader = new ByteReader(Buffer.from([2]));
  reader.bool();
  assert.not.ok(reader.ok);
});

Bytes('a reader is done when everything was read, and not before', () => {
  const reader = new ByteReader(Buffer.from([1, 2]));
  assert.is(reader.u8(), 1);
  assert.not.ok(reader.done);
  assert.is(reader.left, 1);
  assert.is(reader.u8(), 2);
  assert.ok(reader.done);
});

Bytes.run();
