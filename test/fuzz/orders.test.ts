/**
 * What pages and their makers may say beside messages: orders of chaos, the sign-in, and wishes on /live. Whatever it is,
 * it is done as it was said or refused in stated words, and nothing half.
 *
 * The judges are second readings of what is allowed, written for clarity and nothing else.
 */
import { Agent } from 'node:http';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ChaosOrder } from '../../http/chaos.ts';
import { errors } from '../../http/errors.ts';
import type { Want } from '../../http/live/protocol.ts';
import { parseWant } from '../../http/live/want.ts';
import type { HttpOptions } from '../../http/server.ts';
import { anHttpWorld, type HttpWorld } from '../support/httpWorld.ts';
import { call, type HttpAnswer } from '../support/realCluster.ts';
import { anyDamage, anyText, damaged, holds, oftenEnough } from './property.ts';

type Given = Readonly<Record<string, unknown>>;

/** One world for all runs of a property. */
const inOneWorld =
  (use: (world: HttpWorld, agent: Agent) => Promise<void>, options: Omit<Partial<HttpOptions>, 'node'>) =>
  async (): Promise<void> => {
    const world = await anHttpWorld({ ...options, limits: { stallMs: 10_000 } });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      await use(world, agent);
      assert.is((await call(world.port, '/health')).status, 200, 'it goes on');
    } finally {
      agent.destroy();
      await world.stop();
    }
  };

/** 'ok', or the code of an error that says all that its table has. */
function outcomeOf({ lines }: HttpWorld, { status, json }: HttpAnswer): string {
  const bug = lines.find(({ event }) => event === 'http_bug');
  assert.is(bug, undefined, bug?.message);
  if (status === 200) return 'ok';
  const entry = errors[json.code as keyof typeof errors];
  assert.ok(entry, `${status} with code ${json.code}`);
  assert.equal([status, json.error, json.hint, json.outcome], [entry.status, entry.error, entry.hint, 'not_done']);
  return String(json.code);
}

/** Objects that have mostly the right members, with mostly the right values. */
const nearly = (members: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Given> =>
  fc
    .tuple(
      fc.record(members, { requiredKeys: [], noNullPrototype: true }),
      fc.option(fc.tuple(fc.constantFrom(...Object.keys(members), 'more', '__proto__', 'Node', ''), fc.jsonValue()), {
        freq: 4,
        nil: undefined,
      }),
    )
    .map(([given, more]) => {
      // Not by assignment: __proto__ is a member like any other where it comes from JSON.
      if (more) Object.defineProperty(given, more[0], { value: more[1], enumerable: true, configurable: true });
      return given;
    });
const oddNumber = fc.constantFrom(-1, 0, 0.5, 99, 99.5, 1e21, Number.MAX_SAFE_INTEGER, '100', null, true);

// ----------------------------------------------------------------------------------------------------------- chaos

const voters = [8001, 8002, 8003];
const members = {
  kill: ['node', 'ms'],
  pause: ['node', 'ms'],
  cut: ['node', 'peer', 'ms', 'oneWay'],
  revive: ['node'],
  heal: ['id'],
} as const;
type What = keyof typeof members;
const whats = Object.keys(members) as readonly What[];
const pathOf = (what: What): string => (what === 'kill' ? '/kill' : `/chaos/${what}`);

/** What these bytes order, or undefined. */
function ordered(what: What, bytes: Buffer): ChaosOrder | undefined {
  if (bytes.length > 1024) return undefined;
  let given: Given = {};
  try {
    if (bytes.length > 0) given = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return undefined;
  if (Object.keys(given).some((name) => !(members[what] as readonly string[]).includes(name))) return undefined;
  const id = given.id ?? null;
  if (what === 'heal')
    return id === null || /^[A-Za-z0-9_:>-]{1,60}$/.test(typeof id === 'string' ? id : ' ')
      ? { what, id: id as string | null }
      : undefined;
  const { node, peer, oneWay = false, ms = 30_000 } = given;
  if (!voters.includes(node as number)) return undefined;
  if (what === 'revive') return { what, node: node as number };
  if (typeof ms !== 'number' || Math.floor(ms) !== ms || ms < 100 || ms > 300_000) return undefined;
  if (what !== 'cut') return { what, node: node as number, ms };
  if (!voters.includes(peer as number) || peer === node || typeof oneWay !== 'boolean') return undefined;
  return { what, node: node as number, peer: peer as number, ms, oneWay };
}

const node = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...voters) }, { weight: 1, arbitrary: oddNumber });
const order = nearly({
  node,
  peer: node,
  ms: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 50, max: 310_000 }) }, { weight: 1, arbitrary: oddNumber }),
  oneWay: fc.oneof({ weight: 5, arbitrary: fc.boolean() }, { weight: 1, arbitrary: fc.constantFrom('true', 0, null) }),
  id: fc.oneof(fc.constantFrom('cut:8001->8002', 'a', ''), anyText),
});
/** Sometimes those of one call alone, so that many are obeyed. */
const orderOf = (what: What): fc.Arbitrary<Buffer> =>
  fc.tuple(order, fc.boolean(), fc.array(anyDamage, { maxLength: 1 }), fc.nat(9)).map(([given, fits, what_, luck]) => {
    const known: readonly string[] = members[what];
    const said = fits ? Object.fromEntries(Object.entries(given).filter(([name]) => known.includes(name))) : given;
    const bytes = Buffer.from(JSON.stringify(said));
    return luck === 0 ? damaged(bytes, what_) : bytes;
  });

