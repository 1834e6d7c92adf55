/** What was measured: rows, and for each row and system its samples. Goes as it is into the JSON file. */

export interface Row {
  readonly id: string;
  /** As in --only. */
  readonly scenario: string;
  readonly words: string;
  readonly unit: string;
  readonly best: 'high' | 'low';
}
export interface Figure {
  readonly row: string;
  readonly system: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: readonly number[];
  /** How it was reached, where there was a choice. */
  readonly note?: string;
}
/** Of a scenario that ends in yes or no. */
export interface Verdict {
  readonly scenario: string;
  readonly system: string;
  readonly held: boolean;
  /** One line for each thing that was looked at, with what was found. */
  readonly lines: readonly string[];
  readonly series?: Readonly<Record<string, readonly number[]>>;
}
export interface Measured {
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
  readonly verdicts: readonly Verdict[];
  readonly failures: readonly { readonly scenario: string; readonly system: string; readonly words: string }[];
}

/** Of an even number, the mean of the middle two. */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new Error('the median of nothing');
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const isThroughput = ({ best }: Row): boolean => best === 'high';

export class Book {
  readonly #rows = new Map<string, Row>();
  readonly #samples = new Map<string, { row: Row; system: string; samples: number[]; note?: string }>();
  readonly verdicts: Verdict[] = [];
  readonly failures: { scenario: string; system: string; words: string }[] = [];

  add(row: Row, system: string, sample: number, note?: string): void {
    if (!Number.isFinite(sample)) throw new Error(`${row.id} of ${system} is ${sample}`);
    this.#rows.set(row.id, row);
    const key = `${row.id} ${system}`;
    const entry = this.#samples.get(key) ?? { row, system, samples: [], ...(note !== undefined && { note }) };
    entry.samples.push(sample);
    this.#samples.set(key, entry);
  }

  measured(): Measured {
    return {
      rows: [...this.#rows.values()],
      figures: [...this.#samples.values()].map(({ row, system, samples, note }) => ({
        row: row.id,
        system,
        median: median(samples),
        min: Math.min(...samples),
        max: Math.max(...samples),
        samples,
        ...(note !== undefined && { note }),
      })),
      verdicts: this.verdicts,
      failures: this.failures,
    };
  }
}
