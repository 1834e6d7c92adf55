/** Append streams under pressure: what a client, a node or a stop may do to them, and what that costs. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { anHttpWorld, type HttpWorld, inWorld, RawClient, until } from '../support/httpWorld.ts';
import { trouble } from '../support/memoryFacade.ts';
import { frameOf, handshake, StreamClient } from '../support/streamClient.ts';
import { pause, standStill } from '../support/waiting.ts';

const Pressure = suite('append streams under pressure');
const Patience = suite('append streams and patience');
const Stop = suite('append streams at the stop');
const mebibyte = 1024 * 1024;

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** A client, and its socket at the server. */
async function open(world: HttpWorld, query = ''): Promise<{ client: StreamClient; socket: Socket }> {
  const accepted = once(world.http.server, 'connection');
  const client = await new StreamClient(world.port, query).opened();
  const [socket] = (await accepted) as [Socket];
  return { client, socket };
}

/** Until nothing more has been read for a while. */
async function readingStopped(socket: Socket): Promise<number> {
  for (let read = -1; read !== socket.bytesRead; ) {
    read = socket.bytesRead;
    await turns(20);
    await pause(30);
  }
  return socket.bytesRead;
}

const framesAsked = ({ node }: HttpWorld): number =>
  node.appends.reduce((sum, { contents }) => sum + contents.length, 0);

Pressure(
  'stop reading at their limit of bytes while the node does not answer, and lose nothing',
  inWorld(async (world) => {
    world.node.holding = true;
    const { client, socket } = await open(world);
    const message = 'x'.repeat(10_000);
    for (let i = 0; i < 3000; i++) client.send(`${i} ${message}`);
    const read = await readingStopped(socket);
    assert.ok(read > 3 * mebibyte && read < 7 * mebibyte, `read ${read} of 30 MB`);
    assert.ok(client.socket.bufferedAmount > 10 * mebibyte, 'the client feels it');
    world.node.release();
    const { lines } = await client.finish();
    assert.is(lines.at(-1)?.n, 3000);
    const all = world.node.appends.flatMap(({ contents }) =>
      contents.map((content) => Number.parseInt(`${content}`, 10)),
    );
    assert.is(all.length, 3000);
    assert.ok(all.every((n, i) => n === i));
  }),
);
Pressure(
  'stop reading at their limit of frames',
  inWorld(
    async (world) => {
      world.node.holding = true;
      const { client, socket } = await open(world, '?session=s');
      for (let i = 0; i < 30_000; i++) client.send('a');
      await readingStopped(socket);
      // What one read brings is taken as a whole: 64 KiB of frames of 7 bytes.
      assert.ok(framesAsked(world) >= 100 && framesAsked(world) < 100 + 10_000, `${framesAsked(world)} frames`);
      world.node.release();
      assert.is((await client.finish()).lines.at(-1)?.n, 30_000);
    },
    { limits: { maxStreamFrames: 100 } },
  ),
);
Pressure(
  'let one frame through, however large and however tight their limits',
  inWorld(
    async (world) => {
      const { client } = await open(world, '?format=ndjson');
      const line = `${JSON.stringify('x'.repeat(mebibyte - 100))}\n`;
      for (let i = 0; i < 3; i++) client.send(line.repeat(4));
      const { lines } = await client.finish();
      assert.is(lines.at(-1)?.n, 3);
      assert.is(framesAsked(world), 12);
    },
    { limits: { maxStreamBytes: 1, maxStreamFrames: 1, maxStreamAnswerBytes: 0 } },
  ),
);
Pressure(
  'wait while the node is overloaded, and read no more meanwhile',
  inWorld(async (world) => {
    world.node.refusing = trouble('OVERLOADED');
    const { client, socket } = await open(world);
    for (let i = 0; i < 2000; i++) client.send('x'.repeat(10_000));
    const read = await readingStopped(socket);
    assert.ok(read < 3 * mebibyte, `read ${read} of 20 MB`);
    assert.is(world.node.appends.length, 0, 'it is not asked in vain');
    world.node.refusing = null;
    assert.is((await client.finish()).lines.at(-1)?.n, 2000);
  }),
);
Pressure(
  'give up when an overload lasts as long as a write may take',
  inWorld(async (world) => {
    world.node.refusing = trouble('OVERLOADED');
    world.node.writeTrouble = trouble('OVERLOADED');
    const { client } = await open(world, '?timeout=60');
    client.send('a', 'b');
    const { code, reason, failure } = await client.closed;
    assert.equal([code, reason], [1013, 'OVERLOADED']);
    assert.equal([failure?.n, failure?.code, failure?.outcome], [1, 'OVERLOADED', 'not_done']);
    assert.is(world.node.point.lastId, 0);
  }),
);
Pressure(
  'stop reading from a client that does not read its answers, and cut it off in the end',
  inWorld(
    async (world) => {
      // So that no two answers are one line.
      world.node.judge = () => {
        world.node.fill(['between']);
        return undefined;
      };
      const accepted = once(world.http.server, 'connection');
      const client = new RawClient(world.port).say(handshake('/append?session=s'));
      const [socket] = (await accepted) as [Socket];
      await client.hears(/101 Switching/);
      socket.cork(); // As if the client had taken all that the system holds for it: that is megabytes.
      const block = Buffer.concat(Array.from({ length: 1000 }, () => frameOf('m')));
      for (let sent = 0; sent < 100; sent++) client.say(block);
      let waiting = 0;
      await until(() => {
        waiting = Math.max(waiting, socket.writableLength);
        return socket.destroyed;
      }, 'it is cut off');
      assert.ok(framesAsked(world) < 20_000, `${framesAsked(world)} frames were taken`);
      assert.ok(waiting < 2 * mebibyte, `${waiting} bytes of answers waited`);
      await until(() => world.lines.some(({ fields }) => fields.code === 'REQUEST_TIMEOUT'), 'its line in the log');
      client.hangUp();
    },
    { limits: { stallMs: 1000, maxStreamFrames: 500 } },
  ),
);

