/** The space-time page, its pure parts: what keys do, how much is asked for, what is said, what the pen is told. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TraceEvent } from '../../actors/observation.ts';
import { formats } from '../../ui/format.ts';
import { CausalGraph } from '../../ui/trace/causal.ts';
import { type Palette, type Pen, paint, type Words } from '../../ui/trace/paint.ts';
import { crowdedEvents, mostOneOf, Sampling } from '../../ui/trace/sampling.ts';
import { type Scene, sceneOf } from '../../ui/trace/scene.ts';
import { type Command, commandOf, firstOf, following, obey, type Viewing } from '../../ui/trace/viewing.ts';
import { type Saying, sayEvent, traceWords } from '../../ui/trace/words.ts';
import { aView } from '../support/fakeFeed.ts';
import { aTruth, lanesOf, traced } from './traceWorld.ts';

const Keys = suite('viewing');
/** Nodes 1, 2, 3 in turn; a violation at 30 and 70, elections told at 20 and 60. */
const events = Array.from({ length: 100 }, (_, at) =>
  traced((at % 3) + 1, at, {
    violation: at === 30 || at === 70,
    kind: 'local',
    group: at === 20 || at === 60 ? 'election' : 'replication',
  }),
);
const size = 30;
const after = (...commands: Command[]): Viewing =>
  commands.reduce<Viewing>((viewing, command) => obey(command, viewing, events, size), following);
const place = ({ selected }: Viewing): number => events.findIndex(({ id }) => id === selected);

Keys('follows the newest until somebody pauses, scrolls or chooses', () => {
  assert.is(firstOf(following, 100, size), 70);
  assert.is(firstOf(following, 5, size), 0);
  assert.is(after('pause').first, 70);
  assert.is(after('pause', 'pause').first, null);
  assert.is(after('pageUp').first, 41);
  assert.is(after('pageUp', 'pageDown').first, 70);
  assert.is(after('pageUp', 'pageUp', 'pageUp', 'pageUp').first, 0);
  assert.equal([after('first').first, after('first', 'last').first], [0, 70]);
});

Keys('goes from event to event, and the window goes with it', () => {
  assert.is(place(after('up')), 99);
  assert.is(place(after('up', 'up')), 98);
  assert.is(place(after('first', 'down', 'down')), 1);
  const far = after('first', 'down', ...Array.from({ length: 40 }, () => 'down' as const));
  assert.is(place(far), 40);
  assert.ok(far.first! <= 40 && 40 < far.first! + size);
});

Keys('stays where it is when there is nothing that way', () => {
  const last = after('up');
  assert.is(obey('down', last, events, size), last, 'the newest is the end');
  const violated = after('first', 'nextViolation');
  assert.is(obey('previousViolation', violated, events, size), violated);
});

Keys('goes to the nearest event of the next node to a side', () => {
  const middle = after('nextViolation', 'right');
  assert.equal([events[70]!.node, events[place(middle)]!.node], [2, 3]);
  assert.is(Math.abs(place(middle) - 70), 1);
  const edge = after('nextViolation', 'left');
  assert.is(obey('left', edge, events, size), edge, 'there is no node further left');
});

Keys('jumps to violations and elections, in both directions', () => {
  assert.is(place(after('previousViolation')), 70);
  assert.is(place(after('previousViolation', 'previousViolation')), 30);
  assert.is(place(after('first', 'nextViolation')), 30);
  assert.is(place(after('first', 'nextElection')), 20);
  assert.is(place(after('previousElection', 'previousElection')), 20);
  assert.is(after('previousViolation', 'deselect').selected, null);
});

Keys('knows its keys by what they write', () => {
  assert.equal(['[', ']', 'e', 'E', 'PageUp', 'x', 'constructor'].map(commandOf), [
    'previousViolation',
    'nextViolation',
    'nextElection',
    'previousElection',
    'pageUp',
    undefined,
    undefined,
  ]);
});
Keys.run();

const Sample = suite('sampling');

