/** The description of the API: that it is one, that it is whole, and that what a node answers is in it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type Router from '@koa/router';
import { Validator } from '@seriousme/openapi-schema-validator';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TroubleCode } from '../../actors/facade.ts';
import { createApp } from '../../http/app.ts';
import { defaultLimits, type Edge } from '../../http/edge.ts';
import { errors } from '../../http/errors.ts';
import { openApiOf, templateOf, version } from '../../http/openapi/document.ts';
import { operationsOf } from '../../http/openapi/operations.ts';
import type { Operation } from '../../http/openapi/vocabulary.ts';
import { DescribedApi, type OpenApi } from '../support/describedApi.ts';
import { anHttpWorld, type HttpWorld, inWorld } from '../support/httpWorld.ts';
import { trouble } from '../support/memoryFacade.ts';
import { call, type HttpCall } from '../support/realCluster.ts';

const base = 'http://127.0.0.1:8001';
const documentOf = (chaos: boolean): OpenApi => openApiOf({ chaos, base }) as unknown as OpenApi;
const textOf = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

// --------------------------------------------------------------------------------------------------- the document

const Document = suite('openapi document');

Document('is valid OpenAPI 3.1, with chaos and without', async () => {
  for (const chaos of [true, false]) {
    const { valid, errors: faults } = await new Validator().validate(JSON.parse(JSON.stringify(documentOf(chaos))));
    assert.ok(valid, JSON.stringify(faults, null, 1));
  }
});

Document('would not pass with a fault in it', async () => {
  const planted = JSON.parse(JSON.stringify(documentOf(true)));
  delete planted.paths['/leader'].get.responses['200'].description;
  assert.not((await new Validator().validate(planted)).valid);
});

Document('has only schemas that are valid JSON Schema 2020-12', () => {
  const document = documentOf(true);
  const api = new DescribedApi(document);
  let count = 0;
  const look = (value: unknown, name: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (/^(schema|x-itemSchema|lineSchema)$/.test(name)) {
      api.faultsOfValue(value as Record<string, unknown>, undefined); // Throws where it is none.
      count++;
    } else for (const [key, member] of Object.entries(value)) look(member, key);
  };
  look(document, '');
  for (const schema of Object.values(document.components.schemas)) look(schema, 'schema');
  assert.ok(count > 100, `${count} were found`);
  assert.throws(() => api.faultsOfValue({ type: 'nonsense' }, 1));
  assert.throws(() => api.faultsOfValue({ $ref: '#/components/schemas/Nothing' }, 1));
});

Document('has the version of package.json', () => {
  assert.is(version, (JSON.parse(textOf('package.json')) as { version: string }).version);
});

Document('has every error code, each at a call that can give it, or with those of no call', () => {
  const text =
    JSON.stringify(documentOf(true).paths) +
    JSON.stringify(
      Object.keys((openApiOf({ chaos: true, base }) as { components: { responses: object } }).components.responses),
    );
  for (const code of Object.keys(errors)) {
    assert.ok(text.includes(`"${code}"`), `no operation in http/openapi/ names the error ${code}`);
  }
});

Document('names each operation once, and each parameter of its path', () => {
  const ids = operationsOf(true).map(({ id }) => id);
  assert.equal([...new Set(ids)], ids);
  for (const { id, path, parameters = [] } of operationsOf(true)) {
    const there = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    assert.equal(
      parameters.filter((one) => one.in === 'path').map(({ name }) => name),
      there,
      id,
    );
  }
});

Document('has request examples and answers that its own schemas accept', () => {
  const api = new DescribedApi(documentOf(true));
  for (const operation of operationsOf(true)) {
    const described = api.operation(operation.method, templateOf(operation.path));
    for (const { path, status, body, type = 'application/json', answer } of operation.examples) {
      const label = `${operation.id} ${path} ${status}`;
      if (body && status === 200) {
        const content = described?.requestBody?.content[body.type];
        assert.ok(content, `${label}: ${body.type} is no type of its body`);
        assert.equal(api.faultsOfContent(content, body.type, body.text), [], label);
      }
      if (answer === undefined) continue;
      const given = typeof answer === 'string' && type !== 'application/json' ? answer : JSON.stringify(answer);
      const headers = { 'content-type': type, 'lamport-time': '1', etag: '"x"', 'content-language': 'en' };
      const faults = api.faultsOf({
        ...operation,
        template: templateOf(operation.path),
        status: status ?? 0,
        headers,
        body: given,
      });
      assert.equal(faults, [], label);
    }
    const talk = operation.webSocket;
    if (talk) assert.equal(api.faultsOfValue({ ...talk.lineSchema }, talk.example.line), []);
  }
});
Document.run();

// ----------------------------------------------------------------------------------------------------- the routes

const Routes = suite('openapi routes');

/** `GET /messages/:id`, as the router of the application has them. */
function routesOf(kill: Edge['kill']): readonly string[] {
  // As much of it as is looked at before the first request.
  const edge = { kill, log: { write: () => {} }, limits: defaultLimits, apiToken: undefined, allowedOrigins: [] };
  const app = createApp(edge as unknown as Edge);
  const routers = app.middleware.flatMap((one) => ('router' in one ? [one.router as Router] : []));
  const layers = routers.flatMap(({ stack }) => stack);
  return layers.flatMap(({ path, methods }) =>
    methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${path}`),
  );
}

const callsOf = (operations: readonly Operation[]): readonly string[] =>
  operations.map(({ method, path }) => `${method} ${path}`);

/** Sentences that say what to do. */
function differences(routes: readonly string[], described: readonly string[]): readonly string[] {
  return [
    ...routes
      .filter((route) => !described.includes(route))
      .map(
        (route) =>
          `${route} is a route without a description: add an Operation to a list in http/openapi/operations.ts`,
      ),
    ...described
      .filter((one) => !routes.includes(one))
      .map((one) => `${one} is described in http/openapi/, but http/app.ts has no such route`),
    ...described.filter((one, i) => described.indexOf(one) !== i).map((one) => `${one} is described twice`),
  ];
}

Routes('are described, all of them and no others, with chaos and without', () => {
  assert.equal(
    differences(
      routesOf(() => {}),
      callsOf(operationsOf(true)),
    ),
    [],
  );
  assert.equal(differences(routesOf(undefined), callsOf(operationsOf(false))), []);
  assert.ok(routesOf(() => {}).length > routesOf(undefined).length);
});

Routes('that are missing on one side are told in words', () => {
  const [missing = '', surplus = '', twice = ''] = differences(
    ['GET /new', 'GET /a'],
    ['GET /old', 'GET /a', 'GET /a'],
  );
  assert.match(missing, /^GET \/new is a route without a description: add an Operation/);
  assert.match(surplus, /^GET \/old is described .* no such route$/);
  assert.is(twice, 'GET /a is described twice');
});

Routes('stand in docs/api.md too', () => {
  const rows = [...textOf('docs/api.md').matchAll(/^\| `((?:GET|POST) \/[^` ]*)` \|/gm)].map(([, route = '']) => route);
  assert.equal([...rows].sort(), [...callsOf(operationsOf(true))].sort());
});
Routes.run();

