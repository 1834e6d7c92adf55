/**
 * Intake: how much of what its clients want a node takes in at a time.
 *
 *   served           while fewer than `maxWaiting` requests wait for their answers
 *   read no further  above that a connection is not read on after its next request: what comes on it stays with the
 *                    kernels, and in the end with its client, until this connection's turn comes
 *   turned away      when it has been behind for longer than `holdMs`: the client hears 503 and its connection ends, with all
 *                    that it has sent meanwhile unread, so certainly not done (RFC 9112 §9.6)
 *   refused unheard  above `maxRequests`; and of one connection above `maxPipelined`
 *
 * To read a request and refuse it costs nearly what serving it does: a node that did so with each would, at twice the load
 * that it bears, do little else. To turn a connection away costs as much as one refusal, whatever waits on it.
 *
 * K1. A request costs some kilobytes until it is answered; all together are bounded, whoever sends them.
 * K2. Connections that were stopped go on in the order in which they were stopped, as soon as fewer wait; in one turn of the event
 *     loop as many as are likely to bring `turnRequests`. Between turns the node's timers and peers have their say, so that
 *     nobody takes a busy leader for a dead one.
 * K3. `looks` times in every `holdMs` some go on however many wait: reads do not wait for writes that wait for a leader.
 * K4. What waits for its client does not count: a body that is still coming, a live tail. A connection stops behind a
 *     body, never within it.
 * K5. A node's health is told all the same, or a balancer would take it out just then. An open WebSocket is no request: it
 *     has bounds of its own.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpLimits } from './edge.ts';
import { ClientRequest } from './upgrades.ts';

/** About what a busy node puts into one batch; the last read of a turn may bring some hundred more. */
const turnRequests = 128;
/** In each `holdMs`. */
const looks = 20;
/** What node reads at once: who has sent less has nothing more to be read. */
const readBytes = 64 * 1024;

/** Why a request is refused before anybody looks at it. */
export interface Surplus {
  readonly detail: string;
  /** Its connection ends. */
  readonly closes: boolean;
}

interface Client {
  waiting: number;
  isStopped: boolean;
  /** Since when, in milliseconds of `performance.now()`, there has been more than was read. */
  behindSince: number;
  /** When it was let go on, last, and how much had been read by then. */
  wentOnAt: number;
  bytesRead: number;
  /** Requests since it was read on, last: the next time it may bring as many. */
  lately: number;
}

export interface IntakeOptions {
  readonly limits: Pick<HttpLimits, 'maxWaiting' | 'holdMs' | 'maxRequests' | 'maxPipelined'>;
  /** K4: how many of the requests that were taken wait for their clients. */
  readonly withClients: () => number;
  /** Tells the client that it may come back later, and ends its connection. */
  readonly turnAway: (socket: Socket) => void;
}

export class Intake {
  readonly #limits: IntakeOptions['limits'];
  readonly #withClients: () => number;
  readonly #turnAway: (socket: Socket) => void;
  readonly #clients = new WeakMap<Socket, Client>();
  /** In the order in which they were stopped. */
  readonly #stopped = new Set<Socket>();
  #all = 0;
  #turn: NodeJS.Immediate | undefined;
  #clock: NodeJS.Timeout | undefined;

  constructor({ limits, withClients, turnAway }: IntakeOptions) {
    this.#limits = limits;
    this.#withClients = withClients;
    this.#turnAway = turnAway;
  }