Sample('asks for fewer at once when something was left out, and for more after a calm time', () => {
  const sampling = new Sampling();
  const note = (dropped: number, told: number, nowMs: number) =>
    sampling.note({ dropped, events: told, oneOf: sampling.oneOf }, nowMs);
  assert.not.ok(note(0, 200, 0));
  assert.ok(note(5, 200, 10));
  assert.is(sampling.oneOf, 4);
  assert.not.ok(note(5, 200, 500), 'what was made before it took effect does not count');
  assert.ok(note(5, 200, 1100));
  assert.is(sampling.oneOf, 16);
  for (let ms = 3000; ms < 7900; ms += 200) assert.not.ok(note(0, 10, ms));
  assert.ok(note(0, 10, 8200));
  assert.is(sampling.oneOf, 8);
  assert.not.ok(sampling.note({ dropped: 5, events: 9, oneOf: 1 }, 99_999), 'a view of another share says nothing');
});

Sample('asks for fewer when it is crowded for a second, not for one burst', () => {
  const sampling = new Sampling();
  const note = (events: number, nowMs: number) => sampling.note({ dropped: 0, events, oneOf: sampling.oneOf }, nowMs);
  assert.not.ok(note(200, 0));
  assert.not.ok(note(9, 700));
  assert.not.ok(note(200, 1400), 'the burst before it is over');
  for (let ms = 1500; ms < 2400; ms += 100) assert.not.ok(note(ms % 200 === 0 ? 100 : 9, ms));
  assert.ok(note(100, 2400));
  assert.is(sampling.oneOf, 4);
});

Sample('is content with what fits into 60 kB a second, beside all that three nodes tell anyway', () => {
  const ticksASecond = 5;
  const nodes = 3;
  const epoch = 65_536 * 12 + 8003;
  // Ids and Lamport times of a log of a thousand million messages, and no two events in a row of one kind.
  const event = (_: unknown, i: number): TraceEvent => ({
    seq: 9_000_000 + 7 * i,
    lamport: 3_000_000_000 + 64 * i,
    wallMs: 1_795_418_878_123 + 3 * i,
    kind: 'send',
    what: ['append', 'forward', 'ack'][i % 3] as string,
    group: 'replication',
    peer: 8001 + (i % 2),
    frame: `8003>${8001 + (i % 2)}:${3_000_000_000 + 64 * i}`,
    ids: [1_000_000_000 + 250 * i, 1_000_000_249 + 250 * i],
    epoch,
  });
  const events = Array.from({ length: crowdedEvents }, event);
  const oneView = JSON.stringify(aView(8003, { rest: { trace: { oneOf: 16, dropped: 0, events } } })).length;
  const bytes = oneView * nodes * ticksASecond;
  assert.ok(bytes > 20_000 && bytes <= 60_000, `${bytes}`);
});

Sample('has a limit', () => {
  const sampling = new Sampling();
  for (let ms = 0; ms < 60_000; ms += 2000) sampling.note({ dropped: 9, events: 1, oneOf: sampling.oneOf }, ms);
  assert.is(sampling.oneOf, mostOneOf);
});
Sample.run();

const Said = suite('words of the trace');
const saying = (language: 'en' | 'es'): Saying => ({
  language,
  words: traceWords[language],
  count: (value) => formats(language).count(value),
});

Said('tell an event as a sentence, in both languages', () => {
  const append = traced(1, 1, {
    kind: 'send',
    what: 'append',
    peer: 2,
    ids: [7, 1200],
    lamport: 4001,
    violation: true,
  });
  assert.is(
    sayEvent(append, saying('en'), 'past'),
    'node 1 sends append to 2, messages 7 to 1,200, Lamport 4,001, VIOLATION, before',
  );
  assert.is(sayEvent(append, saying('es')), 'nodo 1 envía append a 2, mensajes 7 a 1.200, Lamport 4.001, VIOLACIÓN');
  const leads = traced(3, 1, { what: 'leads', group: 'election', epoch: 65_536 * 9 + 3, lamport: 5 });
  assert.is(sayEvent(leads, saying('en')), 'node 3 leads, epoch 9, Lamport 5');
  assert.is(sayEvent(leads, saying('es')), 'nodo 3 lidera, época 9, Lamport 5');
  const strange = traced(3, 1, { what: 'toString', lamport: 5 });
  assert.is(sayEvent(strange, saying('es')), 'nodo 3 toString, Lamport 5');
});
Said.run();

