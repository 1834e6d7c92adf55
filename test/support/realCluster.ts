/**
 * A cluster of real processes on this machine, and what a world does to it: kill, pause, restart, cut its cables.
 *
 *   await withCluster({}, async (cluster) => { await cluster.ready(); await cluster.kill(3); … });
 *
 * With `cables` every peer connection runs through a proxy in this process (cable.ts), so that cutting one needs no
 * privileges. Its processes are ended and its folders removed, whatever happens (realNode.ts A1).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cable, type Direction, type Trouble } from '../../scripts/cable.ts';
import { judge } from '../history/checkers.ts';
import type { Event } from '../history/history.ts';
import { messagesIn } from '../history/messages.ts';
import { abandonLoads, type Target } from './loadClient.ts';
import { freePort } from './ports.ts';
import { everyFolder, type NodeEnd, RealNode } from './realNode.ts';
import { until } from './waiting.ts';

/** What most tests of a cluster need beside it. */
export { call, type HttpAnswer, type HttpCall } from './httpCall.ts';
export { freePort } from './ports.ts';
export { type LogLine, type NodeEnd, NodeProcess, RealNode } from './realNode.ts';
export { pause, until, untilTrue } from './waiting.ts';

export interface ClusterOptions {
  readonly nodes?: number;
  readonly cables?: boolean;
  /** Beside what the cluster decides. */
  readonly env?: NodeJS.ProcessEnv;
  /** Of one node, beside that. */
  readonly envOf?: (id: number) => NodeJS.ProcessEnv;
  /** A command that the node is started by, such as a tracer. */
  readonly under?: (id: number, folder: string) => readonly string[];
  /** Where the cluster's own folder is made. */
  readonly parent?: string;
}

export class RealCluster {
  readonly folder: string;
  readonly nodes: readonly RealNode[];
  readonly cables: readonly Cable[];

  private constructor(folder: string, nodes: readonly RealNode[], cables: readonly Cable[]) {
    this.folder = folder;
    this.nodes = nodes;
    this.cables = cables;
  }

  static async plan({
    nodes = 3,
    cables = false,
    env = {},
    envOf = () => ({}),
    under = () => [],
    parent = tmpdir(),
  }: ClusterOptions): Promise<RealCluster> {
    const folder = mkdtempSync(join(parent, 'dlog-cluster-'));
    everyFolder.add(folder);
    const ids = Array.from({ length: nodes }, (_, i) => i + 1);
    const ports = new Map<number, number>();
    const peerPorts = new Map<number, number>();
    for (const id of ids) {
      ports.set(id, await freePort());
      peerPorts.set(id, await freePort());
    }
    const laid: Cable[] = [];
    if (cables) {
      for (const from of ids) {
        for (const to of ids.filter((id) => id !== from)) {
          const cable = new Cable(from, to, await freePort(), peerPorts.get(to) ?? 0);
          await cable.open();
          laid.push(cable);
        }
      }
    }
    const addressOf = (from: number, to: number): number =>
      laid.find((cable) => cable.from === from && cable.to === to)?.port ?? peerPorts.get(to) ?? 0;
    const logDir = join(folder, 'logs');
    const made = ids.map((id) => {
      const dataDir = join(folder, `${id}`);
      const own: NodeJS.ProcessEnv = {
        NODE_ID: `${id}`,
        HOST: '127.0.0.1',
        PORT: `${ports.get(id)}`,
        PEER_HOST: '127.0.0.1',
        PEER_PORT: `${peerPorts.get(id)}`,
        PEERS: ids.map((to) => `${to}@127.0.0.1:${addressOf(id, to)}`).join(','),
        DATA_DIR: dataDir,
        LOG_DIR: logDir,
        CLUSTER_SECRET: 'a-secret-of-this-test-run',
        CHAOS: '1',
        // Smaller than by default, so that a test is over sooner; what measures has the defaults.
        SEGMENT_MB: '16',
        STABLE_MS: '500',
      };
      return new RealNode({
        id,
        port: ports.get(id) ?? 0,
        peerPort: peerPorts.get(id) ?? 0,
        dataDir,
        logDir,
        env: { ...withoutOwn(process.env), ...own, ...env, ...envOf(id) },
        under: under(id, folder),
      });
    });
    return new RealCluster(folder, made, laid);
  }

