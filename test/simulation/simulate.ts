/**
 * `npm run simulate`: whole clusters in virtual time, seed after seed, each under its own mixture of faults; everything
 * that must hold is checked as it happens. See `--help` (commandLine.ts).
 *
 * A1. A violation ends it, with the command that repeats the run, and the last events before it as a story.
 */
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { invariants as historyInvariants } from '../history/checkers.ts';
import { invariants } from '../support/invariants.ts';
import { replayCommand, understand, usage, type Wanted } from './commandLine.ts';
import { type Result, runSimulation } from './run.ts';
import { Totals } from './totals.ts';

/** What this process has used: others on the machine do not make the simulator slower. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const isTerminal = process.stderr.isTTY === true;
const progressEveryMs = isTerminal ? 500 : 5000;
const toldBroken = 8;

const rules = new Map<string, string>([
  ...Object.entries(invariants),
  ...historyInvariants.map(({ id, name, says }) => [id, `${name}: ${says}`] as const),
]);

function tellViolation(result: Result, wanted: Wanted): void {
  const { seed, broken, hash } = result;
  say(`\nVIOLATION with seed ${seed} (hash ${hash})`);
  for (const { invariant, words } of broken.slice(0, toldBroken)) say(`  ${invariant}  ${words}`);
  if (broken.length > toldBroken) say(`  … and ${broken.length - toldBroken} more`);
  say('');
  for (const invariant of new Set(broken.map((one) => one.invariant)))
    say(`  ${invariant}: ${rules.get(invariant) ?? ''}`);
  if (wanted.storyLines > 0) {
    // The same run once more, told: that costs nothing as long as nothing is wrong.
    const told = runSimulation({ ...wanted, seed, story: wanted.storyLines });
    if (told.hash !== hash) say(`  (told again it went another way: hash ${told.hash})`);
    say(`\n${told.story.join('\n')}`);
  }
  say(`\n${replayCommand(seed, wanted)}`);
}

/** On a terminal one line that changes, else a new line now and then; beside the results, which do not depend on how long they took. */
class Progress {
  #toldAt = performance.now();

  tell(words: () => string): void {
    const now = performance.now();
    if (now - this.#toldAt < progressEveryMs) return;
    this.#toldAt = now;
    process.stderr.write(isTerminal ? `\r\x1b[2K${words()}` : `${words()}\n`);
  }
  end(): void {
    if (isTerminal) process.stderr.write('\r\x1b[2K');
  }
}

function finish(totals: Totals, wanted: Wanted, violation: Result | null): never {
  say(totals.lines.join('\n'));
  if (violation) tellViolation(violation, wanted);
  if (wanted.json !== undefined) {
    const { seed, hash, broken } = violation ?? { seed: null, hash: null, broken: [] };
    writeFileSync(
      wanted.json,
      `${JSON.stringify({ ...totals.json, violation: violation && { seed, hash, broken } }, null, 2)}\n`,
    );
  }
  process.exit(violation ? 1 : 0);
}

async function main(wanted: Wanted): Promise<never> {
  const totals = new Totals();
  const progress = new Progress();
  let isInterrupted = false;
  process.once('SIGINT', () => {
    isInterrupted = true;
  });
  const end = performance.now() + wanted.minutes * 60_000;
  if (wanted.seed === undefined) say(`seeds from ${wanted.from}`);
  for (let n = 0; n < wanted.seeds && performance.now() < end && !isInterrupted; n++) {
    const seed = wanted.seed ?? String(wanted.from + n);
    const before = cpuMs();
    const result = runSimulation({ ...wanted, seed });
    totals.add(result, cpuMs() - before);
    progress.tell(() => totals.progress);
    if (result.broken.length > 0) {
      progress.end();
      finish(totals, wanted, result);
    }
    if (wanted.seed !== undefined) {
      say(`seed ${seed}: hash ${result.hash}, nothing was violated`);
      break;
    }
    await setImmediate(); // So that Ctrl-C is heard.
  }
  progress.end();
  finish(totals, wanted, null);
}

const understood = understand(process.argv.slice(2), process.env.SEED, () => randomInt(1_000_000_000));
if (understood.kind === 'help') say(usage);
else if (understood.kind === 'faulty') {
  process.stderr.write(`${understood.faults.map((fault) => `npm run simulate: ${fault}`).join('\n')}\n\n${usage}`);
  process.exit(2);
} else await main(understood.wanted);
