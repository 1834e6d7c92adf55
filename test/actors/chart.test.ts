/** Statecharts as data: the drawing of a machine is made from this, so nothing may be missing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnyStateMachine, createActor, setup } from 'xstate';
import { activeStates, actorsBelow, chartOf, chartsOf } from '../../actors/chart.ts';
import { election } from '../../actors/election.ts';
import { formation } from '../../actors/formation.ts';
import { gateway } from '../../actors/gateway.ts';
import { link } from '../../actors/link.ts';
import { nodeMachine } from '../../actors/node.ts';
import { replicator } from '../../actors/replicator.ts';
import { store } from '../../actors/store.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const machines = { election, formation, gateway, link, node: nodeMachine, replicator, store } as unknown as Record<
  string,
  AnyStateMachine
>;

interface Edge {
  readonly target?: readonly { readonly id: string }[];
}
interface StateNode {
  readonly id: string;
  readonly transitions: ReadonlyMap<string, readonly Edge[]>;
  readonly always?: readonly Edge[];
  readonly states: Readonly<Record<string, StateNode>>;
}
const rootOf = (machine: AnyStateMachine): StateNode => (machine as unknown as { root: StateNode }).root;
const nodesOf = (node: StateNode): StateNode[] => [node, ...Object.values(node.states).flatMap(nodesOf)];

/** Small, and has one of everything. */
const sample = setup({
  types: { events: {} as { type: 'go' } | { type: 'stay' } },
  guards: { may: () => true },
  actions: { note: () => undefined, cheer: () => undefined },
  delays: { patience: 50 },
}).createMachine({
  id: 'sample',
  initial: 'waiting',
  states: {
    waiting: {
      entry: 'note',
      on: { go: { guard: 'may', target: 'working', actions: ['note', 'cheer'] }, stay: { actions: 'note' } },
      after: { 300: 'working', patience: 'done' },
    },
    working: {
      exit: 'cheer',
      initial: 'first',
      states: { first: { always: { guard: 'may', target: 'second' } }, second: {} },
    },
    done: { type: 'final' },
  },
}) as unknown as AnyStateMachine;

const Chart = suite('chart');

for (const [name, machine] of Object.entries(machines)) {
  Chart(`${name}: has every state and every transition, the ones without an event too`, () => {
    const chart = chartOf(machine);
    const nodes = nodesOf(rootOf(machine));
    assert.is(chart.id, name);
    assert.equal(
      chart.states.map(({ id }) => id),
      nodes.map(({ id }) => id),
    );
    const wanted = nodes
      .flatMap(({ id, transitions, always }) =>
        [...[...transitions.values()].flat(), ...(always ?? [])].flatMap(({ target = [null] }) =>
          target.map((to) => `${id} -> ${to?.id ?? 'itself'}`),
        ),
      )
      .sort();
    const drawn = chart.edges.map(({ from, to }) => `${from} -> ${to ?? 'itself'}`).sort();
    assert.equal(drawn, wanted);
    assert.is(new Set(chart.edges.map(({ id }) => id)).size, chart.edges.length, 'ids of edges');
  });

  Chart(`${name}: is drawn with words that people read`, () => {
    const { edges, states } = chartOf(machine);
    const words = [
      ...edges.flatMap(({ event, guard, actions }) => [event, guard ?? '', ...actions]),
      ...states.flatMap(({ entry, exit }) => [...entry, ...exit]),
    ];
    assert.equal(
      words.filter((word) => /xstate\.|inline|undefined|\[object/.test(word)),
      [],
    );
  });
}

Chart('tells guards, actions, delays and what a state is', () => {
  const { states, edges } = chartOf(sample);
  assert.equal(
    states.map(({ id, parent, label, type, initial }) => [id, parent, label, type, initial]),
    [
      ['sample', null, 'sample', 'compound', true],
      ['sample.waiting', 'sample', 'waiting', 'atomic', true],
      ['sample.working', 'sample', 'working', 'compound', false],
      ['sample.working.first', 'sample.working', 'first', 'atomic', true],
      ['sample.working.second', 'sample.working', 'second', 'atomic', false],
      ['sample.done', 'sample', 'done', 'final', false],
    ],
  );
  assert.equal(states[1]?.entry, ['note']);
  assert.equal(states[2]?.exit, ['cheer']);
  assert.equal(
    edges.map(({ from, to, event, guard, actions }) => [from, to, event, guard, actions.join()]),
    [
      ['sample.waiting', 'sample.working', 'go', 'may', 'note,cheer'],
      ['sample.waiting', null, 'stay', null, 'note'],
      ['sample.waiting', 'sample.working', 'after 300 ms', null, ''],
      ['sample.waiting', 'sample.done', 'after patience', null, ''],
      ['sample.working.first', 'sample.working.second', 'always', 'may', ''],
    ],
  );
});

Chart('has a hash that stays with what is drawn, and changes with it', () => {
  assert.is(chartOf(sample).hash, chartOf(sample).hash);
  assert.match(chartOf(sample).hash, /^[0-9a-f]{16}$/);
  const other = setup({}).createMachine({ id: 'sample', initial: 'b', states: { a: {}, b: {} } });
  const another = setup({}).createMachine({ id: 'sample', initial: 'a', states: { a: {}, b: {} } });
  const hashes = [sample, other, another].map((machine) => chartOf(machine as unknown as AnyStateMachine).hash);
  assert.is(new Set(hashes).size, 3);
});

Chart('of a node come with those of all its actors, each once', () => {
  const charts = chartsOf(machines.node as AnyStateMachine);
  assert.equal(charts.map(({ id }) => id).sort(), Object.keys(machines).sort());
  assert.is(chartsOf(machines.node as AnyStateMachine), charts, 'they are made once');
});

Chart('names the active states of a running actor as the drawing does', () => {
  const clock = new VirtualClock();
  const actor = createActor(sample, { clock });
  actor.start();
  const ids = new Set(chartOf(sample).states.map(({ id }) => id));
  assert.equal(activeStates(actor.getSnapshot()), ['sample', 'sample.waiting']);
  actor.send({ type: 'go' });
  const active = activeStates(actor.getSnapshot()) ?? [];
  assert.equal([...active].sort(), ['sample', 'sample.working', 'sample.working.second']);
  assert.ok(active.every((id) => ids.has(id)));
  assert.equal(
    actorsBelow(actor).map(({ parent }) => parent),
    [null],
  );
  assert.is(activeStates({ context: {} }), undefined, 'a service has no states');
});

Chart.run();
