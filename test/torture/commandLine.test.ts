/** What `npm run torture` says before it starts anything. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allFaults } from './faults.ts';

const script = fileURLToPath(new URL('./torture.js', import.meta.url));
const command = (...args: readonly string[]) =>
  spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', timeout: 100_000 });

const Line = suite('the command line of torture');

Line('has help, which names every option', () => {
  const { status, stdout } = command('--help');
  assert.is(status, 0);
  for (const name of ['minutes', 'nodes', 'clients', 'faults', 'list', 'seed', 'out', 'keep'])
    assert.match(stdout, new RegExp(`^  --${name}\\b`, 'm'));
});
Line('lists every fault, with what it needs where it cannot be had', () => {
  const { status, stdout } = command('--list');
  assert.is(status, 0);
  const listed = stdout.trimEnd().split('\n');
  assert.equal(
    listed.map((line) => line.replace(/ {2}\(not here: .+\)$/, '')),
    allFaults.map(({ name }) => name),
  );
});
Line('refuses what it does not understand, and starts nothing', () => {
  for (const [args, words] of [
    [['--minuts', '1'], /minuts/],
    [['--nodes', '4'], /--nodes 4 is not possible/],
    [['--minutes', '0'], /--minutes 0 is not possible/],
    [['--faults', 'flood'], /no fault is called flood/],
    [['--faults', 'cut,packets'], /cables or by packets/],
  ] as const) {
    const { status, stderr, stdout } = command(...args);
    assert.is(status, 2, args.join(' '));
    assert.match(stderr, words);
    assert.is(stdout, '');
  }
});
Line.run();