  get ids(): readonly number[] {
    return this.nodes.map(({ id }) => id);
  }
  get targets(): readonly Target[] {
    return this.nodes.map(({ id, port }) => ({ id, port }));
  }

  node(id: number): RealNode {
    const found = this.nodes.find((node) => node.id === id);
    if (!found) throw new Error(`there is no node ${id}`);
    return found;
  }

  start(...ids: readonly number[]): void {
    for (const id of ids.length === 0 ? this.ids : ids) this.node(id).start();
  }

  /** Until /health of these is 200; of all that run, when none are named. Returns how long it took. */
  async ready(...ids: readonly number[]): Promise<number> {
    const beganAt = performance.now();
    const wanted = ids.length === 0 ? this.ids.filter((id) => this.node(id).running) : ids;
    for (const id of wanted) {
      await until(
        `/health of ${id}`,
        async () => {
          if (!this.node(id).running) throw new Error(`node ${id} ended: ${this.node(id).process?.stderr}`);
          return (await this.node(id).health())?.status === 200 ? true : undefined;
        },
        60_000,
        40,
      );
    }
    return performance.now() - beganAt;
  }

  /** Until `id` says itself that it leads. One whose disk stood still lets others lead for a while, longer each time (R23). */
  async leads(id: number, withinMs = 90_000): Promise<void> {
    await until(
      `${id} to lead`,
      async () => {
        const answer = await this.node(id).health();
        return answer?.status === 200 && answer.json.is_leader === true ? true : undefined;
      },
      withinMs,
    );
  }

  /** The one that says that it leads. */
  leader(...among: readonly number[]): Promise<RealNode> {
    const asked = among.length === 0 ? this.ids : among;
    const leading = async (): Promise<RealNode | undefined> => {
      for (const id of asked) {
        const answer = this.node(id).running ? await this.node(id).health() : undefined;
        if (answer?.status === 200 && answer.json.is_leader === true) return this.node(id);
      }
      return undefined;
    };
    return until('a leader', leading, 60_000);
  }

  kill(id: number, signal?: NodeJS.Signals): Promise<NodeEnd> {
    return this.node(id).kill(signal);
  }
  pause(id: number): void {
    this.node(id).signal('SIGSTOP');
  }
  resume(id: number): void {
    this.node(id).signal('SIGCONT');
  }

  /** Imposes a trouble on all cables between a node and others (all, when none are named); returns what lifts it. */
  trouble(trouble: Trouble, id: number, ...others: readonly number[]): () => void {
    const lifts = this.#cablesOf(id)
      .filter(({ from, to }) => others.length === 0 || others.includes(from === id ? to : from))
      .map((cable) => cable.impose(trouble));
    return () => {
      for (const lift of lifts) lift();
    };
  }
  /** Holds back in silence what goes from one node to another; returns what lifts it. */
  silence(from: number, to: number): () => void {
    const lifts = this.cables.flatMap((cable) => {
      const direction = directionOf(cable, from, to);
      return direction === undefined ? [] : [cable.impose({ silent: [direction] })];
    });
    return () => {
      for (const lift of lifts) lift();
    };
  }
  /** Breaks the connections between a node and others; new ones get through. */
  reset(id: number, ...others: readonly number[]): void {
    for (const cable of this.#cablesOf(id)) {
      if (others.length === 0 || others.includes(cable.from === id ? cable.to : cable.from)) cable.reset();
    }
  }

  /** Both directions between `id` and all others. */
  cut(id: number): void {
    this.trouble({ cut: true }, id);
  }
  /** Loses in silence what goes from one node to another. */
  dropFrom(from: number, to: number): void {
    this.silence(from, to);
  }
  /** Loses in silence everything that `id` says and is told. */
  dropAll(id: number): void {
    for (const other of this.ids.filter((each) => each !== id)) {
      this.dropFrom(id, other);
      this.dropFrom(other, id);
    }
  }
  delay(ms: number): void {
    for (const cable of this.cables) cable.impose({ delayMs: ms });
  }
  heal(): void {
    for (const cable of this.cables) cable.heal();
  }

