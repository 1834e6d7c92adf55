import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { check, describe } from './checker.ts';
import { brokenForwardings } from './forwarding/cases.ts';
import { type ForwardingRule, type ForwardingWorld, forwardingRules } from './forwarding/rules.ts';
import { ForwardingModel } from './forwarding.ts';

const statesMax = 300_000;
const without = (broken: readonly ForwardingRule[]): Partial<Record<ForwardingRule, boolean>> =>
  Object.fromEntries(broken.map((rule) => [rule, false]));

const Whole = suite('forwarding with all its rules');

const wholeWorlds: readonly (readonly [name: string, world: Partial<ForwardingWorld>])[] = [
  ['a connection closes', { epochs: 1, closes: 2, refusals: 1, settles: true }],
  ['the leader changes', { epochs: 2, settles: true }],
  ['somebody crashes', { epochs: 1, closes: 1, crashes: 1, settles: true }],
  ['a leader drains', { epochs: 2, drains: 1, sends: 1, settles: true }],
  ['a connection closes while the leader changes', { epochs: 2, closes: 1, sends: 1 }],
];
for (const [name, world] of wholeWorlds)
  Whole(`tells every client the truth in all states of a small world: ${name}`, () => {
    const outcome = check(new ForwardingModel(world), { states: statesMax });
    assert.is(outcome.kind, 'exhausted', describe(outcome));
    assert.ok(outcome.statistics.states > 1000, 'there is something to look at');
  });

const Broken = suite('forwarding without a rule');

for (const { broken, world, violates, steps } of brokenForwardings)
  Broken(`${broken.join(', ')}: is violated within ${steps} steps`, () => {
    const outcome = check(new ForwardingModel(world, without(broken)), { states: statesMax });
    if (outcome.kind !== 'violated') throw new Error(`${broken.join(', ')} is not missed: ${describe(outcome)}`);
    assert.match(outcome.violation, violates);
    assert.is(outcome.steps.length, steps, describe(outcome));
  });

Broken('is tried for every rule', () => {
  const tried = new Set(brokenForwardings.flatMap(({ broken }) => broken));
  assert.equal([...tried].sort(), Object.keys(forwardingRules).sort());
});

Whole.run();
Broken.run();