// -------------------------------------------------------------------------------------------------------- patience

Patience(
  'keep a silent client that lives, for as long as it likes, and end one that died',
  inWorld(
    async (world) => {
      const { client: alive } = await open(world);
      const dead = new RawClient(world.port).say(handshake());
      await dead.hears(/101 Switching/);
      assert.ok((await dead.ends()).includes('\ufffd\0'), 'it was pinged: 0x89 0x00');
      await pause(1_000);
      assert.is(alive.isClosed, false);
      assert.is((await alive.send('still here').finish()).lines[0]?.n, 1);
    },
    { limits: { heartbeatMs: 400 } }, // The client that lives is in this process: it answers only when the loop comes round.
  ),
);
Patience(
  'do not take a client for dead that they do not read from',
  inWorld(
    async (world) => {
      world.node.holding = true;
      const { client } = await open(world);
      for (let i = 0; i < 50; i++) client.send('x'.repeat(100_000));
      await pause(400);
      assert.is(client.isClosed, false);
      world.node.release();
      assert.is((await client.finish()).lines.at(-1)?.n, 50);
    },
    { limits: { heartbeatMs: 50, stallMs: 200, maxStreamFrames: 2 } },
  ),
);
Patience(
  'do not take a client for dead that has sent its close frame and waits for its answers',
  inWorld(
    async (world) => {
      world.node.holding = true;
      const { client } = await open(world);
      const ended = client.send('a', 'b').finish();
      await pause(300);
      assert.is(client.isClosed, false);
      world.node.release();
      const { code, lines } = await ended;
      assert.equal([code, lines.at(-1)?.n], [1000, 2]);
    },
    { limits: { heartbeatMs: 50, stallMs: 200 } },
  ),
);
Patience(
  'give up on a frame that gets no further, answering what came before it',
  inWorld(
    async ({ port }) => {
      const client = new RawClient(port).say(handshake());
      await client.hears(/101 Switching/);
      client.say(Buffer.concat([frameOf('whole'), frameOf('half of a frame').subarray(0, 9)]));
      assert.match(
        await client.ends(),
        /"n":1,"first_id"[\s\S]*"n":2,"error":"Request timeout"[\s\S]*no byte of a message/,
      );
    },
    { limits: { stallMs: 100, heartbeatMs: 10_000 } },
  ),
);
Patience(
  'do not give up on a frame that went on while they stood still themselves',
  inWorld(
    async ({ port }) => {
      const client = new RawClient(port).say(handshake());
      await client.hears(/101 Switching/);
      const frame = frameOf('some message');
      for (let sent = 0; sent < 6; sent++) {
        client.say(frame.subarray(sent, sent + 1));
        await pause(30);
      }
      client.say(frame.subarray(6));
      standStill(300);
      await client.hears(/"n":1,"first_id"/);
      client.hangUp();
    },
    { limits: { stallMs: 100, heartbeatMs: 10_000 } },
  ),
);
Patience(
  'give up on a message that gets no further between its fragments, though its client answers pings',
  inWorld(
    async ({ port }) => {
      const client = new RawClient(port).say(handshake());
      await client.hears(/101 Switching/);
      client.say(frameOf('a beginning', { final: false }));
      const pongs = setInterval(() => client.say(frameOf('', { opcode: 10 })), 20).unref();
      assert.match(await client.ends(), /"n":1,"error":"Request timeout"/);
      clearInterval(pongs);
    },
    { limits: { stallMs: 100, heartbeatMs: 10_000 } },
  ),
);
Patience(
  'wait for a long frame that goes on, and not for ever for one that trickles',
  inWorld(
    async ({ port, node }) => {
      const steady = new RawClient(port).say(handshake());
      const trickling = new RawClient(port).say(handshake());
      await Promise.all([steady.hears(/101 Switching/), trickling.hears(/101 Switching/)]);
      const frame = frameOf('x'.repeat(1_000_000));
      const began = performance.now();
      let [sent, trickled] = [0, 14]; // The head of the frame, whose bytes are not the message's, comes at once.
      trickling.say(frame.subarray(0, trickled));
      const send = (upTo: number): void => {
        if (upTo > sent) steady.say(frame.subarray(sent, upTo));
        sent = Math.max(sent, upTo);
      };
      // Ten kilobytes a second, also where this process is slow.
      const drip = setInterval(() => {
        send(Math.min(900_000, Math.ceil(10 * (performance.now() - began))));
        trickling.say(frame.subarray(trickled, ++trickled));
      }, 20).unref();
      assert.match(await trickling.ends(), /Request timeout[\s\S]*less than 1024 bytes a second/);
      assert.ok(!steady.closed, 'the other one goes on');
      clearInterval(drip);
      send(frame.length);
      await steady.hears(/"n":1,"first_id"/);
      steady.hangUp();
      assert.is(node.appends[0]?.contents[0]?.length, 1_000_000);
    },
    { limits: { stallMs: 250, heartbeatMs: 10_000 } },
  ),
);

