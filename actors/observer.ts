/**
 * Observer: makes what people see of this node, and brings it together with what the peers made of themselves.
 *
 *   watchers on this node --views.wanted--> observer --WATCH, once a second--> peers
 *                         <----- views -----         <---VIEW, every 100 ms---
 *
 * A1. While nobody looks, nothing is counted, sampled or traced, no timer runs and no frame is sent. A peer's WATCH is good
 *     for `watchMs`.
 * A2. Looking must not delay the log: a view is skipped when its connection has anything worth mentioning to send, and to
 *     a far or busy peer there is never more than one on the way.
 * A3. What peers send is shown at most, and only when it has the shape of a view of themselves.
 * A4. Whoever begins to look gets the whole story; after that a view has what was told since the story was whole, and
 *     every `wholeStoryMs` it is whole again, for those who missed a view.
 */
import { send } from './clock.ts';
import type { ObserverEvent, Viewer } from './events.ts';
import { Look, type LookSettings } from './look.ts';
import {
  type MetricsView,
  maxOneOf,
  type NodeView,
  type SeenView,
  viewEveryMs,
  type Wanted,
  watchMs,
} from './observation.ts';
import { MessageSample } from './observer/messageSample.ts';
import { PeerViews } from './observer/peerViews.ts';
import type { NodeRecord } from './observer/record.ts';
import { type FittedView, fitted } from './observer/viewText.ts';
import type { Ports } from './ports.ts';
import type { Batch } from './protocol/batch.ts';
import type { NodeId } from './protocol/epoch.ts';
import { type Scope, type ServiceLogic, service, tell } from './system.ts';
import { Wake } from './wake.ts';

export interface ObserverInput extends LookSettings {
  readonly ports: Pick<Ports, 'clock' | 'wallClock'>;
  readonly record: NodeRecord;
}

/** How often peers are asked; well within `watchMs`. */
const askEveryMs = 1000;
/** With more than this waiting to be sent, a connection has better things to do. */
const maxBufferedBytes = 16 * 1024;
const wholeStoryMs = 5000;
/** Averages and percentiles take a millisecond to work out, and change slowly. */
const metricsEveryMs = 500;

const noMetrics: MetricsView = {
  sent: 0,
  received: 0,
  violations: 0,
  elections: 0,
  averageMs: 0,
  p95Ms: 0,
  perSecond: 0,
};

interface Asker {
  readonly wanted: Wanted;
  readonly until: number;
  readonly nextAt: number;
}

/** What all of them want together; null when there is nobody. */
export function unionOf(all: readonly Wanted[]): Wanted | null {
  if (all.length === 0) return null;
  return {
    trace: all.some(({ trace }) => trace),
    actors: all.some(({ actors }) => actors),
    oneOf: all.reduce((least, { trace, oneOf }) => (trace ? Math.min(least, oneOf) : least), Number.POSITIVE_INFINITY),
  };
}

/** A peer would take anything else for a malformed frame. */
const withinBounds = (wanted: Wanted): Wanted => ({
  ...wanted,
  oneOf: Math.min(maxOneOf, Math.max(1, Math.floor(wanted.oneOf) || 1)),
});

export class Observer {
  readonly #input: ObserverInput;
  readonly #scope: Scope;
  readonly #look: Look;
  readonly #wake: Wake;
  readonly #viewers = new Map<Viewer, Wanted>();
  readonly #askers = new Map<NodeId, Asker>();
  readonly #peerViews = new PeerViews();
  readonly #sample = new MessageSample();
  readonly #committed = (_: unknown, batches: readonly Batch[]): void => this.#sample.add(batches);
  /** The sessions that tell of commits: they are not there before the log is recovered. */
  #sessions: unknown;
  #seq = 0;
  #askAt = 0;
  /** A4. */
  #wholeAt = 0;
  #wholeUntil = 0;
  #metricsAt = Number.NEGATIVE_INFINITY;
  #lastMetrics: MetricsView = noMetrics;

  constructor(input: ObserverInput, scope: Scope) {
    this.#input = input;
    this.#scope = scope;
    this.#look = new Look(scope.system, input);
    this.#wake = new Wake(input.ports.clock, () => tell(scope, 'observer', { type: 'view.due' }));
  }

  /** Views that were nonsense, unasked for, or too many. */
  get refused(): number {
    return this.#peerViews.refused;
  }
  get isWatched(): boolean {
    return this.#viewers.size + this.#askers.size > 0;
  }