const Orders = suite('any order of chaos');
const orders: ChaosOrder[] = [];
const chaos = {
  supervised: true,
  active: () => [],
  onChange: () => () => {},
  order: async (given: ChaosOrder) => {
    orders.push(given);
    return undefined;
  },
};
let kills = 0;

Orders(
  'is given on to the letter or refused in stated words',
  inOneWorld(
    async (world, agent) => {
      world.node.statusPatch = { voters };
      let [drawn, obeyed] = [0, 0];
      const one = fc.constantFrom(...whats).chain((what) => fc.tuple(fc.constant(what), orderOf(what)));
      await holds(
        fc.asyncProperty(one, async ([what, body]) => {
          const wanted = ordered(what, body);
          if (what === 'kill' && body.length === 0) return; // That one ends this node, and is no order.
          drawn++;
          const answer = await call(world.port, pathOf(what), { method: 'POST', body, agent });
          const outcome = outcomeOf(world, answer);
          assert.equal(orders.splice(0), wanted ? [wanted] : [], `${outcome} for ${what} ${body}`);
          assert.is(outcome === 'ok', wanted !== undefined, `${outcome} for ${what} ${body}`);
          if (wanted) obeyed++;
        }),
        2,
      );
      oftenEnough(obeyed, drawn, 0.05);
      assert.is(kills, 0);
    },
    { chaos, kill: () => kills++ },
  ),
);
Orders.run();

// --------------------------------------------------------------------------------------------------------- sign-in

const token = 's3cret of the test';
const spoilt = fc.constantFrom(
  token,
  `${token}x`,
  token.slice(1),
  token.toUpperCase(),
  `${token},Bearer ${token}`,
  encodeURIComponent(token),
  Buffer.from(token).toString('base64'),
  '',
);
const scheme = fc.constantFrom('Bearer ', 'bearer ', 'BEARER  ', 'Bearer\t', 'Basic ', 'Bearer', '');
const cookie = fc.constantFrom(
  '',
  'dlog_session=',
  `dlog_session=${token}`,
  `dlog_session=99999999999.${'A'.repeat(43)}`,
  `dlog_session=0.${'A'.repeat(43)}; dlog_session=1`,
  'dlog_session=NaN.x; ; ==; __proto__=1',
);

