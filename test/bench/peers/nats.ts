/**
 * NATS JetStream: a stream of three replicas in files, by its text protocol over TCP.
 *
 * There is no request of many messages: a batch is so many publishes in one write, done when all are acknowledged.
 *
 * Protocol: https://docs.nats.io/reference/reference-protocols/nats-protocol
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../support/realCluster.ts';
import {
  type Client,
  type Endpoint,
  numbersIn,
  type Shape,
  type System,
  type Told,
  textOf,
  type Way,
} from '../systems.ts';
import { tcpClient } from '../wires.ts';
import { missing, type PeerStatus, runPeer, untilDone } from './servers.ts';

const stream = 'log';

// -------------------------------------------------------------------------------------------------------- protocol

const connectLine = `CONNECT ${JSON.stringify({ verbose: false, pedantic: false, headers: true, no_responders: true, lang: 'bench', version: '1' })}\r\n`;
const pong = Buffer.from('PONG\r\n');

export const publish = (subject: string, reply: string | undefined, text: string): string =>
  `PUB ${subject} ${reply === undefined ? '' : `${reply} `}${Buffer.byteLength(text)}\r\n${text}\r\n`;

const lineEnd = 13;
const nothing = Buffer.alloc(0);

const isMessage = (line: string): boolean => line.startsWith('MSG ') || line.startsWith('HMSG ');

/** Tells each line of a server, in any pieces; of MSG and HMSG with what follows it. */
export function natsReader(got: (line: string, payload: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = nothing;
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      const end = bytes.indexOf(lineEnd, at);
      if (end < 0 || end + 2 > bytes.length) break;
      const line = bytes.toString('latin1', at, end);
      if (!isMessage(line)) {
        got(line, nothing);
        at = end + 2;
        continue;
      }
      const from = end + 2;
      const to = from + Number(line.slice(line.lastIndexOf(' ') + 1));
      if (Number.isNaN(to)) throw new Error(`not a message: ${line}`);
      if (to + 2 > bytes.length) break;
      got(line, bytes.subarray(from, to));
      at = to + 2;
    }
    rest = at === bytes.length ? nothing : bytes.subarray(at);
  };
}

/** Where answers to a message go; undefined when nobody asks for one. */
export function replyOf(line: string): string | undefined {
  const [kind, , , ...more] = line.split(' ');
  return more.length > (kind === 'HMSG' ? 2 : 1) ? more[0] : undefined;
}

/** Why a publish was refused; undefined when it was stored. */
export function refusalOf(payload: Buffer): string | undefined {
  if (payload.length > 9 && payload.toString('latin1', 0, 9) === '{"stream"') return undefined;
  const text = payload.toString('latin1');
  return (
    /"description":"([^"]*)"/.exec(text)?.[1] ?? (text.startsWith('NATS/1.0 503') ? 'no leader' : text.slice(0, 80))
  );
}

// ---------------------------------------------------------------------------------------------------------- clients

const newInbox = (): string => `_INBOX.${randomBytes(8).toString('hex')}`;

function writer(at: Endpoint, { bytes, batch, numbered }: Shape, told: Told): Client {
  const inbox = newInbox();
  const textsFrom = (n: number): string =>
    Array.from({ length: batch }, (_, index) => publish(stream, inbox, textOf(n * batch + index, bytes))).join('');
  const same = Buffer.from(textsFrom(0));
  let isReady = false;
  let heard = { ready: false, isPinged: false, done: 0, refused: 0, why: '' };
  /** Of the oldest request without an answer. */
  let answers = 0;
  let refusals = 0;
  const read = natsReader((line, payload) => {
    if (line === 'PING') heard.isPinged = true;
    if (line === 'PONG' && !isReady) {
      isReady = true;
      heard.ready = true;
    }
    if (line.startsWith('-ERR')) throw new Error(line);
    if (payload.length === 0) return;
    const why = refusalOf(payload);
    if (why !== undefined) {
      heard.why = why;
      refusals++;
    }
    if (++answers < batch) return;
    if (refusals === 0) heard.done++;
    else heard.refused++;
    answers = 0;
    refusals = 0;
  });
  return tcpClient(
    at,
    {
      hello: Buffer.from(`${connectLine}SUB ${inbox} 1\r\nPING\r\n`),
      encode: (n) => (numbered ? Buffer.from(textsFrom(n)) : same),
      parse(chunk) {
        heard = { ready: false, isPinged: false, done: 0, refused: 0, why: '' };
        read(chunk);
        return { ...heard, ...(heard.isPinged && { answer: pong }) };
      },
    },
    told,
  );
}

