/** What the page knows, and what it concludes: who is up, who leads, what it says aloud. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoryView } from '../../actors/observation.ts';
import type { LiveView } from '../../http/live/protocol.ts';
import { announcements, type Picture } from '../../ui/announce.ts';
import { disagreement, type Member, membersOf, roundOf } from '../../ui/cluster.ts';
import { LiveState } from '../../ui/state.ts';
import { words } from '../../ui/words.ts';
import { aHello, aMessage, aView, seen, voters } from '../support/fakeFeed.ts';

const epochOf = (round: number, node: number): number => round * 65_536 + node;
const tick = (state: LiveState, nowMs: number, ...views: readonly LiveView[]): void =>
  state.take({ type: 'tick', wallMs: nowMs, missed: 0, views: views.map((view) => seen(view)) }, nowMs);
const story = (wallMs: number, leader: number | null, round = 5): StoryView => ({
  wallMs,
  lamport: wallMs,
  event: leader === null ? 'lost the leader' : 'follows',
  words: '',
  epoch: epochOf(round, leader ?? 8003),
  leader,
});

const State = suite('state of the page');

State('keeps what was shown over a new greeting, and takes nothing twice (S2)', () => {
  const state = new LiveState();
  state.take(aHello({ history: { messages: [aMessage(1), aMessage(2)] } }), 0);
  tick(state, 100, aView(8001, { messages: [aMessage(3)] }), aView(8002, { messages: [aMessage(3), aMessage(4)] }));
  state.take(aHello({ history: { messages: [aMessage(4), aMessage(5)] } }), 200);
  assert.equal(
    state.messages.rows.map(({ id }) => id),
    [1, 2, 3, 4, 5],
  );
});

State('begins its messages anew when the log is another one (S2)', () => {
  const state = new LiveState();
  state.take(aHello({ history: { messages: [aMessage(1), aMessage(2)] } }), 0);
  state.take(aHello({ history: { messages: [aMessage(2, { lamport: 7 })] } }), 100);
  assert.equal(
    state.messages.rows.map(({ lamport }) => lamport),
    [7],
  );
});

State('lets no older view replace a newer one', () => {
  const state = new LiveState();
  state.take(aHello({ views: [] }), 0);
  tick(state, 100, aView(8002, { boot: 2, seq: 5, status: { lamport: 50 } }));
  tick(state, 200, aView(8002, { boot: 2, seq: 4, status: { lamport: 40 } }));
  tick(state, 300, aView(8002, { boot: 1, seq: 9, status: { lamport: 90 } }));
  assert.is(state.nodes.value.get(8002)?.view.status.lamport, 50);
  tick(state, 400, aView(8002, { boot: 3, seq: 1, status: { lamport: 10 } }));
  assert.is(state.nodes.value.get(8002)?.view.status.lamport, 10);
});

State('adds the stories of a node over its lives, each once', () => {
  const state = new LiveState();
  state.take(aHello({ history: { stories: [[8001, [story(1, 8003), story(2, null)]]] } }), 0);
  tick(state, 100, aView(8001, { boot: 2, story: [story(2, null), story(3, 8003, 6)] }));
  assert.equal(
    state.stories.value.get(8001)?.map(({ wallMs }) => wallMs),
    [1, 2, 3],
  );
});

State('gives each message to who keeps more, until that is taken back', () => {
  const state = new LiveState();
  const heard: string[] = [];
  const stop = state.onMessage(({ type }) => heard.push(type));
  state.take(aHello(), 0);
  tick(state, 100);
  stop();
  tick(state, 200);
  assert.equal(heard, ['hello', 'tick']);
});

const Cluster = suite('cluster as the page sees it');
const member = (node: number, leader: number | null, round = 5): Member => ({
  node,
  standing: leader === node ? 'leading' : 'follower',
  view: aView(node, { status: { leader, epoch: epochOf(round, leader ?? 0) } }),
  madeAtMs: 0,
});

Cluster('has all voters, also those of whom nothing is known', () => {
  const nodes = new Map([[8001, { view: aView(8001), madeAtMs: 1000 }]]);
  const members = membersOf({ self: 8001, voters: [8003, 8001, 8002], nodes, asOfMs: 1000 });
  assert.equal(
    members.map(({ node, standing }) => [node, standing]),
    [
      [8001, 'follower'],
      [8002, 'unknown'],
      [8003, 'unknown'],
    ],
  );
});

Cluster('takes a node for down whose view is old or whose link is cut, and keeps its last figures', () => {
  const down = { peer: 8002, up: false };
  const nodes = (madeAtMs: number, isCut: boolean) =>
    new Map([
      [8001, { view: aView(8001, { links: isCut ? [down] : [] }), madeAtMs: 10_000 }],
      [8002, { view: aView(8002), madeAtMs }],
    ]);
  const standingOf = (madeAtMs: number, isCut: boolean): string | undefined =>
    membersOf({ self: 8001, voters, nodes: nodes(madeAtMs, isCut), asOfMs: 10_000 })[1]?.standing;
  assert.is(standingOf(9900, false), 'follower');
  assert.is(standingOf(6000, false), 'down');
  assert.is(standingOf(8500, true), 'down');
  // A view that came another way proves that it lives.
  assert.is(standingOf(9900, true), 'follower');
});

Cluster('disagrees when two are called leader, not when one knows none', () => {
  assert.equal(disagreement([member(8001, 8003), member(8002, 8003), member(8003, 8003)]), []);
  assert.equal(disagreement([member(8001, 8003), member(8002, null), member(8003, 8003)]), []);
  const split = disagreement([member(8001, 8003), member(8002, 8002, 6), member(8003, 8003)]);
  assert.equal(
    split.map(({ node, leader }) => [node, leader]),
    [
      [8001, 8003],
      [8002, 8002],
      [8003, 8003],
    ],
  );
  assert.equal(disagreement([member(8001, 8003), { ...member(8002, 8002), standing: 'down' }]), []);
});

Cluster('counts epochs by their rounds', () => {
  assert.is(roundOf(epochOf(5, 8003)), 5);
  assert.is(roundOf(0), 0);
});

const Aloud = suite('live region');
const calm: Picture = { connection: 'live', leader: 8003, down: [], violations: 0 };
const said = (after: Partial<Picture>, before: Partial<Picture> = {}): readonly string[] =>
  announcements({ ...calm, ...before }, { ...calm, ...after }, words.en);

Aloud('says who leads, who is down and up, violations, and the connection', () => {
  assert.equal(said({}), []);
  assert.equal(said({ leader: 8002 }), ['Node 8002 leads']);
  assert.equal(said({ leader: null }), ['No leader']);
  assert.equal(said({ down: [8002] }), ['Node 8002 is down']);
  assert.equal(said({}, { down: [8002] }), ['Node 8002 is up again']);
  assert.equal(said({ violations: 1 }), ['1 causality violation']);
  assert.equal(said({ violations: 3 }, { violations: 3 }), []);
  assert.equal(said({ connection: 'reconnecting' }), ['Connection to the node lost']);
  assert.equal(said({}, { connection: 'reconnecting' }), ['Connection to the node is back']);
  assert.equal(said({}, { connection: 'connecting' }), []);
  assert.equal(said({ connection: 'stale' }), ['The node has stopped sending data']);
});

for (const each of [State, Cluster, Aloud]) each.run();
