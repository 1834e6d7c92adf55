/**
 * Configuration of one node, read once from the environment.
 *
 * Pure: the environment and the reading of a secret's file are given. All faults are reported together, each with its
 * variable, its value and what is accepted; a secret's value is never shown. What there is to set stands in
 * config/variables.ts; config/reader.ts takes single values.
 *
 *   readConfig(process.env, readText)  ->  { ok: Config } | { faults: [...] }
 *
 * C1. A value that was read is in its accepted range, and the relations between values hold; else there is no config.
 */
import { defaultTiming, type TimingConfig } from '../actors/protocol/timing.ts';
import type { TokenFor } from '../http/access.ts';
import { defaultLimits } from '../http/edge.ts';
import {
  type ConfigFault,
  type Environment,
  isLoopback,
  type PeerAddress,
  Reader,
  type ReadText,
} from './config/reader.ts';
import {
  formats,
  type LogFormat,
  type LogLevel,
  levels,
  peersAccepted,
  secretAccepted,
  secretLengthMin,
  tokenAccepted,
  tokenLengthMax,
  tokenUses,
  votersMax,
} from './config/variables.ts';

export type { ConfigFault, Environment } from './config/reader.ts';
export type { LogFormat, LogLevel } from './config/variables.ts';

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

export type ConfigOutcome = { readonly ok: Config } | { readonly faults: readonly ConfigFault[] };

/** One line a fault, for people. */
export const faultLines = (faults: readonly ConfigFault[]): string[] =>
  faults.map(({ variable, value, accepted }) => `${variable}: ${value}; accepted: ${accepted}`);

const mib = 1024 * 1024;
const inPortRange = (port: number, min: number): number | undefined =>
  port >= min && port <= 65_535 ? port : undefined;

/** For what is said before there is a configuration, and where there is none. */
export const logFormatOf = (env: Environment): LogFormat =>
  formats.find((format) => format === env.LOG_FORMAT?.trim().toLowerCase()) ?? 'bunyan';

export function readConfig(env: Environment, readText: ReadText): ConfigOutcome {
  const reader = new Reader(env, readText);
  const nodeId = reader.integer('NODE_ID', undefined);
  const idKnown = reader.faults.length === 0;
  const port = reader.integer('PORT', idKnown ? inPortRange(nodeId, 1024) : 1);
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
    tokenFor: reader.word('API_TOKEN_FOR', tokenUses, 'writes'),
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

  if (listed !== undefined && idKnown && (voters.length % 2 === 0 || voters.length > votersMax)) {
    reader.fault('PEERS', `${peersAccepted} (with this node these are ${voters.length})`);
  }
  noteRelations(config, remote, reader);
  return reader.faults.length > 0 ? { faults: reader.faults } : { ok: Object.freeze(config) };
}

/** C1: what is wrong between values that are right by themselves. */
function noteRelations(config: Config, remote: boolean, reader: Reader): void {
  const { timing, port, peerPort } = config;
  const sound = (...names: readonly string[]): boolean =>
    !reader.faults.some(({ variable }) => names.includes(variable));
  if (timing.suspectMs < 3 * timing.heartbeatMs && sound('SUSPECT_MS', 'HEARTBEAT_MS')) {
    const accepted = `at least 3 × HEARTBEAT_MS, so ${3 * timing.heartbeatMs} or more`;
    reader.fault('SUSPECT_MS', accepted, `${timing.suspectMs}`);
  }
  const tokenSound = sound('API_TOKEN', 'API_TOKEN_FILE', 'API_TOKEN_FOR');
  if (config.tokenFor === 'all' && config.apiToken === null && tokenSound) {
    reader.fault('API_TOKEN_FOR', 'all only together with API_TOKEN or API_TOKEN_FILE');
  }
  if (port === peerPort && sound('PORT', 'PEER_PORT')) {
    reader.fault('PEER_PORT', 'another port than PORT', `${peerPort}`);
  }
  const secretSound = sound('CLUSTER_SECRET', 'CLUSTER_SECRET_FILE');
  if ((remote || !isLoopback(config.peerHost)) && config.clusterSecret === null && secretSound) {
    reader.fault('CLUSTER_SECRET', `${secretAccepted}; required (or its file) as peers are not on this machine only`);
  }
}
