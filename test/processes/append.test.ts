/** Append streams into three real nodes, while leaders die and connections break. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { messagesIn } from '../history/messages.ts';
import { type RealCluster, tell, untilTrue, withRunningCluster } from '../support/realCluster.ts';
import { StreamClient } from '../support/streamClient.ts';

const Append = suite('append streams');

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `message ${i + 1}`);

/** The log, which must be the same wherever it is asked for. */
async function logOf(cluster: RealCluster): Promise<string[]> {
  const [first, ...others] = await Promise.all(cluster.nodes.map((node) => node.messages()));
  for (const other of others) assert.ok(first?.equals(other), 'all nodes have the same log');
  return messagesIn(first ?? Buffer.alloc(0)).map(({ text }) => text);
}

/** Tells the first difference; the whole of thousands would take minutes to compare for the eye. */
function same(log: readonly string[], messages: readonly string[]): void {
  const at = messages.findIndex((message, i) => log[i] !== message);
  assert.is(at, -1, `place ${at} has ${log[at]} instead of ${messages[at]}`);
  assert.is(log.length, messages.length);
}

/** Sends frames n … to … of `messages` in small steps, so that the world has time to change meanwhile. */
async function sendSlowly(
  client: StreamClient,
  messages: readonly string[],
  from: number,
  to = messages.length,
): Promise<void> {
  await client.opened();
  for (let n = from; n <= to && !client.isClosed; n++) {
    client.send(messages[n - 1] as string);
    if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

Append('go on through the death of a leader and at another node, with every message once and in order', async () => {
  await withRunningCluster({}, async (cluster) => {
    const messages = numbers(6000);
    const first = new StreamClient(cluster.node(1).port, '?session=s&timeout=20000');
    const sending = sendSlowly(first, messages, 1, 3000);
    await untilTrue('a thousand answers', () => first.answered >= 1000);
    await cluster.kill(3);
    const atKill = first.answered;
    // What is sent only now, another leader has to answer.
    await sending;
    await sendSlowly(first, messages, 3001, 5000);
    await untilTrue('answers of the next leader', () => first.answered === 5000 || first.isClosed);
    assert.ok(!first.isClosed, `the stream outlives the leader: ${JSON.stringify(first.lines.at(-1))}`);
    // Now the connection breaks, with frames under way.
    first.send(...messages.slice(5000, 5500)).socket.terminate();
    await first.closed;
    const { answered } = first;
    cluster.start(3);
    tell(`killed the leader at ${atKill}, broke the connection at ${answered}`);

    const second = new StreamClient(cluster.node(2).port, `?session=s&from=${answered + 1}&timeout=20000`);
    await sendSlowly(second, messages, answered + 1);
    const { code, lines } = await second.finish();
    assert.is(code, 1000, JSON.stringify(lines.at(-1)));
    assert.is(lines.at(-1)?.n, messages.length);
    await cluster.ready();
    same(await logOf(cluster), messages);
    // Every answer named the place where its messages are.
    for (const client of [first, second]) {
      let n = client === first ? 1 : answered + 1;
      for (const line of client.lines) {
        assert.is(line.first_id, n);
        n = line.n + 1;
        assert.is(line.first_id + line.count, n);
      }
    }
    assert.is(await cluster.violations(), 0);
  });
});

Append('go on when their own node dies: the example of the README', async () => {
  await withRunningCluster({}, async (cluster) => {
    const messages = numbers(20_000).map((text) => `${text} ${'x'.repeat(500)}`);
    const script = fileURLToPath(new URL('../../../docs/append.mjs', import.meta.url));
    const nodes = [3, 1, 2].map((id) => `ws://127.0.0.1:${cluster.node(id).port}`);
    const child = spawn(process.execPath, [script, 'example', ...nodes], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    child.stderr.on('data', (text) => (said += text));
    const ended = once(child, 'close');
    child.stdin.end(messages.join('\n'));
    await untilTrue('some of it', async () => Number((await cluster.node(1).metrics()).messages_received) > 0);
    child.kill('SIGSTOP'); // So that it is not done before.
    await cluster.kill(3);
    child.kill('SIGCONT');
    assert.equal((await ended)[0], 0, said);
    assert.match(said, /20000 of 20000 messages appended/);
    cluster.start(3);
    await cluster.ready();
    same(await logOf(cluster), messages);
    assert.match(said, /ended with 1006 behind message \d+/, 'it was cut off, and went on');
  });
});

Append('say that their node stops, after the answers', async () => {
  await withRunningCluster({}, async (cluster) => {
    const client = new StreamClient(cluster.node(1).port, '?session=s');
    const messages = numbers(100_000); // More than are sent until the node stops, however long the first answers take.
    void sendSlowly(client, messages, 1);
    await untilTrue('a thousand answers', () => client.answered >= 1000);
    const { code } = await cluster.kill(1, 'SIGTERM');
    assert.is(code, 0);
    const end = await client.closed;
    assert.equal([end.code, end.reason, end.failure?.code], [1001, 'STOPPING', 'STOPPING']);
    assert.is(end.failure?.n, client.answered + 1);
    cluster.start(1);
    await cluster.ready();
    const log = await logOf(cluster);
    if (end.failure?.outcome === 'not_done') assert.is(log.length, client.answered);
    else assert.ok(log.length >= client.answered, 'what was under way may be there, in order');
    same(log, messages.slice(0, log.length));
  });
});

Append.run();
