/**
 * etcd: puts of distinct keys over gRPC, as it comes from Debian; a batch is one transaction of puts.
 *
 * Protobuf by hand: https://github.com/etcd-io/etcd/blob/release-3.4/etcdserver/etcdserverpb/rpc.proto has the numbers.
 */
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
import { type CallHeard, GrpcConnection } from './grpc.ts';
import { missing, type PeerStatus, runPeer } from './servers.ts';

// -------------------------------------------------------------------------------------------------------- protobuf

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A field of bytes, text or a message. */
export const field = (number: number, value: Buffer | string): Buffer => {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
};
const numberField = (number: number, value: number): Buffer => Buffer.concat([varint(number << 3), varint(value)]);

/** Fields of a message: number and bytes; a number's bytes are its varint as it stands. */
export function* fields(message: Buffer): Generator<readonly [number, Buffer]> {
  let at = 0;
  const varintEnd = (from: number): number => {
    let end = from;
    while (message[end]! >= 0x80) end++;
    return end + 1;
  };
  const number = (from: number, end: number): number => {
    let value = 0;
    for (let index = end - 1; index >= from; index--) value = value * 128 + (message[index]! & 0x7f);
    return value;
  };
  while (at < message.length) {
    const keyEnd = varintEnd(at);
    const key = number(at, keyEnd);
    let end = varintEnd(keyEnd);
    let from = keyEnd;
    if ((key & 7) === 2) {
      from = end;
      end += number(keyEnd, end);
    } else if ((key & 7) !== 0) throw new Error(`wire type ${key & 7} is not used by etcd`);
    yield [key >> 3, message.subarray(from, end)];
    at = end;
  }
}

const fieldOf = (message: Buffer, wanted: number): Buffer => {
  for (const [number, bytes] of fields(message)) if (number === wanted) return bytes;
  return Buffer.alloc(0);
};

export const putRequest = (key: string, value: string): Buffer => Buffer.concat([field(1, key), field(2, value)]);
/** A transaction without conditions. */
export const putsRequest = (puts: readonly Buffer[]): Buffer =>
  Buffer.concat(puts.map((put) => field(2, field(2, put)))); // success: request_put
export const rangeRequest = (from: Buffer, limit: number): Buffer =>
  Buffer.concat([field(1, from), field(2, '\0'), numberField(3, limit), numberField(7, 1)]); // To the end; serializable.
const watchAll = field(1, Buffer.concat([field(1, '\0'), field(2, '\0')]));

/** How many keys a page has, and the last one. */
export function pageOf(rangeResponse: Buffer): { count: number; last: Buffer } {
  let count = 0;
  let last: Buffer = Buffer.alloc(0);
  for (const [number, bytes] of fields(rangeResponse)) {
    if (number !== 2) continue;
    count++;
    last = bytes;
  }
  return { count, last: fieldOf(last, 1) };
}

// ---------------------------------------------------------------------------------------------------------- clients

const put = '/etcdserverpb.KV/Put';
const transact = '/etcdserverpb.KV/Txn';

/** Clients share connections, as those of etcd do; a connection each would slow etcd down. */
const clientsPerConnection = 64;
interface Shared {
  readonly connection: GrpcConnection;
  readonly clients: Set<Told>;
  isReady: boolean;
}
const shared = new Map<string, Shared>();

function share(at: Endpoint, told: Told): Shared {
  const place = `${at.host}:${at.port}`;
  const known = shared.get(place);
  if (known?.connection.isOpen && known.clients.size < clientsPerConnection) {
    known.clients.add(told);
    if (known.isReady) process.nextTick(() => known.clients.has(told) && told.ready());
    return known;
  }
  const clients = new Set([told]);
  const connection = new GrpcConnection(at, {
    ready: () => {
      made.isReady = true;
      for (const client of clients) client.ready();
    },
    closed: (why) => {
      const left = [...clients];
      clients.clear();
      for (const client of left) client.closed(why);
    },
  });
  const made: Shared = { connection, clients, isReady: false };
  shared.set(place, made);
  return made;
}

