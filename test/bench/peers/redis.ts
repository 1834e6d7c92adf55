/**
 * Redis: a stream on a primary with two replicas, every write followed by WAIT 1 in the same TCP write.
 *
 * There is no consensus: what the primary and a replica have may still be lost in a failover, which something else
 * (Sentinel, a person) would have to start. So no leader is crashed here.
 *
 * Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2)
 */
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
import { missing, type PeerStatus, runPeer } from './servers.ts';

const stream = 'log';

// -------------------------------------------------------------------------------------------------------- protocol

export const command = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

export type Reply = string | number | null | Error | Reply[];

const lineEnd = 13;
const nothing = Buffer.alloc(0);

/** Tells each whole reply, from any pieces; nothing is read twice, however long a list is. */
export function respReader(got: (reply: Reply) => void): (chunk: Buffer) => void {
  let rest: Buffer = nothing;
  /** Lists that are not whole yet, the innermost last. */
  const open: { readonly items: Reply[]; missing: number }[] = [];

  const add = (reply: Reply): void => {
    let whole = reply;
    for (let list = open.at(-1); list !== undefined; list = open.at(-1)) {
      list.items.push(whole);
      if (--list.missing > 0) return;
      whole = list.items;
      open.pop();
    }
    got(whole);
  };
  /** Where the next element begins; undefined when this one is not whole. */
  const element = (bytes: Buffer, at: number): number | undefined => {
    const end = bytes.indexOf(lineEnd, at);
    if (end < 0 || end + 2 > bytes.length) return undefined;
    const line = bytes.toString('latin1', at + 1, end);
    const next = end + 2;
    switch (bytes[at]) {
      case 0x2b: // +
        add(line);
        return next;
      case 0x2d: // -
        add(new Error(line));
        return next;
      case 0x3a: // :
        add(Number(line));
        return next;
      case 0x24: {
        // $
        const to = next + Number(line);
        if (line === '-1') add(null);
        else if (to + 2 > bytes.length) return undefined;
        else add(bytes.toString('latin1', next, to));
        return line === '-1' ? next : to + 2;
      }
      case 0x2a: // *
        if (line === '-1') add(null);
        else if (line === '0') add([]);
        else open.push({ items: [], missing: Number(line) });
        return next;
      default:
        throw new Error(`not a reply: ${bytes.toString('latin1', at, Math.min(end, at + 80))}`);
    }
  };
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (let next = element(bytes, at); next !== undefined; next = at < bytes.length ? element(bytes, at) : undefined)
      at = next;
    rest = at === bytes.length ? nothing : bytes.subarray(at);
  };
}

// ---------------------------------------------------------------------------------------------------------- clients

const wait = command('WAIT', '1', '0');

function writer(at: Endpoint, { bytes, batch, numbered }: Shape, told: Told): Client {
  const request = (n: number): Buffer => {
    const adds = Array.from({ length: batch }, (_, index) =>
      command('XADD', stream, '*', 'm', textOf(n * batch + index, bytes)),
    );
    return Buffer.from(adds.join('') + wait);
  };
  const same = request(0);
  let done = 0;
  let refused = 0;
  let why = '';
  /** Replies to the oldest request without an answer: one for each message, then one of WAIT. */
  let replies = 0;
  let isBad = false;
  const read = respReader((reply) => {
    replies++;
    if (reply instanceof Error) {
      isBad = true;
      why = reply.message;
    }
    if (replies <= batch) return;
    if (isBad || reply === 0) refused++;
    else done++;
    replies = 0;
    isBad = false;
  });
  const parse = (chunk: Buffer) => {
    done = 0;
    refused = 0;
    read(chunk);
    return { done, refused, why };
  };
  return tcpClient(at, { encode: (n) => (numbered ? request(n) : same), parse }, told);
}

interface Session {
  /** Rejects when the reply is an error, or the connection ends. */
  ask(...words: readonly string[]): Promise<Reply>;
  close(): void;
}

