/**
 * Two long scenarios that end in a verdict, for this log alone: they stop one of its nodes and read its metrics.
 *
 *   soak       ten million messages while a follower is away; then it catches up while writes go on
 *   overload   twice what it can do, for a while; and how soon it is itself again
 */
import type { RealCluster, RealNode } from '../support/realCluster.ts';
import type { Row } from './book.ts';
import type { EngineJob, Seen } from './engine.ts';
import { LoadProcess } from './load.ts';
import { clusterOf, Judge, onlyOurs, untilAcknowledged, wayCalled } from './own.ts';
import { measured, pause, perSecond, type Scenario, type Stage, textBytes, words } from './stage.ts';
import type { Load } from './systems.ts';
import { residentMiB } from './usage.ts';

const percent = (part: number): string => `${Math.round(part * 100)} %`;

const residents = (cluster: RealCluster): number[] =>
  cluster.nodes.filter(({ running }) => running).map(({ process }) => residentMiB(process?.pid ?? 0));

const elections = async (cluster: RealCluster): Promise<number> => {
  let sum = 0;
  for (const node of cluster.nodes.filter(({ running }) => running))
    sum += Number((await node.metrics()).leader_elections);
  return sum;
};

// -------------------------------------------------------------------------------------------------------------- soak

/** Half of what it can do: room to fall behind in, and for a peer that catches up. */
const soakPart = 0.5;
const soakLoad: Load = { clients: 4, window: 8, batch: 128 };
/** Throughput of each tenth against the first, and of what goes in while a follower catches up against before. */
const leastPart = 2 / 3;
/** From the first fifth to the end: what a heap and its buffers may still settle to. A list of all would take far more. */
const mostGrowthMiB = 64;
const mostMiB = 400;

interface Tenth {
  readonly rate: number;
  readonly p99: number;
  readonly resident: readonly number[];
}

/** What goes in until `goal` messages have been acknowledged, in tenths. */
async function soakIn(load: LoadProcess, cluster: RealCluster, count: number, say: Stage['say']): Promise<Tenth[]> {
  const tenths: Tenth[] = [];
  for (let i = 0; i < 10; i++) {
    await load.mark();
    const seen = await untilAcknowledged(load, count / 10);
    const tenth = { rate: perSecond(seen), p99: seen.latencyMs.p99, resident: residents(cluster) };
    tenths.push(tenth);
    const memory = tenth.resident.map((mib) => mib.toFixed(0)).join(', ');
    say(
      `    ${words(((i + 1) * count) / 10)} messages: ${words(tenth.rate)}/s, p99 ${tenth.p99.toFixed(1)} ms, memory ${memory} MiB`,
    );
  }
  return tenths;
}

/** Until a message that was just acknowledged is there within a blink. */
async function caughtUp(leader: RealNode, follower: RealNode, each: () => Promise<void>): Promise<void> {
  for (;;) {
    await each();
    if ((await follower.health())?.status === 200) {
      const { json } = await leader.post('is it there?');
      await pause(100);
      if ((await follower.call(`/messages/${json.id}`)).status === 200) return;
    }
    await pause(200);
  }
}

const soak: Scenario = {
  name: 'soak',
  words: 'ten million messages at a steady rate with a follower away; it catches up while writes go on',
  isLong: true,
  unfit: onlyOurs,
  run: async (stage) => {
    const { system, running, wanted, book, say } = stage;
    const cluster = clusterOf(stage);
    const count = wanted.messages ?? 10_000_000;
    const { leader } = await running.endpoints();
    const leading = await cluster.leader();
    const away = cluster.nodes.find((node) => node !== leading)!;
    const way = wayCalled(system, 'http');
    const job: EngineJob = { ...soakLoad, at: [leader], bytes: textBytes };
    await measured(stage, way, job, wanted.warmMs);
    const capacity = perSecond(await measured(stage, way, job));
    const rate = Math.round(capacity * soakPart);
    say(`    takes ${words(capacity)}/s; ${words(rate)}/s go in from now on, without node ${away.id}`);
    await away.kill('SIGTERM');

    const judge = new Judge();
    const load = await LoadProcess.start(system.name, way.name, { ...job, rate });
    try {
      const tenths = await soakIn(load, cluster, count, say);
      const [first, fifth, last] = [tenths[0]!, tenths[1]!, tenths[9]!];
      const slowest = Math.min(...tenths.map((tenth) => tenth.rate));
      judge.look(
        slowest >= first.rate * leastPart,
        `slowest tenth ${words(slowest)}/s, the first one ${words(first.rate)}/s`,
      );
      const growth = Math.max(...last.resident.map((mib, i) => mib - fifth.resident[i]!));
      judge.look(
        growth <= mostGrowthMiB,
        `memory grew by ${growth.toFixed(0)} MiB from two tenths of ${words(count)} messages to the end`,
      );

      await load.mark();
      away.start();
      const beganAt = performance.now();
      let peak = 0;
      await caughtUp(leading, away, async () => {
        peak = Math.max(peak, ...residents(cluster));
        if (performance.now() - beganAt > 600_000) throw new Error('the follower has not caught up within ten minutes');
      });
      const seconds = (performance.now() - beganAt) / 1000;
      const meanwhile = await load.look();
      judge.tell(`node ${away.id} caught up in ${seconds.toFixed(1)} s`);
      judge.look(
        perSecond(meanwhile) >= last.rate * leastPart,
        `meanwhile ${words(perSecond(meanwhile))}/s were acknowledged, ${percent(perSecond(meanwhile) / last.rate)} of before; ` +
          `p99 ${meanwhile.latencyMs.p99.toFixed(1)} ms, before ${last.p99.toFixed(1)} ms`,
      );
      judge.look(peak <= mostMiB, `a node took at most ${peak.toFixed(0)} MiB while it caught up`);
      const row = (id: string, text: string, unit: string, best: Row['best']): Row => ({
        id,
        scenario: 'soak',
        words: text,
        unit,
        best,
      });
      book.add(
        row('soak-catchup', 'a follower catches up on all that it missed, while writes go on', 'messages/s', 'high'),
        system.name,
        count / seconds,
      );
      book.verdicts.push(
        judge.verdict('soak', system.name, {
          ratePerTenth: tenths.map((tenth) => tenth.rate),
          p99MsPerTenth: tenths.map(({ p99 }) => p99),
          memoryMiBPerTenth: tenths.map(({ resident }) => Math.max(...resident)),
        }),
      );
    } finally {
      await load.end();
    }
  },
};

