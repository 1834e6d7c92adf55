/** A history that is wrong in just this way is found, and one that is right is not (T1, T4, T5). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeAnswers, judgeCounters, judgeRestart } from './accounts.ts';
import { Recorder } from './recorder.ts';

const Accounts = suite('accounts of a torture');

const line = (id: number, content: string): string =>
  JSON.stringify({ id, content, lamport_timestamp: id + 10, node_id: 1, seen: 0 });
const log = (recorder: Recorder, ...lines: readonly string[]) => recorder.ndjson(Buffer.from(lines.join('\n')));

Accounts('T1: a message that is gone, changed or in another place after the restart is found at each node', () => {
  const recorder = new Recorder();
  const [a, b, c] = [line(1, 'a'), line(2, 'b'), line(3, 'c')];
  const before = new Map([1, 2, 3].map((id) => [id, log(recorder, a, b, c)]));
  const judged = (...lines: readonly string[]) =>
    judgeRestart(before, new Map(before).set(2, log(recorder, ...lines))).map(
      ({ invariant, words }) => `${invariant}: ${words}`,
    );
  assert.equal(judged(a, b, c), []);
  assert.equal(judged(a, b, c, line(4, 'new')), []);
  assert.equal(judged(a, b), ['T1: node 2 has lost or changed message 3']);
  assert.equal(judged(a, line(2, 'B'), c), ['T1: node 2 has lost or changed message 2']);
  assert.equal(judged(b, a, c), ['T1: node 2 has lost or changed message 1']);
  assert.equal(judged(), ['T1: node 2 has lost or changed message 1']);
  assert.is(judgeRestart(before, new Map()).length, 3);
});

Accounts('T4: what a node counted itself is told', () => {
  assert.equal(judgeCounters(0), []);
  assert.equal(judgeCounters(2), [{ invariant: 'T4', words: 'a node counted 2 violations of the order' }]);
});

Accounts('T5: an answer that is none of the API is told, ten of them at most', () => {
  const recorder = new Recorder();
  assert.equal(judgeAnswers(recorder.complaints), []);
  recorder.message({ id: 1, content: 5 });
  assert.match(judgeAnswers(recorder.complaints)[0]?.words ?? '', 'no message: {"id":1,"content":5}');
  for (let i = 0; i < 30; i++) recorder.complain('more');
  assert.is(judgeAnswers(recorder.complaints).length, 10);
});

Accounts.run();
