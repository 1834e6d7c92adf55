/**
 * The feed of the dashboard: asks the node for views while somebody looks, and sends them on, at most ten times a second.
 *
 *   node --views--> history, and what is pending of each group --every 100 ms--> viewers
 *
 * F1. While nobody looks the node is asked for nothing, and no timer but the one of the points runs.
 * F2. What is kept is bounded: one view of each node, the history, and one tick of each group.
 * F3. A viewer that comes gets `hello`, made at most ten times a second however many come.
 */
import type { NodeFacade, Watching } from '../../actors/facade.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { Chaos } from '../chaos.ts';
import { History } from './history.ts';
import { type Hello, liveVersion, type SeenView, type Want } from './protocol.ts';
import { type Arrived, asSeen, Groups, nowMs, type Outlet, Viewer } from './viewers.ts';

const tickMs = 100;
const pointMs = 1000;

export interface FeedSettings {
  readonly node: NodeFacade;
  readonly release: string;
  readonly chaos: Chaos | undefined;
  readonly inspect: boolean;
  readonly needsToken: boolean;
  /** What a viewer may have untaken before it misses ticks. */
  readonly maxUnreadBytes: number;
}

export class Feed {
  readonly #settings: FeedSettings;
  readonly #history: History;
  readonly #viewers = new Set<Viewer>();
  readonly #groups = new Groups();
  readonly #latest = new Map<NodeId, Arrived>();
  readonly #unlisten: (() => void) | undefined;
  #watch: Watching | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #pointing: NodeJS.Timeout | undefined;
  #hello: { readonly at: number; readonly frame: Buffer } | undefined;
  /** Ticks that slow viewers did not get. */
  skipped = 0;

  constructor(settings: FeedSettings) {
    this.#settings = settings;
    this.#history = new History(settings.node.status().nodeId);
    this.#unlisten = settings.chaos?.onChange(() => {
      for (const viewer of this.#viewers) viewer.owedFaults = true;
    });
  }

  get size(): number {
    return this.#viewers.size;
  }

  start(): void {
    this.#pointing ??= setInterval(() => {
      const { messagesPerSecond, averageLatencyMs, p95LatencyMs } = this.#settings.node.metrics();
      this.#history.addPoint([Date.now(), messagesPerSecond, averageLatencyMs, p95LatencyMs]);
    }, pointMs).unref();
  }

  stop(): void {
    clearInterval(this.#pointing);
    this.#unlisten?.();
    for (const viewer of [...this.#viewers]) viewer.end();
  }

  /** `end` is called when the node stops. */
  enter(outlet: Outlet, end: () => void): Viewer {
    const viewer = new Viewer(outlet, end);
    this.#viewers.add(viewer);
    viewer.owedFaults = true; // The hello may be a little old.
    outlet.send(this.#helloFrame());
    return viewer;
  }

  want(viewer: Viewer, want: Want): void {
    if (!this.#viewers.has(viewer)) return;
    this.#groups.move(viewer, { ...want, actors: want.actors && this.#settings.inspect });
    this.#look();
  }

  leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    this.#groups.leave(viewer);
    this.#look();
  }

  /** F1. */
  #look(): void {
    const wanted = this.#groups.union();
    if (wanted === undefined) {
      this.#watch?.end();
      this.#watch = undefined;
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    } else if (this.#watch) this.#watch.want(wanted);
    else {
      this.#watch = this.#settings.node.watch(wanted, (views) => this.#take(views));
      this.#ticking = setInterval(() => this.#tick(), tickMs).unref();
    }
  }

  #take(views: readonly SeenView[]): void {
    const at = nowMs();
    for (const { ageMs, view } of views) {
      const known = this.#latest.get(view.node)?.view;
      // Of a peer that is silent the last view comes again and again.
      if (known && known.boot === view.boot && known.seq >= view.seq) continue;
      const arrived = { ageMs, at, view };
      this.#history.add(view);
      this.#latest.set(view.node, arrived);
      for (const group of this.#groups.all) group.add(arrived);
    }
  }

  #tick(): void {
    const now = nowMs();
    const { chaos, maxUnreadBytes } = this.#settings;
    const faults = chaos?.active();
    for (const group of this.#groups.all) {
      if (group.isDue(now)) this.skipped += group.tick(now, faults, maxUnreadBytes);
    }
  }

  /** F3. */
  #helloFrame(): Buffer {
    const now = nowMs();
    if (this.#hello === undefined || now - this.#hello.at >= tickMs)
      this.#hello = { at: now, frame: Buffer.from(JSON.stringify(this.#sayHello(now))) };
    return this.#hello.frame;
  }

  #sayHello(now: number): Hello {
    const { node, release, chaos, inspect, needsToken } = this.#settings;
    const { nodeId, voters } = node.status();
    return {
      type: 'hello',
      version: liveVersion,
      node: nodeId,
      release,
      voters,
      chaos: chaos ? { supervised: chaos.supervised, active: chaos.active() } : null,
      inspect,
      needsToken,
      charts: node.charts(),
      chartOf: chartOf(nodeId, voters),
      views: [...this.#latest.values()].map((arrived) => asSeen(arrived, now)),
      history: this.#history.read(),
    };
  }
}

/** Of each peer there is a link; all of them follow one chart. */
const chartOf = (self: NodeId, voters: readonly NodeId[]): Hello['chartOf'] =>
  Object.fromEntries(voters.filter((id) => id !== self).map((id) => [`link:${id}`, 'link']));
