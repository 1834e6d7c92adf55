/**
 * What a page that opens later still gets to see: bounded, and made of what the node says anyway.
 *
 * T1. Points, four numbers a second for ten minutes, are kept always. All else only grows while somebody looks: it is made
 *     of views, and nobody asks for views otherwise.
 */
import type { MessageView, NodeView, StoryView, TraceEvent } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { packedMessages } from './packedMessages.ts';
import { packed } from './packedTrace.ts';
import { type Hello, historyMessages, historyPoints, historyTraceEvents, type StoriesOf } from './protocol.ts';

type Point = Hello['history']['points'][number];

const storiesMax = 200;

export class History {
  readonly #self: NodeId;
  readonly #points: Point[] = [];
  #messages: readonly MessageView[] = [];
  /** Of each node, of all its lives. */
  readonly #stories = new Map<NodeId, readonly StoryView[]>();
  /** Ever, of all nodes. */
  storiesTold = 0;
  /** Of its present life: the numbers of events begin anew with each. */
  readonly #traces = new Map<NodeId, { readonly boot: number; readonly events: readonly TraceEvent[] }>();

  constructor(self: NodeId) {
    this.#self = self;
  }

  addPoint(point: Point): void {
    this.#points.push(point);
    if (this.#points.length > historyPoints) this.#points.shift();
  }

  /** Gives the view as it is to be sent on: of the story only what is new. */
  add(view: NodeView): NodeView {
    // All nodes have the same messages: those of this one are enough.
    if (view.node === this.#self && view.messages.shown.length > 0)
      this.#messages = newest(historyMessages, this.#messages, view.messages.shown);
    if (view.trace) {
      const known = this.#traces.get(view.node);
      const before = known?.boot === view.boot ? known.events : [];
      this.#traces.set(view.node, {
        boot: view.boot,
        events: newestEvents(historyTraceEvents, before, view.trace.events),
      });
    }
    if (view.story.length === 0) return view;
    const known = this.#stories.get(view.node) ?? [];
    const keys = new Set(known.map(keyOf));
    const story = view.story.filter((one) => !keys.has(keyOf(one)));
    this.#stories.set(view.node, newest(storiesMax, known, story));
    this.storiesTold += story.length;
    return { ...view, story };
  }

  get stories(): StoriesOf {
    return [...this.#stories];
  }

  read(): Hello['history'] {
    return {
      points: this.#points,
      messages: packedMessages(this.#messages),
      stories: this.stories,
      trace: [...this.#traces].map(([node, { events }]) => [node, packed(node, events)]),
    };
  }
}

/** Frames about messages push elections and faults out of half of the room at most. */
export function newestEvents(
  max: number,
  before: readonly TraceEvent[],
  more: readonly TraceEvent[],
): readonly TraceEvent[] {
  const all = [...before, ...more];
  if (all.length <= max) return all;
  const frequent = all.filter(isFrequent);
  const rare = all.filter((event) => !isFrequent(event)).slice(Math.min(frequent.length, max / 2) - max);
  return [...rare, ...(rare.length < max ? frequent.slice(rare.length - max) : [])].sort((a, b) => a.seq - b.seq);
}
const isFrequent = ({ kind, group, violation }: TraceEvent): boolean =>
  kind !== 'local' && (group === 'replication' || group === 'client') && violation !== true;

/** A node may say two things at one time, but not the same. */
const keyOf = ({ wallMs, lamport, event, words }: StoryView): string => `${wallMs} ${lamport} ${event} ${words}`;

/** The last `max` of both lists, one after the other. */
export function newest<T>(max: number, before: readonly T[], more: readonly T[]): readonly T[] {
  const all = before.length === 0 ? more : [...before, ...more];
  return all.length > max ? all.slice(-max) : all;
}
