/**
 * Lamport clock (Lamport 1978): the only owner of this node's logical time.
 *
 * Every frame that leaves or enters the node passes through here, and so does every batch before it is encoded: that is
 * how the time gets onto them, and how theirs gets in. It also hands arriving frames to the actor that deals with them.
 *
 * A1. The number never goes back; the log's entries and the peers' frames restore it after a restart (PROTOCOL §9).
 * A2. Sending work or votes adds one; receiving takes max + 1; PING, the greetings, WATCH and VIEW take the max alone.
 * A3. While nobody traces, tracing costs a look at one boolean a frame.
 */
import type { ClockEvent } from './events.ts';
import type { Trace } from './observer/trace.ts';
import type { Lamport } from './protocol/epoch.ts';
import type { Frame, FrameKind } from './protocol/frames.ts';
import { type Scope, type ServiceLogic, service, tell, tellWire } from './system.ts';

/** Authenticated peers may jump the clock so far, so that nobody exhausts the safe integers (PROTOCOL §9, guard). */
export const maxPeerLamport = 2 ** 52;

/** What is no event of the log: people who look on must not move it either. */
const quiet: ReadonlySet<FrameKind> = new Set(['ping', 'hello', 'greeted', 'proposal', 'watch', 'view']);

const deliveredTo = {
  hello: 'formation',
  proposal: 'formation',
  ping: 'election',
  probe: 'election',
  probeOk: 'election',
  probeNo: 'election',
  prepare: 'election',
  promise: 'election',
  nack: 'election',
  handover: 'election',
  fetch: 'pipeline',
  fetchBack: 'pipeline',
  gone: 'pipeline',
  data: 'pipeline',
  append: 'pipeline',
  ack: 'pipeline',
  reject: 'pipeline',
  forward: 'pipeline',
  readIndex: 'pipeline',
  forwardOk: 'ingress',
  forwardNo: 'ingress',
  readIndexOk: 'sessions',
  readIndexNo: 'sessions',
  watch: 'observer',
  view: 'observer',
} as const satisfies Record<Exclude<FrameKind, 'greeted'>, string>;

export interface ClockInput {
  /** Of the log's last entry. */
  readonly lamport: Lamport;
  readonly trace: Trace;
}

export class LamportClock {
  #time: Lamport;
  readonly #trace: Trace;
  readonly #scope: Scope;

  constructor(input: ClockInput, scope: Scope) {
    this.#time = input.lamport;
    this.#trace = input.trace;
    this.#scope = scope;
  }

  get time(): Lamport {
    return this.#time;
  }

  receive(event: ClockEvent): void {
    switch (event.type) {
      case 'frame.send':
        if (!quiet.has(event.frame.kind)) this.#time++;
        if (this.#trace.isOn) this.#trace.sent(event.peer, event.frame, this.#time);
        tellWire(this.#scope, event.peer, { type: 'frame.out', frame: event.frame, lamport: this.#time });
        return;
      case 'frame.received':
        this.#time =
          Math.max(this.#time, Math.min(event.lamport, maxPeerLamport)) + (quiet.has(event.frame.kind) ? 0 : 1);
        if (this.#trace.isOn) this.#trace.received(event.peer, event.frame, event.lamport, this.#time);
        this.#deliver(event);
        return;
      case 'batch.stamp': {
        // One time an entry: the first now, the last is where the clock stands afterwards.
        const firstLamport = Math.max(this.#time, event.floor) + 1;
        this.#time = firstLamport + event.count - 1;
        tell(this.#scope, 'pipeline', { type: 'batch.stamped', epoch: event.epoch, firstLamport });
      }
    }
  }

  #deliver({ peer, connection, frame, roundTripSentAt, rttMs }: Extract<ClockEvent, { type: 'frame.received' }>): void {
    if (frame.kind === 'greeted') return; // The link has it already: it is part of the greeting.
    const type = `${frame.kind}.received`;
    // The table above is what makes this pairing right; the compiler cannot follow it through a computed type.
    tell(this.#scope, deliveredTo[frame.kind], { type, peer, connection, frame, roundTripSentAt, rttMs } as never);
  }
}

export const send = (scope: Scope, peer: number, frame: Frame): void =>
  tell(scope, 'clock', { type: 'frame.send', peer, frame });

export const clock: ServiceLogic<ClockEvent, ClockInput> = service(
  (input: ClockInput, scope) => new LamportClock(input, scope),
);
