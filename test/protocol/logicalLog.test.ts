import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../actors/protocol/batch.ts';
import { type Epoch, type Position, start } from '../../actors/protocol/epoch.ts';
import { InvariantViolation, LogicalLog, logStart } from '../../actors/protocol/logicalLog.ts';
import { aBatch, aLogOf, at, aWrite, type Before, e, emptyLog, nothingBefore } from '../support/actorWorld.ts';
import { SeededDice } from '../support/dice.ts';
import { runsOf } from '../support/pipelineWorld.ts';

const Logs = suite('logical log (PROTOCOL §2)');

const big = 1024 * 1024;
const logOf = (batches: readonly Batch[], commit = 0, tailBytes = big): LogicalLog => {
  const log = new LogicalLog(
    { runs: runsOf(batches), floor: logStart, messageLamport: 0, tail: batches, commit },
    tailBytes,
  );
  return log;
};
const breaks = (rule: string, act: () => unknown): void => {
  assert.throws(act, (error: unknown) => error instanceof InvariantViolation && error.message.startsWith(`${rule}:`));
};
const messages = (dice: SeededDice) => [aWrite({ n: 1, contents: Array.from({ length: 1 + dice.int(4) }, () => 'm') })];

/** The same, as plainly as can be: all batches in an array, everything by looking at all of them. */
class Model {
  batches: Batch[] = [];
  commit = 0;
  /** The first batch that may be asked for. */
  get before(): Before {
    return this.batches.at(-1) ?? nothingBefore;
  }
  get last(): Position {
    return this.before.end;
  }
  epochAt(index: number): Epoch {
    return this.batches.find((batch) => batch.baseIndex <= index && index <= batch.endIndex)?.epoch ?? 0;
  }
  hintBelow({ epoch, index }: Position): Position {
    for (let i = Math.min(index, this.last.index); i > 0; i--)
      if (this.epochAt(i) <= epoch) return at(this.epochAt(i), i);
    return start;
  }
  after(index: number): Batch[] {
    return this.batches.filter((batch) => batch.endIndex > index);
  }
  committedAfter(id: number): Batch[] {
    return this.batches.filter((batch) => batch.endIndex <= this.commit && batch.nextId > id + 1);
  }
  get ends(): number[] {
    return this.batches.map(({ endIndex }) => endIndex);
  }
}
const isPrefix = (found: readonly Batch[], of: readonly Batch[]): boolean =>
  found.every((batch, i) => batch === of[i]) && (found.length > 0 || of.length === 0);

Logs('agree with a plain array of batches through any appends, cuts and commits', () => {
  let cold = 0;
  for (let seed = 0; seed < 40; seed++) {
    const dice = new SeededDice(`log ${seed}`);
    const tailBytes = dice.pick([0, 300, 2000, big]);
    const log = new LogicalLog(emptyLog, tailBytes);
    const model = new Model();
    let round = 1;
    for (let step = 0; step < 150; step++) {
      const what = dice.next();
      if (what < 0.55) {
        const batch = aBatch(model.before, e(round, 1), dice.chance(0.2) ? 'barrier' : messages(dice));
        log.append(batch);
        model.batches.push(batch);
        if (dice.chance(0.8)) log.durable = batch.endIndex;
      } else if (what < 0.7) {
        const ends = [...model.ends.filter((end) => end >= model.commit), model.commit];
        const end = dice.pick(ends);
        log.cutAfter(end);
        model.batches = model.batches.filter((batch) => batch.endIndex <= end);
        log.durable = Math.min(log.durable, end);
        round++;
      } else if (what < 0.85) {
        const ends = model.ends.filter((end) => end > model.commit);
        if (ends.length > 0) {
          const end = dice.pick(ends);
          const newly = model.batches.filter((batch) => batch.endIndex > model.commit && batch.endIndex <= end);
          assert.equal(log.commitTo(end), newly);
          model.commit = end;
        }
      } else round++;

      assert.equal(log.last, model.last);
      assert.is(log.lastLamport, model.before.endLamport);
      assert.is(log.nextId, model.before.nextId);
      assert.is(log.commit, model.commit);
      const committed = model.batches.filter((batch) => batch.endIndex <= model.commit);
      assert.is(log.lastCommittedId, (committed.at(-1)?.nextId ?? 1) - 1);
      assert.is(log.commitLamport, committed.at(-1)?.endLamport ?? 0);
      const index = dice.int(model.last.index + 3);
      const epoch = e(dice.int(round + 2), 1 + dice.int(2));
      assert.is(log.epochAt(index), model.epochAt(index));
      assert.equal(log.hintBelow(at(epoch, index)), model.hintBelow(at(epoch, index)), `${seed}/${step}`);
      assert.is(log.holds(at(epoch, index)), epoch > 0 && model.epochAt(index) === epoch);
      assert.ok(log.holds(start));
      assert.ok(log.holds(log.positionAt(Math.min(index, model.last.index))));
      const maxBytes = dice.pick([0, 200, big]);
      const found = log.batchesAfter(index, maxBytes);
      if (found === 'cold') cold++;
      else assert.ok(isPrefix(found, model.after(index)), `after ${index}`);
      if (found !== 'cold' && maxBytes === big) assert.is(found.length, model.after(index).length);
      const id = dice.int(log.lastCommittedId + 2);
      const read = log.committedAfterId(id, maxBytes);
      if (read === 'cold') cold++;
      else {
        const wanted = model.committedAfter(id);
        assert.equal(
          read.filter(({ type }) => type === 'data'),
          wanted.filter(({ type }) => type === 'data').slice(0, read.filter(({ type }) => type === 'data').length),
        );
        assert.ok(read.length > 0 || id >= log.lastCommittedId);
        assert.ok(read.every(({ endIndex }) => endIndex <= model.commit));
        const [first] = read;
        if (first) assert.ok(first.type === 'data' && first.firstId <= id + 1 && id + 1 < first.nextId);
      }
      // A1: what is not committed is never cold.
      assert.not.equal(log.batchesAfter(model.commit, 1), 'cold');
    }
  }
  assert.ok(cold > 100, 'the budget was never reached: the test tried nothing');
});

