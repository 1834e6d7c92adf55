/** Clients that go from node to node while the leader is killed: what they have written and seen stays seen. */
import { type IncomingMessage, request } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, Outcome, ShownMessage, Tail } from '../history/history.ts';
import { messageOf, messagesIn } from '../history/messages.ts';
import { newClient, now, startLoad } from '../support/loadClient.ts';
import {
  type HttpAnswer,
  type RealCluster,
  type RealNode,
  tell,
  until,
  withRunningCluster,
} from '../support/realCluster.ts';

const Sessions = suite('a session over a leader change');
const Tails = suite('a live tail over a leader change');

const outcomeOf = ({ status, json }: HttpAnswer): Outcome => {
  if (status === 200)
    return { kind: 'done', firstId: json.id as number, firstLamport: json.lamport_timestamp as number };
  return { kind: json.outcome === 'not_done' ? 'not_done' : 'unknown', code: String(json.code) };
};
const tokenIn = (answer: HttpAnswer | undefined): { tokenAfter?: number } =>
  answer?.status === 200 ? { tokenAfter: Number(answer.headers['lamport-time']) } : {};

/** Writes at one node, reads at the next with the time it was given, and so on; notes what it saw. */
function startWandering(cluster: RealCluster, number: number): { stop(): Promise<readonly Event[]> } {
  const client = newClient();
  const events: Event[] = [];
  let stopping = false;
  let token = 0;
  let newest = 0;
  const learn = (tokenAfter: number | undefined, id: number | undefined): void => {
    token = tokenAfter ?? token;
    newest = id ?? newest;
  };
  const write = async (node: RealNode, text: string): Promise<boolean> => {
    const beganAt = now();
    const sent = token;
    const answer = await node
      .call('/', { body: JSON.stringify({ message: text }), headers: { 'Lamport-Time': `${sent}` } })
      .catch(() => undefined);
    const outcome = answer ? outcomeOf(answer) : ({ kind: 'unknown', code: 'no answer' } as const);
    const call = { client, node: node.id, beganAt, endedAt: now(), token: sent, ...tokenIn(answer) };
    events.push({ kind: 'append', ...call, texts: [text], outcome });
    if (outcome.kind === 'done') learn(call.tokenAfter, outcome.firstId);
    return outcome.kind === 'done';
  };
  const read = async (node: RealNode): Promise<void> => {
    const beganAt = now();
    const sent = token;
    const afterId = newest - 1;
    const answer = await node
      .call(`/messages?after=${afterId}`, {
        headers: { 'Lamport-Time': `${sent}`, Accept: 'application/x-ndjson' },
      })
      .catch(() => undefined);
    if (answer?.status !== 200) return;
    const shown = messagesIn(answer.body);
    const call = { client, node: node.id, beganAt, endedAt: now(), token: sent, ...tokenIn(answer) };
    events.push({ kind: 'read', ...call, linearizable: false, afterId, shown, complete: true });
    learn(call.tokenAfter, shown.at(-1)?.id);
  };
  const wander = async (): Promise<void> => {
    for (let n = number; !stopping; n++) {
      const [writer, reader] = [cluster.node((n % 3) + 1), cluster.node(((n + 1) % 3) + 1)];
      if (await write(writer, `wanderer-${number}-${n}`)) await read(reader);
    }
  };
  const wandering = wander();
  return {
    stop: async () => {
      stopping = true;
      await wandering;
      return events;
    },
  };
}

Sessions('sees what it wrote, on whichever node, and never less than before', async () => {
  await withRunningCluster({}, async (cluster) => {
    const wanderers = Array.from({ length: 12 }, (_, number) => startWandering(cluster, number));
    const load = startLoad({ targets: cluster.targets, connections: 4, thinkMs: 2 });
    const clients: readonly { stop(): Promise<readonly Event[]> }[] = [load, ...wanderers];
    let events: readonly Event[] = [];
    try {
      for (let round = 0; round < 2; round++) {
        await load.progress(300);
        const leader = await cluster.leader();
        await leader.kill();
        await load.progress(300);
        leader.start();
        await cluster.ready(leader.id);
      }
    } finally {
      events = (await Promise.all(clients.map((client) => client.stop()))).flat();
    }
    assert.equal(await cluster.faults(events), []);
    const steps = events.filter(({ kind }) => kind === 'read').length;
    assert.ok(steps > 200, `${steps} steps`);
    tell(`${steps} steps of writing here and reading there`);
  });
});

