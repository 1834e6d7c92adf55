/**
 * Exports of the space-time diagram. What ShiViz demands of a log is written here once more, from its own parser
 * (js/model/parser.js, modelGraph.js), so that a log it would turn away fails here.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reignsOf } from '../../ui/trace/leadership.ts';
import { chromeTraceOf, jsonLinesOf, type Scale } from '../../ui/trace/otherExports.ts';
import { linkOf, type Traced } from '../../ui/trace/record.ts';
import { graphOf, maxExported, shivizOf } from '../../ui/trace/shiviz.ts';
import { SeededDice } from '../support/dice.ts';
import { aTruth, lanesOf, traced } from './traceWorld.ts';

interface Loaded {
  readonly text: string;
  readonly host: string;
  readonly clock: Readonly<Record<string, number>>;
}

/** Reads a log as ShiViz reads an uploaded file, or throws what it would complain of. */
function loadedByShiViz(file: string): Loaded[] {
  const [pattern = '', delimiter, ...rest] = file.split('\n');
  if (delimiter !== '') throw new Error('a delimiter was not expected');
  const log = rest.join('\n');
  const parser = new RegExp(`^${pattern}$`, 'gm');
  const loaded = [...log.matchAll(parser)].map(({ groups = {} }): Loaded => {
    const { event: text = '', host = '', clock = '' } = groups;
    return { text, host, clock: JSON.parse(clock) as Record<string, number> };
  });
  if (
    loaded.length * 2 !==
    log
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '').length
  )
    throw new Error('lines that belong to no event');
  if (loaded.length === 0 || parser.test('') || log.trim() === '') throw new Error('no events');
  const hosts = new Map<string, Loaded[]>();
  for (const event of loaded) hosts.set(event.host, [...(hosts.get(event.host) ?? []), event]);
  for (const [host, events] of hosts) {
    const own = events.map(({ clock }) => {
      if (!clock[host]) throw new Error(`${host}: own entry missing`);
      return clock[host];
    });
    [...own]
      .sort((a, b) => a - b)
      .forEach((time, at) => {
        if (time !== at + 1) throw new Error(`${host}: must increase monotonically by 1`);
      });
  }
  for (const { host, clock } of loaded)
    for (const [foreign, time] of Object.entries(clock))
      if (foreign !== host && time > (hosts.get(foreign)?.length ?? 0)) throw new Error(`${foreign}: no event ${time}`);
  return loaded;
}

/** The text of an export, which must not be a refusal. */
function textOf(events: readonly Traced[]): string {
  const made = shivizOf(events);
  if (made.kind !== 'text') throw new Error('refused');
  return made.text;
}

const inOrder = (events: readonly Traced[]): readonly Traced[] => graphOf(events).order;

const ShiViz = suite('ShiViz export');

ShiViz('loads, and its clocks order exactly what causality orders', () => {
  for (const seed of [1, 2]) {
    const { events } = aTruth(seed);
    const loaded = loadedByShiViz(textOf(events));
    const order = inOrder(events);
    const graph = graphOf(events);
    assert.is(loaded.length, events.length);
    for (const [at, event] of order.entries()) {
      const past = graph.past(event);
      const clock = loaded[at]!.clock;
      for (const [other, { host, clock: own }] of loaded.entries())
        assert.is((clock[host] ?? 0) >= own[host]!, other === at || past.has(order[other]!.id));
    }
  }
});

ShiViz('loads wherever the window is cut', () => {
  const order = inOrder(aTruth(3, 80).events);
  for (let from = 0; from < order.length; from += 3)
    for (let to = from + 1; to <= order.length; to += 7)
      assert.is(loadedByShiViz(textOf(order.slice(from, to))).length, to - from);
});

ShiViz('loads with events that were sampled or went missing, in any order they come', () => {
  for (const seed of [4, 5, 6]) {
    const dice = new SeededDice(seed);
    const { events } = aTruth(seed);
    const thirds = events.filter((_, at) => at % 3 !== 0);
    const luck = dice.shuffle(events.filter(() => dice.chance(0.4)));
    for (const kept of [thirds, luck]) assert.is(loadedByShiViz(textOf(kept)).length, kept.length);
  }
});

ShiViz('draws as many messages as have both their ends in the window, and says so of receipts that have not', () => {
  const order = inOrder(aTruth(7).events);
  const window = order.slice(30, 90);
  const sent = new Set(window.filter(({ kind }) => kind === 'send').map(({ frame }) => frame));
  const receipts = window.filter(({ kind }) => kind === 'receive');
  const orphans = receipts.filter(({ frame }) => !sent.has(frame));
  assert.ok(orphans.length > 0);
  const text = textOf(window);
  assert.is(text.split('(sent outside this export)').length - 1, orphans.length);
});

