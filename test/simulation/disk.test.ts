import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { SeededDice } from '../support/dice.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

const Disks = suite('disk');

const three: readonly NodeId[] = [1, 2, 3];
const calm = { ...defaultTiming, stableMs: 60_000 };
const slotBytes = 4096;

function busy(options: ClusterOptions = {}, everyMs = 25): Scenario {
  const scenario = Scenario.up(options);
  scenario.writeAlways(everyMs);
  scenario.run(1000);
  return scenario;
}
const troubleOf = (scenario: Scenario, id: NodeId): string | null =>
  scenario.cluster.node(id).facade.status().identityTrouble;
const promisedBy = (scenario: Scenario, id: NodeId): number =>
  scenario.cluster.node(id).root.system.get('election').getSnapshot().context.ballot.promised;
function serves(scenario: Scenario, ...ids: readonly NodeId[]): void {
  const { cluster } = scenario;
  const all = (): boolean => ids.every((id) => cluster.isUp(id) && cluster.node(id).facade.status().serving);
  assert.ok(cluster.runUntil(all, 5000), scenario.because(`nodes ${ids} do not serve`));
}
/** Once every fault is gone: one leader, equal logs, and everybody was told the truth. */
function assertAgrees(scenario: Scenario, what: string): void {
  scenario.healAll();
  assert.is.not(scenario.cluster.settleLeader(undefined, 30_000), null, scenario.because(`${what}: no leader`));
  serves(scenario, ...scenario.cluster.voters);
  assert.is(scenario.written(1).kind, 'done', scenario.because(what));
  assert.equal(scenario.verdict(), [], what);
  const areWell = (): boolean => scenario.cluster.voters.every((id) => troubleOf(scenario, id) === null);
  assert.ok(scenario.cluster.runUntil(areWell, 5000), scenario.because(`${what}: a node is in trouble`));
}

Disks('takes the lead from a node whose disk stands still for seconds, and gives it back later (R23)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const scenario = busy({ seed });
    const { cluster } = scenario;
    cluster.disk(3).faults.slowFsyncMs = 20_000;
    const at = scenario.now;
    scenario.run(4000);
    assert.is(cluster.leader, 2, scenario.because(`seed ${seed}`));
    assert.ok(scenario.longestPauseMs(at) < 2500, `${scenario.longestPauseMs(at)} ms without a write`);
    scenario.settled(4000, [2]);
    assert.equal(
      scenario.leaderships(at).map(({ id }) => id),
      [2],
      'a grey node is not handed the lead',
    );
    cluster.disk(3).faults.slowFsyncMs = 0;
    scenario.settled(40_000, [3]);
    assertAgrees(scenario, `seed ${seed}`);
  }
});

Disks('goes on with the quorum when one follower has a slow disk, without an election (R8, R9)', () => {
  for (const slow of [1, 2]) {
    const scenario = busy({ seed: slow });
    const { cluster } = scenario;
    cluster.disk(slow).faults.slowFsyncMs = 900;
    const at = scenario.now;
    scenario.settled(6000, [3], 60);
    assert.equal(scenario.leaderships(at), [], scenario.because(`node ${slow} is slow`));
    assert.ok(scenario.longestPauseMs(at) < 100, `${scenario.longestPauseMs(at)} ms without a write`);
    assertAgrees(scenario, `node ${slow} was slow`);
  }
});

Disks('lets a node end at the first failing fsync, and never calls written what may not be (R-D2)', () => {
  for (const broken of three)
    for (let seed = 1; seed <= 2; seed++) {
      const scenario = busy({ seed });
      const { cluster } = scenario;
      cluster.disk(broken).faults.failingFsync = true;
      assert.ok(
        cluster.runUntil(() => !cluster.isUp(broken), 2000),
        `node ${broken} goes on`,
      );
      assert.match(cluster.failures[0]?.reason ?? '', /EIO/);
      scenario.settled(4000, broken === 3 ? [2] : [3]);
      cluster.failures.length = 0;
      // The power goes as well: what the failed fsync forgot is gone, and nobody was told that it was there.
      cluster.disk(broken).faults.failingFsync = false;
      cluster.disk(broken).crash('power');
      assertAgrees(scenario, `node ${broken}, seed ${seed}`);
    }
});

