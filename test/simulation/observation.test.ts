/** Three simulated nodes, and people who look at one of them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventObject } from 'xstate';
import type { NodeFacade } from '../../actors/facade.ts';
import type { NodeView, SeenView, StoryView, TraceEvent, Wanted } from '../../actors/observation.ts';
import type { Observer } from '../../actors/observer.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

const basic: Wanted = { trace: false, actors: false, oneOf: 1 };
const everything: Wanted = { trace: true, actors: true, oneOf: 1 };

/** Somebody at one node's page, who forgets nothing. */
class Person {
  readonly seen: (readonly SeenView[])[] = [];
  readonly watching: ReturnType<NodeFacade['watch']>;

  constructor(scenario: Scenario, at: NodeId, wanted: Wanted) {
    this.watching = scenario.cluster.node(at).facade.watch(wanted, (views) => this.seen.push(views));
  }
  /** Each view once, in order. */
  viewsOf(node: NodeId): NodeView[] {
    const views = this.seen.flat().map(({ view }) => view);
    return [...new Set(views)].filter((view) => view.node === node);
  }
  newest(node: NodeId): SeenView | undefined {
    return this.seen.at(-1)?.findLast(({ view }) => view.node === node);
  }
  story(node: NodeId): readonly StoryView[] {
    return this.newest(node)?.view.story ?? [];
  }
  trace(node: NodeId): TraceEvent[] {
    return this.viewsOf(node).flatMap(({ trace }) => trace?.events ?? []);
  }
}

/** Frames about looking, by sender, kind and time. */
class Ear {
  readonly frames: { readonly at: number; readonly from: NodeId; readonly kind: string }[] = [];
  readonly options: ClusterOptions;
  now = (): number => 0;

  constructor() {
    this.options = {
      watch: {
        event: (id, target, event) => {
          if (!target.startsWith('wire:') || event.type !== 'frame.out') return;
          const { kind } = (event as EventObject & { frame: { kind: string } }).frame;
          if (kind === 'watch' || kind === 'view') this.frames.push({ at: this.now(), from: id, kind });
        },
      },
    };
  }
}
function aTown(): { scenario: Scenario; ear: Ear } {
  const ear = new Ear();
  const scenario = Scenario.up(ear.options);
  ear.now = () => scenario.now;
  return { scenario, ear };
}
const observerOf = (scenario: Scenario, id: NodeId): Observer =>
  scenario.cluster.node(id).root.system.get('observer')?.getSnapshot().context;

const Observation = suite('observation');

Observation('one page shows all nodes, each as it sees itself', () => {
  const { scenario } = aTown();
  const person = new Person(scenario, 1, everything);
  for (let i = 0; i < 5; i++) scenario.written(2);
  scenario.run(2000);
  for (const id of [1, 2, 3]) {
    const seen = person.newest(id);
    assert.ok(seen, `node ${id}`);
    const { view, ageMs } = seen;
    assert.ok(ageMs >= 0 && ageMs < 250, `${ageMs} ms`);
    assert.is(view.status.role, id === 3 ? 'leading' : 'follower');
    assert.is(view.status.leader, 3);
    assert.equal([view.status.lastId, view.metrics.received + view.metrics.sent], [5, 5]);
    assert.ok(view.status.durableIndex >= view.status.commitIndex);
    assert.equal(
      view.links.map(({ peer, link, up }) => [peer, link, up]),
      [1, 2, 3].filter((peer) => peer !== id).map((peer) => [peer, 'up', true]),
    );
    assert.is(view.links[0]?.lag, id === 3 ? 0 : null);
    const names = view.actors?.map((actor) => actor.id) ?? [];
    for (const name of ['node', 'election', 'pipeline', 'observer', `wire:${id === 3 ? 1 : 3}`])
      assert.ok(names.includes(name), `${name} of ${id}: ${names.join()}`);
    assert.ok(view.actors?.every((actor) => actor.id === 'node' || actor.parent !== null));
    const charts = new Map(
      scenario.cluster
        .node(id)
        .facade.charts()
        .map((chart) => [chart.id, chart]),
    );
    for (const { id: name, states } of view.actors ?? []) {
      const chart = charts.get(name.split(':')[0] ?? '');
      assert.is(states !== undefined, chart !== undefined, name);
      for (const state of states ?? [])
        assert.ok(
          chart?.states.some((node) => node.id === state),
          state,
        );
    }
    assert.ok((view.actors?.find((actor) => actor.id === 'clock')?.perSecond ?? 0) > 20);
  }
  const shown = person.viewsOf(1).flatMap(({ messages }) => messages.shown);
  assert.equal(
    shown.map((message) => [message.id, message.content, message.origin, message.violation]),
    [1, 2, 3, 4, 5].map((n) => [n, `message ${n}`, 2, false]),
  );
  assert.equal(scenario.verdict(), []);
});

