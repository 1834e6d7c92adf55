/** Counts requests by route and status class, how long they took, and frames. Bounded: routes are those of the router. */
import type { Histogram } from '../actors/facade.ts';

const boundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, Number.POSITIVE_INFINITY];
const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'];

interface RouteCounts {
  /** By first digit of the status, less one. */
  readonly byClass: Float64Array;
  /** Not cumulative: one place each. */
  readonly buckets: Float64Array;
  sumSeconds: number;
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
      counts = {
        byClass: new Float64Array(classes.length),
        buckets: new Float64Array(boundsSeconds.length),
        sumSeconds: 0,
      };
      this.#routes.set(route, counts);
    }
    const place = Math.floor(status / 100) - 1;
    counts.byClass[place] = (counts.byClass[place] ?? 0) + 1;
    if (!timed) return;
    let bucket = 0;
    while (seconds > (boundsSeconds[bucket] as number)) bucket++;
    counts.buckets[bucket] = (counts.buckets[bucket] as number) + 1;
    counts.sumSeconds += seconds;
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
    for (const [route, { buckets, sumSeconds }] of this.#routes) {
      let total = 0;
      const counts = Array.from(buckets, (count) => (total += count));
      if (total > 0) yield { route, histogram: { boundsSeconds, counts, sumSeconds } };
    }
  }

  reset(): void {
    this.framesReceived = 0;
    this.framesSent = 0;
    this.#routes.clear();
  }
}
