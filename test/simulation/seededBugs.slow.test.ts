/**
 * Seeded bugs that take many seeds, or a story of their own; the others in seededBugs.test.ts. Each has its control: the
 * seed that finds the bug finds nothing with the real modules.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { control, hunt } from './bugs/hunt.ts';
import { seededBugs } from './bugs/table.ts';

const Bugs = suite('seeded bugs, slow');

for (const bug of seededBugs.filter(({ quick }) => !quick))
  Bugs(`${bug.name}: the simulator finds it, and only it (${bug.rule})`, async () => {
    const { seed } = await hunt(bug);
    assert.ok(seed !== null, `nothing like ${bug.shows} within ${bug.seeds} seeds`);
    assert.equal((await control(bug, seed)).violations, []);
  });

Bugs.run();
