import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { auditOf, promisesOf } from '../../scripts/experiment/audit.ts';
import { happenedIn } from '../../scripts/experiment/causality.ts';
import { checkChaos, clusterAt, environmentOf, leaderNamed, Unusable } from '../../scripts/experiment/cluster.ts';
import { type Understood, understand } from '../../scripts/experiment/commandLine.ts';
import { diedOf } from '../../scripts/experiment/durability.ts';
import { PairPings } from '../../scripts/experiment/latency.ts';
import { Load } from '../../scripts/experiment/load.ts';
import { type Message, metricsIn, writtenIn } from '../../scripts/experiment/node.ts';
import { sidesOf } from '../../scripts/experiment/partition.ts';
import { lightRoundTripMs, regionsOf } from '../../scripts/experiment/regions.ts';
import type { LeaderSpell, PairSample, Summary, WriteSample } from '../../scripts/experiment/results.ts';
import { distributionOf, longestGap, spreadOf } from '../../scripts/experiment/statistics.ts';

const Statistics = suite('experiment statistics');
const Arguments = suite('experiment arguments');
const Promises = suite('experiment promises');
const Decisions = suite('experiment decisions');
const Clusters = suite('experiment clusters');

// ------------------------------------------------------------------------------------------------------- statistics

Statistics('name measured values as percentiles, and the deviation of a sample', () => {
  const spread = spreadOf([4, 1, 3, 2]);
  assert.equal(spread, { count: 4, average: 2.5, min: 1, p50: 2, p95: 4, p99: 4, max: 4, stdev: 1.291 });
  const hundred = spreadOf(Array.from({ length: 100 }, (_, i) => i + 1));
  assert.equal([hundred.p50, hundred.p95, hundred.p99], [50, 95, 99]);
});

Statistics('of nothing are zeros, and of one value have no deviation', () => {
  assert.equal(spreadOf([]), { count: 0, average: 0, min: 0, p50: 0, p95: 0, p99: 0, max: 0, stdev: 0 });
  assert.is(spreadOf([7]).stdev, 0);
});

Statistics('tell the share that each value does not exceed', () => {
  assert.equal(distributionOf([3, 1]), [
    [1, 0.5],
    [3, 1],
  ]);
});

Statistics('find the longest gap, also at either end', () => {
  assert.equal(longestGap([10, 20, 70, 80], 0, 90), { fromMs: 20, ms: 50 });
  assert.equal(longestGap([60, 70], 0, 80), { fromMs: 0, ms: 60 });
  assert.equal(longestGap([10], 0, 100), { fromMs: 10, ms: 90 });
  assert.equal(longestGap([], 5, 9), { fromMs: 5, ms: 4 });
  assert.equal(longestGap([-50, 200], 0, 100), { fromMs: 0, ms: 100 }, 'what is outside does not count');
});

// -------------------------------------------------------------------------------------------------------- arguments

const words = (line: string): Understood => understand(line.split(' '));
const faultsOf = (line: string): string => {
  const understood = words(line);
  return understood.kind === 'faulty' ? understood.faults.join('\n') : '';
};

Arguments('are the parameters of the plan where nothing is said', () => {
  const understood = words('all');
  assert.is(understood.kind, 'run');
  if (understood.kind !== 'run') return;
  const { experiments, nodes, label, out, language, settings } = understood.wanted;
  assert.is(experiments.length, 6);
  assert.equal([nodes, label, out, language], [3, 'local', 'results', 'en']);
  assert.equal(
    [settings.messages, settings.clients, settings.node, settings.samples, settings.rounds],
    [100, 10, 'follower', 20, 5],
  );
});

Arguments('name the label of a cluster by where it is', () => {
  const labelOf = (line: string): string => {
    const understood = words(line);
    return understood.kind === 'run' ? understood.wanted.label : '';
  };
  assert.is(labelOf('latency --wan'), 'wan');
  assert.is(labelOf('latency --label cloud --urls http://a,http://b,http://c'), 'cloud');
});

Arguments('that are wrong are told together', () => {
  const faults = faultsOf('leader --messages 0 --urls http://a,ftp://b --label moon --out= --node x extra');
  for (const found of [
    /^extra: one experiment at a time/m,
    /^leader: there is no such experiment; there are concurrency, leader-failure,/m,
    /^--messages 0: accepted: a whole number from 1/m,
    /^--urls ftp:\/\/b: accepted: http:\/\/host:port/m,
    /^--urls: 1 of them; accepted: all nodes of a cluster, at least 3/m,
    /^--label moon: accepted: local, wan, cloud/m,
    /^--out '': accepted: a folder/m,
    /^--node x: accepted/m,
  ])
    assert.match(faults, found);
});

