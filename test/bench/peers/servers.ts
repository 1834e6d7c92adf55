/**
 * Three servers of a peer on this machine, run as the bench wants it: a peer says how a node is called and who leads.
 *
 * Installed commands are only looked for, never installed.
 *
 * A1. Every server that was started here is ended, by its pid, at the latest when this process exits.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause, until } from '../../support/realCluster.ts';
import type { Endpoint, Running, Way } from '../systems.ts';

// ------------------------------------------------------------------------------------------------------- installed

/** Where a command is; servers of Debian also live in /usr/sbin, which may not be in a person's PATH. */
export function commandPath(command: string, path = process.env.PATH ?? ''): string | undefined {
  for (const folder of [...path.split(':').filter((name) => name !== ''), '/usr/sbin']) {
    const file = join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {} // Not here.
  }
  return undefined;
}

export const missing = (command: string, debianPackage: string, path?: string): string | null =>
  commandPath(command, path) === undefined ? `${command} is not installed (apt-get install ${debianPackage})` : null;

// --------------------------------------------------------------------------------------------------------- running

export interface PeerNode {
  readonly name: string;
  readonly folder: string;
  readonly args: readonly string[];
  readonly at: Endpoint;
}

export interface PeerStatus {
  /** Index of the leader. */
  readonly leader: number;
  /** All nodes that were asked about are there and have what the leader has. */
  readonly isInStep: boolean;
}

export interface Peer {
  readonly command: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly nodes: readonly PeerNode[];
  /** A single write by it tells whether writes pass. */
  readonly way: Way;
  /** Another node leads when the leader has crashed. */
  readonly isFailingOver: boolean;
  /** Asks the nodes with these indices; rejects or is undefined while nobody leads. */
  status(alive: readonly number[]): Promise<PeerStatus | undefined>;
  /** Once, when all nodes have been started. */
  prepare?(): Promise<void>;
}

const everyChild = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of everyChild) child.kill('SIGKILL');
});

class Server {
  readonly node: PeerNode;
  readonly #command: string;
  #child: ChildProcess | undefined;

  constructor(command: string, node: PeerNode) {
    this.#command = command;
    this.node = node;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    mkdirSync(this.node.folder, { recursive: true });
    const log = openSync(`${this.node.folder}.log`, 'a');
    const child = spawn(this.#command, this.node.args, { stdio: ['ignore', log, log], cwd: this.node.folder });
    everyChild.add(child);
    this.#child = child;
    const forget = (): void => {
      everyChild.delete(child);
      if (this.#child === child) this.#child = undefined;
    };
    child.once('exit', forget).once('error', forget);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(late);
  }

  /** The last lines that it wrote. */
  get said(): string {
    return readFileSync(`${this.node.folder}.log`, 'utf8').trim().split('\n').slice(-5).join('\n');
  }
}

const writeMs = 500;
/** Resolves when one message has been acknowledged. */
export function writeOnce(way: Way, at: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error): void => {
      clearTimeout(late);
      client.close();
      if (error) reject(error);
      else resolve();
    };
    const late = setTimeout(() => end(new Error(`no answer within ${writeMs} ms`)), writeMs);
    const client = way.connect(
      at,
      { bytes: 100, batch: 1, numbered: false },
      {
        ready: () => client.send(0),
        done: () => end(),
        refused: (_requests, why) => end(new Error(why)),
        closed: (why) => end(new Error(why)),
      },
    );
  });
}

const startLimitMs = 60_000;
const askEveryMs = 50;

export async function runPeer(peer: Peer): Promise<Running> {
  const command = commandPath(peer.command);
  if (command === undefined) throw new Error(`${peer.command} is not installed`);
  const servers = peer.nodes.map((node) => new Server(command, node));
  const alive = (): number[] => servers.flatMap(({ pid }, index) => (pid === undefined ? [] : [index]));

  const look = async (): Promise<PeerStatus | undefined> => peer.status(alive()).catch(() => undefined);
  const leading = (): Promise<PeerStatus> => until(`a leader of ${peer.command}`, look, startLimitMs, askEveryMs);
  const inStep = async (): Promise<void> => {
    await until(
      `all nodes of ${peer.command} in step`,
      async () => {
        const dead = servers.find(({ pid }) => pid === undefined);
        if (dead) throw new Error(`${peer.command} ended: ${dead.said}`);
        const status = await look();
        return status?.isInStep ? status : undefined;
      },
      startLimitMs,
      askEveryMs,
    );
  };
  /** Whoever takes one: a peer may know later who leads than it takes writes. */
  const writesPass = (): Promise<void> =>
    untilDone(`a write to ${peer.command}`, () => Promise.any(peer.nodes.map(({ at }) => writeOnce(peer.way, at))));
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    await Promise.all(servers.map((server) => server.end(signal)));
  };

  const running: Running = {
    version: versionOf(command),
    settings: peer.settings,
    folders: peer.nodes.map(({ folder }) => folder),
    async endpoints() {
      const { leader } = await leading();
      const others = alive().filter((index) => index !== leader);
      return { leader: peer.nodes[leader]!.at, others: others.map((index) => peer.nodes[index]!.at) };
    },
    processes: () => servers.flatMap(({ node: { name }, pid }) => (pid === undefined ? [] : [{ name, pid }])),
    ...(peer.isFailingOver && {
      async crashLeader() {
        const { leader } = await leading();
        await servers[leader]!.end('SIGKILL');
      },
    }),
    async mend() {
      for (const server of servers) if (server.pid === undefined) server.start();
      await inStep();
    },
    async reopen() {
      await stop('SIGTERM');
      const before = performance.now();
      for (const server of servers) server.start();
      await writesPass();
      const took = performance.now() - before;
      await inStep();
      return took;
    },
    stop: () => stop('SIGKILL'),
  };

  try {
    for (const server of servers) server.start();
    if (peer.prepare) await peer.prepare();
    await inStep();
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

/** The first number with dots in what `--version` says. */
const versionOf = (command: string): string =>
  /\d+(\.\d+)+/.exec(spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout)?.[0] ?? 'unknown';

/** Asks again until the answer comes without a rejection. */
export async function untilDone<T>(what: string, attempt: () => Promise<T>, withinMs = startLimitMs): Promise<T> {
  let reason: unknown;
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await pause(askEveryMs)) {
    try {
      return await attempt();
    } catch (error) {
      reason = error;
    }
  }
  throw new Error(`${what} took too long: ${String(reason)}`);
}
