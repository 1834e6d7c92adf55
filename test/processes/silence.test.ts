/** Nodes that fall silent without closing anything: stopped processes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isDone, longestGap } from '../history/checkers.ts';
import { now, startLoad } from '../support/loadClient.ts';
import { startReading } from '../support/readers.ts';
import { pause, type RealCluster, tell, until, untilTrue, withRunningCluster } from '../support/realCluster.ts';

const Leader = suite('a silent leader');
const Follower = suite('a stopped follower');

/** The leader, 3, is stopped for some time while others write and everybody reads. */
async function silenced(cluster: RealCluster): Promise<number> {
  const load = startLoad({ targets: cluster.targets, connections: 24, patienceMs: 4_000, timeoutMs: 3_000 });
  await load.progress(500);
  const reading = startReading(cluster.nodes, load);
  const silentAt = now();
  cluster.pause(3);
  await cluster.leader(1, 2);
  await load.progress(500);
  await untilTrue('3 s of silence', () => now() - silentAt > 3_000);
  cluster.resume(3);
  await untilTrue('the old leader to follow', async () => {
    const answer = await cluster.node(3).health();
    return answer?.status === 200 && answer.json.is_leader === false;
  });
  const leaderAgain = await cluster.leader(1, 2, 3);
  await load.progress(300);
  const operations = await load.stop();
  const reads = await reading.stop();

  assert.equal(await cluster.faults([...operations, ...reads]), []);
  assert.is(await cluster.violations(), 0);
  const fromOld = reads.filter(({ node }) => node === 3).length;
  const gap = longestGap(operations, silentAt - 100, silentAt + 3_000);
  tell(
    `longest gap ${gap.ms.toFixed(0)} ms; ${reads.length} reads, ${fromOld} of them by the old leader; now ${leaderAgain.id} leads`,
  );
  tell(`${operations.length} writes: ${JSON.stringify(load.counts)}`);
  assert.ok(reads.length > 50);
  return gap.ms;
}

Leader('that is stopped is replaced; when it goes on it steps down and shows nothing stale', async () => {
  await withRunningCluster({}, async (cluster) => {
    const gapMs = await silenced(cluster);
    assert.ok(gapMs < 4_000, `${gapMs} ms: 1,000 are promised on a quiet machine`);
  });
});

Follower('hardly slows the others down, and catches up', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets.filter(({ id }) => id !== 1), connections: 32 });
    await load.progress(1_000);
    const from = now();
    await pause(1_500); // The rate of all three.
    const stoppedAt = now();
    cluster.pause(1);
    await pause(2_500); // The rate of two.
    const resumedAt = now();
    cluster.resume(1);
    await cluster.ready(1);
    await load.progress(500);
    const operations = await load.stop();

    const rate = (begin: number, end: number): number =>
      (operations.filter((each) => isDone(each) && each.endedAt >= begin && each.endedAt < end).length * 1000) /
      (end - begin);
    const gap = longestGap(operations, stoppedAt, resumedAt);
    const [ofThree, ofTwo] = [rate(from, stoppedAt), rate(stoppedAt, resumedAt)];
    tell(`${ofThree.toFixed(0)}/s with three, ${ofTwo.toFixed(0)}/s with two; longest gap ${gap.ms.toFixed(0)} ms`);
    assert.equal(await cluster.faults(operations), []);
    assert.ok(ofTwo > ofThree / 4, 'it goes on');
  });
});

Follower('costs the leader no memory, however much it misses', async () => {
  await withRunningCluster({}, async (cluster) => {
    const bytes = 60_000;
    const load = startLoad({ targets: cluster.targets.slice(2), connections: 16, bytes, keep: false });
    await load.progress(500);
    const memory = (): number => cluster.node(3).rssMib();
    const before = memory();
    const doneBefore = load.doneCount;
    cluster.pause(1);
    let most = before;
    for (let n = 0; n < 50; n++) {
      await pause(100);
      most = Math.max(most, memory());
    }
    const missedMb = ((load.doneCount - doneBefore) * bytes) / 1e6;
    cluster.resume(1);
    await load.stop();
    tell(`it missed ${missedMb.toFixed(0)} MB; the leader's memory: ${before} MiB, then at most ${most}`);
    assert.ok(most - before < 80 + missedMb / 4, `${most - before} MiB more`);
    assert.equal(Object.keys(load.counts), ['done']);
    await until('the follower to have all', async () => {
      const answer = await cluster.node(1).call(`/messages/${load.newestId}?timeout=1000`);
      return answer.status === 200 ? true : undefined;
    });
  });
});

Follower('is no reason for another leader when it comes back', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets.slice(1), connections: 8 });
    await load.progress(200);
    const elections = async (): Promise<unknown> => (await cluster.node(3).metrics()).leader_elections;
    const before = await elections();
    cluster.pause(1);
    await pause(1_000);
    cluster.resume(1);
    await cluster.ready(1);
    await load.progress(200);
    assert.is(await elections(), before);
    assert.is((await cluster.leader()).id, 3);
    assert.equal(await cluster.faults(await load.stop()), []);
  });
});

for (const each of [Leader, Follower]) each.run();
