/** What the network page draws: the spans of leadership, the cells of the heat map, the links of the graph. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoryView } from '../../actors/observation.ts';
import type { Member } from '../../ui/cluster.ts';
import { cellOf, edgesOf, pairsOf, warmthOf } from '../../ui/network/links.ts';
import { type Timeline, timelineOf, toldBy } from '../../ui/network/timeline.ts';
import { aView, type ViewParts } from '../support/fakeFeed.ts';

const epochOf = (round: number, node: number): number => round * 65_536 + node;
const told = (wallMs: number, leader: number | null, round: number, owner = leader ?? 1): StoryView => ({
  wallMs,
  lamport: wallMs,
  event: 'x',
  words: '',
  epoch: epochOf(round, owner),
  leader,
});
const lineOf = (
  stories: readonly (readonly [number, readonly StoryView[]])[],
  leader: number | null,
  round: number,
  nowMs = 1000,
): Timeline => timelineOf(toldBy(new Map(stories)), { leader, epoch: epochOf(round, leader ?? 0) }, nowMs);
const spansOf = ({ spans }: Timeline): unknown =>
  spans.map(({ node, fromMs, toMs, isOpen }) => [node, fromMs, toMs, isOpen]);
const gapsOf = ({ gaps }: Timeline): unknown => gaps.map(({ fromMs, toMs }) => [fromMs, toMs]);

const Line = suite('timeline');

Line('has a span from the first word of a leader to now', () => {
  const line = lineOf(
    [
      [1, [told(100, 3, 1)]],
      [3, [told(90, 3, 1)]],
    ],
    3,
    1,
  );
  assert.equal(spansOf(line), [[3, 90, 1000, true]]);
  assert.equal(gapsOf(line), []);
});

Line('ends the span of a leader that died when the first one missed it, and shows the gap (N1)', () => {
  const line = lineOf(
    [
      [1, [told(100, 3, 1), told(410, null, 1, 3), told(500, 2, 2)]],
      [2, [told(101, 3, 1), told(400, null, 1, 3), told(490, 2, 2)]],
    ],
    2,
    2,
  );
  assert.equal(spansOf(line), [
    [3, 100, 400, false],
    [2, 490, 1000, true],
  ]);
  assert.equal(gapsOf(line), [[400, 490]]);
});

Line('believes a leader that steps down more than a follower that missed it', () => {
  const line = lineOf(
    [
      [1, [told(100, 3, 1), told(300, null, 1, 3), told(700, 2, 2)]],
      [3, [told(100, 3, 1), told(600, null, 1, 3)]],
    ],
    2,
    2,
  );
  assert.equal(spansOf(line), [
    [3, 100, 600, false],
    [2, 700, 1000, true],
  ]);
});

Line('has a gap to now while nobody leads', () => {
  const line = lineOf([[1, [told(100, 3, 1), told(400, null, 1, 3)]]], null, 1);
  assert.equal(gapsOf(line), [[400, 1000]]);
});

Line('is empty before anything has happened', () => {
  const line = lineOf([], null, 0);
  assert.equal([line.spans, line.gaps], [[], []]);
});

const Links = suite('links');
const member = (node: number, links: ViewParts['links'] = [], standing: Member['standing'] = 'follower'): Member => ({
  node,
  standing,
  view: aView(node, { links }),
  madeAtMs: 0,
});

Links('are all ordered pairs, each as its first node measures it', () => {
  const members = [member(8001, [{ peer: 8002, rttMs: 3 }]), member(8002, [{ peer: 8001, rttMs: 5 }]), member(8003)];
  const pairs = pairsOf(members);
  assert.is(pairs.length, 9);
  const rttOf = (from: number, to: number): unknown => {
    const cell = pairs.find((pair) => pair.from === from && pair.to === to)?.cell;
    return cell?.kind === 'up' ? cell.rttMs : cell?.kind;
  };
  assert.equal([rttOf(8001, 8002), rttOf(8002, 8001), rttOf(8002, 8002)], [3, 5, 'self']);
});

Links('are cut with the error, or unknown where nobody can say', () => {
  const cut = member(8001, [{ peer: 8002, up: false, error: 'connection refused' }]);
  assert.equal(cellOf(cut, 8002), { kind: 'cut', error: 'connection refused' });
  assert.equal(cellOf(member(8001, [], 'down'), 8002), { kind: 'unknown' });
  assert.equal(cellOf(member(8001, [{ peer: 8002, rttMs: null }]), 8002), { kind: 'unknown' });
  assert.equal(cellOf({ ...member(8001, [], 'unknown'), view: null }, 8002), { kind: 'unknown' });
});

Links('are one line for both directions, cut when either says so', () => {
  const edges = edgesOf([
    member(8001, [
      { peer: 8002, rttMs: 2 },
      { peer: 8003, up: false },
    ]),
    member(8002, [{ peer: 8001, rttMs: 4 }]),
    member(8003, [{ peer: 8001, rttMs: 1 }]),
  ]);
  assert.equal(
    edges.map(({ a, b, kind }) => `${a}-${b} ${kind}`),
    ['8001-8002 up', '8001-8003 cut', '8002-8003 up'],
  );
  assert.is(edges[0]?.rttMs, 3);
});

Links('get warmer with the round trip', () => {
  assert.equal([0.3, 1, 20, 60, 250].map(warmthOf), [0, 1, 2, 3, 4]);
});

for (const each of [Line, Links]) each.run();
