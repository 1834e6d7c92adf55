/** Clients that go from node to node while the leader is killed: what they have written and seen stays seen. */
import { request } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { messagesIn } from '../support/history.ts';
import { startLoad } from '../support/loadClient.ts';
import { type RealCluster, type RealNode, tell, until, withRunningCluster } from '../support/realCluster.ts';

const Sessions = suite('a session over a leader change');
const Tails = suite('a live tail over a leader change');

/** Writes at one node, reads at the next with the time it was given, and so on; counts what is wrong. */
function startWandering(cluster: RealCluster, number: number): { stop(): Promise<{ steps: number; wrong: string[] }> } {
  let stopping = false;
  let steps = 0;
  const wrong: string[] = [];
  const wander = async (): Promise<void> => {
    let token = '0';
    let newest = 0;
    for (let n = number; !stopping; n++) {
      const [writer, reader] = [cluster.nodes[n % 3], cluster.nodes[(n + 1) % 3]];
      try {
        const headers = { 'Lamport-Time': token };
        const body = JSON.stringify({ message: `wanderer-${number}-${n}` });
        const written = await writer?.call('/', { body, headers });
        if (written?.status !== 200) continue;
        const { id, seen } = written.json as { id: number; seen: number };
        // What the client had seen before it wrote, the node must have seen too.
        if (seen < newest) wrong.push(`message ${id} had seen ${seen}; its writer had seen ${newest}`);
        if (id <= newest) wrong.push(`message ${id} came after ${newest}`);
        token = written.headers['lamport-time'] as string;
        newest = id;
        const read = await reader?.call(`/messages?after=${id - 1}`, {
          headers: { 'Lamport-Time': token, Accept: 'application/x-ndjson' },
        });
        if (read?.status !== 200) continue;
        const shown = messagesIn(read.body);
        if (shown[0]?.id !== id) wrong.push(`${reader?.id} did not show message ${id} at Lamport time ${token}`);
        newest = Math.max(newest, shown.at(-1)?.id ?? 0);
        if (Number(read.headers['lamport-time']) < Number(token)) wrong.push(`the token went back from ${token}`);
        token = read.headers['lamport-time'] as string;
        steps++;
      } catch {
        // That node is away: the next.
      }
    }
  };
  const wandering = wander();
  return {
    stop: async () => {
      stopping = true;
      await wandering;
      return { steps, wrong };
    },
  };
}

Sessions('sees what it wrote, on whichever node, and never less than before', async () => {
  await withRunningCluster({}, async (cluster) => {
    const wanderers = Array.from({ length: 12 }, (_, number) => startWandering(cluster, number));
    const load = startLoad({ targets: cluster.targets, connections: 4, thinkMs: 2 });
    for (let round = 0; round < 2; round++) {
      await load.progress(300);
      const leader = await cluster.leader();
      await leader.kill();
      await load.progress(300);
      leader.start();
      await cluster.ready(leader.id);
    }
    await load.stop();
    const found = await Promise.all(wanderers.map((wanderer) => wanderer.stop()));
    const steps = found.reduce((sum, each) => sum + each.steps, 0);
    assert.equal(
      found.flatMap(({ wrong }) => wrong),
      [],
    );
    assert.ok(steps > 200, `${steps} steps`);
    tell(`${steps} steps of writing here and reading there`);
  });
});

/** Follows the log of a node by server-sent events; when the connection ends it goes to the next node and resumes. */
function startTail(nodes: readonly RealNode[]): {
  readonly ids: readonly number[];
  end(): void;
  readonly resumed: () => number;
} {
  const ids: number[] = [];
  let ended = false;
  let at = 0;
  let close = (): void => {};
  const follow = (): void => {
    if (ended) return;
    const asked = request(
      {
        host: '127.0.0.1',
        port: nodes[at % nodes.length]?.port,
        path: '/messages',
        headers: { Accept: 'text/event-stream', ...(ids.length > 0 && { 'Last-Event-ID': `${ids.at(-1)}` }) },
        agent: false,
      },
      (response) => {
        let rest = '';
        response.setEncoding('latin1');
        response.on('data', (text: string) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines)
            if (line.startsWith('data: ')) ids.push((JSON.parse(line.slice(6)) as { id: number }).id);
        });
        response.on('error', () => {});
      },
    );
    close = () => asked.destroy();
    asked.on('error', () => {});
    asked.on('close', () => {
      at++;
      setTimeout(follow, 10);
    });
    asked.end();
  };
  follow();
  return {
    ids,
    resumed: () => at,
    end: () => {
      ended = true;
      close();
    },
  };
}

Tails('shows every message once and in order, whether its node dies or another', async () => {
  await withRunningCluster({}, async (cluster) => {
    const onFollower = startTail([cluster.node(1)]);
    const onLeader = startTail([cluster.node(3), cluster.node(2)]);
    const load = startLoad({ targets: cluster.targets, connections: 8 });
    try {
      await load.progress(500);
      await cluster.kill(3);
      await load.progress(500);
      await load.stop();
      const log = messagesIn(await cluster.node(1).messages());
      for (const tail of [onFollower, onLeader]) {
        await until('the tail to show the newest', () => (tail.ids.at(-1) === log.length ? true : undefined));
        assert.equal(
          tail.ids,
          log.map(({ id }) => id),
        );
      }
      assert.is(onFollower.resumed(), 0);
      assert.ok(onLeader.resumed() >= 1);
      tell(`${log.length} messages; the tail of the killed node went on at another`);
    } finally {
      onFollower.end();
      onLeader.end();
      await load.stop();
    }
  });
});

for (const each of [Sessions, Tails]) each.run();
