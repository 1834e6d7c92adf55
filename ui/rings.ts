/**
 * What the page keeps of what passes by: bounded. Pure.
 *
 * U1. Messages stand in the order of the log, (Lamport time, id), each once, whatever order and however often nodes show
 *     them. The oldest go first.
 */
import type { MessageView } from '../actors/observation.ts';

export class MessageRing {
  #rows: MessageView[] = [];
  readonly #capacity: number;
  /** Rows that came in since the beginning, for "250 new". */
  #added = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** In order, oldest first. Another array after each change: who keeps one keeps what was shown. */
  get rows(): readonly MessageView[] {
    return this.#rows;
  }
  get added(): number {
    return this.#added;
  }

  /** True when anything changed. */
  add(rows: readonly MessageView[]): boolean {
    if (rows.length === 0) return false;
    const before = this.#rows;
    this.#rows = [...before];
    let changed = false;
    for (const row of rows) changed = this.#insert(row) || changed;
    const excess = this.#rows.length - this.#capacity;
    if (excess > 0) this.#rows.splice(0, excess);
    if (!changed) this.#rows = before as MessageView[];
    return changed;
  }

  clear(): void {
    this.#rows = [];
  }

  /** From the end: nearly every row is the newest, or a few places away from it. */
  #insert(row: MessageView): boolean {
    let at = this.#rows.length;
    while (at > 0 && compareRows(this.#rows[at - 1] as MessageView, row) > 0) at--;
    const before = this.#rows[at - 1];
    if (before !== undefined && compareRows(before, row) === 0) {
      // A violation is a finding of the node that shows it; the other nodes do not take it back.
      if (before.violation || !row.violation) return false;
      this.#rows[at - 1] = { ...before, violation: true };
      return true;
    }
    this.#rows.splice(at, 0, row);
    this.#added++;
    return true;
  }
}

export const compareRows = (a: MessageView, b: MessageView): number => a.lamport - b.lamport || a.id - b.id;

/**
 * What the feed does not judge, in the order of the log: a Lamport time that is not above all before it is a violation.
 * `lamport`: the highest of what is before these.
 */
export function judged(rows: readonly MessageView[], lamport = 0): readonly MessageView[] {
  let highest = lamport;
  return rows.map((row) => {
    const violation = row.lamport <= highest;
    highest = Math.max(highest, row.lamport);
    return violation ? { ...row, violation } : row;
  });
}

export interface Sample {
  readonly rows: number;
  /** Messages that the log has between the oldest and the newest row: ids have no gaps. */
  readonly span: number;
  /** "1 of N"; 1: nothing is left out. */
  readonly oneOf: number;
}
export function sampleOf(rows: readonly MessageView[]): Sample {
  const first = rows[0];
  const last = rows.at(-1);
  if (first === undefined || last === undefined) return { rows: 0, span: 0, oneOf: 1 };
  const span = Math.max(rows.length, last.id - first.id + 1);
  return { rows: rows.length, span, oneOf: span / rows.length };
}

export interface Point {
  readonly wallMs: number;
  readonly perSecond: number;
  /** Null: nothing was measured. */
  readonly averageMs: number | null;
  readonly p95Ms: number | null;
}

/** One point a second; what comes sooner replaces the newest. */
export class PointRing {
  #points: Point[] = [];
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }
  get points(): readonly Point[] {
    return this.#points;
  }
  replace(points: readonly Point[]): void {
    this.#points = points.slice(-this.#capacity);
  }
  /** True when a new second has begun. */
  add(point: Point): boolean {
    const newest = this.#points.at(-1);
    if (newest !== undefined && point.wallMs - newest.wallMs < 950) return false;
    this.#points.push(point);
    if (this.#points.length > this.#capacity) this.#points.shift();
    return true;
  }
}

/** Columns for a chart; where seconds are missing a gap, never a line across it. */
export function columnsOf(
  points: readonly Point[],
  values: readonly ((point: Point) => number | null)[],
): (number | null)[][] {
  const gapMs = 3000;
  const columns: (number | null)[][] = [[], ...values.map(() => [])];
  let before: Point | undefined;
  for (const point of points) {
    if (before !== undefined && point.wallMs - before.wallMs > gapMs) {
      columns[0]?.push(before.wallMs / 1000 + 1);
      for (const column of columns.slice(1)) column.push(null);
    }
    columns[0]?.push(point.wallMs / 1000);
    for (const [i, value] of values.entries()) columns[i + 1]?.push(value(point));
    before = point;
  }
  return columns;
}
