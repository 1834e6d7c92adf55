/**
 * Any call against a real server: always a stated outcome, soon; what was accepted is stored as it was sent.
 *
 * The judge of a body is a second reading of it, written for clarity and nothing else.
 */
import { Agent, request } from 'node:http';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errors } from '../../http/errors.ts';
import { anHttpWorld, type HttpWorld, until } from '../support/httpWorld.ts';
import { anyDamage, anyText, damaged, holds, wholeText } from './property.ts';

// ------------------------------------------------------------------------------------------------------------ calls

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
}
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 4 });

function ask({ port }: HttpWorld, { method, path, headers, body }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(30_000); // A hang is a failure.
    const asked = request({ host: '127.0.0.1', port, method, path, agent, signal, setHost: true });
    for (const [name, value] of headers) asked.appendHeader(name, value);
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (response.headers['content-type']?.startsWith('text/event-stream')) response.destroy(); // It has no end.
      });
      const finish = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString('utf8'),
        });
      response.on('end', finish);
      response.on('close', finish);
    });
    asked.end(body);
  });
}

/** What every answer must be; gives its code, or 'ok'. */
function outcomeOf(world: HttpWorld, call: Call, { status, type, text }: Answer): string {
  const bug = world.lines.find(({ event }) => event === 'http_bug');
  assert.is(bug, undefined, bug?.message);
  if (status < 400) return 'ok';
  if (call.method === 'HEAD') return 'an error';
  assert.match(type, /^application\/json/);
  const { code, error, hint, outcome } = JSON.parse(text) as Record<string, string>;
  const entry = errors[code as keyof typeof errors];
  assert.ok(entry, `${code} is no code`);
  assert.equal({ status, error, hint, outcome }, { ...pick(entry), outcome: 'not_done' });
  assert.is.not(code, 'INTERNAL');
  return code ?? '';
}
const pick = ({ status, error, hint }: (typeof errors)[keyof typeof errors]) => ({ status, error, hint });

/** One world for all runs of a property; it gets a new log when the old one is long. */
function inOneWorld(use: (world: HttpWorld) => Promise<void>): () => Promise<void> {
  return async () => {
    const world = await anHttpWorld({ limits: { stallMs: 10_000 } });
    try {
      await use(world);
    } finally {
      agent.destroy();
      await world.stop();
    }
  };
}

// ----------------------------------------------------------------------------------------------------------- bodies

