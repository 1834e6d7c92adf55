/** What is said of many samples. Pure; empty samples give zeros, so that a run without any success still has a result. */
import type { Spread } from './results.ts';

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

const ascending = (values: readonly number[]): readonly number[] => [...values].sort((a, b) => a - b);

/** The measured value that `share` of all do not exceed (nearest rank). `sorted` is ascending. */
const rank = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;

export function spreadOf(values: readonly number[]): Spread {
  const sorted = ascending(values);
  const count = sorted.length;
  const average = count === 0 ? 0 : sorted.reduce((sum, value) => sum + value, 0) / count;
  const squares = sorted.reduce((sum, value) => sum + (value - average) ** 2, 0);
  return {
    count,
    average: rounded(average),
    min: rounded(sorted[0] ?? 0),
    p50: rounded(rank(sorted, 0.5)),
    p95: rounded(rank(sorted, 0.95)),
    p99: rounded(rank(sorted, 0.99)),
    max: rounded(sorted[count - 1] ?? 0),
    stdev: rounded(count < 2 ? 0 : Math.sqrt(squares / (count - 1))),
  };
}

/** The steps of the empirical distribution: at each value the share of samples that are not greater. */
export function distributionOf(values: readonly number[]): readonly (readonly [value: number, share: number])[] {
  const sorted = ascending(values);
  return sorted.map((value, i) => [value, (i + 1) / sorted.length] as const);
}

export interface Gap {
  readonly fromMs: number;
  readonly ms: number;
}

/** The longest time without any of these moments between `from` and `to`; it may begin before or end after a fault. */
export function longestGap(moments: readonly number[], from: number, to: number): Gap {
  let longest: Gap = { fromMs: from, ms: 0 };
  let last = from;
  for (const moment of [...ascending(moments.filter((each) => each > from && each < to)), to]) {
    if (moment - last > longest.ms) longest = { fromMs: rounded(last), ms: rounded(moment - last) };
    last = moment;
  }
  return longest;
}

/** Times of a run to a microsecond; more is noise. */
export const ms = rounded;
