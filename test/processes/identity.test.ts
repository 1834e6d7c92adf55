/** Data folders: planted, wiped, taken; and logs that are in memory only. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LogItem, SegmentedLog } from '../../actors/log/segments.ts';
import { type Batch, encodeBatch, encodeWrite } from '../../actors/protocol/batch.ts';
import { fileDisk } from '../../storage/fileDisk.ts';
import { messagesIn } from '../history/messages.ts';
import { startLoad } from '../support/loadClient.ts';
import { freePort, NodeProcess, tell, untilTrue, withCluster, withRunningCluster } from '../support/realCluster.ts';

const Planted = suite('a planted store');
const Absent = suite('a data disk that is not mounted');
const Wiped = suite('a wiped data folder');
const Taken = suite('a second process');
const Memory = suite('a log in memory');

// --------------------------------------------------------------------------------------------------------- planted

/** Appends a message to the log of a node that does not run, with a Lamport time that is not above the last one. */
async function plant(folder: string, text: string): Promise<number> {
  const log = new SegmentedLog(fileDisk(folder), { segmentBytes: 8 * 1024 * 1024 });
  const found: Batch[] = [];
  const recovered = await new Promise<Parameters<Parameters<SegmentedLog['recover']>[1]>[0]>((resolve) =>
    log.recover({ onBatch: (batch) => found.push(batch) }, resolve),
  );
  if (recovered.kind !== 'recovered') throw new Error(recovered.error.message);
  const tag = { origin: 1, boot: 1, n: 1_000_000 };
  const bytes = encodeWrite({
    tag,
    stream: 'messages',
    seen: 0,
    physicalSeconds: 1,
    contents: [Buffer.from(text)],
  });
  const { last, lastLamport, nextId } = recovered;
  const batch = encodeBatch(
    {
      epoch: last.epoch,
      type: 'data',
      baseIndex: last.index + 1,
      baseLamport: lastLamport - 1,
      firstId: nextId,
      count: 1,
    },
    [{ bytes, tag, count: 1 }],
  );
  const items: LogItem[] = [{ previous: last, batch }];
  const written = await new Promise<{ kind: string }>((resolve) => log.write(items, last.index, resolve));
  assert.is(written.kind, 'written');
  return nextId;
}

Planted('raises the counter, is told in the log, and the nodes serve on: the check can fail', async () => {
  await withRunningCluster({}, async (cluster) => {
    for (let n = 0; n < 5; n++) assert.is((await cluster.node(1).post(`before ${n}`)).status, 200);
    assert.is(await cluster.violations(), 0);
    for (const node of cluster.nodes) assert.is((await node.kill('SIGTERM')).code, 0);
    const id = await plant(cluster.node(3).dataDir, 'planted');
    assert.is(id, 6);

    // These two cannot form a majority without the log that has it: so it is committed, and brought to the third.
    cluster.start(2, 3);
    await cluster.ready();
    assert.is((await cluster.node(2).post('after')).status, 200);
    cluster.start(1);
    await cluster.ready();
    for (const node of cluster.nodes) {
      const line = await node.logged('causality_violation');
      assert.is(line.first_id, 6);
      assert.ok(((await node.metrics()).causality_violations as number) > 0);
      const prometheus = await node.call('/metrics', { headers: { Accept: 'text/plain' } });
      assert.match(prometheus.body.toString(), /dlog_causality_violations_total [1-9]/);
      const log = messagesIn(await node.messages());
      assert.equal(
        log.slice(5).map(({ text }) => text),
        ['planted', 'after'],
      );
    }
  });
});

// ---------------------------------------------------------------------------------------------------------- absent

