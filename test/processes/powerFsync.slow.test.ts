/** Disks whose fsync fails or is slow, on running nodes: a tracer answers in the place of the kernel (R-D2, R23). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isDone } from '../history/checkers.ts';
import { now, startLoad } from '../support/loadClient.ts';
import { allowed } from '../support/needs.ts';
import { pause, tell, until, untilTrue, withRunningCluster } from '../support/realCluster.ts';
import { failSyncs, reasonAgainstTracing, slowSyncs } from '../torture/root/tracing.ts';

const Sync = suite('fsync');
const Traced = allowed(reasonAgainstTracing()) ? Sync : Sync.skip;

Traced('that fails ends the node at once, whoever it is, and nothing that was acknowledged is lost', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 16, patienceMs: 3_000, timeoutMs: 2_000 });
    for (const id of [3, 1]) {
      await load.progress(300);
      const node = cluster.node(id);
      const tracer = await failSyncs(node.process?.pid ?? 0, 5);
      await untilTrue(`${id} to end`, () => !node.running);
      assert.is((await node.process?.ended)?.code, 1);
      const [failure] = node.logLines().filter(({ msg }) => msg.includes('EIO'));
      assert.ok(failure, 'its log says why');
      await tracer.detach();
      await cluster.leader(...cluster.ids.filter((other) => other !== id));
      await load.progress(200);
      node.start();
      await cluster.ready(id);
    }
    const events = await load.stop();
    assert.equal(await cluster.faults(events), []);
    tell(`${events.filter(isDone).length} messages acknowledged, none lost`);
  });
});

Traced('that takes two seconds costs a leader the lead, and the others go on without it', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 16, patienceMs: 6_000, timeoutMs: 5_000 });
    await load.progress(300);
    const tracer = await slowSyncs(cluster.node(3).process?.pid ?? 0, 2_000);
    const slowAt = now();
    const next = await cluster.leader(1, 2);
    tell(`${next.id} leads ${(now() - slowAt).toFixed(0)} ms after the disk of 3 got slow`);
    await load.progress(500);
    await tracer.detach();
    await cluster.ready();
    await load.progress(200);
    assert.equal(await cluster.faults(await load.stop()), []);
  });
});

Traced('that is slow at one follower keeps nobody waiting', async () => {
  await withRunningCluster({}, async (cluster) => {
    const targets = cluster.targets.filter(({ id }) => id !== 1);
    const load = startLoad({ targets, connections: 16, patienceMs: 6_000, timeoutMs: 5_000 });
    await load.progress(300);
    const tracer = await slowSyncs(cluster.node(1).process?.pid ?? 0, 1_000);
    // Waiting for that disk, 16 clients could have 16 answers a second at most. Other disks may stand still for a while, too.
    const second = async (): Promise<number> => {
      const [before, beganAt] = [load.doneCount, now()];
      await pause(1_000);
      return (load.doneCount - before) / ((now() - beganAt) / 1_000);
    };
    const rate = await until('more answers than that disk allows', async () => {
      const found = await second();
      return found > 40 ? found : undefined;
    });
    await tracer.detach();
    await cluster.ready();
    await cluster.leads(3);
    assert.equal(await cluster.faults(await load.stop()), []);
    tell(`${rate.toFixed(0)} answers a second`);
  });
});

Sync.run();