Arguments('that exclude each other are refused', () => {
  assert.match(faultsOf('all --wan --urls http://a,http://b,http://c'), /so no --wan, --nodes or --port/);
  assert.match(faultsOf('all --wan --nodes 5'), /three regions, one node each/);
  assert.match(faultsOf('all --nodes 4'), /accepted: 3, 5 or 7/);
  assert.match(faultsOf('all --urls http://a,http://a/,http://c'), /http:\/\/a\/: stands there twice/);
  assert.match(faultsOf('--unknown'), /--unknown/);
});

// --------------------------------------------------------------------------------------------------------- promises

const write = (id: number, more: Partial<WriteSample> = {}): WriteSample => ({
  client: 1,
  node: 1,
  message: `m${id}`,
  atMs: id,
  ms: 1,
  outcome: 'acknowledged',
  id,
  ...more,
});
const message = (id: number, more: Partial<Message> = {}): Message => ({
  id,
  content: `m${id}`,
  lamport: 10 * id,
  node: 1,
  seen: 0,
  ...more,
});
const goodLog = [message(3), message(4), message(5)];
const goodWrites = [write(3), write(4), write(5)];
const brokenBy = (writes: readonly WriteSample[], ...logs: readonly (readonly Message[] | undefined)[]): string[] => {
  const audit = auditOf(writes, new Map(logs.map((log, i) => [i + 1, log])), 2);
  return promisesOf(audit, 0)
    .filter(({ held }) => !held)
    .map(({ promise }) => promise.split(' ').slice(0, 3).join(' '));
};

Promises('hold where all logs have every acknowledged write once', () => {
  assert.equal(brokenBy(goodWrites, goodLog, goodLog, goodLog), []);
});

Promises('fail when something acknowledged is in one log only', () => {
  assert.equal(brokenBy(goodWrites, goodLog, goodLog.slice(0, 2)), ['nothing acknowledged is', 'all nodes hold']);
});

Promises('fail when something is there twice', () => {
  const twice = [...goodLog, message(6, { content: 'm4' })];
  assert.equal(brokenBy(goodWrites, twice, twice), ['nothing acknowledged is']);
});

Promises('fail when something was acknowledged under another id', () => {
  const moved = [message(3, { content: 'm4' }), message(4, { content: 'm3' }), message(5)];
  assert.equal(brokenBy(goodWrites, moved, moved), ['nothing acknowledged is']);
});

Promises('fail when something refused is in a log, unless it was tried again', () => {
  const refused = write(5, { outcome: 'refused', code: 'NO_LEADER' });
  assert.equal(brokenBy([write(3), write(4), refused], goodLog), ['nothing refused is']);
  assert.equal(brokenBy([...goodWrites, refused], goodLog), []);
  assert.equal(brokenBy([write(3), write(4), { ...refused, outcome: 'unknown' }], goodLog), []);
});

Promises('fail when logs differ, have gaps, or Lamport times do not rise', () => {
  const other = [message(3), message(4, { lamport: 41 }), message(5)];
  assert.equal(brokenBy(goodWrites, goodLog, other), ['all nodes hold']);
  const gap = [message(3), message(4), message(6, { content: 'm5' })];
  assert.ok(brokenBy([write(3), write(4)], gap, gap).includes('all nodes hold'));
  const falling = [message(3), message(4, { lamport: 30 }), message(5)];
  assert.equal(brokenBy(goodWrites, falling, falling), ['all nodes hold']);
});

Promises('fail when a log cannot be read', () => {
  assert.equal(brokenBy(goodWrites, goodLog, undefined), ['nothing acknowledged is', 'all nodes hold']);
  assert.equal(brokenBy(goodWrites, undefined), ['nothing acknowledged is', 'all nodes hold']);
});

Promises('fail when a node counts a violation', () => {
  const audit = auditOf([], new Map(), 0);
  assert.is(promisesOf(audit, 1).at(-1)?.held, false);
  assert.is(promisesOf(audit, 0).at(-1)?.held, true);
});

// -------------------------------------------------------------------------------------------------------- decisions

