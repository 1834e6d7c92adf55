/** Live tails (server-sent events). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HttpWorld, inWorld, RawClient, until } from '../support/httpWorld.ts';

const Tails = suite('http tails');

const tail = ({ port }: HttpWorld, query = '', headers = ''): RawClient =>
  new RawClient(port).say(
    `GET /messages${query} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n${headers}\r\n`,
  );

/** The ids of the events so far, as the stream names them. */
const idsOf = (text: string): string => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id).join();

Tails(
  'show history, then what comes, each as one event with its id',
  inWorld(async (world) => {
    const { node } = world;
    node.fill(['one', 'two\nlines']);
    const client = tail(world);
    await client.hears(/id: 2\n/);
    node.fill(['three']);
    const text = await client.hears(/"three".*\n\n/);
    assert.match(text, /^HTTP\/1.1 200 OK\r\n/);
    assert.match(text, /Content-Type: text\/event-stream; charset=utf-8\r\n/);
    assert.match(text, /Lamport-Time: 2\r\n/);
    assert.is(idsOf(text), '1,2,3');
    const events = [...text.matchAll(/^id: (\d+)\ndata: (.*)\n\n/gm)];
    assert.equal(
      events.map(([, id, data]) => [Number(id), JSON.parse(String(data)).id]),
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
    );
    assert.is(JSON.parse(String(events[1]?.[2])).content, 'two\nlines');
    client.hangUp();
  }),
);
Tails(
  'resume after Last-Event-ID, which counts more than the URL',
  inWorld(async (world) => {
    world.node.fill(['1', '2', '3']);
    const client = tail(world, '?after=1', 'Last-Event-ID: 2\r\n');
    assert.is(idsOf(await client.hears(/id: 3\n/)), '3');
    client.hangUp();
  }),
);
Tails(
  'wait when Last-Event-ID is newer than what this node has committed',
  inWorld(async (world) => {
    const { node } = world;
    node.fill(['1']);
    const client = tail(world, '', 'Last-Event-ID: 3\r\n');
    await client.hears(/retry: /);
    node.fill(['2', '3', '4']);
    assert.is(idsOf(await client.hears(/id: 4\n/)), '4');
    client.hangUp();
  }),
);
Tails(
  'end by themselves at their limit',
  inWorld(async (world) => {
    world.node.fill(['1', '2', '3']);
    const client = tail(world, '?limit=2', 'Connection: close\r\n');
    assert.is(idsOf(await client.ends()), '1,2');
  }),
);
Tails(
  'refuse a Last-Event-ID that is none',
  inWorld(async (world) => {
    const client = tail(world, '', 'Last-Event-ID: two\r\n');
    await client.hears(/^HTTP\/1.1 400 [\s\S]*HEADER_INVALID/);
    client.hangUp();
  }),
);
Tails(
  'show that they live when there is nothing to say',
  inWorld(
    async (world) => {
      const client = tail(world);
      await client.hears(/: still here\n\n[\s\S]*: still here\n\n/);
      client.hangUp();
    },
    { limits: { heartbeatMs: 5 } },
  ),
);
Tails(
  'leave nothing behind when the client goes',
  inWorld(async (world) => {
    const { node } = world;
    const clients = [tail(world), tail(world), tail(world)];
    for (const client of clients) await client.hears(/retry: /);
    assert.is(node.listeners.size, 3);
    const metrics = async (): Promise<string> =>
      (await fetch(`${world.url}/metrics`, { headers: { accept: 'text/plain' } })).text();
    assert.match(await metrics(), /dlog_http_open_tails 3\n/);
    for (const client of clients) client.hangUp();
    await until(() => node.listeners.size === 0, 'the subscriptions end');
    assert.match(await metrics(), /dlog_http_open_tails 0\n/);
  }),
);
Tails(
  'at the same place share one reading of the log',
  inWorld(async (world) => {
    const { node } = world;
    const clients = Array.from({ length: 10 }, () => tail(world));
    for (const client of clients) await client.hears(/retry: /);
    await until(() => node.reads.length === 20, 'all know the end of the log');
    node.fill(['a']);
    for (const client of clients) assert.is(idsOf(await client.hears(/id: 1\n/)), '1');
    assert.is(node.readCalls, 1);
    for (const client of clients) client.hangUp();
  }),
);
Tails(
  'miss nothing that is committed while they begin',
  inWorld(async (world) => {
    const { node } = world;
    // The commit falls between the read point and the subscription.
    const readPoint = node.readPoint.bind(node);
    node.readPoint = async (request) => {
      const point = await readPoint(request);
      if (node.point.lastId === 0) node.fill(['early']);
      return point;
    };
    const client = tail(world);
    assert.is(idsOf(await client.hears(/id: 1\n/)), '1');
    client.hangUp();
  }),
);
Tails(
  'are bounded in number',
  inWorld(
    async (world) => {
      const first = tail(world);
      await first.hears(/retry: /);
      const second = tail(world);
      await second.hears(/^HTTP\/1.1 503 [\s\S]*Retry-After: 5[\s\S]*TOO_MANY_TAILS/);
      first.hangUp();
      second.hangUp();
    },
    { limits: { maxTails: 1 } },
  ),
);
Tails(
  'that do not read hold up nobody, read no more of the log, and go on where they were',
  inWorld(async (world) => {
    const { node } = world;
    const slow = tail(world);
    await slow.hears(/retry: /);
    slow.socket.pause();
    const text = 'x'.repeat(10_000);
    const write = (): void => void node.fill(new Array(100).fill(text));
    // More than any socket buffers: some time the tail has to stop reading.
    let calls = -1;
    for (let i = 0; i < 60; i++) {
      write();
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (calls !== node.readCalls) {
      calls = node.readCalls;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const written = node.point.lastId * 10_000;
    assert.ok(node.bytesRead < written / 2, `read ${node.bytesRead} of ${written} bytes`);
    write();
    assert.is(node.readCalls, calls, 'a commit alone makes it read nothing');
    const ids: number[] = [];
    let rest = '';
    slow.socket.removeAllListeners('data').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('id: ')) ids.push(Number(line.slice(4)));
    });
    slow.socket.resume();
    await until(() => ids.at(-1) === node.point.lastId, 'the tail catches up');
    assert.ok(
      ids.every((id, i) => id === i + 1),
      'and nothing is missing',
    );
    slow.hangUp();
  }),
);
Tails(
  'end when the server stops',
  inWorld(async (world) => {
    const client = tail(world);
    await client.hears(/retry: /);
    await world.stop();
    assert.match(await client.ends(), /\r\n0\r\n\r\n$/, 'with a clean end');
    assert.is(world.node.listeners.size, 0);
  }),
);
Tails.run();
