/** Nodes that fall silent without closing anything: stopped processes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isDone, longestGap } from '../history/checkers.ts';
import { now, startLoad } from '../support/loadClient.ts';
import { startReading } from '../support/readers.ts';
import {
  type LogLine,
  patient,
  pause,
  type RealCluster,
  tell,
  untilTrue,
  withRunningCluster,
} from '../support/realCluster.ts';

const Leader = suite('a silent leader');
const Follower = suite('a stopped follower');

/** The leader, 3, is stopped for some time while others write and everybody reads. */
async function silenced(cluster: RealCluster): Promise<void> {
  const load = startLoad({ targets: cluster.targets, connections: 24, patienceMs: 4_000, timeoutMs: 3_000 });
  await load.progress(500);
  const reading = startReading(cluster.nodes, load);
  const silentAt = now();
  cluster.pause(3);
  await cluster.leader(1, 2);
  await load.progress(500);
  await untilTrue('3 s of silence', () => now() - silentAt > 3_000);
  const linesBefore = cluster.node(3).logLines().length;
  cluster.resume(3);
  // It leads again soon: so its log is asked, not /health.
  const follows = ({ event, leader }: LogLine): boolean => event === 'leader_elected' && leader !== 3;
  await untilTrue('the old leader to follow', () => cluster.node(3).logLines().slice(linesBefore).some(follows));
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
}

Leader('that is stopped is replaced; when it goes on it steps down and shows nothing stale', () =>
  withRunningCluster({}, silenced),
);

Follower('hardly slows the others down, and catches up', async () => {
  await withRunningCluster({ env: patient }, async (cluster) => {
    const load = startLoad({ targets: cluster.targets.filter(({ id }) => id !== 1), connections: 32 });
    await load.progress(1_000);
    const from = now();
    await load.progress(2_000); // With all three.
    const stoppedAt = now();
    cluster.pause(1);
    await load.progress(2_000); // With two.
    await untilTrue('it to be missed', () => now() - stoppedAt > 1_500);
    const resumedAt = now();
    cluster.resume(1);
    await cluster.ready(1);
    await load.progress(500);
    const operations = await load.stop();

    // The median: a disk that stalls for a second, or another program, has no say in it.
    const medianMs = (begin: number, end: number): number => {
      const took = operations
        .filter((each) => isDone(each) && each.beganAt >= begin && each.endedAt < end)
        .map(({ beganAt, endedAt }) => endedAt - beganAt)
        .sort((one, other) => one - other);
      return took[Math.floor(took.length / 2)] ?? Number.POSITIVE_INFINITY;
    };
    const gap = longestGap(operations, stoppedAt, resumedAt);
    const [ofThree, ofTwo] = [medianMs(from, stoppedAt), medianMs(stoppedAt, resumedAt)];
    tell(
      `a write takes ${ofThree.toFixed(1)} ms with three, ${ofTwo.toFixed(1)} ms with two; longest gap ${gap.ms.toFixed(0)} ms`,
    );
    assert.equal(await cluster.faults(operations), []);
    assert.ok(ofTwo < 4 * ofThree + 100, 'it goes on');
  });
});

Follower('costs the leader no memory, however much it misses', async () => {
  await withRunningCluster({ env: patient }, async (cluster) => {
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
    await untilTrue(
      'the follower to have all',
      async () => (await cluster.node(1).call(`/messages/${load.newestId}?timeout=1000`)).status === 200,
      60_000,
    );
  });
});

Follower('is no reason for another leader when it comes back', async () => {
  await withRunningCluster({ env: patient }, async (cluster) => {
    const load = startLoad({ targets: cluster.targets.slice(1), connections: 8 });
    await load.progress(200);
    const elections = async (): Promise<unknown> => (await cluster.node(3).metrics()).leader_elections;
    const before = await elections();
    cluster.pause(1);
    await pause(2_000);
    cluster.resume(1);
    await cluster.ready(1);
    await load.progress(200);
    assert.is(await elections(), before);
    assert.is((await cluster.leader()).id, 3);
    assert.equal(await cluster.faults(await load.stop()), []);
  });
});

for (const each of [Leader, Follower]) each.run();
