/**
 * Steps of a command-line tool: what is run, in which order, and what a person does when it fails. A plan is data, made
 * elsewhere by pure functions; here it is printed (`script`) or carried out (`runSteps`).
 *
 * P1. A plan that is printed is the plan that is run: one shell script, quoted so that it can be pasted.
 * P2. A step that fails ends the run, and names its command and what to do next.
 * P3. Progress goes to stderr; stdout is left to the result.
 */
import { accessSync, constants, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { $ } from 'zx';

type Argv = readonly string[];

export interface Command {
  readonly argv: Argv;
  /** A command whose output this one reads: a secret that is to be in no argument. */
  readonly from?: Argv;
  readonly env?: Readonly<Record<string, string>>;
  /** Its output is shown as it comes; else it is shown only when the step fails. */
  readonly shown?: true;
}

export interface Step {
  readonly title: string;
  readonly commands: readonly Command[];
  /** Nothing to do when this succeeds. What it says when there is something to do; anything else is a failure. */
  readonly unless?: { readonly command: Command; readonly missing: RegExp };
  /** What a person does when it fails. */
  readonly next: string;
}

/** In a plan: a folder for this run alone, removed after it. */
export const scratch = '$SCRATCH';

/** What a person can do something about; its message says what. */
export class ToolFault extends Error {
  override readonly name = 'ToolFault';
}

/** Where a command is found; undefined when it is not. */
export function pathOf(command: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile();
      } catch {
        return false;
      }
    });
}

// -------------------------------------------------------------------------------------------------------- printing

function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (word.includes(scratch) && /^[\w@%+=:,./${} -]+$/.test(word)) return `"${word}"`;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
const words = (argv: Argv): string => argv.map(quoted).join(' ');

/** As it would be typed. */
export function shellText({ argv, from, env = {} }: Command): string {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)} `);
  return `${from === undefined ? '' : `${words(from)} | `}${settings.join('')}${words(argv)}`;
}

/** P1. */
export function script(steps: readonly Step[]): string {
  const text = steps.flatMap(({ title, commands, unless }) => {
    const lines = commands.map(shellText);
    if (unless === undefined) return [`# ${title}`, ...lines];
    return [`# ${title}`, `${shellText(unless.command)} > /dev/null || {`, ...lines.map((line) => `  ${line}`), '}'];
  });
  const needsScratch = text.some((line) => line.includes(scratch));
  const folder = ['SCRATCH=$(mktemp --directory)', `trap 'rm -rf "$SCRATCH"' EXIT`];
  return ['set -eu -o pipefail', ...(needsScratch ? folder : []), ...text].join('\n');
}

// --------------------------------------------------------------------------------------------------------- running

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where they are run, and the folder that stands for `scratch`. */
interface Place {
  readonly cwd: string;
  readonly folder: string;
}

async function run(command: Command, { cwd, folder }: Place): Promise<Ran> {
  const here = (argv: Argv): string[] => argv.map((word) => word.replaceAll(scratch, folder));
  const env = { ...process.env, ...command.env };
  const quiet = { cwd, env, nothrow: true, quiet: true } as const;
  const from = command.from && (await $({ ...quiet, stdio: ['ignore', 'pipe', 'pipe'] })`${here(command.from)}`);
  if (from && from.exitCode !== 0) return { code: from.exitCode ?? 1, stdout: '', stderr: from.stderr };
  const told = await $({
    ...quiet,
    ...(from && { input: from.stdout }),
    // P3: what an engine tells of its progress goes to the terminal itself, which may be one.
    stdio: [from ? 'pipe' : 'ignore', command.shown ? 2 : 'pipe', command.shown ? 2 : 'pipe'],
  })`${here(command.argv)}`;
  return { code: told.exitCode ?? 1, stdout: told.stdout, stderr: told.stderr };
}

/** P2. */
function failure(command: Command, { code, stdout, stderr }: Ran, next: string): ToolFault {
  const said = `${stdout}${stderr}`.trim();
  const words = said === '' ? '' : `\n${said}\n`;
  return new ToolFault(`failed (exit code ${code})${words}\nThe command was: ${shellText(command)}\n${next}`);
}

/** Carries them out, one after the other; rejects with a `ToolFault`. What the last command said is returned. */
export async function runSteps(steps: readonly Step[], cwd: string, say: (text: string) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'distributed-log-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove); // Also when a signal ends this process: a token may be in it.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const end = (): never => process.exit(1);
  for (const signal of signals) process.on(signal, end);
  let said = '';
  try {
    for (const step of steps) said = await runStep(step, { cwd, folder }, say);
    return said;
  } finally {
    remove();
    process.off('exit', remove);
    for (const signal of signals) process.off(signal, end);
  }
}

async function runStep({ title, commands, unless, next }: Step, place: Place, say: (text: string) => void) {
  const startedAt = performance.now();
  const done = (how: string): void => say(`${how}${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  const isShown = commands.some(({ shown }) => shown);
  say(isShown ? `${title} …\n` : `${title} … `);
  if (unless !== undefined) {
    const looked = await run(unless.command, place);
    if (looked.code === 0) {
      done('there already, ');
      return looked.stdout;
    }
    if (!unless.missing.test(looked.stderr)) throw failure(unless.command, looked, next);
  }
  let said = '';
  for (const command of commands) {
    const ran = await run(command, place);
    if (ran.code !== 0) throw failure(command, ran, next);
    said = ran.stdout;
  }
  done(isShown ? `${title}: ` : '');
  return said;
}
