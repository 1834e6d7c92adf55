/** The page at /docs as text: what is on it, in which language, and that its commands are the described requests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pageOf } from '../../http/docsPage.ts';
import { errors } from '../../http/errors.ts';
import { languageOf } from '../../http/language.ts';
import { html, prose } from '../../http/markup.ts';
import { curlOf, streamCommandOf } from '../../http/openapi/commands.ts';
import { templateOf } from '../../http/openapi/document.ts';
import { operationsOf } from '../../http/openapi/operations.ts';
import { schemas } from '../../http/openapi/schemas.ts';
import { languages } from '../../http/openapi/vocabulary.ts';
import { inWorld } from '../support/httpWorld.ts';
import { needs } from '../support/needs.ts';
import { call } from '../support/realCluster.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const base = 'http://127.0.0.1:8001';

const unescaped = (text: string): string =>
  text.replace(/&(?:lt|gt|quot|#39|amp);/g, (sign) => {
    return { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' }[sign] ?? sign;
  });
const commandsOn = (page: string): readonly string[] =>
  [...page.matchAll(/<pre class="command"><code>([^<]*)<\/code><\/pre>/g)].map(([, text = '']) => unescaped(text));

// -------------------------------------------------------------------------------------------------------- content

const Page = suite('docs page');

Page('has every call, error and schema, in every language', () => {
  for (const language of languages) {
    const page = pageOf(language, { chaos: true, base });
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id);
    assert.equal([...new Set(ids)], ids, 'an id is there twice');
    for (const { id, method, path, summary } of operationsOf(true)) {
      assert.ok(ids.includes(id), id);
      assert.ok(page.includes(`<span class="method ${method}">${method}</span> ${templateOf(path)}</p>`), path);
      assert.ok(unescaped(page).includes(`<h3><a href="#${id}">${summary[language]}</a></h3>`), id);
    }
    for (const code of Object.keys(errors)) assert.ok(ids.includes(`error-${code}`), code);
    for (const name of Object.keys(schemas)) assert.ok(ids.includes(`schema-${name}`), name);
    for (const [, target = ''] of page.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(target), `#${target}`);
  }
});

Page('has the calls of chaos only where that is switched on', () => {
  assert.match(pageOf('en', { chaos: true, base }), /id="killNode"/);
  assert.not.match(pageOf('en', { chaos: false, base }), /killNode|metrics\/reset|id="chaos"/);
});

Page('asks nothing of others and runs nothing', () => {
  for (const language of languages) {
    const page = pageOf(language, { chaos: true, base });
    assert.not.match(page, /<script|javascript:|\son\w+=|@import|url\(|<iframe|<img|\sstyle="/i);
    const targets = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, target = '']) => target);
    assert.equal(
      targets.filter((target) => !/^(?:#|\?lang=|\/openapi\.json$|data:image)/.test(target)),
      [],
    );
  }
});

Page('escapes what is put into it', () => {
  const evil = `<b a="1">&'`;
  assert.is(
    html`<p title="${evil}">${[evil, html`<i>${evil}</i>`, undefined]}</p>`.text,
    [
      '<p title="&lt;b a=&quot;1&quot;&gt;&amp;&#39;">&lt;b a=&quot;1&quot;&gt;&amp;&#39;',
      '<i>&lt;b a=&quot;1&quot;&gt;&amp;&#39;</i></p>',
    ].join(''),
  );
  assert.is(html`${prose('a `<b>` c')}`.text, 'a <code>&lt;b&gt;</code> c');
});

Page('comes in the language that its reader likes best', () => {
  const offered = ['en', 'es'] as const;
  for (const [accept, expected] of [
    [undefined, 'en'],
    ['', 'en'],
    ['es', 'es'],
    ['es-MX,es;q=0.9,en;q=0.8', 'es'],
    ['en;q=0.5, ES;q=0.6', 'es'],
    ['fr, es;q=0.1', 'es'],
    ['fr', 'en'],
    ['*', 'en'],
    ['es;q=0, en;q=0.1', 'en'],
    ['es;q=nonsense', 'en'],
  ] as const) {
    assert.is(languageOf(accept, offered), expected, String(accept));
  }
});

Page(
  'is served in both languages, with a policy that allows its style alone, and kept by its tag',
  inWorld(async ({ port, lines }) => {
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const { status, headers: said, body } = await call(port, path, { headers });
      return { status, body: body.toString(), said };
    };
    const english = await get('/docs');
    const spanish = await get('/docs', { 'Accept-Language': 'es-ES,es;q=0.9' });
    assert.match(english.body, /^<!doctype html>\n<html lang="en">/);
    assert.match(spanish.body, /^<!doctype html>\n<html lang="es">/);
    assert.is((await get('/docs?lang=es', { 'Accept-Language': 'en' })).body, spanish.body);
    assert.equal([english.said['content-language'], spanish.said['content-language']], ['en', 'es']);
    assert.is(english.said.vary, 'Accept-Language');
    const policy = String(english.said['content-security-policy']);
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/=]{44}'; img-src data:;/);
    assert.not.match(policy, /unsafe|\*|http/);
    assert.is(english.said['x-content-type-options'], 'nosniff');
    const tag = String(english.said.etag);
    assert.is.not(tag, spanish.said.etag);
    assert.equal((await get('/docs', { 'If-None-Match': tag })).status, 304);
    assert.equal((await get('/docs?lang=es', { 'If-None-Match': tag })).status, 200);
    assert.is((await get('/docs?lang=tlh')).status, 400);
    assert.is((await get('/docs?language=es')).status, 400);
    const failures = lines.filter(({ event }) => event === 'http_request_failed');
    assert.equal(
      failures.map(({ fields }) => fields.status),
      [400, 400],
    );
    assert.match(
      (await get('/metrics', { Accept: 'text/plain' })).body,
      /http_requests_total\{method="GET",route="\/docs",status="3xx"\} 1\n/,
    );
  }),
);
Page(
  'tells caches of all that it depends on, and answers HEAD',
  inWorld(
    async ({ port }) => {
      const page = await call(port, '/docs', { headers: { Origin: 'https://log.example' } });
      assert.is(page.headers.vary, 'Origin, Accept-Language');
      const head = await call(port, '/docs', { method: 'HEAD' });
      assert.equal([head.status, head.body.length], [200, 0]);
      assert.is(head.headers['content-length'], String(page.body.length));
      assert.is(head.headers.etag, page.headers.etag);
    },
    { allowedOrigins: ['https://log.example'] },
  ),
);
Page.run();

// ------------------------------------------------------------------------------------------------------- commands

const Commands = suite('docs commands');

interface Recorded {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly type: string | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** A server that keeps what it is sent. */
async function aRecorder(): Promise<{ url: string; requests: Recorded[]; stop(): void }> {
  const requests: Recorded[] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += String(chunk);
    const { method, url, headers } = req;
    requests.push({ method, url, type: headers['content-type'], headers, body });
    res.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() };
}

