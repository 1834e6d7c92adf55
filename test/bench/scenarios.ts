/**
 * The short scenarios: each starts a system in an empty folder, measures, and ends it. Long ones are in longScenarios.ts.
 */
import type { Row } from './book.ts';
import type { EngineJob } from './engine.ts';
import { bareServers, groupCommits } from './limits.ts';
import { LoadProcess } from './load.ts';
import { measured, pause, perSecond, type Scenario, type Stage, textBytes, times, words } from './stage.ts';
import type { Endpoint, Load, System, Way } from './systems.ts';
import { bytesIn, residentMiB } from './usage.ts';

const bigTextBytes = 1024;

/** What a way is called in a row: HTTP has a row of its own, since nothing that speaks it is as fast as a bare socket. */
const overWords = ({ name }: Way): { readonly id: string; readonly words: string } =>
  name === 'http' ? { id: 'http', words: 'over HTTP' } : { id: 'socket', words: 'over a socket' };

// --------------------------------------------------------------------------------------- one message outstanding each

const singleRow = (clients: number, way: Way): Row => ({
  id: `single-${overWords(way).id}-${clients}`,
  scenario: 'single',
  words: `${clients} client${clients === 1 ? '' : 's'}, one message each, ${overWords(way).words}`,
  unit: 'messages/s',
  best: 'high',
});
const followerRow: Row = {
  id: 'single-follower-64',
  scenario: 'single',
  words: '64 clients, one message each, at a follower',
  unit: 'messages/s',
  best: 'high',
};