// -------------------------------------------------------------------------------------------------- what is served

const Served = suite('openapi served');

Served(
  'is the document of this very node, kept by its tag',
  inWorld(async ({ url, port }) => {
    const answer = await fetch(`${url}/openapi.json`);
    const text = await answer.text();
    assert.equal(
      JSON.parse(text),
      JSON.parse(JSON.stringify(openApiOf({ chaos: false, base: `http://127.0.0.1:${port}` }))),
    );
    assert.not.match(text, /"\/kill"|x-chaos/);
    assert.is(answer.headers.get('content-type'), 'application/json; charset=utf-8');
    const etag = answer.headers.get('etag') ?? '';
    const again = await call(port, '/openapi.json', { headers: { 'If-None-Match': etag } });
    assert.equal([again.status, again.body.length, again.headers.etag], [304, 0, etag]);
    const other = await call(port, '/openapi.json', { headers: { 'If-None-Match': '"other"' } });
    assert.is(other.status, 200);
    const head = await fetch(`${url}/openapi.json`, { method: 'HEAD' });
    assert.equal([head.status, head.headers.get('content-length')], [200, String(Buffer.byteLength(text))]);
  }),
);
Served(
  'has the calls of chaos where that is switched on, and marks them',
  inWorld(
    async ({ url }) => {
      const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
        paths: Record<string, { post?: object }>;
      };
      const marked = Object.entries(paths).filter(([, { post }]) => post && 'x-chaos' in post);
      assert.equal(marked.map(([path]) => path).sort(), [
        '/chaos/cut',
        '/chaos/heal',
        '/chaos/pause',
        '/chaos/revive',
        '/kill',
        '/metrics/reset',
      ]);
    },
    { kill: () => {} },
  ),
);
Served.run();

