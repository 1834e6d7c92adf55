import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FailpointName } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

const Handover = suite('handover');

/** Hand-overs come soon. */
const timing = { ...defaultTiming, stableMs: 300 };

/** Node 2 leads under load, and node 3 has just come back. */
function returning(options: ClusterOptions = {}, everyMs = 10): Scenario {
  const scenario = Scenario.up(options);
  const { cluster } = scenario;
  cluster.kill(3);
  if (cluster.settleLeader(2) !== 2) throw new Error(scenario.because('node 2 does not lead'));
  scenario.writeAlways(everyMs);
  scenario.run(300);
  cluster.start(3);
  return scenario;
}
/** Runs until the lead is being handed over. */
function untilHandover(scenario: Scenario): void {
  const since = scenario.now;
  const begun = scenario.cluster.runUntil(() => scenario.lines('handover_started', since).length > 0, 10_000);
  assert.ok(begun, scenario.because('no hand-over'));
}
/** The same, stopped a millisecond before the lead is handed over: the same seed gives the same run. */
function beforeHandover(options: ClusterOptions = {}, everyMs = 10): Scenario {
  const first = returning(options, everyMs);
  untilHandover(first);
  const scenario = returning(options, everyMs);
  scenario.run(first.now - 1 - scenario.now);
  return scenario;
}
function assertAgrees(scenario: Scenario, what: string): void {
  scenario.healAll();
  assert.is(scenario.cluster.settleLeader(3, 60_000), 3, scenario.because(`${what}: node 3 does not lead`));
  scenario.run(500);
  assert.equal(scenario.verdict(), [], what);
}

