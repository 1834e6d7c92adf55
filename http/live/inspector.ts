/**
 * `GET /inspect` as a WebSocket: what the actors of this node do, in the form of Stately's inspector: JSON texts of the
 * types `@xstate.actor`, `@xstate.event` and `@xstate.snapshot`.
 *
 * I1. Only where inspection is switched on, and for whoever sits at this machine; for others it does not exist.
 * I2. Attached to the actors only while somebody listens. Who cannot keep up loses records, never gets a queue: beyond
 *     `maxUnreadBytes` and `recordsMax` a second they are dropped unmade, and the next one says how many (`dropped`).
 */
import type { Context } from 'koa';
import { refuse } from '../answer.ts';
import { isLocal } from '../chaos.ts';
import type { Edge } from '../edge.ts';
import { Refusal } from '../errors.ts';
import { watch } from '../liveness.ts';
import { acceptWebSocket, opensReads, type ServerSocket } from '../upgrades.ts';
import { brokenBy, outletOf } from './route.ts';
import type { Outlet } from './viewers.ts';

/** One thing that happened inside; `make` is costly. Returns what ends it. */
export type Inspect = (take: (make: () => object) => void) => () => void;

const recordsMax = 1000;
const maxUnreadBytes = 1024 * 1024;
const listenersMax = 4;
/** Of the form, not of this program. */
const formVersion = '0.4.0';

interface Listener {
  readonly outlet: Outlet;
  readonly end: () => void;
  dropped: number;
}

export class Inspector {
  readonly #inspect: Inspect;
  readonly #listeners = new Map<Listener, () => void>();
  #window = { since: 0, count: 0 };
  #id = 0;

  constructor(inspect: Inspect) {
    this.#inspect = inspect;
  }

  get isFull(): boolean {
    return this.#listeners.size >= listenersMax;
  }

  stop(): void {
    for (const { end } of [...this.#listeners.keys()]) end();
  }

  /** Returns what ends it. */
  enter(outlet: Outlet, end: () => void): () => void {
    const listener: Listener = { outlet, end, dropped: 0 };
    const detach = this.#inspect((make) => this.#take(listener, make));
    this.#listeners.set(listener, detach);
    return () => {
      if (this.#listeners.delete(listener)) detach();
    };
  }

  #take(listener: Listener, make: () => object): void {
    if (this.#isTooMuch() || listener.outlet.bufferedAmount > maxUnreadBytes) {
      listener.dropped++;
      return;
    }
    const { dropped } = listener;
    const said = { ...make(), id: `${++this.#id}`, createdAt: `${Date.now()}`, _version: formVersion };
    listener.outlet.send(Buffer.from(JSON.stringify(dropped > 0 ? { ...said, dropped } : said)));
    listener.dropped = 0;
  }

  /** Of all listeners together: it is the node's time that is bounded. */
  #isTooMuch(): boolean {
    const now = performance.now();
    if (now - this.#window.since >= 1000) this.#window = { since: now, count: 0 };
    return ++this.#window.count > recordsMax;
  }
}

/** Resolves when the listener has gone. */
export async function openInspect(edge: Edge, ctx: Context): Promise<void> {
  const { inspector, limits } = edge;
  if (!inspector || !isLocal(ctx)) return refuse(ctx, new Refusal('NOT_FOUND'));
  if (!opensReads(ctx.req)) return refuse(ctx, new Refusal('UPGRADE_REQUIRED'));
  if (inspector.isFull) return refuse(ctx, new Refusal('TOO_MANY_VIEWERS', 'too many inspectors'));
  const webSocket: ServerSocket | undefined = acceptWebSocket(edge.liveSockets, ctx);
  if (!webSocket) return;
  const closed = new Promise((resolve) => webSocket.once('close', resolve));
  const leave = inspector.enter(outletOf(webSocket), () => webSocket.end(1001, 'the node stops'));
  const end = (code: number, reason: string): void => {
    leave();
    webSocket.end(code, reason);
  };
  webSocket.on('error', (error) => end(...brokenBy(error)));
  webSocket.onLast = () => end(1000, '');
  const onGone = (): void => webSocket.terminate();
  const unwatch = watch(webSocket, ctx.req.socket, limits, { onGone, onStalled: onGone });
  await closed;
  unwatch();
  leave();
  ctx.state.tail = true; // How long somebody listens is no latency.
  ctx.state.status = 101;
}
