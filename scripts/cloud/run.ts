/**
 * Carries a plan out: looks what is there, makes what is missing, corrects what differs; or removes, in the same way.
 *
 * X1. Nothing is made before it was looked for, and nothing is removed that was not found: so a run that broke off is
 *     mended by running it again.
 * X2. What is there and different is corrected where that is safe; else the run stops and says what differs.
 * X3. A command that failed is shown whole, with what it said and what to do; secrets are not shown.
 */
import { adviceFor, isDisabled, isMissing, isThereAlready } from './advice.ts';
import { type Command, type Difference, differencesOf, type Step, shellLine } from './step.ts';
import { jsonOf, type Outcome, Stop, type World } from './world.ts';

/** A look takes about a second, nearly all of it the start of gcloud. */
const looksAtOnce = 4;
const retryMs = 10_000;
const retriesMax = 12;

/** Gives the values of secrets when they are needed. */
export type Secrets = (which: 'cluster' | 'token') => Promise<string>;

export type Finding =
  | { readonly kind: 'there' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'differs'; readonly differences: readonly Difference[] };

function failed(title: string, line: string, { stdout, stderr }: Outcome, next: string): Stop {
  const said = `${stderr}\n${stdout}`.trim();
  const advice = adviceFor(said);
  return new Stop(
    [
      `failed: ${title}`,
      '',
      `  ${line}`,
      '',
      indented(said || '(it said nothing)'),
      '',
      ...(advice ? [advice] : []),
      next,
    ].join('\n'),
  );
}
const indented = (text: string): string => text.replace(/^/gm, '  ');
const again = 'Then run the same command again: what is there already is kept.';

export class Runner {
  readonly #world: World;
  readonly #secrets: Secrets;
  /** Answers of one round of looks: several steps ask the same. */
  #asked = new Map<string, Promise<Outcome>>();

  constructor(world: World, secrets: Secrets) {
    this.#world = world;
    this.#secrets = secrets;
  }

  async #look(step: Step): Promise<Finding> {
    const line = shellLine(step.look);
    let asked = this.#asked.get(line);
    if (asked === undefined) {
      asked = this.#world.run(step.look.argv);
      this.#asked.set(line, asked);
    }
    const outcome = await asked;
    if (outcome.code !== 0) {
      // Of an API that is not on nothing is there; one that was just switched on wakes within some minutes (#run).
      if (isMissing(outcome.stderr) || isDisabled(outcome.stderr)) return { kind: 'absent' };
      throw failed(`to look at ${step.title}`, line, outcome, again);
    }
    const found = jsonOf(outcome.stdout);
    if (step.look.isThere?.(found) === false) return { kind: 'absent' };
    const differences = differencesOf(found, step.look);
    return differences.length === 0 ? { kind: 'there' } : { kind: 'differs', differences };
  }

  /** All steps, some at a time. */
  async look(steps: readonly Step[]): Promise<ReadonlyMap<Step, Finding>> {
    this.#asked = new Map();
    const found = new Map<Step, Finding>();
    const waiting = [...steps];
    const worker = async (): Promise<void> => {
      for (let step = waiting.shift(); step !== undefined; step = waiting.shift())
        found.set(step, await this.#look(step));
    };
    await Promise.all(Array.from({ length: looksAtOnce }, worker));
    return found;
  }

  async #run(title: string, command: Command, isFine: (stderr: string) => boolean): Promise<void> {
    const { argv, stdin, retryOn } = command;
    const input = stdin && ('text' in stdin ? stdin.text : await this.#secrets(stdin.secret));
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#world.run(argv, input);
      if (outcome.code === 0 || isFine(outcome.stderr)) return;
      const passes = retryOn?.test(outcome.stderr) || isDisabled(outcome.stderr);
      if (!passes || attempt >= retriesMax) throw failed(title, shellLine(command), outcome, again);
      if (attempt === 0) this.#world.say(`  …        ${title}: not ready yet, tried again for some minutes`);
      await this.#world.sleep(retryMs);
    }
  }

  /** Makes and corrects; returns what a person should still do. */
  async make(steps: readonly Step[]): Promise<readonly string[]> {
    const { say, now } = this.#world;
    say(`looking at ${steps.length} things …`);
    const found = await this.look(steps);
    const notes = new Set<string>();
    for (const step of steps) {
      const finding = found.get(step) as Finding;
      const begun = now();
      if (finding.kind === 'there') {
        say(`  ok       ${step.title}`);
        continue;
      }
      if (finding.kind === 'differs') await this.#correct(step, finding.differences, notes);
      else for (const command of step.make) await this.#run(step.title, command, isThereAlready);
      const verb = finding.kind === 'differs' ? 'changed' : 'made';
      say(`  ${verb.padEnd(9)}${step.title}  ${((now() - begun) / 1000).toFixed(1)} s`);
    }
    return [...notes];
  }

  /** X2. */
  async #correct(step: Step, differences: readonly Difference[], notes: Set<string>): Promise<void> {
    const stuck = differences.filter(({ expectation }) => expectation.fix === undefined);
    if (stuck.length > 0) throw new Stop(stuckText(step, stuck));
    const done = new Set<string>();
    for (const { expectation } of differences) {
      const { fix, note } = expectation;
      if (note) notes.add(note);
      if (fix === undefined || done.has(shellLine(fix))) continue;
      done.add(shellLine(fix));
      await this.#run(step.title, fix, () => false);
    }
  }

  /** In the order given; what is not there is passed over. */
  async remove(steps: readonly Step[]): Promise<number> {
    const { say, now } = this.#world;
    say(`looking at ${steps.length} things …`);
    const found = await this.look(steps);
    let count = 0;
    for (const step of steps) {
      if (found.get(step)?.kind === 'absent') continue;
      const begun = now();
      for (const command of step.remove ?? []) await this.#run(step.title, command, isMissing);
      count++;
      say(`  removed  ${step.title}  ${((now() - begun) / 1000).toFixed(1)} s`);
    }
    return count;
  }
}

function stuckText(step: Step, differences: readonly Difference[]): string {
  const removal = step.keep === undefined ? step.remove?.map(shellLine) : undefined;
  return [
    `${step.title} is there already, but not as wanted:`,
    ...differences.map(
      ({ expectation: { what, wanted }, found }) =>
        `  ${what}: ${JSON.stringify(found)}; wanted: ${JSON.stringify(wanted)}`,
    ),
    ...(removal
      ? [
          'Give the options that it was made with, or remove it and run the same command again:',
          ...removal.map((line) => `  ${line}`),
        ]
      : ['Give the options that it was made with.']),
  ].join('\n');
}

/** What `--dry-run` prints. */
export function dryRunLines(steps: readonly Step[], which: 'make' | 'remove'): readonly string[] {
  return steps.flatMap((step) => [`# ${step.title}`, ...(step[which] ?? []).map(shellLine)]);
}