Handover('gives the lead to a returning higher node, once, with a write pause far below 200 ms (R17)', () => {
  const pauses: number[] = [];
  for (let seed = 1; seed <= 4; seed++) {
    const scenario = returning({ seed });
    const since = scenario.now;
    scenario.run(1500);
    assert.is(scenario.cluster.leader, 2, 'not before it was stable for TSTABLE');
    untilHandover(scenario);
    const at = scenario.now - 50;
    scenario.settled(2500, [3], 100);
    assert.is(scenario.leaderships(since).length, 1, scenario.because(`seed ${seed}`));
    pauses.push(scenario.longestPauseMs(at));
    // Nobody's write was refused or left in doubt because of it.
    assert.equal(
      scenario.told.filter(({ answer }) => answer?.kind === 'trouble'),
      [],
      scenario.because(`seed ${seed}`),
    );
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
  assert.ok(Math.max(...pauses) < 200, `write pauses of ${pauses.map((ms) => ms.toFixed(0))} ms`);
  assert.ok(Math.max(...pauses) < 50, `the drain, a hop and two rounds: ${pauses.map((ms) => ms.toFixed(0))} ms`);
});

Handover('waits for a higher node that lags, and takes the lead to it only when it is near (R17)', () => {
  const scenario = returning();
  const { cluster } = scenario;
  // So slow that it never gets near while others write: 5 writes of 2 kB each 20 ms are 500 kB a second.
  for (const from of [1, 2]) cluster.network.shape(from, 3, { bytesPerSecond: 100_000 });
  const big = 'x'.repeat(20_000);
  let isOver = false;
  let count = 0;
  const write = (): void => {
    if (isOver) return;
    scenario.writeText(2, [`${++count} ${big}`]);
    cluster.clock.setTimeout(write, 50);
  };
  write();
  const since = scenario.now;
  scenario.run(8000);
  assert.equal(scenario.lines('handover_started', since), [], scenario.because('node 3 was never near'));
  assert.is(cluster.leader, 2);
  isOver = true;
  for (const from of [1, 2]) cluster.network.shape(from, 3, { bytesPerSecond: Number.POSITIVE_INFINITY });
  scenario.settled(25_000, [3]);
  assert.equal(scenario.verdict(), []);
});

const targetDies: readonly FailpointName[] = ['promise.written', 'promise.persisted', 'barrier.appended', 'batch.sent'];
const leaderDies: readonly FailpointName[] = ['handover.sent', 'promise.written', 'promise.persisted'];

for (const restartMs of [50, 1500]) {
  Handover(`survives the target's power cut at every step, back after ${restartMs} ms (R17, R18, R5)`, () => {
    for (const point of targetDies)
      for (let seed = 1; seed <= 2; seed++) {
        const scenario = returning({ seed, timing }, 25);
        const { cluster } = scenario;
        untilHandover(scenario);
        const at = scenario.now;
        cluster.doom(3, point);
        assert.ok(
          cluster.runUntil(() => !cluster.isUp(3), 2000),
          scenario.because(`node 3 does not pass ${point}`),
        );
        scenario.run(restartMs);
        assert.ok(
          restartMs < 1000 || scenario.longestPauseMs(at) < 1200,
          `${point}: ${scenario.longestPauseMs(at)} ms`,
        );
        cluster.start(3);
        assertAgrees(scenario, `${point}, seed ${seed}`);
      }
  });

  Handover(`survives the old leader's power cut at every step, back after ${restartMs} ms (R17)`, () => {
    for (const point of leaderDies)
      for (let seed = 1; seed <= 2; seed++) {
        const scenario = beforeHandover({ seed, timing }, 25);
        const { cluster } = scenario;
        const at = scenario.now;
        cluster.doom(2, point);
        assert.ok(
          cluster.runUntil(() => !cluster.isUp(2), 2000),
          scenario.because(`node 2 does not pass ${point}`),
        );
        scenario.run(restartMs);
        assert.ok(
          restartMs < 1000 || scenario.longestPauseMs(at) < 1200,
          `${point}: ${scenario.longestPauseMs(at)} ms`,
        );
        cluster.start(2);
        assertAgrees(scenario, `${point}, seed ${seed}`);
      }
  });
}

Handover('survives the death of either, or both, in any millisecond of it (R17)', () => {
  for (let after = 0; after < 6; after++)
    for (const victims of [[2], [3], [2, 3]]) {
      const scenario = returning({ seed: after + 1, timing }, 25);
      const { cluster } = scenario;
      untilHandover(scenario);
      scenario.run(after / 2);
      for (const id of victims) cluster.crash(id);
      scenario.run(300);
      cluster.start(...victims);
      assertAgrees(scenario, `${victims} after ${after / 2} ms`);
    }
});

Handover('resumes in its own epoch when the target does not take the lead in time (R17)', () => {
  for (let seed = 1; seed <= 2; seed++) {
    const scenario = beforeHandover({ seed });
    const { cluster } = scenario;
    const first = scenario.now;
    // HANDOVER comes only when it is of no use any more: HO is over, and the leader resumed.
    cluster.network.strand(2, 3, 360);
    scenario.run(340);
    assert.is(scenario.lines('handover_failed', first).length, 1, scenario.because('it did not fail'));
    assert.is(cluster.leader, 2);
    assert.equal(scenario.leaderships(first), [], 'the same epoch goes on');
    scenario.run(1000);
    assert.ok(scenario.longestPauseMs(first) < 600, `${scenario.longestPauseMs(first)} ms without a write`);
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Handover('asks a target again only after twice the time when it did not take the lead (R17)', () => {
  const scenario = beforeHandover();
  const { cluster } = scenario;
  const first = scenario.now;
  cluster.network.cut(3, 1, { oneWay: true });
  cluster.network.cut(3, 2, { oneWay: true });
  scenario.run(330);
  cluster.network.heal();
  scenario.run(500);
  assert.is(scenario.lines('handover_failed', first).length, 1, scenario.because('it did not fail'));
  scenario.run(3000);
  assert.is(scenario.lines('handover_started', first).length, 1, 'not again after TSTABLE');
  assertAgrees(scenario, 'after a failed hand-over');
});

Handover('is harmless when its token arrives late: at most one leader more (R17, R18, R12)', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const scenario = beforeHandover({ seed });
    const { cluster } = scenario;
    const since = scenario.now;
    // Held as long as HO and longer: by then node 2 leads again in its own epoch, or has been replaced.
    cluster.network.strand(2, 3, 100 * seed);
    scenario.run(3000);
    assert.ok(scenario.leaderships(since).length <= 3, scenario.because(`seed ${seed}`));
    assert.ok(scenario.longestPauseMs(since) < 1500, `${scenario.longestPauseMs(since)} ms without a write`);
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Handover('lets nobody take the lead with the token of an older epoch (R17)', () => {
  const scenario = Scenario.up();
  const { cluster } = scenario;
  scenario.writeAlways();
  const election = (id: NodeId) => cluster.node(id).root.system.get('election');
  const { promised } = election(1).getSnapshot().context.ballot;
  const since = scenario.now;
  const prepare = (to: NodeId, from: NodeId, token: { epoch: number; by: NodeId } | null): void =>
    election(to).send({
      type: 'prepare.received',
      peer: from,
      connection: 0,
      frame: { kind: 'prepare', epoch: promised + 65_536 - (promised % 65_536) + from, handover: token },
    });
  prepare(1, 2, { epoch: promised - 65_536, by: 3 });
  prepare(3, 2, { epoch: promised - 65_536, by: 3 });
  prepare(3, 2, { epoch: promised, by: 3 }); // Its own epoch, but it hands over to nobody.
  prepare(1, 2, null);
  for (const id of [1, 3]) assert.is(election(id).getSnapshot().context.ballot.promised, promised, `node ${id}`);
  election(2).send({
    type: 'handover.received',
    peer: 3,
    connection: 0,
    frame: { kind: 'handover', epoch: promised - 65_536 },
  });
  election(2).send({ type: 'handover.received', peer: 1, connection: 0, frame: { kind: 'handover', epoch: promised } });
  scenario.run(2000);
  assert.equal(scenario.leaderships(since), []);
  assert.equal(scenario.lines('election_started', since), []);
  assert.equal(scenario.verdict(), []);
});

Handover('hands the lead over when the leader is told to stop, and its clients go on elsewhere (R17b)', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const scenario = Scenario.up({ seed });
    const { cluster } = scenario;
    scenario.writeAlways(10);
    scenario.run(500);
    const at = scenario.now;
    void cluster.node(3).stop();
    const begun = cluster.node(3);
    cluster.runUntil(() => !begun.facade.status().serving, 5000);
    assert.ok(scenario.now - at < 500, `it took ${scenario.now - at} ms to leave`);
    cluster.kill(3);
    scenario.run(1000);
    assert.is(cluster.leader, 2);
    assert.ok(scenario.longestPauseMs(at) < 100, scenario.because(`${scenario.longestPauseMs(at)} ms without a write`));
    // Of those that came by way of the others none was refused or left in doubt.
    const troubled = scenario.told.filter(({ answer, at: node }) => node !== 3 && answer?.kind === 'trouble');
    assert.equal(troubled, [], scenario.because(`seed ${seed}`));
    for (const { answer } of scenario.told.filter(({ at: node, askedAt }) => node === 3 && askedAt > at))
      assert.is(answer?.kind === 'trouble' && answer.outcome, 'not_done');
    assert.equal(scenario.lines('election_started', at).length, 1, 'nobody had to miss it first');
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Handover('succeeds also on disks that have been idle and are slow now, by one election (R17b)', () => {
  for (const slowFsyncMs of [20, 60, 100]) {
    const scenario = Scenario.up({ seed: slowFsyncMs });
    const { cluster } = scenario;
    scenario.run(10_000); // So long that nobody remembers a write.
    for (const id of cluster.voters) cluster.disk(id).faults.slowFsyncMs = slowFsyncMs;
    const at = scenario.now;
    cluster.stop(3);
    const isOver = (): boolean => !cluster.isUp(3) && cluster.leader === 2;
    assert.ok(cluster.runUntil(isOver, 1000), scenario.because(`${slowFsyncMs} ms`));
    assert.is(scenario.lines('election_started', at).length, 1, scenario.because(`${slowFsyncMs} ms`));
    for (const id of cluster.voters) cluster.disk(id).faults.slowFsyncMs = 0;
    assertAgrees(scenario, `${slowFsyncMs} ms`);
  }
});

Handover(
  'is not tried again with those who promised the one that failed: the leader renews, then leaves (R17b, R18)',
  () => {
    for (let seed = 1; seed <= 4; seed++) {
      const scenario = Scenario.up({ seed });
      const { cluster } = scenario;
      scenario.run(10_000);
      // Its promise takes longer than the leader waits.
      cluster.disk(2).faults.slowFsyncMs = 200;
      const at = scenario.now;
      cluster.stop(3);
      assert.ok(
        cluster.runUntil(() => !cluster.isUp(3), 2500),
        scenario.because(`seed ${seed}: it waits in vain`),
      );
      assert.ok(scenario.lines('handover_started', at).length <= 2, scenario.because(`seed ${seed}`));
      cluster.disk(2).faults.slowFsyncMs = 0;
      assertAgrees(scenario, `seed ${seed}`);
    }
  },
);

Handover('lets a follower leave at once, without a leader change (R17b)', () => {
  const scenario = Scenario.up();
  const { cluster } = scenario;
  scenario.writeAlways(10);
  const at = scenario.now;
  const leaving = cluster.node(1);
  void leaving.stop();
  cluster.runUntil(() => !leaving.facade.status().serving, 5000);
  assert.ok(scenario.now - at < 50, `${scenario.now - at} ms`);
  scenario.run(1000);
  cluster.kill(1);
  assert.equal(scenario.leaderships(at), []);
  assert.ok(scenario.longestPauseMs(at) < 50);
  assertAgrees(scenario, 'after node 1 left');
});

Handover('lets a follower leave only when it knows what became of the writes that it has forwarded', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const scenario = Scenario.up({ seed });
    const { cluster } = scenario;
    const told = Array.from({ length: 20 }, () => scenario.write(1));
    scenario.run(seed / 10); // Some are on their way, others not yet sent.
    const leaving = cluster.node(1);
    void leaving.stop();
    assert.ok(cluster.runUntil(() => !leaving.facade.status().serving, 5000));
    for (const { answer } of told)
      assert.ok(answer?.kind === 'done' || answer?.outcome === 'not_done', scenario.because(JSON.stringify(answer)));
  }
});

Handover(
  'lets all nodes leave at once, in any order, within four seconds, and nothing acknowledged is lost (R17b)',
  () => {
    for (const order of [
      [1, 2, 3],
      [3, 2, 1],
      [3, 1],
      [2, 3],
    ])
      for (const apartMs of [0, 5, 400]) {
        const scenario = Scenario.up({ seed: apartMs + order.length });
        const { cluster } = scenario;
        scenario.writeAlways(10);
        scenario.run(300);
        const leaving = order.map((id) => cluster.node(id));
        for (const node of leaving) {
          void node.stop();
          scenario.run(apartMs);
        }
        const at = scenario.now;
        const hasEnded = cluster.runUntil(() => leaving.every(({ facade }) => !facade.status().serving), 10_000);
        const tookMs = scenario.now - at;
        assert.ok(hasEnded && tookMs < 4000, scenario.because(`${order}, ${apartMs} ms apart: ${tookMs} ms`));
        scenario.run(50);
        for (const id of order) cluster.kill(id);
        assertAgrees(scenario, `${order}, ${apartMs} ms apart`);
      }
  },
);

Handover('restarts one node after the other, the leader too, without a write in doubt (R17b)', () => {
  const scenario = Scenario.up();
  const { cluster } = scenario;
  scenario.writeAlways(20);
  for (const id of [1, 2, 3]) {
    const node = cluster.node(id);
    void node.stop();
    assert.ok(cluster.runUntil(() => !node.facade.status().serving, 5000));
    scenario.run(20);
    cluster.kill(id);
    scenario.run(100);
    cluster.start(id);
    scenario.run(3000);
  }
  const unknown = scenario.told.filter(({ answer }) => answer?.kind === 'trouble' && answer.outcome === 'unknown');
  assert.equal(unknown, [], scenario.because('a rolling restart'));
  assertAgrees(scenario, 'a rolling restart');
});

Handover.run();
