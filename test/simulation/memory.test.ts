import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { SeededDice } from '../support/dice.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

/** Logs that are kept in memory: a restart is the loss of one (--memory, R-D3). */
const Memory = suite('memory');

const three: readonly NodeId[] = [1, 2, 3];

function busy(options: ClusterOptions = {}, everyMs = 25): Scenario {
  const scenario = Scenario.up(options);
  scenario.writeAlways(everyMs);
  scenario.run(1000);
  return scenario;
}
const troubleOf = (scenario: Scenario, id: NodeId): string | null =>
  scenario.cluster.node(id).facade.status().identityTrouble;
function serves(scenario: Scenario, ...ids: readonly NodeId[]): void {
  const { cluster } = scenario;
  const all = (): boolean => ids.every((id) => cluster.isUp(id) && cluster.node(id).facade.status().serving);
  assert.ok(cluster.runUntil(all, 5000), scenario.because(`nodes ${ids} do not serve`));
}
/** Once every fault is gone: one leader, equal logs, and everybody was told the truth. */
function assertAgrees(scenario: Scenario, what: string): void {
  scenario.healAll();
  assert.is.not(scenario.cluster.settleLeader(undefined, 30_000), null, scenario.because(`${what}: no leader`));
  serves(scenario, ...scenario.cluster.voters);
  assert.is(scenario.written(1).kind, 'done', scenario.because(what));
  assert.equal(scenario.verdict(), [], what);
  const areWell = (): boolean => scenario.cluster.voters.every((id) => troubleOf(scenario, id) === null);
  assert.ok(scenario.cluster.runUntil(areWell, 5000), scenario.because(`${what}: a node is in trouble`));
}

Memory('learns its log anew when it was kept in memory: one node after the other (--memory, R-D3)', () => {
  const scenario = busy({ memory: true });
  const { cluster } = scenario;
  for (const id of [1, 3, 2]) {
    cluster.kill(id);
    scenario.run(300);
    cluster.start(id);
    serves(scenario, id);
    assert.is(troubleOf(scenario, id), 'DAMAGED');
    const healed = cluster.runUntil(() => troubleOf(scenario, id) === null, 20_000);
    assert.ok(healed, scenario.because(`node ${id} does not heal`));
    scenario.run(1000);
  }
  assertAgrees(scenario, 'all were restarted');
  assert.ok(cluster.messages(2).length > 100);
});

Memory('loses nothing with two of three logs in memory gone, and stands still (--memory, R-D3)', () => {
  const scenario = busy({ memory: true });
  const { cluster } = scenario;
  scenario.stopWriting();
  scenario.run(200);
  for (const id of [1, 2]) cluster.kill(id);
  for (const id of [1, 2]) cluster.start(id);
  scenario.run(20_000);
  assert.is(cluster.leader, null);
  assert.is(cluster.messages(3).length, scenario.done().length);
});

Memory('starts afresh, and says so, when all logs in memory are gone (--memory)', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const dice = new SeededDice(`memory ${seed}`);
    const scenario = busy({ memory: true, seed });
    const { cluster } = scenario;
    scenario.stopWriting();
    for (const id of three) cluster.kill(id);
    const since = scenario.now;
    for (const id of dice.shuffle(three)) {
      cluster.start(id);
      scenario.run(dice.between(0, 300));
    }
    assert.is(cluster.settleLeader(3, 20_000), 3, scenario.because(`seed ${seed}`));
    assert.ok(scenario.lines('memory_lost_everywhere', since).length > 0);
    assert.is(scenario.written(1).kind, 'done');
    scenario.run(500);
    for (const id of three) assert.is(cluster.messages(id).length, 1, `node ${id}`);
  }
});

Memory.run();
