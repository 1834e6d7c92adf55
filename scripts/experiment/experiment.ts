/** What an experiment gets and gives. */
import type { Cluster } from './cluster.ts';
import type { Settings } from './commandLine.ts';
import type { ExperimentName, Experiments, Promised } from './results.ts';
import type { Say } from './say.ts';

export interface Context {
  readonly cluster: Cluster;
  /** Milliseconds since the run began. */
  readonly now: () => number;
  /** Begins every text of this run. */
  readonly name: string;
  readonly settings: Settings;
  readonly say: Say;
}

export type Measured<Name extends ExperimentName> = Experiments[Name] & { readonly promises: readonly Promised[] };
export type Measure<Name extends ExperimentName> = (context: Context) => Promise<Measured<Name>>;