ShiViz('tells of an event what it was, in one line whatever its name holds', () => {
  const events = [
    traced(1, 1, { kind: 'send', what: 'app\nend', frame: '1>2:1', peer: 2, ids: [3, 9], violation: true }),
    traced(2, 8, { kind: 'receive', what: 'app\u2028end', frame: '1>2:1', peer: 1, lamport: 2 }),
  ];
  assert.equal(
    loadedByShiViz(textOf(events)).map(({ text, host, clock }) => [text, host, clock]),
    [
      ['send app end to node2 ids=3-9 L=1 VIOLATION', 'node1', { node1: 1 }],
      ['receive app end from node1 L=2', 'node2', { node1: 1, node2: 1 }],
    ],
  );
});

ShiViz('refuses a causal cycle, and names its events', () => {
  const made = shivizOf([
    traced(1, 1, { kind: 'receive', frame: '2>1:9' }),
    traced(1, 2, { kind: 'send', frame: '1>2:9' }),
    traced(2, 1, { kind: 'receive', frame: '1>2:9' }),
    traced(2, 2, { kind: 'send', frame: '2>1:9' }),
  ]);
  assert.is(made.kind, 'cycle');
  assert.equal(made.kind === 'cycle' && made.events.map(linkOf).sort(), ['1:1', '1:2', '2:1', '2:2']);
});

ShiViz('keeps the newest where there are more than ShiViz can draw, and says how many it left out', () => {
  const events = Array.from({ length: maxExported + 7 }, (_, seq) => traced(1, seq));
  const made = shivizOf(events);
  assert.equal(made.kind === 'text' && [made.events, made.leftOut], [maxExported, 7]);
  assert.match(textOf(events), /L=5006\n/);
  assert.not.match(textOf(events), /L=6\n/);
});

ShiViz('would be turned away with a hole in its clocks: the rules above do bite', () => {
  const text = textOf(aTruth(1).events);
  const lines = text.split('\n');
  assert.throws(() => loadedByShiViz([...lines.slice(0, 2), ...lines.slice(4)].join('\n')), /monotonically|no event/);
  assert.throws(() => loadedByShiViz(text.replace(/"node1":\d+/, '"node1":9999')), /monotonically|no event/);
});
ShiViz.run();

const Others = suite('other exports');

Others('as JSON lines begin with what the whole is, and give each event as it was recorded', () => {
  const { events } = aTruth(8, 40);
  const text = jsonLinesOf(events, { oneOf: 10, dropped: 3 });
  assert.ok(text.endsWith('\n'));
  const [head, ...lines] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(head, { format: 'distributed-log trace', version: 1, oneOf: 10, dropped: 3, events: events.length });
  assert.is(lines.length, events.length);
  const { id: _id, hole: _hole, ...recorded } = events[5]!;
  assert.equal(lines[5], recorded);
});

interface ChromeEvent {
  readonly ph: string;
  readonly pid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly id?: unknown;
  readonly cat?: string;
  readonly name: string;
}
function chromeEvents(scale: Scale, seed = 9): [ChromeEvent[], readonly Traced[]] {
  const { events } = aTruth(seed);
  const text = chromeTraceOf(graphOf(events), reignsOf(lanesOf(events), null), scale);
  return [(JSON.parse(text) as { traceEvents: ChromeEvent[] }).traceEvents, events];
}

Others('for Perfetto give each event a slice that ends before the next of its track begins', () => {
  for (const scale of ['wall', 'lamport'] as const) {
    const [made, events] = chromeEvents(scale);
    const slices = made.filter(({ ph }) => ph === 'X');
    assert.is(slices.length, events.length);
    for (const node of [1, 2, 3]) {
      const track = slices.filter(({ pid }) => pid === node).sort((a, b) => a.ts! - b.ts!);
      for (const [at, slice] of track.entries()) {
        assert.ok(slice.dur! >= 1);
        if (at > 0) assert.ok(track[at - 1]!.ts! + track[at - 1]!.dur! <= slice.ts!);
      }
    }
  }
});

Others('for Perfetto join both ends of a message by a flow of one name, kind and id, each inside a slice', () => {
  const [made, events] = chromeEvents('lamport');
  const starts = made.filter(({ ph }) => ph === 's');
  const ends = new Map(made.filter(({ ph }) => ph === 'f').map((end) => [end.id, end]));
  const received = events.filter(
    ({ kind, frame }) => kind === 'receive' && events.some((e) => e.kind === 'send' && e.frame === frame),
  );
  assert.is(starts.length, received.length);
  for (const start of starts) {
    const end = ends.get(start.id)!;
    assert.equal([end.cat, end.name], [start.cat, start.name]);
    assert.ok(end.ts! > start.ts!, 'by Lamport time no arrow points backwards');
    for (const { pid, ts } of [start, end])
      assert.ok(made.some((one) => one.ph === 'X' && one.pid === pid && one.ts === ts));
  }
});

Others('for Perfetto show who led as spans that begin and end', () => {
  const [made] = chromeEvents('wall');
  const begun = made.filter(({ ph }) => ph === 'b');
  assert.ok(begun.length > 0);
  for (const span of begun) {
    const end = made.find(({ ph, id }) => ph === 'e' && id === span.id)!;
    assert.ok(end.ts! >= span.ts! && end.pid === span.pid);
  }
});
Others.run();
