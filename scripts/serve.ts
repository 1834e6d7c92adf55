/**
 * One node as a process: reads its configuration, makes the real ports, puts the node between disk, peers and clients,
 * and ends it in good order. The one file that knows everybody.
 *
 *   configuration > folder lock > peer port > node > client port > serving > stopping
 *
 * stdout has the JSON log; what a person must know about a start that failed is said on stderr too.
 *
 * S1. A start that fails says what failed and what to do, and ends with exit code 1 (2 for a bad configuration).
 * S2. SIGTERM, SIGINT, SIGHUP, or the end of the parent that started it with an IPC channel: the node hands leadership
 *     over, finishes its writes, and exits 0 within `stopDeadlineMs`; a second signal ends it at once. Signals within
 *     `sameSignalMs` are one: npm passes the terminal's on a second time.
 * S3. Where `DATA_MARKER` names a file, nothing is written unless the data folder holds it: a bare folder in place of a
 *     disk that is not mounted would be a voter that has forgotten everything.
 * S4. An unexpected exception is logged as fatal and ends the process: a node that is in doubt about itself must not
 *     speak (PROTOCOL R-D2).
 */
import { accessSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { NodeFacade } from '../actors/facade.ts';
import { inspectActors } from '../actors/inspection.ts';
import { createNode } from '../actors/node.ts';
import { createHttpServer } from '../http/server.ts';
import { explainDiskError, fileDisk, makeFolder } from '../storage/fileDisk.ts';
import { lockFolder } from '../storage/folderLock.ts';
import { logInMemory } from '../storage/memoryDisk.ts';
import type { RefusedGreeting } from '../transport/refusals.ts';
import { WebSocketLinks } from '../transport/webSocketLinks.ts';
import type { NodeReport } from './clusterLeader.ts';
import { type Config, faultLines, logFormatOf, readConfig } from './config.ts';
import { CuttableLinks } from './cuttableLinks.ts';
import { createLogger, type Logger } from './logger.ts';
import { isMain } from './main.ts';
import { NodeChaos } from './nodeChaos.ts';
import { noFailpoints, realClock, realDice, realWallClock } from './realPorts.ts';

export type { Config } from './config.ts';
export { readConfig } from './config.ts';
export type { Logger } from './logger.ts';

/** Hand-over, writes under way and answers under way together; a stuck disk must not keep a machine from shutting down. */
const stopDeadlineMs = 10_000;
const sameSignalMs = 500;
/** How late the cluster script may hear of a new leader. */
const reportEveryMs = 50;
/** Where all peers are on this machine and none was configured: keeps out nobody, only strays. */
const loopbackSecret = 'peers-on-loopback-only';

/** A start that failed for a reason that a person can do something about. */
export class StartFault extends Error {
  readonly event: string;

  constructor(event: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.event = event;
  }
}

export interface Serving {
  readonly facade: NodeFacade;
  /** Hands leadership over, finishes, closes. Never rejects; call it once. */
  stop(): Promise<void>;
}

/** Starts the node; rejects with a `StartFault`, and has then closed what was open. */
export async function serve(
  config: Config,
  logger: Logger,
  on: { made(facade: NodeFacade): void; failed(reason: string): void },
): Promise<Serving> {
  const closers: (() => unknown)[] = [];
  /** In the opposite order; what fails to close is told and does not keep the rest open. */
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        logger.write('warn', 'close_failed', messageOf(error));
      }
    }
  };
  const step = async <T>(event: string, act: () => T | Promise<T>, advice: string): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      await close();
      throw new StartFault(event, `${messageOf(error)}${advice}`, { cause: error });
    }
  };

  const { dataMarker } = config;
  if (dataMarker !== null) {
    await step(
      'data_disk_missing',
      () => accessSync(resolve(config.dataDir, dataMarker)), // S3.
      `. DATA_MARKER asks for this file: is the disk for ${config.dataDir} mounted? On a new disk make the file yourself`,
    );
  }
  const lock = await step(
    'data_folder_refused',
    () => {
      try {
        makeFolder(config.dataDir);
      } catch (error) {
        throw new Error(explainDiskError(error as NodeJS.ErrnoException), { cause: error });
      }
      return lockFolder(config.dataDir);
    },
    '',
  );
  closers.push(() => lock.release());

  const links = new WebSocketLinks({
    self: config.nodeId,
    peers: new Map(config.peers.map((peer) => [peer.id, peer])),
    host: config.peerHost,
    port: config.peerPort,
    secret: config.clusterSecret ?? loopbackSecret,
    onRefused: (refused) => logger.write('warn', 'greeting_refused', wordsOf(refused), { ...refused }),
  });
  await step('peer_port_refused', () => links.start(), ' (PEER_HOST, PEER_PORT)');
  closers.push(() => links.stop());

  const cuttable = config.chaos ? new CuttableLinks(links) : undefined;
  const chaos = cuttable && new NodeChaos({ nodeId: config.nodeId, links: cuttable, logger: logger.module('chaos') });
  const disk = fileDisk(config.dataDir);
  const node = createNode({
    nodeId: config.nodeId,
    voters: config.voters,
    priority: config.priority,
    timing: config.timing,
    segmentBytes: config.segmentBytes,
    memory: config.memory,
    failed: on.failed,
    ports: {
      clock: realClock,
      wallClock: realWallClock,
      dice: realDice,
      failpoints: noFailpoints,
      disk: config.memory ? logInMemory(disk) : disk,
      links: cuttable ?? links,
      log: logger,
    },
  });
  on.made(node.facade);

  const http = createHttpServer({
    node: node.facade,
    log: logger.module('http'),
    host: config.host,
    port: config.port,
    allowedOrigins: config.allowedOrigins,
    nodeUrls: config.nodeUrls,
    wrongSecretWith: () => links.wrongSecretWith,
    limits: { maxConnections: config.maxConnections, keepAliveMs: config.keepAliveMs },
    ...(config.apiToken === null ? {} : { apiToken: config.apiToken, tokenFor: config.tokenFor }),
    ...(chaos && { kill: () => process.kill(process.pid, 'SIGKILL'), chaos }),
    ...(config.inspect && { inspect: (take) => inspectActors(node.root, take) }),
  });
  // Before the node: until it serves, /health says so.
  await step('client_port_refused', () => http.listen(), '');
  closers.push(() => http.stop());
  node.start();
  closers.push(() => node.stop());

  return { facade: node.facade, stop: close };
}

