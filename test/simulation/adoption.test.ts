import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { SeededDice } from '../support/dice.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

const Adoption = suite('adoption');

/** Nodes do not hand the lead over while a test looks. */
const calm = { ...defaultTiming, stableMs: 60_000 };

/** Writes so many messages, one batch each. */
function fill(scenario: Scenario, at: NodeId, count: number, bytes = 400): void {
  for (let i = 0; i < count; i++) {
    const told = scenario.writeText(at, [`entry ${scenario.told.length} ${'x'.repeat(bytes)}`]);
    scenario.cluster.runUntil(() => told.answer !== null, 5000);
    assert.is(told.answer?.kind, 'done', scenario.because('a write'));
  }
}
/** Node 3, the best, was away while the others wrote so many batches. */
function behind(count: number, options: ClusterOptions = {}, bytes?: number): Scenario {
  const scenario = Scenario.up({ timing: calm, ...options });
  const { cluster } = scenario;
  fill(scenario, 1, 3);
  cluster.kill(3);
  assert.is(cluster.settleLeader(2), 2);
  fill(scenario, 1, count, bytes);
  return scenario;
}
function assertAgrees(scenario: Scenario, what: string, nodes = scenario.cluster.voters): void {
  const { cluster } = scenario;
  cluster.network.heal();
  cluster.undoom();
  for (const id of nodes) if (!cluster.isUp(id)) cluster.start(id);
  assert.is.not(cluster.settleLeader(undefined, 30_000), null, scenario.because(`${what}: no leader`));
  assert.ok(
    cluster.runUntil(() => nodes.every((id) => cluster.node(id).facade.status().serving)),
    what,
  );
  assert.is(scenario.written(nodes[0] as NodeId).kind, 'done', scenario.because(what));
  assert.equal(scenario.verdict(nodes), [], what);
}

