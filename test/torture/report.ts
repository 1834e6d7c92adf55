/** Runs a torture, tells of it, and leaves its figures and its picture in a folder. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pictureOf } from './picture.ts';
import { type Configuration, type Result, resultOf } from './result.ts';
import { type TortureOptions, torture } from './run.ts';

export interface ReportOptions extends Omit<TortureOptions, 'atEnd'> {
  /** The folder. */
  readonly out: string;
  /** Keeps data and logs of the nodes even if nothing was violated. */
  readonly keep?: boolean;
  /** Leaves nothing when all is well. */
  readonly onlyViolated?: boolean;
  /** How to do the same again. */
  readonly command: string;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

function summaryOf(result: Result): string[] {
  const { counts, latencyMs, unavailability, durationMs, episodes, faults, messages } = result;
  const row = (name: string, cells: readonly (string | number)[]): string =>
    name.padEnd(13) + cells.map((cell) => `${cell}`.padStart(13)).join('');
  return [
    '',
    row('calls', ['acknowledged', 'refused', 'unknown', 'unsent', 'p50 ms', 'p99 ms', 'max ms']),
    ...Object.entries(counts).map(([kind, { acknowledged, refused, unknown, unsent }]) => {
      const { p50, p99, max } = latencyMs[kind] ?? { p50: '', p99: '', max: '' };
      return row(kind, [acknowledged, refused, unknown, unsent, p50, p99, max]);
    }),
    '',
    `${faults.length} faults in ${episodes.length} episodes, ${seconds(durationMs)}; ${messages} messages in the log`,
    `longest time without an acknowledged append: ${seconds(unavailability.longest.ms)}; outside of faults ` +
      `${seconds(unavailability.outside.ms)}; slowest recovery ${seconds(result.slowestRecoveryMs)}`,
    ...result.skipped.map(({ name, reason }) => `skipped: ${name}: ${reason}`),
    ...result.violations.map(({ invariant, words }) => `VIOLATED ${invariant}: ${words}`),
    '',
  ];
}

export async function reported(options: ReportOptions): Promise<Result> {
  const { out, keep = false, onlyViolated = false, command, say, seed, nodes, clients, faults } = options;
  const began = new Date();
  const base = join(out, `torture-${began.toISOString().slice(0, 19).replaceAll(':', '-')}`);
  const configuration: Configuration = { nodes, clients, seed, faults: faults.map(({ name }) => name), command };
  say(command);
  const run = await torture({
    ...options,
    atEnd: (cluster, violations) => {
      if (!keep && violations.length === 0) return;
      mkdirSync(out, { recursive: true });
      // Images of disks are mostly holes, which a copy by Node would fill.
      execFileSync('cp', [process.platform === 'linux' ? '-a' : '-pR', cluster.folder, `${base}-data`]);
      say(`data and logs of the nodes: ${base}-data`);
    },
  });
  const result = resultOf(run, configuration, began);
  for (const line of summaryOf(result)) say(line);
  const isWell = result.violations.length === 0;
  if (isWell && onlyViolated) return result;
  mkdirSync(out, { recursive: true });
  writeFileSync(`${base}.json`, `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(`${base}.svg`, pictureOf(result));
  say(`${isWell ? 'nothing was violated' : 'VIOLATED, see above'}: ${base}.json, ${base}.svg`);
  return result;
}
