/**
 * A step of the plan: one thing in the cloud, how to see whether it is there, and the commands that make, correct and
 * remove it. Data and pure functions; run.ts carries it out.
 *
 * T1. A secret is never a word of a command, nor in a file: it goes to a command's stdin.
 */
export type Json = { readonly [name: string]: unknown };

/** `secret`: its value is asked for when the command runs; `shown` is what a person would type in its place. */
export type Stdin = { readonly text: string } | { readonly secret: 'cluster' | 'token'; readonly shown: string };

export interface Command {
  readonly argv: readonly string[];
  readonly stdin?: Stdin;
  /** Failures that pass by themselves: then it is tried again for some minutes. */
  readonly retryOn?: RegExp;
}

export interface Expectation {
  readonly what: string;
  readonly wanted: unknown;
  readonly of: (found: unknown) => unknown;
  /** Corrects it; without one the thing must be made anew. */
  readonly fix?: Command;
  /** What else to do then. */
  readonly note?: string;
}

export interface Look {
  readonly argv: readonly string[];
  /** The thing is a part of what was found: whether it is in there. By default finding is enough. */
  readonly isThere?: (found: unknown) => boolean;
  readonly expects?: readonly Expectation[];
}

export interface Step {
  readonly title: string;
  readonly look: Look;
  readonly make: readonly Command[];
  /** Absent where the removal of another step's thing takes this along; `gone` names that step. */
  readonly remove?: readonly Command[];
  readonly goesWith?: string;
  /** What `destroy` leaves: data unless told otherwise, and what others in the project may use too. */
  readonly keep?: 'data' | 'always';
}

export interface Difference {
  readonly expectation: Expectation;
  readonly found: unknown;
}

/** Order counts for nothing, nor does what somebody else has added to an object. */
export function isAsWanted(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found) || found.length !== wanted.length) return false;
    return wanted.every((one) => found.some((other) => isAsWanted(other, one)));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof found !== 'object' || found === null) return false;
    return Object.entries(wanted).every(([name, value]) => isAsWanted((found as Json)[name], value));
  }
  // Google's JSON has some numbers as text.
  return typeof wanted === 'number' ? Number(found) === wanted : (found ?? null) === wanted;
}

export const differencesOf = (found: unknown, { expects = [] }: Look): readonly Difference[] =>
  expects.flatMap((expectation) => {
    const value = expectation.of(found);
    return isAsWanted(value, expectation.wanted) ? [] : [{ expectation, found: value }];
  });

/** `https://…/zones/us-central1-a` -> `us-central1-a`; what is not there stays so. */
export const lastPart = (url: unknown): unknown =>
  typeof url === 'string' ? url.slice(url.lastIndexOf('/') + 1) : url;

export const asArray = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : []);
export const asObject = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

const plain = /^[\w@%+=:,./-]+$/;
/** For a POSIX shell, to be copied; of a flag only the value is quoted. */
export function quoted(word: string): string {
  if (plain.test(word)) return word;
  const [, flag = '', value = word] = /^(--[\w-]+=)(.*)$/s.exec(word) ?? [];
  return `${flag}'${value.replaceAll("'", "'\\''")}'`;
}

export function shellLine({ argv, stdin }: Command): string {
  const line = argv.map(quoted).join(' ');
  if (stdin === undefined) return line;
  return `${'text' in stdin ? `printf %s ${quoted(stdin.text)}` : stdin.shown} | ${line}`;
}