/** A JSON text of this value, in one of the many spellings it may have. */
const spelling = (value: unknown): fc.Arbitrary<string> => {
  const plain = JSON.stringify(value);
  const escaped = plain.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return fc.constantFrom(plain, escaped, ` \n\t\r${plain} `, JSON.stringify(value, null, 2));
};
const oddJson = fc.constantFrom(
  '{"message":"a","message":"b"}',
  '{"message":"a","n":1e999}',
  '{"message":"a","n":123456789012345678901234567890}',
  '{"__proto__":{"message":"a"},"message":"b"}',
  '\ufeff{"message":"a"}',
  '\ufeff"a"',
  '["a"]',
  '[]',
  '{}',
  'null',
  'nul',
  '{"message":"a"}}',
  '{"message":"a",}',
  "{'message':'a'}",
  '"\u2028"',
  '"a\tb"',
  '"\\u0000"',
  '"\\ud83d"',
  '"\\ud83d\\ude00"',
  '"\\x41"',
  '[["a"]]',
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  `{"message":"a","deep":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
);
const element = fc.oneof(
  anyText,
  anyText.map((message) => ({ message })),
  fc.tuple(anyText, fc.jsonValue()).map(([message, more]) => ({ more, message })),
);
const jsonBody = fc.oneof(
  { weight: 3, arbitrary: element.chain(spelling) },
  { weight: 3, arbitrary: fc.array(element, { maxLength: 5 }).chain(spelling) },
  { weight: 1, arbitrary: fc.jsonValue().chain(spelling) },
  { weight: 2, arbitrary: oddJson },
);
const lines = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: element.map((value) => JSON.stringify(value)) },
      oddJson,
      fc.constantFrom(' ', '\u00a0', '\ufeff'),
    ),
    {
      maxLength: 5,
    },
  )
  .chain((all) => fc.constantFrom('\n', '\r\n', '\n\n').map((end) => all.join(end)));
const formBody = fc.oneof(
  wholeText.map((message) => new URLSearchParams({ message }).toString()),
  fc.constantFrom(
    'message=%zz',
    'message=%ff',
    'message=a&message=b',
    'mesage=a',
    'message',
    '&&message=a&',
    '{"message":"a"}',
  ),
);
const rawBody: fc.Arbitrary<Buffer> = fc.oneof(
  fc.oneof(jsonBody, lines, formBody, wholeText).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 60 }).map(Buffer.from),
);
const body: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 4, arbitrary: rawBody },
  {
    weight: 1,
    arbitrary: fc.tuple(rawBody, fc.array(anyDamage, { maxLength: 2 })).map(([bytes, what]) => damaged(bytes, what)),
  },
);

const contentTypes = [
  'application/json',
  'application/x-ndjson',
  'application/x-www-form-urlencoded',
  'text/plain',
  'application/json; charset=utf-8',
  'text/plain;charset=US-ASCII',
] as const;

/** The messages of a body, or undefined where there are none to be had. */
function messagesOf(path: '/' | '/messages', type: string, bytes: Buffer): string[] | undefined {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    const all = text.decode(bytes);
    const kind = type.split(';')[0];
    if (path === '/') {
      if (all === '') return undefined;
      if (kind === 'text/plain') return [all];
      if (kind === 'application/json' || all.startsWith('{'))
        return kind === 'application/x-ndjson' ? undefined : [oneOf(all)];
      return kind === 'application/x-www-form-urlencoded' ? [fieldOf(all)] : undefined;
    }
    const found =
      kind === 'application/json'
        ? (JSON.parse(all) as unknown[]).map(messageOf)
        : all
            .split('\n')
            .filter((line) => !/^[ \t\r]*$/.test(line))
            .map(oneOf);
    return found.length > 0 && (kind === 'application/json' || kind === 'application/x-ndjson') ? found : undefined;
  } catch {
    return undefined;
  }
}
const oneOf = (json: string): string => messageOf(JSON.parse(json));
function messageOf(value: unknown): string {
  const isObject =
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, 'message');
  const message = isObject ? (value as { message: unknown }).message : value;
  if (typeof message !== 'string' || /\p{Surrogate}/u.test(message)) throw new Error('none');
  return message;
}
function fieldOf(form: string): string {
  const pairs = form.split('&').filter((pair) => pair !== '');
  const decoded = pairs.map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return [name, value.join('=')].map((part) => decodeURIComponent(part.replaceAll('+', ' '))) as [string, string];
  });
  if (new Set(decoded.map(([name]) => name)).size < decoded.length) throw new Error('twice');
  const found = decoded.find(([name]) => name === 'message');
  if (!found) throw new Error('none');
  return found[1];
}

const Bodies = suite('any call: bodies');

Bodies(
  'are taken when they hold messages and refused when not, and messages are stored to the letter',
  inOneWorld(async (world) => {
    const { node } = world;
    await holds(
      fc.asyncProperty(
        fc.constantFrom('/', '/messages'),
        fc.constantFrom(...contentTypes),
        body,
        async (path, type, bytes) => {
          const wanted = messagesOf(path, type, bytes);
          const before = node.appends.length;
          const call: Call = { method: 'POST', path, headers: [['content-type', type]], body: bytes };
          const answer = await ask(world, call);
          const outcome = outcomeOf(world, call, answer);
          assert.is(outcome === 'ok', wanted !== undefined, `${outcome} for ${JSON.stringify(bytes.toString())}`);
          assert.is(node.appends.length - before, wanted ? 1 : 0);
          if (!wanted) return;
          const { id, first_id } = JSON.parse(answer.text) as { id?: number; first_id?: number };
          const after = (id ?? first_id ?? 0) - 1;
          const list = await ask(world, {
            method: 'GET',
            path: `/messages?after=${after}`,
            headers: [],
            body: undefined,
          });
          const stored = JSON.parse(list.text) as { content: string }[];
          assert.equal(
            stored.map(({ content }) => content),
            wanted,
          );
          const one = await ask(world, { method: 'GET', path: `/messages/${after + 1}`, headers: [], body: undefined });
          assert.is((JSON.parse(one.text) as { content: string }).content, wanted[0]);
        },
      ),
      2,
    );
  }),
);
Bodies(
  'in the query are stored to the letter, whatever is in them',
  inOneWorld(async (world) => {
    await holds(
      fc.asyncProperty(wholeText, fc.boolean(), async (message, asForm) => {
        const query = asForm ? new URLSearchParams({ message }).toString() : `message=${encodeURIComponent(message)}`;
        const call: Call = { method: 'POST', path: `/?${query}`, headers: [], body: undefined };
        const answer = await ask(world, call);
        assert.is(outcomeOf(world, call, answer), 'ok');
        assert.is(String(world.node.appends.at(-1)?.contents[0]), message);
      }),
    );
  }),
);
Bodies.run();

// ------------------------------------------------------------------------------------------ methods, paths, headers

const numbers = fc.oneof(
  fc.integer({ min: -2, max: 70_000 }).map(String),
  fc.constantFrom('', '1e3', '0x1', '+1', '1.0', ' 1', '1 ', '00', '-0', 'NaN', '9007199254740991', '9007199254740992'),
  fc.constantFrom('99999999999999999999', '%D9%A1', '1;2', 'null', '%31', '%00', '1%00', '4294967296'),
);
const parameter = fc.oneof(
  fc.tuple(fc.constantFrom('after', 'limit', 'timeout'), numbers),
  fc.tuple(fc.constant('timeout'), fc.constant('1')),
  fc.tuple(fc.constant('consistency'), fc.constantFrom('session', 'linearizable', 'strong', '')),
  fc.tuple(fc.constantFrom('limt', 'after_id', 'After', '__proto__', 'constructor', '%61fter'), numbers),
  fc.tuple(fc.constant('message'), wholeText.map(encodeURIComponent)),
);
const query = fc
  .array(parameter, { maxLength: 3 })
  .map((pairs) =>
    pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.join('=').replaceAll(' ', '%20')).join('&')}`,
  );
