/** Back-up and restore, by the very commands of docs/operations.md: out of one cluster of real nodes, into another. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { messagesIn } from '../history/messages.ts';
import { needs } from '../support/needs.ts';
import { type RealCluster, untilTrue, withRunningCluster } from '../support/realCluster.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');

/** The block of commands behind this heading's first words. */
function commands(heading: string): string {
  const section = page.split(/^#+ /m).find((text) => text.startsWith(heading)) ?? '';
  const block = /^```sh\n([\s\S]*?)^```$/m.exec(section)?.[1];
  assert.ok(block, `docs/operations.md has no commands under ${heading}`);
  return block;
}

/** As they must be typed here: 8001 … is the first cluster, 8101 … the second. */
const typed = (text: string, cluster: RealCluster): string =>
  text
    .replace(/127\.0\.0\.1:8[01]0(\d)/g, (_, n) => `127.0.0.1:${cluster.node(Number(n)).port}`)
    .replaceAll('docs/restore.mjs', join(root, 'docs/restore.mjs'));

interface Ran {
  readonly code: number | null;
  readonly said: string;
}

async function run(script: string, folder: string): Promise<Ran> {
  const child = spawn('bash', ['-e', '-c', script], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

const contentsOf = (ndjson: Buffer): string[] => messagesIn(ndjson).map(({ text }) => text);

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i} ${'x'.repeat(400)}`);
/** What JSON, lines and shells could stumble over. */
const odd = ['', ' ', '\r\n\r', 'a\u2028b\u2029c', '"\\/', '{"id":1}', '😀 é', '\u0001'.repeat(1024 * 1024)];

async function fill(cluster: RealCluster, messages: readonly string[]): Promise<void> {
  for (let at = 0; at < messages.length; at += 5000) {
    const body = JSON.stringify(messages.slice(at, at + 5000));
    assert.is((await cluster.node(1).call('/messages', { body })).status, 200);
  }
}

/** One of them is a MiB, and in JSON six: too large for a batch. */
async function fillOdd(cluster: RealCluster): Promise<void> {
  for (const content of odd) {
    const call =
      content.length > 1000 ? { path: '/', body: content } : { path: '/messages', body: JSON.stringify([content]) };
    const type = call.path === '/' ? 'text/plain' : 'application/json';
    const answer = await cluster.node(2).call(call.path, { body: call.body, headers: { 'Content-Type': type } });
    assert.is(answer.status, 200, answer.body.toString());
  }
}

const Restore = suite('back-up and restore');
const Runs = needs('curl') ? Restore : Restore.skip;

Runs('bring every message into a new cluster, once, in order, under its old id, whatever ends meanwhile', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dlog-restore-'));
  const file = (): Buffer => readFileSync(join(folder, 'messages.ndjson'));
  try {
    await withRunningCluster({}, async (cluster) => {
      await fill(cluster, numbers(10_000));
      await fillOdd(cluster);
      assert.equal(await run(typed(commands('Back-up'), cluster), folder), { code: 0, said: '' });
      assert.ok(file().equals(await cluster.node(3).messages()));
      await fill(cluster, ['later', 'and later']);
      assert.equal(await run(typed(commands('What came since'), cluster), folder), { code: 0, said: '' });
      assert.ok(file().equals(await cluster.node(3).messages()), 'what came since is added');
    });
    const contents = contentsOf(file());
    assert.is(contents.length, odd.length + 10_002);

    await withRunningCluster({}, async (cluster) => {
      const restore = typed(commands('Restore'), cluster);
      // The first try ends in the middle, without a word.
      const script = restore.match(/^node (\S+) (.*) < messages\.ndjson$/m) ?? [];
      const [, program = '', nodes = ''] = script;
      const child = spawn(process.execPath, [program, ...nodes.split(' ')], { stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.on('error', () => {}); // It ends before it has read all.
      const half = file();
      child.stdin.write(half.subarray(0, half.length / 2));
      await untilTrue(
        'some of it',
        async () => Number((await cluster.node(2).metrics()).messages_received) > 8,
      ).finally(() => child.kill('SIGKILL'));
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      await cluster.kill(3);
      assert.is(contentsOf(await cluster.node(1).messages()).length < contents.length, true, 'in the middle');
      // The second goes on, also while the first node that it is told of is dead.
      cluster.start(3);
      await cluster.kill(1);
      const { code, said } = await run(restore, folder);
      assert.is(code, 0, said);
      assert.match(said, /^\d+ messages are there already\n(?:\d+ messages\n)*10010 messages restored\n$/);
      cluster.start(1);
      await cluster.ready();
      const there = await cluster.node(1).messages();
      assert.ok(contentsOf(there).every((content, i) => content === contents[i]));
      assert.equal(
        messagesIn(there).map(({ id }) => id),
        contents.map((_, i) => i + 1),
      );
      // Again it finds all there, and does nothing.
      assert.match((await run(restore, folder)).said, /^10010 messages are there already\n10010 messages restored\n$/);
      assert.ok((await cluster.node(2).messages()).equals(there));
      // A cluster that has other messages is no new cluster.
      assert.is((await cluster.node(1).post('of somebody else')).status, 200);
      assert.match((await run(restore, folder)).said, /the cluster has 10011 messages, the back-up 10010\n$/);
      const gap = await run(
        restore.replace('< messages', '< <(tail --lines=+2 messages').replace(/ndjson$/m, 'ndjson)'),
        folder,
      );
      assert.equal(gap, { code: 1, said: '10011 messages are there already\nline 1 is not message 1\n' });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

Restore.run();