  receive(event: ObserverEvent): void {
    const now = this.#input.ports.clock.now();
    switch (event.type) {
      case 'views.wanted':
        this.#viewers.set(event.viewer, withinBounds(event.wanted));
        this.#askAt = now;
        this.#wholeAt = now;
        return this.#begin(now);
      case 'views.unwanted':
        this.#viewers.delete(event.viewer);
        return this.#record(now);
      case 'watch.received': {
        const nextAt = this.#askers.get(event.peer)?.nextAt ?? now;
        if (!this.#askers.has(event.peer)) this.#wholeAt = now;
        this.#askers.set(event.peer, { wanted: event.frame.wanted, until: now + watchMs, nextAt });
        return this.#begin(now);
      }
      case 'view.received':
        if (this.#viewers.size > 0) this.#peerViews.arrived(event.peer, event.frame.bytes, now);
        else this.#peerViews.refused++;
        return;
      case 'view.due':
        return this.#turn(now);
    }
  }

  stop(): void {
    this.#wake.cancel();
  }

  #begin(now: number): void {
    this.#record(now);
    this.#wake.by(now + viewEveryMs);
  }

  /** Records what is wanted, and nothing else. */
  #record(now: number): void {
    const { trace, counts } = this.#input.record;
    const wanted = unionOf([...this.#viewers.values(), ...[...this.#askers.values()].map((asker) => asker.wanted)]);
    const oneOf = wanted?.trace ? wanted.oneOf : null;
    trace.want(oneOf);
    counts.want(wanted?.actors ?? false, now);
    if (this.#viewers.size === 0) this.#peerViews.forget();
    this.#followCommits(wanted !== null);
  }
  #followCommits(wanted: boolean): void {
    const sessions = wanted ? this.#look.inside('sessions') : undefined;
    if (sessions === this.#sessions) return;
    this.#sessions = sessions;
    this.#sample.begin(this.#look.log?.commitLamport ?? 0);
    tell(this.#scope, 'sessions', {
      type: sessions ? 'commit.watched' : 'commit.unwatched',
      listener: this.#committed,
    });
  }

  /** Every 100 ms, as long as somebody looks. */
  #turn(now: number): void {
    for (const [peer, { until }] of this.#askers) if (until <= now) this.#askers.delete(peer);
    if (this.#look.is('stopped')) {
      this.#viewers.clear();
      this.#askers.clear();
    }
    this.#record(now);
    if (!this.isWatched) return;
    this.#wake.by(now + viewEveryMs);
    if (this.#viewers.size > 0) this.#ask(now);
    const own = fitted(this.#view(now));
    this.#answer(own, now);
    if (this.#viewers.size === 0) return;
    const views: SeenView[] = [{ ageMs: 0, view: own.view }, ...this.#peerViews.turn(now)];
    for (const { show } of this.#viewers.keys()) show(views);
  }

  #ask(now: number): void {
    const wanted = unionOf([...this.#viewers.values()]);
    if (now < this.#askAt || !wanted) return;
    this.#askAt = now + askEveryMs;
    const oneOf = wanted.trace ? wanted.oneOf : 1;
    for (const peer of this.#look.peers)
      if (this.#isUp(peer)) send(this.#scope, peer, { kind: 'watch', wanted: { ...wanted, oneOf } });
  }
  #isUp(peer: NodeId): boolean {
    return this.#look.chart(`link:${peer}`)?.matches({ connected: 'up' }) ?? false;
  }

  #answer(own: FittedView, now: number): void {
    const { trace, actors, ...rest } = own.view;
    for (const [peer, asker] of this.#askers) {
      const wire = this.#look.inside(`wire:${peer}`);
      if (now < asker.nextAt || !wire || !this.#isUp(peer) || wire.bufferedBytes > maxBufferedBytes) continue;
      const { wanted } = asker;
      const isWhole = (wanted.trace || !trace) && (wanted.actors || !actors);
      const view: NodeView = {
        ...rest,
        ...(wanted.trace && trace && { trace }),
        ...(wanted.actors && actors && { actors }),
      };
      send(this.#scope, peer, { kind: 'view', bytes: isWhole ? own.bytes : Buffer.from(JSON.stringify(view)) });
      // On a thin line the round trip shows how much is on the way.
      const roundTripMs = wire.roundTrips.measured ? wire.roundTrips.srttMs : 0;
      if (roundTripMs > viewEveryMs) this.#askers.set(peer, { ...asker, nextAt: now + roundTripMs });
    }
  }

  #view(now: number): NodeView {
    const { ports, nodeId, record } = this.#input;
    const { trace, counts, story } = record;
    const look = this.#look;
    counts.turn(now);
    return {
      node: nodeId,
      boot: look.boot,
      seq: ++this.#seq,
      wallMs: ports.wallClock.now(),
      ...look.views(look.status, story.errors),
      metrics: this.#metrics(now),
      story: this.#story(now),
      messages: this.#sample.take(),
      ...(trace.isOn && { trace: trace.take() }),
      ...(counts.delivered && { actors: look.actors(counts) }),
    };
  }

  /** A4. */
  #story(now: number): NodeView['story'] {
    const { story } = this.#input.record;
    if (now < this.#wholeAt) return story.since(this.#wholeUntil);
    this.#wholeAt = now + wholeStoryMs;
    this.#wholeUntil = story.told;
    return story.stories;
  }

  #metrics(now: number): MetricsView {
    if (now < this.#metricsAt + metricsEveryMs) return this.#lastMetrics;
    const reading = this.#look.metrics;
    this.#metricsAt = now;
    this.#lastMetrics = {
      sent: reading.messagesSent,
      received: reading.messagesReceived,
      violations: reading.causalityViolations,
      elections: reading.leaderElections,
      averageMs: reading.averageLatencyMs,
      p95Ms: reading.p95LatencyMs,
      perSecond: reading.messagesPerSecond,
    };
    return this.#lastMetrics;
  }
}

export const observer: ServiceLogic<ObserverEvent, ObserverInput> = service(
  (input: ObserverInput, scope) => new Observer(input, scope),
);