const paths = fc.oneof(
  fc.constantFrom('/', '/messages', '/metrics', '/health', '/health/live', '/leader', '/state', '/lamport_time'),
  numbers.map((id) => `/messages/${encodeURIComponent(id)}`),
  fc.tuple(numbers, numbers).map((ids) => `/messages/${ids.map(encodeURIComponent).join('/relation/')}`),
  fc.constantFrom(
    '/kill',
    '/metrics/reset',
    '//',
    '/messages/',
    '/..',
    '/%2e%2e',
    '/messages/%ff',
    '/%',
    '*',
    '/dashboard',
  ),
  fc.webPath().map((path) => (path === '' ? '/' : path)),
);
/** What node lets a client send as a header. */
const headerText = fc
  .array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.constantFrom(9, 0x80, 0xe9, 0xff)), { maxLength: 40 })
  .map((bytes) => String.fromCharCode(...bytes));
const header: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(fc.constantFrom('lamport-time', 'last-event-id'), fc.oneof(numbers, headerText)),
  fc.tuple(
    fc.constantFrom('idempotency-key', 'accept', 'content-type', 'content-encoding', 'authorization', 'origin', 'x'),
    headerText,
  ),
  fc.tuple(
    fc.constant('accept'),
    fc.constantFrom(
      '*/*',
      'text/event-stream',
      'application/x-ndjson;q=0.5',
      'text/*;q=2',
      'a/b;q=',
      ',,;',
      'image/png',
    ),
  ),
  fc.tuple(
    fc.constant('content-type'),
    fc.constantFrom(...contentTypes, 'text/plain; charset=utf-16', 'multipart/form-data'),
  ),
  fc.tuple(fc.constant('content-encoding'), fc.constantFrom('gzip', 'identity', 'br, gzip', 'deflate')),
  fc.tuple(fc.constantFrom('sec-fetch-site'), fc.constantFrom('cross-site', 'same-origin', '')),
  fc.tuple(fc.constant('upgrade'), fc.constantFrom('websocket', 'h2c')),
);
const call: fc.Arbitrary<Call> = fc
  .record({
    method: fc.constantFrom(
      'GET',
      'GET',
      'POST',
      'POST',
      'HEAD',
      'PUT',
      'DELETE',
      'OPTIONS',
      'PATCH',
      'TRACE',
      'PURGE',
    ),
    path: paths,
    query,
    headers: fc.array(header, { maxLength: 4 }),
    body: fc.option(body, { nil: undefined }),
  })
  .map(({ path, query: asked, method, headers, body: bytes }) => ({
    method,
    path: path + asked,
    headers,
    // Of other methods node's client sends a body without its length, as the next request.
    body: ['POST', 'PUT', 'PATCH'].includes(method) ? bytes : undefined,
  }));

