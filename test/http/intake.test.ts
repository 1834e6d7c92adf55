/** How much a node takes in at a time: who is read no further, who goes on, and who is turned away. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { type HttpWorld, inWorld, RawClient, until } from '../support/httpWorld.ts';
import { pause } from '../support/waiting.ts';

const Intake = suite('intake');
const host = 'Host: localhost\r\n';
const write = (name: string): string => `POST /?message=${name} HTTP/1.1\r\n${host}\r\n`;
const read = `GET /leader HTTP/1.1\r\n${host}\r\n`;

/** So many clients, each with one write that the node does not answer yet. */
async function busy({ port, node }: HttpWorld, count: number): Promise<RawClient[]> {
  node.holding = true;
  const clients = Array.from({ length: count }, (_, i) => new RawClient(port).say(write(`busy${i}`)));
  await until(() => node.appends.length === count, 'the node is busy');
  return clients;
}
const contents = ({ node }: HttpWorld): string[] => node.appends.map((each) => String(each.contents[0]));
const answers = ({ received }: RawClient): number => received.split('HTTP/1.1 200').length - 1;
/** A turn and more of the event loop, in which what came is read. */
const aWhile = (): Promise<void> => pause(150);
/** So long that nobody goes on by K3, twenty times in every `holdMs`, while a test lasts. */
const patientMs = 20 * 60_000;

