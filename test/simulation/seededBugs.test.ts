/**
 * Seeded bugs, those that are found in a moment; the others in seededBugs.slow.test.ts.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { control, hunt } from './bugs/hunt.ts';
import { seededBugs } from './bugs/table.ts';

const Bugs = suite('seeded bugs');
const quick = seededBugs.filter((bug) => bug.quick);

for (const bug of quick)
  Bugs(`${bug.name}: the simulator finds it (${bug.rule})`, async () => {
    const { seed } = await hunt(bug);
    assert.ok(seed !== null, `nothing like ${bug.shows} within ${bug.seeds} seeds`);
  });

Bugs('none: the same seeds find nothing with the real modules', async () => {
  const worlds = new Map(quick.map((bug) => [String(bug.world), bug]));
  for (const bug of worlds.values()) assert.equal((await control(bug)).violations, [], `the seeds of ${bug.name}`);
});

Bugs.run();
