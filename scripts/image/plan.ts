/**
 * Which commands build and push the image: pure, so that `--dry-run` and the tests see what is run.
 *
 *   build   engine there? > build > size
 *   push    engine there? > built? > repository (made when missing) > log in > name > push > digest
 *
 * N1. The user's own log-ins are not touched: the token goes by stdin into a file of this run's folder, which is removed.
 * N2. Deployed is by digest, so a push ends with it.
 */
import type { Engine, ImageOptions } from './options.ts';
import { type Command, type Step, scratch } from './step.ts';

export const localName = 'distributed-log';

/** What the machine says, beside the options. */
export interface Facts {
  readonly engine: Engine;
  /** Where docker's engine listens: its own configuration, which says so, is not read while pushing (N1). */
  readonly dockerHost?: string;
}

type Parts = Pick<ImageOptions, 'base' | 'platform' | 'tag' | 'npmrc'>;
const only = (command: Command): readonly Command[] => [command];

const engineStep = (engine: Engine): Step => ({
  title: `asking ${engine}`,
  commands: only({ argv: [engine, 'version'] }),
  next: `Does its engine run (${engine === 'podman' ? 'podman machine start' : 'start Docker'})? Or choose the other: --engine podman|docker`,
});

export function buildSteps({ base, platform, tag, npmrc }: Parts, { engine }: Facts): readonly Step[] {
  const name = `${localName}:${tag}`;
  const build: Command = {
    argv: [
      engine,
      'build',
      // Only this format has a health check.
      ...(engine === 'podman' ? ['--format=docker'] : []),
      `--platform=${platform}`,
      '--file=Containerfile',
      `--tag=${name}`,
      ...(base === null ? [] : [`--build-arg=BASE_IMAGE=${base}`]),
      ...(npmrc === null ? [] : [`--secret=id=npmrc,src=${npmrc}`]),
      '.',
    ],
    // The builder of older versions knows no secrets.
    ...(engine === 'docker' && { env: { DOCKER_BUILDKIT: '1' } }),
    shown: true,
  };
  return [
    engineStep(engine),
    {
      title: `building ${name}`,
      commands: only(build),
      next: 'Are the registries of images and of npm reached? --base and --npmrc name others. Then run it again: what was built is kept',
    },
    {
      title: 'measuring it',
      commands: only({ argv: [engine, 'image', 'inspect', '--format={{.Size}}', name] }),
      next: 'Run it again',
    },
  ];
}

/** Of Google's registry a name tells whose it is: both kinds are served by the same product. */
export interface GoogleRepository {
  readonly host: string;
  readonly project: string;
  readonly repository: string;
  readonly location: string;
}

export function googleRepository(registry: string): GoogleRepository | undefined {
  const [host = '', project = '', named = ''] = registry.split('/');
  const old = /^(?:(us|eu|asia)\.)?gcr\.io$/.exec(host);
  if (old !== null) {
    const location = old[1] === 'eu' ? 'europe' : (old[1] ?? 'us');
    return { host, project, repository: host, location };
  }
  const location = /^([a-z0-9-]+)-docker\.pkg\.dev$/.exec(host)?.[1];
  return location === undefined ? undefined : { host, project, repository: named, location };
}

function repositoryStep({ project, repository, location }: GoogleRepository): Step {
  const of = [`--location=${location}`, `--project=${project}`, '--quiet'];
  const artifacts = (...words: readonly string[]): Command => ({
    argv: ['gcloud', 'artifacts', 'repositories', ...words],
  });
  return {
    title: `looking for the repository ${repository} in ${project}`,
    unless: {
      command: artifacts('describe', repository, ...of, '--format=value(name)'),
      missing: /NOT_FOUND|SERVICE_DISABLED|has not been used in project/,
    },
    commands: [
      { argv: ['gcloud', 'services', 'enable', 'artifactregistry.googleapis.com', `--project=${project}`, '--quiet'] },
      artifacts('create', repository, '--repository-format=docker', ...of),
    ],
    next: `Are you logged in (gcloud auth login), is ${project} your project, and may you write to its Artifact Registry? Then run it again`,
  };
}

/** N1. Commands of this engine that read and write this run's log-ins only. */
function apart({ engine, dockerHost }: Facts): {
  argv(verb: string, ...words: string[]): string[];
  env?: Command['env'];
} {
  if (engine === 'podman')
    return { argv: (verb, ...words) => ['podman', verb, `--authfile=${scratch}/auth.json`, ...words] };
  return {
    argv: (verb, ...words) => ['docker', `--config=${scratch}`, verb, ...words],
    ...(dockerHost !== undefined && { env: { DOCKER_HOST: dockerHost } }),
  };
}

export function pushSteps(registry: string, tag: string, facts: Facts): readonly Step[] {
  const { engine } = facts;
  const google = googleRepository(registry);
  const [local, remote] = [`${localName}:${tag}`, `${registry}:${tag}`];
  const { argv, env } = apart(facts);
  const own = (verb: string, ...words: string[]): Command => ({
    argv: google ? argv(verb, ...words) : [engine, verb, ...words],
    ...(google && env && { env }),
  });
  const login: Command = {
    ...own('login', '--username=oauth2accesstoken', '--password-stdin', google?.host ?? ''),
    from: ['gcloud', 'auth', 'print-access-token'],
  };
  const digestFile = `${scratch}/digest`;
  return [
    engineStep(engine),
    {
      title: `looking for ${local}`,
      commands: only({ argv: [engine, 'image', 'inspect', '--format={{.Id}}', local] }),
      next: `Build it first: npm run image -- build${tag === 'latest' ? '' : ` --tag ${tag}`}`,
    },
    ...(google === undefined ? [] : [repositoryStep(google)]),
    ...(google === undefined
      ? []
      : [{ title: `logging in at ${google.host}`, commands: only(login), next: 'Log in first: gcloud auth login' }]),
    {
      title: `pushing ${remote}`,
      commands: [
        { argv: [engine, 'tag', local, remote] },
        { ...own('push', ...(engine === 'podman' ? [`--digestfile=${digestFile}`] : []), remote), shown: true },
      ],
      next: 'May you write there, and is the network there? Then run it again: layers that have arrived are kept',
    },
    {
      title: 'reading its digest',
      // N2. An image may have been pushed to several places.
      commands: only({
        argv:
          engine === 'podman'
            ? ['cat', digestFile]
            : ['docker', 'image', 'inspect', '--format={{join .RepoDigests "\\n"}}', remote],
      }),
      next: 'It is pushed; run it again to see its digest',
    },
  ];
}

/** The image by digest, out of what the last step of a push said; undefined when it is not there. */
export function pushedName(registry: string, said: string): string | undefined {
  const digest = said
    .split('\n')
    .map((line) => line.trim())
    .map((line) => (line.startsWith(`${registry}@`) ? line.slice(registry.length + 1) : line))
    .find((line) => /^sha256:[0-9a-f]{64}$/.test(line));
  return digest === undefined ? undefined : `${registry}@${digest}`;
}

/** Tools that must be there before anything happens. */
export const toolsOf = (options: Pick<ImageOptions, 'command' | 'registry'>): readonly string[] =>
  options.command === 'push' && googleRepository(options.registry ?? '') !== undefined ? ['gcloud'] : [];
