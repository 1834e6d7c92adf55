/**
 * What `npm start` is asked to do, and what follows from it: pure.
 *
 *   argumentsOf(['--nodes', '5'])  ->  { ok: options } | { faults: [...] }
 *   planOf(options)                ->  which node runs where
 *
 * The restart command of a node is made here too, so that a test can feed it back into `argumentsOf`.
 */
import { join } from 'node:path';
import type { Environment } from './config.ts';

export interface ClusterOptions {
  readonly nodes: number;
  /** Id and HTTP port of the first node; the others follow. */
  readonly firstPort: number;
  readonly dataDir: string;
  readonly fresh: boolean;
  readonly memory: boolean;
  readonly chaos: boolean;
  readonly inspect: boolean;
  /** The node that leads while it can; null: the one with the highest id. */
  readonly leader: number | null;
  /** Start this one node alone, beside others that run already. */
  readonly only: number | null;
  readonly help: boolean;
}

export const defaultOptions: ClusterOptions = {
  nodes: 3,
  firstPort: 8001,
  dataDir: 'data',
  fresh: false,
  memory: false,
  chaos: false,
  inspect: false,
  leader: null,
  only: null,
  help: false,
};

/** The command that starts a cluster: `npm start`, or another one that plans it in its own way. */
export interface Launcher {
  readonly command: string;
  readonly defaults: ClusterOptions;
  /** Options of its own, as they were given. */
  readonly words: readonly string[];
  /** What is said after `--leader`. */
  leaderWord(id: number): string;
}
export const npmStart: Launcher = {
  command: 'npm start',
  defaults: defaultOptions,
  words: [],
  leaderWord: (id) => `${id}`,
};

const peerPortOffset = 1000;
const portMin = 1024;
const portMax = 65_535;

export const help = `Starts the nodes of a cluster on this machine, and stops them on Ctrl-C.

  npm start                     three nodes: 8001, 8002, 8003
  npm start -- --nodes 5        another odd number of nodes, 1 to 7
  npm start -- --port 8101      first port: nodes 8101, 8102, 8103; peers connect to each + ${peerPortOffset}
  npm start -- --data FOLDER    where logs and identities are kept (data)
  npm start -- --fresh          removes what this cluster has kept, then starts
  npm start -- --memory         keeps the log in memory only
  npm start -- --chaos          allows to kill, pause and cut nodes, on the dashboard and by POST /kill, /chaos/…
  npm start -- --inspect        shows the insides of the actors, on the dashboard and at /inspect
  npm start -- --leader 8001    which node leads while it can; else the one with the highest id
  npm start -- --only 8002      one node alone, beside the others that run already
  npm start -- --help

Timers, LOG_LEVEL and LOG_DIR come from the environment: see docs/configuration.md.`;

const optionNames =
  '--nodes N, --port N, --data FOLDER, --fresh, --memory, --chaos, --inspect, --leader ID, --only ID, --help';

export type Arguments = { readonly ok: ClusterOptions } | { readonly faults: readonly string[] };

/** All faults at once. Takes `--name value` and `--name=value`. */
export function argumentsOf(given: readonly string[], defaults: ClusterOptions = defaultOptions): Arguments {
  const faults: string[] = [];
  const options: { -readonly [Name in keyof ClusterOptions]: ClusterOptions[Name] } = { ...defaults };
  const rest = [...given];

  const integer = (name: string, text: string | undefined, min: number, max: number): number | undefined => {
    const value = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    faults.push(`${name}: ${text ?? '(nothing given)'}; accepted: integer ${min}..${max}`);
    return undefined;
  };
  const setters: Readonly<Record<string, (text: string | undefined) => void>> = {
    '--nodes': (text) => {
      const nodes = integer('--nodes', text, 1, 7);
      if (nodes !== undefined && nodes % 2 === 0) faults.push(`--nodes: ${nodes}; accepted: 1, 3, 5 or 7`);
      options.nodes = nodes ?? options.nodes;
    },
    '--port': (text) => {
      options.firstPort = integer('--port', text, portMin, portMax - peerPortOffset) ?? options.firstPort;
    },
    '--data': (text) => {
      if (text === undefined || text === '') faults.push('--data: (nothing given); accepted: a folder');
      options.dataDir = text ?? options.dataDir;
    },
    '--leader': (text) => {
      options.leader = integer('--leader', text, 1, portMax) ?? null;
    },
    '--only': (text) => {
      options.only = integer('--only', text, 1, portMax) ?? null;
    },
  };
  const flags: Readonly<Record<string, 'fresh' | 'memory' | 'chaos' | 'inspect' | 'help'>> = {
    '--fresh': 'fresh',
    '--memory': 'memory',
    '--chaos': 'chaos',
    '--inspect': 'inspect',
    '--help': 'help',
    '-h': 'help',
  };

  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const equals = word.indexOf('=');
    const name = equals === -1 ? word : word.slice(0, equals);
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    const set = Object.hasOwn(setters, name) ? setters[name] : undefined;
    if (flag !== undefined && equals === -1) options[flag] = true;
    else if (set === undefined) faults.push(`${word}: unknown; there are ${optionNames}`);
    else if (equals !== -1) set(word.slice(equals + 1));
    else set(rest[0]?.startsWith('--') === true ? undefined : rest.shift());
  }

  const last = options.firstPort + options.nodes - 1;
  if (last + peerPortOffset > portMax) {
    faults.push(`--port: ${options.firstPort}; accepted: up to ${portMax - peerPortOffset - options.nodes + 1} here`);
  }
  for (const name of ['leader', 'only'] as const) {
    const id = options[name];
    if (id !== null && (id < options.firstPort || id > last))
      faults.push(`--${name}: ${id}; accepted: a node of this cluster, ${options.firstPort}..${last}`);
  }
  if (options.only !== null && options.fresh) {
    faults.push('--fresh: not together with --only: a node that lost its identity is no voter any more');
  }
  return faults.length > 0 ? { faults } : { ok: options };
}

