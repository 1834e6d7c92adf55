/** Networks that lose packets in the kernel: nothing is closed, nothing is reset, TCP itself has to find out. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isDone } from '../history/checkers.ts';
import { type Load, startLoad } from '../support/loadClient.ts';
import { allowed } from '../support/needs.ts';
import { pause, type RealCluster, tell, until, untilTrue } from '../support/realCluster.ts';
import { rootFaults } from '../torture/root/faults.ts';
import { reasonAgainstNamespaces, reasonAgainstNarrowLinks, withNamespaces } from '../torture/root/namespaces.ts';
import { packetFaults } from '../torture/root/packetFaults.ts';
import { torture } from '../torture/run.ts';

const Network = suite('packets');
const Packets = allowed(reasonAgainstNamespaces()) ? Network : Network.skip;
const Narrow = allowed(reasonAgainstNarrowLinks()) ? Packets : Network.skip;

const loadOf = (cluster: RealCluster, name: string): Load =>
  startLoad({ name, targets: cluster.targets, connections: 16, patienceMs: 4_000, timeoutMs: 3_000 });

/** Nothing is lost, all hold the same, and all are well again. */
async function endsWell(cluster: RealCluster, load: Load): Promise<void> {
  await cluster.ready();
  await load.progress(200);
  const events = await load.stop();
  assert.equal(await cluster.faults(events), []);
  assert.is(await cluster.violations(), 0);
  tell(`${events.filter(isDone).length} messages acknowledged, none lost; ${JSON.stringify(load.counts)}`);
}

Packets('of a leader that are lost both ways cost it the lead; it refuses writes, and follows afterwards', async () => {
  await withNamespaces({}, async (cluster, network) => {
    const load = loadOf(cluster, 'isolated');
    await load.progress(300);
    network.isolate(3);
    const next = await cluster.leader(1, 2);
    await untilTrue('the old leader to know', async () => (await cluster.node(3).health())?.status === 503);
    const refused = await cluster.node(3).post('nobody-hears-this-0', { timeoutMs: 500 });
    assert.is(refused.status, 503);
    const seen = await cluster.node(3).call('/messages?consistency=linearizable&timeout=500');
    assert.is(seen.status, 503);
    await load.progress(300);
    // Longer than TCP needs to try more and more rarely: what is mended must be found mended all the same.
    await pause(4_000);
    network.heal();
    await until('the old leader to take part', async () =>
      (await cluster.node(3).health())?.status === 200 ? true : undefined,
    );
    tell(`${next.id} led meanwhile`);
    await cluster.ready();
    await load.progress(200);
    const events = await load.stop();
    const faults = await cluster.faults(events);
    assert.equal(
      faults.filter((fault) => !fault.includes('nobody-hears-this')),
      [],
    );
    if (refused.json.outcome === 'not_done') assert.equal(faults, []);
  });
});

Packets('to a leader that are lost, while all hear it, cost it the lead', async () => {
  await withNamespaces({}, async (cluster, network) => {
    const load = loadOf(cluster, 'deaf');
    await load.progress(300);
    network.drop(1, 3);
    network.drop(2, 3);
    await cluster.leader(1, 2);
    await load.progress(300);
    network.heal();
    await endsWell(cluster, load);
  });
});

Packets('from a leader that are lost, while it hears all, cost it the lead', async () => {
  await withNamespaces({}, async (cluster, network) => {
    const load = loadOf(cluster, 'mute');
    await load.progress(300);
    network.drop(3, 1);
    network.drop(3, 2);
    await cluster.leader(1, 2);
    await load.progress(300);
    network.heal();
    await endsWell(cluster, load);
  });
});

Packets('between two of five that are lost, in a ring of one-way cuts, leave a leader that is served', async () => {
  await withNamespaces({ nodes: 5 }, async (cluster, network) => {
    const load = loadOf(cluster, 'ring');
    await load.progress(200);
    // Each does not hear the next one; everybody still talks both ways with two others, and so with a majority.
    for (const id of cluster.ids) network.drop((id % 5) + 1, id);
    await load.progress(300);
    network.heal();
    await endsWell(cluster, load);
  });
});

Packets('of a majority that are lost stop writes, not reads, until they come through again', async () => {
  await withNamespaces({}, async (cluster, network) => {
    const load = loadOf(cluster, 'majority');
    await load.progress(300);
    for (const id of cluster.ids) network.isolate(id);
    for (const { id } of cluster.nodes) {
      await untilTrue(`${id} to know`, async () => (await cluster.node(id).health())?.status === 503);
    }
    await pause(1_000); // What was acknowledged before that has come by now,
    let before = load.doneCount;
    await pause(2_000);
    // or, on a busy machine, now: the clients wait no longer than 3 s.
    if (load.doneCount !== before) {
      before = load.doneCount;
      await pause(4_000);
    }
    assert.is(load.doneCount, before);
    for (const node of cluster.nodes) assert.is((await node.call('/messages?limit=1')).status, 200);
    network.heal();
    await load.progress(300);
    await endsWell(cluster, load);
  });
});

Packets('that are lost at random, one of ten, slow writes down and lose none', async () => {
  await withNamespaces({}, async (cluster, network) => {
    const load = loadOf(cluster, 'random');
    await load.progress(300);
    network.lose(10);
    await load.progress(300);
    network.heal();
    await endsWell(cluster, load);
  });
});

Packets('that are answered with a reset close connections at once, again and again', async () => {
  await withNamespaces({}, async (cluster, network) => {
    const load = loadOf(cluster, 'reset');
    for (let round = 0; round < 4; round++) {
      await load.progress(200);
      network.cut((round % 3) + 1);
      await pause(700);
      await load.progress(100);
      network.heal();
    }
    await endsWell(cluster, load);
  });
});

Narrow('that a narrow link holds up and throws away come again: big messages pass', async () => {
  await withNamespaces({}, async (cluster, network) => {
    const big = startLoad({ name: 'big', targets: cluster.targets, connections: 4, bytes: 100_000, timeoutMs: 20_000 });
    await big.progress(20);
    network.narrow(10);
    await big.progress(30);
    network.heal();
    const events = await big.stop();
    await cluster.ready();
    assert.equal(await cluster.faults(events), []);
  });
});

Packets(
  'that get lost while nodes lose power, their disks and their lives are no reason to lose a message',
  async () => {
    const reports: string[] = [];
    const { violations, episodes, messages } = await torture({
      seed: 'packets',
      nodes: 3,
      clients: 10,
      faults: [...packetFaults, ...rootFaults],
      length: { rounds: 1, orMs: 150_000 },
      say: tell,
      atEnd: (cluster, wrong) => {
        if (wrong.length > 0) reports.push(cluster.report());
      },
    });
    assert.equal([...violations, ...reports], []);
    tell(`${episodes.length} episodes, ${messages} messages`);
  },
);

Network.run();
