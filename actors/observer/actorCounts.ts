/**
 * Actor counts: what each actor was told, counted where it is delivered.
 *
 * A1. Only while somebody wants it is anything counted; it begins at zero each time.
 */
import type { EventObject } from 'xstate';
import type { ActorView } from '../observation.ts';
import type { WallClock } from '../ports.ts';
import type { Tap } from '../system.ts';

const maxLast = 8;
const rateWindowMs = 1000;

interface Count {
  events: number;
  /** When the window of the rate began. */
  counted: number;
  perSecond: number;
  readonly last: ActorView['last'][number][];
}
export type Counted = Pick<ActorView, 'events' | 'perSecond' | 'last'>;

export class ActorCounts implements Tap {
  readonly #wallClock: WallClock;
  readonly #counts = new Map<string, Count>();
  #windowAt = 0;
  delivered: Tap['delivered'] = null;

  constructor(wallClock: WallClock) {
    this.#wallClock = wallClock;
  }

  want(wanted: boolean, now: number): void {
    if (wanted === (this.delivered !== null)) return;
    this.#counts.clear();
    this.#windowAt = now;
    this.delivered = wanted ? (from, to, event) => this.#count(from, to, event) : null;
  }

  #count(from: string | null, to: string, { type: event }: EventObject): void {
    let count = this.#counts.get(to);
    if (!count) {
      count = { events: 0, counted: 0, perSecond: 0, last: [] };
      this.#counts.set(to, count);
    }
    count.events++;
    count.last.push({ event, from, wallMs: this.#wallClock.now() });
    if (count.last.length > maxLast) count.last.shift();
  }

  /** Rates are of the last whole second or so. */
  turn(now: number): void {
    const ms = now - this.#windowAt;
    if (ms < rateWindowMs) return;
    this.#windowAt = now;
    for (const count of this.#counts.values()) {
      count.perSecond = ((count.events - count.counted) * 1000) / ms;
      count.counted = count.events;
    }
  }

  of(id: string): Counted {
    const count = this.#counts.get(id);
    return count ? { events: count.events, perSecond: count.perSecond, last: [...count.last] } : nothing;
  }
}

const nothing: Counted = { events: 0, perSecond: 0, last: [] };
