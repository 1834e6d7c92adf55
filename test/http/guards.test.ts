/** Who may call, what there is, and the errors of everything else. */
import { request } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errors, Refusal } from '../../http/errors.ts';
import { FailureLog, maxWarningsPerSecond } from '../../http/failureLog.ts';
import { createGuard } from '../../http/guards.ts';
import { type HttpWorld, inWorld, RawClient } from '../support/httpWorld.ts';
import { trouble } from '../support/memoryFacade.ts';

/** Like fetch, but with whatever headers the test wants to forge. */
const ask = (
  { port }: HttpWorld,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<{ status: number; headers: Record<string, unknown>; code: unknown; text: string }> =>
  new Promise((resolve, reject) => {
    const req = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { 'content-type': 'text/plain', ...headers },
    });
    req.on('error', reject);
    req.on('response', (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      res.on('end', () => {
        const isJson = text.startsWith('{');
        resolve({ status: res.statusCode ?? 0, headers: res.headers, code: isJson && JSON.parse(text).code, text });
      });
    });
    req.end(body);
  });

const Origins = suite('http origins');

Origins(
  'of other sites may not write, in whatever way their browser says so',
  inWorld(async (world) => {
    const host = `127.0.0.1:${world.port}`;
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${world.port + 1}` },
      { origin: `http://${host}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      for (const path of ['/', '/messages']) {
        const { status, code } = await ask(world, 'POST', path, headers as unknown as Record<string, string>, 'a');
        assert.equal([status, code], [403, 'FOREIGN_ORIGIN'], JSON.stringify(headers));
      }
    }
    assert.is(world.node.appends.length, 0);
    assert.is((await ask(world, 'GET', '/messages', { origin: 'https://evil.example' })).status, 200);
    assert.is((await ask(world, 'POST', '/', { origin: `http://${host}` }, 'a')).status, 200);
    assert.is((await ask(world, 'POST', '/', { 'sec-fetch-site': 'same-origin' }, 'a')).status, 200);
  }),
);
Origins(
  'that are allowed may write, and read the answers',
  inWorld(
    async (world) => {
      const origin = 'https://log.example';
      const preflight = await ask(world, 'OPTIONS', '/messages', { origin, 'access-control-request-method': 'POST' });
      assert.is(preflight.status, 200);
      assert.is(preflight.headers['access-control-allow-origin'], origin);
      const answer = await ask(world, 'POST', '/', { origin }, 'a');
      assert.is(answer.status, 200);
      assert.is(answer.headers['access-control-allow-origin'], origin);
      const other = await ask(world, 'GET', '/leader', { origin: 'https://evil.example' });
      assert.is(other.headers['access-control-allow-origin'], undefined);
    },
    { allowedOrigins: ['https://log.example'] },
  ),
);
Origins(
  'cannot be faked by a name that was pointed at this machine',
  inWorld(
    async (world) => {
      const evil = { host: `evil.example:${world.port}`, origin: `http://evil.example:${world.port}` };
      for (const method of ['GET', 'POST']) {
        const { status, code } = await ask(world, method, method === 'GET' ? '/messages' : '/', evil, '');
        assert.equal([status, code], [421, 'FOREIGN_HOST']);
      }
      for (const host of ['localhost', 'LOCALHOST:8001', '127.0.0.1', '[::1]:8001', 'log.example', 'a.localhost:1']) {
        assert.is((await ask(world, 'GET', '/leader', { host })).status, 200, host);
      }
    },
    { allowedOrigins: ['https://log.example'] },
  ),
);
Origins('are looked at by host name only on loopback: elsewhere a name is as good as an address', () => {
  const guard = createGuard({ apiToken: undefined, allowedOrigins: [], maxUrlBytes: 100, maxHeaderCount: 10 });
  const from = (localAddress: string): unknown =>
    guard(
      { url: '/', method: 'GET', rawHeaders: [], headers: { host: 'node1' }, socket: { localAddress } } as never,
      {} as never,
    );
  assert.is(from('10.0.0.5'), undefined);
  assert.ok(from('127.0.0.1') instanceof Refusal);
  assert.ok(from('::ffff:127.0.0.1') instanceof Refusal);
});
Origins.run();

const Tokens = suite('http tokens');

Tokens(
  'are needed by every write and by no read',
  inWorld(
    async (world) => {
      const { node } = world;
      for (const authorization of ['', 'Bearer wrong', 'Bearer', 'Basic s3cret', 's3cret', 'Bearer s3cret2']) {
        for (const path of ['/', '/messages', '/kill', '/metrics/reset']) {
          const answer = await ask(world, 'POST', path, authorization === '' ? {} : { authorization }, 'a');
          assert.equal([answer.status, answer.code], [401, 'TOKEN_REQUIRED'], `${path} ${authorization}`);
          assert.is(answer.headers['www-authenticate'], 'Bearer realm="distributed-log"');
        }
      }
      assert.is(node.appends.length + node.resets, 0);
      assert.is((await ask(world, 'POST', '/', { authorization: 'bearer s3cret' }, 'a')).status, 200);
      for (const path of ['/messages', '/health', '/metrics']) assert.is((await ask(world, 'GET', path)).status, 200);
      assert.not.match(JSON.stringify(world.lines), /s3cret/, 'and stay out of the log');
    },
    { apiToken: 's3cret', kill: () => {} },
  ),
);
Tokens.run();

const Calls = suite('http calls');

