/** What the space-time diagram is made of: the record, causal order, the axis, who led, and the picture as data. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoryView, TraceEvent } from '../../actors/observation.ts';
import { axisOf, orderedBy } from '../../ui/trace/axis.ts';
import { CausalGraph, type Fate, lostAfterMs } from '../../ui/trace/causal.ts';
import { chainOf, maxLinks } from '../../ui/trace/chain.ts';
import { reignsOf } from '../../ui/trace/leadership.ts';
import { maxRecorded, type Told, type Traced, TraceRecord } from '../../ui/trace/record.ts';
import { dotAt, type Scene, sceneOf } from '../../ui/trace/scene.ts';
import { aTruth, lanesOf, startMs, traced } from './traceWorld.ts';

const plain = (seq: number): TraceEvent => ({
  seq,
  lamport: seq,
  wallMs: seq,
  kind: 'local',
  what: 'note',
  group: 'fault',
});
const told = (node: number, seqs: readonly number[], rest: Partial<Told> = {}): Told => ({
  node,
  boot: 1,
  viewSeq: null,
  madeAtMs: null,
  oneOf: 1,
  dropped: 0,
  events: seqs.map(plain),
  ...rest,
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
const marked = (record: TraceRecord, node = 1): number[] =>
  (record.lanes().get(node) ?? []).filter(({ hole }) => hole).map(({ seq }) => seq);

const Recording = suite('trace record');

Recording('keeps events once and in order, also when a hello tells them again', () => {
  const record = new TraceRecord();
  record.note(told(1, [1, 2, 3]));
  record.note(told(1, [2, 3, 4]));
  assert.equal(
    record
      .lanes()
      .get(1)
      ?.map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  assert.not.ok(record.note(told(1, [4])));
});

Recording(
  'marks where something may be missing: a jump, a view that was missed, events left out, another sampling',
  () => {
    const record = new TraceRecord();
    record.note(told(1, [1, 2, 3], { viewSeq: 1 }));
    assert.equal(marked(record), [1], 'nobody knows what was before the first');
    record.note(told(1, [4, 6], { viewSeq: 2 }));
    assert.equal(marked(record), [1, 6]);
    record.note(told(1, [7], { viewSeq: 4 }));
    record.note(told(1, [8], { viewSeq: 5, dropped: 2 }));
    record.note(told(1, [9, 10], { viewSeq: 6 }));
    record.note(told(1, [11, 15], { viewSeq: 7, oneOf: 10 }));
    assert.equal(marked(record), [1, 6, 7, 8, 9, 11], 'while sampled a jump means nothing');
    assert.is(record.dropped, 2);
    assert.is(record.oneOf, 10);
  },
);

Recording('begins a lane anew with another life of its node, and keeps the one before', () => {
  const record = new TraceRecord();
  record.note(told(1, [1, 2, 3]));
  record.note(told(1, [1, 2], { boot: 2 }));
  assert.not.ok(record.note(told(1, [9], { boot: 1 })), 'a late view of the old life');
  assert.equal(
    record
      .lanes()
      .get(1)
      ?.map(({ id }) => id),
    ['1:1:1', '1:1:2', '1:1:3', '1:2:1', '1:2:2'],
  );
  assert.is(record.find('1:2')?.boot, 2, 'a link means the newest life');
  assert.is(record.find('1:3')?.boot, 1);
  assert.is(record.find('7:1'), undefined);
  assert.is(record.find('nonsense'), undefined);
});

Recording('forgets the oldest of the busiest node, and never more than it must', () => {
  const record = new TraceRecord();
  record.note(told(2, range(0, 50)));
  record.note(told(1, range(0, maxRecorded + 1000)));
  assert.is(record.size, maxRecorded);
  assert.is(record.lanes().get(2)?.length, 50, 'who is quiet is kept');
  assert.is(record.lanes().get(1)?.at(-1)?.seq, maxRecorded + 999);
});
Recording('keeps elections and faults when frames about messages take all the room, and marks the hole', () => {
  const record = new TraceRecord(100);
  const frame = (seq: number): TraceEvent => ({ ...plain(seq), kind: 'send', what: 'append', group: 'replication' });
  record.note({ ...told(1, [1, 2]), events: [plain(1), frame(2), plain(3)] });
  for (let at = 0; at < 1000; at += 50) record.note({ ...told(1, []), events: range(4 + at, 54 + at).map(frame) });
  const seqs = (record.lanes().get(1) ?? []).map(({ seq }) => seq);
  assert.equal(seqs.slice(0, 2), [1, 3]);
  assert.is(seqs.at(-1), 1003);
  assert.ok(record.size <= 100, `${record.size}`);
  assert.equal(marked(record).slice(0, 2), [1, 3]);
  assert.ok(marked(record).includes(seqs[2] as number), 'what was forgotten lies before it');
  for (let at = 0; at < 200; at++) record.note(told(1, [2000 + at]));
  assert.is((record.lanes().get(1) ?? []).at(-1)?.seq, 2199, 'not at the cost of what is new');
  assert.ok(record.size <= 100);
});
Recording('says once more what is there when nothing has happened for a while', () => {
  const record = new TraceRecord();
  record.note(told(1, [1]));
  const { version } = record;
  record.note(told(1, [], { madeAtMs: 1 + lostAfterMs }));
  assert.is(record.version, version);
  for (let i = 1; i < 4; i++) record.note(told(1, [], { madeAtMs: 1 + lostAfterMs + i }));
  assert.is(record.version, version + 1);
});

Recording.run();

const Causal = suite('causal order');
const isBefore = (a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean =>
  [...a].every(([node, count]) => count <= (b.get(node) ?? 0));

Causal('is what vector clocks say, for every pair of events', () => {
  for (const seed of [1, 2, 3]) {
    const { record, events, clocks } = aTruth(seed);
    const graph = new CausalGraph(record.lanes());
    for (const event of events) {
      const relation = graph.relations(event);
      for (const other of events) {
        const [a, b] = [clocks.get(other.id)!, clocks.get(event.id)!];
        const expected = other === event ? 'self' : isBefore(a, b) ? 'past' : isBefore(b, a) ? 'future' : 'concurrent';
        assert.is(relation(graph.event(other.id)!), expected, `seed ${seed}: ${other.id} to ${event.id}`);
      }
    }
  }
});

Causal('puts every event after its causes, whatever its Lamport time says', () => {
  const { record } = aTruth(4);
  const upsideDown = new Map(
    [...record.lanes()].map(([node, events]) => [node, events.map((event) => ({ ...event, lamport: -event.lamport }))]),
  );
  for (const lanes of [record.lanes(), upsideDown]) {
    const graph = new CausalGraph(lanes);
    const place = new Map(graph.order.map(({ id }, at) => [id, at]));
    assert.is(graph.order.length, record.size);
    assert.equal(graph.cycle, []);
    for (const event of graph.order)
      for (const parent of graph.parents(event)) assert.ok(place.get(parent.id)! < place.get(event.id)!);
  }
});

Causal('names a cycle', () => {
  const lanes = lanesOf([
    traced(1, 1, { kind: 'receive', frame: '2>1:9' }),
    traced(1, 2, { kind: 'send', frame: '1>2:9' }),
    traced(2, 1, { kind: 'receive', frame: '1>2:9' }),
    traced(2, 2, { kind: 'send', frame: '2>1:9' }),
  ]);
  assert.equal(new CausalGraph(lanes).cycle.map(({ id }) => id).sort(), ['1:1:1', '1:1:2', '2:1:1', '2:1:2']);
});

Causal('calls a frame lost only if its arrival would have been told', () => {
  const send = traced(1, 10, { kind: 'send', frame: '1>2:10' });
  const fateWith = (...receiver: Parameters<typeof traced>[]): Fate =>
    new CausalGraph(lanesOf([send, ...receiver.map((event) => traced(...event))])).fate(send);
  const later = { kind: 'receive', frame: '1>2:12', lamport: 13 } as const;
  const muchLater = { lamport: 30, wallMs: send.wallMs + lostAfterMs + 1 };
  assert.is(fateWith([2, 5, {}]), 'flying');
  assert.is(fateWith([2, 5, { kind: 'receive', frame: '1>2:10', lamport: 11 }]), 'arrived');
  assert.is(fateWith([2, 5, {}], [2, 6, later]), 'lost', 'a link keeps the order of its frames');
  assert.is(fateWith([2, 5, {}], [2, 6, { ...later, hole: true }]), 'unseen');
  assert.is(fateWith([2, 5, { hole: true }], [2, 6, later]), 'lost', 'a hole before it was sent is none');
  assert.is(fateWith([2, 6, { kind: 'receive', frame: '3>2:12', lamport: 13 }]), 'flying', 'another link');
  assert.is(fateWith([2, 5, {}], [2, 6, muchLater]), 'lost');
  assert.is(fateWith([2, 5, {}], [2, 6, { ...muchLater, hole: true }]), 'unseen');
});

Causal('ends every frame: who has not told of it for long, while others go on, may never have got it', () => {
  const send = traced(1, 10, { kind: 'send', frame: '1>2:10' });
  const soon = send.wallMs + lostAfterMs;
  const fate = (untilMs: number, ...others: Traced[]): Fate =>
    new CausalGraph(lanesOf([send, ...others]), untilMs).fate(send);
  const before = traced(2, 5, {});
  assert.is(fate(soon, before), 'flying');
  assert.is(fate(soon + 1, before), 'unseen', 'the receiver has fallen silent');
  assert.is(fate(soon + 1), 'unseen', 'the receiver was never heard');
  assert.is(fate(0, before, traced(1, 11, { wallMs: soon + 1 })), 'unseen', 'the sender goes on');
});

Causal('knows each fate of a whole run', () => {
  for (const seed of [5, 6]) {
    const { record, events, lost } = aTruth(seed, 200);
    const graph = new CausalGraph(record.lanes());
    const received = new Set(events.filter(({ kind }) => kind === 'receive').map(({ frame }) => frame));
    let seen = 0;
    for (const event of events.filter(({ kind }) => kind === 'send')) {
      const fate = graph.fate(event);
      if (received.has(event.frame)) assert.is(fate, 'arrived');
      else if (fate === 'lost') seen++;
      // What is still on its way may be taken for lost only after the wait.
      if (fate === 'lost' && !lost.has(event.frame!))
        assert.ok(events.some((other) => other.node === event.peer && other.wallMs > event.wallMs + lostAfterMs));
    }
    assert.ok(seen > 0);
  }
});

Causal('tells a chain: of a receipt its sending, of the rest what concerned the same messages', () => {
  const events = [
    traced(1, 1, { what: 'accept', group: 'client', ids: [7, 7] }),
    traced(1, 2, { what: 'unrelated', group: 'fault' }),
    traced(1, 3, { kind: 'send', what: 'append', ids: [5, 9], frame: '1>2:3' }),
    traced(2, 1, { what: 'unrelated', group: 'election', lamport: 1 }),
    traced(2, 2, { kind: 'receive', what: 'append', ids: [5, 9], frame: '1>2:3', lamport: 4 }),
    traced(2, 3, { kind: 'send', what: 'ack', ids: [9, 9], frame: '2>1:5', lamport: 5 }),
  ];
  const graph = new CausalGraph(lanesOf(events));
  const chain = chainOf(graph, graph.event('2:1:2')!);
  assert.equal(
    chain.causes.map(({ what }) => what),
    ['accept', 'append'],
  );
  assert.equal(
    chain.effects.map(({ what }) => what),
    ['ack'],
  );
  assert.equal([chain.past, chain.future, chain.concurrent, chain.hasEarlier], [4, 1, 0, false]);
  const long = new CausalGraph(lanesOf(range(0, 30).map((seq) => traced(1, seq))));
  const { causes, hasEarlier } = chainOf(long, long.event('1:1:29')!);
  assert.equal([causes.length, hasEarlier], [maxLinks, true]);
});
Causal.run();

const Axis = suite('axis');

Axis('by Lamport order has equal steps, one row a time, and every receipt below its sending', () => {
  for (const seed of [7, 8]) {
    const graph = new CausalGraph(aTruth(seed).record.lanes());
    const axis = axisOf('lamport', graph.order, graph);
    const at = new Map(axis.placed.map((placed) => [placed.event.id, placed.at]));
    for (const { event } of axis.placed) {
      for (const parent of graph.parents(event)) assert.ok(at.get(parent.id)! < at.get(event.id)!);
      assert.ok(Number.isInteger(at.get(event.id)));
    }
    assert.is(Math.max(...at.values()), axis.length - 1);
    const times = axis.marks.map(({ value }) => value);
    assert.equal(
      times,
      [...new Set(times)].sort((a, b) => a - b),
    );
  }
});

Axis('compresses a gap to one mark that says how long it was', () => {
  const graph = new CausalGraph(
    lanesOf([
      traced(1, 1, { lamport: 10 }),
      traced(2, 1, { lamport: 10 }),
      traced(1, 2, { lamport: 1000, wallMs: 1_790_000_005_001 }),
    ]),
  );
  const lamport = axisOf('lamport', graph.order, graph);
  assert.equal(
    lamport.placed.map(({ at }) => at),
    [0, 0, 2],
  );
  assert.equal(
    lamport.gaps.map(({ size }) => size),
    [989],
  );
  assert.ok(lamport.gaps[0]!.at > 0 && lamport.gaps[0]!.at < 2);
  const wall = axisOf('wall', orderedBy('wall', graph), graph);
  assert.equal(
    wall.gaps.map(({ size }) => size),
    [5000],
  );
  assert.ok(wall.length < 5, 'five seconds take little room');
});

Axis('by wall clock goes down with the clocks, skewed or not, and sets no two events of a node on one place', () => {
  const { record } = aTruth(9);
  const skewed = new Map(
    [...record.lanes()].map(([node, events]) => [node, events.map((e) => ({ ...e, wallMs: e.wallMs - node * 700 }))]),
  );
  const graph = new CausalGraph(skewed);
  const { placed } = axisOf('wall', orderedBy('wall', graph), graph);
  const lanes = new Map<number, number>();
  for (const { event, at } of placed) {
    assert.ok(at > (lanes.get(event.node) ?? -1));
    lanes.set(event.node, at);
  }
  const wall = placed.map(({ event }) => event.wallMs);
  assert.equal(
    wall,
    [...wall].sort((a, b) => a - b),
  );
});
Axis.run();

const Reigns = suite('reigns');
const local = (seq: number, what: string, rest = {}) => traced(1, seq, { what, group: 'election', epoch: 9, ...rest });
const bounds = (events: Parameters<typeof lanesOf>[0], leader: number | null = null) =>
  reignsOf(lanesOf(events), leader).map(({ from, to }) => [from?.lamport ?? null, to?.lamport ?? null]);

Reigns('last from the word that a node leads to the word that it does not, or to its end', () => {
  assert.equal(bounds([local(1, 'campaigns'), local(2, 'leads'), local(5, 'steps down')]), [[2, 5]]);
  assert.equal(bounds([local(2, 'leads'), local(4, 'hands over'), local(5, 'follows'), local(7, 'leads')], 1), [
    [2, 5],
    [7, null],
  ]);
  assert.equal(bounds([local(2, 'leads'), local(1, 'starts', { boot: 2 })]), [[2, 1]], 'a restart ends it');
});

Reigns('reach back before the record if only that explains it', () => {
  assert.equal(bounds([local(4, 'steps down')]), [[null, 4]]);
  assert.equal(bounds([local(4, 'hands over'), local(6, 'follows')]), [[null, 6]]);
  assert.equal(bounds([local(4, 'note')], 1), [[null, null]], 'it leads now and nothing was said');
  assert.equal(bounds([local(4, 'note')], 2), []);
  assert.equal(bounds([local(4, 'follows')], null), []);
});

Reigns(
  'of which the record has forgotten the beginning are known from the story, and end where a node was last heard',
  () => {
    const told = (wallMs: number, lamport: number, event: string): StoryView => ({
      wallMs: startMs + wallMs,
      lamport,
      event,
      words: '',
      epoch: 9,
      leader: 1,
    });
    const lane = lanesOf([traced(1, 400, { kind: 'send' }), traced(1, 420, { kind: 'send' })]);
    const story = [told(5, 5, 'follows'), told(9, 9, 'leads')];
    const spans = (leader: number | null, more: readonly StoryView[] = [], heardAt = 430) =>
      reignsOf(
        lane,
        leader,
        new Map([[1, { story: [...story, ...more], heard: { lamport: heardAt, wallMs: startMs + heardAt } }]]),
      ).map(({ from, to, epoch }) => [from?.lamport ?? null, to?.lamport ?? null, epoch]);
    assert.equal(spans(1), [[9, null, 9]], 'it leads still');
    assert.equal(spans(2), [[9, 430, 9]], 'another one leads');
    assert.equal(spans(null), [[9, 430, 9]], 'nobody leads');
    assert.equal(spans(2, [], 410), [[9, 420, 9]], 'its last event is newer than its view');
    assert.equal(spans(2, [told(415, 415, 'steps down')]), [[9, 415, 9]]);
    assert.equal(spans(2, [told(700, 700, 'started')], 800), [[9, 700, 9]], 'a new life without an event');
    const both = [local(9, 'leads'), local(15, 'steps down')];
    assert.is(
      reignsOf(lanesOf(both), 2, new Map([[1, { story, heard: null }]])).length,
      1,
      'what both tell counts once',
    );
  },
);
Reigns.run();

const Picture = suite('scene');
const size = { width: 800, height: 600 };

function aScene(seed: number, selected: string | null = null, part?: readonly [number, number]): [Scene, CausalGraph] {
  const graph = new CausalGraph(aTruth(seed).record.lanes());
  const window = part === undefined ? graph.order : graph.order.slice(...part);
  const reigns = reignsOf(lanesOf(graph.order), null);
  const nodes = [1, 2, 3];
  const chosen = selected === null ? null : (graph.event(selected) ?? null);
  return [sceneOf({ graph, window, nodes, reigns, axis: 'lamport', selected: chosen, size }), graph];
}

Picture(
  'keeps the band of a dead leader on the picture as long as its time is, down to where it was last heard',
  () => {
    const events = [1, 2, 3, 4, 5, 6].map((at) => traced(at <= 3 ? 1 : 2, at, { lamport: at * 10 }));
    const graph = new CausalGraph(lanesOf(events));
    const reigns = [
      {
        node: 1,
        from: { node: 1, lamport: 1, wallMs: 1 },
        to: { node: 1, lamport: 34, wallMs: startMs + 3 },
        epoch: 9,
      },
    ];
    for (const axis of ['lamport', 'wall'] as const) {
      const show = (first: number) =>
        sceneOf({ graph, window: events.slice(first), nodes: [1, 2], reigns, axis, selected: null, size });
      const { bands, dots } = show(0);
      assert.equal(bands.map(({ node, bottom }) => [node, bottom]), [[1, dots[2]?.y]], axis); // biome-ignore format: one line
      assert.ok((bands[0]?.top ?? 99) < (dots[0]?.y ?? 0));
      assert.is(show(2).bands.length, 1, 'its last event is on the picture');
      assert.equal(show(3).bands, [], 'it is over');
    }
  },
);
Picture('fits into its size with every part, wherever the window is cut', () => {
  for (const part of [undefined, [20, 60], [50, 52], [0, 1], [3, 3]] as const) {
    const [scene] = aScene(11, null, part);
    const inside = (x: number, y: number) => x >= 0 && x <= size.width && y >= 0 && y <= size.height;
    for (const { x, y } of scene.dots) assert.ok(inside(x, y));
    for (const { x1, y1, x2, y2 } of scene.arrows) assert.ok(inside(x1, y1) && inside(x2, y2), `${x2} ${y2}`);
    for (const { top, bottom } of scene.bands) assert.ok(top >= 0 && bottom <= size.height && top < bottom);
  }
});

Picture('joins send and receive of each frame by one arrow, and cuts those of which an end is outside', () => {
  const [scene, graph] = aScene(11, null, [20, 60]);
  const dots = new Map(scene.dots.map((dot) => [dot.event.id, dot]));
  assert.ok(scene.arrows.some(({ fate }) => fate === 'cutOff'));
  assert.ok(scene.arrows.some(({ fate }) => fate === 'lost'));
  assert.is(new Set(scene.arrows.map(({ frame }) => frame)).size, scene.arrows.length);
  for (const arrow of scene.arrows.filter(({ fate }) => fate === 'arrived')) {
    const send = graph.order.find(({ kind, frame }) => kind === 'send' && frame === arrow.frame)!;
    const [receive] = graph.receivesOf(send);
    const [from, to] = [dots.get(send.id)!, dots.get(receive!.id)!];
    assert.equal([arrow.x1, arrow.y1, arrow.x2, arrow.y2], [from.x, from.y, to.x, to.y]);
    assert.ok(arrow.y2 > arrow.y1 && !arrow.backwards);
  }
});

Picture('with an event selected dims what is concurrent to it and nothing else', () => {
  const middle = aScene(11)[1].order[60]!;
  const [scene, graph] = aScene(11, middle.id);
  const relation = graph.relations(middle);
  assert.equal(
    scene.dots.map((dot) => dot.relation),
    scene.dots.map(({ event }) => relation(event)),
  );
  const kinds = new Set(scene.dots.map((dot) => dot.relation));
  assert.is(kinds.size, 4, 'the run shows all four');
  for (const arrow of scene.arrows) {
    const ends = graph.order.filter(({ frame }) => frame === arrow.frame);
    assert.is(
      arrow.dim,
      ends.some((end) => relation(end) === 'concurrent'),
      arrow.frame,
    );
  }
});

Picture('finds the dot under a finger, and none where there is none', () => {
  const [scene] = aScene(11, null, [20, 60]);
  const dot = scene.dots[7]!;
  assert.is(dotAt(scene, dot.x + 3, dot.y - 2)?.event.id, dot.event.id);
  assert.is(dotAt(scene, 2, 2), null);
});

Picture('shows by wall clock which arrows run backwards, because clocks disagree', () => {
  const send = traced(1, 1, { kind: 'send', frame: '1>2:1', wallMs: 1_790_000_000_900 });
  const receive = traced(2, 2, { kind: 'receive', frame: '1>2:1', wallMs: 1_790_000_000_000 });
  const graph = new CausalGraph(lanesOf([send, receive]));
  const window = orderedBy('wall', graph);
  const scene = sceneOf({ graph, window, nodes: [1, 2], reigns: [], axis: 'wall', selected: null, size });
  assert.equal(
    scene.arrows.map(({ backwards }) => backwards),
    [true],
  );
});
Picture.run();
