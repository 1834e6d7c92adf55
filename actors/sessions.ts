/**
 * Sessions: the desk for client reads (PROTOCOL §6, §8). A read is let through once this node has committed what its
 * client has seen, and, when it must be linearizable, what the leader had committed when the read came.
 *
 * A1. Each request is settled exactly once, at its deadline at the latest.
 * A2. Every attempt at a read index has a fresh nonce; an answer to an older attempt confirms nothing.
 */
import { send } from './clock.ts';
import type { BatchesListener, SessionsEvent } from './events.ts';
import type { ReadPoint, ReadRequest, Trouble } from './facade.ts';
import type { Clock } from './ports.ts';
import type { Index, Lamport, NodeId } from './protocol/epoch.ts';
import { type Scope, type ServiceLogic, service, tell } from './system.ts';
import { absurdToken, notCaughtUp } from './token.ts';
import { Wake } from './wake.ts';

export interface SessionsInput {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly commit: Index;
  readonly commitLamport: Lamport;
  readonly lastId: number;
  /** Of the newest committed message. */
  readonly lastLamport: Lamport;
}

interface Waiting {
  readonly request: ReadRequest;
  readonly settle: (outcome: ReadPoint | Trouble) => void;
  readonly deadlineAt: number;
  /** The index that must be committed here; null while the leader has not said. */
  index: Index | null;
  nonce: number;
  attempts: number;
  /** When the next attempt is due; Infinity for a read that asks nobody. */
  askAgainAt: number;
}

/** An attempt that got no answer is made anew, with a fresh nonce; the next waits twice as long: the leader may be far. */
const askAgainMs = 100;
/** After a NO. */
const askSoonMs = 25;
const maxWaiting = 100_000;

export class Sessions {
  readonly #input: SessionsInput;
  readonly #scope: Scope;
  readonly #wake: Wake;
  readonly #waiting = new Set<Waiting>();
  readonly #asked = new Map<number, Waiting>();
  readonly #listeners = new Set<BatchesListener>();
  #leader: NodeId | null = null;
  #nonce = 0;
  #commit: Index;
  #commitLamport: Lamport;
  #point: ReadPoint;

  constructor(input: SessionsInput, scope: Scope) {
    this.#input = input;
    this.#scope = scope;
    this.#commit = input.commit;
    this.#commitLamport = input.commitLamport;
    this.#point = { kind: 'ready', lastId: input.lastId, lastLamport: input.lastLamport };
    this.#wake = new Wake(input.clock, () => tell(scope, 'sessions', { type: 'deadline.due' }));
  }

  get waiting(): number {
    return this.#waiting.size;
  }
  get watching(): number {
    return this.#listeners.size;
  }

