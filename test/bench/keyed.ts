/**
 * What keys cost: eight streams at /append, each with a session, so that each message is a write with an Idempotency-Key of
 * its own; beside it the same load without sessions. A key is remembered for long, so memory says more than speed does.
 *
 * A1. Each measurement has a cluster of its own, which was just started: what an earlier one left in a node's memory would
 *     be counted again.
 * A2. A measurement lasts until so many messages have been acknowledged, with keys as without (a million: twice the keys
 *     that a node remembers), and at least for `--seconds`.
 */
import type { RealCluster, RealNode } from '../support/realCluster.ts';
import type { Measured, Row, Verdict } from './book.ts';
import type { EngineJob } from './engine.ts';
import { LoadProcess } from './load.ts';
import { clusterOf, Judge, onlyOurs, untilAcknowledged, wayCalled } from './own.ts';
import { pause, perSecond, type Run, type Scenario, type Stage, textBytes, times, words } from './stage.ts';
import { cpuMs, peakResidentMiB } from './usage.ts';

const streams = 8;
const windows = [512, 4_096] as const;
/** 32,768 messages under way may be longer on their way than a client usually waits. */
const patienceMs = 60_000;

interface KeyedLoad {
  readonly window: number;
  readonly isKeyed: boolean;
}
/** In turn, so that a machine that gets slower does so for all. */
export const loads: readonly KeyedLoad[] = windows.flatMap((window) => [
  { window, isKeyed: true },
  { window, isKeyed: false },
]);

const loadWords = ({ window, isKeyed }: KeyedLoad): string =>
  `${streams} streams x ${words(window)} under way, ${isKeyed ? 'with' : 'without'} keys`;

export function rowsOf(load: KeyedLoad) {
  const row = (id: string, text: string, unit: string, best: Row['best'] = 'low'): Row => ({
    id: `${load.isKeyed ? 'keyed' : 'unkeyed'}-${load.window}${id}`,
    scenario: 'keyed',
    words: `${loadWords(load)}${text}`,
    unit,
    best,
  });
  return {
    rate: row('', '', 'messages/s', 'high'),
    cpu: row('-cpu', ': processor time at the leader', 'µs/message'),
    leader: row('-memory-leader', ': peak memory of the leader', 'MiB'),
    follower: row('-memory-follower', ': peak memory of a follower', 'MiB'),
    elections: row('-elections', ': elections', ''),
  };
}

/** From what is in the book: a median of elections would hide the one that there was. */
export function keptTheLead({ figures }: Pick<Measured, 'figures'>, system: string): Verdict {
  const judge = new Judge();
  for (const load of loads) {
    const found = figures.find((each) => each.system === system && each.row === rowsOf(load).elections.id);
    if (!found) continue;
    judge.look(found.max === 0, `${loadWords(load)}: elections in each run ${found.samples.join(', ')}`);
  }
  return judge.verdict('keyed', system);
}

/** What each node saw of them, since one alone may not see all. */
const electionsSeen = ({ nodes }: RealCluster): Promise<number[]> =>
  Promise.all(nodes.map(async (node) => Number((await node.metrics()).leader_elections)));
const pidOf = ({ process }: RealNode): number => process?.pid ?? 0;
const peakMiB = (nodes: readonly RealNode[]): number => Math.max(...nodes.map((node) => peakResidentMiB(pidOf(node))));

async function measure(stage: Stage, load: KeyedLoad): Promise<void> {
  const { system, running, wanted, book, say } = stage;
  const cluster = clusterOf(stage);
  const { leader } = await running.endpoints();
  const leading = await cluster.leader();
  const before = await electionsSeen(cluster);
  const way = wayCalled(system, load.isKeyed ? 'session' : 'socket');
  const job: EngineJob = {
    at: [leader],
    clients: streams,
    window: load.window,
    batch: 1,
    bytes: textBytes,
    patienceMs,
  };
  const writer = await LoadProcess.start(system.name, way.name, job);
  try {
    await pause(wanted.warmMs);
    await writer.mark();
    const cpuBefore = cpuMs(pidOf(leading));
    await pause(wanted.seconds * 1000);
    const seen = await untilAcknowledged(writer, wanted.messages ?? wanted.million);
    const cpu = ((cpuMs(pidOf(leading)) - cpuBefore) * 1000) / seen.acknowledged;
    const elections = Math.max(...(await electionsSeen(cluster)).map((count, i) => count - before[i]!));
    const atLeader = peakMiB([leading]);
    const atFollower = peakMiB(cluster.nodes.filter((node) => node !== leading));

    const rows = rowsOf(load);
    book.add(rows.rate, system.name, perSecond(seen));
    book.add(rows.cpu, system.name, cpu);
    book.add(rows.leader, system.name, atLeader);
    book.add(rows.follower, system.name, atFollower);
    book.add(rows.elections, system.name, elections);
    const troubles = Object.entries({ ...seen.refused, lost: seen.lost }).filter(([, count]) => count > 0);
    say(
      [
        `    ${loadWords(load)}: ${words(perSecond(seen))}/s, p99 ${words(seen.latencyMs.p99)} ms`,
        `${cpu.toFixed(1)} µs a message at the leader`,
        `${words(atLeader)} MiB, followers ${words(atFollower)}`,
        `elections ${elections}`,
        ...troubles.map(([why, count]) => `${words(count)} ${why}`),
      ].join('; '),
    );
  } finally {
    await writer.end();
  }
}

export const keyed: Scenario = {
  name: 'keyed',
  words: `${streams} streams with an Idempotency-Key a message, and without: throughput, processor, memory, elections`,
  isLong: true,
  unfit: onlyOurs,
  runsOf: ({ runs }) => {
    const turns = times(runs).flatMap(() => loads);
    return turns.map(
      (load, i): Run =>
        async (stage) => {
          await measure(stage, load);
          if (i < turns.length - 1) return;
          stage.book.verdicts.push(keptTheLead(stage.book.measured(), stage.system.name));
        },
    );
  },
};
