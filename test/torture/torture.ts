/**
 * `npm run torture`: real nodes under real faults, clients that note everything, and checkers over all of it.
 *
 *   npm run torture -- [--minutes 1] [--nodes 3] [--clients 16] [--faults kill,cut,…] [--seed S] [--out results] [--keep]
 *   npm run torture -- --list
 *
 * Leaves a JSON file and a picture in `results/`. Exit code 1 when anything was violated; then data and logs are kept there
 * as well. The seed repeats which faults come when and what clients do; the machine's timing it cannot repeat.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Fault } from './fault.ts';
import { faults } from './faults.ts';
import { pictureOf } from './picture.ts';
import { type Configuration, type Result, resultOf } from './result.ts';
import { torture } from './run.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
function refuse(words: string): never {
  process.stderr.write(`npm run torture: ${words}\n`);
  process.exit(2);
}

function optionsOf(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string', default: '1' },
        nodes: { type: 'string', default: '3' },
        clients: { type: 'string', default: '16' },
        faults: { type: 'string' },
        seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
        out: { type: 'string', default: 'results' },
        keep: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function numberOf(name: string, text: string, isValid: (value: number) => boolean): number {
  const value = Number(text);
  return text !== '' && isValid(value) ? value : refuse(`--${name} ${text} is not possible`);
}

/** Faults by name; a word chooses all whose names begin with it. */
function chosen(words: string | undefined): readonly Fault[] {
  if (words === undefined) return faults;
  return words.split(',').flatMap((word) => {
    const exact = faults.filter(({ name }) => name === word.trim());
    const found = exact.length > 0 ? exact : faults.filter(({ name }) => name.startsWith(word.trim()));
    return found.length > 0 ? found : refuse(`no fault is called ${word}; --list shows them`);
  });
}

function summary(result: Result): void {
  const { counts, latencyMs, unavailability, durationMs, episodes, faults: done, messages } = result;
  const column = (cell: string | number): string => `${cell}`.padStart(13);
  say(
    `\n${'calls'.padEnd(13)}${['acknowledged', 'refused', 'unknown', 'unsent', 'p50 ms', 'p99 ms', 'max ms'].map(column).join('')}`,
  );
  for (const [kind, sum] of Object.entries(counts)) {
    const { p50, p99, max } = latencyMs[kind] ?? { p50: '', p99: '', max: '' };
    const cells = [sum.acknowledged, sum.refused, sum.unknown, sum.unsent, p50, p99, max];
    say(`${kind.padEnd(13)}${cells.map(column).join('')}`);
  }
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  say(
    `\n${done.length} faults in ${episodes.length} episodes, ${seconds(durationMs)}; ${messages} messages in the log`,
  );
  say(
    `longest time without an acknowledged append: ${seconds(unavailability.inFaults.ms)} during faults, ` +
      `${seconds(unavailability.outside.ms)} outside; slowest recovery ${seconds(result.slowestRecoveryMs)}`,
  );
  for (const { name, reason } of result.skipped) say(`skipped: ${name}: ${reason}`);
}

async function main(): Promise<void> {
  const given = optionsOf(process.argv.slice(2));
  if (given.list) {
    for (const { name, needs } of faults) say(needs === undefined ? name : `${name}  (not here: ${needs})`);
    return;
  }
  const minutes = numberOf('minutes', given.minutes, (value) => value > 0);
  const nodes = numberOf('nodes', given.nodes, (value) => [1, 3, 5, 7].includes(value));
  const clients = numberOf('clients', given.clients, (value) => Number.isInteger(value) && value >= 1);
  const wanted = chosen(given.faults);
  const began = new Date();
  const configuration: Configuration = {
    nodes,
    clients,
    seed: given.seed,
    faults: wanted.map(({ name }) => name),
    command: `npm run torture -- --minutes ${minutes} --nodes ${nodes} --clients ${clients} --seed ${given.seed}${
      given.faults === undefined ? '' : ` --faults '${given.faults}'`
    }`,
  };
  const base = join(given.out, `torture-${began.toISOString().slice(0, 19).replaceAll(':', '-')}`);
  mkdirSync(given.out, { recursive: true });
  say(configuration.command);

  const run = await torture({
    seed: given.seed,
    nodes,
    clients,
    faults: wanted,
    length: { minutes },
    say,
    keep: (cluster, violations) => {
      if (!given.keep && violations.length === 0) return;
      cpSync(cluster.folder, `${base}-data`, { recursive: true });
      say(`data and logs of the nodes: ${base}-data`);
    },
  });
  const result = resultOf(run, configuration, began);
  writeFileSync(`${base}.json`, `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(`${base}.svg`, pictureOf(result));
  summary(result);
  for (const { invariant, words } of result.violations) say(`VIOLATED ${invariant}: ${words}`);
  say(
    `\n${result.violations.length === 0 ? 'nothing was violated' : 'VIOLATED, see above'}: ${base}.json, ${base}.svg`,
  );
  process.exitCode = result.violations.length === 0 ? 0 : 1;
}

await main();