/** The others' part is in their logs: whoever calls hears why it was refused. */
function wordsOf({ address, claimed, refusal }: RefusedGreeting): string {
  const who = claimed === null ? 'somebody' : `somebody who says to be node ${claimed}`;
  return `${who}, at ${address}, called and was refused: ${refusal}`;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What to do about a port, in a person's words. */
function portAdvice(error: unknown, host: string, port: number): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return `port ${port} on ${host} is taken: is this node running already? Stop what uses it, or set another PORT`;
  }
  if (code === 'EACCES') return `port ${port} on ${host} is not allowed for this user: set a PORT of 1024 or more`;
  if (code === 'EADDRNOTAVAIL') return `${host} is no address of this machine: set another HOST`;
  return undefined;
}

// ----------------------------------------------------------------------------------------------------------- main

/** Tells the cluster script what this node thinks, whenever that changes. */
function reportChanges(facade: NodeFacade): void {
  if (process.send === undefined) return;
  let last = '';
  const timer = setInterval(() => {
    const { nodeId, role, leaderId, epoch, clusterId, identityTrouble: trouble } = facade.status();
    const formed = clusterId !== null;
    const report: NodeReport = { type: 'status', nodeId, role, leaderId, epoch, formed, trouble };
    const text = JSON.stringify(report);
    if (text === last || !process.connected) return;
    last = text;
    process.send?.(report, undefined, undefined, () => {}); // The parent may have ended just now.
  }, reportEveryMs);
  timer.unref();
}

const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

async function main(): Promise<void> {
  process.stdout.on('error', () => {}); // A reader of the log that goes away must not end the node.
  process.stderr.on('error', () => {});
  let facade: NodeFacade | undefined;
  const outcome = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
  const failed = 'faults' in outcome;
  const logger = createLogger({
    nodeId: failed ? 0 : outcome.ok.nodeId,
    level: failed ? 'info' : outcome.ok.logLevel,
    format: logFormatOf(process.env),
    folder: failed ? null : outcome.ok.logDir,
    lamport: () => facade?.status().lamportTime ?? 0,
    stdout: process.stdout,
  });
  const exit = (code: number): never => {
    logger.flushSync();
    process.exit(code);
  };

  if (failed) {
    const lines = faultLines(outcome.faults);
    logger.fatal('config_refused', 'the configuration is not valid', { faults: lines });
    tell(`the configuration is not valid:\n  ${lines.join('\n  ')}`);
    return exit(2);
  }
  const config = outcome.ok;

  const crash = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    logger.fatal('crashed', messageOf(error), { stack: text });
    tell(`node ${config.nodeId} ends: ${text}`);
    exit(1);
  };
  process.on('uncaughtException', crash); // S4.
  process.on('unhandledRejection', crash);

  let serving: Serving | undefined;
  let stoppingSince: number | undefined;
  const stop = (why: string): void => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > sameSignalMs) exit(1);
      return;
    }
    stoppingSince = performance.now();
    logger.write('info', 'node_stopping', `node ${config.nodeId} stops: ${why}`);
    setTimeout(() => {
      logger.write('error', 'stop_late', `node ${config.nodeId} did not stop within ${stopDeadlineMs} ms`);
      exit(1);
    }, stopDeadlineMs);
    if (serving === undefined) exit(0); // Still starting: nothing was promised to anybody.
    void serving?.stop().then(() => {
      logger.write('info', 'node_stopped', `node ${config.nodeId} has stopped`);
      logger.drained(() => exit(0));
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  process.on('disconnect', () => stop('the process that started it has ended'));

  logger.write('info', 'node_starting', `node ${config.nodeId} of ${config.voters.join(', ')} starts`, {
    voters: config.voters,
    node_version: process.versions.node,
    memory: config.memory,
    chaos: config.chaos,
    inspect: config.inspect,
  });
  try {
    serving = await serve(config, logger, {
      made: (made) => {
        facade = made;
      },
      failed: crash,
    });
  } catch (error) {
    if (!(error instanceof StartFault)) throw error;
    const advice =
      error.event === 'client_port_refused' ? portAdvice(error.cause, config.host, config.port) : undefined;
    logger.fatal(error.event, advice ?? error.message);
    tell(`node ${config.nodeId} cannot start: ${advice ?? error.message}`);
    return exit(1);
  }
  logger.write(
    'info',
    'node_listening',
    `clients on http://${config.host}:${config.port}, peers on ${config.peerPort}`,
  );
  reportChanges(serving.facade);
}

if (isMain(import.meta.url)) await main();