Logs('never replace what is committed (R7)', () => {
  const log = logOf(aLogOf([e(1, 1), 0], [e(1, 1), 3], [e(1, 1), 2]), 4);
  breaks('R7', () => log.cutAfter(1));
  breaks('R7', () => log.cutAfter(0));
  log.cutAfter(4);
  assert.is(log.last.index, 4);
});

Logs('split no batch (A3)', () => {
  const log = logOf(aLogOf([e(1, 1), 3], [e(1, 1), 3]));
  breaks('A3', () => log.cutAfter(4));
  breaks('R8', () => logOf(aLogOf([e(1, 1), 3])).commitTo(2));
});

Logs('take only what joins: index, id and epoch', () => {
  const [first, second] = aLogOf([e(2, 1), 3], [e(2, 1), 1]) as [Batch, Batch];
  breaks('A3', () => new LogicalLog(emptyLog, big).append(second));
  const shifted = aBatch({ end: first.end, endLamport: 3, nextId: 9 }, e(2, 1), [aWrite()]);
  breaks('A3', () => logOf([first]).append(shifted));
  breaks('L2', () => logOf([first]).append(aBatch(first, e(1, 1), [aWrite()])));
});

Logs('commit only forward, to the end of a batch', () => {
  const log = logOf(aLogOf([e(1, 1), 3], [e(1, 1), 3]), 3);
  breaks('R8', () => log.commitTo(3));
  breaks('R8', () => log.commitTo(7));
  assert.is(log.commitTo(6).length, 1);
});

Logs('refuse a recovered tail that does not reach the commit (A1)', () => {
  breaks('A1', () => logOf(aLogOf([e(1, 1), 3]), 2));
});

Logs('keep in memory what is not on the own disk, although a majority has it', () => {
  const log = logOf([], 0, 0);
  const batches = aLogOf([e(1, 1), 2], [e(1, 1), 2]);
  for (const batch of batches) log.append(batch);
  log.durable = 0;
  log.commitTo(4);
  assert.equal(log.batchesAfter(0, big), batches);
  log.durable = 4;
  const more = aBatch(batches[1] as Batch, e(1, 1), [aWrite()]);
  log.append(more);
  log.commitTo(5);
  assert.is(log.batchesAfter(0, big), 'cold');
});

