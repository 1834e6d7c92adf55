/** The load generator: what its clients read from the wire, and how many requests they have under way. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untilTrue } from '../support/waiting.ts';
import { Engine } from './engine.ts';
import { ours } from './ours.ts';
import { type Client, numbersIn, type Speaker, type Told, textOf, type Way } from './systems.ts';
import { bytesIn, cpuMs, cpuMsIn, peakResidentMiB, residentMiB } from './usage.ts';
import { httpSpeaker, socketSpeaker, textFrame } from './wires.ts';

const Wires = suite('bench: wires');

/** What a speaker heard of bytes that came in pieces of a size. */
function heard(make: () => Speaker, bytes: Buffer, size: number) {
  const speaker = make();
  const sum = { done: 0, refused: 0, ready: 0, answers: '', why: '' };
  for (let at = 0; at < bytes.length; at += size) {
    const { done, refused, ready, answer, why } = speaker.parse(bytes.subarray(at, at + size));
    sum.done += done;
    sum.refused += refused;
    if (ready) sum.ready++;
    if (answer) sum.answers += answer.toString('hex');
    if (refused > 0 && why) sum.why = why;
  }
  return sum;
}
const sizes = [1, 2, 3, 7, 50, 1e6];
const nothing = (): Buffer => Buffer.alloc(0);

const httpAnswer = (status: string, body: string, more = ''): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

Wires('HTTP answers are counted in whatever pieces they come', () => {
  const bytes = Buffer.from(
    httpAnswer('200 OK', '{"id":1}') +
      httpAnswer('200 OK', '{"text":"HTTP/1.1 500\\r\\n\\r\\nä"}') +
      httpAnswer('503 Service Unavailable', '{"code":"OVERLOADED"}', 'Retry-After: 1\r\n') +
      httpAnswer('204 No Content', ''),
  );
  for (const size of sizes)
    assert.equal(
      heard(() => httpSpeaker(nothing), bytes, size),
      { done: 3, refused: 1, ready: 0, answers: '', why: '503 OVERLOADED with Retry-After' },
      `pieces of ${size}`,
    );
});
Wires('an HTTP refusal without Retry-After is told apart', () => {
  assert.is(heard(() => httpSpeaker(nothing), Buffer.from(httpAnswer('500 Oh', '{}')), 99).why, '500');
  assert.throws(() => httpSpeaker(nothing).parse(Buffer.from('HTTP/1.1 200 OK\r\n\r\n')), /Content-Length/);
});

/** As a server sends it: not masked. */
function serverFrame(text: string, opcode = 1): Buffer {
  const masked = textFrame(text, opcode);
  const head = masked.length - Buffer.byteLength(text) - 4;
  const frame = Buffer.concat([masked.subarray(0, head), masked.subarray(head + 4)]);
  frame[1] = frame[1]! & 0x7f;
  return frame;
}
const upgraded = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');

Wires('lines over a WebSocket answer all frames up to their n, in whatever pieces they come', () => {
  const many = Array.from({ length: 30 }, (_, i) => `{"n":${i + 8},"first_id":1,"count":1,"lamport_timestamp":5}\n`);
  const bytes = Buffer.concat([
    upgraded,
    serverFrame(
      '{"n":3,"first_id":1,"count":3,"lamport_timestamp":5}\n{"n":5,"first_id":4,"count":2,"lamport_timestamp":9}\n',
    ),
    serverFrame('ping', 9),
    serverFrame(`{"n":7,"first_id":1,"count":1}\n${' '.repeat(200)}`.trim()),
    serverFrame(many.join('')),
    serverFrame('{"n":38,"error":"Overloaded","code":"OVERLOADED"}\n'),
  ]);
  const pong = textFrame('ping', 10).toString('hex');
  for (const size of sizes)
    assert.equal(
      heard(() => socketSpeaker('/append', nothing), bytes, size),
      { done: 37, refused: 1, ready: 1, answers: pong, why: 'OVERLOADED' },
      `pieces of ${size}`,
    );
});
Wires('a line in a frame of any length is an answer', () => {
  for (const length of [10, 126, 65_535, 65_536, 300_000]) {
    const bytes = Buffer.concat([
      upgraded,
      serverFrame(`{"n":2,"text":"${'x'.repeat(length)}"}\n`),
      serverFrame('{"n":3}\n'),
    ]);
    assert.is(heard(() => socketSpeaker('/append', nothing), bytes, 4_096).done, 3);
  }
});
Wires('a WebSocket that is refused or closed ends the client', () => {
  const refused = Buffer.from(`HTTP/1.1 503 No\r\nContent-Length: 20\r\n\r\n{"code":"NO_STREAMS"}`);
  assert.throws(() => socketSpeaker('/append', nothing).parse(refused), /503 NO_STREAMS/);
  const closed = Buffer.concat([upgraded, serverFrame('{"n":3}\n'), serverFrame('\x03\xf5try again', 8)]);
  const { done, over } = socketSpeaker('/append', nothing).parse(closed);
  assert.is(done, 3, 'what was answered before counts');
  assert.match(over ?? '', /try again/);
});
Wires('frames of a client are masked and carry texts of all lengths', () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    const frame = textFrame('x'.repeat(length));
    assert.is(frame[1]! & 0x80, 0x80);
    assert.is(frame.length, length + 6 + (length < 126 ? 0 : length < 65_536 ? 2 : 8));
    assert.is(frame.subarray(frame.length - length).toString(), 'x'.repeat(length));
  }
});
Wires('texts carry their numbers, which are found in whatever pieces they come', () => {
  assert.is(textOf(17, 100).length, 100);
  const bytes = Buffer.from(
    `id: 1\ndata: {"content":"${textOf(17, 100)}"}\n\ndata: ${textOf(0, 20)}m12: ${textOf(123_456, 14)}`,
  );
  for (const size of sizes) {
    const found: number[] = [];
    const find = numbersIn((n) => found.push(n));
    for (let at = 0; at < bytes.length; at += size) find(bytes.subarray(at, at + size));
    assert.equal(found, [17, 0, 123_456], `pieces of ${size}`);
  }
});

