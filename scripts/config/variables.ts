/**
 * The variables that a node reads: what each accepts, its default, and what it is for. The table of docs/configuration.md is
 * made of this one, by scripts/configTable.ts.
 */
import { defaultTiming } from '../../actors/protocol/timing.ts';
import type { TokenFor } from '../../http/access.ts';
import { defaultLimits } from '../../http/edge.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/** Of the lines on stdout: bunyan's own, or as Google Cloud Logging reads them. */
export type LogFormat = 'bunyan' | 'gcp';

interface Variable {
  readonly name: string;
  readonly accepted: string;
  readonly byDefault: string;
  readonly meaning: string;
}

export const secretLengthMin = 16;
export const tokenLengthMax = 512;
export const votersMax = 7;

export interface Range {
  readonly min: number;
  readonly max: number;
}
export const ranges = {
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
export type IntegerName = keyof typeof ranges;

export const integers = ({ min, max }: Range): string => `integer ${min}..${max}`;
export const flag = '1, true, yes, on or 0, false, no, off';
export const peersAccepted = `id@host:port,… : an odd number of voters from 1 to ${votersMax}, each id and each address once; IPv6 in brackets`;
export const secretAccepted = `at least ${secretLengthMin} printable characters, no spaces`;
export const tokenAccepted = `1 to ${tokenLengthMax} printable characters, no spaces`;
export const originsAccepted = 'https://name or http://name:port, …';
export const nodeUrlsAccepted = 'id@https://name or id@http://name:port, … ; each id once';
export const tokenUses: readonly TokenFor[] = ['writes', 'all'];
export const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
export const formats: readonly LogFormat[] = ['bunyan', 'gcp'];

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
