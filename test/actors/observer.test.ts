/** The observer alone: its node is made of names that show what they are told to show. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventObject } from 'xstate';
import type { ObserverEvent, SessionsEvent, Viewer } from '../../actors/events.ts';
import {
  maxShownMessages,
  maxTraceEvents,
  maxViewBytes,
  type NodeView,
  type SeenView,
  type Wanted,
} from '../../actors/observation.ts';
import { makeRecord, type NodeRecord } from '../../actors/observer/record.ts';
import { fitted, readView } from '../../actors/observer/viewText.ts';
import { Observer, unionOf } from '../../actors/observer.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import type { Frame, FrameOf } from '../../actors/protocol/frames.ts';
import { LogicalLog } from '../../actors/protocol/logicalLog.ts';
import { maxOneOf } from '../../actors/protocol/watching.ts';
import { aBatch, aLog, aWrite, Ear, e, emptyLog, nothingBefore } from '../support/actorWorld.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const basic: Wanted = { trace: false, actors: false, oneOf: 1 };
const everything: Wanted = { trace: true, actors: true, oneOf: 1 };

/** Node 1 of three, its links up unless told otherwise. */
class World {
  readonly clock = new VirtualClock();
  readonly ear = new Ear();
  readonly record: NodeRecord;
  readonly observer: Observer;
  readonly log = aLog();
  readonly up = new Set([2, 3]);
  readonly buffered = new Map<number, number>();
  readonly rtts = new Map<number, number>();
  readonly shown: (readonly SeenView[])[] = [];
  readonly viewer: Viewer = { show: (views) => this.shown.push(views) };
  stopped = false;

