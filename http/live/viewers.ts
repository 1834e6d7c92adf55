/**
 * Who looks at this node, and what each of them wants.
 *
 *   Viewer  one open page        Group  all viewers with the same interest: they get the same bytes
 *
 * V1. A tick is put into words once for each distinct interest; whoever takes it gets the same buffer.
 * V2. A viewer that has not taken `maxUnreadBytes` yet gets no more ticks until it has; it is told how many it missed.
 */
import type { NodeView, Wanted } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { mergeViews } from './mergeViews.ts';
import { packedMessages } from './packedMessages.ts';
import { packed } from './packedTrace.ts';
import type { ActiveFault, LiveView, SeenView, StoriesOf, Want } from './protocol.ts';
import { paceOf } from './want.ts';

/** What a viewer needs of its WebSocket. */
export interface Outlet {
  readonly bufferedAmount: number;
  send(frame: Buffer): void;
}

export class Viewer {
  readonly outlet: Outlet;
  readonly end: () => void;
  group: Group | undefined;
  oneOf = 1;
  missed = 0;
  /** The faults have changed since it last heard of them. */
  owedFaults = false;
  /** How many stories had been told when it heard of them last. */
  storiesHeard = 0;
  /** It was in no group, or in another one: what was told meanwhile was not for it. */
  hasMoved = false;

  constructor(outlet: Outlet, end: () => void) {
    this.outlet = outlet;
    this.end = end;
  }
}

/** A view, and when it came here. */
interface Arrived {
  readonly ageMs: number;
  readonly at: number;
  readonly view: NodeView;
}

const asSaid = ({ messages, trace, ...rest }: NodeView): LiveView => {
  const view = { ...rest, messages: { ...messages, shown: packedMessages(messages.shown) } };
  if (trace === undefined) return view;
  const { events, ...sampling } = trace;
  return { ...view, trace: { ...sampling, ...packed(view.node, events) } };
};
export const asSeen = ({ ageMs, at, view }: Arrived, now: number): SeenView => ({
  ageMs: Math.round(ageMs + now - at),
  view: asSaid(view),
});
export type { Arrived };

/** What a viewer gets only when it is owed to it. */
export interface Owed {
  readonly faults: readonly ActiveFault[] | undefined;
  readonly stories: () => StoriesOf;
  /** How many there were ever. */
  readonly storiesTold: number;
}

/** What viewers of one group have in common, beside their pace. */
interface Interest {
  readonly trace: boolean;
  readonly actors: boolean;
  readonly messages: boolean;
}

/** A timer of the same pace may come a little early. */
const slackMs = 20;

export class Group {
  readonly everyMs: number;
  readonly wanted: Interest;
  readonly members = new Set<Viewer>();
  #pending = new Map<NodeId, Arrived>();
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(everyMs: number, wanted: Interest) {
    this.everyMs = everyMs;
    this.wanted = wanted;
  }

  add(arrived: Arrived): void {
    const view = filtered(arrived.view, this.wanted);
    const before = this.#pending.get(view.node);
    this.#pending.set(view.node, { ...arrived, view: before ? mergeViews(before.view, view) : view });
  }

  isDue(now: number): boolean {
    return now - this.#sentAt >= this.everyMs - slackMs;
  }

  /** Also where nothing is new: it shows that the node is there. Returns how many viewers were passed over. */
  tick(now: number, { faults, stories, storiesTold }: Owed, maxUnreadBytes: number): number {
    this.#sentAt = now;
    const views = JSON.stringify([...this.#pending.values()].map((arrived) => asSeen(arrived, now)));
    this.#pending = new Map();
    const frames = new Map<string, Buffer>();
    const head = `{"type":"tick","wallMs":${Date.now()}`;
    let allStories: string | undefined;
    let passedOver = 0;
    for (const viewer of this.members) {
      if (viewer.outlet.bufferedAmount > maxUnreadBytes) {
        viewer.missed++;
        passedOver++;
        continue;
      }
      const { missed } = viewer;
      const chaos = faults && viewer.owedFaults ? `,"chaos":${JSON.stringify(faults)}` : '';
      const isOwedStories = (viewer.hasMoved || missed > 0) && viewer.storiesHeard !== storiesTold;
      if (isOwedStories) allStories ??= JSON.stringify(stories());
      const told = isOwedStories ? `,"stories":${allStories}` : '';
      const key = `${missed}${chaos}${isOwedStories}`;
      const frame = frames.get(key) ?? Buffer.from(`${head},"missed":${missed}${chaos}${told},"views":${views}}`);
      frames.set(key, frame);
      viewer.missed = 0;
      viewer.owedFaults = false;
      viewer.hasMoved = false;
      viewer.storiesHeard = storiesTold;
      viewer.outlet.send(frame);
    }
    return passedOver;
  }
}

function filtered(
  { trace: itsTrace, actors: itsActors, messages: itsMessages, ...rest }: NodeView,
  { trace, actors, messages }: Interest,
): NodeView {
  return {
    ...rest,
    messages: messages ? itsMessages : onlyViolations(itsMessages),
    ...(trace && itsTrace && { trace: itsTrace }),
    ...(actors && itsActors && { actors: itsActors }),
  };
}
const onlyViolations = ({ count, shown }: NodeView['messages']): NodeView['messages'] => ({
  count,
  shown: shown.filter(({ violation }) => violation),
});

/** All groups: at most one for each pace and combination of wishes. */
export class Groups {
  readonly #groups = new Map<string, Group>();

  get all(): Iterable<Group> {
    return this.#groups.values();
  }

  move(viewer: Viewer, { everyMs, trace, actors, oneOf, messages = true }: Omit<Want, 'type'>): void {
    this.leave(viewer);
    viewer.hasMoved = true;
    const pace = paceOf(everyMs);
    if (pace === 0) return;
    const name = `${pace} ${trace} ${actors} ${messages}`;
    const group = this.#groups.get(name) ?? new Group(pace, { trace, actors, messages });
    this.#groups.set(name, group);
    group.members.add(viewer);
    viewer.group = group;
    viewer.oneOf = oneOf;
  }

  leave(viewer: Viewer): void {
    const { group } = viewer;
    if (!group) return;
    viewer.group = undefined;
    group.members.delete(viewer);
    if (group.members.size > 0) return;
    for (const [name, one] of this.#groups) if (one === group) this.#groups.delete(name);
  }

  /** What all of them together want; undefined when nobody looks. */
  union(): Wanted | undefined {
    const groups = [...this.#groups.values()];
    if (groups.length === 0) return undefined;
    const tracers = groups.filter(({ wanted }) => wanted.trace).flatMap(({ members }) => [...members]);
    // What is divisible by one of several numbers is divisible by their greatest common divisor.
    const oneOf = tracers.map((viewer) => viewer.oneOf).reduce(greatestCommonDivisor, 0) || 1;
    return { trace: tracers.length > 0, actors: groups.some(({ wanted }) => wanted.actors), oneOf };
  }
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

export const nowMs = (): number => performance.now();