Calls(
  'that do not exist are 404, as JSON, with no word of the inside',
  inWorld(async (world) => {
    for (const path of ['/nothing', '/dashboards', '/messages/1/2', '/__proto__', '/message_received']) {
      const { status, code, headers } = await ask(world, 'GET', path);
      assert.equal([status, code], [404, 'NOT_FOUND'], path);
      assert.is(headers['content-type'], 'application/json; charset=utf-8');
      assert.is(headers['x-content-type-options'], 'nosniff');
    }
  }),
);
Calls(
  'may name the host too, as to a proxy, where that can be read',
  inWorld(async (world) => {
    world.node.fill(['a']);
    assert.is((await ask(world, 'GET', 'http://localhost/messages/1')).status, 200);
    for (const path of ['http://[']) {
      const { status, code } = await ask(world, 'GET', path);
      assert.equal([status, code], [400, 'MALFORMED_URL'], path);
    }
  }),
);
Calls(
  'with another method are 405 and say which there are',
  inWorld(async (world) => {
    for (const [method, path, allow] of [
      ['GET', '/', 'POST'],
      ['DELETE', '/messages', 'POST, HEAD, GET'],
      ['PUT', '/health', 'HEAD, GET'],
      ['PROPFIND', '/health', 'HEAD, GET'],
    ] as const) {
      const { status, code, headers } = await ask(world, method, path);
      assert.equal([status, code], [405, 'METHOD_NOT_ALLOWED'], `${method} ${path}`);
      assert.is(headers.allow, allow);
    }
  }),
);
Calls(
  'in types or encodings that nobody reads here are 415',
  inWorld(async (world) => {
    for (const [path, headers] of [
      ['/', { 'content-type': 'application/xml' }],
      ['/', { 'content-type': 'text/plain; charset=utf-16' }],
      ['/', { 'content-encoding': 'gzip' }],
      ['/', { 'content-type': 'application/x-ndjson' }],
      ['/messages', { 'content-type': 'text/plain' }],
    ] as const) {
      const answer = await ask(world, 'POST', path, headers as unknown as Record<string, string>, '"a"');
      assert.equal([answer.status, answer.code], [415, 'MEDIA_TYPE_UNSUPPORTED'], JSON.stringify(headers));
    }
    const identity = await ask(world, 'POST', '/', { 'content-encoding': 'identity' }, 'a');
    assert.is(identity.status, 200);
  }),
);
Calls(
  'that fail leave a line in the log, louder when it is the server that failed, without the query',
  inWorld(async (world) => {
    await ask(world, 'GET', '/messages?after=private');
    world.node.writeTrouble = trouble('NO_LEADER');
    await ask(world, 'POST', '/?message=private', {});
    const [first, second] = world.lines.filter(({ event }) => event === 'http_request_failed');
    assert.is(first?.level, 'debug');
    assert.is(second?.level, 'warn');
    const { ms, ...fields } = second?.fields ?? {};
    assert.type(ms, 'number');
    assert.equal(fields, {
      method: 'POST',
      path: '/',
      status: 503,
      code: 'NO_LEADER',
      detail: 'NO_LEADER by order of the test',
    });
    assert.not.match(JSON.stringify(world.lines), /private/);
  }),
);
Calls('that fail by the hundred leave only so many lines, and their number', () => {
  const lines: unknown[] = [];
  const log = new FailureLog({ write: (_level, _event, _message, fields) => lines.push(fields?.left_out) });
  const ctx = { state: {}, req: { method: 'POST', url: '/' } } as never;
  for (let i = 0; i < 100; i++) log.report(ctx, 503, 1, 1000 + i);
  assert.is(lines.length, maxWarningsPerSecond);
  log.report(ctx, 404, 1, 1500);
  log.report(ctx, 503, 1, 2000);
  assert.equal(lines.slice(maxWarningsPerSecond), [undefined, 100 - maxWarningsPerSecond]);
  log.report(ctx, 503, 1, 2001);
  assert.is(lines.at(-1), undefined);
});
Calls.run();

const Chaos = suite('http chaos');

Chaos(
  'does not exist where it is not switched on',
  inWorld(async (world) => {
    for (const path of ['/kill', '/metrics/reset']) {
      for (const method of ['GET', 'POST']) assert.is((await ask(world, method, path)).status, 404, path);
    }
  }),
);
Chaos('kills and resets by POST from this machine, and not from behind a proxy', async () => {
  let kills = 0;
  await inWorld(
    async (world) => {
      assert.is((await ask(world, 'GET', '/kill')).status, 405);
      assert.is((await ask(world, 'POST', '/kill', { 'x-forwarded-for': '10.0.0.1' })).status, 404);
      assert.is((await ask(world, 'POST', '/kill', { origin: 'https://evil.example' })).status, 403);
      assert.is(kills, 0);
      await ask(world, 'POST', '/kill');
      assert.is(kills, 1);
      await ask(world, 'POST', '/metrics/reset');
      assert.is(world.node.resets, 1);
    },
    { kill: () => kills++ },
  )();
});
Chaos.run();

const Errors = suite('http errors');

Errors('have for every code a status, words and a hint, and a retry only where it can help', () => {
  for (const [code, entry] of Object.entries(errors)) {
    assert.match(code, /^[A-Z0-9_]+$/);
    assert.ok(entry.status >= 400 && entry.status < 600, code);
    assert.ok(entry.error.length > 0 && entry.hint.length > 0, code);
    if ('retryAfterMs' in entry) assert.ok(entry.status >= 500, code);
  }
});
Errors(
  'that never became a request are JSON too',
  inWorld(async ({ port }) => {
    const text = await new RawClient(port).say('nonsense\r\n\r\n').ends();
    const [head = '', body = ''] = text.split('\r\n\r\n');
    assert.match(head, /^HTTP\/1.1 400 Bad Request\r\n/);
    assert.is(JSON.parse(body).code, 'MALFORMED_REQUEST');
  }),
);
Errors.run();
