/** Who the voters of a cluster are: R25. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LinkEvent } from '../../actors/events.ts';
import { type FormationInput, formation, identityTrouble, judge } from '../../actors/formation.ts';
import type { Hello, Roster } from '../../actors/protocol/frames.ts';
import { protocolVersion } from '../../actors/protocol/frames.ts';
import type { Identity } from '../../actors/protocol/identityRecord.ts';
import { aLog, aMachine, type MachineWorld } from '../support/actorWorld.ts';
import { SimulatedCluster } from '../support/simulatedCluster.ts';

const members = [1, 2, 3];
const roster: Roster = new Map(members.map((id) => [id, `disk ${id}`]));
const aHello = (from: number, more: Partial<Hello> = {}): Hello => ({
  kind: 'hello',
  version: protocolVersion,
  clusterId: null,
  from,
  incarnation: `disk ${from}`,
  boot: 1,
  connection: 1,
  membership: members,
  priority: 0,
  maxFrameBytes: 1,
  memoryLost: false,
  ...more,
});
const virgin = (nodeId: number): Identity => ({
  clusterId: null,
  nodeId,
  incarnation: `disk ${nodeId}`,
  roster: null,
  membership: members,
  promised: 0,
  boot: 1,
  damaged: false,
});
const bound = (nodeId: number): Identity => ({ ...virgin(nodeId), clusterId: 'ours', roster });

const Judging = suite('judging a HELLO (R25)');

for (const [name, mine, hello, verdict] of [
  ['a member', bound(1), aHello(2, { clusterId: 'ours' }), 'accept'],
  ['a member that has not heard of the cluster', bound(1), aHello(2), 'wait'],
  ['anybody, while this node belongs to none', virgin(1), aHello(2), 'wait'],
  ['a member of a cluster, while this node belongs to none', virgin(1), aHello(2, { clusterId: 'ours' }), 'wait'],
  ['another cluster', bound(1), aHello(2, { clusterId: 'theirs' }), 'mismatch'],
  ['other voters', bound(1), aHello(2, { clusterId: 'ours', membership: [1, 2] }), 'mismatch'],
  ['other voters, while both are virgin', virgin(1), aHello(2, { membership: [1, 2, 4] }), 'mismatch'],
  ['another disk', bound(1), aHello(2, { clusterId: 'ours', incarnation: 'new' }), 'incarnation'],
  ['an emptied disk', bound(1), aHello(2, { incarnation: 'new' }), 'incarnation'],
  ['a stranger', bound(1), aHello(9, { clusterId: 'ours' }), 'incarnation'],
  ['another version', bound(1), aHello(2, { clusterId: 'ours', version: 2 }), 'version'],
] as const)
  Judging(`${name}: ${verdict}`, () => {
    const judgement = judge(mine, hello);
    assert.is(judgement.kind === 'refuse' ? judgement.because : judgement.kind, verdict);
  });

Judging.run();

const Forming = suite('formation (R25)');

interface FormationWorld extends MachineWorld<typeof formation> {
  readonly hello: (from: number, more?: Partial<Hello>) => void;
  readonly propose: (roster: Roster, clusterId?: string) => void;
  readonly persisted: () => void;
  readonly state: () => string;
}
function aFormation(identity: Identity, more: Partial<FormationInput> = {}): FormationWorld {
  const dice = { next: () => 0.5 };
  const world = aMachine(formation, 'formation', {
    identity,
    priority: 0,
    memoryLost: false,
    dice,
    log: aLog(),
    ...more,
  });
  const receive = (peer: number, frame: { readonly kind: string }): void =>
    world.send({ type: `${frame.kind}.received`, peer, connection: 10 + peer, frame } as never);
  return {
    ...world,
    hello: (from, extra) => receive(from, aHello(from, extra)),
    propose: (theirs, clusterId = 'ours') => receive(2, { kind: 'proposal', clusterId, roster: theirs } as never),
    persisted: () => world.send({ type: 'roster.persisted' } as never),
    state: () => String(world.snapshot().value),
  };
}
const persists = (world: FormationWorld) => world.ear.named('store', 'roster.persist');

Forming('the lowest id draws the cluster when it has heard all, and persists before it proposes (A1)', () => {
  const world = aFormation(virgin(1));
  world.hello(2);
  assert.equal(persists(world), []);
  world.hello(3);
  assert.is(persists(world).length, 1);
  assert.equal([...(persists(world)[0]?.roster ?? [])], [...roster]);
  assert.match(persists(world)[0]?.clusterId as string, /^[0-9a-f]{16}$/);
  assert.equal(world.ear.framesOf('proposal'), []);
  world.persisted();
  assert.is(world.state(), 'bound');
  assert.equal(
    world.ear.framesOf('proposal').map((frame) => frame.clusterId),
    Array(2).fill(persists(world)[0]?.clusterId),
  );
  assert.is(world.ear.named('election', 'node.bound').length, 1);
});

Forming('nobody else draws', () => {
  const world = aFormation(virgin(2));
  for (const from of [1, 3]) world.hello(from);
  assert.equal(persists(world), []);
});

Forming('with connections that are open now: one that has gone does not count', () => {
  const world = aFormation(virgin(1));
  world.hello(2);
  world.send({ type: 'peer.disconnected', peer: 2, byThisSide: false } as never);
  world.hello(3);
  assert.equal(persists(world), []);
});

Forming('with virgin voters of equal membership and version only', () => {
  for (const wrong of [{ clusterId: 'ours' }, { membership: [1, 2, 3, 4] }, { version: 9 }]) {
    const world = aFormation(virgin(1));
    world.hello(2);
    world.hello(3, wrong);
    assert.equal(persists(world), [], JSON.stringify(wrong));
    assert.is(world.state(), 'virgin');
  }
});

Forming('one voter is a cluster of its own', () => {
  const world = aFormation({ ...virgin(1), membership: [1] });
  assert.equal([...(persists(world)[0]?.roster ?? [])], [[1, 'disk 1']]);
});

Forming('a virgin node takes the first proposal that names its own disk and its own voters', () => {
  const world = aFormation(virgin(3));
  world.propose(new Map([...roster].slice(1)));
  world.propose(new Map([...roster, [4, 'disk 4']]));
  assert.equal(persists(world), []);
  world.propose(roster);
  assert.equal(
    persists(world).map(({ clusterId }) => clusterId),
    ['ours'],
  );
  world.propose(roster, 'theirs');
  world.persisted();
  world.propose(roster, 'theirs');
  assert.is(persists(world).length, 1);
  assert.is(world.snapshot().context.clusterId, 'ours');
});

Forming('one that the cluster knows with another disk says so, and stays out (R-D4)', () => {
  const world = aFormation({ ...virgin(3), incarnation: 'wiped' });
  world.propose(roster);
  assert.equal(persists(world), []);
  assert.is(identityTrouble(world.snapshot().context), 'IDENTITY_LOST');
});

Forming('a holder of the roster repeats it to every virgin voter, also to one that it refuses', () => {
  const world = aFormation(bound(1));
  world.hello(2);
  world.hello(3, { incarnation: 'wiped' });
  assert.equal(
    world.ear.framesOf('proposal', 2).map((frame) => frame.clusterId),
    ['ours'],
  );
  assert.equal(
    world.ear.framesOf('proposal', 3).map((frame) => frame.clusterId),
    ['ours'],
  );
  const toLinks = world.ear.told
    .filter(({ to }) => to.startsWith('link'))
    .map(({ to, event }) => `${to} ${event.type}`);
  assert.equal(toLinks, ['link:3 hello.refused']);
  world.hello(2, { clusterId: 'ours' });
  assert.is(world.ear.framesOf('proposal').length, 2);
});

Forming('accepts a member, on the connection that greeted', () => {
  const world = aFormation(bound(1));
  world.hello(2, { clusterId: 'ours' });
  const told = world.ear.told.filter(({ to }) => to === 'link:2').map(({ event }) => event as unknown as LinkEvent);
  assert.equal(told, [{ type: 'hello.accepted', key: 12, hello: aHello(2, { clusterId: 'ours' }) }]);
});

Forming('trouble with a peer’s configuration is shown until it greets rightly', () => {
  const world = aFormation(bound(1));
  world.hello(2, { clusterId: 'ours', membership: [1, 2] });
  assert.is(identityTrouble(world.snapshot().context), 'CONFIG_MISMATCH');
  world.hello(2, { clusterId: 'ours' });
  assert.is(identityTrouble(world.snapshot().context), null);
});

Forming('a log in memory begins anew only when all have lost it (--memory)', () => {
  const clears = (world: FormationWorld): number => world.ear.named('store', 'damage.clear').length;
  const forgetful = { ...bound(1), damaged: true };
  const lost = { clusterId: 'ours', memoryLost: true };
  const all = aFormation(forgetful, { memoryLost: true });
  all.hello(2, lost);
  assert.is(clears(all), 0);
  all.hello(3, lost);
  assert.is(clears(all), 1);
  const one = aFormation(forgetful, { memoryLost: true });
  one.hello(2, lost);
  one.hello(3, { clusterId: 'ours' });
  assert.is(clears(one), 0);
  const whole = aFormation(bound(1));
  whole.hello(2, lost);
  whole.hello(3, lost);
  assert.is(clears(whole), 0);
  const refused = aFormation(forgetful, { memoryLost: true });
  refused.hello(2, lost);
  refused.hello(3, { ...lost, incarnation: 'another' });
  assert.is(clears(refused), 0);
});

Forming('who lost its log in memory says so until it may vote and knows a leader (A3)', () => {
  const world = aFormation({ ...bound(1), damaged: true }, { memoryLost: true });
  const says = (): boolean | undefined => {
    world.send({ type: 'hello.wanted', peer: 2, connection: 5 } as never);
    return world.ear.framesOf('hello').at(-1)?.memoryLost;
  };
  const hears = (leader: number | null): void =>
    world.send({ type: 'leader.changed', leader, epoch: 0, established: false } as never);
  assert.ok(says());
  hears(3);
  assert.ok(says(), 'it has not learned anything yet');
  hears(null);
  world.send({ type: 'damage.cleared' } as never);
  assert.ok(says(), 'all have lost theirs: there is nothing in its log');
  hears(3);
  assert.not.ok(says(), 'from now on it may know what others do not');
  hears(null);
  assert.not.ok(says());
  const healed = aFormation({ ...bound(1), damaged: true }, { memoryLost: true });
  healed.send({ type: 'leader.changed', leader: 3, epoch: 0, established: false } as never);
  healed.send({ type: 'damage.cleared' } as never);
  healed.send({ type: 'hello.wanted', peer: 2, connection: 5 } as never);
  assert.is(healed.ear.framesOf('hello').at(-1)?.memoryLost, false, 'it learned from a leader');
});

Forming('a wiped disk is told of it over a real connection, and the others go on', () => {
  const cluster = new SimulatedCluster({ seed: 5 });
  cluster.start();
  assert.is(cluster.settleLeader(3), 3);
  cluster.run(500);
  cluster.kill(2);
  cluster.disk(2).wipe();
  cluster.run(100);
  cluster.start(2);
  cluster.run(3000);
  assert.is(cluster.node(2).facade.status().identityTrouble, 'IDENTITY_LOST');
  assert.is(cluster.leader, 3);
});

Forming.run();
