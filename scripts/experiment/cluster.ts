/**
 * The cluster that is measured: one that runs already, known by its URLs, or one that is started for it in a folder of
 * its own, and ended. Both are spoken to in the same way: over HTTP.
 *
 * C1. What cannot be measured is refused before anything is done to it, with what to do instead.
 * C2. A cluster that was started here is ended and its folder removed, whatever happens.
 * C3. A cluster that ran before goes on: what an experiment has broken there is mended, also when the experiment fails or
 *     is interrupted.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFree } from '../clusterPorts.ts';
import { LogNode } from './node.ts';
import { regionsOf } from './regions.ts';
import type { Label } from './results.ts';

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until the answer is not undefined; undefined after `withinMs`. */
export async function soon<T>(
  look: () => T | undefined | Promise<T | undefined>,
  withinMs: number,
  everyMs = 10,
): Promise<T | undefined> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || performance.now() > deadline) return found;
    await pause(everyMs);
  }
}

/** The arguments or the cluster are wrong: a person has to do something. */
export class Unusable extends Error {}

export interface Cluster {
  /** Ascending by id. */
  readonly nodes: readonly LogNode[];
  readonly regions: ReadonlyMap<number, string>;
  readonly own: boolean;
  /** Of a network that is made: what it is like, in words. */
  readonly links: string | null;
  /** What an experiment has broken and not mended yet, by name: how that is done. */
  readonly broken: Map<string, () => Promise<unknown>>;
  /** Ends it if it was started here (C2), else mends it (C3). */
  end(): Promise<void>;
}

const quorumOf = (nodes: number): number => Math.floor(nodes / 2) + 1;
export const majorityOf = ({ nodes }: Cluster): number => quorumOf(nodes.length);
export const nodeOf = ({ nodes }: Cluster, id: number): LogNode => {
  const found = nodes.find((node) => node.id === id);
  if (!found) throw new Unusable(`there is no node ${id}; there are ${nodes.map((node) => node.id).join(', ')}`);
  return found;
};

/** Whom at least a majority names as the leader; null when there is none. */
export function leaderNamed(named: readonly (number | null | undefined)[], majority: number): number | null {
  const counts = new Map<number, number>();
  for (const id of named) if (typeof id === 'number') counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].find(([, count]) => count >= majority)?.[0] ?? null;
}

export async function leaderOf(cluster: Cluster): Promise<number | null> {
  const healths = await Promise.all(cluster.nodes.map((node) => node.health()));
  return leaderNamed(
    healths.map((health) => health?.leader),
    majorityOf(cluster),
  );
}

/** Until all are healthy and name the same leader, for a while: one that came back may be about to take over. */
export async function settled(cluster: Cluster, withinMs: number): Promise<number | null> {
  const steadyMs = 500;
  let leader: number | undefined;
  let since = 0;
  const found = await soon(
    async () => {
      const healths = await Promise.all(cluster.nodes.map((node) => node.health()));
      const named = healths.every((health) => health?.healthy)
        ? new Set(healths.map((health) => health?.leader))
        : null;
      const [only] = named?.size === 1 ? [...named] : [];
      if (typeof only !== 'number' || only !== leader) since = performance.now();
      leader = only ?? undefined;
      return leader !== undefined && performance.now() - since >= steadyMs ? leader : undefined;
    },
    withinMs,
    50,
  );
  return found ?? null;
}

// --------------------------------------------------------------------------------------------------- one that runs

export async function clusterAt(urls: readonly string[], label: Label, token?: string): Promise<Cluster> {
  const found: LogNode[] = [];
  const faults: string[] = [];
  await Promise.all(
    urls.map(async (url) => {
      const probe = new LogNode(0, url, token);
      const health = await probe.health(5_000);
      probe.close();
      if (health === undefined) faults.push(`${url}: no node answers there`);
      else found.push(new LogNode(health.id, url, token));
    }),
  );
  found.sort((a, b) => a.id - b.id);
  for (const [i, { id, url }] of found.entries()) {
    const twin = found[i - 1];
    if (twin?.id === id) faults.push(`${twin.url} and ${url}: both are node ${id}`);
  }
  const voters = (await found[0]?.metrics())?.get('dlog_voters');
  if (voters !== undefined && voters < 3) faults.push(`a cluster of ${voters}: experiments need at least 3 nodes`);
  else if (faults.length === 0 && voters !== found.length) {
    faults.push(
      `the cluster has ${voters} nodes, and ${found.length} are named: name all, so that all can be compared`,
    );
  }
  const ids = found.map(({ id }) => id);
  const broken: Cluster['broken'] = new Map();
  const end = async (): Promise<void> => {
    await Promise.all([...broken.values()].map((mend) => mend()));
    for (const node of found) node.close();
  };
  if (faults.length > 0) {
    await end();
    throw new Unusable(faults.join('\n'));
  }
  return { nodes: found, regions: regionsOf(label, ids), own: false, links: null, broken, end };
}

