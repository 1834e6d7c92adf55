/**
 * What a page that opens later still gets to see: bounded, and made of what the node says anyway.
 *
 * T1. Points, four numbers a second for ten minutes, are kept always. All else only grows while somebody looks: it is made
 *     of views, and nobody asks for views otherwise.
 */
import type { MessageView, NodeView, StoryView, TraceEvent } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { type Hello, historyMessages, historyPoints, historyTraceEvents } from './protocol.ts';

type Point = Hello['history']['points'][number];

/** Of one node: its lives before the present one, and that. */
interface Chronicle {
  boot: number;
  past: readonly StoryView[];
  present: readonly StoryView[];
}
const storiesMax = 200;

export class History {
  readonly #self: NodeId;
  readonly #points: Point[] = [];
  #messages: readonly MessageView[] = [];
  readonly #chronicles = new Map<NodeId, Chronicle>();
  readonly #traces = new Map<NodeId, readonly TraceEvent[]>();

  constructor(self: NodeId) {
    this.#self = self;
  }

  addPoint(point: Point): void {
    this.#points.push(point);
    if (this.#points.length > historyPoints) this.#points.shift();
  }

  add(view: NodeView): void {
    // All nodes have the same messages: those of this one are enough.
    if (view.node === this.#self && view.messages.shown.length > 0)
      this.#messages = newest(historyMessages, this.#messages, view.messages.shown);
    if (view.trace) {
      const before = this.#traces.get(view.node) ?? [];
      this.#traces.set(view.node, newest(historyTraceEvents, before, view.trace.events));
    }
    const known = this.#chronicles.get(view.node);
    const past = known === undefined ? [] : known.boot === view.boot ? known.past : storyOf(known);
    this.#chronicles.set(view.node, { boot: view.boot, past, present: view.story });
  }

  read(): Hello['history'] {
    return {
      points: this.#points,
      messages: this.#messages,
      stories: [...this.#chronicles].map(([node, chronicle]) => [node, storyOf(chronicle)]),
      trace: [...this.#traces],
    };
  }
}

const storyOf = ({ past, present }: Chronicle): readonly StoryView[] => newest(storiesMax, past, present);

/** The last `max` of both lists, one after the other. */
export function newest<T>(max: number, before: readonly T[], more: readonly T[]): readonly T[] {
  const all = before.length === 0 ? more : [...before, ...more];
  return all.length > max ? all.slice(-max) : all;
}
