/** Hundreds of right histories: nothing wrong is found in any, and what is made wrong in one is found. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SeededDice } from '../support/dice.ts';
import { invariants, judge } from './checkers.ts';
import type { Violation } from './history.ts';
import { mutations, type World } from './mutations.ts';
import { rightHistory } from './reference.ts';

const Right = suite('right histories');
const Wrong = suite('wrong histories');

const worldOf = (dice: SeededDice): World => {
  const { history, logs } = rightHistory(dice, { steps: 20 + dice.int(250), clients: 2 + dice.int(8) });
  return { events: history.events, log: logs.get(1) ?? [] };
};
const judged = ({ events, log, otherLog = log }: World): readonly Violation[] =>
  judge(
    { events, faults: [] },
    new Map([
      [1, log],
      [2, log],
      [3, otherLog],
    ]),
  );

Right('are found right', () => {
  for (let seed = 0; seed < 120; seed++) assert.equal(judged(worldOf(new SeededDice(seed))), [], `seed ${seed}`);
});

for (const { id, name } of invariants)
  for (const [i, mutate] of (mutations[id] ?? []).entries())
    Wrong(`are found: ${id} ${name}, way ${i + 1}`, () => {
      let made = 0;
      for (let seed = 0; seed < 20; seed++) {
        const dice = new SeededDice(`${id} ${i} ${seed}`);
        const world = worldOf(dice);
        const wrong = world.log.length > 3 ? mutate(world, dice) : undefined;
        if (!wrong) continue;
        made++;
        const violations = judged(wrong);
        assert.ok(
          violations.some(({ invariant }) => invariant === id),
          `seed ${seed}: ${JSON.stringify(violations, null, 1)}`,
        );
      }
      assert.ok(made >= 5, `${made} of 20 could be made wrong`);
    });

Wrong('are made for each invariant', () => {
  assert.equal(
    invariants.filter(({ id }) => (mutations[id] ?? []).length === 0),
    [],
  );
});

for (const each of [Right, Wrong]) each.run();
