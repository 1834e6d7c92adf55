import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

const Catchup = suite('catch-up');

const tailBytes = 32 * 1024;
const small: ClusterOptions = { segmentBytes: 64 * 1024, tailBytes };

/** How much of the log's end a node has in memory. */
function inMemory(scenario: Scenario, id: NodeId): number {
  const { log } = scenario.cluster.node(id).root.system.get('pipeline').getSnapshot().context.core;
  let index: number = log.last.index;
  // The earliest place from which it can still send out of memory.
  while (index > 0 && log.batchesAfter(index - 1, 1) !== 'cold') index--;
  const batches = log.batchesAfter(index, Number.POSITIVE_INFINITY);
  return batches === 'cold' ? 0 : batches.reduce((sum: number, { bytes }: { bytes: Buffer }) => sum + bytes.length, 0);
}
/** Writes of about a kilobyte each, in groups. */
function fill(scenario: Scenario, at: NodeId, messages: number): void {
  for (let left = messages; left > 0; left -= 20) {
    const texts = Array.from({ length: 20 }, (_, i) => `${scenario.told.length} ${i} ${'x'.repeat(1000)}`);
    const told = scenario.writeText(at, texts);
    scenario.cluster.runUntil(() => told.answer !== null, 5000);
    assert.is(told.answer?.kind, 'done', scenario.because('a write'));
  }
}
const endOf = (scenario: Scenario, id: NodeId): number => scenario.cluster.node(id).facade.status().commitIndex;
function catchesUp(scenario: Scenario, id: NodeId, ms: number): number {
  const { cluster } = scenario;
  const since = scenario.now;
  const isLevel = (): boolean => {
    const { leader } = cluster;
    return leader !== null && cluster.isUp(id) && endOf(scenario, id) >= endOf(scenario, leader) - 2;
  };
  assert.ok(cluster.runUntil(isLevel, ms), scenario.because(`node ${id} has ${endOf(scenario, id)}`));
  return scenario.now - since;
}

Catchup(
  "brings back a follower that missed 4,000 messages, from the leader's disk, beside live writes (R7, R23)",
  () => {
    for (const away of [1, 2]) {
      const scenario = Scenario.up({ ...small, seed: away });
      const { cluster } = scenario;
      cluster.kill(away);
      fill(scenario, 3, 4000);
      scenario.writeAlways(10);
      const at = scenario.now;
      cluster.start(away);
      scenario.run(20);
      let most = 0;
      const look = (): void => {
        most = Math.max(most, inMemory(scenario, 3));
        cluster.clock.setTimeout(look, 20);
      };
      look();
      const tookMs = catchesUp(scenario, away, 20_000);
      assert.ok(tookMs < 10_000, `${tookMs} ms`);
      assert.ok(most < 4 * tailBytes, `the leader held ${most} bytes of its log in memory`);
      scenario.run(500);
      assert.equal(scenario.leaderships(at), [], scenario.because('an election'));
      assert.equal(scenario.lines('election_started', at), []);
      assert.ok(scenario.longestPauseMs(at) < 100, `${scenario.longestPauseMs(at)} ms without a write`);
      assert.equal(scenario.verdict(), []);
      assert.ok(cluster.messages(away).length > 4000);
    }
  },
);

Catchup('does not depose a leader with one follower dead and the other one far behind (R23)', () => {
  for (const why of ['its link', 'its disk'] as const) {
    const scenario = Scenario.up({ ...small });
    const { cluster } = scenario;
    cluster.kill(1);
    fill(scenario, 3, 2000);
    if (why === 'its link') cluster.network.shape(3, 1, { bytesPerSecond: 400_000 });
    else cluster.disk(1).faults.slowFsyncMs = 60;
    cluster.start(1);
    scenario.run(300);
    // From now on nothing is committed before node 1 is level; node 3 has a majority that answers its pings all the time.
    cluster.crash(2);
    scenario.run(20);
    const told = scenario.write(3, { timeoutMs: 60_000 });
    const at = scenario.now;
    const isAnswered = (): boolean => told.answer !== null;
    assert.ok(cluster.runUntil(isAnswered, 60_000), scenario.because(`${why}: it never commits`));
    assert.is(told.answer?.kind, 'done', scenario.because(`${why}: the write`));
    assert.ok(scenario.now - at > 2000, `${why}: it took ${scenario.now - at} ms: too fast to show anything`);
    assert.equal(
      scenario.lines('leader_stepped_down', at),
      [],
      scenario.because(`${why}: honest catch-up is no failure`),
    );
    assert.equal(scenario.leaderships(at), [], scenario.because(why));
    cluster.disk(1).faults.slowFsyncMs = 0;
    cluster.start(2);
    scenario.run(1000);
    assert.equal(scenario.verdict(), [], why);
  }
});

