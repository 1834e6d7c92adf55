/** Three nodes, and the leader dies: what 64 clients on all nodes see of it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { longestGap } from '../history/checkers.ts';
import { now, startLoad } from '../support/loadClient.ts';
import { byDefault, tell, withCluster, withRunningCluster } from '../support/realCluster.ts';

const Start = suite('a start');
const Failover = suite('kill -9 of the leader');

Start('ends with all ready, led by the highest id, and one log whichever node is asked', async () => {
  await withCluster({ env: byDefault }, async (cluster) => {
    cluster.start();
    const readyMs = await cluster.ready();
    tell(`ready after ${readyMs.toFixed(0)} ms`);
    await cluster.leads(3);
    for (const [i, node] of cluster.nodes.entries()) {
      const { status, json, headers } = await node.post(`to ${node.id}`);
      assert.is(status, 200);
      assert.is(json.id, i + 1);
      assert.is(json.node_id, node.id);
      assert.is(headers['lamport-time'], `${json.lamport_timestamp}`);
      // Whoever sends the time back sees the message, on any node.
      for (const other of cluster.nodes) {
        const read = await other.call(`/messages/${json.id}`, {
          headers: { 'Lamport-Time': `${json.lamport_timestamp}` },
        });
        assert.is(read.json.content, `to ${node.id}`);
      }
    }
    const [first, ...others] = await Promise.all(cluster.nodes.map((node) => node.messages()));
    for (const other of others) assert.ok(first?.equals(other));
    assert.is(await cluster.violations(), 0);
  });
});

Failover('loses and doubles nothing; the node comes back, catches up and leads again', async () => {
  await withRunningCluster({ env: byDefault }, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 64 });
    await load.progress(2_000);

    const killedAt = now();
    await cluster.kill(3);
    await cluster.leads(2);
    await load.progress(2_000);
    const failedOverAt = now();

    cluster.start(3);
    await cluster.leads(3);
    await load.progress(1_000);
    const handedOverAt = now();
    const operations = await load.stop();

    assert.equal(await cluster.faults(operations), []);
    assert.is(await cluster.violations(), 0);
    const failover = longestGap(operations, killedAt - 100, failedOverAt);
    const handover = longestGap(operations, failedOverAt, handedOverAt);
    tell(
      `longest gap: ${failover.ms.toFixed(0)} ms at the kill, ${handover.ms.toFixed(0)} ms from the restart to the hand-over`,
    );
    tell(`${operations.length} writes: ${JSON.stringify(load.counts)}`);
    // A tenth of that is usual. Beyond it clients would see their time-outs.
    assert.ok(failover.ms < 10_000 && handover.ms < 10_000);
  });
});

Failover('is hardly seen by clients of the other nodes: their writes are found in the log, or sent again', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets.slice(0, 2), connections: 64 });
    await load.progress(1_000);
    await cluster.kill(3);
    await load.progress(1_000);
    const operations = await load.stop();
    assert.equal(await cluster.faults(operations, 1, 2), []);
    // Nobody sent a key, and nobody needs to ask what became of a write (R10a).
    assert.equal(Object.keys(load.counts), ['done']);
  });
});

Failover('gives the same answer, and makes one message, when clients try again with their keys', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 32, retryByKey: true });
    await load.progress(1_000);
    await cluster.kill(3);
    await load.progress(1_000);
    const operations = await load.stop();

    const faults = await cluster.faults(operations, 1, 2);
    assert.equal(faults, []);
    tell(`${operations.length} writes by key: ${JSON.stringify(load.counts)}`);
    // Once more, at other nodes, also with what was answered before the kill.
    for (const { texts, outcome } of [...operations.slice(0, 20), ...operations.slice(-20)]) {
      const [text = ''] = texts;
      if (outcome.kind !== 'done') continue;
      for (const id of [1, 2]) {
        const { status, json } = await cluster.node(id).post(text, { key: text });
        assert.is(status, 200);
        assert.is(json.id, outcome.firstId);
        assert.is(json.lamport_timestamp, outcome.firstLamport);
      }
    }
    const other = await cluster.node(1).post('another body', { key: operations[0]?.key ?? '' });
    assert.is(other.status, 422);
    assert.equal(await cluster.faults(operations, 1, 2), []);
  });
});

for (const each of [Start, Failover]) each.run();