Decisions('name a leader only when a majority does', () => {
  assert.is(leaderNamed([3, 3, null], 2), 3);
  assert.is(leaderNamed([3, 2, null], 2), null);
  assert.is(leaderNamed([3, undefined, undefined], 2), null);
});

Decisions('cut the leader off with as many as are no majority', () => {
  assert.equal(sidesOf([1, 2, 3], 3, 2), { minority: [3], majority: [1, 2] });
  assert.equal(sidesOf([1, 2, 3, 4, 5], 4, 3), { minority: [4, 1], majority: [2, 3, 5] });
});

Decisions('take a node for dead that was silent after the kill, also when it had been slow to answer before', () => {
  const spell = (node: number, fromMs: number, toMs: number, leader: LeaderSpell['leader']): LeaderSpell => ({
    node,
    fromMs,
    toMs,
    leader,
  });
  const spells = [
    spell(1, 0, 1_990, 3),
    spell(1, 1_990, 2_500, 'silent'),
    spell(2, 0, 1_200, 3),
    spell(2, 1_200, 2_400, 'silent'),
    spell(3, 300, 1_500, 'silent'),
    spell(3, 1_500, 2_600, 3),
  ];
  assert.equal([...diedOf(spells, 2_000)], [1, 2]);
});

Decisions('take a write without a clear answer for unknown', () => {
  const answer = (status: number, body: object): ReturnType<typeof writtenIn> =>
    writtenIn({ status, headers: {}, text: JSON.stringify(body) });
  assert.equal(writtenIn(undefined), { outcome: 'unknown', code: 'NO_ANSWER' });
  assert.equal(answer(503, { code: 'NO_LEADER', outcome: 'not_done' }), { outcome: 'refused', code: 'NO_LEADER' });
  assert.equal(answer(503, { code: 'OUTCOME_UNKNOWN', outcome: 'unknown' }), {
    outcome: 'unknown',
    code: 'OUTCOME_UNKNOWN',
  });
  assert.equal(answer(502, {}), { outcome: 'unknown', code: 'HTTP_502' });
  assert.is(answer(200, { id: 7, lamport_timestamp: 9, seen: 3 }).outcome, 'acknowledged');
});

Decisions('read metrics with their labels', () => {
  const found = metricsIn('# HELP x\ndlog_voters 3\ndlog_peer_rtt_seconds{peer="2"} 0.0015\n');
  assert.equal([found.get('dlog_voters'), found.get('dlog_peer_rtt_seconds{peer="2"}')], [3, 0.0015]);
});

Decisions('take each ping once, none from before, and no more than wanted', () => {
  const pings = new PairPings({ source: 1, target: 2 }, 3);
  const told = (ping: number, seconds: number): ReadonlyMap<string, number> =>
    metricsIn(`dlog_peer_pings_answered_total{peer="2"} ${ping}\ndlog_peer_last_rtt_seconds{peer="2"} ${seconds}\n`);
  pings.look(undefined, 0);
  for (const [atMs, ping] of [7, 7, 8, 8, 10, 11, 12].entries()) pings.look(told(ping, ping / 1000), atMs);
  assert.equal(
    pings.samples.map(({ ping, atMs, ms }) => [ping, atMs, ms]),
    [
      [8, 2, 8],
      [10, 4, 10],
      [11, 5, 11],
    ],
  );
  assert.ok(pings.isDone);
});

Decisions('go on with the pings of a node that was started again, and of one whose peer was not there yet', () => {
  const pings = new PairPings({ source: 1, target: 2 }, 3);
  pings.look(metricsIn('dlog_peer_pings_answered_total{peer="2"} 0\n'), 0);
  for (const [atMs, ping] of [1, 1, 9].entries()) {
    const line = `dlog_peer_pings_answered_total{peer="2"} ${ping}\ndlog_peer_last_rtt_seconds{peer="2"} 0.5\n`;
    pings.look(metricsIn(line), atMs);
  }
  pings.look(metricsIn('dlog_peer_pings_answered_total{peer="2"} 0\n'), 5);
  pings.look(metricsIn('dlog_peer_pings_answered_total{peer="2"} 1\ndlog_peer_last_rtt_seconds{peer="2"} 0.25\n'), 6);
  assert.equal(pings.samples.map(({ ms }) => ms), [500, 500, 250]); // biome-ignore format: one line
});

