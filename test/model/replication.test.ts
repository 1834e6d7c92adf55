import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { check, describe } from './checker.ts';
import { brokenReplications } from './replication/cases.ts';
import { type ReplicationRule, type ReplicationWorld, replicationRules } from './replication/rules.ts';
import { ReplicationModel } from './replication.ts';

const statesMax = 500_000;
const without = (broken: readonly ReplicationRule[]): Partial<Record<ReplicationRule, boolean>> =>
  Object.fromEntries(broken.map((rule) => [rule, false]));

const Whole = suite('replication with all its rules');

const wholeWorlds: readonly (readonly [name: string, world: Partial<ReplicationWorld>])[] = [
  ['one round of elections and a write', { rounds: 1, elections: 2, writes: 1, followersCommit: true }],
  ['three elections', { elections: 3 }],
  ['reads', { elections: 2, reads: 1 }],
  ['slow disks', { rounds: 1, elections: 2, slowLog: true, slowPromise: true }],
  ['damage', { elections: 2, damages: 1 }],
  ['a wiped disk', { elections: 2, wipes: 1 }],
  ['a rotten promise slot', { rounds: 1, elections: 2, slowPromise: true, rots: 1 }],
];
for (const [name, world] of wholeWorlds)
  Whole(`violates nothing in all states of a small world: ${name}`, () => {
    const outcome = check(new ReplicationModel(world), { states: statesMax });
    assert.is(outcome.kind, 'exhausted', describe(outcome));
    assert.ok(outcome.statistics.states > 1000, 'there is something to look at');
  });

const Broken = suite('replication without a rule');

for (const { broken, world, violates, steps } of brokenReplications)
  Broken(`${broken.join(', ')}: is violated within ${steps} steps`, () => {
    const outcome = check(new ReplicationModel(world, without(broken)), { states: statesMax });
    if (outcome.kind !== 'violated') throw new Error(`${broken.join(', ')} is not missed: ${describe(outcome)}`);
    assert.match(outcome.violation, violates);
    assert.is(outcome.steps.length, steps, describe(outcome));
  });

Broken('is tried for every rule', () => {
  const tried = new Set(brokenReplications.flatMap(({ broken }) => broken));
  assert.equal([...tried].sort(), Object.keys(replicationRules).sort());
});

Whole.run();
Broken.run();