  receive(event: SessionsEvent): void {
    switch (event.type) {
      case 'read.requested':
        return this.#take(event.request, event.settle);
      case 'commit.advanced':
        this.#commit = event.commit;
        this.#commitLamport = event.lamport;
        for (const batch of event.batches)
          if (batch.type === 'data')
            this.#point = { kind: 'ready', lastId: event.lastId, lastLamport: batch.endLamport };
        for (const waiting of this.#waiting) this.#serveIfReady(waiting);
        for (const listener of this.#listeners) listener(this.#point, event.batches);
        return;
      case 'leader.changed':
        this.#leader = event.leader;
        return this.#askAllAgain();
      case 'peer.disconnected':
        return;
      case 'readIndexOk.received':
        return this.#confirmed(event.frame.nonce, event.frame.index);
      case 'readIndex.confirmed':
        return this.#confirmed(event.nonce, event.index);
      case 'readIndexNo.received':
        return this.#notConfirmed(event.frame.nonce);
      case 'readIndex.refused':
        return this.#notConfirmed(event.nonce);
      case 'commit.watched':
        this.#listeners.add(event.listener);
        return;
      case 'commit.unwatched':
        this.#listeners.delete(event.listener);
        return;
      case 'deadline.due':
        return this.#look();
    }
  }

  stop(): void {
    this.#wake.cancel();
    for (const waiting of this.#waiting)
      this.#settle(waiting, {
        kind: 'trouble',
        code: 'STOPPING',
        outcome: 'not_done',
        detail: 'this node has stopped',
      });
  }

  #take(request: ReadRequest, settle: Waiting['settle']): void {
    const { clock } = this.#input;
    const token = request.lamportTime ?? 0;
    const absurd = absurdToken(token, this.#commitLamport);
    if (absurd) return settle(absurd);
    if (this.#waiting.size >= maxWaiting)
      return settle({
        kind: 'trouble',
        code: 'OVERLOADED',
        outcome: 'not_done',
        detail: `${this.#waiting.size} reads are waiting`,
        retryAfterMs: 1000,
      });
    const waiting: Waiting = {
      request,
      settle,
      deadlineAt: clock.now() + request.timeoutMs,
      index: request.linearizable ? null : 0,
      nonce: 0,
      attempts: 0,
      askAgainAt: Number.POSITIVE_INFINITY,
    };
    this.#waiting.add(waiting);
    if (request.linearizable) this.#ask(waiting);
    this.#serveIfReady(waiting);
    if (this.#waiting.has(waiting)) this.#wake.by(waiting.deadlineAt);
  }

  #ask(waiting: Waiting): void {
    const { self, clock } = this.#input;
    this.#asked.delete(waiting.nonce);
    waiting.nonce = ++this.#nonce;
    waiting.askAgainAt = clock.now() + askAgainMs * 2 ** waiting.attempts++;
    this.#asked.set(waiting.nonce, waiting);
    this.#wake.by(waiting.askAgainAt);
    if (this.#leader === self) tell(this.#scope, 'pipeline', { type: 'readIndex.local', nonce: waiting.nonce });
    else if (this.#leader !== null) send(this.#scope, this.#leader, { kind: 'readIndex', nonce: waiting.nonce });
  }
  #askAllAgain(): void {
    for (const waiting of this.#waiting) {
      if (waiting.index !== null) continue;
      waiting.attempts = 0;
      this.#ask(waiting);
    }
  }

  #confirmed(nonce: number, index: Index): void {
    const waiting = this.#asked.get(nonce);
    if (!waiting) return;
    this.#asked.delete(nonce);
    waiting.index = index;
    waiting.askAgainAt = Number.POSITIVE_INFINITY;
    this.#serveIfReady(waiting);
  }
  /** The asked node does not lead, or not yet: soon again. */
  #notConfirmed(nonce: number): void {
    const waiting = this.#asked.get(nonce);
    if (!waiting) return;
    waiting.askAgainAt = Math.min(waiting.askAgainAt, this.#input.clock.now() + askSoonMs);
    this.#wake.by(waiting.askAgainAt);
  }

  #serveIfReady(waiting: Waiting): void {
    const { index, request } = waiting;
    if (index === null || this.#commit < index || this.#commitLamport < (request.lamportTime ?? 0)) return;
    this.#settle(waiting, this.#point);
  }

  #settle(waiting: Waiting, outcome: ReadPoint | Trouble): void {
    this.#waiting.delete(waiting);
    this.#asked.delete(waiting.nonce);
    waiting.settle(outcome);
  }

  #look(): void {
    const now = this.#input.clock.now();
    for (const waiting of this.#waiting) {
      if (waiting.deadlineAt <= now) this.#settle(waiting, this.#tooLate(waiting));
      else {
        if (waiting.askAgainAt <= now) this.#ask(waiting);
        this.#wake.by(Math.max(Math.min(waiting.deadlineAt, waiting.askAgainAt), now + 10));
      }
    }
  }

  #tooLate({ index, request }: Waiting): Trouble {
    const trouble = { kind: 'trouble', outcome: 'not_done', retryAfterMs: 200 } as const;
    if (index === null && this.#leader === null)
      return { ...trouble, code: 'NO_LEADER', detail: 'no majority has a leader' };
    if (index === null)
      return {
        ...trouble,
        code: 'NOT_LINEARIZABLE',
        detail: `node ${this.#leader} did not confirm that it still leads`,
      };
    return notCaughtUp(request.lamportTime ?? 0, this.#commitLamport);
  }
}

export const sessions: ServiceLogic<SessionsEvent, SessionsInput> = service(
  (input: SessionsInput, scope) => new Sessions(input, scope),
);
