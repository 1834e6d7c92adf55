import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { check, describe, type Model } from './checker.ts';
import { ForwardingModel } from './forwarding.ts';
import { ReplicationModel } from './replication.ts';
import { planOf } from './run.ts';
import { StateReader, StateStore, StateWriter } from './stateStore.ts';

/** Two jugs of three and five litres, which can be filled, emptied and poured into each other. */
interface Jugs {
  readonly small: number;
  readonly big: number;
}
const jugs = (wrong: (jugs: Jugs) => boolean): Model<Jugs> => ({
  initial: { small: 0, big: 0 },
  steps({ small, big }, take) {
    const toBig = Math.min(small, 5 - big);
    const toSmall = Math.min(big, 3 - small);
    take({ small: 3, big }, () => 'fill the small one');
    take({ small, big: 5 }, () => 'fill the big one');
    take({ small: 0, big }, () => 'empty the small one');
    take({ small, big: 0 }, () => 'empty the big one');
    take({ small: small - toBig, big: big + toBig }, () => 'pour into the big one');
    take({ small: small + toSmall, big: big - toSmall }, () => 'pour into the small one');
  },
  violation: (state) => (wrong(state) ? 'four litres' : undefined),
  encode({ small, big }, to) {
    to.put(small);
    to.put(big);
  },
  decode: (from) => ({ small: from.take(), big: from.take() }),
  show: ({ small, big }) => [`${small} and ${big}`],
});

const Checker = suite('checker');

Checker('finds a shortest way', () => {
  const outcome = check(
    jugs(({ big }) => big === 4),
    { states: 100 },
  );
  if (outcome.kind !== 'violated') throw new Error(describe(outcome));
  assert.is(outcome.violation, 'four litres');
  assert.equal(outcome.steps, [
    'fill the big one',
    'pour into the small one',
    'empty the small one',
    'pour into the small one',
    'fill the big one',
    'pour into the small one',
  ]);
  assert.equal(outcome.end, ['3 and 4']);
  assert.match(describe(outcome), /VIOLATED: four litres\n {3}1\. fill the big one\n/);
});

Checker('visits every state once, and says that there is no other', () => {
  const { kind, statistics } = check(
    jugs(() => false),
    { states: 100 },
  );
  assert.is(kind, 'exhausted');
  assert.is(statistics.states, 16);
  assert.is(statistics.transitions, 16 * 6);
  assert.is(statistics.depth, 7);
});

Checker('says so when it ran into a bound', () => {
  const never = jugs(() => false);
  assert.equal(pick(check(never, { states: 10 })), ['bounded', 10]);
  assert.equal(pick(check(never, { states: 100, depth: 0 })), ['bounded', 1]);
  assert.equal(pick(check(never, { states: 100, depth: 1 })), ['bounded', 3]);
  assert.equal(pick(check(never, { states: 100, depth: 100 })), ['exhausted', 16]);
});
const pick = ({ kind, statistics }: ReturnType<typeof check>): readonly unknown[] => [kind, statistics.states];

Checker('looks at the first state too', () => {
  const outcome = check(
    jugs(({ big }) => big === 0),
    { states: 100 },
  );
  assert.is(outcome.kind === 'violated' && outcome.steps.length, 0);
});

Checker('tells how far it is', () => {
  const told: number[] = [];
  const counter: Model<number> = {
    initial: 0,
    steps: (n, take) => take(n + 1, () => 'count'),
    violation: () => undefined,
    encode(n, to) {
      to.put(n >> 12);
      to.put(n & 4095);
    },
    decode: (from) => (from.take() << 12) | from.take(),
    show: (n) => [String(n)],
  };
  const outcome = check(counter, { states: 250_000 }, ({ states }) => told.push(states));
  assert.is(outcome.kind, 'bounded');
  assert.equal(told, [100_002, 200_002]);
});

const Store = suite('state store');

const written = (...numbers: readonly number[]): StateWriter => {
  const writer = new StateWriter();
  for (const number of numbers) writer.put(number);
  return writer;
};

