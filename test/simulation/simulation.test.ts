import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SimulatedCluster } from '../support/simulatedCluster.ts';
import { replayCommand, understand } from './commandLine.ts';
import { type FaultName, failpoints, faultNames } from './faults.ts';
import { type Result, runSimulation } from './run.ts';

const Simulation = suite('simulation');

const wrongWith = ({ seed, broken }: Result): string =>
  `seed ${seed}: ${broken.map(({ invariant, words }) => `${invariant} ${words}`).join('; ')}`;

Simulation('breaks no promise, whatever breaks', () => {
  const happened = new Map<FaultName, number>();
  let acknowledged = 0;
  let elections = 0;
  let reads = 0;
  // Each kind of fault has its turn in some seed, together with others that come with the seed.
  for (const [i, name] of faultNames.entries()) {
    if (i % 2 === 1) continue;
    const faults = [...new Set([name, faultNames[i + 1] ?? name, 'power'] as const)];
    const result = runSimulation({
      seed: `quick ${i}`,
      nodes: i % 12 === 0 ? 5 : 3,
      safetyMs: 4000,
      faultEveryMs: 200,
      faults,
    });
    assert.equal(result.broken, [], wrongWith(result));
    for (const [fault, count] of result.faults) happened.set(fault, (happened.get(fault) ?? 0) + count);
    acknowledged += result.counts.acknowledged;
    elections += result.counts.elections;
    reads += result.counts.reads;
  }
  // A cluster that refused everything would break no promise either.
  assert.ok(acknowledged > 500, `${acknowledged} acknowledged`);
  assert.ok(reads > 200, `${reads} reads`);
  assert.ok(elections > 20, `${elections} elections`);
  // Rot needs a log of several segments, which only a longer run has: the next test.
  const missing = faultNames.filter((name) => !happened.has(name) && name !== 'rot');
  assert.equal(missing, []);
});

Simulation('lets logs rot, and nodes die at every failpoint', () => {
  const reached = new Set<string>();
  let rots = 0;
  for (let seed = 1; seed <= 80 && (reached.size < failpoints.length || rots === 0); seed++) {
    // A leader that stops hands over, if it is left in peace.
    const faults: readonly FaultName[] = seed % 2 === 0 ? ['failpoint', 'stop'] : ['failpoint', 'rot', 'kill'];
    const result = runSimulation({ seed: `failpoints ${seed}`, nodes: 3, safetyMs: 6000, faultEveryMs: 300, faults });
    assert.equal(result.broken, [], wrongWith(result));
    for (const name of result.failpoints.keys()) reached.add(name);
    rots += result.faults.get('rot') ?? 0;
  }
  assert.equal([...reached].sort(), [...failpoints].sort());
  assert.ok(rots > 0);
});

Simulation('gives the same run for the same seed, told or not, and another one for another', () => {
  const options = { nodes: 3, safetyMs: 2000 };
  const one = runSimulation({ seed: 'a', ...options });
  const two = runSimulation({ seed: 'a', ...options, story: 30 });
  assert.is(two.hash, one.hash);
  assert.is(two.steps, one.steps);
  assert.is(two.story.length, 31);
  assert.is.not(runSimulation({ seed: 'b', ...options }).hash, one.hash);
});

Simulation('draws clusters of all sizes, and does not switch all faults on', () => {
  const sizes = new Set<number>();
  const counts = new Set<number>();
  for (let seed = 1; seed <= 12; seed++) {
    // The plan is drawn before anything runs.
    const { plan } = runSimulation({ seed, safetyMs: 1, ...(seed > 4 && { nodes: 3 }) });
    sizes.add(plan.voters.length);
    counts.add(plan.faults.length);
    assert.ok(plan.fragile.length < plan.voters.length / 2);
  }
  assert.ok(counts.size > 5, `${counts.size} different mixtures`);
  assert.ok(sizes.size > 1);
});

Simulation('reports a node that ends by itself', () => {
  // What the simulator promises of its clusters, directed tests have too.
  const cluster = new SimulatedCluster();
  cluster.start();
  cluster.settleLeader(3);
  cluster.disk(3).faults.failingFsync = true;
  cluster.append(3, 'x');
  cluster.run(1000);
  assert.match(cluster.failures[0]?.reason ?? '', /EIO/);
});

// ----------------------------------------------------------------------------------------------------- command line

const random = (): number => 77;
const wantedOf = (args: readonly string[], seed?: string) => {
  const understood = understand(args, seed, random);
  if (understood.kind !== 'wanted') throw new Error(JSON.stringify(understood));
  return understood.wanted;
};
const faultsOf = (args: readonly string[], seed?: string): readonly string[] => {
  const understood = understand(args, seed, random);
  return understood.kind === 'faulty' ? understood.faults : [];
};

Simulation('runs a minute from a random seed without arguments', () => {
  assert.equal(wantedOf([]), { from: 77, seeds: Number.POSITIVE_INFINITY, minutes: 1, storyLines: 80 });
});

