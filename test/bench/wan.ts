/**
 * Three regions on this machine: what the place of the leader means when the nodes are oceans apart. The links are
 * simulated (scripts/cable.ts, the published round trips); beside each commit latency stands its floor, which light sets.
 *
 *   latency      one message at a time, from a client beside each of the nodes
 *   throughput   pipelined over /append, at the leader and at the node that is farthest from it
 *   calm         a steady load at all nodes: nobody may be elected
 *   failover     under that load: the leader is killed, and later comes back and is handed the lead
 */

import { commitLatencies } from '../../scripts/commitLatency.ts';
import { publishedLinks, type Region, regions, rttMs } from '../../scripts/wan/regions.ts';
import type { RealCluster } from '../support/realCluster.ts';
import type { Row } from './book.ts';
import type { EngineJob } from './engine.ts';
import { LoadProcess } from './load.ts';
import { type OwnRunning, ours, startOurs } from './ours.ts';
import { measured, pause, perSecond, type Stage, textBytes, times, words } from './stage.ts';
import type { Endpoint, Load, System, Way } from './systems.ts';

/** As `npm run wan` has them by default. */
const jitterMs = 2;
const lossPart = 0.0001;

const nodeIn = (region: Region): number => regions.indexOf(region) + 1;
const regionOf = (node: number): Region => regions[node - 1] as Region;

const apart = (leader: Region): System => ({
  ...ours,
  name: `led from ${leader}`,
  start: (folder) => {
    const envOf = (id: number): NodeJS.ProcessEnv => ({ NODE_PRIORITY: id === nodeIn(leader) ? '1' : '0' });
    return startOurs(folder, { cables: true, envOf }, nodeIn(leader), (cluster) => {
      for (const cable of cluster.cables) {
        const delayMs = rttMs(publishedLinks, regionOf(cable.from), regionOf(cable.to)) / 2;
        cable.impose({ delayMs, jitterMs, lossPart });
      }
    });
  },
});

/** What the links alone make of a commit: to the leader and back, and from there to the nearest other and back. */
export function floorMs(leader: Region, client: Region): number {
  const rtts = new Map(
    regions.map((a) => [nodeIn(a), new Map(regions.map((b) => [nodeIn(b), rttMs(publishedLinks, a, b)]))]),
  );
  const commit = commitLatencies(regions.map(nodeIn), rtts).find((each) => each.leader === nodeIn(leader));
  return rttMs(publishedLinks, client, leader) + (commit?.ms ?? 0);
}

const row = (id: string, text: string, unit: string, best: Row['best'] = 'low'): Row => ({
  id: `wan-${id}`,
  scenario: 'wan',
  words: text,
  unit,
  best,
});

interface Place extends Stage {
  readonly cluster: RealCluster;
  readonly leader: Region;
}
const endpointOf = ({ cluster }: Place, region: Region): Endpoint => ({
  host: '127.0.0.1',
  port: cluster.node(nodeIn(region)).port,
});
const wayCalled = (name: string): Way => ours.ways.find((way) => way.name === name) as Way;
/** The load generator knows this log by its own name. */
const asOurs = (place: Place): Stage => ({ ...place, system: ours });

async function latency(place: Place): Promise<void> {
  const { book, system, say, wanted, leader } = place;
  for (const client of regions) {
    const job = { at: [endpointOf(place, client)], clients: 8, window: 1, batch: 1, bytes: textBytes };
    const { latencyMs } = await measured(asOurs(place), wayCalled('http'), job, Math.max(3, wanted.seconds) * 1000);
    const floor = floorMs(leader, client);
    book.add(row(`floor-${client}`, `commit, client in ${client}: floor set by the links`, 'ms'), system.name, floor);
    book.add(row(`p50-${client}`, `commit, client in ${client}: p50`, 'ms'), system.name, latencyMs.p50);
    book.add(row(`p95-${client}`, `commit, client in ${client}: p95`, 'ms'), system.name, latencyMs.p95);
    say(`    from ${client}: ${words(latencyMs.p50)} ms, p95 ${words(latencyMs.p95)}, floor ${floor}`);
  }
}

