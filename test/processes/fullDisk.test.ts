/** One disk gets full: that node refuses writes and says why, the others go on, and so does it once there is room. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Append } from '../history/history.ts';
import { startLoad } from '../support/loadClient.ts';
import { allowed } from '../support/needs.ts';
import { type RealCluster, tell, until, untilTrue } from '../support/realCluster.ts';
import { type Disks, reasonAgainstDisks, withDisks } from '../torture/root/disks.ts';

const Disk = suite('a full disk');
const Full = allowed(reasonAgainstDisks()) ? Disk : Disk.skip;

/** Few messages fill a segment: the machine may be slow at each. */
const bytes = 400_000;

/** Writes through the other nodes until this one has said that it has no room. */
async function filled(cluster: RealCluster, disks: Disks, id: number): Promise<readonly Append[]> {
  await disks.fill(id);
  const load = startLoad({ name: `fill${id}`, targets: cluster.targets, connections: 4, bytes, timeoutMs: 3_000 });
  await cluster.node(id).logged('disk_full');
  // Some more: they are taken while this one takes nothing.
  await load.progress(20);
  return load.stop();
}

const saysFull = async (cluster: RealCluster, id: number): Promise<boolean> =>
  (await cluster.node(id).health())?.json.disk_full === true;

Full('of a follower: it answers 507, the others take writes, and it catches up when there is room', async () => {
  await withDisks({}, async (cluster, disks) => {
    cluster.start();
    await cluster.ready();
    await cluster.leads(3);
    const operations = [...(await filled(cluster, disks, 1))];
    const refused = await cluster.node(1).post('no room');
    assert.equal([refused.status, refused.json.code, refused.json.outcome], [507, 'DISK_FULL', 'not_done']);
    assert.ok(await saysFull(cluster, 1));
    const reads = await cluster.node(1).call('/messages?limit=1');
    assert.is(reads.status, 200);

    const load = startLoad({ name: 'meanwhile', targets: cluster.targets.slice(1), connections: 8 });
    await load.progress(200);
    await disks.makeRoom(1);
    await untilTrue('room to be noticed', async () => !(await saysFull(cluster, 1)));
    operations.push(...(await load.stop()));
    const again = startLoad({ name: 'again', targets: cluster.targets.slice(0, 1), connections: 4 });
    await again.progress(50);
    operations.push(...(await again.stop()));
    assert.equal(await cluster.faults(operations), []);
  });
});

Full('of the leader: another leads, and nothing that was acknowledged is lost, also not by kill -9', async () => {
  await withDisks({}, async (cluster, disks) => {
    cluster.start();
    await cluster.ready();
    await cluster.leads(3);
    const operations = [...(await filled(cluster, disks, 3))];
    const { id } = await cluster.leader(1, 2);
    tell(`${id} leads while the disk of 3 is full`);
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    cluster.start();
    await until('the leader of the others', async () => (await cluster.leader(1, 2)).id);
    const load = startLoad({ name: 'after', targets: cluster.targets.slice(0, 2), connections: 4 });
    await load.progress(100);
    operations.push(...(await load.stop()));
    await disks.makeRoom(3);
    await untilTrue('room to be noticed', async () => !(await saysFull(cluster, 3)));
    assert.equal(await cluster.faults(operations), []);
  });
});

Disk.run();
