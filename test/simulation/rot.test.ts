import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { segmentName } from '../../actors/log/segmentFiles.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { findFrames, frameHeaderBytes } from '../../actors/protocol/record.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { Scenario } from '../support/scenario.ts';
import { assertAgrees, busyDisks, serves, three, troubleOf } from '../support/scenes.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

/** Bits that turn on the disk of a minority (R-D3, R-D1a). */
const Rot = suite('rot');

const calm = { ...defaultTiming, stableMs: 60_000 };
const slotBytes = 4096;

const promisedBy = (scenario: Scenario, id: NodeId): number =>
  scenario.cluster.node(id).root.system.get('election').getSnapshot().context.ballot.promised;

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
const oldest = segmentName(1);

/** Every kind of record there is on a disk, and a place in one of it; all but the last write proven by what came later. */
type Spot = readonly [what: string, segment: number, offset: number, verdict: 'damaged' | 'harmless'];
function spots(scenario: Scenario, id: NodeId): readonly Spot[] {
  const disk = scenario.cluster.disk(id);
  const segments = disk.names.filter((name) => name.startsWith('segment'));
  const framesOf = (segment: number) => [...findFrames(disk.content(segmentName(segment)), { segment, offset: 0 })];
  const newest = segments.findLastIndex((_, i) => framesOf(i + 1).length > 0) + 1;
  const old = framesOf(2);
  const [first, middle, last] = [old[0], old[Math.floor(old.length / 2)], old.at(-1)];
  const tail = framesOf(newest);
  const [batch, marker] = tail.slice(-2);
  if (!first || !middle || !last || !batch || !marker) throw new Error('too few frames');
  assert.is(marker.bytes, frameHeaderBytes, 'it was quiet: a marker is the last record');
  const end = marker.offset + marker.bytes;
  return [
    ['the header of a segment', 2, 20, 'damaged'],
    ['the first batch of a segment', 2, first.offset + frameHeaderBytes + 5, 'damaged'],
    ["a batch's frame", 2, middle.offset + 24, 'damaged'],
    ["a batch's bytes", 2, middle.offset + frameHeaderBytes + 300, 'damaged'],
    ["a batch's padding or last byte", 2, middle.offset + middle.bytes - 9, 'damaged'],
    ['the last batch of a segment', 2, last.offset + frameHeaderBytes + 5, 'damaged'],
    ['the newest batch, with its marker behind it', newest, batch.offset + frameHeaderBytes + 5, 'damaged'],
    ['the newest marker', newest, marker.offset + 16, 'harmless'],
    ['the blank place of the next record', newest, end + 3, 'harmless'],
    [
      'blank space further behind',
      newest,
      Math.min(end + 900, disk.content(segmentName(newest)).length - 1),
      'harmless',
    ],
  ];
}

Rot('of every class of record in a minority loses nothing: the node heals, is elected, and has it all (R-D3)', () => {
  const count = spots(rotten(3), 3).length;
  for (let i = 0; i < count; i++) {
    // Node 3 is the best one: it gets the lead as soon as it may have it.
    const scenario = rotten(3, { seed: i + 1, timing: { ...defaultTiming, stableMs: 200 } });
    const { cluster } = scenario;
    const [what, segment, offset, verdict] = spots(scenario, 3)[i] as Spot;
    cluster.disk(3).flip(segmentName(segment), offset, i % 8);
    cluster.start(3);
    serves(scenario, 3);
    assert.is(scenario.lines('log_damaged').length, verdict === 'damaged' ? 1 : 0, scenario.because(what));
    assert.is(troubleOf(scenario, 3), verdict === 'damaged' ? 'DAMAGED' : null, what);
    const { lastIndex } = cluster.node(3).facade.status();
    if (verdict === 'harmless')
      assert.ok(lastIndex >= 41, `${what}: 40 messages and a barrier were cut to ${lastIndex}`);
    assert.is(cluster.settleLeader(3, 20_000), 3, scenario.because(`${what}: node 3 is not elected`));
    assert.is(cluster.messages(3).length, 40, what);
    // The others remember by it alone.
    cluster.kill(1);
    assert.is(scenario.written(2).kind, 'done', what);
    assertAgrees(scenario, what);
  }
});

Rot('calls a rotten log damaged, learns it anew, and votes again (R-D3)', () => {
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

Rot('hands the lead to a healed node although nobody writes (R-D3, R17)', () => {
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

Rot('stays damaged through restarts until it has healed, and gives no vote meanwhile (R-D3)', () => {
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

Rot('loses nothing when a damaged node loses its power at any moment of its recovery (R-D3)', () => {
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

Rot('commits nothing with the acknowledgements of a damaged node (R-D3)', () => {
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

Rot('lets no leader be established by a damaged node (R-D3, R6)', () => {
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

Rot('keeps its promise when one slot of it rots, and is gone when both do (R-D1a, R-D4)', () => {
  for (const victim of three)
    for (const slot of [0, 1]) {
      const scenario = busyDisks({ seed: victim });
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
    const scenario = busyDisks({ seed: victim });
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

Rot.run();