Store('gives back small and large numbers', () => {
  const store = new StateStore();
  const numbers = [0, 1, 254, 255, 256, 65_535];
  assert.is(store.add(written(7)), 0);
  assert.is(store.add(written(...numbers)), 1);
  const reader = new StateReader();
  store.read(1, reader);
  assert.equal(
    numbers.map(() => reader.take()),
    numbers,
  );
});

Store('knows a state again among very many, and none that only begins alike (S1)', () => {
  const store = new StateStore();
  const states = 300_000; // Over several pages and tables.
  for (let n = 0; n < states; n++) assert.is(store.add(written(n >> 8, n & 255, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)), n);
  assert.is(store.add(written(1, 1, 9)), states);
  for (let n = 0; n < states; n += 999)
    assert.is(store.add(written(n >> 8, n & 255, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)), undefined);
  assert.is(store.count, states + 1);
});

const Codecs = suite('states as numbers');

/** Walks some way into a model and back from numbers: a field that is forgotten there would merge different states. */
function sameAfterwards<State>(model: Model<State>, statesMax: number): void {
  const writer = new StateWriter();
  const reader = new StateReader();
  const waiting = [model.initial];
  for (let seen = 0; seen < statesMax && waiting.length > 0; seen++) {
    const state = waiting.splice((seen * 7) % waiting.length, 1)[0] as State;
    writer.length = 0;
    model.encode(state, writer);
    reader.bytes = writer.bytes;
    reader.at = 0;
    assert.equal(model.decode(reader), state);
    assert.is(reader.at, writer.length);
    model.steps(state, (next) => {
      if (model.violation(next) === undefined) waiting.push(next);
    });
  }
}

Codecs('come back as they were: replication', () => {
  const troubles = { reads: 1, damages: 1, wipes: 1, rots: 1, slowLog: true, slowPromise: true };
  sameAfterwards(new ReplicationModel({ writes: 2, followersCommit: true, clocks: true, ...troubles }), 3000);
  sameAfterwards(new ReplicationModel({ nodes: 5, writes: 2, elections: 3 }), 1000);
});

Codecs('come back as they were: forwarding', () => {
  const troubles = { closes: 2, crashes: 1, refusals: 1, drains: 1, resignations: 1 };
  sameAfterwards(new ForwardingModel({ epochs: 3, writes: 2, sends: 3, ...troubles }), 3000);
  sameAfterwards(new ForwardingModel({ epochs: 3, leader: 0, ...troubles }), 1000);
});

const Command = suite('npm run model');

Command('takes the replication of a small world when nothing is said', () => {
  const plan = planOf([]);
  if (plan === 'help' || 'faults' in plan) throw new Error('a plan was wanted');
  assert.is(plan.kind, 'replication');
  assert.is(plan.world.nodes, 3);
  assert.equal(plan.broken, []);
});

Command('takes sizes, rules to break and bounds', () => {
  const words =
    'replication --elections 4 --slow-log --break commitsOwnEpoch --break winnerAdopts --states 10 --depth 3';
  const plan = planOf(words.split(' '));
  if (plan === 'help' || 'faults' in plan) throw new Error('a plan was wanted');
  assert.equal([plan.world.elections, plan.world.slowLog, plan.states, plan.depth], [4, true, 10, 3]);
  assert.equal(plan.broken, ['commitsOwnEpoch', 'winnerAdopts']);
});

Command('names everything that is wrong at once', () => {
  assert.equal(planOf(['poker']), { faults: ['poker: no such model; there are replication, forwarding'] });
  assert.equal(planOf(['forwarding', '--closes', 'x', '--break', 'winnerAdopts', '--nodes', '--states', '0']), {
    faults: [
      '--closes x: wants a whole number from 0 to 999',
      '--break winnerAdopts: no such rule of the forwarding model; --help names all rules',
      '--nodes: unknown; --help names all options',
      '--states 0: wants a whole number from 1 to 50000000',
    ],
  });
  assert.equal(planOf(['--writes']), { faults: ['--writes: wants a whole number from 0 to 999'] });
  assert.is(planOf(['--help']), 'help');
});

Checker.run();
Store.run();
Codecs.run();
Command.run();
