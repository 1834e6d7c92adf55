import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { SeededDice } from '../support/dice.ts';
import type { Scenario } from '../support/scenario.ts';
import { assertHeals, busy, five, three } from '../support/scenes.ts';

/** Links that are cut, in one direction or both, so that not all see the same: chain, hub, ring, one-way (R12-R16). */
const Partitions = suite('partitions');

function cutEach(scenario: Scenario, nodes: readonly NodeId[]): void {
  for (const a of nodes) for (const b of nodes) if (a < b) scenario.cluster.network.cut(a, b);
}

Partitions(
  'keeps its leader in a chain without an election, and elects the middle when the end goes (R12, R13)',
  () => {
    for (const middle of three.slice(0, 2)) {
      const scenario = busy({ seed: middle });
      const { cluster } = scenario;
      const end = middle === 1 ? 2 : 1;
      const at = scenario.now;
      cluster.network.cut(end, 3);
      scenario.settled(30_000, [3]);
      assert.equal(scenario.leaderships(at), [], scenario.because(`chain with ${middle} in the middle`));
      assert.equal(scenario.lines('election_started', at), []);
      cluster.network.cut(middle, 3);
      scenario.settled(6000, [1, 2]);
      assertHeals(scenario, `middle ${middle}`);
    }
  },
);

Partitions('elects another when the leader hears nobody, or nobody hears the leader (R16)', () => {
  for (const oneWay of ['hears', 'is heard']) {
    const scenario = busy();
    for (const peer of [1, 2]) {
      const [from, to] = oneWay === 'hears' ? [peer, 3] : [3, peer];
      scenario.cluster.network.cut(from as NodeId, to as NodeId, { oneWay: true });
    }
    const at = scenario.now;
    scenario.settled(4500, [2]);
    assert.ok(
      scenario.longestPauseMs(at) < 2000,
      `nobody ${oneWay}: ${scenario.longestPauseMs(at)} ms without a write`,
    );
    assertHeals(scenario, `nobody ${oneWay}`);
  }
});

Partitions('stays available with any single link cut in any one direction (R12, R13, R16)', () => {
  for (const from of three)
    for (const to of three) {
      if (from === to) continue;
      const scenario = busy({ seed: from * 10 + to });
      const at = scenario.now;
      scenario.cluster.network.cut(from, to, { oneWay: true });
      scenario.settled(5000, three);
      const changes = scenario.leaderships(at).length;
      assert.ok(changes <= 1, `${from} to ${to}: ${changes} leader changes`);
      assertHeals(scenario, `${from} to ${to}`);
    }
});

Partitions('stays available with any two links of five nodes cut in any one direction', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const dice = new SeededDice(`links ${seed}`);
    const scenario = busy({ voters: five, seed });
    const at = scenario.now;
    for (let i = 0; i < 2; i++) {
      const [a, b] = dice.shuffle(five) as [NodeId, NodeId];
      scenario.cluster.network.cut(a, b, { oneWay: true });
    }
    scenario.settled(6000, five);
    assert.ok(scenario.leaderships(at).length <= 2, scenario.because(`seed ${seed}`));
    assertHeals(scenario, `seed ${seed}`);
  }
});

Partitions('stays with its leader in the partial partition of Cloudflare, November 2020 (R12, R13)', () => {
  const scenario = busy();
  const at = scenario.now;
  scenario.cluster.network.cut(1, 3);
  scenario.settled(8000, [3]);
  assert.equal(scenario.leaderships(at), []);
  // The same with a leader that is not the best: its follower does not see node 3 at all.
  const { cluster } = scenario;
  cluster.network.heal();
  cluster.kill(3);
  assert.is(cluster.settleLeader(2), 2);
  cluster.network.cut(2, 3);
  cluster.start(3);
  scenario.run(1);
  const since = scenario.now;
  scenario.settled(8000, [2]);
  assert.equal(scenario.leaderships(since), [], scenario.because('node 3 sees node 1 alone'));
  assertHeals(scenario);
});

Partitions('elects the hub when it is the only node that a majority reaches (R14, R15)', () => {
  for (let seed = 1; seed <= 2; seed++) {
    const scenario = busy({ voters: five, seed });
    cutEach(scenario, [2, 3, 4, 5]);
    scenario.settled(6000, [1]);
    assertHeals(scenario, `seed ${seed}`);
  }
});

Partitions('elects a hub that has the oldest log, which takes over what it missed (R13, R5)', () => {
  for (let seed = 1; seed <= 2; seed++) {
    const scenario = busy({ voters: five, seed });
    const { cluster } = scenario;
    cluster.network.isolate(1);
    scenario.run(2000);
    const before = scenario.done().length;
    cluster.network.heal();
    cluster.network.isolate(5);
    cutEach(scenario, [2, 3, 4]);
    scenario.settled(6000, [1]);
    assert.ok(before > 40);
    assertHeals(scenario, `seed ${seed}`);
  }
});

Partitions('finds a leader in a ring where everybody sees a bare majority, and keeps it (R12)', () => {
  for (let seed = 1; seed <= 2; seed++) {
    const scenario = busy({ voters: five, seed });
    const at = scenario.now;
    for (let i = 0; i < 5; i++) scenario.cluster.network.cut(i + 1, ((i + 2) % 5) + 1);
    scenario.settled(8000, [5]);
    assert.equal(scenario.leaderships(at), [], scenario.because(`seed ${seed}`));
    assertHeals(scenario, `seed ${seed}`);
  }
});

Partitions('does not change the leader when one link heals (R12, R13)', () => {
  for (const [a, b] of [
    [1, 3],
    [2, 3],
    [1, 2],
  ] as const) {
    const scenario = busy({ seed: a + b });
    scenario.cluster.network.cut(a, b);
    scenario.run(5000);
    scenario.cluster.network.heal();
    const at = scenario.now;
    scenario.run(5000);
    assert.equal(scenario.leaderships(at), [], scenario.because(`${a} and ${b}`));
    assertHeals(scenario);
  }
});

Partitions.run();
