/**
 * Counts requests by method, route and status class, how long they took, and frames. Bounded: routes are those of the router,
 * methods the few that it knows.
 */
import type { Histogram } from '../actors/facade.ts';
import { Durations } from './durations.ts';

const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'];

const methods: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);

interface RouteCounts {
  readonly method: string;
  readonly route: string;
  /** By first digit of the status, less one. */
  readonly byClass: Float64Array;
  readonly durations: Durations;
}

interface Asked {
  readonly method: string;
  readonly route: string;
}

export class HttpMetrics {
  /** Of append streams: frames that came, and answers to them. */
  framesReceived = 0;
  framesSent = 0;
  readonly #routes = new Map<string, RouteCounts>();

  /** `timed` is false for live tails: how long somebody listens is no latency. `asked`: the method. */
  observe(route: string, status: number, seconds: number, timed = true, asked?: string): void {
    const method = methods.has(asked) ? (asked as string) : 'other';
    const name = `${method} ${route}`;
    let counts = this.#routes.get(name);
    if (counts === undefined) {
      counts = { method, route, byClass: new Float64Array(classes.length), durations: new Durations() };
      this.#routes.set(name, counts);
    }
    const place = Math.floor(status / 100) - 1;
    counts.byClass[place] = (counts.byClass[place] ?? 0) + 1;
    if (timed) counts.durations.add(seconds);
  }

  /** Requests by method, route and status class, such as '2xx'; only what has happened. */
  *requests(): Generator<Asked & { readonly status: string; readonly count: number }> {
    for (const { method, route, byClass } of this.#routes.values()) {
      for (const [place, status] of classes.entries()) {
        const count = byClass[place] as number;
        if (count > 0) yield { method, route, status, count };
      }
    }
  }

  *durations(): Generator<Asked & { readonly histogram: Histogram }> {
    for (const { method, route, durations } of this.#routes.values()) {
      const histogram = durations.read();
      if (Number(histogram.counts.at(-1)) > 0) yield { method, route, histogram };
    }
  }

  reset(): void {
    this.framesReceived = 0;
    this.framesSent = 0;
    this.#routes.clear();
  }
}
