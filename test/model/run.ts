/**
 * `npm run model`: searches one of the models for a violation, within bounds that the command line gives.
 *
 *   npm run model                                       the replication of a small world with all rules
 *   npm run model -- replication --elections 4 --break commitsOwnEpoch
 *   npm run model -- forwarding --closes 2 --settles
 *   npm run model -- --help                             all options and rules
 *
 * Ends with 0 when nothing was violated, 1 when something was (its steps are printed), 2 for a command it does not know.
 */
import { isMain } from '../../scripts/main.ts';
import { check, describe, figures, type Model, type Progress } from './checker.ts';
import { type ForwardingWorld, forwardingRules, smallForwardingWorld } from './forwarding/rules.ts';
import { ForwardingModel } from './forwarding.ts';
import { type ReplicationWorld, replicationRules, smallReplicationWorld } from './replication/rules.ts';
import { ReplicationModel } from './replication.ts';

type Setting = number | boolean;
type World = Readonly<Record<string, Setting>>;

interface Kind {
  readonly world: World;
  readonly rules: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, readonly [least: number, most: number]>>;
  make(world: World, rules: Readonly<Record<string, boolean>>): Model<unknown>;
}

const kinds = {
  replication: {
    world: { ...smallReplicationWorld },
    rules: replicationRules,
    limits: { nodes: [1, 7], rounds: [1, 20], elections: [1, 100] },
    make: (world, rules) => new ReplicationModel(world as Partial<ReplicationWorld>, rules) as Model<unknown>,
  },
  forwarding: {
    world: { ...smallForwardingWorld },
    rules: forwardingRules,
    limits: { leader: [0, 2], writes: [1, 7], sends: [1, 15], epochs: [1, 20] },
    make: (world, rules) => new ForwardingModel(world as Partial<ForwardingWorld>, rules) as Model<unknown>,
  },
} satisfies Record<string, Kind>;
type KindName = keyof typeof kinds;

export interface Plan {
  readonly kind: KindName;
  readonly world: World;
  readonly broken: readonly string[];
  readonly states: number;
  readonly depth: number | undefined;
  readonly quiet: boolean;
}

const defaultStates = 2_000_000;
const numbersMax = 999;
const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The plan, or a sentence about each thing that is wrong with the command. */
export function planOf(args: readonly string[]): Plan | 'help' | { readonly faults: readonly string[] } {
  if (args.includes('--help') || args.includes('-h')) return 'help';
  const [first = '', ...others] = args;
  const named = first !== '' && !first.startsWith('-');
  const kind = (named ? first : 'replication') as KindName;
  if (!Object.hasOwn(kinds, kind))
    return { faults: [`${first}: no such model; there are ${Object.keys(kinds).join(', ')}`] };
  return new Reading(kind, named ? others : args).plan();
}

class Reading {
  readonly #kind: KindName;
  readonly #args: string[];
  readonly #world: Record<string, Setting>;
  readonly #broken: string[] = [];
  readonly #faults: string[] = [];
  #states = defaultStates;
  #depth: number | undefined;
  #quiet = false;

  constructor(kind: KindName, args: readonly string[]) {
    this.#kind = kind;
    this.#args = [...args];
    this.#world = { ...kinds[kind].world };
  }

  plan(): Plan | { readonly faults: readonly string[] } {
    for (let word = this.#args.shift(); word !== undefined; word = this.#args.shift()) this.#read(word);
    if (this.#faults.length > 0) return { faults: this.#faults };
    return {
      kind: this.#kind,
      world: this.#world,
      broken: this.#broken,
      states: this.#states,
      depth: this.#depth,
      quiet: this.#quiet,
    };
  }

  #read(word: string): void {
    const setting = Object.keys(this.#world).find((name) => word === `--${dashed(name)}`);
    if (word === '--quiet') this.#quiet = true;
    else if (word === '--states') this.#states = this.#number(word, 1, 50_000_000) ?? this.#states;
    else if (word === '--depth') this.#depth = this.#number(word, 0, 10_000);
    else if (word === '--break') this.#break();
    else if (setting === undefined) this.#faults.push(`${word}: unknown; --help names all options`);
    else if (typeof this.#world[setting] === 'boolean') this.#world[setting] = true;
    else {
      const limits: Kind['limits'] = kinds[this.#kind].limits;
      const [least, most] = limits[setting] ?? [0, numbersMax];
      this.#world[setting] = this.#number(word, least, most) ?? 0;
    }
  }

  #number(option: string, least: number, most: number): number | undefined {
    const word = this.#args.shift();
    const number = word !== undefined && /^\d+$/.test(word) ? Number(word) : Number.NaN;
    if (number >= least && number <= most) return number;
    this.#faults.push(`${option} ${word ?? ''}: wants a whole number from ${least} to ${most}`.replace(' :', ':'));
    return undefined;
  }

  #break(): void {
    const rule = this.#args.shift() ?? '';
    if (Object.hasOwn(kinds[this.#kind].rules, rule)) this.#broken.push(rule);
    else this.#faults.push(`--break ${rule}: no such rule of the ${this.#kind} model; --help names all rules`);
  }
}

function help(): string {
  const lines = ['usage: npm run model -- [replication|forwarding] [option …]', ''];
  lines.push(`  --states N        keep at most N states (${defaultStates}; a million takes about 150 MiB)`);
  lines.push('  --depth N         look no farther than N steps from the beginning');
  lines.push('  --break RULE      leave out a rule; more than once if wanted');
  lines.push('  --quiet           no line on the way');
  for (const [name, { world, rules }] of Object.entries(kinds)) {
    lines.push('', `${name}: how big its world is, with the default`, '');
    for (const [setting, value] of Object.entries(world))
      lines.push(
        `  --${dashed(setting)}${typeof value === 'number' ? ` ${value === numbersMax ? 'any number' : value}` : ''}`,
      );
    lines.push('', `${name}: its rules`, '');
    for (const [rule, words] of Object.entries(rules)) lines.push(`  ${rule.padEnd(26)} ${words}`);
  }
  return lines.join('\n');
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function main(): number {
  const plan = planOf(process.argv.slice(2));
  if (plan === 'help') {
    say(help());
    return 0;
  }
  if ('faults' in plan) {
    for (const fault of plan.faults) process.stderr.write(`npm run model: ${fault}\n`);
    return 2;
  }
  const { kind, world, broken, states, depth, quiet } = plan;
  const rules = Object.fromEntries(broken.map((rule) => [rule, false]));
  const bounds = { states, ...(depth !== undefined && { depth }) };
  const report = (progress: Progress): void => say(`  ${figures(progress)}; ${progress.waiting} wait`);
  say(`${kind}${broken.length > 0 ? ` without ${broken.join(', ')}` : ''}: ${describeWorld(world)}`);
  const outcome = check(kinds[kind].make(world, rules), bounds, quiet ? undefined : report);
  say(describe(outcome));
  return outcome.kind === 'violated' ? 1 : 0;
}

const describeWorld = (world: World): string =>
  Object.entries(world)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => (value === true ? name : `${value === numbersMax ? 'any number of' : value} ${name}`))
    .join(', ');

if (isMain(import.meta.url)) process.exitCode = main();
