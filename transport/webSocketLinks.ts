/**
 * WebSocketLinks: the Links port over WebSockets, on a port of its own that only peers use.
 *
 *   listener: TCP -> upgrade of /peer -> challenge -> answer judged -> accept     anything else: closed, with a reason
 *   dialler:  TCP -> upgrade          -> answer    -> welcome judged -> opened    (handshake.ts)
 *
 * L1. Nobody hears of a connection before both sides have proved that they know the cluster's secret.
 * L2. Until then a stranger costs a bounded number of sockets, each for a bounded time and `greetingBytesMax` bytes.
 * L3. A dial ends in `opened` or `closed` within `greetingDeadlineMs`, `closed` with a reason that a person can read.
 *     `byThisSide` is false only when the other side or the network said so, never for mere silence (R19).
 * L4. No error event of a socket reaches the process. An exception of a handler does: it is a bug of the node.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import type { Connection, ConnectionHandlers, Links } from '../actors/ports.ts';
import type { NodeId } from '../actors/protocol/epoch.ts';
import {
  answerChallenge,
  encodeChallenge,
  judgeAnswer,
  judgeWelcome,
  nonceBytes,
  peerProtocolVersion,
  type Self,
} from './handshake.ts';
import {
  closeCodes,
  closeReasonText,
  closeTimeoutMs,
  describeClose,
  describeError,
  PeerConnection,
} from './peerConnection.ts';
import { Refusals, type RefusedGreeting } from './refusals.ts';
import { WaitingRoom } from './waitingRoom.ts';

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

export interface WebSocketLinksOptions {
  readonly self: NodeId;
  /** All other voters. Read at each dial and greeting. */
  readonly peers: ReadonlyMap<NodeId, PeerAddress>;
  /** Where to listen; port 0 takes any free one. */
  readonly host: string;
  readonly port: number;
  /** Shared by the cluster; never empty. */
  readonly secret: string;
  readonly greetingDeadlineMs?: number;
  /** A batch has at most 8 MiB, and a message something around it. */
  readonly maxFrameBytes?: number;
  /** Sockets that have not greeted yet; and of these, how many of one address. */
  readonly maxPendingGreetings?: number;
  readonly maxPendingGreetingsPerAddress?: number;
  /** Hears of those who called and were refused, now and then (refusals.ts F1). */
  readonly onRefused?: (refused: RefusedGreeting) => void;
  /** Authenticated connections with one peer; beyond it the oldest is closed. The node itself keeps one. */
  readonly maxConnectionsPerPeer?: number;
}

export interface LinkCounts {
  /** Authenticated, and strangers that have not greeted yet. */
  readonly connections: number;
  readonly waiting: number;
  /** Strangers turned out since the start: at a bound, and at the deadline. */
  readonly displaced: number;
  readonly expired: number;
}

const defaults = {
  greetingDeadlineMs: 2_000,
  maxFrameBytes: 9 * 1024 * 1024,
  maxPendingGreetings: 64,
  maxPendingGreetingsPerAddress: 32,
  maxConnectionsPerPeer: 8,
  onRefused: (_: RefusedGreeting): void => {},
};

const path = '/peer';
/** All frames of a greeting together have less than 200. */
const greetingBytesMax = 1_024;

type DialHandlers = ConnectionHandlers & { opened(connection: Connection): void };
type Accept = (connection: Connection) => ConnectionHandlers;

export class WebSocketLinks implements Links {
  readonly #options: Required<WebSocketLinksOptions>;
  readonly #server: Server;
  readonly #upgrades: WebSocketServer;
  readonly #waiting: WaitingRoom;
  readonly #refusals: Refusals;
  readonly #connections = new Set<PeerConnection>();
  readonly #dials = new Set<WebSocket>();
  readonly #sockets = new Set<Socket>();
  #accept: Accept | undefined;
  #stopped = false;

