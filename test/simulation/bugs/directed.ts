/**
 * Short stories that lead straight to the weak moment of one rule, where random faults would need many seeds. Each is played
 * on the real node too, which must come through it. The seed varies times and victims.
 */
import type { NodeId } from '../../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../../actors/protocol/timing.ts';
import { SeededDice } from '../../support/dice.ts';
import { Scenario } from '../../support/scenario.ts';
import type { ClusterOptions } from '../../support/simulatedCluster.ts';
import { Clients } from './clients.ts';

type Story = (seed: number) => readonly string[];

/** Nobody hands the lead over while a story is told. */
const calm = { ...defaultTiming, stableMs: 60_000 };

function begin(name: string, seed: number, options: ClusterOptions = {}): { scenario: Scenario; dice: SeededDice } {
  return { scenario: Scenario.up({ timing: calm, seed, ...options }), dice: new SeededDice(`${name} ${seed}`) };
}
function end(scenario: Scenario): readonly string[] {
  scenario.healAll();
  scenario.cluster.settleLeader(undefined, 20_000);
  return scenario.verdict();
}
const lastIndexOf = ({ cluster }: Scenario, id: NodeId): number => cluster.node(id).facade.status().lastIndex;
const commitOf = ({ cluster }: Scenario, id: NodeId): number => cluster.node(id).facade.status().commitIndex;

/**
 * Figure 8 of Raft with three nodes. x is on 3's disk alone when 3 dies; 2 is elected and dies with its barrier on its own
 * disk alone; 3 comes back and copies x to 1, which makes a majority; both die; 1 and 2 go on without x.
 */
export const figure8: Story = (seed) => {
  const { scenario } = begin('figure 8', seed, { segmentBytes: 4 * 1024 * 1024 });
  const { cluster } = scenario;
  const { network } = cluster;
  scenario.run(200 + seed);
  for (const id of [1, 2]) network.cut(3, id);
  // It fills a window: what comes behind it is not sent before it is acknowledged.
  scenario.writeText(3, [`x ${'x'.repeat(1_200_000)}`], { timeoutMs: 60_000 });
  scenario.run(30);
  const x = lastIndexOf(scenario, 3);
  cluster.crash(3);
  const votes = (): boolean => cluster.node(2).root.system.get('election').getSnapshot().matches('inOffice');
  cluster.runUntil(votes, 5000);
  network.cut(2, 1, { oneWay: true });
  scenario.run(10);
  cluster.crash(2);
  // What 2 has sent stays on its way.
  network.heal(1, 3);
  // Both begin anew, so that the better one is elected.
  cluster.kill(1);
  cluster.start(1, 3);
  cluster.runUntil(() => cluster.isUp(3) && cluster.serves(3) && commitOf(scenario, 3) >= x, 10_000);
  cluster.crash(3);
  cluster.crash(1);
  cluster.start(1, 2);
  network.heal();
  cluster.settleLeader(undefined, 10_000);
  scenario.run(300);
  return end(scenario);
};

/** A leader is cut off for about as long as it goes on believing in itself, again and again, while clients read from it. */
export const cutOffLeader: Story = (seed) => {
  const { scenario, dice } = begin('cut off', seed);
  const { cluster } = scenario;
  const clients = new Clients(scenario, dice.fork('clients'));
  for (let round = 0; round < 6; round++) {
    scenario.run(dice.between(300, 600));
    const leader = cluster.settleLeader();
    if (leader === null) break;
    cluster.network.isolate(leader);
    scenario.run(dice.between(300, 520));
    cluster.network.heal();
  }
  scenario.run(500);
  clients.stop();
  return end(scenario);
};

/** A leader that is cut off appends more entries than the others commit after it; then only it and one of them are left. */
export const longerTail: Story = (seed) => {
  const { scenario } = begin('longer tail', seed);
  const { cluster } = scenario;
  scenario.written(1);
  cluster.network.isolate(3);
  for (let i = 0; i < 4 + (seed % 4); i++) {
    scenario.write(3, { timeoutMs: 60_000 });
    scenario.run(3);
  }
  cluster.crash(3);
  cluster.settleLeader(2, 5000);
  cluster.network.heal();
  scenario.written(1);
  cluster.crash(2);
  cluster.start(3);
  cluster.settleLeader(undefined, 5000);
  return end(scenario);
};

/** Node 1 misses what 2 and 3 commit; then 3 dies, and 2 comes back with an old segment in which a bit has turned. */
export const rottenVoter: Story = (seed) => {
  const { scenario, dice } = begin('rotten', seed, { segmentBytes: 16 * 1024, tailBytes: 4096 });
  const { cluster } = scenario;
  scenario.writeAlways(4);
  scenario.run(dice.between(800, 1200));
  cluster.network.isolate(1);
  scenario.run(dice.between(100, 200));
  scenario.stopWriting();
  scenario.run(50);
  cluster.kill(2);
  const disk = cluster.disk(2);
  const [oldest] = disk.names.filter((name) => name.startsWith('segment-'));
  if (!oldest) throw new Error('no segment');
  const used = disk.content(oldest).findLastIndex((byte) => byte !== 0) + 1;
  disk.flip(oldest, dice.int(used), dice.int(8));
  cluster.crash(3);
  cluster.network.heal();
  cluster.start(2);
  cluster.settleLeader(undefined, 3000);
  if (cluster.leader !== null) scenario.written(1);
  return end(scenario);
};

/**
 * Leader 5 of five reaches 1 alone, whose ACKs stay on their way. 4 is elected, 5 follows it, 4 dies, and 5 leads again, with
 * an entry that only 2 has as well. Now the old ACKs arrive, of more entries than the log has now.
 */
export const lateAcks: Story = (seed) => {
  const { scenario } = begin('late acks', seed, { voters: [1, 2, 3, 4, 5] });
  const { cluster } = scenario;
  const { network } = cluster;
  scenario.written(1);
  for (const id of [2, 3, 4]) for (const alone of [1, 5]) network.cut(id, alone);
  network.cut(1, 5, { oneWay: true });
  for (let i = 0; i < 12 + (seed % 4); i++) {
    scenario.write(5, { timeoutMs: 60 }); // Not to be sent again.
    scenario.run(3);
  }
  network.cut(5, 1, { oneWay: true });
  cluster.settleLeader(4, 2000);
  for (const id of [2, 3, 4]) network.heal(id, 5);
  scenario.run(300);
  cluster.crash(4);
  cluster.settleLeader(5, 2000);
  cluster.crash(3);
  scenario.write(2, { timeoutMs: 60_000 });
  scenario.run(10);
  network.heal(1, 5);
  scenario.run(50);
  return end(scenario);
};