Adoption('lets a candidate that missed everything take over the log of its promiser before it leads (R4, R5)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const scenario = behind(60, { seed });
    const { cluster } = scenario;
    // Only nodes 1 and 3 are left: with node 1's vote node 3 leads, and must not have lost one write.
    cluster.crash(2);
    cluster.start(3);
    const at = scenario.now;
    assert.is(cluster.settleLeader(3), 3, scenario.because(`seed ${seed}`));
    assert.ok(scenario.lines('log_adopting', at).length > 0, 'it had nothing to take over');
    assert.is(cluster.messages(3).length, 63);
    assert.equal(scenario.verdict([1, 3]), []);
    cluster.start(2);
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Adoption('keeps all that was acknowledged while each node in turn is the one that was away (R4, R5, L3)', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const dice = new SeededDice(`turns ${seed}`);
    const scenario = Scenario.up({ seed });
    const { cluster } = scenario;
    scenario.writeAlways(15);
    for (let i = 0; i < 6; i++) {
      const away = cluster.voters[i % 3] as NodeId;
      cluster.crash(away);
      scenario.run(dice.between(500, 1500));
      const next = cluster.voters[(i + 1) % 3] as NodeId;
      cluster.crash(next);
      cluster.start(away);
      scenario.run(dice.between(700, 1500));
      cluster.start(next);
      scenario.run(dice.between(100, 600));
    }
    assert.ok(scenario.done().length > 150, `${scenario.done().length} done`);
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Adoption('may lose its power after every single batch that it takes over (R5, L5)', () => {
  const count = 24;
  for (let passage = 1; passage <= count; passage++) {
    // More than one FETCH brings: it may be cut short between two of them as well.
    const options = { seed: passage, tailBytes: 2048, segmentBytes: 2 * 1024 * 1024, latencyMs: 3 };
    const scenario = behind(count, options, 60_000);
    const { cluster } = scenario;
    cluster.crash(2);
    cluster.doom(3, 'adoption.batch', passage);
    cluster.start(3);
    assert.ok(cluster.runUntil(() => cluster.leader === 3 || scenario.lines('log_adopting').length > 0, 10_000));
    const died = cluster.runUntil(() => !cluster.isUp(3), 3000);
    assert.ok(died, scenario.because(`node 3 did not take over ${passage} batches`));
    // What it holds is honest: with node 2 it may elect one that has more, or be the one that leads.
    const partner = passage % 2 ? 1 : 2;
    if (partner === 2) {
      cluster.crash(1);
      cluster.start(2);
    }
    scenario.run(passage % 3 ? 20 : 800);
    cluster.start(3);
    assertAgrees(scenario, `batch ${passage}, with node ${partner}`, partner === 1 ? [1, 3] : [2, 3]);
    assertAgrees(scenario, `batch ${passage}, all`);
  }
});

Adoption('begins again when the donor dies between two batches, or its connection does (R5)', () => {
  for (let seed = 1; seed <= 8; seed++) {
    // Slow: the donor's log is on its way for 300 ms.
    const scenario = behind(60, { seed, tailBytes: 4096, segmentBytes: 8192 });
    const { cluster } = scenario;
    cluster.crash(2);
    cluster.network.shape(1, 3, { bytesPerSecond: 100_000 });
    cluster.start(3);
    const at = scenario.now;
    assert.ok(cluster.runUntil(() => scenario.lines('log_adopting', at).length > 0, 10_000));
    scenario.run(20 * seed);
    if (seed % 2) cluster.crash(1, { silent: seed % 4 === 1 });
    else cluster.network.reset(1, 3);
    scenario.run(seed % 3 ? 30 : 1500);
    if (!cluster.isUp(1)) cluster.start(1);
    assertAgrees(scenario, `seed ${seed}`, [1, 3]);
    assertAgrees(scenario, `seed ${seed}, all`);
  }
});

Adoption('refuses a donor that came back shorter, and takes what a new vote finds (R5: NACK gone)', () => {
  // The donor's fsync is slow: what it promised is on its disk, what came later is not.
  for (let seed = 1; seed <= 6; seed++) {
    const scenario = behind(30, { seed });
    const { cluster } = scenario;
    cluster.crash(2);
    cluster.start(3);
    const at = scenario.now;
    assert.ok(cluster.runUntil(() => scenario.lines('log_adopting', at).length > 0, 10_000));
    scenario.run(0.3 * seed);
    cluster.kill(1);
    cluster.start(1, 2);
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Adoption('takes over a log that left the memory of its donor long ago, from the disk (R5)', () => {
  const scenario = behind(400, { tailBytes: 4096, segmentBytes: 3 * 1024 * 1024, latencyMs: 3 }, 6000); // Three times what a FETCH brings.
  const { cluster } = scenario;
  cluster.crash(2);
  cluster.start(3);
  const at = scenario.now;
  assert.is(cluster.settleLeader(3, 20_000), 3, scenario.because('a log of 400 batches'));
  assert.ok(scenario.now - at < 5000, `${scenario.now - at} ms`);
  assert.is(cluster.messages(3).length, 403);
  assertAgrees(scenario, 'a long log', [1, 3]);
});

/** Cuts a leader off and lets it append batches that nobody gets. */
function append(scenario: Scenario, leader: NodeId, batches: number, messages = 1): void {
  const { cluster } = scenario;
  cluster.network.isolate(leader);
  for (let i = 0; i < batches; i++) {
    scenario.write(leader, { timeoutMs: 60_000 }, messages);
    scenario.run(3);
  }
}

Adoption(
  'chooses the more complete log, not the longer one: a tail of two old entries against one newer (R4, R5)',
  () => {
    for (const tail of [1, 2, 5]) {
      const scenario = Scenario.up({ timing: calm, seed: tail });
      const { cluster } = scenario;
      fill(scenario, 1, 5);
      // Node 3 appends for itself; nodes 1 and 2 commit in a later epoch.
      append(scenario, 3, tail);
      const unknown = scenario.told.slice(-tail);
      cluster.crash(3);
      assert.is(cluster.settleLeader(2), 2);
      cluster.network.heal(); // What was on the wire comes now, too late.
      fill(scenario, 1, 1);
      cluster.crash(2);
      cluster.start(3);
      // Node 3 is the better one and has the longer log; node 1's is the more complete.
      assert.is(cluster.settleLeader(3), 3, scenario.because(`a tail of ${tail}`));
      const shown = cluster.messages(3).map((message) => message.text);
      for (const { texts } of unknown)
        assert.not.ok(shown.includes(texts[0] as string), scenario.because(`${texts[0]} came back`));
      cluster.start(2);
      assertAgrees(scenario, `a tail of ${tail}`);
    }
  },
);

Adoption('keeps the uncommitted tail of a dead leader when a majority elects the node that has it (R4, R5, R9)', () => {
  const scenario = Scenario.up({ timing: calm });
  const { cluster } = scenario;
  fill(scenario, 1, 5);
  // It reaches node 2 alone, and node 3 dies before it commits.
  cluster.network.cut(3, 1);
  cluster.network.cut(2, 3, { oneWay: true });
  scenario.write(3);
  scenario.run(30);
  cluster.crash(3);
  cluster.network.heal();
  assert.is(cluster.settleLeader(2), 2);
  assert.is(cluster.messages(2).length, 6, 'nobody may forget it: node 3 could have been told');
  assertAgrees(scenario, 'a tail on one follower');
});

Adoption('replaces the tail of a leader that wrote alone, and tells its clients the truth (R3, R7, R16, R10a)', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const scenario = Scenario.up({ timing: calm, seed });
    const { cluster } = scenario;
    fill(scenario, 1, 5);
    const at = scenario.told.length;
    append(scenario, 3, 40, seed);
    const lonely = scenario.told.slice(at);
    assert.is(cluster.settleLeader(2), 2);
    fill(scenario, 1, 10 * seed);
    assert.ok(
      lonely.every(({ answer }) => answer?.kind !== 'done'),
      scenario.because('a leader alone acknowledged something'),
    );
    cluster.network.heal();
    scenario.run(1500);
    // Its own clients' writes were certainly not done: the barrier of a later epoch is committed without them (R10a b).
    assert.ok(
      lonely.every(({ answer }) => answer?.kind === 'done'),
      scenario.because('they were sent again, and done'),
    );
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Adoption('does not commit an entry of an old epoch by counting: figure 8 of Raft (R9)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const scenario = Scenario.up({ voters: [1, 2, 3, 4, 5], timing: calm, seed, segmentBytes: 4 * 1024 * 1024 });
    const { cluster } = scenario;
    const { network } = cluster;
    const electionOf = (id: NodeId) => cluster.node(id).root.system.get('election').getSnapshot();
    fill(scenario, 1, 2);
    scenario.run(200);
    // (a) 5 appends x, which reaches node 4 alone. It fills a window: whoever sends it sends nothing behind it.
    for (const id of [1, 2, 3]) network.cut(5, id);
    network.cut(4, 5, { oneWay: true });
    const x = scenario.writeText(5, [`x ${'x'.repeat(1_200_000)}`], { timeoutMs: 60_000 });
    scenario.run(30);
    // (b) 5 dies, 4 is away; 3 is elected by 1 and 2, and its barrier is on its own disk alone.
    cluster.crash(5);
    cluster.crash(4);
    const old = electionOf(3).context.ballot.promised;
    const promised = (): boolean => [1, 2].every((id) => electionOf(id).context.ballot.promised > old);
    assert.ok(cluster.runUntil(promised, 5000), scenario.because(`seed ${seed}`));
    for (const id of [1, 2]) network.cut(3, id, { oneWay: true });
    assert.ok(
      cluster.runUntil(() => electionOf(3).matches({ inOffice: 'establishing' }), 1000),
      scenario.because('not elected'),
    );
    scenario.run(10);
    cluster.crash(3);
    // (c) 4 comes back. Whoever of 1, 2 and 4 is elected copies x to the others, and dies as soon as it commits anything.
    const left: readonly NodeId[] = [1, 2, 4];
    for (const id of left) cluster.doom(id, 'commit.advanced');
    cluster.start(4);
    const hasCommitted = (): boolean => left.some((id) => !cluster.isUp(id));
    assert.ok(cluster.runUntil(hasCommitted, 10_000), scenario.because('nothing was committed'));
    // (d) 3 and 5 come back beside the one that knows least. If x was committed by counting, 3's newer entry replaces it.
    cluster.undoom();
    const last = (id: NodeId): number =>
      cluster.node(id).root.system.get('pipeline').getSnapshot().context.core.log.last.epoch;
    const [, most] = left.filter((id) => cluster.isUp(id)).sort((a, b) => last(a) - last(b));
    cluster.crash(most as NodeId);
    network.heal();
    cluster.start(3, 5);
    assert.is.not(cluster.settleLeader(undefined, 20_000), null, scenario.because(`seed ${seed}`));
    scenario.run(300);
    assertAgrees(scenario, `seed ${seed}`);
    assert.is(cluster.messages(1).filter(({ text: one }) => one.startsWith('x ')).length, 1, 'it was committed');
    assert.is(x.answer, null, 'its node died before anybody could know');
  }
});

Adoption('stops short of nothing when a candidate is preempted in the middle of it (R3, L5)', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const scenario = Scenario.up({ seed, voters: [1, 2, 3, 4, 5] });
    const { cluster } = scenario;
    cluster.kill(5);
    assert.is(cluster.settleLeader(4), 4);
    fill(scenario, 1, 50);
    for (const id of [1, 2, 3]) cluster.network.shape(id, 5, { bytesPerSecond: 50_000 });
    cluster.network.cut(4, 5); // It must not catch up before.
    cluster.start(5);
    scenario.run(60);
    cluster.crash(4);
    const at = scenario.now;
    assert.ok(
      cluster.runUntil(() => scenario.lines('log_adopting', at).length > 0, 10_000),
      scenario.because('node 5'),
    );
    scenario.run(10 * seed);
    // It falls silent in the middle; another begins, and then it is there again.
    cluster.pause(5);
    scenario.run(800);
    assert.is(cluster.leader, 3, scenario.because(`seed ${seed}`));
    cluster.resume(5);
    scenario.run(200);
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Adoption.run();
