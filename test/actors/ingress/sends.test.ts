/** When a write may be sent again: R10a. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { aBatch, aWrite, e, nothingBefore } from '../../support/actorWorld.ts';
import { SeededDice } from '../../support/dice.ts';
import { type Asked, aDesk, e1, e2, WriteDesk } from '../../support/writeDesk.ts';

const Resolving = suite('ingress: when a send is resolved (R10a)');

Resolving('done by the answer', () => {
  const desk = aDesk();
  const asked = desk.ask();
  assert.equal(desk.sends, [1]);
  desk.ok(1, 33);
  assert.equal(asked.answers, [
    { kind: 'done', firstId: 33, firstLamport: 20, count: 1, nodeId: 1, seen: 0, physicalSeconds: 5, repeated: false },
  ]);
  desk.ok(1, 44);
  assert.is(asked.answers.length, 1);
});

Resolving('done by its own tag in the committed log, whoever leads by then', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.lead(2, e2);
  desk.commit(e1, [{ n: 1 }]);
  assert.is(asked.outcome, 'done');
});

Resolving('not by the same n of another origin or of an earlier boot', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.commit(e1, [{ n: 1, boot: 0 }]);
  desk.commit(e1, [{ n: 1, origin: 2 }]);
  assert.is(asked.outcome, 'waits');
});

Resolving('not done (a): the leader says so with certainty; then it is sent again with a fresh n', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.no(1, true);
  assert.equal(desk.sends, [1]);
  desk.advance(20);
  assert.equal(desk.sends, [1, 2]);
  desk.ok(1);
  assert.is(asked.outcome, 'waits', 'an answer to the first send means nothing any more');
  desk.ok(2);
  assert.is(asked.outcome, 'done');
});

Resolving('unknown when the leader is not certain', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.no(1, false);
  desk.advance(999);
  assert.equal(desk.sends, [1]);
  desk.advance(1);
  assert.is(asked.outcome, 'OUTCOME_UNKNOWN unknown');
});

Resolving('not done (b): a later leader’s barrier is committed without it', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.greet(2, 6);
  desk.lead(2, e2);
  assert.equal(desk.sends, [1], 'a new leader proves nothing yet');
  desk.commit(e2, 'barrier');
  assert.equal(desk.sends, [1, 2]);
  desk.ok(2, 1, 2);
  assert.is(asked.outcome, 'done');
});

Resolving('not (b) by the barrier of its own epoch', () => {
  const desk = aDesk();
  desk.ask();
  desk.commit(e1, 'barrier');
  assert.equal(desk.sends, [1]);
});

Resolving('done, when its tag stands below that barrier', () => {
  const desk = aDesk();
  const asked = desk.ask();
  const first = aBatch(nothingBefore, e1, [aWrite({ n: 1 })]);
  const barrier = aBatch(first, e2, 'barrier');
  desk.receive({ type: 'commit.advanced', commit: 2, lamport: 2, lastId: 1, batches: [first, barrier] });
  desk.advance(0);
  assert.is(asked.outcome, 'done');
  assert.equal(desk.sends, [1]);
});

Resolving('not done (c): the leader’s greeting on a newer connection never saw that n', () => {
  const desk = aDesk();
  desk.ask();
  desk.gone(3);
  desk.greet(3, 6, e1, 0, 50);
  assert.equal(desk.sends, [1, 2]);
});

Resolving('not (c) when that n was appended: it waits for the greeting’s `last`', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.gone(3);
  desk.greet(3, 6, e1, 1, 2);
  assert.equal(desk.sends, [1]);
  desk.commit(e1, 'barrier');
  assert.equal(desk.sends, [1], 'the own commit has not reached it');
  desk.commit(e1, [{ n: 9, origin: 2 }]);
  assert.equal(desk.sends, [1, 2], 'it has, and the tag is absent');
  assert.is(asked.outcome, 'waits');
});

Resolving('done, when it is found before the greeting’s `last`', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.gone(3);
  desk.greet(3, 6, e1, 1, 2);
  desk.commit(e1, [{ n: 1 }]);
  assert.is(asked.outcome, 'done');
  desk.commit(e1, 'barrier');
  assert.equal(desk.sends, [1]);
});

Resolving('not (c) by a greeting of another node, of another epoch, of none, or on the same connection', () => {
  const desk = aDesk();
  desk.ask();
  desk.greet(2, 7, e1, 0, 0);
  desk.greet(3, 8, e2, 0, 0);
  desk.greet(3, 9, 0, 0, 0);
  desk.greet(3, 5, e1, 0, 0);
  assert.equal(desk.sends, [1]);
});

Resolving('not done at the leader itself, when its own office ends before it was appended', () => {
  const desk = new WriteDesk();
  desk.lead(1, e(1, 1));
  desk.ask();
  assert.equal(desk.sends, [1]);
  const answer = { kind: 'forwardNo', ns: [1], certain: true, reason: 'notLeader' } as const;
  desk.receive({ type: 'write.refused', answer });
  desk.advance(20);
  assert.equal(desk.sends, [1, 2]);
});

Resolving('there are never two unresolved sends of a write, and no n comes twice', () => {
  for (let seed = 0; seed < 60; seed++) {
    const dice = new SeededDice(`ingress ${seed}`);
    const desk = new WriteDesk();
    const asked: Asked[] = [];
    /** What the world has done with each n: the test's own account. */
    const unresolved = new Set<number>();
    let round = 1;
    let key = 10;
    let leader = 0;
    let counted = 0;
    const epochOf = new Map<number, number>();
    for (let step = 0; step < 120; step++) {
      const what = dice.next();
      if (what < 0.25) asked.push(desk.ask({ timeoutMs: 100_000 }));
      else if (what < 0.4) {
        round++;
        leader = dice.pick([1, 2, 3]);
        desk.lead(leader, e(round, leader));
      } else if (what < 0.6) desk.greet(dice.pick([2, 3]), ++key);
      else if (what < 0.75 && unresolved.size > 0) {
        const n = dice.pick([...unresolved]);
        unresolved.delete(n);
        if (dice.chance(0.5)) desk.ok(n);
        else desk.no(n, true);
      } else if (what < 0.85) {
        desk.commit(e(round, leader || 1), 'barrier');
        for (const n of unresolved) if ((epochOf.get(n) ?? 0) < e(round, leader || 1)) unresolved.delete(n);
      } else desk.advance(dice.int(40));
      const { sends } = desk;
      assert.is(new Set(sends).size, sends.length, `seed ${seed}: an n came twice`);
      for (; counted < sends.length; counted++) {
        unresolved.add(sends[counted] as number);
        epochOf.set(sends[counted] as number, e(round, leader || 1));
      }
      const open = asked.filter(({ outcome }) => outcome === 'waits').length;
      assert.ok(unresolved.size <= open, `seed ${seed}, step ${step}: ${unresolved.size} sends of ${open} writes`);
      assert.ok(asked.every(({ answers }) => answers.length <= 1));
    }
  }
});

Resolving.run();
