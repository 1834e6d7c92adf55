/**
 * The larger worlds, a minute or a little more in all: with all rules, nothing is violated. The bounds are states, not time, so that
 * each run looks at the same; the figures are printed. What is too large to be searched to its end ends sooner than the
 * largest that is: as many states more are one step farther from the beginning.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { check, describe, type Model } from './checker.ts';
import type { ForwardingWorld } from './forwarding/rules.ts';
import { ForwardingModel } from './forwarding.ts';
import type { ReplicationWorld } from './replication/rules.ts';
import { ReplicationModel } from './replication.ts';

type Kind = 'exhausted' | 'bounded';
const statesMax: Readonly<Record<Kind, number>> = { exhausted: 360_000, bounded: 200_000 };

function holds<State>(model: Model<State>, name: string, kind: Kind): void {
  const outcome = check(model, { states: statesMax[kind] });
  process.stdout.write(`${name}: ${describe(outcome)}\n`);
  assert.is(outcome.kind, kind, describe(outcome));
  if (kind === 'bounded') assert.is(outcome.statistics.states, statesMax[kind]);
}

const Replication = suite('replication in larger worlds');

const replications: readonly (readonly [name: string, world: Partial<ReplicationWorld>, kind: Kind])[] = [
  ['clocks and commits', { rounds: 1, writes: 2, followersCommit: true, clocks: true }, 'exhausted'],
  ['four elections', { elections: 4 }, 'exhausted'],
  ['three elections and a write', { writes: 1 }, 'exhausted'],
  ['reads', { reads: 1 }, 'exhausted'],
  ['slow disks', { rounds: 1, writes: 1, slowLog: true, slowPromise: true }, 'exhausted'],
  ['damage on a slow disk', { elections: 2, slowLog: true, damages: 1 }, 'exhausted'],
  ['wiped disks', { writes: 1, wipes: 1 }, 'bounded'],
  ['two damages and a rotten slot', { rounds: 2, slowPromise: true, damages: 2, rots: 1 }, 'bounded'],
  ['everything at once', { writes: 1, reads: 1, damages: 1, slowLog: true, followersCommit: true }, 'bounded'],
  ['five nodes', { nodes: 5, rounds: 1, entries: 3 }, 'bounded'],
];
for (const [name, world, kind] of replications)
  Replication(`violates nothing: ${name}`, () => holds(new ReplicationModel(world), name, kind));

const Forwarding = suite('forwarding in larger worlds');

const forwardings: readonly (readonly [name: string, world: Partial<ForwardingWorld>, kind: Kind])[] = [
  ['two writes, two closes', { epochs: 1, closes: 2, writes: 2, sends: 3, settles: true }, 'exhausted'],
  ['a close and a resignation', { closes: 1, resignations: 1, settles: true }, 'exhausted'],
  ['two writes at a leader', { writes: 2, resignations: 1, leader: 0, settles: true }, 'bounded'],
  ['a close and a crash', { closes: 1, crashes: 1 }, 'bounded'],
  ['three epochs', { epochs: 3, resignations: 1 }, 'bounded'],
];
for (const [name, world, kind] of forwardings)
  Forwarding(`tells every client the truth: ${name}`, () => holds(new ForwardingModel(world), name, kind));

Replication.run();
Forwarding.run();
