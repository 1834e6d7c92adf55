import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  differing,
  doubled,
  faultsOf,
  gapsInIds,
  invented,
  type LoggedMessage,
  lamportDisorder,
  longestGap,
  lost,
  type Operation,
  type Outcome,
  realTimeDisorder,
  seenAhead,
  staleReads,
  undead,
  wrongAnswers,
} from './history.ts';

const History = suite('history checkers');

/** One write, from `beganAt` to `endedAt`. */
const op = (text: string, beganAt: number, endedAt: number, outcome: Outcome): Operation => ({
  text,
  node: 1,
  beganAt,
  endedAt,
  outcome,
});
const done = (id: number, lamport = id * 10): Outcome => ({ kind: 'done', id, lamport });
const notDone: Outcome = { kind: 'not_done', code: 'NO_LEADER' };
const unknown: Outcome = { kind: 'unknown', code: 'OUTCOME_UNKNOWN' };
const message = (id: number, content: string, lamport = id * 10, seen = 0): LoggedMessage => ({
  id,
  content,
  lamport_timestamp: lamport,
  node_id: 1,
  seen,
});

/** Right in all respects: two acknowledged, one refused, one unknown that is there, one that is not. */
const operations = [
  op('a', 0, 5, done(1)),
  op('b', 6, 9, done(2)),
  op('refused', 7, 8, notDone),
  op('c', 10, 20, unknown),
  op('d', 10, 20, unknown),
];
const log = [message(1, 'a'), message(2, 'b', 20, 1), message(3, 'c', 30, 2)];
const bytesOf = (messages: readonly LoggedMessage[]): Buffer =>
  Buffer.from(messages.map((each) => `${JSON.stringify(each)}\n`).join(''));
const answers = (...logs: (readonly LoggedMessage[])[]): Map<number, Buffer> =>
  new Map(logs.map((each, i) => [i + 1, bytesOf(each)]));

History('find nothing wrong with a right history', () => {
  assert.equal(faultsOf(operations, answers(log, log, log)), []);
});

History('find an acknowledged message that is not there', () => {
  assert.is(lost(operations, log.slice(0, 1)).length, 1);
});

History('find a message that stands there twice', () => {
  assert.is(doubled([...log, message(4, 'b')]).length, 1);
});

History('find a refused message that is there', () => {
  assert.is(undead(operations, [...log, message(4, 'refused')]).length, 1);
});

History('find a message that nobody wrote', () => {
  assert.is(invented(operations, [...log, message(4, 'x')]).length, 1);
});

History('find a gap in the ids, and a log that does not begin with 1', () => {
  assert.is(gapsInIds([message(1, 'a'), message(3, 'c')]).length, 1);
  assert.is(gapsInIds([message(2, 'b')]).length, 1);
});

History('find a Lamport time that does not rise', () => {
  assert.is(lamportDisorder([message(1, 'a', 10), message(2, 'b', 10)]).length, 1);
  assert.is(lamportDisorder([message(1, 'a', 10), message(2, 'b', 9)]).length, 1);
});

History('find a message that had seen itself', () => {
  assert.is(seenAhead([message(1, 'a', 10, 1)]).length, 1);
});

History('find an answer with another id or Lamport time than the log', () => {
  assert.is(wrongAnswers([op('a', 0, 1, done(2, 10))], log).length, 1);
  assert.is(wrongAnswers([op('a', 0, 1, done(1, 11))], log).length, 1);
});

History('find a write that stands before one acknowledged before it began', () => {
  assert.is(realTimeDisorder([op('a', 0, 5, done(2)), op('b', 6, 9, done(1))]).length, 1);
  assert.is(realTimeDisorder([op('a', 0, 5, done(2)), op('b', 5, 9, done(1))]).length, 0, 'they overlap');
});

History('find a read that shows less than was acknowledged before it began', () => {
  assert.is(staleReads(operations, [{ node: 2, beganAt: 10, shownId: 1 }]).length, 1);
  assert.is(staleReads(operations, [{ node: 2, beganAt: 9, shownId: 1 }]).length, 0, 'b was under way');
});

History('find a node that answers with other bytes, or fewer', () => {
  assert.is(differing(answers(log, log, log.slice(0, 2))).length, 1);
  assert.is(differing(answers(log, [...log.slice(0, 2), message(3, 'x')])).length, 1);
  assert.is(differing(new Map()).length, 1);
});

History('tell a few faults of each kind and how many more there are', () => {
  const many = Array.from({ length: 9 }, (_, i) => op(`x${i}`, 0, 1, done(i + 1)));
  const faults = faultsOf(many, answers([]));
  assert.is(faults.length, 4);
  assert.match(faults[3] ?? '', '6 more');
});

History('measure the longest time without an acknowledgement', () => {
  assert.equal(longestGap(operations, 0, 12), { ms: 5, at: 0 });
  assert.equal(longestGap(operations, 4, 30), { ms: 21, at: 9 });
});

History.run();
