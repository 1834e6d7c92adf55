/**
 * `npm run bench`: how fast this log is, beside its peers and beside what the machine allows, all with one load generator.
 *
 *   npm run bench -- --help
 *
 * Leaves a JSON file with every sample and a picture in `results/`. A scenario that fails is told and the others go on.
 * Ctrl-C ends all processes that were started here.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Book } from './book.ts';
import { type Choice, understand, usage, type Wanted } from './commandLine.ts';
import { keyed } from './keyed.ts';
import { longScenarios } from './longScenarios.ts';
import { machineOf } from './machine.ts';
import { pictureOf } from './picture.ts';
import { profile } from './profile.ts';
import { comparedSystems, systemOf } from './registry.ts';
import type { BenchResult } from './result.ts';
import { limits, shortScenarios } from './scenarios.ts';
import type { Run, Scenario } from './stage.ts';
import type { System } from './systems.ts';
import { tableOf } from './table.ts';
import { viewers } from './viewers.ts';
import { wan } from './wan.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const scenarios: readonly Scenario[] = [...shortScenarios, ...longScenarios, keyed];
const choice: Choice = {
  scenarios: [...shortScenarios, limits, ...longScenarios, keyed, wan, profile, viewers],
  systems: comparedSystems.map(({ name }) => name),
};

/** Whatever happens, nothing stays. */
async function inFolder<T>(parent: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(parent, 'bench-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  try {
    return await use(folder);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

interface Bench {
  readonly wanted: Wanted;
  readonly book: Book;
  readonly records: Map<string, BenchResult['systems'][number]>;
}

/** What one system has left in the page cache would be written to the disk while the next one waits for it. */
const settleDisk = (): void => void spawnSync('sync');

/** Starts a system for one scenario and ends it, whatever comes of it. */
async function staged({ wanted, book, records }: Bench, system: System, scenario: string, run: Run) {
  say(`${scenario}: ${system.name}`);
  settleDisk();
  try {
    await inFolder(wanted.dir, async (folder) => {
      const running = await system.start(folder);
      try {
        const { version, settings } = running;
        const ways = system.ways.map(({ name, words }) => ({ name, words }));
        records.set(system.name, { name: system.name, version, settings, ackMeans: system.ackMeans, ways });
        await run({ system, running, wanted, book, folder, say });
      } finally {
        await running.stop();
      }
    });
  } catch (error) {
    const words = (error as Error).message;
    book.failures.push({ scenario, system: system.name, words });
    say(`    failed: ${words}`);
  }
}

async function runAll(bench: Bench, missing: ReadonlyMap<string, string>): Promise<void> {
  const { wanted, book } = bench;
  for (const scenario of scenarios.filter(({ name }) => wanted.scenarios.includes(name))) {
    for (const system of wanted.systems.map(systemOf)) {
      if (missing.has(system.name)) continue;
      const unfit = scenario.unfit(system);
      if (unfit !== null) {
        say(`${scenario.name}: ${system.name} ${unfit}`);
        continue;
      }
      const runs = 'run' in scenario ? [scenario.run] : scenario.runsOf(wanted);
      for (const run of runs) await staged(bench, system, scenario.name, run);
    }
  }
  for (const { name, systems, run } of [wan, profile, viewers].filter((each) => wanted.scenarios.includes(each.name)))
    for (const system of systems) await staged(bench, system, name, run);
  if (!wanted.scenarios.includes(limits.name)) return;
  for (const system of limits.systems) await staged(bench, system, limits.name, limits.runServer);
  say('limits: disk');
  await inFolder(wanted.dir, (folder) => limits.runDisk({ book, wanted, folder, say }));
}

async function measure(wanted: Wanted): Promise<number> {
  const began = new Date();
  mkdirSync(wanted.out, { recursive: true });
  mkdirSync(wanted.dir, { recursive: true });
  const machine = machineOf(wanted.dir);
  const missing = new Map<string, string>();
  for (const name of wanted.systems) {
    const why = systemOf(name).missing();
    if (why === null) continue;
    missing.set(name, why);
    say(`${name} is left out: ${why}`);
  }
  const book = new Book();
  const records: Bench['records'] = new Map();
  await runAll({ wanted, book, records }, missing);
  const result: BenchResult = {
    began: began.toISOString(),
    seconds: Math.round((Date.now() - began.getTime()) / 1000),
    wanted: { ...wanted, dir: '', out: '' },
    machine,
    systems: [...records.values()],
    limits: limits.names,
    missing: Object.fromEntries(missing),
    ...book.measured(),
  };
  const path = join(wanted.out, `bench-${result.began.slice(0, 19).replaceAll(':', '-')}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(result, null, 1)}\n`);
  if (result.figures.length > 0) writeFileSync(`${path}.svg`, pictureOf(result));
  say(`\n${tableOf(result)}\n`);
  for (const { system, scenario, words } of result.failures) say(`failed: ${scenario} of ${system}: ${words}`);
  for (const { system, scenario, held, lines } of result.verdicts)
    say(`${scenario} of ${system}: ${held ? 'held' : 'NOT HELD'}\n${lines.map((line) => `  ${line}`).join('\n')}`);
  say(`${path}.json`);
  return result.failures.length === 0 && result.verdicts.every(({ held }) => held) ? 0 : 1;
}

async function main(): Promise<void> {
  const understood = understand(process.argv.slice(2), choice);
  switch (understood.kind) {
    case 'help':
      process.stdout.write(usage(choice));
      return;
    case 'list':
      for (const { name, words, isLong } of choice.scenarios)
        say(`${name.padEnd(10)} ${words}${isLong ? ' (long)' : ''}`);
      return;
    case 'faulty':
      for (const fault of understood.faults) process.stderr.write(`npm run bench: ${fault}\n`);
      process.exitCode = 2;
      return;
    case 'wanted': {
      const { wanted } = understood;
      process.exitCode = await measure({ ...wanted, dir: resolve(wanted.dir), out: resolve(wanted.out) });
    }
  }
}

await main();
