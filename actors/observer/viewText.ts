/**
 * A view as text, and back. What a peer calls a view is nonsense until its shape was looked at: it is shown to people, and
 * a page that trusted it would break.
 */
import { maxShownMessages, maxStories, maxTraceEvents, maxViewBytes, type NodeView } from '../observation.ts';

export interface FittedView {
  readonly view: NodeView;
  readonly bytes: Buffer;
}

/** Its lists become shorter until it fits. */
export function fitted(view: NodeView): FittedView {
  let fitting = view;
  for (;;) {
    const bytes = Buffer.from(JSON.stringify(fitting));
    if (bytes.length <= maxViewBytes) return { view: fitting, bytes };
    fitting = shorter(fitting);
  }
}

const newerHalf = <T>(list: readonly T[]): readonly T[] => list.slice(Math.ceil(list.length / 2));

function shorter(view: NodeView): NodeView {
  const { trace, actors } = view;
  const events = trace ? newerHalf(trace.events) : [];
  return {
    ...view,
    story: newerHalf(view.story),
    messages: { ...view.messages, shown: newerHalf(view.messages.shown) },
    ...(trace && { trace: { ...trace, dropped: trace.dropped + trace.events.length - events.length, events } }),
    ...(actors && { actors: actors.map((actor) => ({ ...actor, last: newerHalf(actor.last) })) }),
  };
}

// ------------------------------------------------------------------------------------------------------- its shape

type Shape = (value: unknown) => boolean;

const number: Shape = (value) => typeof value === 'number' && Number.isFinite(value);
const whole: Shape = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const bool: Shape = (value) => typeof value === 'boolean';
const text: Shape = (value) => typeof value === 'string';
const oneOf =
  (...values: readonly string[]): Shape =>
  (value) =>
    values.includes(value as string);
const orNull =
  (shape: Shape): Shape =>
  (value) =>
    value === null || shape(value);
const maybe =
  (shape: Shape): Shape =>
  (value) =>
    value === undefined || shape(value);
const list =
  (max: number, shape: Shape): Shape =>
  (value) =>
    Array.isArray(value) && value.length <= max && value.every(shape);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** More than these is allowed: a newer release may have more to say. */
const record = (shapes: Readonly<Record<string, Shape>>): Shape => {
  const entries = Object.entries(shapes);
  return (value) => isObject(value) && entries.every(([name, shape]) => shape(value[name]));
};
const anyOf =
  (...shapes: readonly Shape[]): Shape =>
  (value) =>
    shapes.some((shape) => shape(value));

/** Far more than a node has. */
const maxActors = 100;
const maxStates = 50;
const maxFigures = 50;
const maxLast = 8;
const maxLinks = 16;

const traceEvent = record({
  seq: whole,
  lamport: whole,
  wallMs: number,
  kind: oneOf('send', 'receive', 'local'),
  what: text,
  group: oneOf('election', 'replication', 'client', 'fault'),
  frame: maybe(text),
  peer: maybe(whole),
  ids: maybe((value) => list(2, whole)(value) && (value as unknown[]).length === 2),
  epoch: maybe(whole),
  violation: maybe(bool),
});
const figure = orNull(anyOf(number, text, bool));
const actor = record({
  id: text,
  parent: orNull(text),
  states: maybe(list(maxStates, text)),
  figures: (value) => isObject(value) && list(maxFigures, figure)(Object.values(value)),
  events: whole,
  perSecond: number,
  last: list(maxLast, record({ event: text, from: orNull(text), wallMs: number })),
});
const nodeView = record({
  node: whole,
  boot: whole,
  seq: whole,
  wallMs: number,
  status: record({
    role: oneOf('starting', 'follower', 'probing', 'candidate', 'adopting', 'establishing', 'leading', 'draining'),
    leader: orNull(whole),
    epoch: whole,
    lamport: whole,
    lastIndex: whole,
    durableIndex: whole,
    commitIndex: whole,
    lastId: whole,
    uptimeSeconds: number,
    diskFull: bool,
    diskUsed: orNull(number),
    trouble: orNull(text),
  }),
  links: list(
    maxLinks,
    record({
      peer: whole,
      link: oneOf('down', 'dialling', 'greeting', 'up', 'waiting'),
      up: bool,
      rttMs: orNull(number),
      lag: orNull(whole),
      lagMs: maybe(orNull(number)),
      error: orNull(text),
    }),
  ),
  metrics: record({
    sent: whole,
    received: whole,
    violations: whole,
    elections: whole,
    averageMs: number,
    p95Ms: number,
    perSecond: number,
  }),
  story: list(
    maxStories,
    record({ wallMs: number, lamport: whole, event: text, words: text, epoch: whole, leader: orNull(whole) }),
  ),
  messages: record({
    count: whole,
    shown: list(
      maxShownMessages,
      record({
        id: whole,
        lamport: whole,
        origin: whole,
        seen: whole,
        physicalSeconds: number,
        content: text,
        bytes: whole,
        violation: bool,
      }),
    ),
  }),
  trace: maybe(record({ oneOf: whole, dropped: whole, events: list(maxTraceEvents, traceEvent) })),
  actors: maybe(list(maxActors, actor)),
});

/** Never throws: nonsense is null. */
export function readView(bytes: Buffer): NodeView | null {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return nodeView(value) ? (value as NodeView) : null;
  } catch {
    return null;
  }
}