Observation('a failover shows as a story, and in the trace with both ends of its frames', () => {
  const { scenario } = aTown();
  const person = new Person(scenario, 1, { ...everything, oneOf: 1 });
  scenario.run(1500);
  const before = person.story(1).length;
  scenario.cluster.kill(3);
  assert.ok(scenario.cluster.runUntil(() => scenario.cluster.leader === 2, 10_000));
  scenario.written(1);
  scenario.run(1000);
  assert.equal(
    person
      .story(1)
      .slice(before)
      .map(({ event }) => event)
      .filter((event) => event !== 'lost the leader'),
    ['cut', 'follows'],
  );
  const events = person.story(2).map(({ event }) => event);
  assert.equal(events.slice(events.indexOf('cut')), ['cut', 'lost the leader', 'campaigns', 'leads']);
  const last = person.story(2).at(-1);
  assert.is(last?.leader, 2);
  assert.is(last?.epoch, person.newest(2)?.view.status.epoch);

  const traces = new Map([1, 2].map((id) => [id, person.trace(id)]));
  for (const [id, trace] of traces) {
    assert.ok(trace.length > 10, `${id}`);
    const seqs = trace.map(({ seq }) => seq);
    assert.equal(
      seqs,
      [...seqs].sort((a, b) => a - b),
    );
    assert.not(trace.some(({ what, violation }) => what === 'ping' || what === 'view' || violation));
    const lamports = trace.map(({ lamport }) => lamport);
    assert.equal(
      lamports,
      [...lamports].sort((a, b) => a - b),
      'the clock does not go back',
    );
  }
  const ends = (id: NodeId, kind: string, other: NodeId) =>
    (traces.get(id) ?? []).filter((event) => event.kind === kind && event.peer === other);
  for (const [from, to] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const received = new Map(ends(to, 'receive', from).map((event) => [event.frame, event]));
    const sent = ends(from, 'send', to);
    // The last ones may be on their way into a view.
    for (const event of sent.slice(0, -3)) {
      const end = received.get(event.frame);
      assert.ok(end, `${event.frame} ${event.what} has no other end`);
      assert.is(end.what, event.what);
      assert.ok(end.lamport > event.lamport, 'it arrives after it was sent');
    }
  }
  const election = [...traces.values()].flat().filter(({ group }) => group === 'election');
  for (const what of ['probe', 'prepare', 'promise', 'campaigns', 'leads', 'follows'])
    assert.ok(
      election.some((event) => event.what === what),
      what,
    );
  assert.equal(scenario.verdict([1, 2]), []);
});

Observation('a dead peer stays as it was seen last, older and older; back again it is shown anew', () => {
  const { scenario } = aTown();
  const person = new Person(scenario, 1, basic);
  scenario.run(1500);
  scenario.cluster.kill(3);
  scenario.run(2000);
  const dead = person.newest(3);
  assert.ok(dead && dead.ageMs > 1500, `${dead?.ageMs}`);
  assert.ok(person.newest(1)?.view.links.find(({ peer }) => peer === 3)?.error);
  scenario.cluster.start(3);
  scenario.run(4000);
  const back = person.newest(3);
  assert.ok(back && back.ageMs < 250 && back.view.boot > dead.view.boot);
});

Observation('who stops looking stops all traffic within three seconds, and leaves nothing behind', () => {
  const { scenario, ear } = aTown();
  assert.equal(ear.frames, []);
  const person = new Person(scenario, 1, everything);
  scenario.run(5000);
  const rates = [2, 3].map((id) => ear.frames.filter(({ from, kind }) => from === id && kind === 'view').length);
  for (const rate of rates) assert.ok(rate > 40 && rate <= 50, `${rate} views in 5 s`);
  const asked = ear.frames.filter(({ from, kind }) => from === 1 && kind === 'watch').length;
  assert.ok(asked >= 8 && asked <= 10, `${asked}`);
  person.watching.end();
  person.watching.end();
  person.watching.want(everything);
  const ended = scenario.now;
  scenario.run(10_000);
  const last = ear.frames.at(-1)?.at ?? 0;
  assert.ok(last - ended <= 3000, `${last - ended} ms`);
  for (const id of [1, 2, 3]) assert.not(observerOf(scenario, id).isWatched);
});