/** C1. Faults can be ordered only where the nodes allow it, and from their own machine or the end of a tunnel to it. */
export async function checkChaos({ nodes }: Cluster): Promise<void> {
  const answers = await Promise.all(
    nodes.map((node) => node.ask('/chaos/heal', { body: JSON.stringify({ id: 'none' }), withinMs: 5_000 })),
  );
  const off = nodes.filter((_, i) => answers[i]?.status !== 409); // There is no such fault to be healed.
  if (off.length === 0) return;
  throw new Unusable(
    `${off.map(({ url }) => url).join(', ')}: chaos is off, or this machine may not order it. Start the cluster with npm start -- --chaos, or the nodes with CHAOS=1`,
  );
}

// ---------------------------------------------------------------------------------------------- one that is started

/**
 * Clients from this port on, peers and cables behind the next thousands. Of its own choice what `npm start` takes, if that
 * is free.
 */
async function firstPort(count: number, wanted: number | null): Promise<number> {
  const choice = wanted === null ? Array.from({ length: 9 }, (_, i) => 8_001 + 100 * i) : [wanted];
  for (const first of choice) {
    const ports = Array.from({ length: count }, (_, i) => [first + i, first + i + 1_000, first + i + 2_000]).flat();
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return first;
  }
  throw new Unusable(`ports are taken: ${choice.join(', ')} and those behind; choose others with --port`);
}

/** A token is for the clusters that others can reach; whoever starts one for a while gives none with its calls. */
const ofOthers: ReadonlySet<string> = new Set(['API_TOKEN', 'API_TOKEN_FILE', 'API_TOKEN_FOR']);

export const environmentOf = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !ofOthers.has(name)));

const startWithinMs = 60_000;
const stopWithinMs = 15_000;

export interface Start {
  readonly nodes: number;
  /** Null: any that is free. */
  readonly port: number | null;
  /** As three regions, with cables that take as long. */
  readonly wan: boolean;
  /** Shows the insides of its actors. */
  readonly inspect?: boolean;
}

export async function startCluster({ nodes: count, port, wan, inspect = false }: Start): Promise<Cluster> {
  const first = await firstPort(count, port);
  const folder = mkdtempSync(join(tmpdir(), 'dlog-experiment-'));
  const script = fileURLToPath(new URL(wan ? '../wan.js' : '../cluster.js', import.meta.url));
  const args = ['--chaos', '--nodes', `${count}`, '--port', `${first}`, '--data', join(folder, 'data')];
  if (inspect) args.push('--inspect');
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...environmentOf(process.env), LOG_DIR: join(folder, 'logs'), LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-8_192);
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const atExit = (): void => {
    child.kill('SIGTERM');
  };
  process.once('exit', atExit);
  const nodes = Array.from({ length: count }, (_, i) => new LogNode(first + i, `http://127.0.0.1:${first + i}`));
  const end = async (): Promise<void> => {
    process.off('exit', atExit);
    for (const node of nodes) node.close();
    await stop(child, ended);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const ready = await soon(
    async () => {
      if (child.exitCode !== null) return 'ended' as const;
      const healths = await Promise.all(nodes.map((node) => node.health(500)));
      return healths.every((health) => health?.healthy) ? ('ready' as const) : undefined;
    },
    startWithinMs,
    50,
  );
  if (ready === 'ready') {
    const ids = nodes.map(({ id }) => id);
    const links = /^\s*(links \(simulated\).*)$/m.exec(output)?.[1] ?? null;
    return { nodes, regions: regionsOf(wan ? 'wan' : 'local', ids), own: true, links, broken: new Map(), end };
  }
  await end();
  throw new Unusable(`the cluster did not start:\n${output.trim()}`);
}

/** C2. */
async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
  await ended;
  clearTimeout(late);
}
