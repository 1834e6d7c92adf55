/**
 * The connection of this page with its node: the WebSocket `/live` (http/live/protocol.ts), held for ever.
 *
 *   connecting --hello--> live --no tick for 3 s--> stale --tick--> live
 *       |                   +----------closed---------+
 *       +------closed------>+                         v
 *                           reconnecting --hello--> live          any --hello of another version--> mismatch, for good
 *
 * F1. Who waits longer each time does so by chance too: a node that comes back is not met by all its pages at once.
 * F2. A hidden page wants nothing, and is not called stale for getting nothing.
 * F3. A socket that says nothing for long although something is wanted is given up: it may be dead without knowing.
 * Outside it meets the world by ports only, so that tests turn its clock.
 */
import type { liveVersion, ToClient, Want } from '../http/live/protocol.ts';

/** Does not compile when the node has moved on to another version. */
export const understoodVersion: typeof liveVersion = 4;

export const firstRetryMs = 250;
export const lastRetryMs = 10_000;
export const staleAfterMs = 3000;
export const giveUpAfterMs = 10_000;

export type Connection =
  | { readonly kind: 'connecting'; readonly sinceMs: number }
  | { readonly kind: 'live' }
  | { readonly kind: 'stale'; readonly sinceMs: number }
  | { readonly kind: 'reconnecting'; readonly attempt: number; readonly nextAtMs: number }
  | { readonly kind: 'mismatch'; readonly version: number };

export interface FeedSocket {
  send(text: string): void;
  close(): void;
}
export interface SocketListener {
  opened(): void;
  received(text: string): void;
  /** Once, whatever ended it; also what never opened. */
  closed(): void;
}
export interface FeedPorts {
  open(listener: SocketListener): FeedSocket;
  now(): number;
  /** 0 to 1. */
  dice(): number;
  /** Returns what takes it back. */
  later(delayMs: number, task: () => void): () => void;
}
export interface FeedListener {
  changed(connection: Connection): void;
  received(message: ToClient): void;
}

const nothing: Want = { type: 'want', trace: false, actors: false, oneOf: 1, everyMs: 0 };

export class Feed {
  readonly #ports: FeedPorts;
  readonly #listener: FeedListener;
  #connection: Connection;
  #socket: FeedSocket | undefined;
  /** Calls of an older socket are nobody's. */
  #life = 0;
  #attempt = 0;
  #greeted = false;
  #want: Want = nothing;
  #hidden = false;
  #heardAtMs = 0;
  #cancelRetry: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;

  constructor(ports: FeedPorts, listener: FeedListener) {
    this.#ports = ports;
    this.#listener = listener;
    this.#connection = { kind: 'connecting', sinceMs: ports.now() };
  }

  start(): void {
    this.#listener.changed(this.#connection);
    this.#dial();
  }

  /** What the page shows now; said again to each new connection. */
  want(want: Omit<Want, 'type'>): void {
    this.#want = { type: 'want', ...want };
    this.#sayWant();
  }

  /** F2. */
  hide(hidden: boolean): void {
    if (this.#hidden === hidden) return;
    this.#hidden = hidden;
    this.#heardAtMs = this.#ports.now();
    this.#sayWant();
    if (!hidden && this.#connection.kind === 'reconnecting') this.#dial(); // Somebody looks again: at once.
  }

  retryNow(): void {
    if (this.#connection.kind === 'reconnecting') this.#dial();
  }

  #sayWant(): void {
    if (this.#greeted) this.#socket?.send(JSON.stringify(this.#hidden ? nothing : this.#want));
  }

  #become(connection: Connection): void {
    this.#connection = connection;
    this.#listener.changed(connection);
  }

  #dial(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const life = ++this.#life;
    const isCurrent = (): boolean => life === this.#life;
    this.#greeted = false;
    this.#heardAtMs = this.#ports.now();
    this.#socket = this.#ports.open({
      opened: () => undefined, // Only the greeting proves that a node is there.
      received: (text) => {
        if (isCurrent()) this.#receive(text);
      },
      closed: () => {
        if (isCurrent()) this.#lose();
      },
    });
    this.#watch();
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as ToClient;
    this.#heardAtMs = this.#ports.now();
    if (message.type === 'hello') {
      if (message.version !== understoodVersion) return this.#part(message.version);
      this.#greeted = true;
      this.#attempt = 0;
      this.#sayWant();
    }
    if (!this.#greeted) return;
    if (this.#connection.kind !== 'live') this.#become({ kind: 'live' });
    this.#listener.received(message);
  }

  #part(version: number): void {
    this.#abandon();
    this.#cancelWatch?.();
    this.#become({ kind: 'mismatch', version });
  }

  #abandon(): void {
    this.#life++;
    this.#socket?.close();
    this.#socket = undefined;
  }

  #lose(): void {
    this.#abandon();
    this.#cancelWatch?.();
    const longest = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#attempt);
    const delayMs = longest * (0.5 + 0.5 * this.#ports.dice()); // F1.
    this.#attempt++;
    this.#become({ kind: 'reconnecting', attempt: this.#attempt, nextAtMs: this.#ports.now() + delayMs });
    this.#cancelRetry = this.#ports.later(delayMs, () => this.#dial());
  }

  /** Looks at the silence; the answer is the same however often it looks. */
  #watch(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = this.#ports.later(500, () => {
      const silentMs = this.#ports.now() - this.#heardAtMs;
      const isAwaited = !this.#greeted || (!this.#hidden && this.#want.everyMs > 0);
      if (isAwaited && silentMs >= giveUpAfterMs) return this.#lose(); // F3.
      if (isAwaited && silentMs >= staleAfterMs && this.#connection.kind === 'live') {
        this.#become({ kind: 'stale', sinceMs: this.#heardAtMs });
      }
      this.#watch();
    });
  }
}
