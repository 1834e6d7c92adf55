/** Requests as bytes, changed on the way: the server answers in HTTP or hangs up, and goes on. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errors } from '../../http/errors.ts';
import { anHttpWorld, type HttpWorld } from '../support/httpWorld.ts';
import { anyDamage, damaged, holds, part } from './property.ts';

const host = 'Host: localhost\r\n';
const long = 'x'.repeat(3_000);
/** What clients say. */
const requests: readonly string[] = [
  `POST /?message=hello HTTP/1.1\r\n${host}\r\n`,
  `POST / HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{"message":"a"}`,
  `POST / HTTP/1.1\r\n${host}Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: t\r\n\r\n`,
  `POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
  `POST / HTTP/1.1\r\n${host}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 13\r\n\r\nmessage=a%20b`,
  `POST /messages HTTP/1.1\r\n${host}Content-Type: application/x-ndjson\r\nIdempotency-Key: k\r\nContent-Length: 8\r\n\r\n"a"\n"b"\n`,
  `POST /messages HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: ${long.length + 4}\r\n\r\n["${long}"]`,
  `GET /messages?after=1&limit=2 HTTP/1.1\r\n${host}Accept: application/x-ndjson\r\n\r\n`,
  `GET /messages/1/relation/2?timeout=5 HTTP/1.1\r\n${host}\r\n`,
  `HEAD /messages HTTP/1.1\r\n${host}Cookie: ${long}\r\n\r\n`,
  `GET /metrics HTTP/1.1\r\n${host}Accept: text/plain;q=0.5, application/json\r\n\r\n`,
  `OPTIONS /messages HTTP/1.1\r\n${host}Origin: http://localhost\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
  `GET / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  `GET http://localhost/health HTTP/1.0\r\n\r\n`,
  `CONNECT localhost:1 HTTP/1.1\r\n${host}\r\n`,
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];
/** Pieces that decide how the rest is read. */
const pieces = fc.constantFrom(
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 99999999999999999999\r\n',
  host,
  '\r\n',
  '\n',
  '\0',
  ' ',
  '0\r\n\r\n',
  'ffffffff\r\n',
  'Upgrade: websocket\r\nConnection: Upgrade\r\n',
  'Expect: 100-continue\r\n',
  'Content-Encoding: gzip\r\n',
  'HTTP/1.1',
  'GET / ',
);

interface Saying {
  readonly bytes: Buffer;
  /** Sent in parts, cut at these places. */
  readonly cuts: readonly number[];
}
const one: fc.Arbitrary<Buffer> = fc
  .tuple(fc.constantFrom(...requests), fc.option(fc.tuple(pieces, part)), fc.array(anyDamage, { maxLength: 2 }))
  .map(([request, inserted, what]) => {
    const lines = request.split(/(?<=\r\n)/);
    // Between two lines, where it may become a header.
    if (inserted) lines.splice(Math.floor(inserted[1] * (lines.length + 1)), 0, inserted[0]);
    return damaged(Buffer.from(lines.join('')), what);
  });
const saying: fc.Arbitrary<Saying> = fc
  .tuple(fc.array(one, { minLength: 1, maxLength: 3 }), fc.array(part, { maxLength: 2 }))
  .map(([all, cuts]) => ({ bytes: Buffer.concat(all), cuts: [...cuts].sort((a, b) => a - b) }));

/** The last request of a client that stays until it has heard everything. */
const farewell = `GET /health HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;

/**
 * Says it all, then, unless it `stays`, that there is no more; gives what came until the server hung up. Who says that there is no
 * more is owed nothing: node ends such a connection with whatever has been answered by then.
 */
async function converse({ port }: HttpWorld, { bytes, cuts }: Saying, stays = false): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1' });
  const heard: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('30 s without an end')), 30_000);
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    socket.on('error', () => {}); // A reset is an end.
    socket.on('close', () => {
      clearTimeout(deadline);
      resolve();
    });
  });
  let from = 0;
  for (const cut of cuts) {
    const to = Math.floor(cut * bytes.length);
    socket.write(bytes.subarray(from, to));
    from = to;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (stays) socket.write(bytes.subarray(from));
  else socket.end(bytes.subarray(from));
  await ended;
  return Buffer.concat(heard);
}

const statuses = new Set([100, 200, 204, ...Object.values(errors).map(({ status }) => status)]);
statuses.delete(errors.INTERNAL.status);

/** The status of every answer: they follow one another without a byte between them that belongs to none. */
function statusesIn(heard: Buffer): number[] {
  const found: number[] = [];
  let text = heard.toString('latin1');
  while (text !== '') {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n(?:[!-9;-~]+: [^\r\n]*\r\n)*\r\n/.exec(text);
    assert.ok(head, `no answer: ${JSON.stringify(text.slice(0, 200))}`);
    found.push(Number(head[1]));
    text = text.slice(head[0].length);
    if (/transfer-encoding: chunked/i.test(head[0])) text = text.slice(text.indexOf('0\r\n\r\n') + 5);
    else {
      const length = Number(/content-length: (\d+)/i.exec(head[0])?.[1] ?? 0);
      // An answer to HEAD has a length and no body; the next one begins at once.
      if (!text.startsWith('HTTP/1.1 ') && text !== '') text = text.slice(length);
    }
  }
  return found;
}

const Raw = suite('any bytes to the client port');

async function inWorld(use: (world: HttpWorld) => Promise<void>): Promise<void> {
  const world = await anHttpWorld({ limits: { stallMs: 10_000, headersTimeoutMs: 10_000 } });
  world.node.fill(['one', 'two', 'three']);
  try {
    await use(world);
    assert.is((await fetch(`${world.url}/health`)).status, 200, 'it goes on');
  } finally {
    await world.stop();
  }
}

Raw('that were requests once are answered in HTTP, or the connection ends', () =>
  inWorld(async (world) => {
    await holds(
      fc.asyncProperty(saying, async (said) => {
        const heard = await converse(world, said);
        for (const status of statusesIn(heard)) assert.ok(statuses.has(status), `${status}`);
        const bug = world.lines.find(({ event }) => event === 'http_bug');
        assert.is(bug, undefined, bug?.message);
      }),
      2,
    );
  }),
);

Raw('that never were are refused, and cost nothing', () =>
  inWorld(async (world) => {
    const before = world.node.appends.length;
    await holds(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const heard = await converse(world, { bytes: Buffer.from(bytes), cuts: [] });
        for (const status of statusesIn(heard)) assert.is(status, 400);
      }),
    );
    assert.is(world.node.appends.length, before);
  }),
);

Raw('that are whole requests are answered one by one, however they are cut', () =>
  inWorld(async (world) => {
    const whole = requests.slice(0, 13).filter((text) => !text.startsWith('HEAD') && !text.includes('Upgrade'));
    await holds(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...whole), { minLength: 1, maxLength: 5 }),
        fc.array(part, { maxLength: 8 }),
        async (said, cuts) => {
          const bytes = Buffer.from(said.join('') + farewell);
          const answered = statusesIn(await converse(world, { bytes, cuts: [...cuts].sort((a, b) => a - b) }, true));
          const final = answered.filter((status) => status !== 100);
          assert.is(final.length, said.length + 1);
          // OPTIONS has its own; all others are right.
          for (const status of final) assert.ok(status === 200 || status === 204, `${status}`);
        },
      ),
    );
  }),
);
Raw.run();
