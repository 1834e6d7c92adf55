/**
 * What `npm run image` is asked to do: pure.
 *
 *   optionsOf(['push', '--tag', 'v2'], env)  ->  { ok: options } | { faults: [...] }
 */
export const engines = ['podman', 'docker'] as const;
export type Engine = (typeof engines)[number];

export interface ImageOptions {
  readonly command: 'build' | 'push' | 'help';
  /** Null = the first of `engines` that is installed. */
  readonly engine: Engine | null;
  /** Null = what the Containerfile says. */
  readonly base: string | null;
  readonly platform: string;
  readonly tag: string;
  /** Where it is pushed to, without a tag; null where only building is asked for and none is known. */
  readonly registry: string | null;
  /** An .npmrc for the build, kept out of the image. */
  readonly npmrc: string | null;
  readonly dryRun: boolean;
}

export const help = `Builds the container image of a node, and pushes it.

  npm run image -- build               builds distributed-log:latest with podman or docker
  npm run image -- push                pushes it to gcr.io/$GCP_PROJECT_ID/distributed-log, and prints it by digest

  --engine podman|docker   the first that is installed
  --tag TAG                latest
  --base IMAGE             another base image: any with node (20.15 or newer), npm and a shell
  --platform OS/CPU        linux/amd64, also on a machine of another kind: it is what the cloud machines are
  --npmrc FILE             how npm reaches its registry while building, if not as everybody does; in no layer
  --registry NAME          where to push: HOST/…/NAME without a tag
  --dry-run                prints the commands and does nothing`;

const registryAccepted = 'HOST/PATH in lower case without a tag, such as gcr.io/my-project/distributed-log';
const patterns = {
  '--engine': { pattern: /^(?:podman|docker)$/, accepted: 'podman or docker' },
  '--tag': { pattern: /^\w[\w.-]{0,127}$/, accepted: 'letters, digits, dots, dashes, underscores' },
  '--base': { pattern: /^[a-z0-9][\w.:/@-]*$/, accepted: 'the name of an image' },
  '--platform': { pattern: /^linux\/[a-z0-9]+(?:\/v\d)?$/, accepted: 'such as linux/amd64 or linux/arm64' },
  '--npmrc': { pattern: /^[^,\n]+$/, accepted: 'a file' },
  '--registry': {
    pattern: /^[a-z0-9][a-z0-9.-]*(?::\d+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+$/,
    accepted: registryAccepted,
  },
} as const;
type Name = keyof typeof patterns;
const isName = (text: string): text is Name => Object.hasOwn(patterns, text);
const projectPattern = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/;

export type Outcome = { readonly ok: ImageOptions } | { readonly faults: readonly string[] };

interface Given {
  readonly values: Partial<Record<Name, string>>;
  readonly commands: readonly string[];
  readonly dryRun: boolean;
  readonly faults: readonly string[];
}

/** The words of the command line, told apart. */
function wordsOf(given: readonly string[]): Given {
  const faults: string[] = [];
  const values: Partial<Record<Name, string>> = {};
  const commands: string[] = [];
  let dryRun = false;
  const rest = [...given];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, name = word, equalled] = /^(--[a-z-]+)=(.*)$/s.exec(word) ?? [];
    if (word === '--dry-run') dryRun = true;
    else if (word === '--help' || word === '-h') commands.unshift('help');
    else if (isName(name)) {
      const value = equalled ?? (rest[0]?.startsWith('--') === true ? undefined : rest.shift());
      const { pattern, accepted } = patterns[name];
      values[name] = value ?? '';
      if (!pattern.test(value ?? '')) faults.push(`${name}: ${value ?? '(nothing given)'}; accepted: ${accepted}`);
    } else if (word.startsWith('-')) {
      faults.push(`${word}: unknown; there are ${Object.keys(patterns).join(', ')}, --dry-run, --help`);
    } else commands.push(word);
  }
  return { values, commands, dryRun, faults };
}

/** What is wrong with the project's id where it is needed. */
function projectFault(project: string): string | undefined {
  if (project === '') {
    return 'GCP_PROJECT_ID: (not set); accepted: the id of your Google Cloud project (or --registry, for another registry)';
  }
  if (projectPattern.test(project)) return undefined;
  return `GCP_PROJECT_ID: ${project}; accepted: an id such as my-project-123, not a name or a number`;
}

/** All faults at once. Takes `--name value` and `--name=value`. */
export function optionsOf(given: readonly string[], env: Readonly<Record<string, string | undefined>>): Outcome {
  const { values, commands, dryRun, faults: wrong } = wordsOf(given);
  const command = commands[0];
  if (command === 'help') return { ok: { ...byDefault, dryRun } };
  const faults = [...wrong];
  if ((command !== 'build' && command !== 'push') || commands.length > 1) {
    faults.push(`${commands.join(' ') || '(nothing given)'}: accepted: build, push or --help`);
  }
  const project = env.GCP_PROJECT_ID?.trim() ?? '';
  const projectWrong = projectFault(project);
  if (command === 'push' && values['--registry'] === undefined && projectWrong !== undefined) faults.push(projectWrong);
  if (faults.length > 0) return { faults };
  return {
    ok: {
      command: command === 'push' ? 'push' : 'build',
      engine: engines.find((engine) => engine === values['--engine']) ?? null,
      base: values['--base'] ?? null,
      platform: values['--platform'] ?? byDefault.platform,
      tag: values['--tag'] ?? byDefault.tag,
      registry: values['--registry'] ?? (projectWrong === undefined ? `gcr.io/${project}/distributed-log` : null),
      npmrc: values['--npmrc'] ?? null,
      dryRun,
    },
  };
}

const byDefault: ImageOptions = {
  command: 'help',
  engine: null,
  base: null,
  platform: 'linux/amd64',
  tag: 'latest',
  registry: null,
  npmrc: null,
  dryRun: false,
};