Catchup('delays no heartbeat behind its data: a slow link is no dead one (PROTOCOL §3, R12, R16)', () => {
  for (const bytesPerSecond of [150_000, 2_000_000, 10_000_000]) {
    const scenario = Scenario.up({ ...small, seed: bytesPerSecond });
    const { cluster } = scenario;
    cluster.kill(1);
    fill(scenario, 3, 1000);
    for (const [a, b] of [
      [3, 1],
      [1, 3],
    ] as const)
      cluster.network.shape(a, b, { bytesPerSecond });
    scenario.writeAlways(20);
    const at = scenario.now;
    cluster.start(1);
    scenario.run(20);
    catchesUp(scenario, 1, 30_000);
    scenario.run(500);
    assert.equal(scenario.leaderships(at), [], scenario.because(`${bytesPerSecond} bytes a second`));
    // Slower links than that may make node 1 wonder, until it has measured them; it disturbs nobody (R12, R13).
    if (bytesPerSecond >= 10_000_000) assert.equal(scenario.lines('leader_lost', at), []);
    assert.ok(scenario.longestPauseMs(at) < 100, `${scenario.longestPauseMs(at)} ms without a write`);
    assert.equal(scenario.verdict(), []);
  }
});

Catchup(
  'goes on after answers that stayed away for seconds and then came late, in the middle of a read from disk',
  () => {
    for (let seed = 1; seed <= 6; seed++) {
      const scenario = Scenario.up({ segmentBytes: 32 * 1024, tailBytes: 4096, seed });
      const { cluster } = scenario;
      scenario.writeAlways(10);
      scenario.run(300);
      // The leader gives up waiting after 8·TS and begins anew at what was acknowledged, which has left its memory.
      const faults = cluster.disk(1).faults;
      faults.slowFsyncMs = 1900 + 30 * seed;
      scenario.run(2500);
      faults.slowFsyncMs = 0;
      scenario.run(2500);
      assert.equal(scenario.verdict(), [], `seed ${seed}`);
    }
  },
);

Catchup('begins where it was when the connection breaks in the middle (R7, R9)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const scenario = Scenario.up({ ...small, seed });
    const { cluster } = scenario;
    cluster.kill(1);
    fill(scenario, 3, 1500);
    scenario.writeAlways(20);
    const at = scenario.now;
    cluster.start(1);
    for (let i = 0; i < 8; i++) {
      scenario.run(15 * seed);
      cluster.network.reset(1, 3);
      if (i === 3) cluster.crash(1);
      if (i === 4) cluster.start(1);
    }
    catchesUp(scenario, 1, 20_000);
    assert.equal(scenario.leaderships(at), [], scenario.because(`seed ${seed}`));
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
});

Catchup("goes on from another leader's disk when the leader dies in the middle (R5, R7)", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const scenario = Scenario.up({ ...small, seed });
    const { cluster } = scenario;
    cluster.kill(1);
    fill(scenario, 3, 1500);
    scenario.writeAlways(20);
    cluster.network.shape(3, 1, { bytesPerSecond: 1_000_000 });
    cluster.network.shape(2, 1, { bytesPerSecond: 1_000_000 });
    cluster.start(1);
    scenario.run(300 * seed);
    cluster.crash(3);
    scenario.settled(6000, [2]);
    catchesUp(scenario, 1, 20_000);
    cluster.start(3);
    scenario.run(1000);
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
});

Catchup('lets a client read the whole log of a node page by page while that log grows (R11)', () => {
  const scenario = Scenario.up({ ...small });
  fill(scenario, 2, 1000);
  scenario.writeAlways(5);
  for (const id of [1, 2, 3]) {
    const log = scenario.cluster.messages(id);
    assert.ok(log.length >= 1000);
    for (const [i, message] of log.entries()) assert.is(message.id, i + 1);
  }
  assert.equal(scenario.verdict(), []);
});

Catchup.run();