Intake(
  'reads no further on a connection while the node has enough to do, and goes on in the order in which they stopped',
  inWorld(
    async (world) => {
      const { port, node } = world;
      const clients = await busy(world, 5);
      for (const name of ['a', 'b', 'c']) {
        const client = new RawClient(port).say(write(`${name}1`));
        clients.push(client);
        await until(() => contents(world).includes(`${name}1`), 'its first request is taken');
        client.say(write(`${name}2`));
      }
      await aWhile();
      assert.is(node.appends.length, 8);
      node.release();
      await Promise.all(clients.map((client) => client.hears(/200 OK/)));
      await until(() => node.appends.length === 11, 'all are taken');
      assert.equal(contents(world).slice(8), ['a2', 'b2', 'c2']);
      for (const client of clients) client.hangUp();
    },
    { limits: { maxWaiting: 5, holdMs: patientMs } },
  ),
);
Intake(
  'stops a connection behind a body and never within it',
  inWorld(
    async (world) => {
      const { port, node } = world;
      const clients = await busy(world, 5);
      const client = await new RawClient(port).opened();
      clients.push(client);
      client.say(`POST / HTTP/1.1\r\n${host}Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nwho`);
      await aWhile();
      client.say('le');
      await aWhile();
      client.say('r');
      await until(() => node.appends.length === 6, 'its body is read');
      client.say(write('behind'));
      await aWhile();
      assert.equal(contents(world).slice(5), ['wholer']);
      node.release();
      await client.hears(/200 OK[\s\S]*200 OK/);
      for (const each of clients) each.hangUp();
    },
    { limits: { maxWaiting: 5, holdMs: patientMs } },
  ),
);
Intake(
  'answers reads while writes wait for a leader',
  inWorld(
    async (world) => {
      const clients = await busy(world, 5);
      const reader = new RawClient(world.port);
      for (let i = 0; i < 5; i++) {
        reader.received = '';
        await reader.say(read).hears(/200 OK/);
      }
      for (const client of [...clients, reader]) client.hangUp();
    },
    { limits: { maxWaiting: 5, holdMs: 400 } },
  ),
);
Intake(
  'does not stop for bodies that are still coming, nor for live tails',
  inWorld(
    async (world) => {
      const { port, node } = world;
      const slow = Array.from({ length: 4 }, () =>
        new RawClient(port).say(`POST / HTTP/1.1\r\n${host}Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nwho`),
      );
      const tails = Array.from({ length: 4 }, () =>
        new RawClient(port).say(`GET /messages HTTP/1.1\r\n${host}Accept: text/event-stream\r\n\r\n`),
      );
      await Promise.all(tails.map((tail) => tail.hears(/200 OK/)));
      await aWhile();
      const client = new RawClient(port);
      for (const name of ['one', 'two', 'three']) {
        client.received = '';
        await client.say(write(name)).hears(/200 OK/);
      }
      assert.is(node.appends.length, 3);
      for (const each of [...slow, ...tails, client]) each.hangUp();
    },
    { limits: { maxWaiting: 5, holdMs: patientMs } },
  ),
);
Intake(
  'turns a connection away that has waited too long, with what it has sent unread',
  inWorld(
    async (world) => {
      const { port, node, url } = world;
      const clients = await busy(world, 5);
      const late = new RawClient(port);
      // It may be read on in time, now and then.
      await until(() => {
        late.say(read);
        return late.closed;
      }, 'it is turned away');
      assert.match(
        late.received.slice(late.received.indexOf('HTTP/1.1 503')),
        /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*Connection: close\r\n[\s\S]*"OVERLOADED"/,
      );
      assert.is((await fetch(`${url}/health`)).status, 200);
      assert.is(node.appends.length, 5);
      node.release();
      const after = new RawClient(port);
      await after.say(write('after')).hears(/200 OK/);
      for (const client of [...clients, after]) client.hangUp();
    },
    { limits: { maxWaiting: 5, holdMs: 1 } },
  ),
);
Intake(
  'does not take a connection for one that is behind because it has brought much before',
  inWorld(
    async (world) => {
      const old = new RawClient(world.port);
      for (let i = 0; i < 20; i++) {
        old.received = '';
        await old.say(`GET /leader HTTP/1.1\r\n${host}X-Long: ${'x'.repeat(8_000)}\r\n\r\n`).hears(/200 OK/);
      }
      await pause(600);
      const clients = await busy(world, 5);
      old.say(read);
      await pause(150);
      assert.not.match(old.received, /503/);
      assert.not.ok(old.closed);
      for (const client of [...clients, old]) client.hangUp();
    },
    { limits: { maxWaiting: 5, holdMs: 500 } },
  ),
);
Intake(
  'leaves a connection alone that node itself reads no further, since its client takes no answers',
  inWorld(
    async (world) => {
      const clients = await busy(world, 5);
      const slow = await new RawClient(world.port).opened();
      slow.socket.pause();
      const asked = 300; // More than what the kernels hold.
      for (let i = 0; i < asked; i++) {
        slow.say(`GET /openapi.json HTTP/1.1\r\n${host}\r\n`);
        if (i % 20 === 0) await pause(5);
      }
      await pause(500);
      slow.socket.resume();
      for (let i = 0; i < 600 && !slow.closed && answers(slow) < asked; i++) await pause(50);
      assert.is(answers(slow), asked, slow.received.slice(-300));
      for (const client of [...clients, slow]) client.hangUp();
    },
    { limits: { maxWaiting: 5, holdMs: 1_000 } },
  ),
);
Intake(
  'begins what comes at once in turns, between which the loop goes round',
  inWorld(async ({ port, node }) => {
    let turns = 0;
    const count = (): void => {
      turns++;
      if (node.appends.length < 100) setImmediate(count);
    };
    const append = node.append.bind(node);
    node.append = (request) => {
      if (node.appends.length === 0) setImmediate(count);
      for (const until = performance.now() + 2; performance.now() < until; );
      return append(request);
    };
    const client = new RawClient(port).say(write('burst').repeat(100));
    await until(() => answers(client) === 100, 'all are answered');
    assert.ok(turns >= 10, `${turns} turns`);
    client.hangUp();
  }),
);
Intake(
  'forgets the requests of clients that have gone, also those behind other ones',
  inWorld(
    async ({ port, node }) => {
      for (let round = 0; round < 4; round++) {
        node.holding = true;
        const before = node.appends.length;
        const client = new RawClient(port).say(write('gone').repeat(4));
        await until(() => node.appends.length === before + 4, 'they are taken');
        client.hangUp();
        await aWhile();
        node.release();
      }
      const client = new RawClient(port);
      client.say(write('here').repeat(4));
      await until(() => answers(client) === 4, 'all are answered');
      client.hangUp();
    },
    { limits: { maxRequests: 5 } },
  ),
);
Intake(
  'counts an open WebSocket as no request',
  inWorld(
    async ({ port }) => {
      const sockets = Array.from({ length: 8 }, () => new WebSocket(`ws://127.0.0.1:${port}/append`));
      await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('open', resolve))));
      const client = new RawClient(port);
      await client.say(write('beside')).hears(/200 OK/);
      client.hangUp();
      for (const socket of sockets) socket.terminate();
    },
    { limits: { maxRequests: 5 } },
  ),
);
Intake.run();
