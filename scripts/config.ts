/**
 * Configuration of one node, read once from the environment.
 *
 * Pure: the environment and the reading of a secret's file are given. All faults are reported together, each with its
 * variable, its value and what is accepted; a secret's value is never shown. `variables` is also the table of docs/configuration.md.
 *
 *   readConfig(process.env, readText)  ->  { ok: Config } | { faults: [...] }
 *
 * C1. A value that was read is in its accepted range, and the relations between values hold; else there is no config.
 * C2. An empty variable counts as unset: compose files and unit files pass empty ones.
 */
import { defaultTiming, type TimingConfig } from '../actors/protocol/timing.ts';
import type { TokenFor } from '../http/access.ts';
import { defaultLimits } from '../http/edge.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
/** The text of a file; throws when it cannot be read. */
export type ReadText = (path: string) => string;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/** Of the lines on stdout: bunyan's own, or as Google Cloud Logging reads them. */
export type LogFormat = 'bunyan' | 'gcp';

export interface PeerAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface Config {
  readonly nodeId: number;
  /** Where clients connect. */
  readonly host: string;
  readonly port: number;
  /** Where peers connect. */
  readonly peerHost: string;
  readonly peerPort: number;
  /** All voters but this node, ascending. */
  readonly peers: readonly PeerAddress[];
  /** Ids of all voters, this node included, ascending. */
  readonly voters: readonly number[];
  readonly dataDir: string;
  /** A file in `dataDir` without which the node does not start; null = none is asked for. */
  readonly dataMarker: string | null;
  readonly logDir: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Null only where every peer address is loopback. */
  readonly clusterSecret: string | null;
  /** Null = nothing needs a token. */
  readonly apiToken: string | null;
  readonly tokenFor: TokenFor;
  readonly priority: number;
  readonly chaos: boolean;
  readonly inspect: boolean;
  readonly memory: boolean;
  readonly timing: TimingConfig;
  readonly segmentBytes: number;
  readonly maxConnections: number;
  readonly keepAliveMs: number;
  readonly allowedOrigins: readonly string[];
  /** Where people reach the nodes over HTTP, as far as it is known. */
  readonly nodeUrls: ReadonlyMap<number, string>;
}

export interface ConfigFault {
  readonly variable: string;
  /** As given; `(hidden)` for a secret, `(not set)` where nothing was given. */
  readonly value: string;
  readonly accepted: string;
}

export type ConfigOutcome = { readonly ok: Config } | { readonly faults: readonly ConfigFault[] };

// ------------------------------------------------------------------------------------------------------ the table

export interface Variable {
  readonly name: string;
  readonly accepted: string;
  readonly byDefault: string;
  readonly meaning: string;
}

const secretLengthMin = 16;
const tokenLengthMax = 512;
const mib = 1024 * 1024;
const votersMax = 7;

interface Range {
  readonly min: number;
  readonly max: number;
}
const ranges = {
  NODE_ID: { min: 1, max: 65_535 },
  PORT: { min: 1, max: 65_535 },
  PEER_PORT: { min: 1, max: 65_535 },
  NODE_PRIORITY: { min: -1000, max: 1000 },
  HEARTBEAT_MS: { min: 5, max: 10_000 },
  SUSPECT_MS: { min: 15, max: 60_000 },
  STAGGER_MS: { min: 1, max: 10_000 },
  HANDOVER_MS: { min: 10, max: 60_000 },
  STABLE_MS: { min: 0, max: 600_000 },
  SEGMENT_MB: { min: 16, max: 1024 },
  MAX_CONNECTIONS: { min: 1, max: 65_536 },
  KEEP_ALIVE_MS: { min: 1000, max: 3_600_000 },
} as const satisfies Record<string, Range>;
type IntegerName = keyof typeof ranges;

const integers = ({ min, max }: Range): string => `integer ${min}..${max}`;
const flag = '1, true, yes, on or 0, false, no, off';
const peersAccepted = `id@host:port,… : an odd number of voters from 1 to ${votersMax}, each id and each address once; IPv6 in brackets`;
const secretAccepted = `at least ${secretLengthMin} printable characters, no spaces`;
const tokenAccepted = `1 to ${tokenLengthMax} printable characters, no spaces`;
const originsAccepted = 'https://name or http://name:port, …';
const nodeUrlsAccepted = 'id@https://name or id@http://name:port, … ; each id once';
const tokenUses: readonly TokenFor[] = ['writes', 'all'];
const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const formats: readonly LogFormat[] = ['bunyan', 'gcp'];

