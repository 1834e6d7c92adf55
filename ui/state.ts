/**
 * What the page knows, as signals: from the feed's hello and ticks. Nothing here knows a browser.
 *
 * S1. `take` is called once for each message of the feed, in order, within a batch: whoever draws, draws once.
 * S2. What was shown stays: a new hello replaces figures and adds to messages and stories. Only if the log is another one
 *     (an id that has another Lamport time now) the messages begin anew.
 */
import { batch, signal } from '@preact/signals';
import type { MessageView, StoryView } from '../actors/observation.ts';
import type { NodeId } from '../actors/protocol/epoch.ts';
import { unpackedMessages } from '../http/live/packedMessages.ts';
import type { ActiveFault, Hello, LiveView, SeenView, Tick, ToClient } from '../http/live/protocol.ts';
import type { Connection } from './feed.ts';
import { MessageRing, type Point, PointRing } from './rings.ts';

export const maxRows = 5000;
const maxPoints = 600;
const maxStories = 300;

export interface SeenNode {
  readonly view: LiveView;
  /** By the clock of this page: when the view was made. */
  readonly madeAtMs: number;
}
export type Stories = ReadonlyMap<NodeId, readonly StoryView[]>;

export class LiveState {
  readonly connection = signal<Connection>({ kind: 'connecting', sinceMs: 0 });
  readonly hello = signal<Hello | null>(null);
  readonly nodes = signal<ReadonlyMap<NodeId, SeenNode>>(new Map());
  readonly stories = signal<Stories>(new Map());
  readonly faults = signal<readonly ActiveFault[]>([]);
  /** Rises with every change of `messages`. */
  readonly messagesVersion = signal(0);
  readonly messages = new MessageRing(maxRows);
  /** Rises with every new second of `points`. */
  readonly pointsVersion = signal(0);
  readonly points = new PointRing(maxPoints);
  /** When the feed spoke last, by the clock of this page. */
  readonly heardAtMs = signal(0);
  /** The clock of this page, twice a second: for everything that counts up or down on the screen. */
  readonly now = signal(0);
  /** The clock of the node less that of this page: for times that the node names. */
  readonly clockOffsetMs = signal(0);
  readonly #listeners = new Set<(message: ToClient) => void>();

  /** For pages that keep more than this: each message of the feed, after the state has taken it. */
  onMessage(listener: (message: ToClient) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  take(message: ToClient, nowMs: number): void {
    batch(() => {
      this.heardAtMs.value = nowMs;
      if (message.type === 'hello') this.#greet(message, nowMs);
      else this.#tick(message, nowMs);
      for (const listener of this.#listeners) listener(message);
    });
  }

  /** Messages that were read some other way; they have their place among the others. */
  addMessages(rows: readonly MessageView[]): void {
    this.#show(rows);
  }

  #greet(hello: Hello, nowMs: number): void {
    this.hello.value = hello;
    this.faults.value = hello.chaos?.active ?? [];
    this.#see(hello.views, nowMs);
    for (const [node, story] of hello.history.stories) this.#tell(node, story);
    this.#show(unpackedMessages(hello.history.messages));
    this.points.replace(
      hello.history.points.map(([wallMs, perSecond, averageMs, p95Ms]) => ({ wallMs, perSecond, averageMs, p95Ms })),
    );
    this.pointsVersion.value++;
  }

  #tick(tick: Tick, nowMs: number): void {
    this.clockOffsetMs.value = tick.wallMs - nowMs;
    this.#see(tick.views, nowMs);
    for (const [node, story] of tick.stories ?? []) this.#tell(node, story);
    if (tick.chaos !== undefined) this.faults.value = tick.chaos;
  }

  #see(views: readonly SeenView[], nowMs: number): void {
    if (views.length === 0) return;
    const nodes = new Map(this.nodes.value);
    for (const { view, ageMs } of views) {
      const before = nodes.get(view.node)?.view;
      if (before !== undefined && !isNewer(view, before)) continue;
      nodes.set(view.node, { view, madeAtMs: nowMs - ageMs });
      this.#tell(view.node, view.story);
      this.#show(unpackedMessages(view.messages.shown));
      if (view.node === this.hello.value?.node && this.points.add(pointOf(view, leaderOf(view, nodes))))
        this.pointsVersion.value++;
    }
    this.nodes.value = nodes;
  }

  /** S2. */
  #show(rows: readonly MessageView[]): void {
    if (rows.some((row) => this.#isOfAnotherLog(row))) this.messages.clear();
    if (this.messages.add(rows)) this.messagesVersion.value++;
  }
  #isOfAnotherLog(row: MessageView): boolean {
    const newest = this.messages.rows.at(-1);
    return newest !== undefined && newest.id === row.id && newest.lamport !== row.lamport;
  }

  #tell(node: NodeId, story: readonly StoryView[]): void {
    const known = this.stories.value.get(node) ?? [];
    const keys = new Set(known.map(keyOf));
    const fresh = story.filter((one) => !keys.has(keyOf(one)));
    if (fresh.length === 0) return;
    const all = [...known, ...fresh].sort((a, b) => a.wallMs - b.wallMs || a.lamport - b.lamport).slice(-maxStories);
    this.stories.value = new Map([...this.stories.value, [node, all]]);
  }
}

const isNewer = (view: LiveView, before: LiveView): boolean =>
  view.boot > before.boot || (view.boot === before.boot && view.seq > before.seq);
const keyOf = ({ wallMs, lamport, event, words }: StoryView): string => `${wallMs} ${lamport} ${event} ${words}`;
/** Who leads times the replication. */
const leaderOf = (view: LiveView, nodes: ReadonlyMap<NodeId, SeenNode>): LiveView =>
  nodes.get(view.status.leader ?? view.node)?.view ?? view;
const pointOf = ({ wallMs, metrics }: LiveView, leading: LiveView): Point => ({
  wallMs,
  perSecond: metrics.perSecond,
  // 0: there was nothing to measure.
  averageMs: leading.metrics.averageMs || null,
  p95Ms: leading.metrics.p95Ms || null,
});