  #cablesOf(id: number): Cable[] {
    return this.cables.filter(({ from, to }) => from === id || to === id);
  }

  /** What is wrong with what clients saw and what these nodes show now; nothing, if all is well. */
  async faults(events: readonly Event[], ...ids: readonly number[]): Promise<string[]> {
    const asked = ids.length === 0 ? this.ids : ids;
    const answers = new Map<number, Buffer>();
    const giveUpAt = performance.now() + 10_000;
    // What nobody was answered for may be committed as late as between two of these answers: then they are taken again.
    do for (const id of asked) answers.set(id, await this.node(id).messages());
    while (isOneGrowing([...answers.values()]) && performance.now() < giveUpAt);
    const logs = new Map([...answers].map(([id, bytes]) => [id, messagesIn(bytes)]));
    const faults = judge({ events, faults: [] }, logs).map(({ invariant, words }) => `${invariant}: ${words}`);
    // Also in what no checker looks at.
    const [first, ...others] = answers.values();
    if (others.some((bytes) => !first?.equals(bytes))) faults.push('nodes answer with different bytes');
    return faults;
  }

  /** The sum over these nodes, since each began. */
  async violations(...ids: readonly number[]): Promise<number> {
    let sum = 0;
    for (const id of ids.length === 0 ? this.ids : ids) {
      sum += (await this.node(id).metrics()).causality_violations as number;
    }
    return sum;
  }

  /** The last words of each node, for the reader of a failed test. */
  report(): string {
    return this.nodes
      .map((node) => {
        const log = existsSync(node.logFile) ? readFileSync(node.logFile, 'utf8') : '';
        const lines = log
          .split('\n')
          .filter((line) => !line.includes('"http_request_failed"'))
          .slice(-40)
          .map((line) => line.slice(0, 400));
        const bytes = existsSync(node.logFile) ? statSync(node.logFile).size : 0;
        return `--- node ${node.id}, ${node.running ? 'running' : 'ended'}, log of ${bytes} bytes\n${lines.join('\n')}\n${node.process?.stderr ?? ''}`;
      })
      .join('\n');
  }

  /** Ends what runs; the folder stays. */
  async stop(): Promise<void> {
    for (const cable of this.cables) cable.close();
    await Promise.all(this.nodes.filter(({ running }) => running).map((node) => node.kill('SIGKILL')));
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    everyFolder.delete(this.folder);
  }
}

/** They differ, but only in how far they go. */
function isOneGrowing(logs: readonly Buffer[]): boolean {
  const [shortest = Buffer.alloc(0), ...longer] = [...logs].sort((one, other) => one.length - other.length);
  const goOn = longer.every((log) => log.subarray(0, shortest.length).equals(shortest));
  return goOn && longer.some((log) => log.length > shortest.length);
}

const directionOf = (cable: Cable, from: number, to: number): Direction | undefined => {
  if (cable.from === from && cable.to === to) return 'up';
  return cable.from === to && cable.to === from ? 'down' : undefined;
};

/** Variables of a node that the person who runs the tests may have set for something else. */
const withoutOwn = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^(NODE_ID|NODE_PRIORITY|MEMORY|LOG_LEVEL|API_TOKEN|CLUSTER_SECRET|NODE_CHANNEL)/.test(name),
    ),
  );

/** What a person who starts a node gets. */
export const byDefault: NodeJS.ProcessEnv = { SEGMENT_MB: '32', STABLE_MS: '2000' };

/**
 * A machine that is busy for a moment must not cost a leader its office: where it has to stay, and for tests that hold a node
 * up for longer.
 */
export const patient: NodeJS.ProcessEnv = { HEARTBEAT_MS: '100', SUSPECT_MS: '1000' };

/** A cluster that is planned but not started yet; ended whatever happens. */
export async function withCluster(
  options: ClusterOptions,
  use: (cluster: RealCluster) => Promise<void>,
): Promise<void> {
  const cluster = await RealCluster.plan(options);
  try {
    await use(cluster);
  } catch (error) {
    process.stderr.write(`\n${cluster.report()}\n`);
    abandonLoads();
    throw error;
  } finally {
    await cluster.end();
  }
}

/** All started, ready, and led by the highest id. */
export const withRunningCluster = (
  options: ClusterOptions,
  use: (cluster: RealCluster) => Promise<void>,
): Promise<void> =>
  withCluster(options, async (cluster) => {
    cluster.start();
    await cluster.ready();
    await cluster.leads(Math.max(...cluster.ids));
    await use(cluster);
  });

/** A line for the reader of the run: figures decide nothing here. */
export const tell = (line: string): void => {
  process.stdout.write(`\n    ${line}\n`);
};
