/** Latencies in steps of about two percent: millions of samples in one small array. Milliseconds. */
const stepsPerDoubling = 32;
const leastMs = 0.001;
/** Up to some minutes. */
const steps = stepsPerDoubling * 28;

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export class Histogram {
  readonly #counts = new Uint32Array(steps);
  #count = 0;
  #max = 0;

  add(ms: number): void {
    const step = Math.floor(Math.log2(Math.max(ms, leastMs) / leastMs) * stepsPerDoubling);
    this.#counts[Math.min(step, steps - 1)]!++;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }

  percentiles(): Percentiles {
    return { count: this.#count, p50: this.#at(0.5), p95: this.#at(0.95), p99: this.#at(0.99), max: this.#max };
  }

  /** The middle of the step in which that part of all samples is reached; never more than the highest sample. */
  #at(part: number): number {
    let left = part * this.#count;
    for (let step = 0; step < steps; step++) {
      left -= this.#counts[step]!;
      if (left <= 0 && this.#count > 0) return Math.min(this.#max, leastMs * 2 ** ((step + 0.5) / stepsPerDoubling));
    }
    return 0;
  }
}