// ------------------------------------------------------------------------------------------------------------ stop

Stop('answer what they took, say why they end, and keep the server no longer', async () => {
  const world = await anHttpWorld();
  world.node.holding = true;
  const { client } = await open(world, '?session=s');
  client.send('a', 'b');
  await until(() => world.node.appends.length === 2, 'they arrive');
  const stopped = world.http.stop();
  client.send('too late');
  await turns(20);
  world.node.release();
  const { code, reason, lines, failure } = await client.closed;
  await stopped;
  assert.equal([code, reason], [1001, 'STOPPING']);
  assert.is(lines[0]?.n, 2);
  assert.equal([failure?.n, failure?.code, failure?.outcome], [3, 'STOPPING', 'not_done']);
  assert.is(world.node.appends.length, 2);
});
Stop('say that they do not know, when the node does not answer in time', async () => {
  const world = await anHttpWorld({ limits: { stopGraceMs: 200 } });
  world.node.holding = true;
  const { client } = await open(world);
  client.send('a');
  await until(() => world.node.appends.length === 1, 'it arrives');
  const stopped = world.http.stop();
  const { code, failure } = await client.closed;
  assert.equal([code, failure?.n, failure?.code, failure?.outcome], [1001, 1, 'STOPPING', 'unknown']);
  await stopped;
});
Stop('do not wait for a client that does not close', async () => {
  const world = await anHttpWorld({ limits: { stopGraceMs: 100 } });
  const client = new RawClient(world.port).say(handshake());
  await client.hears(/101 Switching/);
  await world.http.stop();
  assert.match(await client.ends(), /"n":1,"error":"Node stopping"/);
});

Pressure.run();
Patience.run();
Stop.run();