Disks('refuses writes while all disks are full, keeps showing what it has, and comes back with room (R-D2)', () => {
  const scenario = Scenario.up({ segmentBytes: 16 * 1024, tailBytes: 4096, totalBytes: 10_000_000 });
  const { cluster } = scenario;
  const big = 'x'.repeat(900);
  for (const id of three) cluster.disk(id).faults.freeBytes = 0;
  let count = 0;
  const refused = (): boolean =>
    three.every((id) => {
      const told = scenario.writeText(id, [`${++count} ${big}`], { timeoutMs: 3000 });
      cluster.runUntil(() => told.answer !== null, 4000);
      return told.answer?.kind === 'trouble' && told.answer.code === 'DISK_FULL' && told.answer.outcome === 'not_done';
    });
  let rounds = 0;
  while (!refused() && rounds < 60) rounds++;
  assert.ok(rounds < 60, scenario.because('the disks never got full'));
  assert.equal(cluster.failures, [], 'a full disk is no failure');
  const shown = scenario.read(1);
  assert.ok(shown.kind === 'ready' && shown.lastId >= scenario.done().length - 1);
  assert.ok(cluster.messages(1).length > 10, 'it keeps reading, from the disk too');
  for (const id of three) cluster.disk(id).faults.freeBytes = 1e9;
  scenario.run(3000);
  for (const id of three) assert.is(scenario.written(id).kind, 'done', scenario.because(`node ${id}`));
  assertAgrees(scenario, 'with room again');
});

Disks('takes writes elsewhere while only the leader has no room: it hands the lead over (R-D2, R17b)', () => {
  const scenario = busy({ segmentBytes: 16 * 1024, tailBytes: 4096 });
  const { cluster } = scenario;
  cluster.disk(3).faults.freeBytes = 0;
  const at = scenario.now;
  const hasChanged = cluster.runUntil(() => scenario.leaderships(at).length > 0, 60_000);
  assert.ok(hasChanged, scenario.because('node 3 leads on'));
  const full = scenario.now;
  scenario.settled(5000, [1, 2]);
  assert.ok(scenario.longestPauseMs(full) < 1000, `${scenario.longestPauseMs(full)} ms without a write`);
  assert.is(scenario.read(3).kind, 'ready');
  cluster.disk(3).faults.freeBytes = 1e9;
  scenario.settled(15_000, [3]);
  assertAgrees(scenario, 'with room again');
});

/** Wrote enough for several segments; then one node went down and one bit in its oldest segment turned. */
function rotten(victim: NodeId, options: ClusterOptions = {}): Scenario {
  const scenario = Scenario.up({ segmentBytes: 8192, tailBytes: 4096, timing: calm, ...options });
  const { cluster } = scenario;
  for (let i = 0; i < 40; i++) {
    const told = scenario.writeText((i % 3) + 1, [`entry ${i} ${'x'.repeat(600)}`]);
    cluster.runUntil(() => told.answer !== null, 5000);
  }
  scenario.run(300);
  assert.is(scenario.done().length, 40);
  cluster.kill(victim);
  assert.ok(cluster.disk(victim).names.filter((name) => name.startsWith('segment')).length > 2);
  return scenario;
}
const oldest = 'segment-0000000001';

Disks('calls a rotten log damaged, learns it anew, and votes again (R-D3)', () => {
  for (const victim of three)
    for (const offset of [8, 80, 130, 1500, 5000]) {
      const scenario = rotten(victim, { seed: offset });
      const { cluster } = scenario;
      cluster.disk(victim).flip(oldest, offset, 3);
      cluster.start(victim);
      serves(scenario, victim);
      const what = `node ${victim}, offset ${offset}`;
      assert.is(scenario.lines('log_damaged').length, 1, scenario.because(what));
      assert.ok(
        cluster.runUntil(() => troubleOf(scenario, victim) === null, 20_000),
        scenario.because(`${what}: not healed`),
      );
      // It votes again: it and any other node are a majority.
      const dead = victim === 1 ? 2 : 1;
      cluster.kill(dead);
      assert.is(scenario.written(victim).kind, 'done', what);
      assertAgrees(scenario, what);
    }
});

Disks('hands the lead to a healed node although nobody writes (R-D3, R17)', () => {
  const scenario = rotten(3, { timing: defaultTiming });
  const { cluster } = scenario;
  cluster.disk(3).flip(oldest, 200);
  assert.is(cluster.settleLeader(2), 2);
  cluster.start(3);
  assert.is(
    cluster.settleLeader(3, 10_000),
    3,
    scenario.because('its acknowledgements as a learner did not count later'),
  );
  assertAgrees(scenario, 'healed');
});

