/** The message API as clients see it: writes, reads, sessions, relations. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inWorld, RawClient, until } from '../support/httpWorld.ts';
import { trouble } from '../support/memoryFacade.ts';

const asJson = (value: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json', ...headers },
});
const post = (body?: string | URLSearchParams, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers,
  ...(body !== undefined && { body }),
});
type Json = Record<string, unknown>;
const jsonOf = async (answer: Response): Promise<Json> => (await answer.json()) as Json;
const common = { node_id: 8001, physical_timestamp: 1_700_000_000.25 };

// ---------------------------------------------------------------------------------------------------------- writes

const Writes = suite('http writes');

Writes(
  'take a message as JSON and say its place in the order',
  inWorld(async ({ url, node }) => {
    node.fill(['one', 'two']);
    const answer = await fetch(url, asJson({ message: 'three ✓' }));
    assert.is(answer.status, 200);
    assert.equal(await answer.json(), { id: 3, lamport_timestamp: 3, seen: 2, ...common });
    assert.is(answer.headers.get('lamport-time'), '3');
    assert.is(String(node.appends[0]?.contents[0]), 'three ✓');
  }),
);
Writes(
  'take a message from the query, a text body or a form',
  inWorld(async ({ url, node }) => {
    await fetch(`${url}/?message=from+the%20query`, post());
    await fetch(url, post('{"a":"text"}', { 'content-type': 'text/plain' }));
    await fetch(url, post(new URLSearchParams({ message: 'a form & more' })));
    const messages = node.appends.map(({ contents }) => contents.map(String));
    assert.equal(messages, [['from the query'], ['{"a":"text"}'], ['a form & more']]);
  }),
);
Writes(
  'need exactly one message',
  inWorld(async ({ url, node }) => {
    assert.is((await jsonOf(await fetch(url, post()))).code, 'MESSAGE_MISSING');
    assert.is((await jsonOf(await fetch(`${url}/?message=a`, post('b')))).code, 'PARAMETER_INVALID');
    assert.is((await jsonOf(await fetch(`${url}/?message=a&message=b`, post()))).code, 'PARAMETER_INVALID');
    assert.is(node.appends.length, 0);
  }),
);
Writes(
  'with two keys are refused',
  inWorld(async ({ port, node }) => {
    const head = 'POST /?message=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nIdempotency-Key: a';
    const twice = new RawClient(port).say(`${head}\r\nIDEMPOTENCY-KEY: b\r\n\r\n`);
    await twice.hears(/^HTTP\/1.1 400 [\s\S]*HEADER_INVALID/);
    const once = new RawClient(port).say(`${head}, b\r\n\r\n`);
    await once.hears(/^HTTP\/1.1 200 /);
    assert.equal(
      node.appends.map(({ key }) => key?.key),
      ['a, b'],
    );
    twice.hangUp();
    once.hangUp();
  }),
);
Writes(
  'are refused before their body is read while the node takes none',
  inWorld(async ({ port, node }) => {
    node.refusing = trouble('OVERLOADED', { retryAfterMs: 1000 });
    for (const path of ['/', '/messages']) {
      const client = new RawClient(port).say(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n[`,
      );
      const text = await client.hears(/\r\n\r\n\{.*\}/);
      assert.match(text, /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*"code":"OVERLOADED","outcome":"not_done"/);
      client.hangUp();
    }
    assert.is(node.appends.length, 0);
  }),
);
Writes(
  'hand the deadline, the session token and the key to the node',
  inWorld(async ({ url, node }) => {
    node.fill(['one']);
    await fetch(url, asJson({ message: 'a' }));
    await fetch(`${url}/?timeout=60000`, asJson({ message: 'b' }, { 'lamport-time': '2', 'idempotency-key': 'k 1' }));
    const [plain, full] = node.appends;
    assert.equal(plain, { contents: [Buffer.from('a')], timeoutMs: 10_000 });
    assert.is(full?.timeoutMs, 60_000);
    assert.is(full?.lamportTime, 2);
    assert.is(full?.key?.key, 'k 1');
    assert.is(full?.key?.bodyHash.length, 16);
  }),
);
Writes(
  'refuse a deadline, token or key that is none, before the node hears of it',
  inWorld(async ({ url, node }) => {
    for (const timeout of ['0', '60001', '1.5', '-1', 'abc', '']) {
      const answer = await fetch(`${url}/?timeout=${timeout}`, asJson({ message: 'a' }));
      assert.is(answer.status, 400, timeout);
      assert.is((await jsonOf(answer)).code, 'PARAMETER_INVALID');
    }
    for (const headers of [
      { 'lamport-time': '1.5' },
      { 'lamport-time': '-1' },
      { 'idempotency-key': 'k'.repeat(129) },
    ]) {
      const answer = await fetch(url, asJson({ message: 'a' }, headers as unknown as Record<string, string>));
      assert.is(answer.status, 400);
      assert.is((await jsonOf(answer)).code, 'HEADER_INVALID');
    }
    assert.is(node.appends.length, 0);
  }),
);
Writes(
  'answer a known key as the first time, and refuse it with another body',
  inWorld(async ({ url, node }) => {
    const key = { 'idempotency-key': 'k' };
    const first = await (await fetch(url, asJson({ message: 'a' }, key))).text();
    const again = await (await fetch(url, post('a', { ...key, 'content-type': 'text/plain' }))).text();
    assert.is(again, first);
    assert.is(node.point.lastId, 1);
    const other = await fetch(url, asJson({ message: 'b' }, key));
    assert.is(other.status, 422);
    assert.is((await jsonOf(other)).code, 'KEY_REUSED');
  }),
);
Writes(
  "tell trouble in the plan's words, with its outcome and when to retry",
  inWorld(async ({ url, node }) => {
    node.writeTrouble = trouble('NO_LEADER', { retryAfterMs: 1500, detail: 'two of three are away' });
    const answer = await fetch(url, asJson({ message: 'a' }));
    assert.is(answer.status, 503);
    assert.is(answer.headers.get('retry-after'), '2');
    const { hint, ...body } = await jsonOf(answer);
    assert.type(hint, 'string');
    assert.equal(body, {
      error: 'No leader available',
      code: 'NO_LEADER',
      outcome: 'not_done',
      detail: 'two of three are away',
      retry_after_ms: 1500,
    });
    node.writeTrouble = trouble('LEADER_UNREACHABLE');
    assert.is((await jsonOf(await fetch(url, asJson({ message: 'a' })))).error, 'Leader not reachable');
  }),
);
Writes(
  'invite a retry of an unknown outcome only where a key makes it safe',
  inWorld(async ({ url, node }) => {
    node.writeTrouble = trouble('OUTCOME_UNKNOWN', { outcome: 'unknown' });
    const bare = await fetch(url, asJson({ message: 'a' }));
    assert.is(bare.status, 503);
    assert.is(bare.headers.get('retry-after'), null);
    const body = await jsonOf(bare);
    assert.is(body.outcome, 'unknown');
    assert.not('retry_after_ms' in body);
    const keyed = await fetch(url, asJson({ message: 'a' }, { 'idempotency-key': 'k' }));
    assert.is(keyed.headers.get('retry-after'), '1');
  }),
);
Writes(
  'hide a bug from the client and show it in the log',
  inWorld(async ({ url, node, lines }) => {
    node.bug = new Error('secret details');
    const answer = await fetch(url, asJson({ message: 'a' }));
    assert.is(answer.status, 500);
    const text = await answer.text();
    assert.match(text, /"code":"INTERNAL"/);
    assert.not.match(text, /secret|at /);
    const line = lines.find(({ event }) => event === 'http_bug');
    assert.is(line?.level, 'error');
    assert.match(String(line?.fields.stack), /secret details\n\s+at /);
  }),
);
Writes(
  'survive a client that hangs up while its write is under way',
  inWorld(async ({ url, node, http }) => {
    node.holding = true;
    const abort = new AbortController();
    const gone = fetch(url, { ...asJson({ message: 'a' }), signal: abort.signal }).catch(() => 'gone');
    await until(() => node.appends.length === 1, 'the write arrives');
    abort.abort();
    assert.is(await gone, 'gone');
    node.release();
    assert.is((await fetch(url, asJson({ message: 'b' }))).status, 200);
    assert.is(http.server.listening, true);
  }),
);
Writes.run();

// --------------------------------------------------------------------------------------------------------- batches

const Batches = suite('http batches');

Batches(
  'become one write, and every message learns its place',
  inWorld(async ({ url, node }) => {
    node.fill(['zero']);
    const answer = await fetch(`${url}/messages`, asJson(['a', { message: 'b' }]));
    assert.is(answer.status, 200);
    assert.equal(await answer.json(), {
      count: 2,
      first_id: 2,
      messages: [
        { id: 2, lamport_timestamp: 2 },
        { id: 3, lamport_timestamp: 3 },
      ],
      seen: 1,
      ...common,
    });
    assert.is(answer.headers.get('lamport-time'), '3');
    assert.equal(node.appends[0]?.contents.map(String), ['a', 'b']);
  }),
);
Batches(
  'may be lines',
  inWorld(async ({ url, node }) => {
    const lines = '"a"\n{"message":"b"}\n';
    const answer = await fetch(`${url}/messages`, post(lines, { 'content-type': 'application/x-ndjson' }));
    assert.is((await jsonOf(answer)).count, 2);
    assert.equal(node.appends[0]?.contents.map(String), ['a', 'b']);
  }),
);
Batches(
  'with one bad element are refused whole, and it is named',
  inWorld(async ({ url, node }) => {
    const answer = await fetch(`${url}/messages`, asJson(['a', { text: 'b' }]));
    assert.is(answer.status, 400);
    const { code, element, detail } = await jsonOf(answer);
    assert.equal({ code, element, detail }, { code: 'MESSAGE_MISSING', element: 1, detail: 'element 1' });
    assert.is(node.appends.length, 0);
  }),
);
Batches(
  'are bounded in number and in bytes',
  inWorld(async ({ url, node }) => {
    const many = await fetch(`${url}/messages`, asJson(new Array(10_001).fill('x')));
    assert.is(many.status, 413);
    assert.is((await jsonOf(many)).code, 'BATCH_TOO_LARGE');
    const big = await fetch(`${url}/messages`, asJson(new Array(5).fill('x'.repeat(1024 * 1024))));
    assert.is(big.status, 413);
    assert.is((await jsonOf(big)).code, 'BODY_TOO_LARGE');
    assert.is((await fetch(`${url}/messages`, asJson(new Array(10_000).fill('x')))).status, 200);
    assert.is(node.appends.length, 1);
  }),
);
Batches.run();

// ----------------------------------------------------------------------------------------------------------- reads

const Reads = suite('http reads');

Reads(
  'show all messages in order as a JSON array',
  inWorld(async ({ url, node }) => {
    node.fill(['one', 'a "quoted"\n✓\u0000\u2028']);
    node.fill(['']);
    const answer = await fetch(`${url}/messages`);
    assert.is(answer.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.is(answer.headers.get('lamport-time'), '3');
    assert.equal(await answer.json(), [
      { id: 1, content: 'one', lamport_timestamp: 1, seen: 0, ...common },
      { id: 2, content: 'a "quoted"\n✓\u0000\u2028', lamport_timestamp: 2, seen: 0, ...common },
      { id: 3, content: '', lamport_timestamp: 3, seen: 2, ...common },
    ]);
  }),
);
Reads(
  'show an empty log as an empty list',
  inWorld(async ({ url }) => {
    const answer = await fetch(`${url}/messages`);
    assert.equal(await answer.json(), []);
    assert.is(answer.headers.get('lamport-time'), '0');
    assert.is(await (await fetch(`${url}/messages`, { headers: { accept: 'application/x-ndjson' } })).text(), '');
  }),
);
Reads(
  'show a part: after an id, up to a limit, whatever the batches are',
  inWorld(async ({ url, node }) => {
    node.fill(['1', '2', '3']);
    node.fill(['4', '5']);
    node.fill(['6']);
    const ids = async (query: string): Promise<string> => {
      const answer = await fetch(`${url}/messages?${query}`);
      const list = (await answer.json()) as { id: number }[];
      return `${list.map(({ id }) => id).join()} @${answer.headers.get('lamport-time')}`;
    };
    assert.is(await ids('after=1&limit=3'), '2,3,4 @4');
    assert.is(await ids('after=4'), '5,6 @6');
    assert.is(await ids('limit=1'), '1 @1');
    assert.is(await ids('limit=0'), ' @0');
    assert.is(await ids('after=6'), ' @0');
    assert.is(await ids('after=99&limit=9007199254740991'), ' @0');
    for (const query of ['after=-1', 'after=x', 'limit=1.5', 'limit=', 'after=1&after=1', 'consistency=strong']) {
      const answer = await fetch(`${url}/messages?${query}`);
      assert.is(answer.status, 400, query);
      assert.is((await jsonOf(answer)).code, 'PARAMETER_INVALID', query);
    }
  }),
);
Reads(
  'and writes refuse a parameter that they do not know, and name those that they do',
  inWorld(async ({ url, node }) => {
    node.fill(['1', '2']);
    for (const [method, path, name, known] of [
      ['GET', '/messages?limt=5', 'limt', 'after, limit, timeout, consistency'],
      ['GET', '/messages?after_id=1', 'after_id', 'after, limit, timeout, consistency'],
      ['GET', '/messages?After=1', 'After', 'after, limit, timeout, consistency'],
      ['GET', '/messages/1?after=1', 'after', 'timeout, consistency'],
      ['GET', '/messages/1/relation/2?limit=1', 'limit', 'timeout, consistency'],
      ['POST', '/?message=a&ttl=5', 'ttl', 'message, timeout'],
      ['POST', '/messages?message=a', 'message', 'timeout'],
      ['GET', '/messages?__proto__=1', '__proto__', 'after, limit, timeout, consistency'],
    ] as const) {
      const answer = await fetch(url + path, { method });
      const { code, detail } = await jsonOf(answer);
      assert.equal([answer.status, code], [400, 'UNKNOWN_PARAMETER'], path);
      assert.is(detail, `"${name}" is no parameter of this call, which takes ${known}`);
    }
    assert.is(node.appends.length, 0);
    assert.is(
      (await fetch(`${url}/health?cached=no`)).status,
      200,
      'what a node says of itself takes none, and minds none',
    );
  }),
);
Reads(
  'come as lines to whoever accepts those, and not at all in other types',
  inWorld(async ({ url, node }) => {
    node.fill(['one', 'two']);
    const lines = await fetch(`${url}/messages`, { headers: { accept: 'application/x-ndjson' } });
    assert.is(lines.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
    const contents = (await lines.text()).split('\n').map((line) => line && JSON.parse(line).content);
    assert.equal(contents, ['one', 'two', '']);
    const image = await fetch(`${url}/messages`, { headers: { accept: 'image/png' } });
    assert.is(image.status, 406);
  }),
);
Reads(
  'are the snapshot of their beginning, in one piece or many',
  inWorld(async ({ url, node }) => {
    const text = 'x'.repeat(1000);
    for (let i = 0; i < 30; i++) node.fill(new Array(100).fill(text));
    const answer = await fetch(`${url}/messages`);
    node.fill(['too late']);
    assert.is(answer.headers.get('lamport-time'), '3000');
    const list = (await answer.json()) as { id: number; content: string }[];
    assert.is(list.length, 3000);
    assert.ok(list.every(({ id, content }, i) => id === i + 1 && content === text));
    assert.ok(node.readCalls >= 10, `read in blocks: ${node.readCalls}`);
  }),
);
Reads(
  'show one message, or that there is none',
  inWorld(async ({ url, node }) => {
    node.fill(['one', 'two']);
    const answer = await fetch(`${url}/messages/2`);
    assert.equal(await answer.json(), { id: 2, content: 'two', lamport_timestamp: 2, seen: 0, ...common });
    assert.is(answer.headers.get('lamport-time'), '2');
    for (const [id, status, code] of [
      ['3', 404, 'MESSAGE_NOT_FOUND'],
      ['0', 404, 'MESSAGE_NOT_FOUND'],
      ['two', 400, 'PARAMETER_INVALID'],
      ['-1', 400, 'PARAMETER_INVALID'],
    ]) {
      const none = await fetch(`${url}/messages/${id}`);
      assert.is(none.status, status, String(id));
      assert.is((await jsonOf(none)).code, code);
    }
  }),
);
Reads(
  'answer HEAD with headers alone',
  inWorld(async ({ url, node }) => {
    node.fill(['one']);
    for (const path of ['/messages', '/messages/1', '/health', '/metrics']) {
      const answer = await fetch(url + path, { method: 'HEAD' });
      assert.is(answer.status, 200, path);
      assert.is(await answer.text(), '');
    }
  }),
);
Reads(
  'can be asked to be linearizable',
  inWorld(async ({ url, node }) => {
    await fetch(`${url}/messages?consistency=session`);
    await fetch(`${url}/messages?consistency=linearizable&timeout=500`);
    assert.equal(node.reads, [{ timeoutMs: 10_000 }, { timeoutMs: 500, linearizable: true }]);
    node.readTrouble = trouble('NOT_LINEARIZABLE');
    const answer = await fetch(`${url}/messages?consistency=linearizable`);
    assert.is(answer.status, 503);
    assert.is(answer.headers.get('retry-after'), '1');
  }),
);
Reads.run();

// -------------------------------------------------------------------------------------------------------- sessions

const Sessions = suite('http sessions');

Sessions(
  'wait until the node has what the client has seen',
  inWorld(async ({ url, node }) => {
    const answer = fetch(`${url}/messages`, { headers: { 'lamport-time': '1' } });
    await until(() => node.listeners.size === 1, 'the read waits');
    node.fill(['one']);
    assert.is(((await (await answer).json()) as unknown[]).length, 1);
  }),
);
Sessions(
  'give up with a hint when the node does not catch up in time',
  inWorld(async ({ url }) => {
    const answer = await fetch(`${url}/messages?timeout=1`, { headers: { 'lamport-time': '7' } });
    assert.is(answer.status, 503);
    const { code, detail } = await jsonOf(answer);
    assert.is(code, 'LOG_NOT_CAUGHT_UP');
    assert.is(detail, 'you have seen 7, this node has 0');
    assert.is(answer.headers.get('retry-after'), '1');
  }),
);
Sessions(
  'refuse a token from nowhere',
  inWorld(async ({ url }) => {
    const absurd = await fetch(url, asJson({ message: 'a' }, { 'lamport-time': '9007199254740991' }));
    assert.is(absurd.status, 400);
    assert.is((await jsonOf(absurd)).code, 'LAMPORT_TIME_ABSURD');
  }),
);
Sessions(
  'never go back: the token is the greater of what was sent and what is shown',
  inWorld(async ({ url, node }) => {
    node.fill(['one', 'two', 'three']);
    const tokenOf = async (path: string): Promise<string | null> =>
      (await fetch(url + path, { headers: { 'lamport-time': '2' } })).headers.get('lamport-time');
    assert.is(await tokenOf('/messages/1'), '2');
    assert.is(await tokenOf('/messages/3'), '3');
    assert.is(await tokenOf('/messages?limit=1'), '2');
    assert.is(await tokenOf('/messages'), '3');
    assert.is(await tokenOf('/messages/1/relation/3'), '3');
  }),
);
Sessions.run();

// ------------------------------------------------------------------------------------------------------- relations

const Relations = suite('http relations');

Relations(
  'tell before, after and concurrent by what the origin had seen',
  inWorld(async ({ url, node }) => {
    node.fill(['1']); // seen 0
    node.fill(['2', '3']); // One write: seen 1.
    node.seen = 1;
    node.fill(['4']); // Its origin had not seen 2 and 3.
    const relation = async (a: number, b: number): Promise<unknown> =>
      (await jsonOf(await fetch(`${url}/messages/${a}/relation/${b}`))).relation;
    assert.is(await relation(1, 2), 'before');
    assert.is(await relation(2, 1), 'after');
    assert.is(await relation(2, 3), 'before', 'one write, in order');
    assert.is(await relation(3, 2), 'after');
    assert.is(await relation(3, 4), 'concurrent');
    assert.is(await relation(4, 3), 'concurrent');
    assert.is(await relation(1, 4), 'before');
    assert.is(await relation(4, 4), 'same');
    assert.is((await fetch(`${url}/messages/1/relation/5`)).status, 404);
    assert.is((await fetch(`${url}/messages/x/relation/1`)).status, 400);
  }),
);
Relations.run();
