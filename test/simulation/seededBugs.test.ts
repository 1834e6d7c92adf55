/**
 * Seeded bugs, those that are found in a moment; the others in seededBugs.slow.test.ts.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { control, hunt } from './bugs/hunt.ts';
import { type SeededBug, seededBugs } from './bugs/table.ts';

const Bugs = suite('seeded bugs');
/** By world and seed: several are found by the same. */
const found = new Map<string, { readonly bug: SeededBug; readonly seed: number }>();

for (const bug of seededBugs.filter(({ quick }) => quick))
  Bugs(`${bug.name}: the simulator finds it (${bug.rule})`, async () => {
    const { seed } = await hunt(bug);
    assert.ok(seed !== null, `nothing like ${bug.shows} within ${bug.seeds} seeds`);
    found.set(`${bug.world} ${seed}`, { bug, seed });
  });

Bugs('none: the same seeds find nothing with the real modules', async () => {
  assert.ok(found.size > 0);
  for (const { bug, seed } of found.values()) {
    assert.equal((await control(bug, seed)).violations, [], `seed ${seed} of ${bug.name}`);
  }
});

Bugs.run();