Decisions('know of each message what its writer had read', () => {
  const one = { client: '', node: 1, id: 1, lamport: 1, seen: 0, sentAtMs: 0, acknowledgedAtMs: 1 };
  const pairs = happenedIn(
    [
      { ...one, name: 'a', after: [] },
      { ...one, name: 'b', after: ['a'] },
    ],
    [['a', 'c']],
  );
  assert.equal(pairs, [
    { a: 'a', b: 'b', happened: 'before' },
    { a: 'a', b: 'c', happened: 'side by side' },
  ]);
});

Decisions('know how long light takes between regions, and that one machine is in none', () => {
  const known = lightRoundTripMs('us', 'eu') ?? 0;
  assert.ok(known > 65 && known < 80, `${known} ms`); // 7,300 km at 204 km/ms, there and back.
  assert.is(lightRoundTripMs('us', 'eu'), lightRoundTripMs('eu', 'us'));
  assert.is(lightRoundTripMs('us', 'moon'), null);
  assert.is(regionsOf('local', [1, 2, 3]).size, 0);
  assert.equal(
    [...regionsOf('wan', [1, 2, 3])],
    [
      [1, 'us'],
      [2, 'eu'],
      [3, 'asia'],
    ],
  );
});

// --------------------------------------------------------------------------------------------------------- clusters

interface FakeNode {
  readonly url: string;
  readonly server: Server;
}
const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
};

