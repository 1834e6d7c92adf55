/** What the cloud commands need from outside, as ports: other programs, the terminal, files, time. The real ones are here. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { $ } from 'zx';

/** Where the built file is: dist/scripts/cloud. */
const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface World {
  /** Runs to its end; never rejects. A program that is not there ends with 127. */
  run(argv: readonly string[], stdin?: string): Promise<Outcome>;
  /** The same with the terminal of the person. */
  attach(argv: readonly string[]): Promise<number>;
  say(line: string): void;
  /** Undefined where nobody can be asked. `hidden`: what is typed is not shown. */
  ask(question: string, hidden?: boolean): Promise<string | undefined>;
  write(path: string, content: string): void;
  read(path: string): string;
  sleep(ms: number): Promise<void>;
  now(): number;
}

/** The standard error of a program that zx could not even start holds its words. */
export const realWorld: World = {
  run: async (argv, stdin) => {
    const shell = $({ cwd: root, nothrow: true, quiet: true, input: stdin ?? '' });
    const { exitCode, stdout, stderr } = await shell`${[...argv]}`;
    return { code: exitCode ?? 1, stdout, stderr };
  },
  attach: async (argv) => {
    const { exitCode } = await $({ cwd: root, nothrow: true, quiet: true, stdio: 'inherit' })`${[...argv]}`;
    return exitCode ?? 1;
  },
  say: (line) => {
    process.stdout.write(`${line}\n`);
  },
  ask: async (question, hidden = false) => {
    if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    if (hidden) silence(terminal);
    try {
      return (await terminal.question(`${question} `)).trim();
    } finally {
      terminal.close();
      if (hidden) process.stdout.write('\n');
    }
  },
  write: (path, content) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  },
  read: (path) => readFileSync(path, 'utf8'),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  now: () => Date.now(),
};

/** The question is shown; what the line editor echoes behind it is not. */
function silence(terminal: object): void {
  const editor = terminal as { _writeToOutput?: (text: string) => void };
  const write = editor._writeToOutput?.bind(terminal);
  let asked = false;
  editor._writeToOutput = (text) => {
    if (!asked) write?.(text);
    asked = true;
  };
}

/** An end that is no bug: its message is all that a person needs. */
export class Stop extends Error {}

/** The value in gcloud's JSON; what has none is null. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
