/**
 * A power cut of all nodes: one seed decides what is under way, at which microsecond each node stops, which dirty sectors
 * are lost, whether it happens again during the recovery, and what clients had been told by then.
 *
 * Afterwards all must be able to vote, nothing acknowledged may be lost, and no torn write may be taken for damage (R-D3):
 * a cluster that is down by its own caution would be as bad as one that forgets.
 */
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { SeededDice } from './dice.ts';
import { Scenario } from './scenario.ts';

/** When the lights go out. */
export const moments = ['in writes', 'in a change of segment', 'in an election', 'in the formation'] as const;
export type Moment = (typeof moments)[number];

const voters: readonly NodeId[] = [1, 2, 3];
const timing = { ...defaultTiming, stableMs: 60_000 };

export interface PowerCut {
  readonly moment: Moment;
  readonly cuts: number;
  readonly acknowledged: number;
  /** Recoveries that found a write cut short. */
  readonly torn: number;
  readonly wrong: readonly string[];
}

/** Runs to a random microsecond, and cuts the power of all, nearly at once, sometimes of one after the other. */
function cutAll({ cluster }: Scenario, dice: SeededDice, withinMs: number): void {
  cluster.run(dice.between(0, withinMs));
  const apartMs = dice.pick([0, 0, 0.05, 0.4, 3]);
  for (const id of dice.shuffle(voters)) {
    cluster.crash(id);
    cluster.run(apartMs * dice.next());
  }
}

function someWrites(scenario: Scenario, dice: SeededDice, rounds: number, bytes: number): void {
  for (let i = 0; i < rounds; i++) {
    for (let k = dice.int(4); k >= 0; k--) {
      const at = dice.pick(voters);
      const texts = Array.from({ length: 1 + dice.int(3) }, (_, n) => `${i} ${k} ${n} ${'x'.repeat(dice.int(bytes))}`);
      if (scenario.cluster.isUp(at))
        scenario.writeText(
          at,
          texts.map((text) => `${scenario.told.length} ${text}`),
        );
    }
    scenario.run(dice.between(0, 1.5));
    // What waits for a leader goes into one group, which must fit into a segment.
    if (i % 3 === 2) scenario.cluster.runUntil(() => scenario.told.every(({ answer }) => answer !== null), 500);
  }
}

/** Faster than the disks: a follower's next write is a group of frames, of which any sectors may be lost. */
function burst(scenario: Scenario, dice: SeededDice): void {
  for (let i = 8 + dice.int(12); i > 0; i--) {
    const at = dice.chance(0.7) ? 3 : dice.pick(voters);
    if (scenario.cluster.isUp(at)) scenario.writeText(at, [`${scenario.told.length} ${'x'.repeat(dice.int(1500))}`]);
    scenario.run(dice.between(0, 1.5));
  }
}

export function runPowerCut(seed: number): PowerCut {
  const dice = new SeededDice(`power cut ${seed}`);
  const moment = moments[seed % moments.length] as Moment;
  const segmentBytes = moment === 'in a change of segment' ? 56 * 1024 : 64 * 1024;
  const scenario = new Scenario({ seed, timing, segmentBytes, tailBytes: 4096, writeMs: [0.3, 3] });
  const { cluster } = scenario;
  cluster.start();
  if (moment === 'in the formation') {
    cluster.run(dice.between(0, 60));
    cutAll(scenario, dice, 60);
  } else {
    if (cluster.settleLeader(3, 5000) !== 3) throw new Error(scenario.because(`seed ${seed}: no leader`));
    someWrites(
      scenario,
      dice,
      (moment === 'in a change of segment' ? 14 : 4) + dice.int(8),
      moment === 'in a change of segment' ? 1400 : 600,
    );
    if (moment === 'in an election') {
      cluster.kill(3);
      cutAll(scenario, dice, 400);
    } else {
      burst(scenario, dice);
      cutAll(scenario, dice, 3);
    }
  }
  // Recovery writes too: the boot number in both slots, zeros behind a torn tail, the last write once more. What it leaves
  // shows when later writes are cut short at the same place.
  let cuts = 1;
  for (; cuts < 4 && dice.chance(0.6); cuts++) {
    cluster.start();
    if (dice.chance(0.5) && cluster.settleLeader(3, 10_000) === 3) {
      burst(scenario, dice);
      cutAll(scenario, dice, 3);
    } else cutAll(scenario, dice, dice.pick([4, 12, 40]));
  }
  cluster.start();
  const wrong: string[] = [];
  if (cluster.settleLeader(3, 10_000) !== 3) wrong.push('node 3 does not lead');
  const serve = (): boolean => voters.every((id) => cluster.isUp(id) && cluster.node(id).facade.status().serving);
  if (!cluster.runUntil(serve, 5000)) wrong.push('a node does not serve');
  for (const { node, message } of scenario.lines('log_damaged')) wrong.push(`node ${node}: ${message}`);
  if (wrong.length === 0) wrong.push(...votesOf(scenario));
  if (wrong.length === 0) wrong.push(...scenario.verdict());
  const torn = scenario.lines('log_recovered').filter(({ message }) => message.includes('cut short')).length;
  return { moment, cuts, acknowledged: scenario.done().length, torn, wrong: wrong.slice(0, 5) };
}

/** A write at each node, and nobody in trouble: each of them may vote. */
function votesOf(scenario: Scenario): readonly string[] {
  const told = voters.map((id) => scenario.write(id));
  scenario.cluster.runUntil(() => told.every(({ answer }) => answer !== null), 5000);
  return voters.flatMap((id, i) => {
    const trouble = scenario.cluster.node(id).facade.status().identityTrouble;
    const answer = told[i]?.answer;
    return [
      ...(trouble === null ? [] : [`node ${id}: ${trouble}`]),
      ...(answer?.kind === 'done' ? [] : [`node ${id} answered ${JSON.stringify(answer)}`]),
    ];
  });
}