/** Answers like a node of a healthy cluster that acknowledges all it gets, and shows what it likes to. */
interface Fake {
  readonly voters?: number;
  readonly log?: Message[];
  readonly shows?: (each: Message) => boolean;
  /** What it tells of its peers when it is asked for the nth time. */
  readonly peers?: (id: number, asked: number) => string;
}
async function fakeNode(id: number, { voters = 3, log = [], shows = () => true, peers = () => '' }: Fake = {}) {
  let asked = 0;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    const json = (status: number, body: object): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
    if (pathname === '/health') return json(200, { status: 'healthy', node_id: id, leader_id: 3 });
    if (pathname === '/metrics')
      return void response.end(`dlog_voters ${voters}\ndlog_last_message_id ${log.length}\n${peers(id, ++asked)}`);
    if (pathname === '/messages') {
      const lines = log.filter(shows).map((each) => JSON.stringify({ ...each, lamport_timestamp: each.lamport }));
      return void response.end(lines.join('\n'));
    }
    if (pathname !== '/') return json(404, { error: 'Not found' });
    void bodyOf(request).then((text) => {
      const next = log.length + 1;
      log.push(message(next, { content: String((JSON.parse(text) as { message: unknown }).message) }));
      json(200, { id: next, lamport_timestamp: 10 * next, node_id: id, seen: 0 });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function withNodes<T>(nodes: readonly FakeNode[], act: (urls: readonly string[]) => Promise<T>): Promise<T> {
  try {
    return await act(nodes.map(({ url }) => url));
  } finally {
    for (const { server } of nodes) {
      server.closeAllConnections();
      server.close();
    }
  }
}
const three = (more: Fake = {}): Promise<FakeNode[]> => Promise.all([1, 2, 3].map((id) => fakeNode(id, more)));

const whyNot = async (act: () => Promise<unknown>): Promise<string> => {
  try {
    await act();
    return '';
  } catch (error) {
    assert.instance(error, Unusable);
    return (error as Error).message;
  }
};

Clusters('that are started here ask for no token, also where one is set for others', () => {
  const env = { PATH: '/bin', API_TOKEN: 'secret', API_TOKEN_FOR: 'all', API_TOKEN_FILE: '/token' };
  assert.equal(environmentOf(env), { PATH: '/bin' });
});

Clusters('are refused with every URL where no node answers', async () => {
  await withNodes([await fakeNode(1)], async ([url = '']) => {
    const why = await whyNot(() => clusterAt([url, 'http://127.0.0.1:1', 'http://127.0.0.1:2'], 'local'));
    assert.match(why, 'http://127.0.0.1:1: no node answers there');
    assert.match(why, 'http://127.0.0.1:2: no node answers there');
  });
});

Clusters('are refused where they are too small, not all named, or one is named twice', async () => {
  await withNodes(await three({ voters: 1 }), async (urls) => {
    assert.match(await whyNot(() => clusterAt(urls, 'local')), 'a cluster of 1: experiments need at least 3 nodes');
  });
  await withNodes(await three({ voters: 5 }), async (urls) => {
    assert.match(await whyNot(() => clusterAt(urls, 'local')), 'the cluster has 5 nodes, and 3 are named');
  });
  await withNodes(await Promise.all([1, 1, 3].map((id) => fakeNode(id))), async (urls) => {
    assert.match(await whyNot(() => clusterAt(urls, 'local')), 'both are node 1');
  });
});

Clusters('are refused for faults where chaos is off', async () => {
  await withNodes(await three(), async (urls) => {
    const cluster = await clusterAt(urls, 'local');
    assert.match(await whyNot(() => checkChaos(cluster)), 'chaos is off, or this machine may not order it. Start');
    await cluster.end();
  });
});

Clusters('that are gone for good keep no client that was told to stop', async () => {
  const gone = await withNodes(await three(), (urls) => clusterAt(urls, 'local'));
  const options = { name: 'x', homes: [1, 2], moves: true, timeoutMs: 10_000, thinkMs: 0 };
  const load = new Load(gone, () => performance.now(), options).start();
  const writes = await load.stop(200);
  assert.ok(writes.length > gone.nodes.length, 'they had asked every node');
  assert.ok(writes.every(({ outcome }) => outcome !== 'acknowledged'));
  await gone.end();
});

const script = fileURLToPath(new URL('../../scripts/experiment.js', import.meta.url));

function experiment(...args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.on('close', (code) => resolve({ code, output }));
  });
}

Clusters('that lose an acknowledged message are found out: exit code 1, and the run is kept', async () => {
  const log: Message[] = [];
  await withNodes(await three({ log, shows: ({ id }) => id !== 7 }), async (urls) => {
    const out = mkdtempSync(join(tmpdir(), 'experiment-'));
    const list = urls.join();
    const { code, output } = await experiment('concurrency', '--urls', list, '--messages', '12', '--out', out);
    assert.is(code, 1, output);
    assert.match(output, /ok +every message is acknowledged: 12 of 12/);
    assert.match(output, /FAILED +nothing acknowledged is lost, doubled or moved: 12 acknowledged: 1 lost/);
    const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as Summary;
    assert.is(summary.runs.local?.concurrency?.held, false);
  });
});

Clusters('are measured by single pings, with what they vary by: not by what nodes smooth', async () => {
  // A ping comes back between every other two questions; the nth takes 10 n ms.
  const peers = (id: number, asked: number): string =>
    [1, 2, 3]
      .filter((peer) => peer !== id)
      .map((peer) => {
        const ping = asked >> 1;
        const last = `dlog_peer_last_rtt_seconds{peer="${peer}"} ${ping / 100}`;
        return `dlog_peer_rtt_seconds{peer="${peer}"} 0.001\n${last}\ndlog_peer_pings_answered_total{peer="${peer}"} ${ping}\n`;
      })
      .join('');
  await withNodes(await three({ peers }), async (urls) => {
    const out = mkdtempSync(join(tmpdir(), 'experiment-'));
    const asked = ['--urls', urls.join(), '--samples', '4', '--every', '50', '--out', out];
    const { code, output } = await experiment('latency', ...asked);
    assert.is(code, 0, output);
    assert.match(output, /ok +every ordered pair is measured by pings of its own: 6 of 6 pairs have 4 pings/);
    const { runs } = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as Summary;
    const file = join(out, runs.local?.latency?.file ?? '');
    const { samples } = JSON.parse(readFileSync(file, 'utf8')) as { samples: PairSample[] };
    for (const { source, target, ms } of runs.local?.latency?.figures.pairs ?? []) {
      const own = samples.filter((each) => each.source === source && each.target === target);
      const first = own[0]?.ping ?? 0;
      assert.equal(own.map(({ ping }) => ping), [0, 1, 2, 3].map((n) => first + n)); // biome-ignore format: one line
      assert.equal([ms.count, ms.min, ms.max, ms.average], [4, 10 * first, 10 * first + 30, 10 * first + 15]);
      assert.is(ms.stdev, 12.91);
    }
  });
});

Clusters('and arguments that are wrong end with exit code 2', async () => {
  const unknown = await experiment('leadership');
  assert.is(unknown.code, 2);
  assert.match(unknown.output, 'there is no such experiment');
  const nobody = await experiment('latency', '--urls', 'http://127.0.0.1:1,http://127.0.0.1:2,http://127.0.0.1:3');
  assert.is(nobody.code, 2);
  assert.match(nobody.output, 'no node answers there');
});

for (const each of [Statistics, Arguments, Promises, Decisions, Clusters]) each.run();
