/** The page of the actors, its pure parts: the tree of all nodes, the drawings and the layouts that they come from. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Box,
  drawingOf,
  type Kind,
  type Layouts,
  nestedOf,
  pathsOf,
  takenBetween,
} from '../../ui/actors/drawing.ts';
import { chartNamer, firstChoice, transitionsOf, treeOf } from '../../ui/actors/tree.ts';
import { aView } from '../support/fakeFeed.ts';
import { anActor, charts } from './actorsWorld.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const layouts = JSON.parse(readFileSync(join(root, 'ui', 'actors', 'layouts.json'), 'utf8')) as Layouts;
const kinds: readonly Kind[] = ['small', 'whole'];
const chartNamed = (id: string) => charts.find((chart) => chart.id === id)!;

const Laid = suite('layouts of the statecharts');

Laid('fit the machines as they are; else run: npm run build && node ui/layout.mjs', () => {
  assert.equal(
    Object.fromEntries(Object.entries(layouts).map(([id, { hash }]) => [id, hash])),
    Object.fromEntries(charts.map(({ id, hash }) => [id, hash])),
    'A machine has changed: build, then run `node ui/layout.mjs [folder of the build]`, look at the page and commit ui/actors/layouts.json',
  );
});

const contains = ([x, y, width, height]: Box, [x2, y2, width2, height2]: Box): boolean =>
  x2 >= x && y2 >= y && x2 + width2 <= x + width && y2 + height2 <= y + height;
const overlaps = ([x, y, width, height]: Box, [x2, y2, width2, height2]: Box): boolean =>
  x < x2 + width2 && x2 < x + width && y < y2 + height2 && y2 < y + height;

Laid('place every state inside its parent, and no two brothers on one another', () => {
  for (const chart of charts) {
    for (const kind of kinds) {
      const { states, width, height } = layouts[chart.id]![kind];
      for (const { id, parent } of chart.states) {
        const box = states[id]!;
        assert.ok(contains(parent === null ? [0, 0, width, height] : states[parent]!, box), `${kind} ${id}`);
        for (const other of chart.states)
          if (other.id !== id && other.parent === parent)
            assert.not.ok(overlaps(box, states[other.id]!), `${id} ${other.id}`);
      }
    }
  }
});

/** Letters of the fixed-width fonts are at most so wide, by the size of the font. */
const letter = 0.605;

Laid('give every name and every line at an arrow the room that it takes', () => {
  for (const chart of charts) {
    for (const kind of kinds) {
      const { states, arrows } = layouts[chart.id]![kind];
      for (const { id, label, invokes } of chart.states) {
        for (const line of [label, ...invokes.map((name) => `▷ ${name}`)])
          assert.ok(line.length * 12 * letter <= states[id]![2] - 12, `${kind} ${id}: ${line}`);
      }
      for (const { lines = [], label } of arrows) {
        for (const line of lines) assert.ok(line.length * 11 * letter <= label![2] - 2, `${kind} ${line}`);
        assert.ok(lines.length * 14 <= (label?.[3] ?? 0));
      }
    }
  }
});

Laid('lay no words over other words or over a state that has none below it', () => {
  for (const chart of charts) {
    const outer = new Set(chart.states.map(({ parent }) => parent));
    for (const kind of kinds) {
      const { states, arrows } = layouts[chart.id]![kind];
      const labels = arrows.flatMap(({ label, from, to }) =>
        label === undefined ? [] : [{ label, name: `${from}>${to}` }],
      );
      for (const [at, { label, name }] of labels.entries()) {
        for (const other of labels.slice(at + 1))
          assert.not.ok(overlaps(label, other.label), `${kind} ${name} ${other.name}`);
        for (const [id, box] of Object.entries(states))
          if (!outer.has(id)) assert.not.ok(overlaps(label, box), `${kind} ${name} over ${id}`);
      }
    }
  }
});

Laid('draw every transition to another state, and say its events or how many more there are', () => {
  for (const chart of charts) {
    const { arrows } = layouts[chart.id]!.whole;
    const expected = new Set(chart.edges.filter(({ to }) => to !== null).map(({ from, to }) => `${from}>${to}`));
    assert.equal(new Set(arrows.map(({ from, to }) => `${from}>${to}`)), expected);
    for (const { from, to, lines = [] } of arrows) {
      const events = chart.edges.filter((edge) => edge.from === from && edge.to === to);
      const more = /^\+(\d+)$/.exec(lines.at(-1) ?? '')?.[1];
      assert.is(more === undefined ? lines.length : lines.length - 1 + Number(more), events.length, `${from}>${to}`);
    }
    for (const { from, to, lines = [] } of layouts[chart.id]!.small.arrows) {
      const timers = chart.edges.filter(
        (edge) => edge.from === from && edge.to === to && edge.event.startsWith('after '),
      );
      assert.is(lines.length, timers.length, 'timers are named also in the small one');
    }
  }
});
Laid.run();

const Drawn = suite('drawing');

Drawn('joins states by arrows that begin and end at their edges', () => {
  for (const chart of charts) {
    const { states, arrows } = layouts[chart.id]!.whole;
    const touches = ([x, y, width, height]: Box, [px, py]: readonly [number, number]): boolean =>
      (Math.min(Math.abs(px - x), Math.abs(px - x - width)) <= 2 && py >= y - 2 && py <= y + height + 2) ||
      (Math.min(Math.abs(py - y), Math.abs(py - y - height)) <= 2 && px >= x - 2 && px <= x + width + 2);
    for (const { from, to, points } of arrows) {
      assert.ok(touches(states[from]!, points[0]!), `${from}>${to} begins`);
      assert.ok(touches(states[to]!, points.at(-1)!), `${from}>${to} ends`);
    }
    assert.is(drawingOf(chart, layouts, 'whole')?.arrows.length, arrows.length);
  }
});

