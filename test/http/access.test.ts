/** The API token for all calls, and the cookie of a browser that has shown it. */
import type { IncomingMessage } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Access } from '../../http/access.ts';
import { createGuard } from '../../http/guards.ts';
import { type HttpWorld, inWorld } from '../support/httpWorld.ts';
import { call, type HttpCall } from '../support/realCluster.ts';

const token = 's3cret-of-the-test';
const bearer = { Authorization: `Bearer ${token}` };
const closed = { apiToken: token, tokenFor: 'all' } as const;
const statusOf = async ({ port }: HttpWorld, path: string, more: HttpCall = {}): Promise<number> =>
  (await call(port, path, more)).status;

/** `name=value` as a browser would send it back. */
async function signIn({ port }: HttpWorld): Promise<string> {
  const { headers } = await call(port, '/session', { method: 'POST', headers: bearer });
  return String(headers['set-cookie']).split(';')[0] ?? '';
}

const All = suite('a token for all calls');

All(
  'is asked of everything but health, the session and the files of the dashboard',
  inWorld(async (world) => {
    const reads = [
      '/messages',
      '/messages/1',
      '/metrics',
      '/leader',
      '/state',
      '/lamport_time',
      '/openapi.json',
      '/docs',
    ];
    for (const path of [...reads, '/nothing', '/%68ealth', '/health/', '/session/', '/dashboardx', '//health']) {
      assert.is(await statusOf(world, path), 401, path);
      assert.is(await statusOf(world, path, { headers: { Authorization: 'Bearer wrong' } }), 401, path);
    }
    for (const path of reads) assert.is.not(await statusOf(world, path, { headers: bearer }), 401, path);
    for (const path of ['/health', '/health/live', '/session', '/dashboard', '/dashboard/x.js'])
      assert.is.not(await statusOf(world, path), 401, path);
    assert.is(await statusOf(world, '/?message=a', { method: 'POST' }), 401);
    assert.is(await statusOf(world, '/?message=a', { method: 'POST', headers: bearer }), 200);
  }, closed),
);
All(
  'is asked before a path goes up out of the open ones',
  inWorld(async (world) => {
    for (const path of ['/health/../messages', '/dashboard/../messages', '/dashboard/%2e%2e/messages'])
      assert.is.not(await statusOf(world, path), 200, path);
  }, closed),
);
All('is asked of the WebSockets of the dashboard too', () => {
  const guard = createGuard({ ...closed, allowedOrigins: [], maxUrlBytes: 100, maxHeaderCount: 10 });
  const open = (headers: object): unknown =>
    guard({ url: '/live', method: 'GET', rawHeaders: [], headers, socket: {} } as never, {} as never);
  assert.is((open({}) as { code: string }).code, 'TOKEN_REQUIRED');
  assert.is(open({ authorization: `Bearer ${token}` }), undefined);
});
All(
  'leaves reads alone where it is for writes',
  inWorld(
    async (world) => {
      assert.is(await statusOf(world, '/messages'), 200);
      assert.is(await statusOf(world, '/?message=a', { method: 'POST' }), 401);
    },
    { apiToken: token },
  ),
);
All.run();

const Cookie = suite('the cookie of a browser');

Cookie(
  'stands for the token, and is not it',
  inWorld(async (world) => {
    const cookie = await signIn(world);
    assert.match(cookie, /^dlog_session=\d+\.[\w-]{43}$/);
    assert.not.ok(cookie.includes(token));
    assert.is(await statusOf(world, '/messages', { headers: { Cookie: `other=1; ${cookie}` } }), 200);
    assert.is(await statusOf(world, '/?message=a', { method: 'POST', headers: { Cookie: cookie } }), 200);
  }, closed),
);
Cookie(
  'is not to be read by scripts nor sent by other sites, and only over TLS where that is in front',
  inWorld(async ({ port }) => {
    const said = async (more: Record<string, string>): Promise<string> =>
      String((await call(port, '/session', { method: 'POST', headers: { ...bearer, ...more } })).headers['set-cookie']);
    assert.match(await said({}), /; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/);
    assert.match(await said({ 'X-Forwarded-Proto': 'https' }), /; Secure$/);
  }, closed),
);
Cookie(
  'is made of the token alone: neither without it nor from another cookie',
  inWorld(async (world) => {
    assert.is(await statusOf(world, '/session', { method: 'POST' }), 401);
    const cookie = await signIn(world);
    assert.is(await statusOf(world, '/session', { method: 'POST', headers: { Cookie: cookie } }), 401);
    const foreign = { ...bearer, Origin: 'https://evil.example' };
    assert.is(await statusOf(world, '/session', { method: 'POST', headers: foreign }), 403);
  }, closed),
);
Cookie('is known until it expires, and with another token no more', () => {
  let now = 1_000_000;
  const at = (access: Access, cookie: string): boolean => access.knows({ headers: { cookie } } as IncomingMessage);
  const access = new Access(token, () => now);
  const cookie = access.cookie({ headers: {} } as IncomingMessage).split(';')[0] ?? '';
  assert.ok(at(access, cookie));
  assert.not.ok(at(new Access('another', () => now), cookie));
  const [expiry = '', signature] = cookie.replace('dlog_session=', '').split('.');
  assert.not.ok(at(access, `dlog_session=${Number(expiry) + 1}.${signature}`));
  for (const nonsense of ['dlog_session', 'dlog_session=', 'dlog_session=1.x', `x=${expiry}.${signature}`])
    assert.not.ok(at(access, nonsense), nonsense);
  now += 7 * 24 * 3600 * 1000 - 1;
  assert.ok(at(access, cookie));
  now += 1;
  assert.not.ok(at(access, cookie));
});
Cookie(
  'is told of by GET /session, and taken back at the end',
  inWorld(async (world) => {
    const { port } = world;
    assert.equal(JSON.parse(String((await call(port, '/session')).body)), { token_for: 'all', signed_in: false });
    const Cookie = await signIn(world);
    const known = await call(port, '/session', { headers: { Cookie } });
    assert.equal(JSON.parse(String(known.body)), { token_for: 'all', signed_in: true });
    const end = await call(port, '/session/end', { method: 'POST', headers: { Cookie } });
    assert.match(String(end.headers['set-cookie']), /^dlog_session=; Path=\/; Max-Age=0/);
  }, closed),
);
Cookie(
  'is not needed where there is no token',
  inWorld(async ({ port }) => {
    assert.equal(JSON.parse(String((await call(port, '/session')).body)), { token_for: 'nothing', signed_in: true });
    const { status, headers } = await call(port, '/session', { method: 'POST' });
    assert.equal([status, headers['set-cookie']], [200, undefined]);
  }),
);
Cookie(
  'and the token are in no log line',
  inWorld(async (world) => {
    const cookie = await signIn(world);
    for (let i = 0; i < 3; i++) await statusOf(world, '/nothing', { headers: { ...bearer, Cookie: cookie } });
    await statusOf(world, '/messages', { headers: { Authorization: `Bearer ${token}x` } });
    const said = JSON.stringify(world.lines);
    assert.ok(world.lines.length > 0);
    assert.not.ok(said.includes(token));
    assert.not.ok(said.includes(cookie.slice(13)));
  }, closed),
);
Cookie.run();
