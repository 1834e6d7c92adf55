/** The JSON file of a bench. */
import type { Measured } from './book.ts';
import type { Wanted } from './commandLine.ts';
import type { Machine } from './machine.ts';

export interface BenchResult extends Measured {
  readonly began: string;
  readonly seconds: number;
  readonly wanted: Wanted;
  readonly machine: Machine;
  readonly systems: readonly {
    readonly name: string;
    readonly version: string;
    readonly settings: Readonly<Record<string, string>>;
    readonly ackMeans: string;
    readonly ways: readonly { readonly name: string; readonly words: string }[];
  }[];
  /** Names among the figures that are no logs: what the machine allows at most. */
  readonly limits: readonly string[];
  /** Why systems were left out. */
  readonly missing: Readonly<Record<string, string>>;
}