Drawn('is none for a machine that has no layout, or one of another version', () => {
  const election = chartNamed('election');
  assert.ok(drawingOf(election, layouts, 'small'));
  assert.is(drawingOf({ ...election, hash: 'another' }, layouts, 'small'), null);
  assert.is(drawingOf({ ...election, id: 'constructor' }, layouts, 'small'), null);
});

Drawn('marks arrows that a timer may fire', () => {
  const drawing = drawingOf(chartNamed('election'), layouts, 'small')!;
  const timed = drawing.arrows.filter(({ isTimed }) => isTimed).map(({ key }) => key);
  assert.ok(timed.includes('election.probing>election.follower'));
  assert.not.ok(timed.includes('election.probing>election.candidate'));
});

Drawn('has a text twin: states nested as they are, transitions with all they do', () => {
  const election = chartNamed('election');
  const [top] = nestedOf(election);
  const office = top?.children.find(({ state }) => state.id === 'election.inOffice');
  assert.equal(
    office?.children.map(({ state }) => state.label),
    ['establishing', 'leading', 'draining'],
  );
  const rows = transitionsOf(election);
  assert.is(rows.length, election.edges.length);
  const probed = rows.find(({ from, event }) => from === 'probing' && event === 'always');
  assert.equal([probed?.guard, probed?.to, probed?.actions], ['hasProbeMajority', 'candidate', ['campaign']]);
});

Drawn('calls a state by its innermost active parts', () => {
  assert.equal(pathsOf(['election', 'election.inOffice', 'election.inOffice.leading']), ['inOffice.leading']);
  assert.equal(pathsOf(['m', 'm.a', 'm.a.x', 'm.b', 'm.bb']), ['a.x', 'b', 'bb']);
  assert.equal(pathsOf(['m']), ['m']);
});
Drawn('knows the way that was taken, also out of an outer state', () => {
  const taken = (before: string[], after: string[]) => [...takenBetween(new Set(before), new Set(after))];
  assert.equal(taken(['m', 'm.a'], ['m', 'm.b']), ['m.a>m.b']);
  assert.equal(taken(['m', 'm.a', 'm.a.x'], ['m', 'm.b']), ['m.a>m.b', 'm.a.x>m.b']);
  assert.equal(taken(['m', 'm.a'], ['m', 'm.a']), []);
});
Drawn.run();

const Tree = suite('tree of actors');
const named = (...charts: string[]) =>
  chartNamer(
    charts.map((id) => ({ id })),
    {},
  );
const atNode = (node: number, ...actors: Parameters<typeof anActor>[]) =>
  aView(node, { rest: { actors: actors.map((actor) => anActor(...actor)) } });

Tree('has a row for each actor of any node, below its parent, in the order of names and numbers', () => {
  const rows = treeOf(
    [
      atNode(
        1,
        ['node', { parent: null }],
        ['link:10', { parent: 'gateway' }],
        ['gateway'],
        ['link:2', { parent: 'gateway' }],
      ),
      atNode(2, ['node', { parent: null }], ['election'], ['gateway'], ['link:1', { parent: 'gateway' }]),
    ],
    (id) => (id === 'election' ? 'election' : id === 'link:1' ? 'link' : null),
  );
  assert.equal(
    rows.map(({ id, depth, chart, at }) => [id, depth, chart, [...at.keys()]]),
    [
      ['node', 0, null, [1, 2]],
      ['election', 1, 'election', [2]],
      ['gateway', 1, null, [1, 2]],
      ['link:1', 2, 'link', [2]],
      ['link:2', 2, null, [1]],
      ['link:10', 2, null, [1]],
    ],
  );
});

Tree('shows an actor whose parent nobody shows, and ends for one that is its own ancestor', () => {
  const rows = treeOf(
    [atNode(1, ['orphan', { parent: 'nobody' }], ['a', { parent: 'b' }], ['b', { parent: 'a' }])],
    named(),
  );
  assert.ok(rows.some(({ id, depth }) => id === 'orphan' && depth === 0));
});

Tree('begins with the election, else with any statechart, else with what there is', () => {
  const election = treeOf([atNode(1, ['gateway'], ['election'])], named('election', 'gateway'));
  assert.is(firstChoice(election), 'election');
  assert.is(firstChoice(treeOf([atNode(1, ['a'], ['gateway'])], named('gateway'))), 'gateway');
  assert.is(firstChoice(treeOf([atNode(1, ['a'])], named())), 'a');
  assert.is(firstChoice([]), null);
});
Tree('knows the machine of an actor by the word of the node, else by its name; what has no chart is a service', () => {
  const chartOf = chartNamer([{ id: 'link' }, { id: 'store' }, { id: 'other' }], { store: 'other', odd: 'unknown' });
  assert.equal(['link:7', 'link', 'store', 'odd', 'metrics', 'wire:7', 'constructor'].map(chartOf), [
    'link',
    'link',
    'other',
    null,
    null,
    null,
    null,
  ]);
});
Tree.run();