const SignIn = suite('any sign-in');

SignIn(
  'gives a cookie for the token in its header and for nothing else, whatever the body is',
  inOneWorld(
    async (world, agent) => {
      let [drawn, signedIn] = [0, 0];
      await holds(
        fc.asyncProperty(
          fc.constantFrom('/session', '/session/end'),
          fc.tuple(scheme, spoilt),
          cookie,
          fc.uint8Array({ maxLength: 2_000 }),
          async (path, [kind, secret], cookies, bytes) => {
            drawn++;
            const headers = { Authorization: `${kind}${secret}`.trimEnd() || 'none', Cookie: cookies };
            const answer = await call(world.port, path, { method: 'POST', headers, body: Buffer.from(bytes), agent });
            const outcome = outcomeOf(world, answer);
            const given = String(answer.headers['set-cookie'] ?? '');
            const isRight = /^bearer $/i.test(kind.slice(0, 7)) && secret === token;
            assert.is(outcome, isRight ? 'ok' : 'TOKEN_REQUIRED');
            const form = path === '/session' ? /^dlog_session=\d+\.[\w-]{43};/ : /^dlog_session=; /;
            assert.is(form.test(given), isRight);
            if (isRight) signedIn++;
          },
        ),
      );
      oftenEnough(signedIn, drawn, 0.01);
    },
    { apiToken: token, tokenFor: 'all' },
  ),
);
SignIn.run();

// ---------------------------------------------------------------------------------------------------------- wishes

const Wishes = suite('any wish on /live');

const want = nearly({
  type: fc.oneof({ weight: 9, arbitrary: fc.constant('want') }, { weight: 1, arbitrary: anyText }),
  everyMs: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 11_000 }) }, { weight: 1, arbitrary: oddNumber }),
  trace: fc.oneof({ weight: 5, arbitrary: fc.boolean() }, { weight: 1, arbitrary: oddNumber }),
  actors: fc.boolean(),
  oneOf: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 2_000 }) }, { weight: 1, arbitrary: oddNumber }),
});

function saidAndFound(text: string, found: Want): void {
  for (const [name, value] of Object.entries(JSON.parse(text) as Given))
    assert.is((found as unknown as Given)[name], value, name);
  const { type, everyMs, oneOf, ...more } = found;
  assert.is(type, 'want');
  assert.ok(everyMs === 0 || (Number.isInteger(everyMs) && everyMs >= 100 && everyMs <= 10_000));
  assert.ok(Number.isInteger(oneOf) && oneOf >= 1);
  assert.ok(Object.values(more).every((value) => typeof value === 'boolean'));
}

Wishes('is taken as it was said, or refused in words that fit into a close frame', () => {
  let [drawn, taken] = [0, 0];
  holds(
    fc.property(fc.oneof({ weight: 5, arbitrary: want }, { weight: 1, arbitrary: fc.jsonValue() }), (said) => {
      drawn++;
      const text = JSON.stringify(said);
      const found = parseWant(text);
      if (typeof found === 'string') {
        assert.ok(Buffer.byteLength(found) <= 123, `${found.length} bytes: ${found}`);
        return;
      }
      taken++;
      saidAndFound(text, found);
    }),
    5,
  );
  oftenEnough(taken, drawn, 0.01);
});
Wishes('that is no JSON is refused in the same way, and throws nothing', () => {
  const texts = fc
    .tuple(want, fc.array(anyDamage, { minLength: 1, maxLength: 3 }))
    .map(([said, damages]) => damaged(Buffer.from(JSON.stringify(said)), damages).toString());
  holds(
    fc.property(fc.oneof(texts, anyText), (text) => {
      const found = parseWant(text);
      if (typeof found === 'string') assert.ok(Buffer.byteLength(found) <= 123);
      else saidAndFound(text, found);
    }),
    5,
  );
});
Wishes.run();