Absent('keeps its node from starting, and nothing is written where it should be mounted', async () => {
  await withCluster({ nodes: 1, env: { DATA_MARKER: '.data-disk' } }, async (cluster) => {
    const node = cluster.node(1);
    const marker = join(node.dataDir, '.data-disk');
    node.start();
    assert.equal(await node.process?.ended, { code: 1, signal: null });
    assert.match(node.process?.stderr ?? '', /cannot start: ENOENT.*\.data-disk.*DATA_MARKER.*mounted\?/);
    assert.is(node.logLines().at(-1)?.event, 'data_disk_missing');
    assert.not(existsSync(node.dataDir));

    mkdirSync(node.dataDir);
    node.start();
    assert.is((await node.process?.ended)?.code, 1);
    assert.equal(readdirSync(node.dataDir), []);

    writeFileSync(marker, '');
    node.start();
    await cluster.ready();
    assert.is((await node.post('on the disk')).status, 200);
    assert.is((await node.kill('SIGTERM')).code, 0);
    node.start();
    await cluster.ready();
    assert.equal(
      messagesIn(await node.messages()).map(({ text }) => text),
      ['on the disk'],
    );
  });
});

// ----------------------------------------------------------------------------------------------------------- wiped

Wiped('makes its node say so and not vote, while the other two go on', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets.slice(1), connections: 8 });
    await load.progress(200);
    await cluster.kill(1);
    rmSync(cluster.node(1).dataDir, { recursive: true });
    cluster.start(1);
    await untilTrue('node 1 to say what happened', async () => {
      const answer = await cluster.node(1).health();
      return answer?.status === 503 && answer.json.trouble === 'IDENTITY_LOST';
    });
    // What /health says at once, the file of the log gets a moment later.
    await untilTrue('its log to say so', () =>
      cluster
        .node(1)
        .logLines()
        .some((line) => JSON.stringify(line).includes('IDENTITY_LOST')),
    );
    await load.progress(200);
    const operations = await load.stop();
    assert.equal(await cluster.faults(operations, 2, 3), []);

    // With it and one other there is no majority: what two had acknowledged cannot be forgotten.
    await cluster.kill(3);
    await untilTrue('node 2 to be without a leader', async () => (await cluster.node(2).health())?.status === 503);
    for (const id of [1, 2]) assert.is((await cluster.node(id).post('not by these', { timeoutMs: 1_500 })).status, 503);
    cluster.start(3);
    await cluster.ready(2, 3);
    assert.is((await cluster.node(2).post('by these')).status, 200);
  });
});

Wiped('together with another killed node makes no second history', async () => {
  await withRunningCluster({}, async (cluster) => {
    // The frame of the second says that the first is committed.
    for (const [i, text] of ['kept', 'kept too'].entries())
      assert.is((await cluster.node(3).post(text)).json.id, i + 1);
    await Promise.all([cluster.kill(1), cluster.kill(2), cluster.kill(3)]);
    rmSync(cluster.node(1).dataDir, { recursive: true });
    rmSync(cluster.node(2).dataDir, { recursive: true });
    cluster.start(1, 2);
    for (const id of [1, 2]) {
      await untilTrue(`${id} to answer`, async () => (await cluster.node(id).health()) !== undefined);
      assert.is((await cluster.node(id).post('first of another history', { timeoutMs: 1_500 })).status, 503);
    }
    cluster.start(3);
    await untilTrue(
      '3 to serve',
      async () =>
        (
          await cluster
            .node(3)
            .call('/health/live')
            .catch(() => undefined)
        )?.status === 200,
    );
    for (const id of [1, 2]) {
      await untilTrue(
        `${id} to say what happened`,
        async () => (await cluster.node(id).health())?.json.trouble === 'IDENTITY_LOST',
      );
      assert.is((await cluster.node(id).post('first of another history', { timeoutMs: 500 })).status, 503);
    }
    assert.is((await cluster.node(3).post('not by one', { timeoutMs: 500 })).status, 503);
    const log = await cluster.node(3).call('/messages', { headers: { Accept: 'application/x-ndjson' } });
    assert.is(messagesIn(log.body)[0]?.text, 'kept');
    assert.not.match(log.body.toString(), 'another history');
  });
});