// ---------------------------------------------------------------------------------------------------------- the pen

interface Stroke {
  readonly what: string;
  readonly at: readonly number[];
  readonly colour: string;
  readonly dash: readonly number[];
  readonly alpha: number;
}
/** Notes what it is told to draw. */
class NotingPen implements Pen {
  readonly strokes: Stroke[] = [];
  fillStyle = '';
  strokeStyle = '';
  lineWidth = 1;
  globalAlpha = 1;
  font = '';
  textAlign: Pen['textAlign'] = 'left';
  textBaseline: Pen['textBaseline'] = 'top';
  #path: number[] = [];
  #shape = '';
  #dash: readonly number[] = [];
  #note(what: string, at: readonly number[], colour: string): void {
    this.strokes.push({ what, at, colour, dash: this.#dash, alpha: this.globalAlpha });
  }
  beginPath(): void {
    this.#path = [];
    this.#shape = 'line';
  }
  moveTo(x: number, y: number): void {
    this.#path.push(x, y);
  }
  lineTo(x: number, y: number): void {
    this.#path.push(x, y);
  }
  arc(x: number, y: number): void {
    this.#shape = 'dot';
    this.#path.push(x, y);
  }
  rect(x: number, y: number): void {
    this.#shape = 'square';
    this.#path.push(x, y);
  }
  closePath(): void {}
  fill(): void {
    this.#note(`fill ${this.#shape}`, this.#path, this.fillStyle);
  }
  stroke(): void {
    this.#note(`stroke ${this.#shape}`, this.#path, this.strokeStyle);
  }
  fillRect(...at: number[]): void {
    this.#note('area', at, this.fillStyle);
  }
  fillText(text: string, ...at: number[]): void {
    this.#note(text, at, this.fillStyle);
  }
  setLineDash(segments: number[]): void {
    this.#dash = segments;
  }
}

const palette = Object.fromEntries(
  ['ground', 'ink', 'faint', 'replication', 'election', 'client', 'fault', 'violation', 'band', 'selected'].map(
    (name) => [name, name],
  ),
) as unknown as Palette;
const words: Words = {
  node: (node) => `node ${node}`,
  violation: 'WRONG',
  leads: (epoch) => `leads ${epoch}`,
  leadsShort: (epoch) => `*${epoch}`,
  gap: (gap) => `gap ${gap}`,
  mark: (value) => `L${value}`,
};
function drawn(graph: CausalGraph, rest: Partial<Parameters<typeof sceneOf>[0]> = {}): [NotingPen, Scene] {
  const scene = sceneOf({
    graph,
    window: graph.order,
    nodes: [1, 2, 3],
    reigns: [],
    axis: 'lamport',
    selected: null,
    size: { width: 800, height: 600 },
    ...rest,
  });
  const pen = new NotingPen();
  paint(pen, scene, palette, words, 'sans-serif');
  return [pen, scene];
}

const Painted = suite('painted diagram');

Painted('draws each arrow from its sending to its receipt, in the colour of its group', () => {
  const graph = new CausalGraph(aTruth(12, 60).record.lanes());
  const [pen, scene] = drawn(graph);
  const lines = pen.strokes.filter(({ what }) => what === 'stroke line');
  assert.ok(scene.arrows.length > 10);
  for (const { x1, y1, x2, y2, group, fate } of scene.arrows) {
    const found = lines.find(({ at }) => at[0] === x1 && at[1] === y1 && at[2] === x2 && at[3] === y2);
    assert.is(found?.colour, group);
    assert.is(found?.dash.length === 0, fate === 'arrived' || fate === 'lost', 'what is not sure is dotted');
  }
  for (const { x, y, event } of scene.dots) {
    const shape = event.kind === 'local' ? 'fill square' : 'fill dot';
    const [dx, dy] = event.kind === 'local' ? [-5, -5] : [0, 0];
    assert.ok(
      pen.strokes.some(({ what, at }) => what === shape && at[0] === x + dx && at[1] === y + dy),
      event.id,
    );
  }
});

Painted('shows a violation dashed, in its own colour and with a word; a lost frame ends in a cross', () => {
  const graph = new CausalGraph(
    lanesOf([
      traced(1, 1, { kind: 'send', frame: '1>2:1', peer: 2 }),
      traced(1, 2, { kind: 'send', frame: '1>2:2', peer: 2, lamport: 2 }),
      traced(2, 3, { kind: 'receive', frame: '1>2:2', peer: 1, lamport: 3, violation: true }),
    ]),
  );
  const [pen, scene] = drawn(graph);
  const [lost, wrong] = [
    scene.arrows.find(({ fate }) => fate === 'lost')!,
    scene.arrows.find(({ violation }) => violation)!,
  ];
  const lineOf = ({ x1, y1 }: typeof lost) =>
    pen.strokes.find(({ what, at }) => what === 'stroke line' && at.length === 4 && at[0] === x1 && at[1] === y1)!;
  assert.equal([lineOf(wrong).colour, lineOf(wrong).dash.length], ['violation', 2]);
  assert.ok(pen.strokes.some(({ what, colour }) => what === 'WRONG' && colour === 'violation'));
  const cross = pen.strokes.filter(({ colour, what }) => what === 'stroke line' && colour === 'fault');
  assert.equal(
    cross.map(({ at }) => at),
    [
      [lost.x2 - 4, lost.y2 - 4, lost.x2 + 4, lost.y2 + 4],
      [lost.x2 - 4, lost.y2 + 4, lost.x2 + 4, lost.y2 - 4],
    ],
  );
});

Painted('draws what is concurrent hollow and faint, the rest full, and rings the chosen event', () => {
  const graph = new CausalGraph(aTruth(11).record.lanes());
  const selected = graph.order[60]!;
  const [pen, scene] = drawn(graph, { selected });
  for (const { x, y, event, relation } of scene.dots.filter(({ event }) => event.kind !== 'local')) {
    const dot = pen.strokes.find(({ what, at }) => what === 'fill dot' && at[0] === x && at[1] === y)!;
    assert.is(dot.colour, relation === 'concurrent' ? 'ground' : event.group, event.id);
    assert.is(dot.alpha < 1, relation === 'concurrent');
  }
  assert.is(pen.strokes.filter(({ what, colour }) => what === 'stroke dot' && colour === 'selected').length, 1);
  assert.ok(scene.arrows.some(({ dim }) => dim) && scene.arrows.some(({ dim }) => !dim));
});

Painted('writes who leads beside the band, gaps with their size, and times that do not run into each other', () => {
  const graph = new CausalGraph(
    lanesOf([
      traced(1, 1, { what: 'leads', group: 'election', epoch: 7 }),
      traced(1, 2, { lamport: 2 }),
      traced(2, 3, { lamport: 500 }),
    ]),
  );
  const reigns = [{ node: 1, from: graph.order[0]!, to: null, epoch: 7 }];
  const [pen] = drawn(graph, { reigns });
  const texts = pen.strokes.map(({ what }) => what);
  for (const text of ['leads 7', 'gap 497', 'node 1', 'L1', 'L500']) assert.ok(texts.includes(text), text);
  const [narrow] = drawn(graph, { reigns, size: { width: 320, height: 400 } });
  assert.ok(narrow.strokes.some(({ what }) => what === '*7'));
  const [dense] = drawn(new CausalGraph(aTruth(13, 300).record.lanes()));
  const times = dense.strokes.filter(({ what }) => /^L\d/.test(what)).map(({ at }) => at[1]!);
  for (const [at, y] of times.entries()) if (at > 0) assert.ok(y - times[at - 1]! >= 14);
});
Painted.run();
