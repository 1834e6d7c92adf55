/**
 * Record: the trace events of all nodes that a page has seen, oldest forgotten first.
 *
 * T1. At most `maxRecorded` events are kept; what was left out on the way is counted (`dropped`) and leaves a hole: the
 *     event after it is marked, so that nobody calls a frame lost whose arrival may only not have been told.
 *     Frames about messages go first: an election or a fault can be looked at long after thousands of writes.
 * T2. Events of one node stand in the order in which they happened there (boot, seq); none is kept twice.
 */
import type { TraceEvent } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { unpacked } from '../../http/live/packedTrace.ts';
import type { LiveView } from '../../http/live/protocol.ts';
import { lostAfterMs } from './causal.ts';

export const maxRecorded = 4000;

export interface Traced extends TraceEvent {
  /** `<node>:<boot>:<seq>`: of this event only. */
  readonly id: string;
  readonly node: NodeId;
  readonly boot: number;
  /** Something that happened before it on its node may be missing here. */
  readonly hole: boolean;
}

/** What a view says about the trace, and where it stands in its node's life. */
export interface Told {
  readonly node: NodeId;
  readonly boot: number;
  /** Of the view; null for events from the history of a hello, which say nothing about what is missing. */
  readonly viewSeq: number | null;
  /** When the view was made, by its node's clock; null as above. */
  readonly madeAtMs: number | null;
  readonly oneOf: number;
  readonly dropped: number;
  readonly events: readonly TraceEvent[];
}

export function toldBy({ node, boot, seq, wallMs, trace }: LiveView): Told | null {
  if (trace === undefined) return null;
  const { oneOf, dropped } = trace;
  return { node, boot, viewSeq: seq, madeAtMs: wallMs, oneOf, dropped, events: unpacked(node, trace) };
}

/** How a deep link names an event: its node and its number there, of the newest life that has one. */
export const linkOf = (event: Pick<Traced, 'node' | 'seq'>): string => `${event.node}:${event.seq}`;

/** The oldest frames about messages go, and leave a hole; what is left over too many goes by age alone. */
function withoutOldest(events: readonly Traced[], surplus: number): Traced[] {
  const frequent = events.filter(isFrequent).length;
  let toGo = Math.min(surplus, frequent);
  if (events.length - frequent > events.length / 2) return events.slice(surplus);
  let isAfterHole = false;
  const kept: Traced[] = [];
  for (const event of events.slice(surplus - toGo)) {
    if (toGo > 0 && isFrequent(event)) {
      toGo--;
      isAfterHole = true;
    } else {
      kept.push(isAfterHole && !event.hole ? { ...event, hole: true } : event);
      isAfterHole = false;
    }
  }
  return kept;
}
const isFrequent = ({ kind, group, violation }: Traced): boolean =>
  kind !== 'local' && (group === 'replication' || group === 'client') && violation !== true;

interface Lane {
  events: Traced[];
  boot: number;
  lastSeq: number;
  viewSeq: number | null;
  oneOf: number | null;
  /** The next event to come is marked. */
  holed: boolean;
}

export class TraceRecord {
  readonly #lanes = new Map<NodeId, Lane>();
  readonly #most: number;
  #count = 0;
  /** Of the sampling that the newest view told: frames about messages are traced one of so many. */
  oneOf = 1;
  /** Events that the nodes left out, as far as they said so. */
  dropped = 0;
  /** Rises with every change. */
  version = 0;
  /** Up to when the nodes have told. */
  untilMs = Number.NEGATIVE_INFINITY;
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(most = maxRecorded) {
    this.#most = most;
  }

  /** Takes what is new in it; true if something was. */
  note(told: Told): boolean {
    const lane = this.#laneOf(told.node, told.boot);
    if (told.boot < lane.boot) return false;
    if (told.boot > lane.boot) Object.assign(lane, { boot: told.boot, lastSeq: -1, viewSeq: null, holed: true });
    const skipped = told.viewSeq !== null && lane.viewSeq !== null && told.viewSeq > lane.viewSeq + 1;
    const resampled = lane.oneOf !== null && lane.oneOf !== told.oneOf;
    if (skipped || resampled || told.dropped > 0) lane.holed = true;
    if (told.viewSeq !== null) lane.viewSeq = told.viewSeq;
    this.#passTime(told.madeAtMs ?? Number.NEGATIVE_INFINITY);
    lane.oneOf = told.oneOf;
    this.oneOf = told.oneOf;
    this.dropped += told.dropped;
    const fresh = told.events.filter(({ seq }) => seq > lane.lastSeq);
    for (const event of fresh) this.#add(lane, told, event);
    // Of several that were left out it is not told where: what came after the last one is as uncertain.
    lane.holed = told.dropped > 0 || (lane.holed && fresh.length === 0);
    if (fresh.length > 0 || told.dropped > 0) this.version++;
    this.#forget();
    return fresh.length > 0;
  }

  #laneOf(node: NodeId, boot: number): Lane {
    const known = this.#lanes.get(node);
    if (known !== undefined) return known;
    const lane: Lane = { events: [], boot, lastSeq: -1, viewSeq: null, oneOf: null, holed: true };
    this.#lanes.set(node, lane);
    return lane;
  }

  #add(lane: Lane, { node, boot, oneOf, dropped }: Told, event: TraceEvent): void {
    // A sampled node numbers also the frames that it passes over: only without sampling does a missing number tell.
    const jumped = oneOf === 1 && lane.lastSeq >= 0 && event.seq !== lane.lastSeq + 1;
    const hole = lane.holed || dropped > 0 || jumped;
    lane.events.push({ ...event, id: `${node}:${boot}:${event.seq}`, node, boot, hole });
    lane.lastSeq = event.seq;
    lane.holed = false;
    this.#newestMs = Math.max(this.#newestMs, event.wallMs);
    this.#count++;
  }

  /** When nothing happens any more, what became of the last frames is still to be told: once. */
  #passTime(madeAtMs: number): void {
    const settledMs = this.#newestMs + lostAfterMs;
    if (this.untilMs <= settledMs && madeAtMs > settledMs) this.version++;
    this.untilMs = Math.max(this.untilMs, madeAtMs);
  }

  /** T1: the lane with the most gives up its oldest half of what is too much, so that no node vanishes. */
  #forget(): void {
    while (this.#count > this.#most) {
      const longest = [...this.#lanes.values()].reduce((a, b) => (b.events.length > a.events.length ? b : a));
      const surplus = Math.max(1, Math.ceil((this.#count - this.#most) / 2));
      longest.events = withoutOldest(longest.events, surplus);
      this.#count -= surplus;
    }
  }

  get size(): number {
    return this.#count;
  }

  /** Each node's events in its own order, by node. */
  lanes(): ReadonlyMap<NodeId, readonly Traced[]> {
    return new Map([...this.#lanes].sort(([a], [b]) => a - b).map(([node, { events }]) => [node, [...events]]));
  }

  /** The event that a deep link means: of the newest life that has this number. */
  find(link: string): Traced | undefined {
    const [, node, seq] = /^(\d+):(\d+)$/.exec(link) ?? [];
    return this.#lanes.get(Number(node))?.events.findLast((event) => event.seq === Number(seq));
  }
}
