/**
 * Looks for a bug: `BUG=name node --import hook.js run.js NAME FIRST LAST PATTERN` plays one seed after the other of what
 * the table says of NAME, until something is violated that fits, and says so in one line of JSON. Without BUG the same is
 * played with the real modules.
 */
import { seededBugs } from './table.ts';
import { play } from './worlds.ts';

export interface Found {
  /** Null when nothing was violated. */
  readonly seed: number | null;
  readonly violations: readonly string[];
}

const [name, first, last, pattern = ''] = process.argv.slice(2);
const bug = seededBugs.find((one) => one.name === name);
if (!bug) throw new Error(`no bug ${name}`);
const shows = new RegExp(pattern);
let found: Found = { seed: null, violations: [] };
for (let seed = Number(first); seed <= Number(last) && found.seed === null; seed++) {
  // The first line of each says enough; stacks follow.
  const violations = play(bug, seed).map((one) => one.replace(/\n.*/s, '').slice(0, 200));
  const fitting = [...new Set(violations)].filter((one) => shows.test(one));
  if (fitting.length > 0) found = { seed, violations: fitting.slice(0, 5) };
}
process.stdout.write(`${JSON.stringify(found)}\n`);