  constructor(options: WebSocketLinksOptions) {
    this.#options = { ...defaults, ...options };
    if (options.secret === '') throw new Error('the cluster secret is empty: set one, the same on all nodes');
    const { greetingDeadlineMs, maxPendingGreetings, maxPendingGreetingsPerAddress } = this.#options;

    this.#refusals = new Refusals(() => performance.now(), this.#options.onRefused);
    this.#waiting = new WaitingRoom({
      capacity: maxPendingGreetings,
      capacityPerAddress: maxPendingGreetingsPerAddress,
      deadlineMs: greetingDeadlineMs,
    });
    this.#upgrades = new WebSocketServer({ noServer: true, clientTracking: false, ...this.#webSocketOptions() });
    this.#server = createServer(
      {
        headersTimeout: greetingDeadlineMs,
        requestTimeout: greetingDeadlineMs,
        connectionsCheckingInterval: greetingDeadlineMs,
        keepAliveTimeout: 1,
        maxHeaderSize: 4_096,
      },
      (request, response) => {
        const status = pathOf(request) === path ? 426 : 404;
        const text = status === 426 ? 'this port takes WebSockets of peers only\n' : 'not here\n';
        response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(text);
      },
    );
    this.#server.on('connection', (socket) => {
      socket.on('error', ignore); // L4. Its `close` event says the same.
      this.#track(socket);
      this.#waiting.enter(socket);
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
  }

  /** Binds the port; connections are taken once `listen` was called. Fails with what, why and what to do. */
  start(): Promise<PeerAddress> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (cause: NodeJS.ErrnoException): void =>
        reject(new Error(explainListenError(cause, host, port), { cause }));
      this.#server.once('error', fail);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', fail);
        this.#server.on('error', ignore); // For instance EMFILE while accepting: that socket is lost, not the node.
        resolve({ host, port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  /** Closes the port and all connections; takes about `closeTimeoutMs` at most. Dials do nothing afterwards. */
  stop(): Promise<void> {
    this.#stopped = true;
    for (const connection of this.#connections) connection.close('the node stops');
    for (const dial of this.#dials) dial.terminate();
    this.#waiting.clear();
    const gone = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    const closed = new Promise((resolve) => this.#server.close(resolve));
    return Promise.all([closed, ...gone]).then(() => {});
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** For metrics and tests. */
  get counts(): LinkCounts {
    const { size: waiting, displaced, expired } = this.#waiting;
    return { connections: this.#connections.size, waiting, displaced, expired };
  }

  /** Peers whose secret has lately been another one, as it seems: who called has not proved who it is. */
  get wrongSecretWith(): readonly NodeId[] {
    return this.#refusals.wrongSecretWith;
  }

  listen(accept: Accept): void {
    this.#accept = accept;
  }

  dial(peer: NodeId, handlers: DialHandlers): void {
    if (this.#stopped) return;
    const address = this.#options.peers.get(peer);
    if (!address) {
      fail(handlers, `unknown id ${peer}: not a peer of node ${this.#options.self}`);
      return;
    }
    let webSocket: WebSocket;
    try {
      webSocket = new WebSocket(urlOf(address), this.#webSocketOptions());
    } catch (error) {
      fail(handlers, `${address.host}:${address.port} is no address: ${describeError(error as Error)}`);
      return;
    }
    this.#greetListener(webSocket, peer, handlers);
  }

  /** The dialler's side of the greeting. */
  #greetListener(webSocket: WebSocket, peer: NodeId, handlers: DialHandlers): void {
    const { greetingDeadlineMs } = this.#options;
    const self = this.#newSelf();
    let socket: Socket | undefined;
    let error: Error | undefined;
    let ended = false;
    let releaseLimit = ignore;

    const end = (): boolean => {
      if (ended) return false;
      ended = true;
      clearTimeout(deadline);
      this.#dials.delete(webSocket);
      releaseLimit();
      return true;
    };
    const giveUp = (reason: string): void => {
      if (!end()) return;
      webSocket.removeAllListeners('message');
      endSoon(webSocket, reason);
      this.#refusals.dialled(peer, reason);
      handlers.closed({ byThisSide: true, reason });
    };
    const deadline = setTimeout(() => giveUp(`no answer within ${greetingDeadlineMs} ms`), greetingDeadlineMs);

    this.#dials.add(webSocket);
    webSocket.on('error', (cause) => {
      error = cause;
    });
    webSocket.on('close', (code, reason) => {
      if (!end()) return;
      if (this.#stopped) handlers.closed({ byThisSide: true, reason: 'the node stops' });
      else {
        const why = describeClose(code, reason, error);
        this.#refusals.dialled(peer, why);
        handlers.closed({ byThisSide: false, reason: why });
      }
    });
    webSocket.once('upgrade', (response) => {
      socket = response.socket;
      this.#track(socket);
    });
    webSocket.once('open', () => {
      if (socket) releaseLimit = limitBytes(socket);
    });
    webSocket.once('message', (challenge: RawData) => {
      const answered = answerChallenge(self, peer, challenge as Buffer);
      if (!answered.ok) return giveUp(answered.refusal);
      webSocket.send(answered.answer);
      webSocket.once('message', (welcome: RawData) => {
        const verdict = judgeWelcome(self, answered.greeting, welcome as Buffer);
        if (!verdict.ok || !socket) return giveUp(verdict.ok ? 'no socket' : verdict.refusal);
        if (!end()) return;
        const connection = this.#connect(webSocket, socket, peer, true);
        connection.attach(handlers);
        handlers.opened(connection);
      });
    });
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    if (pathOf(request) !== path) refuseUpgrade(socket);
    else if (head.length > greetingBytesMax) socket.destroy();
    else this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => this.#greetDialler(webSocket, socket));
  }

  /** The listener's side of the greeting. The waiting room holds the deadline. */
  #greetDialler(webSocket: WebSocket, socket: Socket): void {
    const self = this.#newSelf();
    const releaseLimit = limitBytes(socket);
    webSocket.on('error', ignore);
    webSocket.send(encodeChallenge({ version: peerProtocolVersion, listener: self.id, nonce: self.nonce }));
    webSocket.once('message', (answer: RawData) => {
      const verdict = judgeAnswer(self, (id) => this.#options.peers.has(id), answer as Buffer);
      if (!verdict.ok) {
        const { refusal, claimed = null } = verdict;
        this.#refusals.called({ address: socket.remoteAddress ?? 'unknown', claimed, refusal });
        return endSoon(webSocket, refusal);
      }
      if (!this.#accept || this.#stopped) return endSoon(webSocket, `node ${self.id} takes no connections now`);
      this.#waiting.leave(socket);
      releaseLimit();
      webSocket.send(verdict.welcome);
      const connection = this.#connect(webSocket, socket, verdict.dialler, false);
      connection.attach(this.#accept(connection));
    });
  }

  #connect(webSocket: WebSocket, socket: Socket, peer: NodeId, dialled: boolean): PeerConnection {
    const { maxFrameBytes, maxConnectionsPerPeer } = this.#options;
    const ofPeer = [...this.#connections].filter((connection) => connection.peer === peer);
    if (ofPeer.length >= maxConnectionsPerPeer)
      ofPeer[0]?.close(`more than ${maxConnectionsPerPeer} connections of one peer`);
    const onClosed = (closed: PeerConnection): void => void this.#connections.delete(closed);
    const connection = new PeerConnection({ peer, dialled, webSocket, socket, maxFrameBytes, onClosed });
    this.#connections.add(connection);
    this.#refusals.greeted(peer);
    return connection;
  }

  #newSelf(): Self {
    const { self, secret } = this.#options;
    return { id: self, secret, nonce: randomBytes(nonceBytes) };
  }

  #webSocketOptions() {
    return {
      perMessageDeflate: false,
      maxPayload: this.#options.maxFrameBytes,
      maxFragments: 1, // Nodes send whole frames; each tiny fragment would cost a hundred times its bytes.
      closeTimeout: closeTimeoutMs,
      autoPong: false, // Nodes ask each other in frames of their own; a flood of pings is read and forgotten.
      followRedirects: false,
      generateMask: noMask,
    };
  }
}

const ignore = (): void => {};

/**
 * A mask of zeros, which ws need not apply: it saves each side a pass over the bytes, and the dialler a copy. Masking keeps
 * web pages from writing requests into caches on the way (RFC 6455 §10.3); peers are no browsers and have no proxies.
 */
const noMask = (mask: Buffer): void => void mask.fill(0);

const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?', 1)[0] ?? '';
const urlOf = ({ host, port }: PeerAddress): string => `ws://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;

const fail = (handlers: ConnectionHandlers, reason: string): void =>
  process.nextTick(() => handlers.closed({ byThisSide: true, reason }));

/**
 * L2: destroys the socket when more comes than a greeting has; returns how to lift the limit. Only after ws has its own
 * listener: an earlier one would set the socket flowing and take what came together with the upgrade.
 */
function limitBytes(socket: Socket): () => void {
  let bytes = 0;
  let lifted = false;
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > greetingBytesMax && !lifted) socket.destroy();
  };
  socket.on('data', count);
  return () => {
    lifted = true; // The chunk that ended the greeting may hold more, and is still on its way to this listener.
    socket.off('data', count);
  };
}

/** Tells the other side why; ws destroys the socket after `closeTimeoutMs`. */
function endSoon(webSocket: WebSocket, reason: string): void {
  if (webSocket.readyState === WebSocket.CONNECTING) webSocket.terminate();
  else webSocket.close(closeCodes.refused, closeReasonText(reason));
}

function refuseUpgrade(socket: Socket): void {
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  socket.destroySoon();
}

function explainListenError(error: NodeJS.ErrnoException, host: string, port: number): string {
  const what = `cannot listen for peers on ${host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${what}: another process has this port; stop it, or choose another port for peers`;
    case 'EADDRNOTAVAIL':
      return `${what}: this machine has no such address; choose one of its own, or 0.0.0.0 for all`;
    case 'EACCES':
      return `${what}: not permitted; choose a port above 1023`;
    default:
      return `${what}: ${error.message}`;
  }
}
