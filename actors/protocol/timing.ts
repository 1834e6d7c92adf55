/**
 * Waits, derived from what was measured (PROTOCOL §5). None of them carries safety: a test sets them all to 0 and to
 * random values.
 */
export interface TimingConfig {
  /** H: how often all pairs ping. */
  readonly heartbeatMs: number;
  /** Lower bound of TS, after which silence is a suspicion; at least three heartbeats. */
  readonly suspectMs: number;
  /** Lower bound of D, the stagger between ranks. */
  readonly staggerMs: number;
  /** HO: how long a hand-over may take before the leader resumes. */
  readonly handoverMs: number;
  /** TSTABLE: how long a returning higher node must be up and near before it is handed the lead. */
  readonly stableMs: number;
}
export const defaultTiming: TimingConfig = {
  heartbeatMs: 50,
  suspectMs: 250,
  staggerMs: 40,
  handoverMs: 300,
  stableMs: 2000,
};

export interface Measured {
  /** Of the slowest peer: smoothed, variation, and a high quantile. */
  readonly srttMs: number;
  readonly rttvarMs: number;
  readonly rttP99Ms: number;
  /** The same quantile of the nearest peer. */
  readonly nearestRttP99Ms: number;
  readonly fsyncP99Ms: number;
  /** How long this node's own promises took until they were on disk, the longest of the last ones. */
  readonly promiseMs: number;
  /** How late this node's own timers fire. */
  readonly loopLagP99Ms: number;
}

export interface Timing {
  readonly heartbeatMs: number;
  readonly suspectMs: number;
  readonly staggerMs: number;
  readonly handoverMs: number;
  readonly stableMs: number;
  readonly probingMs: number;
  readonly candidateMs: number;
  readonly adoptingMs: number;
}

const clamp = (low: number, value: number, high: number): number => Math.max(low, Math.min(value, high));
const suspectMsMax = 2000;
/** A promise that took longer has waited for something else than a slow disk: for room, for instance. */
const promiseMsMax = 500;

export function timingFrom(config: TimingConfig, measured: Measured): Timing {
  const { srttMs, rttvarMs, rttP99Ms, nearestRttP99Ms, fsyncP99Ms, loopLagP99Ms } = measured;
  const promiseMs = Math.min(promiseMsMax, measured.promiseMs);
  const beat = (rttMs: number): number => clamp(config.heartbeatMs, rttMs / 2, Math.max(250, config.heartbeatMs));
  // It beats for its nearest peer and expects no more of its farthest: whatever their other links are like, both measure
  // the one between them, so that TS spans five heartbeats of any peer.
  const heartbeatMs = beat(nearestRttP99Ms);
  const expectedMs = beat(rttP99Ms);
  const suspectMsMin = Math.max(
    config.suspectMs,
    config.heartbeatMs > 0 ? (config.suspectMs / config.heartbeatMs) * expectedMs : 0,
  );
  return {
    heartbeatMs,
    suspectMs: clamp(
      suspectMsMin,
      srttMs + 4 * rttvarMs + loopLagP99Ms + 4 * expectedMs,
      Math.max(suspectMsMax, config.suspectMs),
    ),
    // A campaign is two promises long, the candidate's and then its voters': who stands sooner than that ends it.
    staggerMs: Math.max(config.staggerMs, 2 * rttP99Ms + 2 * promiseMs),
    handoverMs: Math.max(config.handoverMs, 3 * rttP99Ms + 4 * fsyncP99Ms + 3 * promiseMs),
    stableMs: config.stableMs,
    probingMs: 2 * rttP99Ms + 20,
    candidateMs: 3 * rttP99Ms + 3 * fsyncP99Ms + 3 * promiseMs + 40,
    adoptingMs: 4 * rttP99Ms + 4 * fsyncP99Ms + 100,
  };
}

/** Round-trip time as TCP smooths it (RFC 6298): mean, variation, and an upper quantile by mean + 4 variations. */
export class RoundTrips {
  #srttMs = -1;
  #rttvarMs = 0;

  get measured(): boolean {
    return this.#srttMs >= 0;
  }
  get srttMs(): number {
    return Math.max(0, this.#srttMs);
  }
  get rttvarMs(): number {
    return this.#rttvarMs;
  }
  get p99Ms(): number {
    return this.srttMs + 4 * this.#rttvarMs;
  }

  add(rttMs: number): void {
    if (this.#srttMs < 0) {
      this.#srttMs = rttMs;
      this.#rttvarMs = rttMs / 2;
    } else {
      this.#rttvarMs += (Math.abs(this.#srttMs - rttMs) - this.#rttvarMs) / 4;
      this.#srttMs += (rttMs - this.#srttMs) / 8;
    }
  }
}

/** The highest of the last `size` values: a high quantile, cheap and cautious. */
export class RecentMax {
  readonly #values: Float64Array;
  #next = 0;
  #max = 0;

  constructor(size: number) {
    this.#values = new Float64Array(size);
  }
  add(value: number): void {
    const place = this.#next++ % this.#values.length;
    const gone = this.#values[place] as number;
    this.#values[place] = value;
    if (value >= this.#max) this.#max = value;
    else if (gone === this.#max) this.#max = this.#values.reduce((max, each) => Math.max(max, each), 0);
  }
  get max(): number {
    return this.#max;
  }
}