function session({ host, port }: Endpoint): Session {
  const socket = connect({ host, port, noDelay: true });
  let answered: (reply: Reply) => void = () => undefined;
  socket.on(
    'data',
    respReader((reply) => answered(reply)),
  );
  socket.on('error', (error) => answered(error));
  socket.on('close', () => answered(new Error('closed')));
  return {
    ask: (...words) =>
      new Promise((resolve, reject) => {
        answered = (reply) => (reply instanceof Error ? reject(reply) : resolve(reply));
        socket.write(command(...words));
      }),
    close: () => socket.destroy(),
  };
}

/** [id, [name, text]] */
type Entry = [string, string[]];

// ---------------------------------------------------------------------------------------------------------- system

const xadd: Way = {
  name: 'xadd',
  words: 'XADD and WAIT 1 in one write, over TCP',
  isSingle: true,
  isBatched: true,
  peaks: () => [
    { clients: 8, window: 2, batch: 512 },
    { clients: 8, window: 2, batch: 64 },
    { clients: 64, window: 16, batch: 1 },
    { clients: 256, window: 8, batch: 1 },
  ],
  connect: writer,
};

const pageEntries = '10000';

const infoOf = (text: Reply): Map<string, string> =>
  new Map(
    String(text)
      .split('\r\n')
      .map((line) => line.split(':') as [string, string]),
  );

export const redis: System = {
  name: 'redis',
  ackMeans: 'the primary has it on disk (fsync), a replica has received it; no consensus, no failover by itself',
  isLeaderOnly: true,
  ways: [xadd],
  missing: () => missing('redis-server', 'redis-server'),

  async start(folder) {
    // Texts of the bench would shrink to nothing when Redis rewrites its file.
    const settings = { appendonly: 'yes', appendfsync: 'always', save: '', rdbcompression: 'no' };
    const ports = await Promise.all([1, 2, 3].map(freePort));
    const nodes = ports.map((port, index) => {
      const name = `n${index + 1}`;
      const own = join(folder, name);
      const options = { port: String(port), bind: '127.0.0.1', dir: own, ...settings };
      const args = Object.entries(options).flatMap(([option, value]) => [`--${option}`, value]);
      if (index > 0) args.push('--replicaof', '127.0.0.1', String(ports[0]));
      return { name, folder: own, args, at: { host: '127.0.0.1', port } };
    });
    return runPeer({
      command: 'redis-server',
      settings: { ...settings, save: 'none', failover: 'none by itself' },
      nodes,
      way: xadd,
      isFailingOver: false,
      async status(): Promise<PeerStatus> {
        const asking = session(nodes[0]!.at);
        try {
          const info = infoOf(await asking.ask('INFO', 'replication'));
          const offset = info.get('master_repl_offset');
          const inStep = [info.get('slave0'), info.get('slave1')].filter(
            (slave) => slave?.includes('state=online') && slave.includes(`offset=${offset},`),
          );
          return { leader: 0, isInStep: inStep.length === 2 };
        } finally {
          asking.close();
        }
      },
    });
  },

  async tail(at, got) {
    const reading = session(at);
    const read = numbersIn(got);
    const newest = (await reading.ask('XREVRANGE', stream, '+', '-', 'COUNT', '1')) as Entry[];
    let last = newest[0]?.[0] ?? '0';
    const next = async (): Promise<void> => {
      for (;;) {
        const reply = (await reading.ask('XREAD', 'BLOCK', '0', 'STREAMS', stream, last)) as [[string, Entry[]]];
        for (const [id, [, text = '']] of reply[0][1]) {
          last = id;
          read(Buffer.from(text));
        }
      }
    };
    next().catch(() => undefined); // Until it is closed.
    return { close: reading.close };
  },

  async readAll(at) {
    const reading = session(at);
    let total = 0;
    let from = '-';
    for (;;) {
      const page = (await reading.ask('XRANGE', stream, from, '+', 'COUNT', pageEntries)) as Entry[];
      total += page.length;
      const last = page.at(-1);
      if (last === undefined) break;
      from = `(${last[0]}`;
    }
    reading.close();
    return total;
  },
};