const pipelines: readonly Load[] = [
  { clients: 4, window: 4096, batch: 1 },
  { clients: 8, window: 4096, batch: 1 },
  { clients: 8, window: 32, batch: 128 },
  { clients: 8, window: 16, batch: 512 },
];

async function throughput(place: Place): Promise<void> {
  const { book, system, say, wanted, leader } = place;
  const farthest = [...regions].sort((a, b) => rttMs(publishedLinks, b, leader) - rttMs(publishedLinks, a, leader))[0]!;
  for (const [where, client] of [
    ['at the leader', leader],
    ['at the farthest node', farthest],
  ] as const) {
    let best = 0;
    let note = '';
    for (const load of pipelines) {
      const job = { ...load, at: [endpointOf(place, client)], bytes: textBytes, patienceMs: 30_000 };
      const rate = perSecond(
        await measured(asOurs(place), wayCalled('socket'), job, Math.max(3, wanted.seconds) * 1000),
      );
      say(`    ${where}, ${load.clients} x ${load.window} frames of ${load.batch}: ${words(rate)}/s`);
      if (rate > best) note = `${load.clients} streams, ${load.window} frames of ${load.batch}`;
      best = Math.max(best, rate);
    }
    const id = `throughput-${client === leader ? 'leader' : 'far'}`;
    book.add(row(id, `pipelined over /append, ${where}`, 'messages/s', 'high'), system.name, best, note);
  }
}

const elections = async ({ cluster }: Place): Promise<number> => {
  let sum = 0;
  for (const node of cluster.nodes) sum += Number((await node.metrics()).leader_elections);
  return sum;
};
const steady = (place: Place): EngineJob => ({
  at: regions.map((region) => endpointOf(place, region)),
  clients: 9,
  window: 512,
  batch: 1,
  bytes: textBytes,
  rate: 1_000,
  patienceMs: 10_000,
});

async function calm(place: Place): Promise<void> {
  const { book, system, say, wanted } = place;
  const load = await LoadProcess.start(ours.name, 'socket', steady(place));
  try {
    const before = await elections(place);
    await load.mark();
    await pause(wanted.calmMs);
    const seen = await load.look();
    const elected = (await elections(place)) - before;
    const held = elected === 0 && seen.acknowledged > 0;
    const line = `${elected} elections in ${wanted.calmMs / 1000} s of ${words(perSecond(seen))} writes a second`;
    book.add(row('elections', 'elections under steady load', ''), system.name, elected);
    book.verdicts.push({ scenario: 'wan', system: system.name, held, lines: [line] });
    say(`    ${line}; longest gap ${words(seen.longestGapMs)} ms`);
  } finally {
    await load.end();
  }
}

const afterMs = 4_000;

async function failover(place: Place): Promise<void> {
  const { book, system, say, wanted, running } = place;
  const load = await LoadProcess.start(ours.name, 'socket', steady(place));
  try {
    await pause(2_000);
    for (const _ of times(wanted.rounds)) {
      await load.mark();
      await running.crashLeader?.();
      await pause(afterMs);
      const crash = await load.look();
      await load.mark();
      await running.mend?.();
      await pause(afterMs);
      const back = await load.look();
      book.add(
        row('crash', 'kill -9 of the leader: longest gap in acknowledged writes', 'ms'),
        system.name,
        crash.longestGapMs,
      );
      book.add(
        row('handover', 'it comes back and is handed the lead: longest gap', 'ms'),
        system.name,
        back.longestGapMs,
      );
      say(`    gap ${words(crash.longestGapMs)} ms after kill -9, ${words(back.longestGapMs)} ms when it came back`);
    }
  } finally {
    await load.end();
  }
}

/** Asked for by name only; each place of the leader is a column of its own. */
export const wan = {
  name: 'wan',
  words: 'three regions, by where the leader is: commit latency beside its floor, throughput, elections, failover',
  isLong: true,
  systems: regions.map(apart),
  run: async (stage: Stage): Promise<void> => {
    const { cluster } = stage.running as OwnRunning;
    const leader = regions.find((region) => stage.system.name === apart(region).name) as Region;
    const place: Place = { ...stage, cluster, leader };
    await latency(place);
    await throughput(place);
    await calm(place);
    await failover(place);
  },
};