Disks('stays damaged through restarts until it has healed, and gives no vote meanwhile (R-D3)', () => {
  for (const victim of three) {
    const scenario = rotten(victim, { seed: victim });
    const { cluster } = scenario;
    cluster.disk(victim).flip(oldest, 200);
    cluster.network.isolate(victim);
    for (let life = 0; life < 3; life++) {
      cluster.start(victim);
      serves(scenario, victim);
      assert.is(troubleOf(scenario, victim), 'DAMAGED', `life ${life}`);
      scenario.run(100);
      if (life === 1) cluster.crash(victim);
      else cluster.kill(victim);
    }
    // With another node dead there is no majority of those that remember, and so there is no leader.
    const dead = victim === 3 ? 2 : 3;
    cluster.kill(dead);
    cluster.network.heal();
    cluster.start(victim);
    scenario.run(15_000);
    assert.is(cluster.leader, null, scenario.because(`node ${victim} is damaged, ${dead} is dead`));
    assert.is(troubleOf(scenario, victim), 'DAMAGED');
    assertAgrees(scenario, `node ${victim}`);
    assert.is(cluster.messages(victim).length, 41);
  }
});

Disks('loses nothing when a damaged node loses its power at any moment of its recovery (R-D3)', () => {
  for (let step = 0; step < 18; step++) {
    const victim = three[step % 3] as NodeId;
    const scenario = rotten(victim, { seed: step });
    const { cluster } = scenario;
    cluster.disk(victim).flip(oldest, 300);
    cluster.start(victim);
    scenario.run(step < 12 ? step * 2 : 24 + (step - 12) * 40);
    const isFirst = step % 2 === 0;
    cluster.crash(victim);
    if (isFirst) cluster.crash(victim === 3 ? 2 : 3);
    scenario.run(50);
    cluster.start(victim);
    scenario.run(600);
    assertAgrees(scenario, `step ${step}`);
    assert.ok(scenario.lines('log_damaged').length > 0);
  }
});

Disks('commits nothing with the acknowledgements of a damaged node (R-D3)', () => {
  const scenario = rotten(1, { bytesPerSecond: 30_000 }); // It takes more than a second until it has healed.
  const { cluster } = scenario;
  cluster.disk(1).flip(oldest, 200);
  cluster.start(1);
  serves(scenario, 1);
  cluster.kill(2);
  const told = scenario.write(3, { timeoutMs: 30_000 });
  while (troubleOf(scenario, 1) === 'DAMAGED' && scenario.now < 60_000) {
    assert.is.not(told.answer?.kind, 'done', 'acknowledged by a leader and a learner');
    scenario.run(1);
    if (scenario.now > 20_000) break;
  }
  assertAgrees(scenario, 'a learner');
});

Disks('lets no leader be established by a damaged node (R-D3, R6)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const scenario = rotten(1, { seed });
    const { cluster } = scenario;
    cluster.crash(2);
    cluster.crash(3);
    cluster.disk(1).flip(oldest, 200);
    cluster.start();
    serves(scenario, ...three);
    // Node 3 is elected by node 2, which dies before it has the barrier; node 1 follows, and learns.
    const isElected = (): boolean => cluster.node(3).facade.status().role === 'establishing';
    assert.ok(cluster.runUntil(isElected, 5000), scenario.because('nobody was elected'));
    cluster.crash(2);
    assert.is(cluster.settleLeader(undefined, 5000), null, scenario.because('the barrier was committed by one voter'));
    assert.is(troubleOf(scenario, 1), 'DAMAGED', 'healed by a leader that has no majority');
    assertAgrees(scenario, `seed ${seed}`);
    assert.is(cluster.messages(1).length, 41);
  }
});

