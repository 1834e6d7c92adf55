/** The writes that wait at the leader (A1, A2): their order, who drops out, and that nothing taken stays in memory. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Submission, Submissions } from '../../../actors/pipeline/submissions.ts';
import { aWrite } from '../../support/actorWorld.ts';

const Waiting = suite('submissions');

const submission = (n: number, origin = 2): Submission => ({ origin, write: aWrite({ n }), firstTryCommit: 0 });
const wide = { maxBytes: 1e6, maxMessages: 1e6, maxWrites: 1e6 };
const numbersOf = (submissions: readonly Submission[]): number[] => submissions.map(({ write }) => write.tag.n);
const from1To = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

Waiting('are taken in their order, each once, however many are taken at a time', () => {
  for (const atATime of [1, 2, 3, 7, 100]) {
    const waiting = new Submissions();
    const taken: number[] = [];
    for (const n of from1To(100)) {
      waiting.add(submission(n));
      if (n % 3 === 0) taken.push(...numbersOf(waiting.take({ ...wide, maxMessages: atATime })));
    }
    while (!waiting.isEmpty) taken.push(...numbersOf(waiting.take({ ...wide, maxMessages: atATime })));
    assert.equal(taken, from1To(100), `${atATime} at a time`);
    assert.is(waiting.bytes, 0);
  }
});

Waiting('give one at least, and no more than fit', () => {
  const waiting = new Submissions();
  for (const n of from1To(5)) waiting.add(submission(n));
  const { length } = submission(1).write.bytes;
  assert.equal(numbersOf(waiting.take({ ...wide, maxBytes: 1 })), [1]);
  assert.equal(numbersOf(waiting.take({ ...wide, maxBytes: 2 * length })), [2, 3]);
  assert.is(waiting.bytes, 2 * length);
  assert.equal(numbersOf(waiting.take({ ...wide, maxWrites: 1 })), [4]);
});

Waiting('go with the connection over which they came, and only they', () => {
  const waiting = new Submissions();
  for (const n of from1To(6)) waiting.add(submission(n, n % 2 === 0 ? 2 : 3));
  waiting.take({ ...wide, maxWrites: 1 });
  waiting.dropFrom(2);
  assert.equal(numbersOf(waiting.takeAll()), [3, 5]);
  assert.ok(waiting.isEmpty);
  assert.is(waiting.bytes, 0);
});

Waiting('are let go once they are taken, also while others always wait', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const waiting = new Submissions();
  const taken: WeakRef<Submission>[] = [];
  for (const n of from1To(1_000)) {
    waiting.add(submission(n));
    if (n > 10) taken.push(...waiting.take({ ...wide, maxWrites: 1 }).map((one) => new WeakRef(one)));
  }
  assert.not.ok(waiting.isEmpty);
  await setImmediate(); // Whatever a WeakRef was made of or showed in a turn stays until its end.
  collectGarbage();
  const kept = taken.filter((one) => one.deref() !== undefined).length;
  assert.ok(kept <= 20, `${kept} of ${taken.length} are still in memory`);
});

Waiting.run();