// ----------------------------------------------------------------------------------------------------------- plan

export interface PlannedNode {
  readonly id: number;
  readonly port: number;
  readonly peerPort: number;
  readonly dataDir: string;
  /** A word for people on where it is; may be empty. */
  readonly place: string;
  /** On which port it finds each node, itself included. */
  readonly finds: ReadonlyMap<number, number>;
}

export interface Plan {
  readonly launcher: Launcher;
  /** What people are told beside the nodes, a line each. */
  readonly about: readonly string[];
  /** All nodes of the cluster, ascending. */
  readonly nodes: readonly PlannedNode[];
  /** Those that are to be started here. */
  readonly started: readonly PlannedNode[];
  readonly secretFile: string;
  /** Remembers which nodes have their folders here. */
  readonly recordFile: string;
  readonly logDir: string;
}

export function planOf(options: ClusterOptions, logDir: string): Plan {
  const { nodes: count, firstPort, dataDir, only } = options;
  const ids = Array.from({ length: count }, (_, n) => firstPort + n);
  const nodes = ids.map((id) => ({
    id,
    port: id,
    peerPort: id + peerPortOffset,
    dataDir: join(dataDir, `${id}`),
    place: '',
    finds: new Map(ids.map((peer) => [peer, peer + peerPortOffset])),
  }));
  return {
    launcher: npmStart,
    about: [],
    nodes,
    started: nodes.filter(({ id }) => only === null || id === only),
    secretFile: join(dataDir, 'cluster-secret'),
    recordFile: join(dataDir, `cluster-${firstPort}.json`),
    logDir,
  };
}

/** Variables that the plan decides; whatever the caller's environment says about them is not meant for these nodes. */
const planned = new Set(
  ['NODE_ID', 'PORT', 'HOST', 'PEER_PORT', 'PEER_HOST', 'PEERS', 'DATA_DIR', 'LOG_DIR', 'MEMORY', 'CHAOS'].concat(
    'NODE_URLS',
    'CLUSTER_SECRET',
    'CLUSTER_SECRET_FILE',
    'NODE_PRIORITY',
  ),
);

export function environmentOf(plan: Plan, node: PlannedNode, options: ClusterOptions, env: Environment): Environment {
  const kept = Object.entries(env).filter(([name]) => !planned.has(name));
  return {
    ...Object.fromEntries(kept),
    NODE_ID: `${node.id}`,
    HOST: '127.0.0.1',
    PORT: `${node.port}`,
    PEER_HOST: '127.0.0.1',
    PEER_PORT: `${node.peerPort}`,
    PEERS: [...node.finds].map(([id, port]) => `${id}@127.0.0.1:${port}`).join(','),
    NODE_PRIORITY: options.leader === node.id ? '1' : '0',
    NODE_URLS: plan.nodes.map(({ id, port }) => `${id}@http://127.0.0.1:${port}`).join(','),
    DATA_DIR: node.dataDir,
    LOG_DIR: plan.logDir,
    CLUSTER_SECRET_FILE: plan.secretFile,
    MEMORY: options.memory ? '1' : '0',
    CHAOS: options.chaos ? '1' : '0',
    ...(options.inspect && { INSPECT: '1' }), // Else as the environment says.
  };
}

/** To be typed into another terminal while the other nodes run on. */
export const restartCommand = (options: ClusterOptions, id: number, launcher?: Launcher): string =>
  startCommand({ ...options, only: id }, launcher);

/** Starts the same again. */
export function startCommand(options: ClusterOptions, launcher = npmStart): string {
  const { command, defaults } = launcher;
  const words: string[] = [];
  if (options.nodes !== defaults.nodes) words.push('--nodes', `${options.nodes}`);
  if (options.firstPort !== defaults.firstPort) words.push('--port', `${options.firstPort}`);
  if (options.dataDir !== defaults.dataDir) words.push('--data', quoted(options.dataDir));
  if (options.memory) words.push('--memory');
  if (options.chaos) words.push('--chaos');
  if (options.inspect) words.push('--inspect');
  if (options.leader !== null) words.push('--leader', launcher.leaderWord(options.leader));
  words.push(...launcher.words.map(quoted));
  if (options.only !== null) words.push('--only', `${options.only}`);
  return words.length === 0 ? command : [command, '--', ...words].join(' ');
}

const quoted = (word: string): string => (/^[\w.,=/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