const integerRow = (name: IntegerName, byDefault: string, meaning: string): Variable => ({
  name,
  accepted: integers(ranges[name]),
  byDefault,
  meaning,
});

/** Every variable that a node reads, in the order of the table in docs/configuration.md. */
export const variables: readonly Variable[] = [
  integerRow('NODE_ID', 'required', 'this node; of those with the highest `NODE_PRIORITY` the highest live id leads'),
  integerRow('PORT', '`NODE_ID`, if that is 1024 or more', 'where clients connect (HTTP)'),
  { name: 'HOST', accepted: 'address or name', byDefault: '127.0.0.1', meaning: 'on which address clients connect' },
  integerRow('PEER_PORT', 'of this node in `PEERS`, else `PORT` + 1000', 'where the other nodes connect'),
  {
    name: 'PEER_HOST',
    accepted: 'address or name',
    byDefault: '127.0.0.1; 0.0.0.0 if a peer is on another machine',
    meaning: 'on which address the other nodes connect',
  },
  {
    name: 'PEERS',
    accepted: peersAccepted,
    byDefault: 'required',
    meaning: 'all voters, with or without this node; the same set of ids on every node, for good',
  },
  { name: 'DATA_DIR', accepted: 'folder', byDefault: 'data/`NODE_ID`', meaning: 'log and identity; one folder a node' },
  {
    name: 'DATA_MARKER',
    accepted: 'file name',
    byDefault: 'none',
    meaning:
      'the node starts only if `DATA_DIR` holds this file: made once on a disk that is to be mounted there, it keeps the node off the bare folder below',
  },
  { name: 'LOG_DIR', accepted: 'folder', byDefault: 'logs', meaning: 'holds `node_<id>.log`' },
  { name: 'LOG_LEVEL', accepted: levels.join(', '), byDefault: 'info', meaning: '`debug` has a line for each message' },
  {
    name: 'LOG_FORMAT',
    accepted: formats.join(', '),
    byDefault: 'bunyan',
    meaning: 'of the lines on stdout; `gcp`: with `severity`, `message` and `time`, as Google Cloud Logging reads them',
  },
  {
    name: 'CLUSTER_SECRET',
    accepted: secretAccepted,
    byDefault: 'none; required if a peer is on another machine',
    meaning: 'by which nodes know each other; the same on all',
  },
  { name: 'CLUSTER_SECRET_FILE', accepted: 'file', byDefault: 'none', meaning: 'holds the secret instead' },
  {
    name: 'API_TOKEN',
    accepted: tokenAccepted,
    byDefault: 'none',
    meaning: 'bearer token that calls then need',
  },
  { name: 'API_TOKEN_FILE', accepted: 'file', byDefault: 'none', meaning: 'holds the token instead' },
  {
    name: 'API_TOKEN_FOR',
    accepted: tokenUses.join(', '),
    byDefault: 'writes',
    meaning: 'which calls need the token; `all` leaves out health and the files of the dashboard',
  },
  integerRow('NODE_PRIORITY', '0', 'a higher one leads before a higher id'),
  {
    name: 'CHAOS',
    accepted: flag,
    byDefault: 'off',
    meaning: 'allows `POST /kill`, `POST /chaos/…` and `POST /metrics/reset`, from this machine',
  },
  {
    name: 'INSPECT',
    accepted: flag,
    byDefault: 'off',
    meaning: 'shows the insides of the actors: on the dashboard, and at `/inspect` from this machine',
  },
  {
    name: 'MEMORY',
    accepted: flag,
    byDefault: 'off',
    meaning: 'keeps the log in memory only: lost when a majority ends',
  },
  integerRow('HEARTBEAT_MS', `${defaultTiming.heartbeatMs}`, 'how often nodes ping each other'),
  integerRow(
    'SUSPECT_MS',
    `${defaultTiming.suspectMs}`,
    'after how much silence a leader is suspected; at least 3 × `HEARTBEAT_MS`',
  ),
  integerRow('STAGGER_MS', `${defaultTiming.staggerMs}`, 'how long each lower id waits for the higher one to stand'),
  integerRow('HANDOVER_MS', `${defaultTiming.handoverMs}`, 'how long a hand-over may take before the leader resumes'),
  integerRow('STABLE_MS', `${defaultTiming.stableMs}`, 'how long a returning higher node is watched before it leads'),
  integerRow('SEGMENT_MB', '32', 'size of a log file, in MiB'),
  integerRow('MAX_CONNECTIONS', `${defaultLimits.maxConnections}`, 'client connections; more are refused'),
  integerRow(
    'KEEP_ALIVE_MS',
    `${defaultLimits.keepAliveMs}`,
    'how long an idle connection of a client is kept; longer than a load balancer before it keeps its own',
  ),
  {
    name: 'ALLOWED_ORIGINS',
    accepted: originsAccepted,
    byDefault: 'none',
    meaning: 'sites whose pages may call this API, beside its own',
  },
  {
    name: 'NODE_URLS',
    accepted: nodeUrlsAccepted,
    byDefault: 'none',
    meaning: 'where people reach the nodes: the dashboard links to those of the others',
  },
];

