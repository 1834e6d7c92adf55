/**
 * The files of a run, and finding the newest ones again.
 *
 * F1. A run is a new file; none is ever written over. The summary is made anew from the runs that are there.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonIn } from './node.ts';
import { pngOf } from './pictures/png.ts';
import { type ExperimentName, experimentNames, type Label, labels, type Run, type RunOf } from './results.ts';

/** `2026-11-23T16-20-05`: sorts by time, and is a name on every system. */
const stamp = (began: string): string => began.slice(0, 19).replaceAll(':', '-');
export const stemOf = ({ experiment, label, began }: Run): string => `${experiment}-${label}-${stamp(began)}`;

/** One sample a line, so that the file can be read by people and compared. */
export function textOf(run: Run): string {
  const { samples, ...rest } = run;
  const head = JSON.stringify(rest, null, 2).replace(/\n}$/, '');
  return `${head},\n  "samples": ${samplesText(samples)}\n}\n`;
}

const samplesText = (samples: Run['samples']): string => {
  const list = (each: readonly unknown[], indent: string): string =>
    each.length === 0 ? '[]' : `[\n${each.map((one) => `${indent}  ${JSON.stringify(one)}`).join(',\n')}\n${indent}]`;
  if (Array.isArray(samples)) return list(samples, '  ');
  const members = Object.entries(samples).map(([name, each]) => `    "${name}": ${list(each, '    ')}`);
  return `{\n${members.join(',\n')}\n  }`;
};

/** Of the latencies between pairs: one ping a line. */
export function csvOf({ samples, cluster }: RunOf<'latency'>): string {
  const regionOf = (node: number): string => cluster.nodes.find(({ id }) => id === node)?.region ?? '';
  const lines = samples.map(({ source, target, ping, atMs, ms }) =>
    [source, regionOf(source), target, regionOf(target), ping, atMs, ms].join(','),
  );
  return `source,source_region,target,target_region,ping,at_ms,round_trip_ms\n${lines.join('\n')}\n`;
}

export interface Picture {
  readonly name: string;
  readonly svg: string;
}

export function saveRun(folder: string, stem: string, run: Run): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${stem}.json`), textOf(run));
  if (run.experiment === 'latency') writeFileSync(join(folder, `${stem}.csv`), csvOf(run));
}

export function savePictures(folder: string, stem: string, pictures: readonly Picture[]): void {
  for (const { name, svg } of pictures) {
    writeFileSync(join(folder, `${stem}-${name}.svg`), svg);
    writeFileSync(join(folder, `${stem}-${name}.png`), pngOf(svg));
  }
}

export interface Kept {
  readonly run: Run;
  readonly stem: string;
}

function runIn(path: string): Run | undefined {
  const said = jsonIn(readFileSync(path, 'utf8'));
  const isRun =
    said.format === 1 &&
    experimentNames.includes(said.experiment as ExperimentName) &&
    labels.includes(said.label as Label) &&
    typeof said.began === 'string';
  return isRun ? (said as unknown as Run) : undefined;
}

/** Of every experiment and label the newest run. */
export function newestRuns(folder: string): readonly Kept[] {
  if (!existsSync(folder)) return [];
  const newest = new Map<string, Kept>();
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.json') || !experimentNames.some((each) => name.includes(each))) continue;
    const run = runIn(join(folder, name));
    if (run === undefined) continue;
    const key = `${run.label} ${run.experiment}`;
    if ((newest.get(key)?.run.began ?? '') < run.began) newest.set(key, { run, stem: name.replace(/\.json$/, '') });
  }
  return [...newest.values()];
}