Observation('nobody who looks changes what the nodes do', () => {
  const run = (looks: boolean): string => {
    const { scenario } = aTown();
    if (looks) new Person(scenario, 1, everything);
    scenario.writeAlways(50);
    scenario.run(2000);
    const times = [1, 2, 3].map((id) => {
      const { leaderId, epoch, lastIndex, lamportTime } = scenario.cluster.node(id).facade.status();
      return [leaderId, epoch, lastIndex, lamportTime];
    });
    return JSON.stringify([times, scenario.cluster.messages(1)]);
  };
  // Their frames share the line with the others', so a simulated delay falls elsewhere: what was agreed is the same.
  const agreed = (text: string) => JSON.parse(text)[0].map(([leader, epoch]: number[]) => [leader, epoch]);
  assert.equal(agreed(run(true)), agreed(run(false)));
});

Observation('a peer that floods, or talks nonsense, harms nothing', () => {
  const { scenario } = aTown();
  const { cluster } = scenario;
  const person = new Person(scenario, 1, everything);
  scenario.writeAlways(50);
  const junk = [Buffer.alloc(0), Buffer.from('{"node":2}'), Buffer.alloc(100_000, '['), Buffer.from('"\u{1f600}"')];
  let sent = 0;
  const flood = (): void => {
    for (let i = 0; i < 10; i++) {
      const bytes = junk[sent++ % junk.length] as Buffer;
      cluster.ask(2, 'clock', { type: 'frame.send', peer: 1, frame: { kind: 'view', bytes } });
      const wanted = { trace: i % 2 === 0, actors: i % 3 === 0, oneOf: 1 + i };
      cluster.ask(2, 'clock', { type: 'frame.send', peer: 1, frame: { kind: 'watch', wanted } });
    }
    if (sent < 3000) cluster.clock.setTimeout(flood, 10);
  };
  const since = scenario.now;
  flood();
  scenario.run(5000);
  assert.ok(observerOf(scenario, 1).refused > 2000, `${observerOf(scenario, 1).refused}`);
  assert.equal(scenario.lines('leader_lost', since), []);
  assert.equal(scenario.lines('peer_disconnected', since), []);
  assert.ok(person.viewsOf(2).length > 10, 'what it says of itself in between is heard');
  assert.ok((person.newest(3)?.ageMs ?? 1e9) < 250);
  scenario.stopWriting();
  scenario.run(1000);
  assert.equal(scenario.verdict(), []);
  assert.equal(cluster.failures, []);
});

Observation('a peer that sends a malformed WATCH or VIEW loses its connection, as with any other frame', () => {
  const { scenario } = aTown();
  const since = scenario.now;
  const frame = { kind: 'watch', wanted: { ...basic, oneOf: 0 } } as const;
  scenario.cluster.ask(2, 'clock', { type: 'frame.send', peer: 1, frame });
  scenario.run(3000);
  const [line] = scenario.lines('peer_disconnected', since);
  assert.match(line?.message ?? '', /malformed/);
  assert.equal(scenario.verdict(), []);
});

Observation('a node that still reads its log is shown already', () => {
  const scenario = new Scenario();
  const { cluster } = scenario;
  cluster.start();
  const person = new Person(scenario, 1, basic);
  assert.is(cluster.node(1).facade.status().role, 'starting');
  cluster.settleLeader(3);
  scenario.run(3000);
  scenario.written(1);
  scenario.run(500);
  assert.is(person.newest(1)?.view.status.leader, 3);
  assert.is(
    person.viewsOf(1).reduce((sum, { messages }) => sum + messages.count, 0),
    1,
  );
});

Observation('nodes that nobody looks at neither ask nor answer', () => {
  const { scenario, ear } = aTown();
  scenario.writeAlways(50);
  scenario.run(3000);
  assert.equal(ear.frames, []);
});

Observation.run();