/** The table of variables, as Markdown. */
export function configTable(): string {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    row(['variable', 'accepted', 'default', 'meaning']),
    row(['---', '---', '---', '---']),
    ...variables.map(({ name, accepted, byDefault, meaning }) => row([`\`${name}\``, accepted, byDefault, meaning])),
  ].join('\n');
}

/** One line a fault, for people. */
export const faultLines = (faults: readonly ConfigFault[]): string[] =>
  faults.map(({ variable, value, accepted }) => `${variable}: ${value}; accepted: ${accepted}`);

// -------------------------------------------------------------------------------------------------------- reading

const notSet = '(not set)';
const hidden = '(hidden)';
const visible = /^[\x21-\x7e]+$/;
const hostName = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const ipv6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/;

const isHost = (host: string): boolean => host.length <= 255 && (hostName.test(host) || ipv6.test(host));

/** Reached from this machine only. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/** As browsers send it: no path, no trailing slash. */
function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text;
}

function parseInteger(text: string, { min, max }: Range): number | undefined {
  if (!/^[+-]?\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

function parsePeer(text: string): PeerAddress | undefined {
  const match = /^(\d+)@(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [, idText = '', bracketed, plain, portText = ''] = match;
  const id = parseInteger(idText, ranges.NODE_ID);
  const port = parseInteger(portText, ranges.PEER_PORT);
  const host = bracketed ?? plain ?? '';
  const valid = bracketed === undefined ? hostName.test(host) : ipv6.test(host);
  return id === undefined || port === undefined || !valid ? undefined : { id, host, port };
}

/** Takes values out of the environment and notes what is wrong with them. */
class Reader {
  readonly faults: ConfigFault[] = [];
  readonly #env: Environment;
  readonly #readText: ReadText;

  constructor(env: Environment, readText: ReadText) {
    this.#env = env;
    this.#readText = readText;
  }

  /** C2. */
  text(name: string): string | undefined {
    const value = this.#env[name]?.trim();
    return value === '' ? undefined : value;
  }

  fault(variable: string, accepted: string, value = this.text(variable) ?? notSet): void {
    this.faults.push({ variable, value, accepted });
  }

  /** `byDefault` undefined = required. A fault is noted and an in-range value returned, so that reading goes on. */
  integer(name: IntegerName, byDefault: number | undefined): number {
    const text = this.text(name);
    const value = text === undefined ? byDefault : parseInteger(text, ranges[name]);
    if (value === undefined) this.fault(name, integers(ranges[name]));
    return value ?? byDefault ?? ranges[name].min;
  }

  flag(name: string): boolean {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined || ['0', 'false', 'no', 'off'].includes(text)) return false;
    if (!['1', 'true', 'yes', 'on'].includes(text)) this.fault(name, flag);
    return true;
  }

  host(name: string, byDefault: string): string {
    const text = this.text(name) ?? byDefault;
    const host = text.replace(/^\[(.*)\]$/, '$1');
    if (!isHost(host)) this.fault(name, 'address or name');
    return host;
  }

  word<T extends string>(name: string, words: readonly T[], byDefault: T): T {
    const text = this.text(name)?.toLowerCase() ?? byDefault;
    const word = words.find((known) => known === text);
    if (word === undefined) this.fault(name, words.join(', '));
    return word ?? byDefault;
  }

  tokenFor(): TokenFor {
    const text = this.text('API_TOKEN_FOR')?.toLowerCase() ?? 'writes';
    const use = tokenUses.find((known) => known === text);
    if (use === undefined) this.fault('API_TOKEN_FOR', tokenUses.join(', '));
    return use ?? 'all';
  }

  /** A secret from the variable or from the file that `<name>_FILE` names. */
  secret(name: string, accepted: string, lengthMin: number, lengthMax: number): string | null {
    const fileName = `${name}_FILE`;
    const path = this.text(fileName);
    let secret = this.text(name);
    if (path !== undefined) {
      if (secret !== undefined) {
        this.fault(fileName, `only one of ${name} and ${fileName}`);
        return null;
      }
      try {
        secret = this.#readText(path).trim();
      } catch (error) {
        this.fault(fileName, `a file that can be read (${error instanceof Error ? error.message : String(error)})`);
        return null;
      }
    }
    if (secret === undefined) return null;
    if (!visible.test(secret) || secret.length < lengthMin || secret.length > lengthMax) {
      if (path === undefined) this.fault(name, accepted, hidden);
      else this.fault(fileName, `a file that holds ${accepted}`);
      return null;
    }
    return secret;
  }

  origins(): readonly string[] {
    const origins = (this.text('ALLOWED_ORIGINS') ?? '').split(',').map((origin) => origin.trim());
    const given = origins.filter((origin) => origin !== '');
    if (given.some((origin) => !isOrigin(origin))) this.fault('ALLOWED_ORIGINS', originsAccepted);
    return given;
  }

  nodeUrls(): ReadonlyMap<number, string> {
    const urls = new Map<number, string>();
    const given = (this.text('NODE_URLS') ?? '').split(',').map((one) => one.trim());
    for (const one of given.filter((text) => text !== '')) {
      const [, idText = '', url = ''] = /^(\d+)@(.+)$/.exec(one) ?? [];
      const id = parseInteger(idText, ranges.NODE_ID);
      if (id !== undefined && isOrigin(url) && !urls.has(id)) urls.set(id, url);
      else {
        this.fault('NODE_URLS', nodeUrlsAccepted);
        break;
      }
    }
    return urls;
  }

  peers(): readonly PeerAddress[] | undefined {
    const text = this.text('PEERS');
    const peers = text?.split(',').map((peer) => parsePeer(peer.trim()));
    const known = peers?.filter((peer) => peer !== undefined);
    const unique = (of: (peer: PeerAddress) => string): boolean => new Set(known?.map(of)).size === known?.length;
    if (
      peers === undefined ||
      known === undefined ||
      known.length !== peers.length ||
      !unique(({ id }) => `${id}`) ||
      !unique(({ host, port }) => `${host.toLowerCase()} ${port}`)
    ) {
      this.fault('PEERS', peersAccepted);
      return undefined;
    }
    return known;
  }
}

const inPortRange = (port: number, min: number): number | undefined =>
  port >= min && port <= 65_535 ? port : undefined;

/** For what is said before there is a configuration, and where there is none. */
export const logFormatOf = (env: Environment): LogFormat =>
  formats.find((format) => format === env.LOG_FORMAT?.trim().toLowerCase()) ?? 'bunyan';

export function readConfig(env: Environment, readText: ReadText): ConfigOutcome {
  const reader = new Reader(env, readText);
  const nodeId = reader.integer('NODE_ID', undefined);
  const idKnown = reader.faults.length === 0;
  const port = reader.integer('PORT', idKnown ? inPortRange(nodeId, 1024) : ranges.PORT.min);
  const listed = reader.peers();
  const own = listed?.find(({ id }) => id === nodeId);
  const peerPort = reader.integer('PEER_PORT', own?.port ?? inPortRange(port + 1000, 1));
  const peers = (listed ?? []).filter(({ id }) => id !== nodeId).sort((a, b) => a.id - b.id);
  const voters = [...peers.map(({ id }) => id), nodeId].sort((a, b) => a - b);
  const remote = (listed ?? []).some(({ host }) => !isLoopback(host));
  const host = reader.host('HOST', '127.0.0.1');
  const peerHost = reader.host('PEER_HOST', remote ? '0.0.0.0' : '127.0.0.1');

  const clusterSecret = reader.secret('CLUSTER_SECRET', secretAccepted, secretLengthMin, tokenLengthMax);
  const timing: TimingConfig = {
    heartbeatMs: reader.integer('HEARTBEAT_MS', defaultTiming.heartbeatMs),
    suspectMs: reader.integer('SUSPECT_MS', defaultTiming.suspectMs),
    staggerMs: reader.integer('STAGGER_MS', defaultTiming.staggerMs),
    handoverMs: reader.integer('HANDOVER_MS', defaultTiming.handoverMs),
    stableMs: reader.integer('STABLE_MS', defaultTiming.stableMs),
  };
  const config: Config = {
    nodeId,
    host,
    port,
    peerHost,
    peerPort,
    peers: Object.freeze(peers.map((peer) => Object.freeze(peer))),
    voters: Object.freeze(voters),
    dataDir: reader.text('DATA_DIR') ?? `data/${nodeId}`,
    dataMarker: reader.text('DATA_MARKER') ?? null,
    logDir: reader.text('LOG_DIR') ?? 'logs',
    logLevel: reader.word('LOG_LEVEL', levels, 'info'),
    logFormat: reader.word('LOG_FORMAT', formats, 'bunyan'),
    clusterSecret,
    apiToken: reader.secret('API_TOKEN', tokenAccepted, 1, tokenLengthMax),
    tokenFor: reader.tokenFor(),
    priority: reader.integer('NODE_PRIORITY', 0),
    chaos: reader.flag('CHAOS'),
    inspect: reader.flag('INSPECT'),
    memory: reader.flag('MEMORY'),
    timing: Object.freeze(timing),
    segmentBytes: reader.integer('SEGMENT_MB', 32) * mib,
    maxConnections: reader.integer('MAX_CONNECTIONS', defaultLimits.maxConnections),
    keepAliveMs: reader.integer('KEEP_ALIVE_MS', defaultLimits.keepAliveMs),
    allowedOrigins: Object.freeze(reader.origins()),
    nodeUrls: reader.nodeUrls(),
  };

  const faulty = (name: string): boolean => reader.faults.some(({ variable }) => variable === name);
  if (listed !== undefined && idKnown && (voters.length % 2 === 0 || voters.length > votersMax)) {
    reader.fault('PEERS', `${peersAccepted} (with this node these are ${voters.length})`);
  }
  if (timing.suspectMs < 3 * timing.heartbeatMs && !faulty('SUSPECT_MS') && !faulty('HEARTBEAT_MS')) {
    reader.fault(
      'SUSPECT_MS',
      `at least 3 × HEARTBEAT_MS, so ${3 * timing.heartbeatMs} or more`,
      `${timing.suspectMs}`,
    );
  }
  if (config.tokenFor === 'all' && config.apiToken === null && !faulty('API_TOKEN') && !faulty('API_TOKEN_FILE')) {
    if (!faulty('API_TOKEN_FOR')) reader.fault('API_TOKEN_FOR', 'all only together with API_TOKEN or API_TOKEN_FILE');
  }
  if (port === peerPort && !faulty('PORT') && !faulty('PEER_PORT')) {
    reader.fault('PEER_PORT', 'another port than PORT', `${peerPort}`);
  }
  if ((remote || !isLoopback(peerHost)) && clusterSecret === null) {
    const secretFaulty = faulty('CLUSTER_SECRET') || faulty('CLUSTER_SECRET_FILE');
    if (!secretFaulty) {
      reader.fault('CLUSTER_SECRET', `${secretAccepted}; required (or its file) as peers are not on this machine only`);
    }
  }
  return reader.faults.length > 0 ? { faults: reader.faults } : { ok: Object.freeze(config) };
}
