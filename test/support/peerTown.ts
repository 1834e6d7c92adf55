/** Real nodes' links on loopback, with strangers and impostors beside them: for the tests of the sockets themselves. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { CloseReason, Connection } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { answerChallenge } from '../../transport/handshake.ts';
import { type PeerAddress, WebSocketLinks, type WebSocketLinksOptions } from '../../transport/webSocketLinks.ts';

export const secret = 'a secret';
export const host = '127.0.0.1';
export const nonce = Buffer.alloc(32, 9);

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 30_000; // A hang, not a measure.
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** One node's links that note what they hear. */
export class Node {
  readonly links: WebSocketLinks;
  readonly connections: Connection[] = [];
  readonly frames: Buffer[] = [];
  readonly closes: CloseReason[] = [];
  constructor(options: WebSocketLinksOptions) {
    this.links = new WebSocketLinks(options);
  }
  readonly #handlers = {
    frame: (frame: Buffer) => void this.frames.push(frame),
    closed: (reason: CloseReason) => void this.closes.push(reason),
  };
  listen(): void {
    this.links.listen((connection) => {
      this.connections.push(connection);
      return this.#handlers;
    });
  }
  dial(peer: NodeId): void {
    this.links.dial(peer, { ...this.#handlers, opened: (connection) => void this.connections.push(connection) });
  }
  get reason(): string {
    return this.closes[0]?.reason ?? '';
  }
}

export interface Town {
  readonly addresses: Map<NodeId, PeerAddress>;
  node(id: NodeId, changes?: Partial<WebSocketLinksOptions>): Promise<Node>;
  /** Node 2 has dialled node 1. */
  pair(
    changes?: Partial<WebSocketLinksOptions>,
  ): Promise<{ one: Node; two: Node; here: Connection; there: Connection }>;
  /** A WebSocket of somebody else, open. */
  stranger(address: PeerAddress): Promise<Stranger>;
  /** A listener that is no node, in the place of node 1. */
  impostor(greet: (socket: WebSocket) => void): Promise<void>;
  socket(address: PeerAddress): Promise<Socket>;
}

export interface Stranger {
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly received: Buffer[];
  ended: { readonly code: number; readonly reason: string } | undefined;
  /** Waits for the challenge. */
  challenge(): Promise<Buffer>;
  /** Greets as a node that knows the secret. */
  greet(id: NodeId, listener: NodeId): Promise<Buffer>;
}

/** A test body that is given a town of its own, which is closed afterwards. */
export function inTown(body: (town: Town) => Promise<void>): () => Promise<void> {
  return async () => {
    const addresses = new Map<NodeId, PeerAddress>([1, 2, 3].map((id) => [id, { host, port: 1 }]));
    const endings: (() => unknown)[] = [];
    const town: Town = {
      addresses,
      node: async (self, changes = {}) => {
        // A greeting is a matter of milliseconds; of seconds where the machine has much else to do.
        const node = new Node({
          self,
          peers: addresses,
          host,
          port: 0,
          secret,
          greetingDeadlineMs: 10_000,
          ...changes,
        });
        endings.push(() => node.links.stop());
        addresses.set(self, await node.links.start());
        node.listen();
        return node;
      },
      pair: async (changes) => {
        const one = await town.node(1, changes);
        const two = await town.node(2);
        two.dial(1);
        await until(() => one.connections.length + two.connections.length === 2, 'open');
        return { one, two, here: two.connections[0] as Connection, there: one.connections[0] as Connection };
      },
      stranger: async ({ port }) => {
        const webSocket = new WebSocket(`ws://${host}:${port}/peer`);
        endings.push(() => webSocket.terminate());
        const received: Buffer[] = [];
        let socket: Socket | undefined;
        webSocket.on('upgrade', (response) => (socket = response.socket));
        webSocket.on('message', (data) => received.push(data as Buffer));
        webSocket.on('error', () => {});
        webSocket.on('close', (code, reason) => (stranger.ended = { code, reason: String(reason) }));
        await once(webSocket, 'open');
        const stranger: Stranger = {
          webSocket,
          socket: socket as Socket,
          received,
          ended: undefined,
          challenge: async () => {
            await until(() => received.length > 0, 'a challenge');
            return received[0] as Buffer;
          },
          greet: async (id, listener) => {
            const answered = answerChallenge({ id, secret, nonce }, listener, await stranger.challenge());
            if (!answered.ok) throw new Error(answered.refusal);
            webSocket.send(answered.answer);
            await until(() => received.length > 1, 'a welcome');
            return answered.answer;
          },
        };
        return stranger;
      },
      impostor: async (greet) => {
        const server = new WebSocketServer({ host, port: 0 });
        await once(server, 'listening');
        server.on('connection', greet);
        endings.push(() => server.close());
        const address = server.address();
        if (typeof address === 'object' && address !== null) addresses.set(1, { host, port: address.port });
      },
      socket: async ({ port }) => {
        const socket = connect({ host, port });
        socket.on('error', () => {});
        endings.push(() => socket.destroy());
        await once(socket, 'connect');
        return socket;
      },
    };
    try {
      await body(town);
    } finally {
      await Promise.all(endings.reverse().map((end) => end()));
    }
  };
}

export const addressOf = (town: Town, id: NodeId): PeerAddress => town.addresses.get(id) as PeerAddress;