  constructor() {
    const ports = { clock: this.clock, wallClock: { now: () => 1e12 + this.clock.now() }, log: this.log } as never;
    this.record = makeRecord(1, ports, () => ({ lamport: 7, epoch: 9, leader: null }));
    const snapshots: Record<string, () => unknown> = {
      node: () => ({
        matches: (state: string) => state === (this.stopped ? 'stopped' : 'working'),
        context: { recovered: { identity: { boot: 4 } } },
        children: { clock: { id: 'clock', getSnapshot: () => ({ context: { time: 7 } }) } },
      }),
      clock: () => ({ context: { time: 7 } }),
      sessions: () => ({ context: 'the sessions' }),
      pipeline: () => ({ context: { office: {}, core: { log: this.#emptyLog } } }),
    };
    for (const peer of [2, 3]) {
      snapshots[`link:${peer}`] = () => ({
        value: this.up.has(peer) ? { connected: 'up' } : 'waiting',
        matches: () => this.up.has(peer),
      });
      snapshots[`wire:${peer}`] = () => ({
        context: {
          bufferedBytes: this.buffered.get(peer) ?? 0,
          roundTrips: { measured: true, srttMs: this.rtts.get(peer) ?? 1 },
        },
      });
    }
    const system = {
      get: (id: string) => ({ id, getSnapshot: () => snapshots[id]?.() }),
      _relay: (_: unknown, target: { readonly id: string }, event: EventObject) => {
        this.ear.told.push({ to: target.id, event });
        if (target.id === 'observer') this.observer.receive(event as ObserverEvent);
      },
    };
    const input = { nodeId: 1, voters: [1, 2, 3], ports, record: this.record };
    this.observer = new Observer(input, { self: { id: 'observer' }, system });
  }
  readonly #emptyLog = new LogicalLog(emptyLog, 1024);

  want(wanted = basic, viewer = this.viewer): void {
    this.observer.receive({ type: 'views.wanted', viewer, wanted });
  }
  end(viewer = this.viewer): void {
    this.observer.receive({ type: 'views.unwanted', viewer });
  }
  receive(peer: number, frame: FrameOf<'watch' | 'view'>): void {
    this.observer.receive({ type: `${frame.kind}.received`, peer, connection: 1, frame } as ObserverEvent);
  }
  run(ms: number): void {
    this.clock.runUntil(this.clock.now() + ms);
  }
  commit(...batches: readonly Batch[]): void {
    const told = this.ear.to('sessions') as SessionsEvent[];
    const watched = told.find(({ type }) => type === 'commit.watched') as { listener(p: unknown, b: unknown): void };
    watched.listener({}, batches);
  }
  frames(kind: 'watch' | 'view', peer?: number): Frame[] {
    return this.ear.framesOf(kind, peer);
  }
  get own(): NodeView {
    return this.shown.at(-1)?.[0]?.view as NodeView;
  }
}

/** What another node would send. */
function viewOf(node: number, seq: number, more: Partial<NodeView> = {}): FrameOf<'view'> {
  const world = new World();
  world.want();
  world.run(150);
  return { kind: 'view', bytes: Buffer.from(JSON.stringify({ ...world.own, node, seq, ...more })) };
}

const Observing = suite('observer');

Observing('does nothing while nobody looks (A1)', () => {
  const world = new World();
  world.run(10_000);
  assert.equal(world.ear.told, []);
  assert.is(world.clock.pending, 0);
  assert.is(world.record.trace.isOn, false);
  assert.is(world.record.counts.delivered, null);
});

Observing('shows a view every 100 ms while somebody looks, numbered, and stops with them', () => {
  const world = new World();
  world.want();
  world.run(1050);
  assert.equal(
    world.shown.map(([own]) => [own?.ageMs, own?.view.node, own?.view.boot, own?.view.seq]),
    Array.from({ length: 10 }, (_, i) => [0, 1, 4, i + 1]),
  );
  world.end();
  world.ear.forget();
  world.shown.length = 0;
  world.run(5000);
  assert.equal(world.shown, []);
  assert.is(world.clock.pending, 0);
  assert.equal(world.frames('watch'), []);
});

Observing('asks the connected peers once a second for what all its watchers want together', () => {
  const world = new World();
  world.up.delete(3);
  world.want({ trace: true, actors: false, oneOf: 10 });
  world.want({ trace: true, actors: true, oneOf: 3 }, { show: () => undefined });
  world.want({ trace: false, actors: false, oneOf: 1 }, { show: () => undefined });
  world.run(3050);
  const watch = { kind: 'watch', wanted: { trace: true, actors: true, oneOf: 3 } };
  assert.equal(world.frames('watch', 2), [watch, watch, watch]);
  assert.equal(world.frames('watch', 3), []);
});

Observing('tells the peers at once when something else is wanted', () => {
  const world = new World();
  world.want();
  world.run(250);
  world.want(everything);
  world.run(100);
  assert.equal(
    world.frames('watch', 2).map((frame) => frame.kind === 'watch' && frame.wanted.trace),
    [false, true],
  );
});

Observing('never sends what a peer would take for a malformed frame', () => {
  for (const oneOf of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const world = new World();
    world.want({ trace: true, actors: false, oneOf });
    world.run(150);
    const [frame] = world.frames('watch', 2) as FrameOf<'watch'>[];
    const sent = frame?.wanted.oneOf ?? 0;
    assert.ok(Number.isInteger(sent) && sent >= 1 && sent <= maxOneOf, `${oneOf}: ${sent}`);
  }
});

Observing('answers a WATCH ten times a second for three seconds, then stops everything (A1)', () => {
  const world = new World();
  world.receive(2, { kind: 'watch', wanted: everything });
  world.run(2950);
  assert.is(world.frames('view', 2).length, 29);
  assert.equal(world.frames('view', 3), []);
  assert.equal(world.frames('watch'), [], 'nobody looks here');
  world.run(200);
  world.ear.forget();
  world.run(5000);
  assert.equal(world.ear.told, []);
  assert.is(world.clock.pending, 0);
  assert.is(world.record.trace.isOn, false);
  assert.is(world.record.counts.delivered, null);
});

Observing('sends each peer what that one wanted, and no more', () => {
  const world = new World();
  world.receive(2, { kind: 'watch', wanted: basic });
  world.receive(3, { kind: 'watch', wanted: everything });
  world.run(150);
  const [plain] = world.frames('view', 2) as FrameOf<'view'>[];
  const [whole] = world.frames('view', 3) as FrameOf<'view'>[];
  const names = (bytes: Buffer | undefined) => Object.keys(readView(bytes ?? Buffer.alloc(0)) ?? {});
  assert.not(names(plain?.bytes).some((name) => name === 'trace' || name === 'actors'));
  assert.ok(names(whole?.bytes).includes('trace') && names(whole?.bytes).includes('actors'));
});

Observing('skips a view when its connection has other things to send (A2)', () => {
  const world = new World();
  world.buffered.set(2, 64 * 1024);
  world.receive(2, { kind: 'watch', wanted: basic });
  world.run(1050);
  assert.equal(world.frames('view'), []);
  world.buffered.set(2, 0);
  world.run(100);
  assert.is(world.frames('view').length, 1);
});

Observing('sends a far peer one view a round trip (A2)', () => {
  const world = new World();
  world.rtts.set(2, 450);
  world.receive(2, { kind: 'watch', wanted: basic });
  world.run(1950);
  assert.is(world.frames('view').length, 4);
});

Observing('gives what peers told of themselves, with its age; their newest once more when nothing came', () => {
  const world = new World();
  world.want();
  world.run(150);
  world.receive(2, viewOf(2, 5));
  world.run(100);
  assert.equal(
    world.shown.at(-1)?.map(({ ageMs, view }) => [view.node, view.node === 2 ? view.seq : 0, ageMs]),
    [
      [1, 0, 0],
      [2, 5, 50],
    ],
  );
  world.run(100);
  assert.is(world.shown.at(-1)?.[1]?.ageMs, 150);
  world.receive(2, viewOf(2, 6));
  world.receive(2, viewOf(2, 7));
  world.run(100);
  assert.equal(
    world.shown.at(-1)?.map(({ view }) => view.seq),
    [world.own.seq, 6, 7],
    'none of two is lost: their lists differ',
  );
});

Observing('drops and counts nonsense, lies, repetitions, floods, and what nobody asked for (A3)', () => {
  const world = new World();
  world.receive(2, viewOf(2, 1));
  assert.is(world.observer.refused, 1, 'nobody looks');
  world.want();
  const bytes = (text: string): FrameOf<'view'> => ({ kind: 'view', bytes: Buffer.from(text) });
  const wrong = [
    bytes('no JSON'),
    bytes('null'),
    bytes('[]'),
    bytes('{"node":2}'),
    bytes(`${'['.repeat(60_000)}`),
    { kind: 'view', bytes: Buffer.from([0xff, 0xfe]) } as const,
    viewOf(3, 1),
    viewOf(2, 1, { status: { role: 'king' } as never }),
    viewOf(2, 1, { links: Array(17).fill(null) }),
    viewOf(2, -1),
    viewOf(2, 1, { story: 'long' as never }),
  ];
  for (const frame of wrong) {
    world.receive(2, frame);
    world.run(100);
  }
  assert.is(world.observer.refused, 1 + wrong.length);
  assert.ok(world.shown.every((views) => views.length === 1));
  const good = viewOf(2, 9);
  for (let i = 0; i < 1000; i++) world.receive(2, good);
  world.run(100);
  assert.is(world.observer.refused, 1 + wrong.length + 999);
  assert.is(world.shown.at(-1)?.length, 2);
});

Observing('hears a peer again that began anew and counts from 1', () => {
  const world = new World();
  world.want();
  world.receive(2, viewOf(2, 900, { boot: 3 }));
  world.run(100);
  world.receive(2, viewOf(2, 1, { boot: 4 }));
  world.run(100);
  assert.is(world.shown.at(-1)?.[1]?.view.boot, 4);
});

Observing('ends with its node', () => {
  const world = new World();
  world.want();
  world.receive(2, { kind: 'watch', wanted: basic });
  world.stopped = true;
  world.run(150);
  assert.is(world.clock.pending, 0);
  assert.equal(world.shown, []);
});

// ----------------------------------------------------------------------------------------------------- what is shown

function batchesOf(count: number, messages = 1): Batch[] {
  const batches: Batch[] = [];
  for (let i = 0; i < count; i++) {
    const contents = Array.from({ length: messages }, (_, m) => `${i}/${m}`);
    batches.push(aBatch(batches.at(-1) ?? nothingBefore, e(1, 1), [aWrite({ origin: 2, n: i + 1, contents })]));
  }
  return batches;
}

Observing('shows every committed message while they are few, and counts them once', () => {
  const world = new World();
  world.want();
  world.commit(...batchesOf(10, 4));
  world.run(150);
  assert.is(world.own.messages.count, 40);
  assert.equal(
    world.own.messages.shown.map(({ id, origin, violation }) => [id, origin, violation]),
    Array.from({ length: 40 }, (_, i) => [i + 1, 2, false]),
  );
  world.run(100);
  assert.equal(world.own.messages, { count: 0, shown: [] });
});

Observing('shows some of many, spread over all of them, with the number of all', () => {
  const world = new World();
  world.want();
  world.commit(...batchesOf(500, 20));
  world.run(150);
  const { count, shown } = world.own.messages;
  assert.is(count, 10_000);
  assert.ok(shown.length > maxShownMessages / 4 && shown.length <= maxShownMessages, `${shown.length}`);
  const ids = shown.map(({ id }) => id);
  assert.equal(
    [...ids].sort((a, b) => a - b),
    ids,
  );
  assert.ok((ids[0] ?? 0) < 3000 && (ids.at(-1) ?? 0) > 7000, ids.join());
});

Observing('always shows a message that breaks the causal order', () => {
  const world = new World();
  world.want();
  const batches = batchesOf(1000);
  const before = batches.at(-1) as Batch;
  const late = aBatch(before, e(1, 1), [aWrite({ contents: ['late'] })], before.endLamport);
  world.commit(...batches, late, ...batchesOf(500));
  world.run(150);
  const wrong = world.own.messages.shown.filter(({ content }) => content === 'late');
  assert.equal(
    wrong.map(({ violation }) => violation),
    [true],
  );
  assert.ok(world.own.messages.shown.length <= maxShownMessages);
});

Observing('cuts a message at about 200 bytes, never inside a character', () => {
  const world = new World();
  world.want();
  const contents = ['€'.repeat(100), 'x'.repeat(200), 'x'.repeat(201), `${'x'.repeat(199)}é`];
  world.commit(aBatch(nothingBefore, e(1, 1), [aWrite({ contents })]));
  world.run(150);
  assert.equal(
    world.own.messages.shown.map(({ content, bytes }) => [content, bytes]),
    [
      ['€'.repeat(66), 300],
      ['x'.repeat(200), 200],
      ['x'.repeat(200), 201],
      ['x'.repeat(199), 201],
    ],
  );
});

Observing('lets every line through and keeps the newest 100 stories, looked at or not', () => {
  const world = new World();
  const { story } = world.record;
  story.write('info', 'leader_elected', 'node 1 leads in epoch 9', { leader: 1, epoch: 9 });
  story.write('info', 'leader_elected', 'node 2 leads in epoch 10', { leader: 2, epoch: 10 });
  story.write('info', 'message_created', 'message 1');
  assert.equal(
    story.stories.map(({ event, words, lamport, epoch }) => [event, words, lamport, epoch]),
    [
      ['leads', 'node 1 leads in epoch 9', 7, 9],
      ['follows', 'node 2 leads in epoch 10', 7, 9],
    ],
  );
  for (let i = 0; i < 150; i++) story.write('warn', 'leader_lost', `${i}`);
  assert.is(story.stories.length, 100);
  assert.is(story.stories.at(-1)?.words, '149');
  assert.is(world.log.lines.length, 153);
  world.want();
  world.run(150);
  assert.is(world.own.story.length, 100);
});

Observing('tells the story whole to whoever begins to look and every five seconds, else what came since (A4)', () => {
  const world = new World();
  const { story } = world.record;
  const lost = (words: string): void => story.write('warn', 'leader_lost', words);
  const told = (): readonly string[] => world.own.story.map(({ words }) => words);
  lost('a');
  world.want();
  world.run(150);
  assert.equal(told(), ['a']);
  world.run(100);
  assert.equal(told(), []);
  lost('b');
  world.run(100);
  lost('c');
  world.run(100);
  assert.equal(told(), ['b', 'c'], 'also who missed the view before hears of both');
  world.run(4000);
  assert.equal(told(), ['b', 'c']);
  world.run(800);
  assert.ok(world.shown.slice(-8).some(([own]) => own?.view.story.length === 3));
  assert.equal(told(), []);
  world.receive(2, { kind: 'watch', wanted: basic });
  world.run(100);
  assert.equal(told(), ['a', 'b', 'c'], 'a peer that begins to look gets it too');
});

Observing('tells once that a peer was cut off, however often it is dialled then; and why', () => {
  const { record } = new World();
  const { story } = record;
  const away = (reason: string) => story.write('info', 'peer_disconnected', `peer 2: ${reason}`, { peer: 2, reason });
  away('ECONNREFUSED');
  story.write('info', 'peer_connected', 'peer 2 is connected', { peer: 2 });
  away('reset');
  for (let i = 0; i < 5; i++) {
    story.write('warn', 'peer_refused', 'peer 2 was refused: disk', { peer: 2, reason: 'another disk' });
    away('ECONNREFUSED');
  }
  assert.equal(
    story.stories.map(({ event }) => event),
    ['connected', 'cut', 'refused'],
  );
  assert.is(story.errors.get(2), 'ECONNREFUSED');
  story.write('info', 'peer_connected', 'peer 2 is connected', { peer: 2 });
  assert.is(story.errors.get(2), 'reset', 'what was in the way is forgotten, why it broke is not');
  story.write('warn', 'peer_refused', 'peer 3 was refused', { peer: 3, reason: 'not now' });
  assert.is(story.errors.get(3), 'not now');
  story.write('info', 'peer_connected', 'peer 3 is connected', { peer: 3 });
  story.write('info', 'peer_renewed', 'peer 3: the cluster was formed', { peer: 3, reason: 'the cluster was formed' });
  assert.is(story.errors.has(3), false);
});

Observing('counts events of actors only while actors are wanted', () => {
  const world = new World();
  world.want(everything);
  const { counts } = world.record;
  for (let i = 0; i < 20; i++) counts.delivered?.('pipeline', 'clock', { type: `e${i}` });
  world.run(1050);
  const clock = world.own.actors?.find(({ id }) => id === 'clock');
  assert.is(clock?.events, 20);
  assert.ok(Math.abs((clock?.perSecond ?? 0) - 20) < 1, `${clock?.perSecond}`);
  assert.equal(
    clock?.last.map(({ event, from }) => `${from} ${event}`),
    Array.from({ length: 8 }, (_, i) => `pipeline e${i + 12}`),
  );
  world.want(basic);
  assert.is(counts.delivered, null);
});

// ------------------------------------------------------------------------------------------------------------- trace

const append = (batch: Batch | null): Frame => ({
  kind: 'append',
  epoch: 5,
  previous: { epoch: 0, index: 0 },
  commit: 0,
  readRound: 0,
  quiet: batch === null,
  batch,
});

Observing('traces both ends of a frame under one name', () => {
  const here = new World();
  const there = new World();
  here.want(everything);
  there.want(everything);
  const [batch] = batchesOf(1, 3) as [Batch];
  here.record.trace.sent(3, append(batch), 40);
  there.record.trace.received(1, append(batch), 40, 44);
  const [sent] = here.record.trace.take().events;
  const [received] = there.record.trace.take().events;
  assert.is(sent?.frame, '1>3:40');
  assert.equal([sent?.kind, sent?.what, sent?.group, sent?.peer, sent?.epoch], ['send', 'append', 'replication', 3, 5]);
  assert.equal(sent?.ids, [1, 3]);
  assert.is(sent?.violation, undefined);
  assert.equal([received?.kind, received?.lamport, received?.peer], ['receive', 44, 1]);
});

Observing('samples frames about messages by the time of their sending, and never an election or a fault', () => {
  const { record } = new World();
  const { trace, story } = record;
  trace.want(10);
  for (let lamport = 1; lamport <= 100; lamport++) trace.received(2, append(null), lamport, 1000 + lamport);
  for (let lamport = 101; lamport <= 150; lamport++) trace.sent(2, { kind: 'probe', nonce: 1 }, lamport);
  story.write('warn', 'leader_lost', 'no leader');
  trace.sent(2, { kind: 'view', bytes: Buffer.alloc(0) }, 150);
  const { events, dropped, oneOf } = trace.take();
  assert.is(oneOf, 10);
  assert.is(dropped, 0);
  assert.equal(
    events.filter(({ what }) => what === 'append').map(({ frame }) => frame),
    Array.from({ length: 10 }, (_, i) => `2>1:${(i + 1) * 10}`),
  );
  assert.is(events.filter(({ what }) => what === 'probe').length, 50);
  assert.equal(events.at(-1)?.what, 'lost the leader');
  assert.is(events.at(-1)?.seq, 151, 'what is left out has its number too; what people look at has none');
});

Observing('keeps the same frames at both ends when there are too many, and says how many it left out', () => {
  const ends = [new World(), new World()].map(({ record }) => record.trace);
  for (const trace of ends) trace.want(1);
  for (let lamport = 1; lamport <= 5000; lamport++) {
    ends[0]?.sent(2, append(null), lamport);
    ends[1]?.sent(2, append(null), lamport);
  }
  ends[0]?.sent(2, { kind: 'handover', epoch: 1 }, 5001);
  const [one, other] = ends.map((trace) => trace.take());
  assert.ok(one && other);
  assert.ok(one.events.length <= 200 && one.events.length > 50, `${one.events.length}`);
  assert.is(one.dropped + one.events.length, 5001);
  assert.is(one.events.at(-1)?.what, 'handover');
  assert.equal(
    one.events.slice(0, -1).map(({ frame }) => frame),
    other.events.map(({ frame }) => frame),
  );
});

Observing('marks a message that is younger than the frame which brings it', () => {
  const { record } = new World();
  record.trace.want(1);
  const batch = aBatch(nothingBefore, e(1, 1), [aWrite()], 50);
  record.trace.received(2, append(batch), 50, 60);
  record.trace.received(2, append(batch), 51, 61);
  assert.equal(
    record.trace.take().events.map(({ violation }) => violation ?? false),
    [true, false],
  );
});

// -------------------------------------------------------------------------------------------------------------- text

Observing('makes the lists of a view shorter until it fits, and says what it left out (A2 of observation.ts)', () => {
  const world = new World();
  world.want(everything);
  const hostile = Array.from({ length: 50 }, () => '\u0000'.repeat(200));
  world.commit(aBatch(nothingBefore, e(1, 1), [aWrite({ contents: hostile })]));
  for (let i = 0; i < 120; i++) world.record.story.write('warn', 'leader_lost', '\u0001'.repeat(300));
  for (let lamport = 1; lamport <= 150; lamport++) world.record.trace.sent(2, { kind: 'probe', nonce: 1 }, lamport);
  world.run(150);
  const { view, bytes } = fitted(world.own);
  assert.ok(bytes.length <= maxViewBytes, `${bytes.length}`);
  assert.is(view, world.own, 'what is shown here is bounded too');
  assert.is(view.messages.count, 50);
  assert.ok(view.messages.shown.length < 50);
  const { dropped = 0, events = [] } = view.trace ?? {};
  assert.is(dropped + events.length, maxTraceEvents, 'of 270; the next view has the rest');
  assert.equal(readView(bytes), JSON.parse(bytes.toString()));
});

Observing('wants of nobody are null, of several the union', () => {
  assert.is(unionOf([]), null);
  assert.equal(
    unionOf([
      { trace: true, actors: false, oneOf: 8 },
      { trace: false, actors: true, oneOf: 2 },
    ]),
    {
      trace: true,
      actors: true,
      oneOf: 8,
    },
  );
});

Observing.run();
