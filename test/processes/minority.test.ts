/** One node of three, alone: it serves what is committed, takes nothing, and heals by itself. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startLoad } from '../support/loadClient.ts';
import {
  patient,
  pause,
  type RealCluster,
  type RealNode,
  tell,
  untilTrue,
  withRunningCluster,
} from '../support/realCluster.ts';

const Minority = suite('a minority');

/** Some messages that all nodes have; returns how many. */
async function written(cluster: RealCluster): Promise<number> {
  const load = startLoad({ targets: cluster.targets, connections: 8 });
  await load.progress(100);
  assert.equal(await cluster.faults(await load.stop()), []);
  return linesIn(await cluster.node(1).messages());
}
const linesIn = (ndjson: Buffer): number => ndjson.toString().trimEnd().split('\n').length;

/** Shows all of these messages; returns what became of the write. */
async function refusesAndReads(alone: RealNode, messages: number): Promise<unknown> {
  const beganAt = performance.now();
  const [write, read, linearizable] = await Promise.all([
    alone.post('nobody hears this', { timeoutMs: 500 }),
    alone.call('/messages', { headers: { Accept: 'application/x-ndjson' } }),
    alone.call('/messages?consistency=linearizable&timeout=500'),
  ]);
  const tookMs = performance.now() - beganAt;
  assert.is(write.status, 503);
  assert.ok(['not_done', 'unknown'].includes(write.json.outcome as string), JSON.stringify(write.json));
  assert.type(write.json.code, 'string');
  assert.type(write.json.error, 'string');
  assert.is(write.headers['retry-after'] !== undefined, write.json.outcome === 'not_done');
  assert.is(read.status, 200);
  assert.is(linesIn(read.body), messages);
  assert.is(linearizable.status, 503);
  assert.type(linearizable.json.code, 'string');
  // Ten seconds are the default.
  assert.ok(tookMs < 9_000, `${tookMs} ms for time-outs of 500 ms`);
  tell(`refused with ${write.json.code} (${write.json.outcome}) and ${linearizable.json.code}`);
  return write.json.outcome;
}

/** Whoever would suspect somebody for not being heard has done so by then. */
const longerThanPatience = 1_500;

const unhealthy = async (node: RealNode): Promise<void> =>
  untilTrue(`${node.id} to be unhealthy`, async () => (await node.health())?.status === 503);

Minority('left over by two that were killed refuses writes, reads, and works when they are back', async () => {
  await withRunningCluster({}, async (cluster) => {
    const messages = await written(cluster);
    await Promise.all([cluster.kill(2), cluster.kill(3)]);
    const alone = cluster.node(1);
    await unhealthy(alone);
    assert.is((await alone.health())?.json.reason, 'no_leader');
    await refusesAndReads(alone, messages);

    // A follower that starts alone shows what it had, too: when it stops it writes down how much of that is committed.
    assert.is((await alone.kill('SIGTERM')).code, 0);
    alone.start();
    await untilTrue(
      'it to serve',
      async () => (await alone.call('/health/live').catch(() => undefined))?.status === 200,
    );
    await refusesAndReads(alone, messages);

    cluster.start(2, 3);
    await cluster.ready();
    assert.is((await alone.post('heard again')).status, 200);
  });
});

Minority('that is a leader cut off from both refuses writes, and the majority goes on without it', async () => {
  await withRunningCluster({ cables: true }, async (cluster) => {
    const messages = await written(cluster);
    const alone = cluster.node(3);
    cluster.cut(3);
    const underWay = alone.post('sent at the moment of the cut', { timeoutMs: 1_000 });
    await unhealthy(alone);
    const outcome = await refusesAndReads(alone, messages);
    assert.is((await underWay).status, 503);

    await cluster.leader(1, 2);
    assert.is((await cluster.node(1).post('the majority goes on')).status, 200);
    cluster.heal();
    await untilTrue('it to follow', async () => (await alone.health())?.status === 200);
    const logs = await Promise.all(cluster.nodes.map((node) => node.messages()));
    assert.ok(logs.every((log) => log.equals(logs[0] ?? log)));
    const all = logs[0]?.toString() ?? '';
    assert.match(all, 'the majority goes on');
    // Certainly not done: it never shows up.
    if (outcome === 'not_done') assert.not.match(all, 'nobody hears this');
    if ((await underWay).json.outcome === 'not_done') assert.not.match(all, 'at the moment of the cut');
  });
});

Minority('is nobody when only the cable between two nodes is cut: all is served, and no epoch moves', async () => {
  await withRunningCluster({ cables: true, env: patient }, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 8 });
    await load.progress(200);
    const elections = await cluster.node(2).metrics();
    // 1 and 2 do not hear each other, the leader 3 hears both.
    for (const cable of cluster.cables) if (cable.from + cable.to === 3) cable.impose({ cut: true });
    await pause(longerThanPatience);
    await load.progress(300);
    assert.is((await cluster.node(2).metrics()).leader_elections, elections.leader_elections);
    cluster.heal();
    await load.progress(100);
    assert.equal(await cluster.faults(await load.stop()), []);
  });
});

Minority('reached only through a third node does not disturb the leader', async () => {
  await withRunningCluster({ cables: true, env: patient }, async (cluster) => {
    const load = startLoad({ targets: cluster.targets.slice(1), connections: 8 });
    await load.progress(200);
    const before = (await cluster.node(3).metrics()).leader_elections;
    for (const cable of cluster.cables) if (cable.from + cable.to === 4) cable.impose({ cut: true });
    await pause(longerThanPatience);
    await load.progress(500);
    assert.is((await cluster.node(3).metrics()).leader_elections, before);
    assert.is((await cluster.leader(2, 3)).id, 3);
    cluster.heal();
    await cluster.ready();
    assert.equal(await cluster.faults(await load.stop()), []);
  });
});

Minority.run();
