/** What `npm run simulate` was asked for: pure, all faults of the arguments are told together. */
import { parseArgs } from 'node:util';
import { type FaultName, faultNames } from './faults.ts';

export interface Wanted {
  /** Replays this one. */
  readonly seed?: string;
  /** The first of many. */
  readonly from: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly nodes?: number;
  readonly faults?: readonly FaultName[];
  /** Without faults, and with little to do (plan.ts). */
  readonly calm?: boolean;
  /** Lines that are told of a violation. */
  readonly storyLines: number;
  readonly json?: string;
}
export type Understood =
  | { readonly kind: 'wanted'; readonly wanted: Wanted }
  | { readonly kind: 'help' }
  | { readonly kind: 'faulty'; readonly faults: readonly string[] };

export const usage = `npm run simulate -- [--seeds N] [--minutes M] [--from K] [--nodes n] [--faults a,b | --calm] [--story lines] [--json FILE]
SEED=x npm run simulate        the run of one seed again, event for event

  --seeds N      at most so many seeds, one after the other
  --minutes M    at most so long; without --seeds and --minutes: 1
  --from K       the first seed is K; random by default
  --nodes n      3, 5 or 7 nodes; each seed draws it by default
  --faults a,b   these kinds of faults only; each seed draws some of them by default:
                 ${faultNames.join(', ').replace(/(.{60}[^,]*), /g, '$1,\n                 ')}
  --calm         no faults, three nodes, about a write a second for two minutes: shows how fast the simulator is
  --story n      so many lines of what happened before a violation; 80 by default
  --json FILE    writes the summary there
Exit code: 0 all held, 1 something was violated, 2 the arguments were wrong.
`;

const sizes = [3, 5, 7];
const options = {
  seeds: { type: 'string' },
  minutes: { type: 'string' },
  from: { type: 'string' },
  nodes: { type: 'string' },
  faults: { type: 'string' },
  story: { type: 'string' },
  json: { type: 'string' },
  calm: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `randomSeed` is where a run without --from begins. */
export function understand(args: readonly string[], seed: string | undefined, randomSeed: () => number): Understood {
  let values: { readonly [name in Exclude<keyof typeof options, 'help' | 'calm'>]?: string } & {
    readonly help?: boolean;
    readonly calm?: boolean;
  };
  try {
    values = parseArgs({ args: [...args], options }).values;
  } catch (error) {
    return { kind: 'faulty', faults: [(error as Error).message] };
  }
  if (values.help) return { kind: 'help' };
  const wrong: string[] = [];
  const number = (
    name: 'seeds' | 'minutes' | 'from' | 'nodes' | 'story',
    isValid: (value: number) => boolean,
    range: string,
  ) => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() !== '' && isValid(value)) return value;
    wrong.push(`--${name} ${text || "''"}: wants ${range}`);
    return undefined;
  };
  const isCount =
    (least: number) =>
    (value: number): boolean =>
      Number.isSafeInteger(value) && value >= least;
  const seeds = number('seeds', isCount(1), 'a whole number from 1');
  const minutes = number('minutes', (value) => value > 0 && value <= 100_000, 'a number above 0');
  const from = number('from', isCount(0), 'a whole number from 0');
  const nodes = number('nodes', (value) => sizes.includes(value), sizes.join(', '));
  const story = number('story', isCount(0), 'a whole number from 0');
  const faults = values.faults?.split(',').map((name) => name.trim());
  for (const name of faults ?? [])
    if (!(faultNames as readonly string[]).includes(name))
      wrong.push(`--faults ${name}: wants some of ${faultNames.join(', ')}`);
  if (values.calm && faults) wrong.push('--calm: has no faults; leave --faults out');
  if (seed === '') wrong.push("SEED='': wants a seed");
  if (seed !== undefined)
    for (const name of ['seeds', 'minutes', 'from'] as const)
      if (values[name] !== undefined) wrong.push(`--${name}: SEED already says which one runs`);
  if (wrong.length > 0) return { kind: 'faulty', faults: wrong };
  return {
    kind: 'wanted',
    wanted: {
      ...(seed !== undefined && { seed }),
      from: from ?? randomSeed(),
      seeds: seeds ?? Number.POSITIVE_INFINITY,
      minutes: minutes ?? (seeds === undefined ? 1 : Number.POSITIVE_INFINITY),
      ...(nodes !== undefined && { nodes }),
      ...(faults && { faults: faults as FaultName[] }),
      ...(values.calm && { calm: true }),
      storyLines: story ?? 80,
      ...(values.json !== undefined && { json: values.json }),
    },
  };
}

/** The command that runs this seed again. */
export function replayCommand(
  seed: string,
  { nodes, faults, calm }: Pick<Wanted, 'nodes' | 'faults' | 'calm'>,
): string {
  const more = [
    ...(nodes === undefined ? [] : [`--nodes ${nodes}`]),
    ...(faults === undefined ? [] : [`--faults '${faults.join(',')}'`]),
    ...(calm ? ['--calm'] : []),
  ];
  return `SEED=${seed} npm run simulate${more.length > 0 ? ` -- ${more.join(' ')}` : ''}`;
}
