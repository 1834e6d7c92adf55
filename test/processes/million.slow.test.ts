/** A million messages: what they cost in memory, and how long the store takes to open again. */
import { request } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { byDefault, type RealCluster, type RealNode, tell, withRunningCluster } from '../support/realCluster.ts';

const Million = suite('a million messages');

const wanted = Number(process.env.MILLION ?? 1_000_000);
const batchSize = 5_000;
const writers = 4;

const textOf = (n: number): string => `message-${n}-`.padEnd(100, 'x');

/** Writes them in batches, each a request, through all nodes; looks at the memory all the while. */
async function fill(cluster: RealCluster, look: (done: number) => void): Promise<void> {
  let next = 0;
  let done = 0;
  const writer = async (node: RealNode): Promise<void> => {
    while (next < wanted) {
      const from = next;
      const to = Math.min(wanted, from + batchSize);
      next = to;
      let body = '';
      for (let n = from; n < to; n++) body += `{"message":"${textOf(n)}"}\n`;
      const headers = { 'Content-Type': 'application/x-ndjson', 'Idempotency-Key': `batch-${from}` };
      for (;;) {
        const { status, json } = await node.call('/messages', { body, headers, withinMs: 60_000 });
        if (status === 200) {
          assert.is(json.count, to - from);
          break;
        }
        assert.is(status, 503, JSON.stringify(json));
      }
      done += to - from;
      look(done);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, i) => writer(cluster.node((i % 3) + 1))));
}

/** Reads the whole log as a stream; counts what comes and looks that ids and Lamport times rise. */
function scan(node: RealNode): Promise<{ count: number; bytes: number; wrong: string | undefined }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: node.port,
        path: '/messages',
        headers: { Accept: 'application/x-ndjson' },
        agent: false,
      },
      (response) => {
        let rest = '';
        let count = 0;
        let bytes = 0;
        let lamport = 0;
        let wrong: string | undefined;
        response.setEncoding('latin1');
        response.on('data', (text: string) => {
          bytes += text.length;
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            count++;
            const [, id, time] = /^\{"id":(\d+),.*"lamport_timestamp":(\d+),/.exec(line) ?? [];
            if (Number(id) !== count || !(Number(time) > lamport)) wrong ??= line;
            lamport = Number(time);
          }
        });
        response.on('error', reject);
        response.on('end', () => resolve({ count, bytes, wrong }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

Million('go in with flat memory, are all there, and open again soon', async () => {
  await withRunningCluster({ env: byDefault }, async (cluster) => {
    const memory = (): number[] => cluster.nodes.map((node) => node.rssMib());
    const most = [0, 0, 0];
    const marks: string[] = [`0: ${memory().join(', ')}`];
    let early = memory();
    const beganAt = performance.now();
    await fill(cluster, (done) => {
      const found = memory();
      for (const [i, mib] of found.entries()) most[i] = Math.max(most[i] ?? 0, mib);
      if (done % (wanted / 10) === 0) marks.push(`${done}: ${found.join(', ')}`);
      if (done <= wanted / 5) early = found;
    });
    const seconds = (performance.now() - beganAt) / 1000;
    const late = memory();
    tell(`memory in MiB by messages written: ${marks.join(' | ')}; at most ${most.join(', ')}`);
    tell(`${wanted} messages of 100 bytes in ${seconds.toFixed(1)} s: ${(wanted / seconds).toFixed(0)}/s`);
    for (const [i, mib] of late.entries()) {
      assert.ok(mib - (early[i] ?? 0) < 150, `node ${i + 1} grew from ${early[i]} to ${mib} MiB`);
    }

    for (const node of cluster.nodes) {
      const { code } = await node.kill('SIGTERM');
      // In peace, or late, and then it says so.
      if (code !== 0) assert.is(node.logLines().at(-1)?.event, 'stop_late', node.process?.stderr);
    }
    // One alone: its time is that of its disk and log, without two others on the same machine.
    cluster.start(1);
    const startedAt = performance.now();
    for (;;) {
      const live = await cluster
        .node(1)
        .call('/health/live')
        .catch(() => undefined);
      if (live?.status === 200) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const openMs = performance.now() - startedAt;
    cluster.start(2, 3);
    const readyMs = await cluster.ready();
    tell(
      `one node serves its log ${openMs.toFixed(0)} ms after its start; then all ready after ${readyMs.toFixed(0)} ms`,
    );
    assert.ok(openMs < 30_000, `${openMs} ms`);

    for (const node of cluster.nodes) {
      const before = node.rssMib();
      const scannedAt = performance.now();
      const { count, bytes, wrong } = await scan(node);
      const ms = performance.now() - scannedAt;
      assert.is(wrong, undefined);
      assert.is(count, wanted);
      tell(
        `${node.id} streamed ${(bytes / 1e6).toFixed(0)} MB in ${(ms / 1000).toFixed(1)} s; ${before} MiB before, ${node.rssMib()} after`,
      );
    }
    assert.is(await cluster.violations(), 0);
  });
});

Million.run();
