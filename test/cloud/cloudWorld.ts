/** A world for the cloud commands in which gcloud is played: by answers to words in a command, and a list of what was run. */
import { type Options, parseOptions } from '../../scripts/cloud/options.ts';
import { planOf } from '../../scripts/cloud/plan.ts';
import type { Command, Step } from '../../scripts/cloud/step.ts';
import type { Outcome, World } from '../../scripts/cloud/world.ts';

export const project = 'demo-project';
export const digest = `gcr.io/${project}/distributed-log@sha256:${'0'.repeat(64)}`;

export function optionsOf(...given: readonly string[]): Options {
  const parsed = parseOptions(given, { GCP_PROJECT_ID: project });
  if ('ok' in parsed) return parsed.ok;
  throw new Error(JSON.stringify(parsed));
}
export const faultsOf = (...given: readonly string[]): string => {
  const parsed = parseOptions(given, { GCP_PROJECT_ID: project });
  return 'faults' in parsed ? parsed.faults.join('\n') : '';
};

/** All that a deploy can be asked for at once. */
export const everything = ['--api-token', '--allow-cidr', '203.0.113.0/24', '--domain', 'log.example.org', '--metrics'];
export const stepsOf = (...given: readonly string[]): readonly Step[] => {
  const plan = planOf(optionsOf('deploy', ...given), digest);
  return [...plan.ground, ...plan.steps];
};
/** Every command that a step may run. */
export const commandsOf = ({ look, make, remove = [] }: Step): readonly Command[] => [
  { argv: look.argv },
  ...make,
  ...remove,
  ...(look.expects ?? []).flatMap(({ fix }) => fix ?? []),
];

export const fine = (value: unknown = ''): Outcome => ({
  code: 0,
  stdout: typeof value === 'string' ? value : JSON.stringify(value),
  stderr: '',
});
export const failure = (stderr: string): Outcome => ({ code: 1, stdout: '', stderr });
export const missing = failure('ERROR: (gcloud.x) NOT_FOUND: it was not found');

type Answer = (argv: readonly string[], stdin: string | undefined) => Outcome | undefined;

export class PlayedWorld implements World {
  readonly ran: string[] = [];
  readonly stdins: string[] = [];
  readonly said: string[] = [];
  readonly files = new Map<string, string>();
  readonly #answer: Answer;
  /** What a person types; nobody is there where it is undefined. */
  typed: string | undefined;
  #now = 0;

  constructor(answer: Answer) {
    this.#answer = answer;
  }
  /** Commands that are no question. */
  get changes(): readonly string[] {
    return this.ran.filter(
      (line) =>
        !/ (?:describe|list|version|get-iam-policy|list-instances|get-named-ports|get-health) /.test(`${line} `),
    );
  }
  run = (argv: readonly string[], stdin?: string): Promise<Outcome> => {
    this.ran.push(argv.join(' '));
    if (stdin !== undefined) this.stdins.push(stdin);
    return Promise.resolve(this.#answer(argv, stdin) ?? fine());
  };
  attach = async (argv: readonly string[]): Promise<number> => (await this.run(argv)).code;
  say = (line: string): void => {
    this.said.push(line);
  };
  ask = (): Promise<string | undefined> => Promise.resolve(this.typed);
  write = (path: string, content: string): void => {
    this.files.set(path, content);
  };
  read = (path: string): string => {
    const content = this.files.get(path);
    if (content === undefined) throw new Error(`no such file: ${path}`);
    return content;
  };
  sleep = (ms: number): Promise<void> => {
    this.#now += ms;
    return Promise.resolve();
  };
  now = (): number => this.#now;
}