  /** Counts this request until its answer is done. */
  take(req: IncomingMessage, res: ServerResponse): Surplus | null {
    if (req instanceof ClientRequest && req.upgrade) return null;
    const client = this.#clientOf(req.socket);
    const isHealth = req.url?.startsWith('/health') === true;
    if (this.#isFull && !isHealth) this.#stopBehind(req, client);
    client.lately++;
    const { maxRequests, maxPipelined } = this.#limits;
    if (client.waiting < maxPipelined && this.#all >= maxRequests && !isHealth)
      return { detail: `${this.#all} requests of all clients wait for their answers`, closes: false };
    client.waiting++;
    this.#all++;
    res.once('close', () => this.#leave(client, 1));
    if (client.waiting <= maxPipelined) return null;
    return { detail: `more than ${maxPipelined} requests of one connection wait for their answers`, closes: true };
  }

  /** For the end of the server: nobody is stopped any more. */
  release(): void {
    for (const socket of this.#stopped) this.#goOn(socket);
  }

  get #isFull(): boolean {
    return this.#all - this.#withClients() >= this.#limits.maxWaiting;
  }

  #clientOf(socket: Socket): Client {
    const known = this.#clients.get(socket);
    if (known) return known;
    const client = { waiting: 0, isStopped: false, behindSince: 0, wentOnAt: -Infinity, bytesRead: 0, lately: 0 };
    this.#clients.set(socket, client);
    socket.once('close', () => {
      this.#stopped.delete(socket);
      // Of answers that were due behind another one node tells nothing any more.
      this.#leave(client, client.waiting);
    });
    return client;
  }

  #leave(client: Client, count: number): void {
    const left = Math.min(count, client.waiting);
    client.waiting -= left;
    this.#all -= left;
    this.#callTurn();
  }

  /** K4. Nearly always what came brought the whole body; only behind what came `complete` says so. */
  #stopBehind(req: IncomingMessage, client: Client): void {
    if (client.isStopped) return;
    const stop = (): void => this.#stop(req.socket, client);
    process.nextTick(() => {
      if (req.complete) stop();
      else req.once('end', stop);
    });
  }

  #stop(socket: Socket, client: Client): void {
    if (client.isStopped || socket.destroyed) return;
    client.isStopped = true;
    const now = performance.now();
    const isSoon = now - client.wentOnAt < this.#limits.holdMs / 2;
    if (!isSoon || socket.bytesRead - client.bytesRead < readBytes) client.behindSince = now;
    this.#stopped.add(socket);
    handleOf(socket)?.readStop?.();
    this.#waitOn();
  }

  /** When there is room for more. */
  #callTurn(): void {
    if (this.#turn || this.#stopped.size === 0 || this.#isFull) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.#takeTurn();
      this.#callTurn();
    });
  }

  #takeTurn(): void {
    let expected = 0;
    for (const socket of this.#stopped) {
      if (expected >= turnRequests) break;
      expected += Math.max(1, this.#clientOf(socket).lately);
      this.#goOn(socket);
    }
    if (this.#stopped.size > 0) this.#waitOn();
  }

  #goOn(socket: Socket): void {
    const client = this.#clientOf(socket);
    client.isStopped = false;
    client.wentOnAt = performance.now();
    client.bytesRead = socket.bytesRead;
    client.lately = 0;
    this.#stopped.delete(socket);
    const handle = handleOf(socket);
    if (handle?.reading) handle.readStart?.();
  }

  #waitOn(): void {
    this.#clock ??= setTimeout(() => {
      this.#clock = undefined;
      this.#dismiss();
      this.#takeTurn(); // K3
    }, this.#limits.holdMs / looks).unref();
  }

  /** Who is still owed an answer gets that first. */
  #dismiss(): void {
    const since = performance.now() - this.#limits.holdMs;
    for (const socket of this.#stopped) {
      const { behindSince, waiting } = this.#clientOf(socket);
      if (behindSince > since || waiting > 0) continue;
      this.#stopped.delete(socket);
      this.#turnAway(socket);
    }
  }
}

interface Handle {
  /** What node wants; only node changes it. */
  readonly reading?: boolean;
  readStart?(): void;
  readStop?(): void;
}

/**
 * The kernel's side of a connection. `socket.pause()` would not do: node's HTTP server reads on by itself when a body is
 * read, or when an answer gets out of the way. What node has not stopped it does not start either. And what it has
 * stopped, since its client takes no answers, is not started here: its parser would take what comes for an error.
 */
const handleOf = (socket: Socket): Handle | undefined => (socket as { _handle?: Handle })._handle ?? undefined;
