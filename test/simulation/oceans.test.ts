import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

/** Links that are long, thin, or both: data in front of a heartbeat must not look like death (PROTOCOL §3, §5). */
const Oceans = suite('oceans');

const pairs = [
  [1, 2, 100],
  [2, 3, 180],
  [1, 3, 250],
] as const;
const calm = { ...defaultTiming, stableMs: 60_000 };
const KiB = 1024;
/** The production's ratio of what stays in memory to what was missed is the same: megabytes here, hundreds there. */
const small: ClusterOptions = { segmentBytes: 1024 * KiB, tailBytes: 256 * KiB };

function shape(scenario: Scenario, a: NodeId, b: NodeId, megabits: number, latencyMs?: number): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const)
    scenario.cluster.network.shape(from, to, {
      bytesPerSecond: (megabits * 1e6) / 8,
      ...(latencyMs !== undefined && { latencyMs, jitterMs: latencyMs / 20 }),
    });
}
/** Three regions, 100, 180 and 250 ms apart there and back. */
function regions(megabits: number, options: ClusterOptions = {}): Scenario {
  const scenario = Scenario.up({ ...small, ...options });
  for (const [a, b, rttMs] of pairs) shape(scenario, a, b, megabits, rttMs / 2);
  scenario.run(4000); // Time to measure how far the others are.
  return scenario;
}
/** One client's batch: nothing splits it. */
function writeBig(scenario: Scenario, at: NodeId, bytes: number) {
  const texts = Array.from({ length: Math.ceil(bytes / 32_000) }, (_, i) =>
    `${scenario.told.length} ${i} `.padEnd(32_000, 'x'),
  );
  return scenario.writeText(at, texts, { timeoutMs: 60_000 });
}
function fill(scenario: Scenario, at: NodeId, megabytes: number): void {
  for (let i = 0; i < megabytes * 4; i++) {
    const told = writeBig(scenario, at, 256 * KiB);
    assert.ok(scenario.cluster.runUntil(() => told.answer !== null, 60_000));
    assert.is(told.answer?.kind, 'done', scenario.because('a write'));
  }
}
const endOf = (scenario: Scenario, id: NodeId): number => scenario.cluster.node(id).facade.status().commitIndex;
function catchesUp(scenario: Scenario, id: NodeId, leader: NodeId, ms: number): number {
  const since = scenario.now;
  const isLevel = (): boolean =>
    scenario.cluster.isUp(id) && endOf(scenario, id) > 0 && endOf(scenario, id) >= endOf(scenario, leader) - 20;
  assert.ok(
    scenario.cluster.runUntil(isLevel, ms),
    scenario.because(`node ${id} has ${endOf(scenario, id)} of ${endOf(scenario, leader)}`),
  );
  return scenario.now - since;
}
/** Nobody missed the leader, nobody campaigned, no connection was given up. */
function assertCalm(scenario: Scenario, since: number, what: string): void {
  assert.equal(scenario.leaderships(since), [], scenario.because(`${what}: another leader`));
  for (const event of ['election_started', 'leader_stepped_down', 'leader_lost', 'peer_disconnected'])
    assert.equal(scenario.lines(event, since), [], scenario.because(`${what}: ${event}`));
}

for (const megabits of [10, 50])
  Oceans(`bring back a follower that was long away, over ${megabits} Mbit/s, beside live writes: no election`, () => {
    // Node 3 leads; then node 2 does, and the one that was away is a lower or a higher one.
    for (const [away, leader] of [
      [1, 3],
      [3, 2],
    ] as const) {
      const scenario = regions(megabits, { timing: calm, seed: megabits });
      const { cluster } = scenario;
      cluster.kill(away);
      assert.is(cluster.settleLeader(leader, 20_000), leader);
      for (const [a, b, rttMs] of pairs) shape(scenario, a, b, 1e4, rttMs / 2); // What it misses is there soon.
      fill(scenario, leader, 12);
      for (const [a, b] of pairs) shape(scenario, a, b, megabits);
      scenario.writeAlways(40);
      cluster.start(away);
      scenario.run(2000); // It has greeted, and measured.
      const at = scenario.now;
      const tookMs = catchesUp(scenario, away, leader, 60_000);
      const transmitMs = (12 * KiB * KiB * 8) / (megabits * 1000);
      assert.ok(tookMs < 4 * transmitMs + 4000, `${tookMs} ms, its bytes alone take ${transmitMs} ms`);
      scenario.run(2000);
      assertCalm(scenario, at, `node ${away} catches up`);
      assert.ok(scenario.longestPauseMs(at) < 1500, `${scenario.longestPauseMs(at)} ms without a write`);
      assert.equal(scenario.verdict(), []);
    }
  });