// --------------------------------------------------------------------------------------- what is answered, and when

const Answers = suite('openapi answers');

const api = new DescribedApi(documentOf(true));

/** The call of the first example, with more in it. */
function requestOf({ method, examples }: Operation, more: HttpCall & { readonly query?: string }): [string, HttpCall] {
  const [example] = examples;
  if (!example) throw new Error('an operation without an example');
  const { path, headers = {}, body } = example;
  const query = more.query === undefined ? '' : `${path.includes('?') ? '&' : '?'}${more.query}`;
  const sent = more.body ?? body?.text;
  const all = { ...headers, ...(body && { 'Content-Type': body.type }), ...more.headers };
  return [path + query, { method, headers: all, ...(sent !== undefined && { body: sent }) }];
}

async function faultsOf(
  world: HttpWorld,
  operation: Operation,
  more: Parameters<typeof requestOf>[1],
): Promise<string[]> {
  const { status, headers, body } = await call(world.port, ...requestOf(operation, more));
  const template = templateOf(operation.path);
  const faults = api.faultsOf({ method: operation.method, template, status, headers, body: body.toString() });
  return faults.map((fault) => `${JSON.stringify(more)}: ${fault}`);
}

const odd: readonly Parameters<typeof requestOf>[1][] = [
  {},
  { query: 'nonsense=1' },
  { query: 'timeout=never' },
  { query: 'x=%ff' },
  { query: `long=${'x'.repeat(9000)}` },
  { headers: { 'Lamport-Time': 'soon' } },
  { headers: { 'Lamport-Time': String(2 ** 45) } },
  { headers: { Accept: 'image/png' } },
  { headers: { Host: 'evil.example' } },
  { headers: { Expect: 'miracles' } },
  { headers: { Origin: 'https://evil.example' } },
  { headers: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1'])) },
];
/** A real one does not come back either. */
const endsHere = (): never => {
  throw new Error('planted');
};

const oddBodies: readonly Parameters<typeof requestOf>[1][] = [
  ...['{', '[]', '[1]', '{}', '{"message": 1}', '"\\ud800"', 'nonsense', `["${'x'.repeat(1_100_000)}"]`].map(
    (body) => ({ body }),
  ),
  { body: `"${'x'.repeat(1_100_000)}"` },
  { body: `[${'1,'.repeat(60_000)}1]` },
  { body: Buffer.from([0x22, 0xff, 0x22]) },
  { body: 'x', headers: { 'Content-Type': 'image/png' } },
  { body: `["x"${',"x"'.repeat(10_001)}]` },
  { body: 'x', headers: { 'Content-Length': String(2 ** 30) } },
  { headers: { 'Idempotency-Key': 'é' } },
];

Answers(
  'to odd requests are all described',
  inWorld(
    async (world) => {
      world.node.fill(['one', 'two', 'three']);
      const faults: string[] = [];
      for (const operation of operationsOf(true)) {
        for (const more of [...odd, ...(operation.body ? oddBodies : [])])
          faults.push(...(await faultsOf(world, operation, more)));
      }
      assert.equal(faults, []);
    },
    { kill: endsHere },
  ),
);

const always: readonly TroubleCode[] = ['STARTING', 'STOPPING', 'IDENTITY_LOST', 'NO_LEADER', 'OVERLOADED'];
const ofReads: readonly TroubleCode[] = [...always, 'NOT_LINEARIZABLE', 'LOG_NOT_CAUGHT_UP', 'LAMPORT_TIME_ABSURD'];
const ofWrites: readonly TroubleCode[] = [
  ...always,
  'LEADER_UNREACHABLE',
  'OUTCOME_UNKNOWN',
  'LOG_NOT_CAUGHT_UP',
  'LAMPORT_TIME_ABSURD',
  'KEY_REUSED',
  'KEY_EXPIRED',
  'DISK_FULL',
];

Answers('of a node in trouble, full, guarded or with a bug are all described', async () => {
  const faults: string[] = [];
  const tell = async (world: HttpWorld): Promise<void> => {
    for (const operation of operationsOf(false)) faults.push(...(await faultsOf(world, operation, {})));
  };
  const world = await anHttpWorld({ limits: { maxTails: 0 } });
  world.node.fill(['one', 'two']);
  const listing = operationsOf(false).find(({ id }) => id === 'listMessages') as Operation;
  faults.push(...(await faultsOf(world, listing, { headers: { Accept: 'text/event-stream' } })));
  for (const code of ofReads) {
    world.node.readTrouble = trouble(code);
    await tell(world);
  }
  for (const code of ofWrites) {
    world.node.writeTrouble = trouble(code, { retryAfterMs: 50 });
    await tell(world);
  }
  for (const code of [...always, 'DISK_FULL'] as const) {
    world.node.refusing = trouble(code);
    await tell(world);
  }
  world.node.bug = new Error('planted');
  world.node.refusing = null;
  for (const identityTrouble of ['IDENTITY_LOST', 'CONFIG_MISMATCH', 'DAMAGED', null] as const) {
    world.node.statusPatch = { identityTrouble, leaderId: null, serving: false, role: 'starting' };
    await tell(world);
  }
  await world.stop();
  const guarded = await anHttpWorld({ apiToken: 'secret' });
  await tell(guarded);
  await guarded.stop();
  assert.equal(faults, []);
});

Answers('that are not described are found', () => {
  const given = { method: 'GET', template: '/leader', headers: { 'content-type': 'application/json' }, body: '8001' };
  assert.equal(api.faultsOf({ ...given, status: 200 }), []);
  assert.match(api.faultsOf({ ...given, status: 418 })[0] ?? '', /GET \/leader does not say that it may answer 418/);
  assert.match(
    api.faultsOf({ ...given, status: 200, body: '"me"' })[0] ?? '',
    /GET \/leader 200: it must be integer,null/,
  );
  const live = { ...given, template: '/health/live', status: 200 };
  assert.match(
    api.faultsOf({ ...live, body: '{"status":"live","node_id":1,"more":1}' })[0] ?? '',
    /additional properties/,
  );
  const one = { ...given, template: '/messages/{id}/relation/{b}' };
  assert.match(api.faultsOf({ ...one, status: 200 })[0] ?? '', /does not say/);
  const relation = { ...given, template: '/messages/{a}/relation/{b}', status: 200, body: '{"relation":"before"}' };
  assert.equal(api.faultsOf(relation), ['GET /messages/{a}/relation/{b} 200 comes without its header Lamport-Time']);
});
Answers.run();