interface Session {
  /** Rejects when there is no answer in time, or it is an error. */
  ask(subject: string, body: unknown, withinMs?: number): Promise<Record<string, unknown>>;
  listen(subject: string, got: (line: string, payload: Buffer) => void): void;
  close(): void;
}

/** For everything but writes. One question after the other. */
function session({ host, port }: Endpoint): Session {
  const socket = connect({ host, port, noDelay: true });
  const inbox = newInbox();
  let answered: (payload: Buffer | Error) => void = () => undefined;
  let listener: (line: string, payload: Buffer) => void = () => undefined;
  const read = natsReader((line, payload) => {
    if (line === 'PING') socket.write(pong);
    if (!isMessage(line)) return;
    if (line.includes(inbox)) answered(payload);
    else if (line.startsWith('HMSG ') && payload.toString('latin1', 0, 12) === 'NATS/1.0 100') {
      const reply = replyOf(line); // Flow control: it sends on when it hears that this has arrived.
      if (reply !== undefined) socket.write(publish(reply, undefined, ''));
    } else listener(line, payload);
  });
  socket.on('data', read);
  socket.on('error', (error) => answered(error));
  socket.on('close', () => answered(new Error('closed')));
  socket.write(`${connectLine}SUB ${inbox} 1\r\n`);
  return {
    ask: (subject, body, withinMs = 5_000) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no answer to ${subject}`)), withinMs);
        answered = (payload) => {
          clearTimeout(late);
          if (payload instanceof Error) return reject(payload);
          const text = payload.toString('utf8');
          if (!text.startsWith('{')) return reject(new Error(text.slice(0, 80)));
          const answer = JSON.parse(text) as Record<string, unknown>;
          if (answer.error === undefined) resolve(answer);
          else reject(new Error(JSON.stringify(answer.error)));
        };
        socket.write(publish(subject, inbox, JSON.stringify(body)));
      }),
    listen(subject, got) {
      listener = got;
      socket.write(`SUB ${subject} 2\r\n`);
    },
    close: () => socket.destroy(),
  };
}

async function ask(at: Endpoint, subject: string, body: unknown, withinMs?: number): Promise<Record<string, unknown>> {
  const asking = session(at);
  try {
    return await asking.ask(subject, body, withinMs);
  } finally {
    asking.close();
  }
}

/**
 * As an ordered consumer of the client libraries: in memory, without acknowledgements, with flow control. Servers that
 * have just begun to know their leader may leave the first questions without an answer.
 */
const consume = (at: Endpoint, policy: 'all' | 'new', got: (payload: Buffer) => void): Promise<Session> =>
  untilDone('making a consumer', () => tryConsume(at, policy, got));

async function tryConsume(at: Endpoint, policy: 'all' | 'new', got: (payload: Buffer) => void): Promise<Session> {
  const reading = session(at);
  const inbox = newInbox();
  reading.listen(inbox, (_line, payload) => got(payload));
  const config = {
    deliver_subject: inbox,
    deliver_policy: policy,
    ack_policy: 'none',
    max_deliver: 1,
    replay_policy: 'instant',
    flow_control: true,
    idle_heartbeat: 5_000_000_000,
    inactive_threshold: 300_000_000_000,
    num_replicas: 1,
    mem_storage: true,
  };
  try {
    await reading.ask(`$JS.API.CONSUMER.CREATE.${stream}`, { stream_name: stream, config });
    return reading;
  } catch (error) {
    reading.close();
    throw error;
  }
}

// ---------------------------------------------------------------------------------------------------------- system

const jetstream: Way = {
  name: 'jetstream',
  words: 'PUB with a reply inbox, over TCP',
  isSingle: true,
  isBatched: true,
  peaks: () => [
    { clients: 1, window: 4_000, batch: 1 }, // As many as client libraries allow.
    { clients: 4, window: 500, batch: 1 },
    { clients: 16, window: 64, batch: 1 },
  ],
  connect: writer,
};

interface StreamCluster {
  readonly leader?: string;
  readonly replicas?: readonly { readonly name: string; readonly current: boolean; readonly lag?: number }[];
}

/** Servers without a leader do not answer at all. */
const infoMs = 500;

async function streamInfo(at: Endpoint): Promise<{ cluster: StreamCluster; messages: number }> {
  const { cluster, state } = (await ask(at, `$JS.API.STREAM.INFO.${stream}`, {}, infoMs)) as {
    cluster: StreamCluster;
    state: { messages: number };
  };
  return { cluster, messages: state.messages };
}

export const nats: System = {
  name: 'nats',
  ackMeans: 'a majority has it in the page cache, by Raft; on disk (fsync) every 2 minutes',
  ways: [jetstream],
  missing: () => missing('nats-server', 'nats-server'),

  async start(folder) {
    const ports = await Promise.all([1, 2, 3].map(async () => ({ client: await freePort(), route: await freePort() })));
    const routes = ports.map(({ route }) => `nats://127.0.0.1:${route}`).join(', ');
    const nodes = ports.map(({ client, route }, index) => {
      const name = `n${index + 1}`;
      const own = join(folder, name);
      mkdirSync(own, { recursive: true });
      const lines = [
        `server_name: ${name}`,
        `listen: "127.0.0.1:${client}"`,
        `jetstream { store_dir: ${JSON.stringify(own)}, max_file_store: 100GB }`,
        `cluster { name: bench, listen: "127.0.0.1:${route}", routes: [${routes}] }`,
      ];
      writeFileSync(join(own, 'nats.conf'), `${lines.join('\n')}\n`);
      const at = { host: '127.0.0.1', port: client };
      return { name, folder: own, args: ['--config', join(own, 'nats.conf')], at };
    });
    return runPeer({
      command: 'nats-server',
      settings: { storage: 'file', replicas: '3', sync_interval: '2 min (default)', max_file_store: '100 GB' },
      nodes,
      way: jetstream,
      isFailingOver: true,
      async prepare() {
        const config = { name: stream, subjects: [stream], storage: 'file', num_replicas: 3 };
        await untilDone('making the stream', () => ask(nodes[0]!.at, `$JS.API.STREAM.CREATE.${stream}`, config));
      },
      async status(alive): Promise<PeerStatus | undefined> {
        const { cluster } = await Promise.any(alive.map((index) => streamInfo(nodes[index]!.at)));
        const leader = nodes.findIndex(({ name }) => name === cluster.leader);
        if (!alive.includes(leader)) return undefined;
        const replicas = cluster.replicas ?? [];
        const inStep = replicas.filter(({ current, lag }) => current && (lag ?? 0) === 0);
        return { leader, isInStep: inStep.length === nodes.length - 1 };
      },
    });
  },

  async tail(at, got) {
    const reading = await consume(at, 'new', numbersIn(got));
    return { close: reading.close };
  },

  async readAll(at) {
    const { messages } = await untilDone('asking how many there are', () => streamInfo(at));
    let count = 0;
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const reading = await consume(at, 'all', () => {
      if (++count >= messages) finish();
    });
    if (messages > 0) await finished;
    reading.close();
    return count;
  },
};
