/** Append streams: what is written, and what is answered. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HttpWorld, inWorld, RawClient, until } from '../support/httpWorld.ts';
import { trouble } from '../support/memoryFacade.ts';
import { frameOf, handshake, StreamClient } from '../support/streamClient.ts';

const Streams = suite('append streams');
const Failures = suite('append streams that fail');
const mebibyte = 1024 * 1024;

const open = ({ port }: HttpWorld, query = '', headers: Record<string, string> = {}): Promise<StreamClient> =>
  new StreamClient(port, query, headers).opened();

async function logOf({ url }: HttpWorld): Promise<string[]> {
  const text = await (await fetch(`${url}/messages`, { headers: { accept: 'application/x-ndjson' } })).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { content: string }).content);
}

const numbers = (count: number, prefix = 'm'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
const textsOf = (contents: readonly Buffer[]): string[] => contents.map(String);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

Streams(
  'write frames in their order, joined, and answer each once, in that order',
  inWorld(async (world) => {
    const client = await open(world);
    const sent = numbers(3000);
    const { code, lines } = await client.send(...sent).finish();
    assert.is(code, 1000);
    assert.is((await logOf(world)).join(), sent.join());
    assert.ok(world.node.appends.length < 300, `${world.node.appends.length} writes`);
    assert.is(lines.at(-1)?.n, 3000);
    assert.is(sum(lines.map(({ count }) => count)), 3000);
    let id = 1;
    for (const line of lines) {
      assert.is(line.first_id, id);
      assert.is(line.lamport_timestamp, id);
      id += line.count;
      assert.is(line.n, id - 1, 'with text, a frame is a message');
    }
    assert.ok(client.frames < 300, `${client.frames} frames of answers`);
    const lanes = new Set(world.node.appends.map(({ lane }) => lane));
    assert.is(lanes.size, 1, 'all of one stream are in one lane');
    assert.type([...lanes][0], 'object');
  }),
);
Streams(
  'take text and binary frames, fragments and the empty message',
  inWorld(async (world) => {
    const client = await open(world);
    client.send('grüße', Buffer.from('as bytes €'), '');
    client.socket.send('in ', { fin: false });
    client.socket.send('two', { fin: true });
    await client.finish();
    assert.equal(await logOf(world), ['grüße', 'as bytes €', '', 'in two']);
  }),
);
Streams(
  'join no more than 48 KiB and 10,000 messages into a write',
  inWorld(async (world) => {
    world.node.refusing = trouble('OVERLOADED'); // So that all that comes waits for one turn.
    const client = await open(world);
    client.send(...new Array<string>(8).fill('x'.repeat(20_000)));
    client.send(...new Array<string>(12_000).fill(''));
    await until(() => client.socket.bufferedAmount === 0, 'all is sent');
    world.node.refusing = null;
    const { lines } = await client.finish();
    assert.is(sum(lines.map(({ count }) => count)), 12_008);
    const sizes = world.node.appends.map(({ contents }) => sum(contents.map(({ length }) => length)));
    assert.ok(Math.max(...sizes) <= 48 * 1024, `${Math.max(...sizes)} bytes`);
    assert.ok(Math.max(...sizes) > 30_000, 'some were joined');
    for (const { contents } of world.node.appends) assert.ok(contents.length <= 10_000);
  }),
);
Streams(
  'take batches: each frame one write, answered together where they follow on each other',
  inWorld(async (world) => {
    const client = await open(world, '?format=ndjson');
    client.send('"a"\n{"message":"b"}\n', '"c"', '"d"\n\n"e"\n"f"');
    const { lines } = await client.finish();
    assert.equal(
      world.node.appends.map(({ contents }) => textsOf(contents)),
      [['a', 'b'], ['c'], ['d', 'e', 'f']],
    );
    assert.is(lines.at(-1)?.n, 3);
    assert.is(sum(lines.map(({ count }) => count)), 6);
    assert.is(lines[0]?.first_id, 1);
  }),
);
Streams(
  'say in a line of its own what does not follow on what is before it',
  inWorld(async (world) => {
    const { node } = world;
    node.judge = ({ key }) => {
      if (key?.key === 's:3') node.fill(['from elsewhere', 'too']);
      return undefined;
    };
    node.holding = true;
    const client = await open(world, '?session=s');
    client.send(...numbers(4));
    await until(() => node.appends.length === 4, 'all arrive');
    node.release();
    const { lines } = await client.finish();
    assert.equal(lines, [
      { n: 2, first_id: 1, count: 2, lamport_timestamp: 1 },
      { n: 4, first_id: 5, count: 2, lamport_timestamp: 5 },
    ]);
    assert.is(client.frames, 1, 'what is settled in one turn is answered in one frame');
  }),
);
Streams(
  'wait for a slow one before they answer those behind it',
  inWorld(async (world) => {
    const { node } = world;
    await (await open(world, '?session=s&from=2')).send('two').finish();
    node.holding = true;
    const client = await open(world, '?session=s');
    client.send('one', 'two', 'three');
    await until(() => node.appends.length === 4, 'all arrive');
    node.release();
    assert.equal(
      (await client.finish()).lines.map(({ n, first_id }) => [n, first_id]),
      [
        [1, 2],
        [2, 1],
        [3, 3],
      ],
    );
  }),
);
Streams(
  'with a session make each frame a write with its own key, and double nothing when they go on',
  inWorld(async (world) => {
    const first = await open(world, '?session=order%3A7');
    await first.send(...numbers(5)).finish();
    assert.equal(
      world.node.appends.map(({ key }) => key?.key),
      ['order:7:1', 'order:7:2', 'order:7:3', 'order:7:4', 'order:7:5'],
    );
    const again = await open(world, '?session=order%3A7&from=4');
    const { lines } = await again.send('m4', 'm5', 'm6').finish();
    assert.equal(lines[0], { n: 6, first_id: 4, count: 3, lamport_timestamp: 4 });
    assert.equal(await logOf(world), numbers(6));
  }),
);
Streams(
  'number their frames from where they are told',
  inWorld(async (world) => {
    const { lines } = await (await open(world, '?from=1000')).send('a', 'b').finish();
    assert.is(lines[0]?.first_id, 1);
    assert.is(lines.at(-1)?.n, 1001);
  }),
);
Streams(
  'pass the time that a write may take, and the token until it is reached',
  inWorld(async (world) => {
    world.node.fill(numbers(5));
    const client = await open(world, '?timeout=25000&session=s', { 'Lamport-Time': '6' });
    client.send('a', 'b');
    await until(() => world.node.appends.length === 2, 'they arrive');
    assert.is(client.lines.length, 0, 'not before the token is reached');
    world.node.fill(['the sixth']);
    await until(() => client.answered === 2, 'both are answered');
    await client.send('c').finish();
    assert.equal(
      world.node.appends.map(({ lamportTime }) => lamportTime),
      [6, 6, undefined],
    );
    for (const { timeoutMs } of world.node.appends) assert.ok(timeoutMs > 1000 && timeoutMs <= 25_000, `${timeoutMs}`);
  }),
);
Streams(
  'are counted, with their frames, and leave nothing open behind them',
  inWorld(async (world) => {
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`${world.url}/metrics`, { headers: { accept: 'text/plain' } })).text();
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')[1] ?? 0,
      );
    };
    const client = await open(world);
    assert.is(await metric('dlog_http_open_streams'), 1);
    await client.send('a', 'b', 'c').finish();
    assert.is(await metric('dlog_http_open_streams'), 0);
    assert.is(await metric('dlog_http_stream_frames_received_total'), 3);
    assert.is(await metric('dlog_http_stream_frames_sent_total'), client.frames);
    assert.is(await metric('dlog_http_requests_total{method="GET",route="/append",status="1xx"}'), 1);
    assert.is(await metric('dlog_http_request_duration_seconds_count{method="GET",route="/append"}'), 0);
    assert.equal(world.lines, []);
  }),
);

// -------------------------------------------------------------------------------------------------------- failures

Failures(
  'answer what came before the first failure, say what it was, and end',
  inWorld(async (world) => {
    const { node } = world;
    node.judge = ({ key }) => (key?.key === 's:3' ? trouble('DISK_FULL') : undefined);
    const client = await open(world, '?session=s');
    const { code, reason, lines } = await client.send(...numbers(5)).closed;
    assert.equal([code, reason], [1013, 'DISK_FULL']);
    assert.is(lines.at(-2)?.n, 2);
    const { error, code: name, n, outcome, detail, retry_after_ms } = lines.at(-1) ?? {};
    assert.equal(
      [n, error, name, outcome, detail, retry_after_ms],
      [3, 'Disk full', 'DISK_FULL', 'not_done', 'DISK_FULL by order of the test', 10_000],
    );
    assert.equal(await logOf(world), ['m1', 'm2']);
    const failed = world.lines.find(({ event }) => event === 'http_request_failed');
    assert.is(failed?.level, 'warn');
    assert.equal([failed?.fields.path, failed?.fields.status, failed?.fields.code], ['/append', 507, 'DISK_FULL']);
  }),
);
Failures(
  'call the outcome unknown where something behind the failure may have been done',
  inWorld(async (world) => {
    const { node } = world;
    node.judge = ({ key, lane }) => {
      if (key?.key !== 's:1') return undefined;
      Object.assign(node.appends[1] as object, { lane: undefined }); // It was on its way before its lane failed.
      assert.type(lane, 'object');
      return trouble('KEY_REUSED');
    };
    node.holding = true;
    const client = await open(world, '?session=s');
    client.send('one', 'two');
    await until(() => node.appends.length === 2, 'both arrive');
    node.release();
    const { code, failure } = await client.closed;
    assert.is(code, 1008);
    assert.equal([failure?.n, failure?.code, failure?.outcome], [1, 'KEY_REUSED', 'unknown']);
    assert.equal(await logOf(world), ['two']);
  }),
);
Failures(
  'say so when a session is used for other messages',
  inWorld(async (world) => {
    await (await open(world, '?session=s')).send('one').finish();
    const { code, failure } = await (await open(world, '?session=s')).send('another').closed;
    assert.equal([code, failure?.n, failure?.code], [1008, 1, 'KEY_REUSED']);
  }),
);
Failures(
  'refuse what is no message, behind what came before it',
  inWorld(async (world) => {
    for (const [query, frame, code, name] of [
      ['', Buffer.from([0xff, 0xfe]), 1008, 'NOT_UTF8'],
      ['', Buffer.alloc(mebibyte + 1), 1009, 'MESSAGE_TOO_LARGE'],
      ['', Buffer.alloc(4 * mebibyte + 1), 1009, 'MESSAGE_TOO_LARGE'],
      ['?format=ndjson', '\n', 1008, 'BATCH_EMPTY'],
      ['?format=ndjson', '"a"\n{"message":1}', 1008, 'MESSAGE_NOT_TEXT'],
      ['?format=ndjson', '"a"\nb', 1008, 'MALFORMED_JSON'],
      ['?format=ndjson', '"x"\n'.repeat(10_001), 1009, 'BATCH_TOO_LARGE'],
      ['?format=ndjson', Buffer.alloc(4 * mebibyte + 1), 1009, 'BATCH_TOO_LARGE'],
      ['?format=ndjson', Buffer.from([0x22, 0xff, 0x22]), 1008, 'NOT_UTF8'],
    ] as const) {
      const { appends } = world.node;
      const before = appends.length;
      world.node.holding = true;
      const client = await open(world, query);
      client.send('"before"', frame, '"behind"');
      await until(() => appends.length > before, 'the good one arrives');
      world.node.release();
      const end = await client.closed;
      assert.equal([end.code, end.reason], [code, name], name);
      assert.equal([end.lines[0]?.n, end.failure?.n], [1, 2], name);
      assert.equal([end.failure?.code, end.failure?.outcome], [name, 'not_done']);
      if (name === 'MALFORMED_JSON') assert.is(end.failure?.line, 2);
      assert.is(appends.length, before + 1, 'nothing behind it is written');
    }
  }),
);
Failures(
  'end behind what came well when a frame breaks the rules of WebSockets',
  inWorld(async ({ port, node }) => {
    const bare = Buffer.from([0x81, 0x01, 0x61]); // Not masked.
    for (const bytes of [bare, frameOf('x', { opcode: 3 }), frameOf('x', { opcode: 0 })]) {
      const client = new RawClient(port).say(handshake());
      await client.hears(/^HTTP\/1.1 101 Switching Protocols\r\n/);
      client.say(Buffer.concat([frameOf('good'), bytes, frameOf('behind')]));
      const text = await client.ends();
      assert.match(text, /"n":1,"first_id"[\s\S]*"n":2,"error":"Malformed request"[\s\S]*MALFORMED_REQUEST$/);
    }
    assert.is(node.appends.length, 3);
  }),
);
Failures(
  'refuse a token that nobody can have seen',
  inWorld(async (world) => {
    const client = await open(world, '', { 'Lamport-Time': '9007199254740991' });
    const { code, failure } = await client.send('a').closed;
    assert.equal([code, failure?.code, failure?.outcome], [1008, 'LAMPORT_TIME_ABSURD', 'not_done']);
  }),
);
Failures(
  'tell a bug as one, and in the log what it was',
  inWorld(async (world) => {
    world.node.bug = new Error('by order of the test');
    const { code, failure } = await (await open(world)).send('a').closed;
    assert.equal([code, failure?.code, failure?.outcome], [1011, 'INTERNAL', 'unknown']);
    assert.ok(world.lines.some(({ event, level }) => event === 'http_bug' && level === 'error'));
  }),
);
Failures(
  'write what a client sent that then goes without a word',
  inWorld(async (world) => {
    const client = await open(world);
    client.send('a', 'b');
    client.socket.close();
    client.socket.terminate();
    const gone = await open(world);
    gone.send('c');
    await until(() => gone.socket.bufferedAmount === 0, 'it is sent');
    gone.socket.terminate();
    await until(() => world.node.appends.some(({ contents }) => textsOf(contents).includes('c')), 'the last arrives');
    assert.ok((await logOf(world)).includes('c'));
  }),
);

Streams.run();
Failures.run();