Disks('keeps its promise when one slot of it rots, and is gone when both do (R-D1a, R-D4)', () => {
  for (const victim of three)
    for (const slot of [0, 1]) {
      const scenario = busy({ seed: victim });
      const { cluster } = scenario;
      const before = promisedBy(scenario, victim);
      cluster.crash(victim);
      cluster.disk(victim).overwrite('identity', slot * slotBytes, Buffer.alloc(64, 0xa5));
      scenario.run(200);
      cluster.start(victim);
      serves(scenario, victim);
      assert.ok(promisedBy(scenario, victim) >= before, `node ${victim} forgot a promise`);
      assertAgrees(scenario, `node ${victim}, slot ${slot}`);
    }
  for (const victim of three) {
    const scenario = busy({ seed: victim });
    const { cluster } = scenario;
    cluster.crash(victim);
    for (const slot of [0, 1]) cluster.disk(victim).overwrite('identity', slot * slotBytes, Buffer.alloc(64, 0xa5));
    cluster.start(victim);
    scenario.run(1000);
    assert.not.ok(cluster.isUp(victim), 'it votes with a forgotten promise');
    assert.match(cluster.failures[0]?.reason ?? '', /IDENTITY_LOST/);
    scenario.settled(3000, victim === 3 ? [2] : [3]);
    cluster.failures.length = 0;
    assert.equal(scenario.verdict(three.filter((id) => id !== victim)), []);
  }
});

Disks(
  'lets all vote after a power cut of all in the middle of a group commit, with nothing acknowledged lost (R-D3, R8)',
  () => {
    for (let seed = 1; seed <= 40; seed++) {
      const dice = new SeededDice(`cut ${seed}`);
      const scenario = Scenario.up({ seed, segmentBytes: 64 * 1024, writeMs: [0.5, 4], timing: calm });
      const { cluster } = scenario;
      for (let i = 0; i < 25; i++) {
        for (let k = dice.int(4); k >= 0; k--)
          scenario.writeText(dice.pick(three), [`${seed} ${i} ${k} ${'x'.repeat(dice.int(1500))}`]);
        scenario.run(dice.between(0, 3));
      }
      const apartMs = dice.pick([0, 0, 0.3, 2]);
      for (const id of dice.shuffle(three)) {
        cluster.crash(id);
        scenario.run(apartMs);
      }
      cluster.start();
      assert.is.not(cluster.settleLeader(undefined, 10_000), null, scenario.because(`seed ${seed}`));
      serves(scenario, ...three);
      assert.equal(scenario.lines('log_damaged'), [], `seed ${seed}: a torn write was taken for damage`);
      assert.equal(scenario.verdict(), [], `seed ${seed}`);
      assert.ok(scenario.done().length > 0);
    }
  },
);

Disks('learns its log anew when it was kept in memory: one node after the other (--memory, R-D3)', () => {
  const scenario = busy({ memory: true });
  const { cluster } = scenario;
  for (const id of [1, 3, 2]) {
    cluster.kill(id);
    scenario.run(300);
    cluster.start(id);
    serves(scenario, id);
    assert.is(troubleOf(scenario, id), 'DAMAGED');
    const healed = cluster.runUntil(() => troubleOf(scenario, id) === null, 20_000);
    assert.ok(healed, scenario.because(`node ${id} does not heal`));
    scenario.run(1000);
  }
  assertAgrees(scenario, 'all were restarted');
  assert.ok(cluster.messages(2).length > 100);
});

Disks('loses nothing with two of three logs in memory gone, and stands still (--memory, R-D3)', () => {
  const scenario = busy({ memory: true });
  const { cluster } = scenario;
  scenario.stopWriting();
  scenario.run(200);
  for (const id of [1, 2]) cluster.kill(id);
  for (const id of [1, 2]) cluster.start(id);
  scenario.run(20_000);
  assert.is(cluster.leader, null);
  assert.is(cluster.messages(3).length, scenario.done().length);
});

Disks('starts afresh, and says so, when all logs in memory are gone (--memory)', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const dice = new SeededDice(`memory ${seed}`);
    const scenario = busy({ memory: true, seed });
    const { cluster } = scenario;
    scenario.stopWriting();
    for (const id of three) cluster.kill(id);
    const since = scenario.now;
    for (const id of dice.shuffle(three)) {
      cluster.start(id);
      scenario.run(dice.between(0, 300));
    }
    assert.is(cluster.settleLeader(3, 20_000), 3, scenario.because(`seed ${seed}`));
    assert.ok(scenario.lines('memory_lost_everywhere', since).length > 0);
    assert.is(scenario.written(1).kind, 'done');
    scenario.run(500);
    for (const id of three) assert.is(cluster.messages(id).length, 1, `node ${id}`);
  }
});

Disks.run();