/** Follows the log of a node by server-sent events; when the connection ends it goes to the next node and resumes. */
class Follower {
  readonly #nodes: readonly RealNode[];
  readonly #client = newClient();
  readonly #records: Tail[] = [];
  #close = (): void => {};
  #ended = false;
  resumed = 0;
  newestId = 0;

  constructor(...nodes: readonly RealNode[]) {
    this.#nodes = nodes;
    this.#follow();
  }

  end(): void {
    this.#ended = true;
    this.#close();
  }

  /** What was shown until now; one record for each connection. */
  get tails(): readonly Tail[] {
    return this.#records.map((record) => ({ ...record, endedAt: Math.min(record.endedAt, now()) }));
  }

  #follow(): void {
    if (this.#ended) return;
    const node = this.#nodes[this.resumed % this.#nodes.length];
    const afterId = this.newestId;
    const beganAt = now();
    const asked = request(
      {
        host: '127.0.0.1',
        port: node?.port,
        path: '/messages',
        headers: { Accept: 'text/event-stream', ...(afterId > 0 && { 'Last-Event-ID': `${afterId}` }) },
        agent: false,
      },
      (response) => {
        const shown: ShownMessage[] = [];
        const open: Tail = {
          kind: 'tail',
          client: this.#client,
          node: node?.id ?? 0,
          beganAt,
          endedAt: Number.POSITIVE_INFINITY,
          afterId,
          shown,
          tokenAfter: Number(response.headers['lamport-time']),
        };
        const place = this.#records.push(open) - 1;
        this.#read(response, shown);
        response.on('close', () => {
          this.#records[place] = { ...open, endedAt: now() };
        });
      },
    );
    this.#close = () => asked.destroy();
    asked.on('error', () => {});
    asked.on('close', () => {
      this.resumed++;
      setTimeout(() => this.#follow(), 10);
    });
    asked.end();
  }

  #read(response: IncomingMessage, shown: ShownMessage[]): void {
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data: ')) shown.push(messageOf(JSON.parse(line.slice(6))));
      this.newestId = shown.at(-1)?.id ?? this.newestId;
    });
    response.on('error', () => {});
  }
}

Tails('shows every message once and in order, whether its node dies or another', async () => {
  await withRunningCluster({}, async (cluster) => {
    const onFollower = new Follower(cluster.node(1));
    const onLeader = new Follower(cluster.node(3), cluster.node(2));
    const load = startLoad({ targets: cluster.targets, connections: 8 });
    try {
      await load.progress(500);
      await cluster.kill(3);
      await load.progress(500);
      const operations = await load.stop();
      const log = messagesIn(await cluster.node(1).messages());
      for (const tail of [onFollower, onLeader])
        await until('the tail to show the newest', () => (tail.newestId === log.length ? true : undefined));
      // Each goes on where it was, without holes or repeats.
      for (const { tails } of [onFollower, onLeader])
        assert.is(
          tails.reduce((count, { shown }) => count + shown.length, 0),
          log.length,
        );
      assert.equal(await cluster.faults([...operations, ...onFollower.tails, ...onLeader.tails], 1, 2), []);
      assert.is(onFollower.resumed, 0);
      assert.ok(onLeader.resumed >= 1);
      tell(`${log.length} messages; the tail of the killed node went on at another`);
    } finally {
      onFollower.end();
      onLeader.end();
      await load.stop();
    }
  });
});

for (const each of [Sessions, Tails]) each.run();
