/** What `npm run bench` was asked for: pure, all faults of the arguments are told together. */
import { parseArgs } from 'node:util';

export interface Wanted {
  readonly scenarios: readonly string[];
  readonly systems: readonly string[];
  /** How many have one message outstanding each, in turn. */
  readonly clients: readonly number[];
  /** Of each figure. */
  readonly runs: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** Of trying a load that may be the peak. */
  readonly tryMs: number;
  readonly warmMs: number;
  /** Of killing the leader, at least. */
  readonly rounds: number;
  /** How long nobody may be elected, in the scenario `wan`. */
  readonly calmMs: number;
  /** Of the scenarios `million` and `keyed`, unless `messages` says otherwise. */
  readonly million: number;
  /** Of `million`, `keyed` and `soak`. */
  readonly messages?: number;
  readonly dir: string;
  readonly out: string;
}
export type Understood =
  | { readonly kind: 'wanted'; readonly wanted: Wanted }
  | { readonly kind: 'help' }
  | { readonly kind: 'list' }
  | { readonly kind: 'faulty'; readonly faults: readonly string[] };

/** What there is to choose from. */
export interface Choice {
  readonly scenarios: readonly { readonly name: string; readonly words: string; readonly isLong?: boolean }[];
  readonly systems: readonly string[];
}

export const usage = ({ systems }: Choice): string =>
  `npm run bench -- [--only a,b] [--systems a,b] [--runs N] [--seconds S] [--quick] [--clients a,b]
                [--messages N] [--dir FOLDER] [--out FOLDER]
npm run bench -- --list      the scenarios

  --only a,b      these scenarios; all but the long ones by default
  --systems a,b   these systems, of ${systems.join(', ')}; all by default
  --runs N        each figure so often, and its median; 3 by default
  --seconds S     length of a measurement; 3 by default
  --quick         once each and shortly, this log alone unless --systems says otherwise: for a look
  --clients a,b   of the scenarios single and limits; 1,16,64,256 by default
  --messages N    of the scenarios million and keyed (1,000,000 by default) and soak (10,000,000)
  --dir FOLDER    where the nodes keep their data meanwhile: the disk that is measured; that of --out by default
  --out FOLDER    gets bench-<time>.json and bench-<time>.svg; results by default
Exit code: 0 all was measured and every verdict held, 1 not so, 2 the arguments were wrong.
`;

const options = {
  only: { type: 'string' },
  systems: { type: 'string' },
  runs: { type: 'string' },
  seconds: { type: 'string' },
  clients: { type: 'string' },
  messages: { type: 'string' },
  dir: { type: 'string' },
  out: { type: 'string' },
  quick: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export function understand(args: readonly string[], choice: Choice): Understood {
  const wrong: string[] = [];
  let values: ReturnType<typeof parsed>;
  try {
    values = parsed(args);
  } catch (error) {
    return { kind: 'faulty', faults: [(error as Error).message] };
  }
  if (values.help) return { kind: 'help' };
  if (values.list) return { kind: 'list' };

  const some = (name: 'only' | 'systems', all: readonly string[]): readonly string[] | undefined => {
    const names = values[name]?.split(',').map((each) => each.trim());
    for (const each of names ?? [])
      if (!all.includes(each)) wrong.push(`--${name} ${each || "''"}: wants some of ${all.join(', ')}`);
    return names && all.filter((each) => names.includes(each));
  };
  const number = (
    name: 'runs' | 'seconds' | 'messages',
    isValid: (value: number) => boolean,
    range: string,
  ): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (text.trim() !== '' && isValid(Number(text))) return Number(text);
    wrong.push(`--${name} ${text || "''"}: wants ${range}`);
    return undefined;
  };
  const folder = (name: 'dir' | 'out'): string | undefined => {
    if (values[name]?.trim() === '') wrong.push(`--${name} '': wants a folder`);
    return values[name];
  };

  const quick = values.quick === true;
  const names = choice.scenarios.map(({ name }) => name);
  const scenarios =
    some('only', names) ?? choice.scenarios.filter(({ isLong }) => isLong !== true).map(({ name }) => name);
  const systems = some('systems', choice.systems) ?? (quick ? choice.systems.slice(0, 1) : choice.systems);
  const runs = number(
    'runs',
    (value) => Number.isSafeInteger(value) && value >= 1 && value <= 100,
    'a whole number from 1 to 100',
  );
  const seconds = number('seconds', (value) => value >= 0.1 && value <= 3_600, 'a number from 0.1 to 3600');
  const messages = number(
    'messages',
    (value) => Number.isSafeInteger(value) && value >= 10_000 && value <= 1e9,
    'a whole number from 10000',
  );
  const clients = values.clients?.split(',').map(Number) ?? [1, 16, 64, 256];
  if (clients.some((count) => !Number.isSafeInteger(count) || count < 1 || count > 10_000))
    wrong.push(`--clients ${values.clients || "''"}: wants whole numbers from 1 to 10000`);
  const out = folder('out') ?? 'results';
  const dir = folder('dir') ?? out;
  if (wrong.length > 0) return { kind: 'faulty', faults: wrong };
  return {
    kind: 'wanted',
    wanted: {
      scenarios,
      systems,
      clients,
      runs: runs ?? (quick ? 1 : 3),
      seconds: seconds ?? (quick ? 0.5 : 3),
      tryMs: quick ? 400 : 1_500,
      warmMs: quick ? 500 : 3_000,
      rounds: quick ? 1 : 5,
      calmMs: quick ? 5_000 : 60_000,
      million: quick ? 100_000 : 1_000_000,
      ...(messages !== undefined && { messages }),
      dir,
      out,
    },
  };
}

const parsed = (args: readonly string[]) => parseArgs({ args: [...args], options }).values;