const Calls = suite('any call');

Calls(
  'has a stated outcome, and changes nothing when it is refused',
  inOneWorld(async (world) => {
    const { node } = world;
    node.fill(['one', 'two', 'three']);
    await holds(
      fc.asyncProperty(call, async (asked) => {
        // A token of the future makes a call wait for it: as long as it wishes, so here not long.
        const waits = asked.headers.some(([name]) => name === 'lamport-time');
        const soon = waits && !asked.path.includes('timeout=');
        const made = soon ? { ...asked, path: `${asked.path}${asked.path.includes('?') ? '&' : '?'}timeout=1` } : asked;
        if (waits && /timeout=[2-9]?\d{3,}/.test(made.path)) return;
        const before = node.appends.length;
        const outcome = outcomeOf(world, made, await ask(world, made));
        const appended = node.appends.length - before;
        // A slash at the end changes nothing.
        if (outcome === 'ok' && made.method === 'POST' && /^\/(messages)?\/?(\?|$)/.test(made.path))
          assert.is(appended, 1);
        else if (outcome !== 'LOG_NOT_CAUGHT_UP' && outcome !== 'LAMPORT_TIME_ABSURD' && outcome !== 'KEY_REUSED')
          assert.is(appended, 0);
        await until(() => node.listeners.size === 0, 'nobody is left listening');
      }),
      2,
    );
  }),
);
Calls(
  'for messages shows those that were asked for, and no others',
  inOneWorld(async (world) => {
    const { node } = world;
    const sizes = [3, 1, 7, 1, 1, 12, 2];
    for (const size of sizes) node.fill(Array.from({ length: size }, (_, i) => `${size}/${i}`));
    const all = sizes.flatMap((size) => Array.from({ length: size }, (_, i) => `${size}/${i}`));
    await holds(
      fc.asyncProperty(fc.nat(30), fc.option(fc.nat(30)), fc.boolean(), async (after, limit, asLines) => {
        const asked: Call = {
          method: 'GET',
          path: `/messages?after=${after}${limit === null ? '' : `&limit=${limit}`}`,
          headers: asLines ? [['accept', 'application/x-ndjson']] : [],
          body: undefined,
        };
        const { text } = await ask(world, asked);
        const shown = (
          asLines
            ? text
                .split('\n')
                .filter(Boolean)
                .map((line) => JSON.parse(line))
            : JSON.parse(text)
        ) as {
          id: number;
          content: string;
        }[];
        const wanted = all
          .map((content, i) => ({ id: i + 1, content }))
          .slice(after, limit === null ? undefined : after + limit);
        assert.equal(
          shown.map(({ id, content }) => ({ id, content })),
          wanted,
        );
      }),
    );
  }),
);
Calls.run();
