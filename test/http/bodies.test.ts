/** Bodies that come slowly: bounded by whether they go on, not by how long they take. */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inWorld, RawClient, until } from '../support/httpWorld.ts';
import { standStill } from '../support/waiting.ts';

const Bodies = suite('http bodies');
const head = (length: number, method = 'POST', path = '/'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

Bodies(
  'may take as long as they go on, and end when they only trickle',
  inWorld(
    async ({ port, node }) => {
      const steady = new RawClient(port).say(head(1_000_000));
      const trickling = new RawClient(port).say(head(1_000_000));
      const began = performance.now();
      let sent = 0;
      const send = (upTo: number): void => {
        if (upTo > sent) steady.say('x'.repeat(upTo - sent));
        sent = Math.max(sent, upTo);
      };
      // Ten kilobytes a second, also where this process is slow.
      const drip = setInterval(() => {
        send(Math.min(900_000, Math.ceil(10 * (performance.now() - began))));
        trickling.say('x');
      }, 20).unref();
      // Ten times the longest pause is when the rate is looked at for the first time.
      const text = await trickling.ends();
      assert.match(text, /^HTTP\/1.1 408 [\s\S]*Connection: close[\s\S]*less than 1024 bytes a second/);
      assert.is(steady.received, '');
      clearInterval(drip);
      send(1_000_000);
      await steady.hears(/^HTTP\/1.1 200 /);
      steady.hangUp();
      assert.equal(
        node.appends.map(({ contents }) => contents[0]?.length),
        [1_000_000],
      );
    },
    { limits: { stallMs: 250, headersTimeoutMs: 1_500 } }, // Neither is a limit for the whole.
  ),
);
Bodies(
  'that came while the process stood still are not taken for ones that did not',
  inWorld(
    async ({ port, http }) => {
      const accepted = once(http.server, 'connection');
      const client = new RawClient(port).say(`${head(10)}begin`);
      const [socket] = (await accepted) as [Socket];
      await until(() => socket.timeout === 100 && socket.bytesRead >= head(10).length + 5, 'the body is being read');
      client.say('s end');
      standStill(300);
      await client.hears(/^HTTP\/1.1 200 /);
      client.hangUp();
    },
    { limits: { stallMs: 100 } },
  ),
);
Bodies(
  'that no call wants are not waited for',
  inWorld(async ({ port }) => {
    const client = new RawClient(port).say(head(1_000_000_000, 'GET', '/leader'));
    await client.hears(/^HTTP\/1.1 200 /);
    const block = Buffer.alloc(1024 * 1024);
    for (let sent = 0; sent < 64 && !client.closed; sent++) {
      client.say(block);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.ends();
  }),
);
Bodies(
  'that come at once share a bound, and give back what they held',
  inWorld(
    async ({ port, node, http, lines }) => {
      const half = 'x'.repeat(60_000);
      const begun = async (client: RawClient): Promise<RawClient> => {
        const [socket] = (await once(http.server, 'connection')) as [Socket];
        await until(() => socket.bytesRead > half.length, 'it has come so far');
        return client;
      };
      const first = await begun(new RawClient(port).say(head(100_000) + half));
      const second = new RawClient(port).say(head(100_000) + half);
      await second.hears(/^HTTP\/1.1 503 [\s\S]*"code":"OVERLOADED"/);
      second.hangUp();
      first.say('x'.repeat(40_000));
      await first.hears(/^HTTP\/1.1 200 /);
      const gone = await begun(new RawClient(port).say(head(100_000) + half));
      gone.hangUp();
      await until(() => lines.some(({ fields }) => fields.status === 499), 'it is missed');
      first.received = '';
      first.say(head(90_000) + half + half.slice(0, 30_000));
      await first.hears(/^HTTP\/1.1 200 /);
      first.hangUp();
      assert.is(node.appends.length, 2);
    },
    { limits: { maxBodyBytes: 110_000 } },
  ),
);

Bodies.run();
