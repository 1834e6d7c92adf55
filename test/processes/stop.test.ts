/** Nodes that are told to stop, under load. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { longestGap } from '../history/checkers.ts';
import { now, startLoad } from '../support/loadClient.ts';
import { type LogLine, patient, tell, untilTrue, withRunningCluster } from '../support/realCluster.ts';

const Stop = suite('SIGTERM under load');

const isHandover = ({ event, handover }: LogLine): boolean => event === 'election_started' && handover === true;
/** So that a disk that stalls for a second leaves a hand-over the time it needs. */
const unhurried = { ...patient, HANDOVER_MS: '2500' };

Stop('makes the leader hand over, finish, and exit with 0', async () => {
  await withRunningCluster({ env: unhurried }, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 32 });
    await load.progress(1_000);
    const heirs = [1, 2].map((id) => cluster.node(id));
    const linesOf = (): LogLine[] => heirs.flatMap((node) => node.logLines());
    const campaignsBefore = linesOf().filter(isHandover).length;
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
      assert.match(outcome, /^(done$|not_done 503 |unknown 503 |unknown ((read|write) (ECONNRESET|EPIPE)|closed)$)/);
    }
    const gap = longestGap(operations, stoppedAt - 50, until);
    tell(`longest gap ${gap.ms.toFixed(0)} ms; exit after ${tookMs.toFixed(0)} ms; ${JSON.stringify(load.counts)}`);
    assert.ok(gap.ms < 10_000, 'before clients see their time-outs');
    const events = cluster
      .node(3)
      .logLines()
      .map(({ event }) => event);
    assert.ok(events.includes('node_stopped'));
    await untilTrue(
      'one that took over, and did not find out',
      () => linesOf().filter(isHandover).length > campaignsBefore,
    );
  });
});

Stop('ends a follower without a pause for the others', async () => {
  await withRunningCluster({ env: patient }, async (cluster) => {
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
