/** What all scenarios share: how they see a system, and how a load is measured. */
import type { Book } from './book.ts';
import type { Wanted } from './commandLine.ts';
import type { EngineJob, Seen } from './engine.ts';
import { LoadProcess } from './load.ts';
import type { Running, System, Way } from './systems.ts';

/** One scenario's view of one system. */
export interface Stage {
  readonly system: System;
  readonly running: Running;
  readonly wanted: Wanted;
  readonly book: Book;
  /** Empty; for what is measured beside the system. */
  readonly folder: string;
  say(line: string): void;
}
export type Run = (stage: Stage) => Promise<void>;
interface Described {
  readonly name: string;
  readonly words: string;
  /** Only where it is asked for by name. */
  readonly isLong?: boolean;
  /** Why it cannot be measured with this system; null when it can. */
  unfit(system: System): string | null;
}
/** One run sees the system from its start to its end; each of several has it started anew, in an empty folder. */
export type Scenario = Described & ({ readonly run: Run } | { readonly runsOf: (wanted: Wanted) => readonly Run[] });

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const textBytes = 100;

const settleMs = 300;

/** Runs a load for a while, after it has warmed up. */
export async function measured(
  { system, wanted, say }: Stage,
  way: Way,
  job: EngineJob,
  ms = wanted.seconds * 1000,
): Promise<Seen> {
  const load = await LoadProcess.start(system.name, way.name, job);
  try {
    await pause(Math.min(1_000, ms / 2));
    await load.mark();
    await pause(ms);
    const seen = await load.look();
    const troubles = [
      ...Object.entries(seen.refused).map(([why, count]) => `${count} refused (${why})`),
      ...(seen.lost > 0 ? [`${seen.lost} lost`] : []),
    ];
    if (troubles.length > 0) say(`    ${way.name}: ${troubles.join(', ')}`);
    return seen;
  } finally {
    await load.end();
    // What was under way is still worked on, and would be taken from the next one's time.
    await pause(settleMs);
  }
}
export const perSecond = ({ acknowledged, ms }: Seen): number => (acknowledged * 1000) / ms;

export const words = (value: number): string => Math.round(value).toLocaleString('en-US');
export const times = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