/** What the command says on its standard output. */
async function shell(command: string): Promise<string> {
  const child = spawn('sh', ['-c', command], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, complaint] = ['', ''];
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  child.stderr.on('data', (chunk) => (complaint += String(chunk)));
  const [code] = await once(child, 'close');
  assert.is(code, 0, `${command}: ${complaint}`);
  return said;
}

Commands('stand on the page, one for each example and in its order', () => {
  const expected = operationsOf(true).flatMap((operation) => [
    ...(operation.webSocket ? [streamCommandOf(operation.webSocket, base)] : []),
    ...operation.examples.map((example) => curlOf(operation, example, base)),
  ]);
  for (const language of languages) assert.equal(commandsOn(pageOf(language, { chaos: true, base })), expected);
});

const withCurl = needs('curl') ? Commands : Commands.skip;

withCurl('of curl send the requests that are described', async () => {
  const recorder = await aRecorder();
  try {
    const page = pageOf('en', { chaos: true, base: recorder.url });
    for (const command of commandsOn(page).filter((one) => one.startsWith('curl '))) await shell(command);
    const described = operationsOf(true).flatMap(({ method, examples }) =>
      examples.map(({ path, body, headers = {} }) => ({ method, path, body, headers })),
    );
    assert.is(recorder.requests.length, described.length);
    for (const [place, { method, path, body, headers }] of described.entries()) {
      const sent = recorder.requests[place] as Recorded;
      assert.equal([sent.method, sent.url, sent.type, sent.body], [method, path, body?.type, body?.text ?? '']);
      for (const [name, value] of Object.entries(headers)) assert.is(sent.headers[name.toLowerCase()], value, path);
    }
  } finally {
    recorder.stop();
  }
});

Commands(
  'for streams put their messages into the log',
  inWorld(async ({ url, node }) => {
    const operation = operationsOf(false).find(({ webSocket }) => webSocket);
    assert.ok(operation?.webSocket);
    const page = pageOf('en', { chaos: false, base: url });
    const command = commandsOn(page).find((one) => one.includes('append.mjs')) ?? '';
    await shell(command);
    assert.equal(
      node.appends.map(({ contents, key }) => [String(contents), key?.key]),
      operation.webSocket.example.frames.map((frame, i) => [frame, `${operation.webSocket?.example.session}:${i + 1}`]),
    );
  }),
);
Commands.run();