// ----------------------------------------------------------------------------------------------------------- taken

Taken('on a data folder in use is refused, in clear words, and the first goes on', async () => {
  await withRunningCluster({ nodes: 1 }, async (cluster) => {
    const first = cluster.node(1);
    const peerPort = await freePort();
    const second = new NodeProcess({
      ...first.env,
      PORT: `${await freePort()}`,
      PEER_PORT: `${peerPort}`,
      PEERS: `1@127.0.0.1:${peerPort}`,
      LOG_DIR: join(cluster.folder, 'logs-of-second'),
    });
    const { code } = await second.ended;
    assert.is(code, 1);
    assert.match(second.stderr, first.dataDir);
    assert.match(second.stderr, /in use|locked|another process/i);
    tell(second.stderr.trim());
    assert.is((await first.post('still here')).status, 200);
  });
});

Taken('on a port in use is refused, in clear words, whichever port it is', async () => {
  await withRunningCluster({ nodes: 1 }, async (cluster) => {
    const first = cluster.node(1);
    const peerPort = await freePort();
    const variants = [
      { PORT: `${first.port}`, PEER_PORT: `${peerPort}`, PEERS: `1@127.0.0.1:${peerPort}` },
      { PORT: `${await freePort()}`, PEER_PORT: `${first.peerPort}`, PEERS: `1@127.0.0.1:${first.peerPort}` },
    ];
    for (const [i, variant] of variants.entries()) {
      const taken = i === 0 ? first.port : first.peerPort;
      const second = new NodeProcess({
        ...first.env,
        ...variant,
        DATA_DIR: join(cluster.folder, `other-${i}`),
        LOG_DIR: join(cluster.folder, 'logs-of-second'),
      });
      assert.is((await second.ended).code, 1);
      assert.match(second.stderr, `${taken}`);
      tell(second.stderr.trim());
    }
    assert.is((await first.post('still here')).status, 200);
  });
});

Taken('is let in when the first was killed: a lock does not outlive its process', async () => {
  await withRunningCluster({ nodes: 1 }, async (cluster) => {
    assert.is((await cluster.node(1).post('a')).status, 200);
    await cluster.kill(1);
    cluster.start(1);
    await cluster.ready();
    assert.is((await cluster.node(1).post('b')).json.id, 2);
  });
});

// ---------------------------------------------------------------------------------------------------------- memory

Memory('is learnt again from the others by a node that restarts', async () => {
  await withRunningCluster({ env: { MEMORY: '1' } }, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 8 });
    await load.progress(500);
    for (const id of [1, 3]) {
      await cluster.kill(id);
      await cluster.leader();
      await load.progress(200);
      cluster.start(id);
      await cluster.ready(id);
    }
    await load.progress(200);
    const operations = await load.stop();
    assert.equal(await cluster.faults(operations), []);
    assert.is(await cluster.violations(), 0);
  });
});

Memory('that a majority has lost is not made up: nothing is acknowledged on an empty log', async () => {
  await withCluster({ env: { MEMORY: '1' } }, async (cluster) => {
    cluster.start();
    await cluster.ready();
    assert.is((await cluster.node(1).post('kept by one')).json.id, 1);
    await untilTrue('all to have it', async () => {
      const answers = await Promise.all(cluster.nodes.map((node) => node.call('/messages/1')));
      return answers.every(({ status }) => status === 200);
    });
    await Promise.all([cluster.kill(2), cluster.kill(3)]);
    cluster.start(2, 3);
    for (const id of [2, 3]) {
      await untilTrue(`${id} to answer`, async () => (await cluster.node(id).health()) !== undefined);
      const { status, json } = await cluster.node(id).post('first again?', { timeoutMs: 2_000 });
      if (status === 200) assert.is(json.id, 2, 'only behind what was there');
      else assert.is(status, 503);
    }
  });
});

for (const each of [Planted, Absent, Wiped, Taken, Memory]) each.run();