Oceans('let a leader behind a thin link bring back a follower, beside live writes: no election', () => {
  const scenario = Scenario.up({ ...small, timing: calm });
  const { cluster } = scenario;
  cluster.kill(1);
  fill(scenario, 3, 4);
  for (const peer of [1, 2]) shape(scenario, 3, peer, 4, 40);
  scenario.run(3000);
  scenario.writeAlways(50);
  cluster.start(1);
  scenario.run(2000);
  const at = scenario.now;
  catchesUp(scenario, 1, 3, 60_000);
  scenario.run(2000);
  assertCalm(scenario, at, 'node 3 is behind 4 Mbit/s');
  assert.equal(scenario.verdict(), []);
});

Oceans('take a batch for no silence that needs many seconds on the wire (R12, R16, R23)', () => {
  for (const [kibibytes, megabits, slow] of [
    [1024, 2, [1]],
    [4000, 2, [1]],
    [1024, 2, [1, 2]],
    [4000, 2, [1, 2]],
    [1024, 10, [1, 2]],
    [4000, 10, [1, 2]],
    [256, 0.5, [1, 2]],
  ] as const) {
    const scenario = Scenario.up({ timing: calm, seed: kibibytes, segmentBytes: 8192 * KiB, tailBytes: 8192 * KiB });
    const { cluster } = scenario;
    for (const peer of slow) shape(scenario, 3, peer, megabits, 20);
    scenario.run(3000);
    const at = scenario.now;
    const transmitMs = (kibibytes * KiB * 8) / (megabits * 1000);
    const what = `${kibibytes} KiB, ${transmitMs.toFixed(0)} ms on the wire`;
    const told = [1, 2].map(() => writeBig(scenario, 3, kibibytes * KiB));
    assert.ok(
      cluster.runUntil(() => told.every(({ answer }) => answer !== null), 60_000),
      scenario.because(what),
    );
    assert.ok(told.every(({ answer }) => answer?.kind === 'done'));
    // It went over each wire once: a follower on a thin link is level when the bytes have had their time.
    const isLevel = (): boolean => endOf(scenario, 1) === endOf(scenario, 3);
    assert.ok(cluster.runUntil(isLevel, 60_000), scenario.because(what));
    const tookMs = scenario.now - at;
    assert.ok(tookMs < 2.3 * transmitMs + 1000, `${what}: ${tookMs} ms for two of them`);
    scenario.run(1000);
    assertCalm(scenario, at, what);
    assert.equal(scenario.verdict(), [], what);
  }
});

Oceans('take a follower for no dead one whose own big writes fill its thin link (R12, R16)', () => {
  const scenario = Scenario.up({ timing: calm, segmentBytes: 8192 * KiB, tailBytes: 8192 * KiB });
  const { cluster } = scenario;
  for (const [a, b] of pairs) shape(scenario, a, b, 4, 20);
  scenario.run(3000);
  const at = scenario.now;
  const told = [1, 2].map((id) => writeBig(scenario, id, 2048 * KiB));
  assert.ok(cluster.runUntil(() => told.every(({ answer }) => answer !== null), 60_000));
  assert.ok(told.every(({ answer }) => answer?.kind === 'done'));
  scenario.run(1000);
  assertCalm(scenario, at, 'writes of 2 MiB at both followers');
  assert.equal(scenario.verdict(), []);
});

Oceans('do not hide a leader that dies, or is cut off, in the middle of a batch (R12, R16)', () => {
  for (const how of ['dies', 'is cut off', 'is not heard'] as const) {
    const scenario = Scenario.up({ timing: calm, segmentBytes: 8192 * KiB, tailBytes: 8192 * KiB });
    const { cluster } = scenario;
    for (const peer of [1, 2]) shape(scenario, 3, peer, 2, 20);
    scenario.run(3000);
    writeBig(scenario, 3, 4000 * KiB);
    scenario.run(5000);
    assert.is(cluster.leader, 3, scenario.because(how));
    const at = scenario.now;
    // Who dies takes the bytes along that are still in its memory.
    if (how !== 'is not heard') cluster.network.isolate(3);
    if (how === 'dies') cluster.crash(3);
    if (how === 'is not heard') for (const peer of [1, 2]) cluster.network.cut(3, peer, { oneWay: true });
    assert.is(cluster.settleLeader(2, 10_000), 2, scenario.because(how));
    assert.ok(scenario.now - at < 5000, `${how}: ${scenario.now - at} ms`);
    if (how !== 'dies') {
      scenario.run(5000);
      assert.is.not(cluster.node(3).facade.status().role, 'leading', scenario.because(how));
    }
    scenario.healAll();
    scenario.run(30_000);
    assert.equal(scenario.verdict([1, 2, 3], 60_000), [], how);
  }
});

Oceans.run();
