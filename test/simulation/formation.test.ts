import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { SeededDice } from '../support/dice.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions, SimulatedCluster } from '../support/simulatedCluster.ts';

const Formation = suite('formation');

/** Every cluster that any node ever was a member of, by its own word. */
const clustersIn = ({ lines }: SimulatedCluster): readonly unknown[] => [
  ...new Set(lines.filter(({ event }) => event === 'cluster_joined').map(({ fields }) => fields.cluster_id)),
];

/** All run and are healthy: one cluster, led by its best node, takes writes, and all nodes show them. */
function assertFormed(scenario: Scenario, what: string): void {
  const { cluster } = scenario;
  const best = Math.max(...cluster.voters);
  assert.is(cluster.settleLeader(best, 20_000), best, scenario.because(`${what}: node ${best} does not lead`));
  const { voters } = cluster;
  const serve = (): boolean => voters.every((id) => cluster.node(id).facade.status().serving);
  assert.ok(cluster.runUntil(serve), what);
  for (const id of voters) scenario.write(id);
  assert.equal(scenario.verdict(), [], what);
  assert.is(scenario.done().length, voters.length, what);
  assert.is(clustersIn(cluster).length, 1, `${what}: ${clustersIn(cluster)}`);
  for (const id of voters) assert.is(cluster.node(id).facade.status().clusterId, clustersIn(cluster)[0], what);
}

const started = (options: ClusterOptions): Scenario => {
  const scenario = new Scenario(options);
  scenario.cluster.start();
  return scenario;
};

Formation('makes one cluster of three empty disks, and of one, five and seven (R25)', () => {
  for (const voters of [[1, 2, 3], [7], [1, 2, 3, 4, 5], [2, 3, 5, 7, 11, 13, 17]])
    for (let seed = 1; seed <= 3; seed++) {
      const scenario = started({ voters, seed });
      assertFormed(scenario, `voters ${voters}, seed ${seed}`);
      assert.is(scenario.leaderships().length, 1, `voters ${voters}, seed ${seed}`);
    }
});

Formation('draws nothing before all voters are there, however long that takes (R25)', () => {
  for (const late of [1, 2, 3]) {
    const scenario = new Scenario({ seed: late });
    const { cluster } = scenario;
    cluster.start(...cluster.voters.filter((id) => id !== late));
    scenario.run(10_000);
    assert.equal(clustersIn(cluster), []);
    assert.is(cluster.leader, null);
    const asked = scenario.write(late === 1 ? 2 : 1, { timeoutMs: 1000 });
    scenario.run(1100);
    assert.is(asked.answer?.kind === 'trouble' && asked.answer.outcome, 'not_done');
    cluster.start(late);
    assertFormedAfterRefusal(scenario, late);
  }
});
function assertFormedAfterRefusal(scenario: Scenario, late: NodeId): void {
  const { cluster } = scenario;
  assert.is(cluster.settleLeader(3, 20_000), 3, scenario.because(`node ${late} came late`));
  assert.is(scenario.written(late).kind, 'done');
  assert.is(clustersIn(cluster).length, 1);
  assert.equal(scenario.verdict(), []);
}

Formation(
  'survives a power cut of the drawer, or of a joiner, right before or after its roster is on disk (R25)',
  () => {
    for (const victim of [1, 2, 3])
      for (const restartMs of [0, 30, 700, 5000])
        for (let seed = 1; seed <= 3; seed++) {
          const scenario = new Scenario({ seed });
          const { cluster } = scenario;
          cluster.doom(victim, 'roster.persisted');
          cluster.start();
          const died = cluster.runUntil(() => !cluster.isUp(victim), 5000);
          assert.ok(died, `node ${victim} never had its roster`);
          scenario.run(restartMs);
          cluster.start(victim);
          assertFormed(scenario, `node ${victim} with its roster, back after ${restartMs} ms, seed ${seed}`);
        }
  },
);

Formation('forms one cluster in the end whenever any node loses its power while it forms (R25, R-D1a)', () => {
  // The roster is drawn some 50 to 100 ms after the start; beyond 200 ms this is a cluster that runs.
  for (let at = 1; at <= 300; at += at < 120 ? 4 : 30) {
    const dice = new SeededDice(`formation ${at}`);
    const scenario = started({ seed: at });
    const { cluster } = scenario;
    const victim = dice.pick(cluster.voters);
    scenario.run(at);
    if (dice.chance(0.5)) cluster.crash(victim, { silent: dice.chance(0.5) });
    else cluster.kill(victim);
    const other = dice.pick(cluster.voters);
    if (dice.chance(0.4) && other !== victim) {
      scenario.run(dice.between(0, 40));
      cluster.crash(other);
    }
    scenario.run(dice.between(0, 400));
    for (const id of cluster.voters) if (!cluster.isUp(id)) cluster.start(id);
    assertFormed(scenario, `node ${victim} at ${at} ms`);
  }
});