// ---------------------------------------------------------------------------------------------------------- overload

/** So many messages may be under way that the node itself must say no. */
const flood: Load = { clients: 256, window: 512, batch: 1 };
const floodFactor = 2;
/** What is called twice the capacity must be that: a node that is not warm yet takes half of it. */
const leastCapacityMs = 3_000;
/** Enough under way that no more goes in with more. */
const full: Load = { clients: 256, window: 4, batch: 1 };
/** Enough to fill what a node lets wait, at its own rate. */
const floodMs = 10_000;

const overload: Scenario = {
  name: 'overload',
  words: 'twice what it can do: throughput, refusals, memory, elections, and how soon latency is back',
  isLong: true,
  unfit: onlyOurs,
  run: async (stage) => {
    const { system, running, wanted, book, say } = stage;
    const cluster = clusterOf(stage);
    const { leader } = await running.endpoints();
    const way = wayCalled(system, 'http');
    const at = { at: [leader], bytes: textBytes };
    const capacityMs = Math.max(leastCapacityMs, wanted.seconds * 1000);
    await measured(stage, way, { ...at, ...full }, capacityMs);
    const capacity = perSecond(await measured(stage, way, { ...at, ...full }, capacityMs));
    const calm = (await measured(stage, way, { ...at, clients: 1, window: 1, batch: 1 })).latencyMs.p50;
    const electionsBefore = await elections(cluster);
    say(`    takes ${words(capacity)}/s; alone a message takes ${calm.toFixed(2)} ms`);

    const ms = Math.max(floodMs, wanted.seconds * 1000);
    const patienceMs = 60_000;
    const probe = await LoadProcess.start(system.name, way.name, {
      ...at,
      clients: 1,
      window: 1,
      batch: 1,
      patienceMs,
    });
    const load = await LoadProcess.start(system.name, way.name, {
      ...at,
      ...flood,
      rate: capacity * floodFactor,
      patienceMs,
    });
    const memory: number[] = [];
    let flooded: Seen;
    try {
      for (const until = performance.now() + ms; performance.now() < until; await pause(200))
        memory.push(Math.max(...residents(cluster)));
      flooded = await load.look();
    } finally {
      await load.end();
    }
    const endedAt = performance.now();
    let backMs = Number.POSITIVE_INFINITY;
    try {
      while (performance.now() - endedAt < 60_000 && !Number.isFinite(backMs)) {
        await probe.mark();
        await pause(100);
        const { latencyMs } = await probe.look();
        if (latencyMs.count >= 5 && latencyMs.p50 <= 2 * calm + 1) backMs = performance.now() - endedAt;
      }
    } finally {
      await probe.end();
    }

    const judge = new Judge();
    const through = perSecond(flooded);
    judge.look(
      through >= capacity * leastPart,
      `${words(through)}/s acknowledged of ${words(capacity * floodFactor)}/s wanted, ${percent(through / capacity)} of what it takes unhurried`,
    );
    const refusals = Object.entries(flooded.refused);
    judge.look(
      refusals.every(([why]) => /^(429|503) .*with Retry-After$/.test(why)) && flooded.lost === 0,
      `refused: ${refusals.map(([why, n]) => `${words(n)} by ${why}`).join(', ') || 'none'}; ${words(flooded.lost)} lost; ` +
        `${words(flooded.heldBack)} not sent, since their connection had ${flood.window} unanswered`,
    );
    const peak = Math.max(...memory);
    judge.look(peak <= mostMiB, `a node took at most ${peak.toFixed(0)} MiB`);
    const held = (await elections(cluster)) - electionsBefore;
    judge.look(held === 0, `${held} elections`);
    judge.look(Number.isFinite(backMs), `latency was back ${words(backMs)} ms after the load`);
    book.add(
      {
        id: 'overload',
        scenario: 'overload',
        words: 'acknowledged at twice the load it takes',
        unit: 'messages/s',
        best: 'high',
      },
      system.name,
      through,
    );
    book.verdicts.push(judge.verdict('overload', system.name, { memoryMiB: memory }));
  },
};

export const longScenarios: readonly Scenario[] = [soak, overload];