Logs('know the newest message that is committed, behind barriers too', () => {
  const log = logOf(aLogOf([e(1, 1), 0], [e(1, 1), 3], [e(2, 2), 0]), 5);
  assert.is(log.lastCommittedMessageLamport, 4);
  assert.is(log.commitLamport, 5);
  assert.is(logOf(aLogOf([e(1, 1), 0]), 1).lastCommittedMessageLamport, 0);
  // The newest message may have left the memory before the restart.
  const [barrier, data, last] = aLogOf([e(1, 1), 0], [e(1, 1), 3], [e(2, 2), 0]) as [Batch, Batch, Batch];
  const floor = { position: data.end, lamport: data.endLamport, nextId: data.nextId };
  const reopened = { runs: runsOf([barrier, data, last]), floor, messageLamport: 4, tail: [last], commit: 5 };
  assert.is(new LogicalLog(reopened, big).lastCommittedMessageLamport, 4);
});

Logs.run();

const Search = suite('search for the common prefix (R5, R7)');

/** Two logs that obey log matching: cut from one tree of leaders' logs. */
function twoLogs(dice: SeededDice): readonly [Batch[], Batch[]] {
  const logs: Batch[][] = [[], []];
  for (let round = 1; round <= 8; round++) {
    // A leader of this round has a log that is a prefix of one of the two, and gives it to one or both, in part.
    const owner = dice.pick(logs);
    const base = owner.slice(0, dice.int(owner.length + 1));
    const fits = base.every((batch) => batch.epoch < e(round, 1));
    if (!fits) continue;
    const log = [...base];
    for (let i = 1 + dice.int(3); i > 0; i--) {
      const before = log.at(-1) ?? nothingBefore;
      log.push(aBatch(before, e(round, 1), dice.chance(0.3) ? 'barrier' : messages(dice)));
    }
    for (const i of [0, 1]) {
      if (dice.chance(0.6)) logs[i] = log.slice(0, base.length + dice.int(log.length - base.length + 1));
    }
  }
  return logs as [Batch[], Batch[]];
}
const commonEnd = (a: readonly Batch[], b: readonly Batch[]): number => {
  let end = 0;
  for (const [i, batch] of a.entries()) {
    if (batch !== b[i]) break;
    end = batch.endIndex;
  }
  return end;
};

Search('of a leader at a follower ends at the true common end, in few steps', () => {
  let steps = 0;
  let longest = 0;
  for (let seed = 0; seed < 3000; seed++) {
    const [a, b] = twoLogs(new SeededDice(`pair ${seed}`));
    const [leader, follower] = [logOf(a), logOf(b)];
    let previous = leader.last;
    let tries = 0;
    // What Leader and Follower do: APPEND behind `previous`, REJECT with a hint, the next guess.
    while (!follower.holds(previous)) {
      const hint = follower.hintBelow(previous);
      const guess = leader.holds(hint) ? hint : leader.hintBelow(hint);
      assert.ok(guess.index < previous.index, `seed ${seed}: ${previous.index} -> ${guess.index}`);
      // A guess may lie in the middle of a batch: what is sent begins with the batch that holds the next entry.
      const [next] = leader.batchesAfter(guess.index, 1) as readonly Batch[];
      previous = leader.positionAt(next ? next.baseIndex - 1 : guess.index);
      tries++;
    }
    longest = Math.max(longest, tries);
    steps += tries;
    const common = commonEnd(a, b);
    if (tries > 0) assert.is(previous.index, common, `seed ${seed}`);
    else assert.ok(previous.index <= common);
  }
  assert.ok(steps > 1000, 'the logs never differed: the test tried nothing');
  assert.ok(longest <= 8, `${longest} steps`);
});

Search('of a candidate at its donor ends at the true common end, wherever it began', () => {
  let steps = 0;
  for (let seed = 0; seed < 3000; seed++) {
    const [a, b] = twoLogs(new SeededDice(`donor ${seed}`));
    const [own, donor] = [logOf(a), logOf(b)];
    const target = donor.last;
    let after = own.hintBelow(target);
    let tries = 0;
    while (!donor.holds(after)) {
      const hint = donor.hintBelow(after);
      const next = own.holds(hint) ? hint : own.hintBelow(hint);
      assert.ok(next.index < after.index || next.epoch < after.epoch, `seed ${seed}`);
      after = next;
      assert.ok(++tries < 50, `seed ${seed}: no end`);
    }
    steps += tries;
    assert.ok(own.holds(after), `seed ${seed}: behind what it does not hold`);
    assert.ok(after.index <= commonEnd(a, b), `seed ${seed}: behind the common end`);
  }
  assert.ok(steps > 300, 'the logs never differed: the test tried nothing');
});

Search.run();
