/** How directed scenarios begin and end: a cluster that is written to, and one in which everything has healed. */
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { Scenario } from './scenario.ts';
import type { ClusterOptions } from './simulatedCluster.ts';

export const three: readonly NodeId[] = [1, 2, 3];
export const five: readonly NodeId[] = [1, 2, 3, 4, 5];

/** A cluster that is up and written to. */
export function busy(options: ClusterOptions = {}, everyMs = 50, ms = 1200): Scenario {
  const scenario = Scenario.up(options);
  scenario.writeAlways(everyMs);
  scenario.run(ms);
  return scenario;
}
/** The same, with more for the disks to do. */
export const busyDisks = (options: ClusterOptions = {}): Scenario => busy(options, 25, 1000);

export const troubleOf = (scenario: Scenario, id: NodeId): string | null =>
  scenario.cluster.node(id).facade.status().identityTrouble;

export function serves(scenario: Scenario, ...ids: readonly NodeId[]): void {
  const { cluster } = scenario;
  const all = (): boolean => ids.every((id) => cluster.isUp(id) && cluster.node(id).facade.status().serving);
  assert.ok(cluster.runUntil(all, 5000), scenario.because(`nodes ${ids} do not serve`));
}

/** Once every fault is gone: one leader, equal logs, everybody was told the truth, and no node is in trouble. */
export function assertAgrees(scenario: Scenario, what: string): void {
  scenario.healAll();
  assert.is.not(scenario.cluster.settleLeader(undefined, 30_000), null, scenario.because(`${what}: no leader`));
  serves(scenario, ...scenario.cluster.voters);
  assert.is(scenario.written(1).kind, 'done', scenario.because(what));
  assert.equal(scenario.verdict(), [], what);
  const areWell = (): boolean => scenario.cluster.voters.every((id) => troubleOf(scenario, id) === null);
  assert.ok(scenario.cluster.runUntil(areWell, 5000), scenario.because(`${what}: a node is in trouble`));
}

/** Once every fault is gone: the best node leads, and everybody was told the truth. */
export function assertHeals(scenario: Scenario, what = ''): void {
  const { voters } = scenario.cluster;
  const best = Math.max(...voters);
  scenario.healAll();
  assert.is(scenario.cluster.settleLeader(best, 60_000), best, scenario.because(`${what}: node ${best} does not lead`));
  scenario.run(1000);
  assert.equal(scenario.verdict(), [], what);
}
