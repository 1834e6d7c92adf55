/** Counts requests by route and status class, how long they took, and frames. Bounded: routes are those of the router. */
import type { Histogram } from '../actors/facade.ts';
import { Durations } from './durations.ts';

const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'];

interface RouteCounts {
  /** By first digit of the status, less one. */
  readonly byClass: Float64Array;
  readonly durations: Durations;
}

export class HttpMetrics {
  /** Of append streams: frames that came, and answers to them. */
  framesReceived = 0;
  framesSent = 0;
  readonly #routes = new Map<string, RouteCounts>();

  /** `timed` is false for live tails: how long somebody listens is no latency. */
  observe(route: string, status: number, seconds: number, timed = true): void {
    let counts = this.#routes.get(route);
    if (counts === undefined) {
      counts = { byClass: new Float64Array(classes.length), durations: new Durations() };
      this.#routes.set(route, counts);
    }
    const place = Math.floor(status / 100) - 1;
    counts.byClass[place] = (counts.byClass[place] ?? 0) + 1;
    if (timed) counts.durations.add(seconds);
  }

  /** Requests by route and status class, such as '2xx'; only what has happened. */
  *requests(): Generator<{ readonly route: string; readonly status: string; readonly count: number }> {
    for (const [route, { byClass }] of this.#routes) {
      for (const [place, status] of classes.entries()) {
        const count = byClass[place] as number;
        if (count > 0) yield { route, status, count };
      }
    }
  }

  *durations(): Generator<{ readonly route: string; readonly histogram: Histogram }> {
    for (const [route, { durations }] of this.#routes) {
      const histogram = durations.read();
      if (Number(histogram.counts.at(-1)) > 0) yield { route, histogram };
    }
  }

  reset(): void {
    this.framesReceived = 0;
    this.framesSent = 0;
    this.#routes.clear();
  }
}