Formation(
  'takes no new node for one that lost its identity, killed and cut off in its very first writes (R-D1a)',
  () => {
    for (let at = 1; at <= 80; at += 3) {
      const dice = new SeededDice(`first writes ${at}`);
      const scenario = started({ seed: at });
      const { cluster } = scenario;
      const victim = dice.pick(cluster.voters);
      cluster.crash(victim);
      cluster.disk(victim).wipe();
      cluster.disk(victim).faults.slowFsyncMs = 30;
      cluster.start(victim);
      scenario.run(at);
      cluster.kill(victim); // What is not synced stays in the cache,
      cluster.start(victim);
      scenario.run(dice.between(1, 80));
      cluster.crash(victim); // and goes now.
      cluster.disk(victim).faults.slowFsyncMs = 0;
      cluster.start(victim);
      scenario.run(500);
      assert.equal(cluster.failures, [], `killed at ${at} ms`);
    }
  },
);

Formation('forms one cluster in the end over connections that break all the time (R25)', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const dice = new SeededDice(`breaks ${seed}`);
    const scenario = started({ seed, jitterMs: 5 });
    for (let i = 0; i < 20; i++) {
      scenario.run(dice.between(0, 20));
      const [a, b] = dice.shuffle(scenario.cluster.voters) as [NodeId, NodeId];
      scenario.cluster.network.reset(a, b);
    }
    assertFormed(scenario, `seed ${seed}`);
  }
});

Formation(
  'takes a voter whose folder was emptied for a stranger: it says so, votes for nobody, and the others go on (R25, R-D4)',
  () => {
    for (const wiped of [1, 2, 3]) {
      const scenario = Scenario.up({ seed: wiped });
      const { cluster } = scenario;
      scenario.writeAlways();
      scenario.run(500);
      cluster.kill(wiped);
      cluster.disk(wiped).wipe();
      scenario.run(100);
      cluster.start(wiped);
      scenario.settled(4000, wiped === 3 ? [2] : [3]);
      const status = cluster.node(wiped).facade.status();
      assert.is(status.identityTrouble, 'IDENTITY_LOST', scenario.because(`node ${wiped}`));
      assert.is(status.clusterId, null);
      assert.is(clustersIn(cluster).length, 1);
      assert.equal(scenario.verdict(cluster.voters.filter((id) => id !== wiped)), []);
    }
  },
);

Formation('stands still with one folder emptied and another node dead, and begins no second history (R25)', () => {
  for (const wiped of [1, 2, 3])
    for (const dead of [1, 2, 3]) {
      if (wiped === dead) continue;
      const scenario = Scenario.up({ seed: wiped * 10 + dead });
      const { cluster } = scenario;
      for (let i = 0; i < 20; i++) scenario.write(1);
      scenario.run(300);
      assert.is(scenario.done().length, 20);
      cluster.kill(wiped);
      cluster.kill(dead);
      cluster.disk(wiped).wipe();
      cluster.start(wiped);
      scenario.run(10_000);
      assert.is(cluster.leader, null, scenario.because(`${wiped} wiped, ${dead} dead`));
      assert.is(cluster.node(wiped).facade.status().lastId, 0);
      cluster.start(dead);
      const best = Math.max(...cluster.voters.filter((id) => id !== wiped));
      assert.is(cluster.settleLeader(best), best);
      assert.equal(scenario.verdict(cluster.voters.filter((id) => id !== wiped)), []);
      assert.is(cluster.messages(best).length, 20);
      assert.is(clustersIn(cluster).length, 1);
    }
});

Formation('lets two emptied nodes found nothing beside the third that remembers (R25)', () => {
  const scenario = Scenario.up();
  const { cluster } = scenario;
  assert.is(scenario.written(2).kind, 'done');
  for (const id of [1, 2]) {
    cluster.kill(id);
    cluster.disk(id).wipe();
    cluster.start(id);
  }
  scenario.run(10_000);
  assert.is(cluster.leader, null);
  assert.is(clustersIn(cluster).length, 1);
  for (const id of [1, 2]) assert.is(cluster.node(id).facade.status().identityTrouble, 'IDENTITY_LOST');
  assert.is(cluster.messages(3).length, 1);
});