async function measureSingle(stage: Stage, row: Row, way: Way, clients: number, at: Endpoint): Promise<void> {
  const { system, book, wanted, say } = stage;
  for (const _ of times(wanted.runs)) {
    const load = { at: [at], clients, window: 1, batch: 1, bytes: textBytes };
    const seen = await measured(stage, way, load).catch((error: Error) => {
      // Others can be measured all the same.
      book.failures.push({ scenario: row.scenario, system: system.name, words: `${row.words}: ${error.message}` });
      say(`    ${row.words}: ${error.message}`);
    });
    if (!seen) return;
    book.add(row, system.name, perSecond(seen));
    const { p50, p99 } = seen.latencyMs;
    say(`    ${row.words}: ${words(perSecond(seen))}/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
  }
}

const single: Scenario = {
  name: 'single',
  words: 'closed loop of 1, 16, 64 and 256 clients, one message of 100 B outstanding each; 64 at a follower',
  unfit: () => null,
  run: async (stage) => {
    const { leader, others } = await stage.running.endpoints();
    const ways = stage.system.ways.filter(({ isSingle }) => isSingle);
    for (const way of ways) {
      await measured(
        stage,
        way,
        { at: [leader], clients: 64, window: 1, batch: 1, bytes: textBytes },
        stage.wanted.warmMs,
      );
      for (const clients of stage.wanted.clients)
        await measureSingle(stage, singleRow(clients, way), way, clients, leader);
    }
    const [follower] = others;
    if (follower && ways[0] && !stage.system.isLeaderOnly)
      await measureSingle(stage, followerRow, ways[0], 64, follower);
  },
};

// ------------------------------------------------------------------------------------------------- batches and peaks

const batches: Scenario = {
  name: 'batches',
  words: 'requests of 16, 64 and 512 messages, 100 B and 1 KiB, 8 clients',
  unfit: ({ ways }) => (ways.some(({ isBatched }) => isBatched) ? null : 'has no requests of many messages'),
  run: async (stage) => {
    const { system, running, book, wanted, say } = stage;
    const { leader } = await running.endpoints();
    for (const way of system.ways.filter(({ isBatched }) => isBatched)) {
      const shape = { at: [leader], clients: 8, window: 1 };
      await measured(stage, way, { ...shape, batch: 16, bytes: textBytes }, wanted.warmMs);
      for (const bytes of [textBytes, bigTextBytes]) {
        for (const batch of [16, 64, 512]) {
          const row: Row = {
            id: `batch-${batch}-${bytes}`,
            scenario: 'batches',
            words: `requests of ${batch} messages of ${bytes} B, 8 clients`,
            unit: 'messages/s',
            best: 'high',
          };
          for (const _ of times(wanted.runs)) {
            const seen = await measured(stage, way, { ...shape, batch, bytes });
            book.add(row, system.name, perSecond(seen));
            say(`    ${row.words}: ${words(perSecond(seen))}/s`);
          }
        }
      }
    }
  },
};

const loadWords = (way: Way, { clients, window, batch }: Load): string =>
  `${way.name}: ${clients} clients x ${window} outstanding x ${batch} a request`;

/** Tries all, then measures the best one. */
async function measurePeak(
  stage: Stage,
  row: Row,
  bytes: number,
  tries: readonly { readonly way: Way; readonly load: Load }[],
): Promise<void> {
  const { system, running, book, wanted, say } = stage;
  const { leader } = await running.endpoints();
  let best: { readonly way: Way; readonly load: Load; readonly rate: number } | undefined;
  for (const { way, load } of tries) {
    const rate = perSecond(await measured(stage, way, { ...load, at: [leader], bytes }, wanted.tryMs));
    say(`    ${row.words}: tried ${loadWords(way, load)}: ${words(rate)}/s`);
    if (best === undefined || rate > best.rate) best = { way, load, rate };
  }
  if (!best) return;
  const { way, load } = best;
  for (const _ of times(wanted.runs)) {
    const rate = perSecond(await measured(stage, way, { ...load, at: [leader], bytes }));
    book.add(row, system.name, rate, loadWords(way, load));
    say(`    ${row.words}: ${words(rate)}/s`);
  }
}

export const peakTries = ({ ways }: System, bytes: number) =>
  ways.flatMap((way) => way.peaks(bytes).map((load) => ({ way, load })));

const peaks: Scenario = {
  name: 'peaks',
  words: 'the most that goes in, 100 B and 1 KiB: pipelined single messages, and any way at all',
  unfit: (system) => (peakTries(system, textBytes).length > 0 ? null : 'has no peak'),
  run: async (stage) => {
    for (const bytes of [textBytes, bigTextBytes]) {
      const all = peakTries(stage.system, bytes);
      const pipelined = all.filter(({ load }) => load.batch === 1);
      const about = { scenario: 'peaks', unit: 'messages/s', best: 'high' } as const;
      const size = bytes === textBytes ? '100 B' : '1 KiB';
      await measurePeak(
        stage,
        { ...about, id: `pipelined-${bytes}`, words: `pipelined single messages, ${size}` },
        bytes,
        pipelined,
      );
      await measurePeak(
        stage,
        { ...about, id: `peak-${bytes}`, words: `batched or pipelined peak, ${size}` },
        bytes,
        all,
      );
    }
  },
};

// ---------------------------------------------------------------------------------------------------------- delivery

const delivery: Scenario = {
  name: 'delivery',
  words: 'from a write at one node to its arrival at a reader that waits at another',
  unfit: ({ tail }) => (tail ? null : 'has no tail'),
  run: async (stage) => {
    const { system, running, book, wanted, say } = stage;
    const { leader, others } = await running.endpoints();
    const way = system.ways.find(({ isSingle }) => isSingle);
    if (!way) return;
    // Nodes that have just started and wait between two messages would else be measured before they are compiled.
    await measured(stage, way, { at: [leader], clients: 9, window: 1, batch: 1, bytes: textBytes }, wanted.warmMs);
    for (const _ of times(wanted.runs)) {
      const load = new LoadProcess();
      try {
        const ms = wanted.seconds * 1000;
        const found = await load.deliver(system.name, way.name, {
          writeAt: leader,
          readAt: others[0] ?? leader,
          bytes: textBytes,
          ms,
        });
        for (const part of ['p50', 'p95', 'p99'] as const) {
          const row: Row = {
            id: `delivery-${part}`,
            scenario: 'delivery',
            words: `delivery to a tail at another node, ${part}`,
            unit: 'ms',
            best: 'low',
          };
          book.add(row, system.name, found[part]);
        }
        say(`    p50 ${found.p50.toFixed(2)} ms, p95 ${found.p95.toFixed(2)} ms, p99 ${found.p99.toFixed(2)} ms`);
      } finally {
        await load.end();
      }
    }
  },
};

// ---------------------------------------------------------------------------------------------------------- failover

const gapRow = (id: string, text: string): Row => ({ id, scenario: 'failover', words: text, unit: 'ms', best: 'low' });
const crashRow = gapRow('failover', 'kill -9 of the leader: longest gap in acknowledged writes');
const returnRow = gapRow('handover', 'it comes back (and leads again): longest gap');
/** After the leader is gone, and after it is back: long enough for what may follow. */
const afterMs = 3_000;

/** Until writes are acknowledged; for a minute at most. What was acknowledged before the crash does not count. */
async function acknowledging(load: LoadProcess): Promise<void> {
  const { acknowledged } = await load.look();
  for (let seen = await load.look(); seen.acknowledged === acknowledged && seen.ms < 60_000; seen = await load.look())
    await pause(100);
}

const failover: Scenario = {
  name: 'failover',
  words: 'the leader is killed under steady load, and comes back: longest gap in acknowledged writes',
  unfit: () => null,
  run: async ({ system, running, book, wanted, say }) => {
    const { crashLeader, mend } = running;
    const way = system.ways.find(({ isSingle }) => isSingle);
    if (!crashLeader || !mend || !way) return;
    const { leader, others } = await running.endpoints();
    const job: EngineJob = { at: [leader, ...others], clients: 9, window: 8, batch: 1, bytes: textBytes, rate: 1_000 };
    const load = await LoadProcess.start(system.name, way.name, job);
    try {
      await pause(2_000);
      for (const _ of times(Math.max(wanted.runs, wanted.rounds))) {
        await load.mark();
        await crashLeader();
        await pause(afterMs);
        await acknowledging(load);
        const crash = await load.look();
        await load.mark();
        await mend();
        await pause(afterMs);
        await acknowledging(load);
        const back = await load.look();
        book.add(crashRow, system.name, crash.longestGapMs);
        book.add(returnRow, system.name, back.longestGapMs);
        say(`    gap ${words(crash.longestGapMs)} ms after kill -9, ${words(back.longestGapMs)} ms when it came back`);
      }
    } finally {
      await load.end();
    }
  },
};

// ------------------------------------------------------------------------------------------------- a million messages

const short = (count: number): string =>
  count % 1_000_000 === 0 ? `${count / 1_000_000} M` : count % 1_000 === 0 ? `${count / 1_000},000` : `${count}`;

const million: Scenario = {
  name: 'million',
  words: 'a million messages of 100 B: memory, disk, reading all, starting again',
  unfit: (system) => (peakTries(system, textBytes).length > 0 ? null : 'has no fast way to write'),
  run: async ({ system, running, book, wanted, say }) => {
    const count = wanted.messages ?? wanted.million;
    const row = (id: string, text: string, unit: string, best: Row['best'] = 'low'): Row => ({
      id,
      scenario: 'million',
      words: text,
      unit,
      best,
    });
    const { leader } = await running.endpoints();
    const tries = peakTries(system, textBytes);
    const { way, load } = tries.find((each) => each.load.batch > 1) ?? tries[0]!;
    const before = await Promise.all(running.folders.map(bytesIn));
    const writer = await LoadProcess.start(system.name, way.name, {
      ...load,
      at: [leader],
      bytes: textBytes,
      messages: count,
    });
    const written = await writer.finished().finally(() => writer.end());
    say(`    ${short(count)} messages in ${(written.ms / 1000).toFixed(1)} s`);
    await pause(2_000);
    for (const { pid } of running.processes())
      book.add(
        row('memory', `resident memory of a node after ${short(count)} messages`, 'MiB'),
        system.name,
        residentMiB(pid),
      );
    const after = await Promise.all(running.folders.map(bytesIn));
    for (const [i, bytes] of after.entries())
      book.add(
        row('disk', 'disk for a message of 100 B on a node', 'bytes'),
        system.name,
        (bytes - before[i]!) / count,
      );
    say(
      `    memory ${running
        .processes()
        .map(({ pid }) => residentMiB(pid).toFixed(0))
        .join(', ')} MiB`,
    );
    if (system.readAll) {
      for (const _ of times(wanted.runs)) {
        const reader = new LoadProcess();
        const { messages, ms } = await reader.read(system.name, leader).finally(() => reader.end());
        if (messages < count) throw new Error(`a reader of all got ${messages} of ${count}`);
        book.add(
          row('read', 'catch-up read of the whole log', 'messages/s', 'high'),
          system.name,
          (messages * 1000) / ms,
        );
        say(`    read ${words((messages * 1000) / ms)}/s`);
      }
    }
    if (running.reopen) {
      for (const _ of times(wanted.runs)) {
        const ms = await running.reopen();
        book.add(
          row('restart', `all start again with ${short(count)} messages: until a write passes`, 'ms'),
          system.name,
          ms,
        );
        say(`    started again in ${words(ms)} ms`);
      }
    }
  },
};

// ------------------------------------------------------------------------------------------------------------ limits

/** Run once, whatever systems are measured: what the machine allows at most. */
export const limits = {
  name: 'limits',
  words: 'bare node:http, bare Koa, a TCP echo, and group commits on the same disk',
  systems: bareServers,
  names: [...bareServers.map(({ name }) => name), 'disk'],
  runServer: async (stage: Stage): Promise<void> => {
    const way = stage.system.ways[0]!;
    const { leader } = await stage.running.endpoints();
    const warm = { at: [leader], clients: 64, window: 1, batch: 1, bytes: textBytes };
    await measured(stage, way, warm, stage.wanted.warmMs);
    for (const clients of stage.wanted.clients)
      await measureSingle(stage, singleRow(clients, way), way, clients, leader);
  },
  runDisk: async ({ book, wanted, folder, say }: Pick<Stage, 'book' | 'wanted' | 'folder' | 'say'>): Promise<void> => {
    for (const batch of [1, 16, 64, 256]) {
      const row: Row = {
        id: `disk-${batch}`,
        scenario: 'limits',
        words: `one file, an fdatasync for ${batch === 1 ? 'every entry' : `each ${batch} entries`} of 100 B`,
        unit: 'entries/s',
        best: 'high',
      };
      for (const _ of times(wanted.runs)) {
        const rate = await groupCommits(folder, batch, textBytes, wanted.tryMs);
        book.add(row, 'disk', rate);
        say(`    ${row.words}: ${words(rate)}/s`);
      }
    }
  },
};

export const shortScenarios: readonly Scenario[] = [single, batches, peaks, delivery, failover, million];
