/** What many runs had in all, and its words. */
import { type FaultName, faultNames } from './faults.ts';
import type { Counts, Result } from './run.ts';

export class Totals {
  seeds = 0;
  steps = 0;
  simulatedMs = 0;
  coreMs = 0;
  readonly #counts = new Map<keyof Counts, number>();
  readonly #faults = new Map<FaultName, number>();
  readonly #failpoints = new Map<string, number>();

  add({ counts, faults, failpoints, steps, simulatedMs }: Result, coreMs: number): void {
    this.seeds++;
    this.steps += steps;
    this.simulatedMs += simulatedMs;
    this.coreMs += coreMs;
    const sum = <K>(into: Map<K, number>, from: Iterable<readonly [K, number]>): void => {
      for (const [name, count] of from) into.set(name, (into.get(name) ?? 0) + count);
    };
    sum(this.#counts, Object.entries(counts) as [keyof Counts, number][]);
    sum(this.#faults, faults);
    sum(this.#failpoints, failpoints);
  }

  #count(name: keyof Counts): number {
    return this.#counts.get(name) ?? 0;
  }
  /** Simulated seconds of a cluster in one second of one core. */
  get clusterSecondsPerSecond(): number {
    return this.coreMs === 0 ? 0 : this.simulatedMs / this.coreMs;
  }

  get progress(): string {
    return (
      `${this.seeds} seeds, ${(this.simulatedMs / 3.6e6).toFixed(2)} h simulated, ` +
      `${this.#count('acknowledged')} writes acknowledged, ${this.#count('elections')} elections, ` +
      `${this.#count('powerCuts')} power cuts`
    );
  }

  get lines(): readonly string[] {
    const n = (name: keyof Counts): string => this.#count(name).toLocaleString('en');
    const named = (counts: ReadonlyMap<string, number>, names: readonly string[]): string =>
      names
        .filter((name) => counts.has(name))
        .map((name) => `${name} ${counts.get(name)}`)
        .join(', ');
    return [
      `simulated    ${(this.simulatedMs / 3.6e6).toFixed(2)} hours, ${this.steps.toLocaleString('en')} steps, ${this.seeds} seeds, ` +
        `${this.clusterSecondsPerSecond.toFixed(1)} cluster-seconds a second of one core`,
      `broken       ${n('crashes')} crashes, ${n('powerCuts')} power cuts, ${n('restarts')} starts, ${n('partitions')} partitions`,
      `elections    ${n('elections')}`,
      `writes       ${n('acknowledged')} acknowledged, ${n('notDone')} not done, ${n('unknown')} unknown`,
      `reads        ${n('reads')}, tails ${n('tails')}`,
      `faults       ${named(this.#faults, faultNames) || 'none'}`,
      `failpoints   ${named(this.#failpoints, [...this.#failpoints.keys()].sort()) || 'none'}`,
    ];
  }

  get json(): Readonly<Record<string, unknown>> {
    return {
      seeds: this.seeds,
      steps: this.steps,
      simulatedHours: this.simulatedMs / 3.6e6,
      coreSeconds: this.coreMs / 1000,
      clusterSecondsPerSecond: this.clusterSecondsPerSecond,
      ...Object.fromEntries(this.#counts),
      faults: Object.fromEntries(this.#faults),
      failpoints: Object.fromEntries(this.#failpoints),
    };
  }
}
