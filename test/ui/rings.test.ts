/** What the page keeps: the order of its messages, and what it says about those that it does not show. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { columnsOf, compareRows, MessageRing, PointRing, sampleOf } from '../../ui/rings.ts';
import { SeededDice } from '../support/dice.ts';
import { aMessage } from '../support/fakeFeed.ts';

const Ring = suite('ring of messages');
const ids = (ring: MessageRing): number[] => ring.rows.map(({ id }) => id);

Ring('holds the order of the log however the rows come in (U1)', () => {
  const dice = new SeededDice(7);
  const rows = Array.from({ length: 400 }, (_, i) => aMessage(i + 1));
  const ring = new MessageRing(1000);
  const shuffled = rows.map((row) => ({ row, at: dice.next() })).sort((a, b) => a.at - b.at);
  for (const { row } of shuffled) ring.add([row]);
  assert.equal(
    ids(ring),
    rows.map(({ id }) => id),
  );
});

Ring('orders by Lamport time before the id', () => {
  const ring = new MessageRing(10);
  ring.add([aMessage(1, { lamport: 30 }), aMessage(2, { lamport: 20 }), aMessage(4, { lamport: 30 })]);
  assert.equal(ids(ring), [2, 1, 4]);
  assert.ok(compareRows(aMessage(1, { lamport: 5 }), aMessage(2, { lamport: 5 })) < 0);
});

Ring('takes a message once, whoever shows it again', () => {
  const ring = new MessageRing(10);
  assert.is(ring.add([aMessage(1), aMessage(2)]), true);
  assert.is(ring.add([aMessage(2), aMessage(1)]), false);
  assert.equal(ids(ring), [1, 2]);
  assert.is(ring.added, 2);
});

Ring('keeps a violation that any node has found', () => {
  const ring = new MessageRing(10);
  ring.add([aMessage(1)]);
  assert.is(ring.add([aMessage(1, { violation: true })]), true);
  ring.add([aMessage(1)]);
  assert.is(ring.rows[0]?.violation, true);
});

Ring('is bounded, and drops the oldest', () => {
  const ring = new MessageRing(5);
  ring.add(Array.from({ length: 9 }, (_, i) => aMessage(i + 1)));
  assert.equal(ids(ring), [5, 6, 7, 8, 9]);
  ring.add([aMessage(2)]);
  assert.equal(ids(ring), [5, 6, 7, 8, 9]);
});

Ring('leaves the rows that somebody reads as they were', () => {
  const ring = new MessageRing(5);
  ring.add([aMessage(1)]);
  const read = ring.rows;
  ring.add([aMessage(2)]);
  assert.is(read.length, 1);
  assert.is(ring.rows.length, 2);
});

const Sample = suite('sample');

Sample('is "1 of N" of the messages between the oldest row and the newest', () => {
  assert.equal(sampleOf([]), { rows: 0, span: 0, oneOf: 1 });
  assert.equal(sampleOf([aMessage(5), aMessage(6)]), { rows: 2, span: 2, oneOf: 1 });
  assert.equal(sampleOf([aMessage(1), aMessage(500), aMessage(1000)]).oneOf, 1000 / 3);
});

const Points = suite('points of a chart');
const point = (wallMs: number, perSecond = 1): Parameters<PointRing['add']>[0] => ({
  wallMs,
  perSecond,
  averageMs: 2,
  p95Ms: 3,
});

Points('come once a second, and the oldest go', () => {
  const ring = new PointRing(3);
  const taken = [0, 200, 1000, 1400, 2000, 3000].map((wallMs) => ring.add(point(wallMs)));
  assert.equal(taken, [true, false, true, false, true, true]);
  assert.equal(
    ring.points.map(({ wallMs }) => wallMs),
    [1000, 2000, 3000],
  );
});

Points('have a gap where seconds are missing, never a line across it', () => {
  const columns = columnsOf([point(0, 5), point(1000, 6), point(9000, 7)], [({ perSecond }) => perSecond]);
  assert.equal(columns, [
    [0, 1, 2, 9],
    [5, 6, null, 7],
  ]);
});

Points('have a gap where nothing was measured', () => {
  const unmeasured = { ...point(1000), averageMs: null };
  const columns = columnsOf([point(0), unmeasured, point(2000)], [({ averageMs }) => averageMs]);
  assert.equal(columns, [[0, 1, 2], [2, null, 2]]); // biome-ignore format: one line
});

for (const each of [Ring, Sample, Points]) each.run();
