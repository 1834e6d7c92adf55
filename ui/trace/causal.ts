/**
 * Causal order of recorded events (Lamport 1978, "happened before"): the events of one node follow each other, and a
 * frame is received after it was sent. Everything else is concurrent.
 *
 * C1. Order is process order and frames alone; Lamport and wall times only choose among orders that both allow.
 */
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { Traced } from './record.ts';

/**
 * What became of a frame. `unseen`: nobody can tell any more, because the receiver's record has a hole where the arrival may
 * have been, or because nothing is heard of the receiver since.
 */
export type Fate = 'arrived' | 'flying' | 'lost' | 'unseen';
export type Relation = 'self' | 'past' | 'future' | 'concurrent';

/** Without a later frame from the same sender that arrived, one is given up for lost after so long. */
export const lostAfterMs = 2000;

export interface Frame {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly lamport: number;
}
export function parseFrame(frame: string | undefined): Frame | null {
  const [, from, to, lamport] = /^(\d+)>(\d+):(\d+)$/.exec(frame ?? '') ?? [];
  return lamport === undefined ? null : { from: Number(from), to: Number(to), lamport: Number(lamport) };
}

export class CausalGraph {
  /** In causal order; where causality leaves it open by Lamport time, then by node. */
  readonly order: readonly Traced[];
  /** Events that lie on a cycle: a fault of the recording. Empty otherwise. */
  readonly cycle: readonly Traced[];
  readonly #lanes: ReadonlyMap<NodeId, readonly Traced[]>;
  readonly #byId = new Map<string, Traced>();
  readonly #place = new Map<string, number>();
  readonly #send = new Map<string, Traced>();
  readonly #receives = new Map<string, Traced[]>();
  /** Highest Lamport time of a sending of which an arrival is known, by `from>to`, with that arrival. */
  readonly #newestArrival = new Map<string, { lamport: number; at: number }>();

  readonly #untilMs: number;

  /** `untilMs`: up to when the nodes have told; without it, up to the newest event. */
  constructor(lanes: ReadonlyMap<NodeId, readonly Traced[]>, untilMs = Number.NEGATIVE_INFINITY) {
    this.#lanes = lanes;
    this.#untilMs = [...lanes.values()].reduce(
      (newest, events) => Math.max(newest, events.at(-1)?.wallMs ?? newest),
      untilMs,
    );
    for (const events of lanes.values()) for (const [at, event] of events.entries()) this.#index(event, at);
    const { order, cycle } = this.#sorted();
    this.order = order;
    this.cycle = cycle;
  }

  #index(event: Traced, at: number): void {
    this.#byId.set(event.id, event);
    this.#place.set(event.id, at);
    if (event.frame === undefined) return;
    if (event.kind === 'send') this.#send.set(event.frame, event);
    if (event.kind !== 'receive') return;
    const receives = this.#receives.get(event.frame);
    if (receives === undefined) this.#receives.set(event.frame, [event]);
    else receives.push(event);
    const frame = parseFrame(event.frame);
    if (frame === null) return;
    const pair = `${frame.from}>${frame.to}`;
    if (frame.lamport >= (this.#newestArrival.get(pair)?.lamport ?? -1))
      this.#newestArrival.set(pair, { lamport: frame.lamport, at });
  }

  event(id: string): Traced | undefined {
    return this.#byId.get(id);
  }
  sendOf(event: Traced): Traced | undefined {
    return event.kind === 'receive' && event.frame !== undefined ? this.#send.get(event.frame) : undefined;
  }
  receivesOf(event: Traced): readonly Traced[] {
    return (event.kind === 'send' && event.frame !== undefined && this.#receives.get(event.frame)) || [];
  }
  previous(event: Traced): Traced | undefined {
    return this.#lanes.get(event.node)?.[(this.#place.get(event.id) ?? 0) - 1];
  }
  next(event: Traced): Traced | undefined {
    return this.#lanes.get(event.node)?.[(this.#place.get(event.id) ?? -2) + 1];
  }
  parents(event: Traced): readonly Traced[] {
    return [this.previous(event), this.sendOf(event)].filter((parent) => parent !== undefined);
  }
  children(event: Traced): readonly Traced[] {
    const next = this.next(event);
    return next === undefined ? this.receivesOf(event) : [next, ...this.receivesOf(event)];
  }

  /** All that happened before it, by id. */
  past(event: Traced): ReadonlySet<string> {
    return reach(event, (each) => this.parents(each));
  }
  future(event: Traced): ReadonlySet<string> {
    return reach(event, (each) => this.children(each));
  }
  /** How every other event stands to this one. */
  relations(event: Traced): (other: Traced) => Relation {
    const past = this.past(event);
    const future = this.future(event);
    return ({ id }) => (id === event.id ? 'self' : past.has(id) ? 'past' : future.has(id) ? 'future' : 'concurrent');
  }

  /** What became of the frame that this event sent. */
  fate(event: Traced): Fate {
    if (this.receivesOf(event).length > 0) return 'arrived';
    const frame = parseFrame(event.frame);
    if (frame === null) return 'flying';
    const lane = this.#lanes.get(frame.to) ?? [];
    const isOld = this.#untilMs > event.wallMs + lostAfterMs;
    if (lane.length === 0) return isOld ? 'unseen' : 'flying';
    const overtaken = this.#newestArrival.get(`${frame.from}>${frame.to}`);
    // A link keeps the order of its frames: after a later one this one comes no more.
    let until = overtaken !== undefined && overtaken.lamport > frame.lamport ? overtaken.at : -1;
    if (until < 0) until = lane.findIndex(({ wallMs }) => wallMs > event.wallMs + lostAfterMs);
    if (until < 0) return isOld ? 'unseen' : 'flying';
    const since = lane.findIndex(({ lamport }) => lamport > frame.lamport);
    for (let at = Math.max(0, since); at <= until; at++) if (lane[at]?.hole) return 'unseen';
    return 'lost';
  }

  /** Puts an event after its parents, each as early as its Lamport time says. */
  #sorted(): { order: Traced[]; cycle: Traced[] } {
    const order: Traced[] = [];
    const cycle: Traced[] = [];
    const state = new Map<string, 'open' | 'placed'>();
    const queue = [...this.#byId.values()].sort(
      (a, b) => a.lamport - b.lamport || a.node - b.node || a.boot - b.boot || a.seq - b.seq,
    );
    for (const first of queue) {
      const stack = [first];
      while (stack.length > 0) {
        const event = stack.at(-1) as Traced;
        if (state.get(event.id) === 'placed') {
          stack.pop();
          continue;
        }
        const waiting = this.parents(event).filter(({ id }) => state.get(id) !== 'placed');
        const again = waiting.find(({ id }) => state.get(id) === 'open');
        state.set(event.id, 'open');
        if (again !== undefined && cycle.length === 0)
          cycle.push(...stack.slice(stack.indexOf(again)).filter(({ id }) => state.get(id) === 'open'));
        const open = waiting.filter(({ id }) => state.get(id) !== 'open');
        if (open.length > 0) {
          stack.push(...open);
          continue;
        }
        stack.pop();
        state.set(event.id, 'placed');
        order.push(event);
      }
    }
    return { order, cycle };
  }
}

function reach(from: Traced, step: (event: Traced) => readonly Traced[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...step(from)];
  for (let event = queue.pop(); event !== undefined; event = queue.pop()) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    queue.push(...step(event));
  }
  return seen;
}
