/** Real nodes while strangers flood their ports: the leader stays, and who is connected goes on working. */
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { answerChallenge } from '../../transport/handshake.ts';
import { startLoad } from '../support/loadClient.ts';
import { patient, type RealCluster, tell, until, untilTrue, withRunningCluster } from '../support/realCluster.ts';

const host = '127.0.0.1';
const clusterSecret = 'a-secret-of-this-test-run';

/** Opens connections and keeps them; each says something, or nothing. */
class Flood {
  readonly #sockets = new Set<Socket>();
  opened = 0;
  ended = 0;

  /** As many at once as one machine can open without running out of anything. */
  async open(port: number, count: number, say: (n: number) => string | Buffer): Promise<void> {
    for (let n = 0; n < count; n++) {
      const socket = connect({ host, port });
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.on('connect', () => {
        this.opened++;
        const words = say(n);
        if (words.length > 0) socket.write(words);
      });
      socket.on('close', () => {
        this.ended++;
        this.#sockets.delete(socket);
      });
      if (n % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await untilTrue('all to be opened or refused', () => this.opened + this.ended >= count);
  }
  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** What must not have moved meanwhile: asked over connections that are kept, since new ones may be refused. */
class Watch {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #cluster: RealCluster;

  constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }
  async reign(): Promise<Record<string, unknown>> {
    const { is_leader } = await this.#ask(this.#cluster.node(3).port, '/health');
    const { leader_elections } = await this.#ask(this.#cluster.node(2).port, '/metrics');
    return { is_leader, leader_elections };
  }
  #ask(port: number, path: string): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const asked = request(
        { host, port, path, agent: this.#agent, signal: AbortSignal.timeout(10_000) },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
          response.on('end', () => resolve(JSON.parse(text) as Record<string, unknown>));
        },
      );
      asked.on('error', reject);
      asked.end();
    });
  }
  end(): void {
    this.#agent.destroy();
  }
}

/** Runs a flood beside writes through kept connections; gives back when it is over. */
async function underLoad(cluster: RealCluster, flood: (flood: Flood) => Promise<void>): Promise<void> {
  const load = startLoad({ targets: cluster.targets, connections: 12, patienceMs: 10_000 });
  const strangers = new Flood();
  const watch = new Watch(cluster);
  try {
    await load.progress(200);
    const before = await watch.reign();
    assert.is(before.is_leader, true);
    await flood(strangers);
    await load.progress(300);
    assert.equal(await watch.reign(), before, 'the leader stays');
    tell(`${strangers.opened} connections, ${strangers.ended} of them ended by the nodes`);
    strangers.end();
    await load.progress(200);
  } finally {
    strangers.end();
    watch.end();
    await load.stop();
  }
  const operations = await load.stop();
  assert.equal(Object.keys(load.counts), ['done'], JSON.stringify(load.counts));
  assert.equal(await cluster.faults(operations), []);
}

const Clients = suite('a flood of the client port');

Clients('beyond what a node takes leaves its peers and its kept connections alone', async () => {
  await withRunningCluster({ env: { ...patient, MAX_CONNECTIONS: '200' } }, async (cluster) => {
    const asked = 'GET /leader HTTP/1.1\r\nHost: localhost\r\n\r\n';
    await underLoad(cluster, async (flood) => {
      const sayings = [
        '',
        'GET /messages HTTP/1.1\r\nHost: local',
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx',
        asked,
      ];
      for (const { port } of cluster.targets) await flood.open(port, 600, (n) => sayings[n % sayings.length] ?? '');
    });
    // Once it is over, everybody gets in again.
    for (const node of cluster.nodes) {
      await untilTrue(`${node.id} to take connections`, async () => (await node.health())?.status === 200);
    }
  });
});

const Strangers = suite('a flood of the peer port');

Strangers('by silence, half an upgrade and noise leaves the peers connected, and lets a restarted one in', async () => {
  await withRunningCluster({ env: patient }, async (cluster) => {
    const upgrade =
      'GET /peer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    const sayings = ['', upgrade.slice(0, 60), upgrade, `${upgrade}${'x'.repeat(500)}`, '\x16\x03\x01\x02\x00\x01'];
    await underLoad(cluster, async (flood) => {
      for (const { peerPort } of cluster.nodes)
        await flood.open(peerPort, 400, (n) => sayings[n % sayings.length] ?? '');
    });
    const again = new Flood();
    try {
      await cluster.kill(1);
      for (const { peerPort } of cluster.nodes.slice(1)) await again.open(peerPort, 300, () => upgrade);
      cluster.start(1);
      await cluster.ready(1);
    } finally {
      again.end();
    }
  });
});

/** Greets node 1 as `id`, which knows the secret, and says these frames behind it. */
async function impersonate(port: number, id: number, frames: readonly Buffer[]): Promise<void> {
  const socket = new WebSocket(`ws://${host}:${port}/peer`);
  socket.on('error', () => {});
  let heard = 0;
  socket.on('message', (data) => {
    heard++;
    if (heard === 1) {
      const answered = answerChallenge({ id, secret: clusterSecret, nonce: Buffer.alloc(32, id) }, 1, data as Buffer);
      if (answered.ok) socket.send(answered.answer);
    } else for (const frame of frames) socket.send(frame);
  });
  await new Promise((resolve) => socket.on('close', resolve));
  assert.ok(heard >= 2, 'it was let in');
}

Strangers('by one that knows the secret and talks nonsense is cut off each time, and the leader stays', async () => {
  await withRunningCluster({ env: patient }, async (cluster) => {
    const target = cluster.node(1);
    await underLoad(cluster, async () => {
      const nonsense = [
        Buffer.alloc(40, 7),
        Buffer.from([4, 0, 0, 0, 0]),
        Buffer.alloc(100_000, 0xff),
        Buffer.alloc(0),
      ];
      // In the name of the follower 2: the leader's own connections are not touched.
      for (let n = 0; n < 20; n++) await impersonate(target.peerPort, 2, [nonsense[n % nonsense.length] as Buffer]);
    });
    await until('the true node 2 to be connected again', async () => {
      const text = (await target.call('/metrics', { headers: { Accept: 'text/plain' } })).body.toString();
      return /dlog_peer_up\{peer="2"\} 1/.test(text) ? true : undefined;
    });
    assert.is(
      target.logLines().some(({ event }) => event === 'crashed' || event === 'node_failed'),
      false,
    );
  });
});

for (const each of [Clients, Strangers]) each.run();