Formation(
  'is one node short when a wiped one was the drawer and only one joiner had heard of the cluster (R25)',
  () => {
    // Node 1 has drawn, node 2 has joined, node 3 has not heard of it yet; then node 1's disk is replaced.
    const scenario = new Scenario();
    const { cluster } = scenario;
    cluster.doom(3, 'roster.persisted'); // In a power cut right there, the roster is on its disk or not.
    cluster.start();
    assert.ok(cluster.runUntil(() => !cluster.isUp(3), 5000));
    cluster.kill(1);
    cluster.disk(1).wipe();
    cluster.start(1);
    scenario.run(3000);
    cluster.start(3);
    assert.is(cluster.settleLeader(3), 3, scenario.because('nodes 2 and 3 are a majority'));
    assert.is(scenario.written(2).kind, 'done');
    assert.is(cluster.node(1).facade.status().identityTrouble, 'IDENTITY_LOST');
    assert.is(clustersIn(cluster).length, 1);
    assert.equal(scenario.verdict([2, 3]), []);
  },
);

Formation('forms nothing with a node of another configuration, and says so at all of them (R25)', () => {
  for (const odd of [1, 2, 3]) {
    const membership = new Map<NodeId, readonly NodeId[]>([[odd, [1, 2, 3, 4, 5]]]);
    const scenario = new Scenario({ membership, seed: odd });
    const { cluster } = scenario;
    cluster.start();
    scenario.run(5000);
    assert.equal(clustersIn(cluster), []);
    for (const id of cluster.voters)
      assert.is(
        cluster.node(id).facade.status().identityTrouble,
        'CONFIG_MISMATCH',
        `node ${id}, ${odd} is the odd one`,
      );
    // Once it is put right they form.
    membership.clear();
    cluster.kill(odd);
    scenario.run(200);
    cluster.start(odd);
    assertFormed(scenario, `node ${odd} was the odd one`);
  }
});

Formation('does not start a member of a cluster with other voters (R25)', () => {
  const membership = new Map<NodeId, readonly NodeId[]>();
  const scenario = new Scenario({ membership });
  const { cluster } = scenario;
  cluster.start();
  assert.is(cluster.settleLeader(3), 3);
  cluster.kill(1);
  membership.set(1, [1, 2]);
  cluster.start(1);
  scenario.run(1000);
  assert.not.ok(cluster.isUp(1));
  assert.match(cluster.failures[0]?.reason ?? '', /CONFIG_MISMATCH/);
  assert.is(cluster.leader, 3);
});

Formation('lets two separate clusters stay separate when their nodes meet (R25)', () => {
  // Two clusters of the same ids: node 3 of one wakes up among the nodes of the other.
  const one = Scenario.up({ seed: 1 });
  const two = Scenario.up({ seed: 2 });
  assert.is(one.written(1).kind, 'done');
  assert.is(two.written(1).kind, 'done');
  const { cluster } = one;
  cluster.kill(3);
  cluster.disk(3).wipe();
  const stranger = two.cluster.disk(3);
  two.cluster.kill(3);
  for (const name of stranger.names) cluster.disk(3).put(name, stranger.content(name));
  cluster.start(3);
  one.run(3000);
  assert.is(cluster.leader, 2);
  assert.is(cluster.node(3).facade.status().identityTrouble, 'CONFIG_MISMATCH', one.because('the stranger'));
  assert.is(one.written(1).kind, 'done');
  assert.equal(one.verdict([1, 2]), []);
});

Formation('keeps the one voter of a single cluster through restarts and power cuts (R8, R9)', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const dice = new SeededDice(`single ${seed}`);
    const scenario = Scenario.up({ voters: [4], seed });
    const { cluster } = scenario;
    for (let life = 0; life < 5; life++) {
      scenario.writeAlways(3);
      scenario.run(dice.between(50, 500));
      scenario.stopWriting();
      if (dice.chance(0.5)) cluster.kill(4);
      else cluster.crash(4);
      cluster.start(4);
      assert.is(cluster.settleLeader(4), 4);
    }
    assert.ok(scenario.done().length > 50);
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
});

Formation.run();