Wires('each keyed stream has a session of its own', async () => {
  const way = ours.ways.find(({ name }) => name === 'session')!;
  const sessions = new Set<string>();
  const server = createServer((socket) => {
    socket.once('data', (head) => {
      const [, session = ''] = /^GET \/append\?session=([!-~]{1,100}) HTTP/.exec(head.toString('latin1')) ?? [];
      sessions.add(session);
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const shape = { bytes: 100, batch: 1, numbered: false };
    const toldOf = (ready: () => void): Told => ({
      ready,
      done: () => undefined,
      refused: () => undefined,
      closed: () => undefined,
    });
    for (const _ of [1, 2, 3]) {
      const client = await new Promise<Client>((resolve) => {
        const made = way.connect(
          { host: '127.0.0.1', port },
          shape,
          toldOf(() => resolve(made)),
        );
      });
      client.close();
    }
    assert.is(sessions.size, 3);
    assert.not(sessions.has(''));
  } finally {
    server.close();
  }
});

const Load = suite('bench: load');

interface FakeClient {
  readonly port: number;
  readonly told: Told;
  readonly sent: number[];
  isClosed: boolean;
}
/** Connections that answer when the test says so. */
function aWay(refuses: (port: number) => boolean = () => false): { way: Way; clients: FakeClient[] } {
  const clients: FakeClient[] = [];
  const way: Way = {
    name: 'fake',
    words: '',
    isSingle: true,
    peaks: () => [],
    connect: (at, _, told) => {
      const client: FakeClient = { port: at.port, told, sent: [], isClosed: false };
      clients.push(client);
      setImmediate(() => (refuses(at.port) ? told.closed('refused') : told.ready()));
      return {
        send: (n) => client.sent.push(n),
        close: () => {
          client.isClosed = true;
        },
      };
    },
  };
  return { way, clients };
}
const at = (...ports: number[]) => ports.map((port) => ({ host: 'x', port }));
const later = (ms = 30): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

Load('a client keeps its window full and never sends more', async () => {
  const { way, clients } = aWay();
  const engine = new Engine(way, { at: at(1), clients: 2, window: 3, batch: 10, bytes: 100 });
  await engine.start();
  assert.equal(
    clients.map(({ sent }) => sent.length),
    [3, 3],
  );
  clients[0]!.told.done(2);
  assert.equal(
    clients.map(({ sent }) => sent.length),
    [5, 3],
  );
  const { acknowledged, latencyMs } = engine.look();
  assert.is(acknowledged, 20, 'messages, not requests');
  assert.is(latencyMs.count, 2);
  engine.stop();
  assert.ok(clients.every(({ isClosed }) => isClosed));
});
Load('ends after as many messages as were wanted, with those repeated that were refused or lost', async () => {
  const { way, clients } = aWay();
  const engine = new Engine(way, { at: at(1, 2), clients: 1, window: 2, batch: 5, bytes: 100, messages: 20 });
  await engine.start();
  let isFinished = false;
  void engine.finished.then(() => {
    isFinished = true;
  });
  const [first] = clients;
  first!.told.done(1);
  first!.told.refused(1, '503');
  await untilTrue('what was refused to be sent again', () => first!.sent.length === 4);
  first!.told.closed('broken');
  await untilTrue('another client to send', () => clients[1]?.sent.length === 2);
  const second = clients[1]!;
  assert.is(second.port, 2, 'it goes on at the next endpoint');
  second.told.done(2);
  assert.is(second.sent.length, 3);
  assert.not(isFinished);
  second.told.done(1);
  assert.is(second.sent.length, 3, 'no more are wanted');
  await untilTrue('the end', () => isFinished);
  const seen = engine.look();
  assert.is(seen.acknowledged, 20);
  assert.equal(seen.refused, { 503: 1 });
  assert.is(seen.lost, 2);
  engine.stop();
});
Load('a mark forgets what came before it', async () => {
  const { way, clients } = aWay();
  const engine = new Engine(way, { at: at(1), clients: 1, window: 1, batch: 1, bytes: 100 });
  await engine.start();
  clients[0]!.told.refused(1, 'no');
  await later();
  await untilTrue('it to be sent again', () => clients[0]!.sent.length === 2);
  clients[0]!.told.done(1);
  assert.ok(engine.look().longestGapMs >= 10);
  engine.mark();
  clients[0]!.told.done(1);
  const seen = engine.look();
  assert.is(seen.acknowledged, 1);
  assert.equal(seen.refused, {});
  assert.is(seen.latencyMs.count, 1);
  engine.stop();
});
Load('in an open loop what finds no place is held back, not made up for', async () => {
  const { way, clients } = aWay();
  const engine = new Engine(way, { at: at(1), clients: 2, window: 2, batch: 1, bytes: 100, rate: 1_000 });
  await engine.start();
  await untilTrue('more than finds a place', () => engine.look().heldBack > 0);
  assert.equal(
    clients.map(({ sent }) => sent.length),
    [2, 2],
  );
  clients[1]!.told.done(2);
  await untilTrue('the places to be taken', () => clients[1]!.sent.length >= 4);
  await later();
  assert.equal(
    clients.map(({ sent }) => sent.length),
    [2, 4],
  );
  engine.stop();
});
Load('a client that finds nobody tries the next endpoint', async () => {
  const { way, clients } = aWay((port) => port === 1);
  const engine = new Engine(way, { at: at(1, 2), clients: 1, window: 1, batch: 1, bytes: 100 });
  await engine.start();
  assert.equal(
    clients.map(({ port }) => port),
    [1, 2],
  );
  engine.stop();
});
Load('a client that hears nothing in time goes elsewhere', async () => {
  const { way, clients } = aWay();
  const engine = new Engine(way, { at: at(1, 2), clients: 1, window: 4, batch: 1, bytes: 100, patienceMs: 50 });
  await engine.start();
  await untilTrue('a second connection', () => clients.length >= 2);
  assert.ok(clients[0]!.isClosed);
  assert.ok(engine.look().lost >= 4);
  engine.stop();
});

const Usage = suite('bench: usage');

Usage('bytes of files are counted without the zeros that were put there beforehand', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-usage-'));
  try {
    const zeros = Buffer.alloc(3 * 1024 * 1024);
    writeFileSync(join(folder, 'zeros'), zeros);
    assert.is(await bytesIn(folder), 0);
    zeros[1_500_000] = 1;
    writeFileSync(join(folder, 'some'), zeros);
    assert.is(await bytesIn(folder), 1_500_001);
    writeFileSync(join(folder, 'empty'), '');
    writeFileSync(join(folder, 'hole'), 'x');
    truncateSync(join(folder, 'hole'), 10_000_000);
    assert.is(await bytesIn(folder), 1_500_002);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
Usage('resident memory is that of a living process', () => {
  const mib = residentMiB(process.pid);
  assert.ok(mib > 10 && mib < 2_000, `${mib} MiB`);
});
Usage('the most memory that a process ever had is not less than what it has', () => {
  const mib = residentMiB(process.pid);
  const peak = peakResidentMiB(process.pid);
  assert.ok(peak >= mib && peak < 2_000, `${peak} MiB after ${mib}`);
});
Usage('processor time is that of user and system, whatever a program is called', () => {
  const stat = '4321 (a) b (c) R 1 4321 4321 0 -1 4194560 9000 0 0 0 123 45 6 7 20 0 11 0 5000 1 2 3';
  assert.is(cpuMsIn(stat), 1_680);
  const before = cpuMs(process.pid);
  for (const until = process.cpuUsage().user + 50_000; process.cpuUsage().user < until; );
  const used = cpuMs(process.pid) - before;
  assert.ok(used >= 20 && used < 2_000, `${used} ms`);
});

Wires.run();
Load.run();
Usage.run();
