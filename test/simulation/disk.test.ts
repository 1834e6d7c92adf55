import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Scenario } from '../support/scenario.ts';
import { assertAgrees, busyDisks, three } from '../support/scenes.ts';

const Disks = suite('disk');

Disks('takes the lead from a node whose disk stands still for seconds, and gives it back later (R23)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const scenario = busyDisks({ seed });
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
    const scenario = busyDisks({ seed: slow });
    const { cluster } = scenario;
    cluster.disk(slow).faults.slowFsyncMs = 900;
    const at = scenario.now;
    scenario.settled(6000, [3], 60);
    assert.equal(scenario.leaderships(at), [], scenario.because(`node ${slow} is slow`));
    assert.ok(scenario.longestPauseMs(at) < 100, `${scenario.longestPauseMs(at)} ms without a write`);
    assertAgrees(scenario, `node ${slow} was slow`);
  }
});

Disks('elects also where every write needs long, as on a spinning disk, and soon (R1, R15)', () => {
  for (const slowFsyncMs of [15, 30, 80, 150]) {
    const scenario = Scenario.up({ seed: slowFsyncMs });
    const { cluster } = scenario;
    for (const id of three) cluster.disk(id).faults.slowFsyncMs = slowFsyncMs;
    scenario.run(10_000); // So long that nobody remembers a write.
    const at = scenario.now;
    cluster.kill(3);
    scenario.run(1000 + 20 * slowFsyncMs);
    const [first, ...others] = scenario.leaderships(at);
    assert.ok(first, scenario.because(`nobody leads when a write takes ${slowFsyncMs} ms`));
    assert.equal(others, [], `${slowFsyncMs} ms`);
    assertAgrees(scenario, `${slowFsyncMs} ms`);
  }
});

Disks('lets a node end at the first failing fsync, and never calls written what may not be (R-D2)', () => {
  for (const broken of three)
    for (let seed = 1; seed <= 2; seed++) {
      const scenario = busyDisks({ seed });
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
  const scenario = busyDisks({ segmentBytes: 16 * 1024, tailBytes: 4096 });
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

Disks.run();
