/** This log, as it runs in production: three nodes, fsync on, log level info to a file. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { byDefault, type ClusterOptions, call, RealCluster, type RealNode, until } from '../support/realCluster.ts';
import { type Endpoint, numbersIn, type Running, type Shape, type System, textOf, type Way } from './systems.ts';
import { httpSpeaker, post, socketSpeaker, tcpClient, textFrame } from './wires.ts';

const host = '127.0.0.1';
const endpointOf = ({ port }: RealNode): Endpoint => ({ host, port });

const linesOf = (n: number, { batch, bytes }: Shape): string =>
  Array.from({ length: batch }, (_, i) => `"${textOf(n * batch + i, bytes)}"\n`).join('');

/** Built once, unless each request differs. */
const prepared = (shape: Shape, make: (n: number) => Buffer): ((n: number) => Buffer) => {
  if (shape.numbered) return make;
  const bytes = make(0);
  return () => bytes;
};

/** Of bigger texts fewer: too many megabytes under way only wait for each other. */
const inBatch = (count: number, bytes: number): number => (bytes > 500 ? count / 4 : count);

const http: Way = {
  name: 'http',
  words: 'HTTP/1.1 kept alive: POST / with JSON; POST /messages with NDJSON',
  isSingle: true,
  isBatched: true,
  peaks: (bytes) => [
    { clients: 4, window: 2, batch: inBatch(512, bytes) },
    { clients: 8, window: 2, batch: inBatch(256, bytes) },
    { clients: 8, window: 2, batch: inBatch(1024, bytes) },
  ],
  connect: (at, shape, told) => {
    const encode = prepared(shape, (n) =>
      shape.batch === 1
        ? post('/', 'application/json', `{"message":"${textOf(n, shape.bytes)}"}`)
        : post('/messages', 'application/x-ndjson', linesOf(n, shape)),
    );
    return tcpClient(at, httpSpeaker(encode), told);
  },
};

const socket: Way = {
  name: 'socket',
  words: 'WebSocket /append: a text frame a message, or NDJSON frames',
  isSingle: true,
  peaks: (bytes) => [
    { clients: 4, window: inBatch(256, bytes), batch: 1 },
    { clients: 8, window: inBatch(512, bytes), batch: 1 },
    ...(bytes > 500 ? [{ clients: 8, window: 512, batch: 1 }] : []),
    { clients: 4, window: 16, batch: inBatch(64, bytes) },
    { clients: 4, window: 4, batch: inBatch(512, bytes) },
    { clients: 8, window: 4, batch: inBatch(512, bytes) },
  ],
  connect: (at, shape, told) => {
    const encode = prepared(shape, (n) => textFrame(shape.batch === 1 ? textOf(n, shape.bytes) : linesOf(n, shape)));
    return tcpClient(at, socketSpeaker(shape.batch === 1 ? '/append' : '/append?format=ndjson', encode), told);
  },
};

/** Another session for each connection: nobody resumes here, and a key that came before would be no new message. */
const session: Way = {
  name: 'session',
  words: 'WebSocket /append?session=…: a text frame a message, each with an Idempotency-Key of its own',
  isSingle: false,
  peaks: () => [],
  connect: (at, shape, told) => {
    const encode = prepared(shape, (n) => textFrame(textOf(n, shape.bytes)));
    const name = randomBytes(8).toString('hex');
    return tcpClient(at, socketSpeaker(`/append?session=${name}`, encode), told);
  },
};

/** A request by hand, whose answer is looked at as it comes. */
function stream(at: Endpoint, path: string, accept: string, take: (chunk: Buffer) => void) {
  const connection = connect({ host: at.host, port: at.port });
  connection.on('data', take);
  connection.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: ${accept}\r\nConnection: close\r\n\r\n`);
  return connection;
}

async function tail(at: Endpoint, got: (n: number) => void): Promise<{ close(): void }> {
  const { json } = await call(at.port, '/', { body: '{"message":"the tail begins here"}' });
  const find = numbersIn(got);
  const connection = await new Promise<ReturnType<typeof connect>>((resolve, reject) => {
    const made = stream(at, `/messages?after=${json.id}`, 'text/event-stream', (chunk) => {
      resolve(made);
      find(chunk);
    });
    made.once('error', reject);
  });
  return { close: () => connection.destroy() };
}

const brace = '}'.charCodeAt(0);
const newline = '\n'.charCodeAt(0);

/** Counts lines of NDJSON; those of the chunked encoding do not end in a brace. */
function readAll(at: Endpoint): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0;
    let last = 0;
    const connection = stream(at, '/messages', 'application/x-ndjson', (chunk) => {
      if (chunk[0] === newline && last === brace) count++;
      for (let i = chunk.indexOf(newline, 1); i >= 0; i = chunk.indexOf(newline, i + 1))
        if (chunk[i - 1] === brace) count++;
      last = chunk[chunk.length - 1] ?? 0;
    });
    connection.on('error', reject);
    connection.on('end', () => resolve(count));
  });
}

const version = (): string => {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
};

/** The cluster, for scenarios that do to it what others cannot. */
export interface OwnRunning extends Running {
  readonly cluster: RealCluster;
}

/** `best`: who leads when all are there; else the highest id. */
export async function startOurs(
  folder: string,
  options: ClusterOptions = {},
  best?: number,
  prepare?: (cluster: RealCluster) => void,
): Promise<OwnRunning> {
  const cluster = await RealCluster.plan({ ...options, env: byDefault, parent: folder });
  prepare?.(cluster);
  const inOrder = async (): Promise<void> => {
    await cluster.ready();
    await cluster.leads(best ?? Math.max(...cluster.ids), 30_000);
  };
  const settled = async (run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      process.stderr.write(`${cluster.report()}\n`);
      await cluster.end();
      throw error;
    }
  };
  await settled(async () => {
    cluster.start();
    await inOrder();
  });
  let crashed: RealNode | undefined;
  return {
    cluster,
    version: version(),
    settings: { ...byDefault, FSYNC: 'always', LOG_LEVEL: 'info' } as Record<string, string>,
    folders: cluster.nodes.map(({ dataDir }) => dataDir),
    endpoints: async () => {
      const leader = await cluster.leader();
      return { leader: endpointOf(leader), others: cluster.nodes.filter((node) => node !== leader).map(endpointOf) };
    },
    processes: () =>
      cluster.nodes
        .filter(({ running }) => running)
        .map((node) => ({ name: `${node.id}`, pid: node.process?.pid ?? 0 })),
    crashLeader: async () => {
      crashed = await cluster.leader();
      await crashed.kill('SIGKILL');
    },
    mend: async () => {
      crashed?.start();
      await inOrder();
    },
    reopen: async () => {
      await Promise.all(cluster.nodes.map((node) => node.kill('SIGTERM')));
      const beganAt = performance.now();
      cluster.start();
      await until('a write to pass', async () => {
        for (const node of cluster.nodes) {
          const answer = await node.call('/', { body: '{"message":"again"}', withinMs: 20_000 }).catch(() => undefined);
          if (answer?.status === 200) return true;
        }
        return undefined;
      });
      const ms = performance.now() - beganAt;
      await inOrder();
      return ms;
    },
    stop: () => cluster.end(),
  };
}

export const ours = {
  name: 'ours',
  ackMeans: 'on the disks of a majority (fdatasync), in one order for all',
  ways: [http, socket, session],
  missing: () => null,
  start: (folder) => startOurs(folder),
  tail,
  readAll,
} satisfies System;
