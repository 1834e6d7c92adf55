/**
 * Trace: the events of this node as Lamport's space-time diagram shows them (1978): frames that leave and arrive, recorded
 * by the clock, and what the node told of itself in between.
 *
 * A1. Only what moves the Lamport clock is an event: pings and greetings are not, nor is looking.
 * A2. Frames about messages are kept one of `oneOf`, by the Lamport time of their sending: both ends agree. Everything else
 *     is kept, and goes first when a view has not room for all.
 * A3. While it is off it is not called.
 */
import { maxTraceEvents, type StoryView, type TraceEvent } from '../observation.ts';
import type { WallClock } from '../ports.ts';
import type { Lamport, NodeId } from '../protocol/epoch.ts';
import type { Frame, FrameKind } from '../protocol/frames.ts';
import { Thinned } from './thinned.ts';

type Group = TraceEvent['group'];
/** To which group a kind of frame belongs, and whether it is about messages: there are as many of those as of writes. */
const groups: Readonly<Record<FrameKind, { readonly group: Group; readonly sampled: boolean } | null>> = {
  hello: null,
  proposal: null,
  greeted: null,
  ping: null,
  watch: null,
  view: null,
  probe: { group: 'election', sampled: false },
  probeOk: { group: 'election', sampled: false },
  probeNo: { group: 'election', sampled: false },
  prepare: { group: 'election', sampled: false },
  promise: { group: 'election', sampled: false },
  nack: { group: 'election', sampled: false },
  handover: { group: 'election', sampled: false },
  fetch: { group: 'replication', sampled: false },
  fetchBack: { group: 'replication', sampled: false },
  gone: { group: 'replication', sampled: false },
  reject: { group: 'replication', sampled: false },
  data: { group: 'replication', sampled: true },
  append: { group: 'replication', sampled: true },
  ack: { group: 'replication', sampled: true },
  forward: { group: 'client', sampled: true },
  forwardOk: { group: 'client', sampled: true },
  forwardNo: { group: 'client', sampled: true },
  readIndex: { group: 'client', sampled: true },
  readIndexOk: { group: 'client', sampled: true },
  readIndexNo: { group: 'client', sampled: true },
};

const maxWaiting = 4000;

export class Trace {
  readonly #self: NodeId;
  readonly #wallClock: WallClock;
  isOn = false;
  #oneOf = 1;
  #seq = 0;
  #dropped = 0;
  #frequent = new Thinned<TraceEvent>(maxTraceEvents);
  #offered = 0;
  /** Elections, faults, catching up: what is never sampled out. */
  #rare: TraceEvent[] = [];

  constructor(self: NodeId, wallClock: WallClock) {
    this.#self = self;
    this.#wallClock = wallClock;
  }

  /** Records from now on, one of so many; null: nothing. */
  want(oneOf: number | null): void {
    if (oneOf === null) this.take();
    this.isOn = oneOf !== null;
    this.#oneOf = oneOf ?? 1;
  }

  sent(peer: NodeId, frame: Frame, lamport: Lamport): void {
    this.#note('send', peer, frame, `${this.#self}>${peer}:${lamport}`, lamport, lamport);
  }
  received(peer: NodeId, frame: Frame, sentAt: Lamport, lamport: Lamport): void {
    this.#note('receive', peer, frame, `${peer}>${this.#self}:${sentAt}`, sentAt, lamport);
  }
  happened({ event, lamport, wallMs, epoch }: StoryView, group: Group): void {
    this.#keep({
      seq: ++this.#seq,
      lamport,
      wallMs,
      kind: 'local',
      what: event,
      group,
      epoch,
      ...(event === 'violation' && { violation: true }),
    });
  }

  #note(kind: 'send' | 'receive', peer: NodeId, what: Frame, frame: string, sentAt: Lamport, lamport: Lamport): void {
    const about = groups[what.kind];
    if (about === null) return;
    const seq = ++this.#seq;
    if (about.sampled && sentAt % this.#oneOf !== 0) return;
    const event: TraceEvent = {
      seq,
      lamport,
      wallMs: this.#wallClock.now(),
      kind,
      what: what.kind,
      group: about.group,
      frame,
      peer,
      ...detailsOf(what, sentAt),
    };
    if (!about.sampled) return this.#keep(event);
    this.#offered++;
    this.#frequent.add(sentAt, event);
  }

  #keep(event: TraceEvent): void {
    this.#rare.push(event);
    if (this.#rare.length <= maxWaiting) return;
    this.#rare.shift();
    this.#dropped++;
  }

  /** What is new, in order, as far as a view has room for it. */
  take(): { readonly oneOf: number; readonly dropped: number; readonly events: readonly TraceEvent[] } {
    const rare = this.#rare.splice(0, maxTraceEvents);
    const frequent = this.#frequent.take();
    const shown = frequent.slice(Math.max(0, rare.length + frequent.length - maxTraceEvents));
    const dropped = this.#dropped + this.#offered - shown.length;
    this.#dropped = 0;
    this.#offered = 0;
    return { oneOf: this.#oneOf, dropped, events: [...rare, ...shown].sort((a, b) => a.seq - b.seq) };
  }
}

function detailsOf(frame: Frame, sentAt: Lamport): Pick<TraceEvent, 'ids' | 'epoch' | 'violation'> {
  const batch = 'batch' in frame ? frame.batch : null;
  const results = frame.kind === 'forwardOk' ? frame.results.map(({ firstId }) => firstId) : [];
  const ids =
    batch && batch.messageCount > 0
      ? [batch.firstId, batch.nextId - 1]
      : results.length > 0
        ? [Math.min(...results), Math.max(...results)]
        : null;
  return {
    ...(ids && { ids: ids as [number, number] }),
    ...('epoch' in frame && { epoch: frame.epoch }),
    // A message was there before the frame that brings it.
    ...(batch && batch.endLamport >= sentAt && { violation: true }),
  };
}
