import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../actors/protocol/batch.ts';
import { KeyTable, keyedWrites } from '../../actors/protocol/keyTable.ts';
import { aBatch, aWrite, e, nothingBefore } from '../support/actorWorld.ts';
import { SeededDice } from '../support/dice.ts';

const Keys = suite('idempotency keys (PROTOCOL §8)');

const epoch = e(1, 1);

Keys('a key gives the place, the size and the body of its write', () => {
  const first = aBatch(nothingBefore, epoch, [aWrite({ contents: ['a', 'b'] })]);
  const batch = aBatch(first, epoch, [
    aWrite({ n: 2, contents: ['c'] }),
    aWrite({ n: 3, origin: 7, key: 'k', body: 'x', contents: ['d', 'e', 'f'] }),
  ]);
  const table = new KeyTable({ keptEntries: 100, keptKeys: 100 });
  table.commit(first);
  table.commit(batch);
  assert.equal(table.get('k'), {
    index: 4,
    firstId: 4,
    firstLamport: 4,
    count: 3,
    bodyHash: 'x'.repeat(16),
    origin: 7,
    seen: 0,
    physicalSeconds: 1.5,
  });
  assert.is(table.get('other'), undefined);
  assert.is(table.size, 1);
});

Keys('a batch without keys is not decoded for any', () => {
  const batch = aBatch(nothingBefore, epoch, [aWrite()]);
  assert.not.ok(batch.hasKeys);
  assert.equal(keyedWrites(batch), []);
});

/** One message a batch, each with a key of its own. */
function aLogOfKeys(count: number): Batch[] {
  const batches: Batch[] = [];
  for (let i = 1; i <= count; i++)
    batches.push(aBatch(batches.at(-1) ?? nothingBefore, epoch, [aWrite({ n: i, key: `key ${i}` })]));
  return batches;
}

Keys('a key is kept for so many entries behind it, and then forgotten (K1)', () => {
  const table = new KeyTable({ keptEntries: 10, keptKeys: 100 });
  for (const batch of aLogOfKeys(30)) {
    table.commit(batch);
    const { endIndex } = batch;
    assert.is(table.floor, Math.max(0, endIndex - 10));
    assert.is(table.size, Math.min(10, endIndex));
    for (let i = 1; i <= endIndex; i++)
      assert.is(table.get(`key ${i}`) !== undefined, i > table.floor, `${i} at ${endIndex}`);
  }
});

Keys('however far they lie apart, no more than so many are kept (K1)', () => {
  const table = new KeyTable({ keptEntries: 1000, keptKeys: 10 });
  for (const batch of aLogOfKeys(30)) {
    table.commit(batch);
    assert.is(table.size, Math.min(10, batch.endIndex));
    assert.is(table.floor, Math.max(0, batch.endIndex - 10));
    assert.is(table.get(`key ${table.floor}`), undefined);
    assert.is(table.get(`key ${table.floor + 1}`)?.index, table.floor + 1);
  }
});

Keys('what has no key raises the floor as well', () => {
  const table = new KeyTable({ keptEntries: 10, keptKeys: 10 });
  const [batch] = aLogOfKeys(1) as [Batch];
  table.commit(batch);
  table.reach(10);
  assert.is(table.get('key 1')?.index, 1);
  table.reach(11);
  assert.is(table.floor, 1);
  assert.is(table.get('key 1'), undefined);
});

Keys('the table is a function of the committed log, however it was cut into commits', () => {
  const dice = new SeededDice('keys');
  const batches: Batch[] = [];
  for (let i = 1; i <= 300; i++) {
    const writes = Array.from({ length: 1 + dice.int(3) }, (_, w) =>
      aWrite({
        n: i * 10 + w,
        contents: Array<string>(1 + dice.int(3)).fill('m'),
        ...(dice.chance(0.6) && { key: `${i}/${w}` }),
      }),
    );
    batches.push(aBatch(batches.at(-1) ?? nothingBefore, epoch, dice.chance(0.1) ? 'barrier' : writes));
  }
  const table = new KeyTable({ keptEntries: 50, keptKeys: 40 });
  const all = new Map<string, { index: number }>();
  for (const batch of batches) {
    table.commit(batch);
    for (const [key, write] of keyedWrites(batch)) all.set(key, write);
    const kept = [...all].filter(([, { index }]) => index > table.floor);
    assert.is(table.size, kept.length);
    for (const [key, write] of kept) assert.equal(table.get(key), write);
  }
});

Keys.run();
