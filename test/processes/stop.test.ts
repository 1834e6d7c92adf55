/** Nodes that are told to stop, under load. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { longestGap } from '../history/checkers.ts';
import { now, startLoad } from '../support/loadClient.ts';
import { tell, withRunningCluster } from '../support/realCluster.ts';

const Stop = suite('SIGTERM under load');

Stop('makes the leader hand over, finish, and exit with 0', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 32 });
    await load.progress(1_000);
    const stoppedAt = now();
    const { code, signal } = await cluster.kill(3, 'SIGTERM');
    const tookMs = now() - stoppedAt;
    await load.progress(500);
    const until = now();
    const operations = await load.stop();

    assert.is(signal, null);
    assert.is(code, 0);
    assert.equal(await cluster.faults(operations, 1, 2), []);
    // Refused as not done, or unknown: a client that tries again needs to know no more.
    for (const outcome of Object.keys(load.counts)) {
      assert.match(outcome, /^(done$|not_done 503 |unknown 503 |unknown (read ECONNRESET|write EPIPE|closed)$)/);
    }
    const gap = longestGap(operations, stoppedAt - 50, until);
    tell(`longest gap ${gap.ms.toFixed(0)} ms; exit after ${tookMs.toFixed(0)} ms; ${JSON.stringify(load.counts)}`);
    assert.ok(gap.ms < 3_000);
    const events = cluster
      .node(3)
      .logLines()
      .map(({ event }) => event);
    assert.ok(events.includes('node_stopped'));
    const taken = cluster
      .node(2)
      .logLines()
      .filter(({ event }) => event === 'election_started')
      .at(-1);
    assert.is(taken?.handover, true, 'handed over, not found out');
  });
});

Stop('ends a follower without a pause for the others', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets.slice(1), connections: 16 });
    await load.progress(500);
    assert.is((await cluster.kill(1, 'SIGTERM')).code, 0);
    await load.progress(500);
    cluster.start(1);
    await cluster.ready(1);
    const operations = await load.stop();
    assert.equal(Object.keys(load.counts), ['done']);
    assert.equal(await cluster.faults(operations), []);
    assert.is((await cluster.leader()).id, 3);
  });
});

Stop.run();