function writer(at: Endpoint, { bytes, batch, numbered }: Shape, told: Told): Client {
  const { connection, clients } = share(at, told);
  /** Keys are distinct among all clients that ever wrote, and in the order of their start. */
  const prefix = Date.now().toString(36);
  const same = textOf(0, bytes);
  const putOf = (n: number): Buffer =>
    putRequest(prefix + n.toString(36).padStart(7, '0'), numbered ? textOf(n, bytes) : same);
  const putsOf = (n: number): Buffer =>
    putsRequest(Array.from({ length: batch }, (_, index) => putOf(n * batch + index)));
  const heard: CallHeard = {
    ended(why) {
      if (!clients.has(told)) return;
      if (why === undefined) told.done(1);
      else told.refused(1, why);
    },
  };
  return {
    send: (n) => (batch === 1 ? connection.call(put, putOf(n), heard) : connection.call(transact, putsOf(n), heard)),
    close() {
      clients.delete(told);
      if (clients.size === 0) connection.close();
    },
  };
}

// ---------------------------------------------------------------------------------------------------------- system

const grpc: Way = {
  name: 'grpc',
  words: 'Put, or Txn of puts, over HTTP/2',
  isSingle: true,
  isBatched: true,
  peaks: () => [
    { clients: 8, window: 1, batch: 512 },
    { clients: 16, window: 1, batch: 64 },
    { clients: 8, window: 64, batch: 1 },
    { clients: 64, window: 16, batch: 1 },
  ],
  connect: writer,
};

const pageKeys = 50_000;

async function askStatus(at: Endpoint): Promise<{ self: Buffer; leader: Buffer; applied: Buffer }> {
  const connection = new GrpcConnection(at);
  try {
    const status = await connection.ask('/etcdserverpb.Maintenance/Status', Buffer.alloc(0));
    return { self: fieldOf(fieldOf(status, 1), 2), leader: fieldOf(status, 4), applied: fieldOf(status, 7) };
  } finally {
    connection.close();
  }
}

export const etcd: System = {
  name: 'etcd',
  ackMeans: 'a majority has it on disk (fsync), by Raft',
  ways: [grpc],
  missing: () => missing('etcd', 'etcd-server'),

  async start(folder) {
    const flags = { 'max-txn-ops': '1024', 'quota-backend-bytes': String(8 * 2 ** 30) };
    const ports = await Promise.all([1, 2, 3].map(async () => ({ client: await freePort(), peer: await freePort() })));
    const url = (port: number): string => `http://127.0.0.1:${port}`;
    const cluster = ports.map(({ peer }, index) => `n${index + 1}=${url(peer)}`).join(',');
    const nodes = ports.map(({ client, peer }, index) => {
      const name = `n${index + 1}`;
      const options = {
        name,
        'data-dir': join(folder, name),
        'listen-client-urls': url(client),
        'advertise-client-urls': url(client),
        'listen-peer-urls': url(peer),
        'initial-advertise-peer-urls': url(peer),
        'initial-cluster': cluster,
        logger: 'zap',
        'log-level': 'error',
        ...flags,
      };
      const args = Object.entries(options).flatMap(([option, value]) => [`--${option}`, value]);
      return { name, folder: join(folder, name), args, at: { host: '127.0.0.1', port: client } };
    });
    return runPeer({
      command: 'etcd',
      settings: flags,
      nodes,
      way: grpc,
      isFailingOver: true,
      async status(alive): Promise<PeerStatus | undefined> {
        const all = await Promise.all(alive.map((index) => askStatus(nodes[index]!.at)));
        const leading = all.findIndex(({ self, leader }) => leader.length > 0 && self.equals(leader));
        if (leading < 0) return undefined;
        const { self, applied } = all[leading]!;
        const isInStep = all.every((other) => other.leader.equals(self) && other.applied.equals(applied));
        return { leader: alive[leading]!, isInStep };
      },
    });
  },

  tail: (at, got) =>
    new Promise((resolve, reject) => {
      const connection = new GrpcConnection(at);
      const read = numbersIn(got);
      const listener: CallHeard = {
        data(bytes) {
          resolve({ close: () => connection.close() }); // The first answer says that it watches.
          read(bytes);
        },
        ended: (why) => reject(new Error(why)),
      };
      connection.call('/etcdserverpb.Watch/Watch', watchAll, listener, false);
    }),

  async readAll(at) {
    const connection = new GrpcConnection(at);
    let total = 0;
    let from = Buffer.from('\0');
    for (;;) {
      const { count, last } = pageOf(await connection.ask('/etcdserverpb.KV/Range', rangeRequest(from, pageKeys)));
      total += count;
      if (count < pageKeys) break;
      from = Buffer.concat([last, Buffer.alloc(1)]);
    }
    connection.close();
    return total;
  },
};
