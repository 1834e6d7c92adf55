/** A histogram of durations, as Prometheus wants it: cumulative, in seconds, with bounds that never change. */
import type { Histogram } from '../actors/facade.ts';

const boundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, Number.POSITIVE_INFINITY];

export class Durations {
  /** Not cumulative: one place each. */
  readonly #buckets = new Float64Array(boundsSeconds.length);
  #sumSeconds = 0;

  add(seconds: number): void {
    let bucket = 0;
    while (seconds > (boundsSeconds[bucket] as number)) bucket++;
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.#sumSeconds += seconds;
  }

  read(): Histogram {
    let total = 0;
    const counts = Array.from(this.#buckets, (count) => (total += count));
    return { boundsSeconds, counts, sumSeconds: this.#sumSeconds };
  }
}
