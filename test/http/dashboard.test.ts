/** The page at /dashboard: where it is, what it may do, and how long it is kept. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { anHttpWorld, type HttpWorld, inWorld } from '../support/httpWorld.ts';
import { call } from '../support/realCluster.ts';

const Dashboard = suite('dashboard');
const page =
  '<!doctype html><title>built</title><script type="module" src="/dashboard/assets/main-ABCD2345.js"></script>';

/** A server of a built page, as the build leaves it. */
async function withPage(body: (world: HttpWorld, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
  mkdirSync(join(folder, 'ui', 'assets'), { recursive: true });
  writeFileSync(join(folder, 'ui', 'index.html'), page);
  writeFileSync(join(folder, 'ui', 'icon.svg'), '<svg/>');
  writeFileSync(join(folder, 'ui', '.hidden'), 'secret');
  mkdirSync(join(folder, 'ui', 'trace'));
  for (const name of ['feed.js', 'feed.js.map', 'trace/scene.js']) writeFileSync(join(folder, 'ui', name), 'secret');
  writeFileSync(join(folder, 'ui', 'assets', 'main-ABCD2345.js'), 'export {};');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  const world = await anHttpWorld({ dashboardFolder: join(folder, 'ui') });
  try {
    await body(world, join(folder, 'ui'));
  } finally {
    await world.stop();
    rmSync(folder, { recursive: true });
  }
}

Dashboard('is the page, with a slash at the end and without, and is asked about each time', () =>
  withPage(async ({ port }, folder) => {
    for (const path of ['/dashboard', '/dashboard/', '/dashboard?lang=es']) {
      const { status, headers, body } = await call(port, path);
      assert.equal([status, String(body)], [200, page], path);
      assert.equal([headers['content-type'], headers['cache-control']], ['text/html; charset=utf-8', 'no-cache']);
      const again = await call(port, path, { headers: { 'If-None-Match': String(headers.etag) } });
      assert.equal([again.status, again.body.length], [304, 0]);
    }
    const { headers } = await call(port, '/dashboard');
    writeFileSync(join(folder, 'index.html'), `${page} `);
    const rebuilt = await call(port, '/dashboard', { headers: { 'If-None-Match': String(headers.etag) } });
    assert.is(rebuilt.status, 200);
    const head = await call(port, '/dashboard', { method: 'HEAD' });
    assert.equal([head.status, head.body.length], [200, 0]);
  }),
);
Dashboard('may load and speak with its own node alone', () =>
  withPage(async ({ port }) => {
    for (const path of ['/dashboard', '/dashboard/assets/main-ABCD2345.js', '/dashboard/icon.svg']) {
      const { status, headers } = await call(port, path);
      assert.is(status, 200, path);
      const policy = String(headers['content-security-policy']);
      for (const part of [
        "default-src 'self'",
        `connect-src 'self' ws://127.0.0.1:${port} wss://127.0.0.1:${port}`,
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ])
        assert.ok(policy.split('; ').includes(part), `${part} in ${policy}`);
      assert.not.match(policy, /unsafe|\*/);
      assert.is(headers['x-content-type-options'], 'nosniff');
    }
    const odd = await call(port, '/dashboard', { headers: { Host: "localhost;script-src 'unsafe-inline'" } });
    assert.not.match(String(odd.headers['content-security-policy']), /script-src/);
  }),
);
Dashboard('keeps files with a digest in their names for ever, and no others', () =>
  withPage(async ({ port }) => {
    const main = await call(port, '/dashboard/assets/main-ABCD2345.js');
    assert.equal(
      [main.headers['cache-control'], main.headers['content-type'], String(main.body)],
      ['public, max-age=31536000, immutable', 'text/javascript; charset=utf-8', 'export {};'],
    );
    const icon = await call(port, '/dashboard/icon.svg');
    assert.equal([icon.headers['cache-control'], icon.headers['content-type']], ['no-cache', 'image/svg+xml']);
    const since = String(icon.headers['last-modified']);
    const again = await call(port, '/dashboard/icon.svg', { headers: { 'If-Modified-Since': since } });
    assert.equal([again.status, again.body.length], [304, 0]);
  }),
);
Dashboard('gives nothing away but its files', () =>
  withPage(async ({ port }) => {
    for (const path of [
      '/dashboard/nothing.js',
      '/dashboard/feed.js',
      '/dashboard/feed.js.map',
      '/dashboard/trace/scene.js',
      '/dashboard/index.html',
      '/dashboard/assets',
      '/dashboard/assets/',
      '/dashboard/.hidden',
      '/dashboard/../secret.txt',
      '/dashboard/..%2fsecret.txt',
      '/dashboard/%2e%2e/secret.txt',
      '/dashboard/assets/..%5c..%5csecret.txt',
      '/dashboard//etc/passwd',
      '/dashboard/%00',
      '/dashboard/%',
      '/dashboards',
    ]) {
      const { status, body } = await call(port, path);
      assert.is(status, 404, path);
      assert.not.match(String(body), /secret/, path);
    }
    assert.is((await call(port, '/dashboard', { method: 'POST', body: '{}' })).status, 404);
  }),
);
Dashboard('is where a browser that asks for / is led, and nobody else', () =>
  withPage(async ({ port }) => {
    const browser = await call(port, '/?lang=es', {
      headers: { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' },
    });
    assert.equal([browser.status, browser.headers.location], [302, '/dashboard?lang=es']);
    for (const Accept of ['*/*', 'application/json', 'application/json, text/html;q=0.5'])
      assert.is((await call(port, '/', { headers: { Accept } })).status, 405, Accept);
    assert.is((await call(port, '/')).status, 405);
    assert.is((await call(port, '/?message=a', { method: 'POST', headers: { Accept: 'text/html' } })).status, 200);
  }),
);
Dashboard(
  'says how to build it where it was not built',
  inWorld(
    async ({ port }) => {
      const browser = { headers: { Accept: 'text/html,*/*;q=0.8' } };
      const { status, headers, body } = await call(port, '/dashboard', browser);
      assert.is(status, 404);
      assert.match(String(body), /The dashboard is not built[\s\S]*npm run build/);
      assert.is(headers['cache-control'], 'no-store');
      assert.match(String((await call(port, '/dashboard')).json.detail), /npm run build/);
      assert.is((await call(port, '/dashboard/assets/main-ABCD2345.js')).status, 404);
    },
    { dashboardFolder: '/nonexistent/ui' },
  ),
);
Dashboard('is counted by a bounded name', () =>
  withPage(async ({ port }) => {
    for (const path of ['/dashboard', '/dashboard/icon.svg', '/dashboard/x1', '/dashboard/x2']) await call(port, path);
    const text = String((await call(port, '/metrics', { headers: { Accept: 'text/plain' } })).body);
    assert.match(text, /dlog_http_requests_total\{method="GET",route="\/dashboard",\S*} 2/);
    assert.not.match(text, /x1|icon/);
  }),
);
Dashboard.run();
