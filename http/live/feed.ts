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
import type { NodeView, SeenView } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { Chaos } from '../chaos.ts';
import { History } from './history.ts';
import { type Hello, liveVersion, type Want } from './protocol.ts';
import { type Arrived, asSeen, Groups, nowMs, type Outlet, Viewer } from './viewers.ts';

const tickMs = 100;
const pointMs = 1000;
/** A view that is older says nothing about now. */
const freshMs = 3000;

export interface FeedSettings {
  readonly node: NodeFacade;
  readonly release: string;
  readonly chaos: Chaos | undefined;
  readonly inspect: boolean;
  readonly needsToken: boolean;
  /** Viewers have shown it, or they were none. */
  readonly signedIn: boolean;
  readonly nodeUrls: ReadonlyMap<NodeId, string>;
  /** What a viewer may have untaken before it misses ticks. */
  readonly maxUnreadBytes: number;
}

interface SaidHello {
  readonly at: number;
  readonly frame: Buffer;
  readonly storiesTold: number;
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
  #hello: SaidHello | undefined;
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
      const { messagesPerSecond } = this.#settings.node.metrics();
      this.#history.addPoint([Date.now(), messagesPerSecond, ...this.#latency()]);
    }, pointMs).unref();
  }

  /** As the leader measures it, if that is known here. It says 0 for the lack of anything to measure. */
  #latency(): readonly [averageMs: number | null, p95Ms: number | null] {
    const { node } = this.#settings;
    const { nodeId, leaderId } = node.status();
    if (leaderId === nodeId) {
      const { averageLatencyMs, p95LatencyMs } = node.metrics();
      return [averageLatencyMs || null, p95LatencyMs || null];
    }
    const said = leaderId === null ? undefined : this.#latest.get(leaderId);
    if (said === undefined || said.ageMs + nowMs() - said.at > freshMs) return [null, null];
    const { averageMs, p95Ms } = said.view.metrics;
    return [averageMs || null, p95Ms || null];
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
    const { frame, storiesTold } = this.#helloNow();
    viewer.storiesHeard = storiesTold;
    outlet.send(frame);
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
      const arrived = { ageMs, at, view: this.#thinned(this.#history.add(view)) };
      this.#latest.set(view.node, { ...arrived, view: withoutLists(view) });
      for (const group of this.#groups.all) group.add(arrived);
    }
  }

  /** All nodes have the same messages: of a peer's only those that this node has not reached, and what it found wrong. */
  #thinned(view: NodeView): NodeView {
    const { nodeId, lastId } = this.#settings.node.status();
    const { shown } = view.messages;
    if (view.node === nodeId || shown.length === 0) return view;
    const kept = shown.filter(({ id, violation }) => violation || id > lastId);
    return { ...view, messages: { ...view.messages, shown: kept } };
  }

  #tick(): void {
    const now = nowMs();
    const { chaos, maxUnreadBytes } = this.#settings;
    const { storiesTold } = this.#history;
    const owed = { faults: chaos?.active(), stories: () => this.#history.stories, storiesTold };
    for (const group of this.#groups.all) {
      if (group.isDue(now)) this.skipped += group.tick(now, owed, maxUnreadBytes);
    }
  }

  /** F3. */
  #helloNow(): SaidHello {
    const now = nowMs();
    if (this.#hello !== undefined && now - this.#hello.at < tickMs) return this.#hello;
    const frame = Buffer.from(JSON.stringify(this.#sayHello(now)));
    this.#hello = { at: now, frame, storiesTold: this.#history.storiesTold };
    return this.#hello;
  }

  #sayHello(now: number): Hello {
    const { node, release, chaos, inspect, needsToken, signedIn, nodeUrls } = this.#settings;
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
      ...(signedIn && { signedIn }),
      nodeUrls: Object.fromEntries(nodeUrls),
      charts: node.charts(),
      chartOf: chartOf(voters),
      views: [...this.#latest.values()].map((arrived) => asSeen(arrived, now)),
      history: this.#history.read(),
    };
  }
}

/** Every node has a link for each other one; all of them follow one chart. */
const chartOf = (voters: readonly NodeId[]): Hello['chartOf'] =>
  Object.fromEntries(voters.map((id) => [`link:${id}`, 'link']));

/** As a hello says it: its history has the lists. */
const withoutLists = ({ trace, messages, ...view }: NodeView): NodeView => ({
  ...view,
  story: [],
  messages: { ...messages, shown: [] },
  ...(trace && { trace: { ...trace, events: [] } }),
});
