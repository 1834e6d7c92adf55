/**
 * The summary of a folder of results, and the copy of the newest ones that is kept with the project.
 *
 * P1. What is published has names without times, so that a newer run takes the place of an older one.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Unusable } from './cluster.ts';
import type { Shown } from './commandLine.ts';
import { type Kept, newestRuns, savePictures, saveRun } from './files.ts';
import { picturesOf } from './pictures/draw.ts';
import type { Summary } from './results.ts';
import type { Say } from './say.ts';
import { type Filed, markdownOf, summaryOf } from './summary.ts';

/** A run with the pictures that lie beside it. */
function filed(folder: string, { run, stem }: Kept, names: readonly string[]): Filed {
  const there = names.filter((name) => existsSync(join(folder, `${stem}-${name}.svg`)));
  const pictures = there.map((name) => [name, { svg: `${stem}-${name}.svg`, png: `${stem}-${name}.png` }] as const);
  return { run, file: `${stem}.json`, pictures: Object.fromEntries(pictures) };
}

/** Writes `summary.json` and `table.md` of the newest runs of a folder. */
export function summarise(folder: string): Summary {
  const kept = newestRuns(folder);
  if (kept.length === 0) throw new Unusable(`${folder} holds no results yet: npm run experiment -- all`);
  const summary = summaryOf(
    kept.map((each) => filed(folder, each, pictureNames[each.run.experiment])),
    new Date(),
  );
  writeFileSync(join(folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  writeFileSync(join(folder, 'table.md'), markdownOf(summary));
  return summary;
}

export const showTable = (summary: Summary, say: Say): void => say.line(markdownOf(summary).trimEnd());

const pictureNames = {
  concurrency: ['latency-over-time', 'latency-distribution'],
  'leader-failure': ['failover', 'election-timeline'],
  latency: ['heat-map'],
  partition: ['partition'],
  durability: ['durability'],
  causality: ['space-time'],
} as const;

export function publish({ from, out, language }: Shown, say: Say): void {
  const kept = newestRuns(from);
  if (kept.length === 0) throw new Unusable(`${from} holds no results yet: npm run experiment -- all`);
  mkdirSync(out, { recursive: true });
  for (const { run } of kept) {
    const stem = `${run.experiment}-${run.label}`;
    saveRun(out, stem, run);
    savePictures(out, stem, picturesOf(run, language));
    say.line(`${out}/${stem}.json, of ${run.began}`);
  }
  showTable(summarise(out), say);
}
