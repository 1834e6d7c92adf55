import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Scenario } from '../support/scenario.ts';

const FarPeer = suite('a peer that was far');

FarPeer('makes nobody slow once it is dead (§5, R15, R17)', () => {
  // One node alone is far from it: it measures seconds, and would beat, stagger and hand over by them for ever.
  const scenario = Scenario.up({ voters: [1, 2, 3, 4, 5], clockRates: new Map([[5, 0.97]]) });
  const { cluster } = scenario;
  for (const [from, to] of [
    [1, 5],
    [5, 1],
  ] as const)
    cluster.network.shape(from, to, { latencyMs: 800, jitterMs: 400 });
  scenario.run(5000);
  cluster.crash(1);
  assert.is(cluster.settleLeader(5, 40_000), 5, scenario.because('the best one does not lead'));
  scenario.run(10_000);
  const at = scenario.now;
  scenario.run(10_000);
  assert.equal(scenario.lines('leader_lost', at), []);
  assert.equal(scenario.leaderships(at), []);
  assert.equal(scenario.verdict([2, 3, 4, 5]), []);
});

FarPeer('does not make its leader rare for those that are near (§5, R12)', () => {
  const scenario = Scenario.up({ voters: [1, 2, 3] });
  const { cluster } = scenario;
  for (const [from, to] of [
    [1, 3],
    [3, 1],
  ] as const)
    cluster.network.shape(from, to, { latencyMs: 500, jitterMs: 100 });
  scenario.run(10_000);
  const at = scenario.now;
  // A ping that comes a little late is no lost leader.
  cluster.network.shape(3, 2, { latencyMs: 0.25, jitterMs: 60 });
  scenario.run(30_000);
  assert.equal(
    scenario.lines('leader_lost', at).filter(({ node }) => node === 2),
    [],
  );
  assert.equal(scenario.verdict(), []);
});

FarPeer.run();
