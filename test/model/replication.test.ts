import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ReadRounds } from '../../actors/pipeline/readRounds.ts';
import { Ballot } from '../../actors/protocol/ballot.ts';
import { LogicalLog } from '../../actors/protocol/logicalLog.ts';
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
  ['two elections and crashes', { elections: 2 }],
  ['three elections and a write that may be lost', { elections: 3, writes: 1, entries: 3, crashes: 0 }],
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
    const model = new ReplicationModel({ crashes: 0, ...world }, without(broken));
    const outcome = check(model, { states: statesMax });
    if (outcome.kind !== 'violated') throw new Error(`${broken.join(', ')} is not missed: ${describe(outcome)}`);
    assert.match(outcome.violation, violates);
    assert.is(outcome.steps.length, steps, describe(outcome));
  });

Broken('is tried for every rule', () => {
  const tried = new Set(brokenReplications.flatMap(({ broken }) => broken));
  assert.equal([...tried].sort(), Object.keys(replicationRules).sort());
});

const Shared = suite("replication with a mistake in the node's own code");

/** Puts `wrong` in the place of a method of the node for one search. */
function violatedWith<Owner, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  wrong: Owner[Name],
  world: Partial<ReplicationWorld>,
): string {
  const right = owner[name];
  owner[name] = wrong;
  try {
    const outcome = check(new ReplicationModel({ crashes: 0, ...world }), { states: statesMax });
    return outcome.kind === 'violated' ? outcome.violation : `missed: ${describe(outcome)}`;
  } finally {
    owner[name] = right;
  }
}

Shared('a log that claims to hold every predecessor is found (R7)', () => {
  const world = { rounds: 1, elections: 2, writes: 1 };
  assert.match(
    violatedWith(LogicalLog.prototype, 'holds', () => true, world),
    /^L2/,
  );
});

Shared('a ballot that promises a lower epoch is found (R3)', () => {
  const judge: Ballot['judgePrepare'] = function (this: Ballot, { epoch }) {
    return epoch === this.promised ? 'again' : 'promise';
  };
  assert.match(violatedWith(Ballot.prototype, 'judgePrepare', judge, { elections: 2 }), /L2: epoch 65537 behind 65538/);
});

Shared('a ballot that takes its own log for the best is found (R4)', () => {
  const best: Ballot['best'] = function (this: Ballot) {
    return { id: this.self, position: this.position };
  };
  assert.match(violatedWith(Ballot.prototype, 'best', best, { elections: 2 }), /^L3/);
});

Shared('a read round that one node confirms is found', () => {
  const settle: ReadRounds['settle'] = () => [{ peer: 1, nonce: 0, index: 0 }];
  assert.match(
    violatedWith(ReadRounds.prototype, 'settle', settle, { elections: 2, reads: 1 }),
    /^a linearizable read/,
  );
});

Whole.run();
Broken.run();
Shared.run();
