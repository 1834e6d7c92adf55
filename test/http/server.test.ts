/** Bad clients and an orderly end: what a socket may do to the server, and what that costs. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inWorld, RawClient, until } from '../support/httpWorld.ts';

const Server = suite('http server');
const host = 'Host: localhost\r\n';
const mebibyte = 1024 * 1024;

/** The server is well when it still answers. */
const isWell = async (url: string): Promise<boolean> => (await fetch(`${url}/health`)).status === 200;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

Server(
  'gives up on headers that do not come',
  inWorld(
    async ({ port, url }) => {
      const client = new RawClient(port).say('POST / HTTP/1.1\r\nHost: local');
      assert.match(await client.ends(), /^HTTP\/1.1 408 [\s\S]*"code":"REQUEST_TIMEOUT"/);
      assert.ok(await isWell(url));
    },
    { limits: { headersTimeoutMs: 500 } }, // Those of the last question come within it.
  ),
);
Server(
  'gives up on a body that stops coming, and not on a slow one that goes on',
  inWorld(
    async ({ port, node }) => {
      const steady = await new RawClient(port).opened();
      steady.say(`POST / HTTP/1.1\r\n${host}Content-Length: 30\r\n\r\n`);
      const drip = setInterval(() => steady.say('x'), 20).unref();
      const stalled = new RawClient(port).say(`POST / HTTP/1.1\r\n${host}Content-Length: 30\r\n\r\nabc`);
      assert.match(await stalled.ends(), /^HTTP\/1.1 408 [\s\S]*Connection: close[\s\S]*"code":"REQUEST_TIMEOUT"/);
      await steady.hears(/^HTTP\/1.1 200 /);
      clearInterval(drip);
      steady.hangUp();
      assert.is(node.appends.length, 1);
    },
    { limits: { stallMs: 250 } },
  ),
);
Server(
  'refuses a body by its announced length, before it comes',
  inWorld(async ({ port }) => {
    for (const [path, length] of [
      ['/', 3 * mebibyte + 1025],
      ['/messages', 4 * mebibyte + 1],
    ]) {
      const client = new RawClient(port).say(
        `POST ${path} HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
      );
      await client.hears(/^HTTP\/1.1 413 [\s\S]*"code":"BODY_TOO_LARGE"/);
      client.hangUp();
    }
  }),
);
Server(
  'refuses a body of unknown length when it has grown too long, and takes what is in bounds',
  inWorld(async ({ port, node }) => {
    const head = `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`;
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const fits = new RawClient(port).say(head + chunk.repeat(16)).say('0\r\n\r\n');
    await fits.hears(/^HTTP\/1.1 200 /);
    assert.is(node.appends[0]?.contents[0]?.length, mebibyte);
    const client = new RawClient(port).say(head + chunk.repeat(17));
    await client.hears(/^HTTP\/1.1 413 [\s\S]*"code":"BODY_TOO_LARGE"/);
    assert.is(node.appends.length, 1);
    fits.hangUp();
    client.hangUp();
  }),
);
Server(
  'pays a byte for a byte that comes alone',
  inWorld(async ({ port, url, http }) => {
    const accepted = once(http.server, 'connection');
    const client = new RawClient(port).say(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`);
    const [socket] = (await accepted) as [Socket];
    const chunks = Buffer.from('1\r\nx\r\n'.repeat(300_000));
    const before = heapBytes();
    client.say(chunks);
    await until(() => socket.bytesRead > chunks.length, 'all has come');
    const grown = heapBytes() - before;
    assert.ok(grown < 8 * mebibyte, `${grown} bytes for a body of 300,000`);
    await client.say('0\r\n\r\n').hears(/^HTTP\/1.1 200 /);
    assert.is((await (await fetch(`${url}/messages/1`)).text()).split('x').length, 300_001);
    client.hangUp();
  }),
);
Server(
  'cuts off a client that goes on sending what was refused',
  inWorld(async ({ port, http }) => {
    const accepted = once(http.server, 'connection');
    const client = await new RawClient(port).opened();
    const [socket] = (await accepted) as [Socket];
    client.say(`POST / HTTP/1.1\r\n${host}Content-Length: 1000000000\r\n\r\n`);
    await client.hears(/^HTTP\/1.1 413 /);
    const block = Buffer.alloc(mebibyte);
    for (let sent = 0; sent < 64 && !client.closed; sent++) {
      client.say(block);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.ends();
    assert.ok(socket.bytesRead < 10 * mebibyte, `read ${socket.bytesRead}`);
  }),
);
Server(
  'tells a client that asks first to go on, or not to begin',
  inWorld(async ({ port, node }) => {
    const small = new RawClient(port).say(
      `POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
    );
    await small.hears(/^HTTP\/1.1 100 Continue\r\n\r\n/);
    small.say('hello');
    await small.hears(/HTTP\/1.1 200 OK/);
    assert.is(String(node.appends[0]?.contents[0]), 'hello');
    const big = new RawClient(port).say(
      `POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n`,
    );
    assert.not.match(await big.hears(/HTTP\/1.1 413 /), /100 Continue/);
    const odd = new RawClient(port).say(`POST / HTTP/1.1\r\n${host}Expect: miracles\r\nContent-Length: 5\r\n\r\n`);
    await odd.hears(/^HTTP\/1.1 400 [\s\S]*HEADER_INVALID/);
    odd.hangUp();
    small.hangUp();
    big.hangUp();
  }),
);
Server(
  'bounds the headers in bytes and number, and the URL',
  inWorld(async ({ port, url }) => {
    const long = new RawClient(port).say(`GET /leader HTTP/1.1\r\n${host}X: ${'x'.repeat(17_000)}\r\n\r\n`);
    assert.match(await long.ends(), /^HTTP\/1.1 431 [\s\S]*HEADERS_TOO_LARGE/);
    const many = new RawClient(port).say(`GET /leader HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(100)}\r\n`);
    await many.hears(/^HTTP\/1.1 431 [\s\S]*HEADERS_TOO_LARGE/);
    many.hangUp();
    const answer = await fetch(`${url}/?message=${'x'.repeat(9000)}`, { method: 'POST' });
    assert.is(answer.status, 414);
  }),
);
Server(
  'answers what is no HTTP with 400 and closes',
  inWorld(async ({ port, url }) => {
    for (const noise of ['\x16\x03\x01 hello\r\n\r\n', 'GET / HTTP/1.1\r\nHost\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']) {
      const client = new RawClient(port).say(noise);
      assert.match(await client.hears(/\r\n\r\n/), /^HTTP\/1.1 400 /);
      client.hangUp();
    }
    // Both lengths at once are how requests are smuggled.
    const smuggler = new RawClient(port).say(
      `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    );
    assert.match(await smuggler.ends(), /^HTTP\/1.1 400 [\s\S]*MALFORMED_REQUEST/);
    assert.ok(await isWell(url));
  }),
);
Server(
  'refuses what two servers on the way might read as two different requests',
  inWorld(async ({ port, url, node }) => {
    const chunked = 'Transfer-Encoding: chunked\r\n';
    const chunk = '1\r\nx\r\n0\r\n\r\n';
    for (const [head, body] of [
      [`Content-Length: 1\r\n${chunked}`, chunk],
      [`${chunked}Content-Length: 1\r\n`, chunk],
      ['Content-Length: 1\r\nContent-Length: 2\r\n', 'xy'],
      ['Content-Length: 1, 1\r\n', 'x'],
      ['Content-Length: +1\r\n', 'x'],
      ['Content-Length: 0x1\r\n', 'x'],
      ['Content-Length: -1\r\n', 'x'],
      ['Content-Length : 1\r\n', 'x'],
      ['Transfer-Encoding: chunked, identity\r\n', chunk],
      ['Transfer-Encoding: xchunked\r\n', chunk],
      ['Transfer-Encoding : chunked\r\n', chunk],
      [' Content-Length: 1\r\n', 'x'],
      ['X: a\r\n b: c\r\nContent-Length: 1\r\n', 'x'],
      ['X: a\nContent-Length: 1\r\n', 'x'],
      ['X: a\rContent-Length: 1\r\n', 'x'],
      ['X: a\0b\r\nContent-Length: 1\r\n', 'x'],
      [chunked, '1;\n\r\nx\r\n0\r\n\r\n'],
      [chunked, '0x1\r\nx\r\n0\r\n\r\n'],
      [chunked, '-1\r\nx\r\n0\r\n\r\n'],
      [chunked, '1\r\nxx\r\n0\r\n\r\n'],
      [chunked, 'fffffffffffffffff\r\nx\r\n0\r\n\r\n'],
      ['Host: 127.0.0.1\r\nContent-Length: 1\r\n', 'x'],
    ]) {
      const client = new RawClient(port).say(`POST / HTTP/1.1\r\n${host}${head}\r\n${body}`);
      const text = await client.hears(/\r\n\r\n\{.*\}|^HTTP\/1.1 200/);
      assert.match(text, /^HTTP\/1.1 400 [\s\S]*MALFORMED_REQUEST/, JSON.stringify([head, body]));
      client.hangUp();
    }
    assert.is(node.appends.length, 0);
    assert.ok(await isWell(url));
  }),
);
Server(
  'answers several requests of one connection in order',
  inWorld(async ({ port }) => {
    const post = (text: string): string => `POST /?message=${text} HTTP/1.1\r\n${host}\r\n`;
    const client = new RawClient(port).say(post('a') + post('b') + post('c'));
    const text = await client.hears(/"id":3/);
    assert.equal([...text.matchAll(/"id":(\d)/g)].map(([, id]) => id), ['1', '2', '3']); // biome-ignore format: one line
    client.hangUp();
  }),
);
Server(
  'bounds what one connection may ask without reading an answer',
  inWorld(
    async ({ port, url, node }) => {
      node.holding = true;
      const post = `POST /?message=a HTTP/1.1\r\n${host}\r\n`;
      const client = await new RawClient(port).opened();
      const before = heapBytes();
      for (let i = 0; i < 30; i++) {
        client.say(post.repeat(1000));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => node.appends.length === 20, 'the first ones arrive');
      assert.ok(await isWell(url));
      const grown = heapBytes() - before;
      assert.ok(grown < 40 * mebibyte, `${grown} bytes for 30,000 requests`);
      node.release();
      const text = await client.ends();
      assert.is(text.match(/HTTP\/1.1 200/g)?.length, 20);
      assert.match(text, /HTTP\/1.1 503 [\s\S]*"code":"OVERLOADED"/);
      assert.is(node.appends.length, 20);
      // Whoever reads what it asked for may go on for ever.
      const reader = new RawClient(port);
      for (let i = 0; i < 50; i++) {
        reader.received = '';
        reader.say(`GET /leader HTTP/1.1\r\n${host}\r\n`.repeat(2));
        await reader.hears(/200 OK[\s\S]*200 OK/);
      }
      reader.hangUp();
    },
    { limits: { maxPipelined: 20 } },
  ),
);
Server(
  'refuses what is more than all clients together may ask at once, and serves on when there is room',
  inWorld(
    async ({ port, url, node }) => {
      node.holding = true;
      const clients = Array.from({ length: 7 }, () =>
        new RawClient(port).say(`POST /?message=a HTTP/1.1\r\n${host}\r\n`),
      );
      await until(() => node.appends.length === 5, 'five are served');
      await until(() => clients.filter(({ received }) => received !== '').length === 2, 'two are refused');
      for (const { received } of clients.filter((client) => client.received !== ''))
        assert.match(received, /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*"code":"OVERLOADED"/);
      assert.ok(await isWell(url), 'the health of a busy node is still told');
      const refused = clients.find(({ received }) => received !== '') as RawClient;
      node.release();
      await until(() => clients.every(({ received }) => received !== ''), 'all are answered');
      refused.received = '';
      await refused.say(`POST /?message=b HTTP/1.1\r\n${host}\r\n`).hears(/^HTTP\/1.1 200 /);
      for (const client of clients) client.hangUp();
    },
    { limits: { maxRequests: 5 } },
  ),
);
Server(
  'takes no upgrades, whoever asks for one, and closes who then falls silent',
  inWorld(
    async ({ port, url }) => {
      const upgrade =
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
      const ask = async (request: string, answer: RegExp): Promise<void> => {
        assert.match(await new RawClient(port).say(`${request} HTTP/1.1\r\n${host}${upgrade}\r\n`).ends(), answer);
      };
      const foreign = 'Origin: https://evil.example\r\n';
      await Promise.all([
        ...['/peer', '/lively'].map((path) => ask(`GET ${path}`, /^HTTP\/1.1 404 [\s\S]*NOT_FOUND/)),
        ask('GET /leader', /^HTTP\/1.1 200 /),
        ask('POST /?message=a', /^HTTP\/1.1 200 /),
        ask('CONNECT localhost:22', /^$/),
        ...['/', '/messages'].map(async (path) => {
          const client = new RawClient(port).say(`POST ${path} HTTP/1.1\r\n${host}${foreign}${upgrade}\r\n`);
          assert.match(await client.ends(), /^HTTP\/1.1 403 [\s\S]*FOREIGN_ORIGIN/);
        }),
      ]);
      assert.ok(await isWell(url));
    },
    { limits: { keepAliveMs: 20 } },
  ),
);
Server(
  'unpacks nothing: what is small when it comes stays small',
  inWorld(async ({ port, node }) => {
    const bomb = gzipSync(Buffer.alloc(64 * mebibyte));
    for (const encoding of ['gzip', 'deflate', 'br', 'GZIP', 'x-gzip', 'identity, gzip', 'zstd']) {
      const client = new RawClient(port);
      client.say(`POST / HTTP/1.1\r\n${host}Content-Encoding: ${encoding}\r\nContent-Length: ${bomb.length}\r\n\r\n`);
      client.say(bomb);
      await client.hears(/^HTTP\/1.1 415 [\s\S]*MEDIA_TYPE_UNSUPPORTED/);
      client.hangUp();
    }
    assert.is(node.appends.length, 0);
  }),
);
Server(
  'forgets a client that goes in the middle of its body',
  inWorld(async ({ port, url, node, lines }) => {
    const client = await new RawClient(port).opened();
    client.say(`POST / HTTP/1.1\r\n${host}Content-Length: 30\r\n\r\nabc`);
    client.hangUp();
    const gone = (): boolean => lines.some(({ fields }) => fields.status === 499);
    await until(gone, 'the request ends');
    assert.ok(await isWell(url));
    assert.is(node.appends.length, 0);
  }),
);
Server(
  'stops reading the log when the reader of a list goes away',
  inWorld(async ({ port, url, node, http }) => {
    for (let i = 0; i < 60; i++) node.fill(new Array(100).fill('x'.repeat(10_000)));
    const client = new RawClient(port).say(`GET /messages HTTP/1.1\r\n${host}\r\n`);
    await client.hears(/"id":1,/);
    client.hangUp();
    let connections = -1;
    const count = (): void => void http.server.getConnections((_error, open) => (connections = open));
    const isGone = (): boolean => {
      count();
      return connections === 0;
    };
    await until(isGone, 'the connection ends');
    const { readCalls } = node;
    assert.ok(await isWell(url));
    assert.is(node.readCalls, readCalls);
    assert.ok(node.bytesRead < 40 * mebibyte, `read ${node.bytesRead}`);
  }),
);
Server(
  'keeps little for a reader that does not read, and cuts it off in the end',
  inWorld(
    async ({ port, url, node }) => {
      for (let i = 0; i < 100; i++) node.fill(new Array(100).fill('x'.repeat(10_000)));
      const before = process.memoryUsage().arrayBuffers;
      const client = new RawClient(port).say(`GET /messages HTTP/1.1\r\n${host}\r\n`);
      await client.hears(/"id":1,/);
      client.socket.pause();
      let calls = -1;
      while (calls !== node.readCalls) {
        calls = node.readCalls;
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(node.bytesRead < 50 * mebibyte, `read ${node.bytesRead} of 100 MB`);
      assert.ok(process.memoryUsage().arrayBuffers - before < 16 * mebibyte);
      const openConnections = async (): Promise<string | undefined> => {
        const text = await (await fetch(`${url}/metrics`, { headers: { accept: 'text/plain' } })).text();
        return text.match(/dlog_http_open_connections (\d+)/)?.[1];
      };
      while ((await openConnections()) !== '1') await new Promise((resolve) => setImmediate(resolve));
      client.socket.resume();
      const text = await client.ends();
      assert.not.match(text, /\r\n0\r\n\r\n$/, 'a list that is not whole has no end');
    },
    { limits: { stallMs: 60 } },
  ),
);
Server(
  'ends a list that the log cannot finish without an end, and says so in its log',
  inWorld(async ({ port, node, lines }) => {
    for (let i = 0; i < 10; i++) node.fill(new Array(100).fill('x'.repeat(1000)));
    node.batches.length = 5;
    const client = new RawClient(port).say(`GET /messages HTTP/1.1\r\n${host}\r\n`);
    assert.not.match(await client.ends(), /\]/);
    assert.is(lines.find(({ event }) => event === 'read_broken')?.level, 'error');
  }),
);
Server(
  'says 503 to connections beyond its number, and closes them',
  inWorld(
    async ({ port }) => {
      const ask = `GET /leader HTTP/1.1\r\n${host}\r\n`;
      const first = new RawClient(port).say(ask);
      const second = new RawClient(port).say(ask);
      await first.hears(/200 OK/);
      await second.hears(/200 OK/);
      const third = new RawClient(port).say(ask);
      assert.match(await third.ends(), /^HTTP\/1.1 503 [\s\S]*TOO_MANY_CONNECTIONS/);
      first.hangUp();
      await first.ends();
      second.say(ask);
      await second.hears(/200 OK[\s\S]*200 OK/);
      second.hangUp();
    },
    { limits: { maxConnections: 2 } },
  ),
);
Server(
  'stops in order: answers under way are given, idle and silent connections end',
  inWorld(async (world) => {
    const { port, node } = world;
    const idle = new RawClient(port).say(`GET /leader HTTP/1.1\r\n${host}\r\n`);
    await idle.hears(/200 OK/);
    const silent = await new RawClient(port).opened();
    node.holding = true;
    const busy = new RawClient(port).say(`POST /?message=a HTTP/1.1\r\n${host}\r\n`);
    await until(() => node.appends.length === 1, 'the write arrives');
    const stopped = world.stop();
    await idle.ends();
    await silent.ends();
    node.release();
    assert.match(await busy.ends(), /^HTTP\/1.1 200 OK[\s\S]*"id":1/);
    await stopped;
  }),
);
Server(
  'does not wait for ever for answers under way when it stops',
  inWorld(
    async (world) => {
      world.node.holding = true;
      const busy = new RawClient(world.port).say(`POST /?message=a HTTP/1.1\r\n${host}\r\n`);
      await until(() => world.node.appends.length === 1, 'the write arrives');
      await world.stop();
      assert.is(await busy.ends(), '');
    },
    { limits: { stopGraceMs: 20 } },
  ),
);
Server.run();
