/** NODE_PRIORITY, from the environment of real nodes to who leads. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startLoad } from '../support/loadClient.ts';
import { withCluster } from '../support/realCluster.ts';

const Priority = suite('NODE_PRIORITY');

Priority('makes a lower id lead; it dies, the next one takes over; it returns, and leads again', async () => {
  const envOf = (id: number): NodeJS.ProcessEnv => ({ NODE_PRIORITY: id === 1 ? '10' : id === 2 ? '5' : '0' });
  await withCluster({ envOf }, async (cluster) => {
    cluster.start();
    await cluster.ready();
    await cluster.leads(1);
    for (const { id } of cluster.nodes) {
      const { body } = await cluster.node(id).call('/metrics', { headers: { Accept: 'text/plain' } });
      assert.match(String(body), new RegExp(`^dlog_priority ${envOf(id).NODE_PRIORITY}$`, 'm'));
    }
    const load = startLoad({ targets: cluster.targets, connections: 8 });
    await load.progress(500);
    await cluster.kill(1);
    await cluster.leads(2);
    await load.progress(500);
    cluster.start(1);
    await cluster.leads(1);
    await load.progress(500);
    assert.equal(await cluster.faults(await load.stop()), []);
  });
});

Priority.run();