Simulation('reads its arguments', () => {
  const args = [
    '--seeds',
    '5',
    '--from',
    '3',
    '--nodes',
    '7',
    '--faults',
    'kill, half-open',
    '--story',
    '9',
    '--json',
    'x',
  ];
  assert.equal(wantedOf(args), {
    from: 3,
    seeds: 5,
    minutes: Number.POSITIVE_INFINITY,
    nodes: 7,
    faults: ['kill', 'half-open'],
    storyLines: 9,
    json: 'x',
  });
  assert.is(wantedOf(['--seeds', '5', '--minutes', '0.5']).minutes, 0.5);
  assert.is(wantedOf([], 'words').seed, 'words');
  assert.is(wantedOf(['--calm', '--seeds', '1']).calm, true);
  assert.is(understand(['--help'], undefined, random).kind, 'help');
});

Simulation('tells all that is wrong with its arguments at once', () => {
  const wrong = faultsOf(['--seeds', '0', '--minutes', '0', '--nodes', '4', '--faults', 'kill,flood', '--story', 'x']);
  assert.is(wrong.length, 5);
  for (const [i, name] of ['seeds', 'minutes', 'nodes', 'story', 'faults'].entries())
    assert.match(wrong[i] ?? '', new RegExp(`^--${name} `));
  assert.match(faultsOf(['--sedes', '1'])[0] ?? '', /--sedes/);
  assert.match(faultsOf(['--calm', '--faults', 'kill'])[0] ?? '', /has no faults/);
  assert.match(faultsOf(['--seeds', '1'], '5')[0] ?? '', /SEED already says/);
  assert.match(faultsOf([], '')[0] ?? '', /wants a seed/);
});

Simulation('names the command that repeats a run', () => {
  assert.is(replayCommand('8', {}), 'SEED=8 npm run simulate');
  assert.is(
    replayCommand('8', { nodes: 3, faults: ['kill', 'slow disk'] }),
    "SEED=8 npm run simulate -- --nodes 3 --faults 'kill,slow disk'",
  );
  assert.is(replayCommand('8', { calm: true }), 'SEED=8 npm run simulate -- --calm');
});

const script = fileURLToPath(new URL('./simulate.js', import.meta.url));
/** Puts the bug that BUG names in the place of a module. */
const hook = new URL('./bugs/hook.js', import.meta.url).href;
const command = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, ['--import', hook, script, ...args], {
    encoding: 'utf8',
    timeout: 50_000,
    env: { ...process.env, ...env },
  });

Simulation('says which seed it was, and the same of it each time', () => {
  const [one, two] = [1, 2].map(() => command(['--nodes', '3', '--faults', 'power,cut'], { SEED: 'words' }));
  assert.is(one?.status, 0, one?.stdout);
  assert.match(one?.stdout ?? '', /^seed words: hash [0-9a-f]{8}, nothing was violated\n/);
  const withoutSpeed = (text = ''): string => text.replace(/[\d.]+ cluster-seconds/, '');
  assert.is(withoutSpeed(two?.stdout), withoutSpeed(one?.stdout));
});

Simulation('says what it did, in words and as JSON, and ends with 0', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simulate-'));
  try {
    const json = join(folder, 'summary.json');
    const { status, stdout } = command(['--seeds', '1', '--from', '12', '--nodes', '3', '--json', json]);
    assert.is(status, 0, stdout);
    assert.match(stdout, /hours, .* steps, 1 seeds/);
    const summary = JSON.parse(readFileSync(json, 'utf8'));
    assert.is(summary.seeds, 1);
    assert.is(summary.violation, null);
    assert.ok(summary.acknowledged > 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

Simulation('ends with 1 at a violation: it tells the rule and the story, and the command that finds it again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simulate-'));
  try {
    const env = { BUG: 'promiseForgotten' };
    const json = join(folder, 'summary.json');
    const args = ['--nodes', '3', '--faults', 'power,kill'];
    const found = command([...args, '--seeds', '9', '--from', '1', '--story', '12', '--json', json], env);
    assert.is(found.status, 1, found.stdout);
    const [, seed = '', hash = ''] =
      /VIOLATION with seed (\d+) \(hash ([0-9a-f]{8})\)\n {2}I8 {2}/.exec(found.stdout) ?? [];
    assert.ok(seed !== '', found.stdout);
    assert.match(found.stdout, / I8: a promise is in both slots on the platter before anybody hears of it/);
    const [, told = ''] = /\n( +ms {2}node 1 +node 2 +node 3\n(?: *[\d.]+ {2}.*\n)+)/.exec(found.stdout) ?? [];
    assert.is(told.trimEnd().split('\n').length, 13, told);
    assert.match(told, /\*\*\* BROKEN I8/);
    assert.not.match(found.stdout, /another way/);
    const { violation } = JSON.parse(readFileSync(json, 'utf8'));
    assert.equal([violation.seed, violation.hash, violation.broken[0].invariant], [seed, hash, 'I8']);

    const [, again = ''] = /\nSEED=\d+ npm run simulate -- (.*)\n/.exec(found.stdout) ?? [];
    assert.is(again, "--nodes 3 --faults 'power,kill'");
    const repeated = command([...args, '--story', '0'], { ...env, SEED: seed });
    assert.is(repeated.status, 1);
    assert.ok(repeated.stdout.includes(`VIOLATION with seed ${seed} (hash ${hash})`), repeated.stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

Simulation('ends with 2 when it cannot understand', () => {
  const { status, stderr } = command(['--nodes', '2']);
  assert.is(status, 2);
  assert.match(stderr, /--nodes 2: wants 3, 5, 7/);
});

Simulation.run();
