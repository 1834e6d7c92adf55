/** Steps for what belongs to the project: APIs, the image repository, the identity of the VMs and the secrets. Pure. */
import { type GoogleRepository, googleRepository } from '../image/plan.ts';
import { accountOf, names } from './layout.ts';
import { asArray, asObject, type Command, type Step } from './step.ts';

const apis = [
  'compute',
  'artifactregistry',
  'secretmanager',
  'logging',
  'monitoring',
  'iam',
  'cloudresourcemanager',
  'iap',
].map((name) => `${name}.googleapis.com`);

/** A word list of gcloud for this project: what asks, and what changes. */
export interface Gcloud {
  readonly ask: (...words: readonly string[]) => readonly string[];
  readonly run: (...words: readonly string[]) => Command;
}
export const gcloudOf = (project: string): Gcloud => ({
  ask: (...words) => ['gcloud', ...words, `--project=${project}`, '--format=json', '--quiet'],
  run: (...words) => ({ argv: ['gcloud', ...words, `--project=${project}`, '--quiet'] }),
});

/** Checked with the options (options.ts). */
export function repositoryOf(registry: string): GoogleRepository {
  const repository = googleRepository(registry);
  if (repository === undefined) throw new Error(`${registry} is none of Google's registries`);
  return repository;
}

/** Before an image can be pushed. */
export function groundSteps(project: string, registry: string): readonly Step[] {
  const { ask, run } = gcloudOf(project);
  const repository = repositoryOf(registry);
  const inRepository = gcloudOf(repository.project);
  const at = `--location=${repository.location}`;
  return [
    {
      title: 'APIs of the project',
      look: {
        argv: ask('services', 'list', '--enabled'),
        isThere: (found) => {
          const enabled = new Set(asArray(found).map(({ config }) => asObject(config).name));
          return apis.every((api) => enabled.has(api));
        },
      },
      make: [run('services', 'enable', ...apis)],
      keep: 'always',
    },
    {
      title: `image repository ${repository.repository}`,
      look: { argv: inRepository.ask('artifacts', 'repositories', 'describe', repository.repository, at) },
      make: [
        inRepository.run(
          'artifacts',
          'repositories',
          'create',
          repository.repository,
          at,
          '--repository-format=docker',
        ),
      ],
      keep: 'always',
    },
  ];
}

/** The service account is new: others hear of it some seconds later. Two changes of one policy at once also pass. */
const notYet = /does not exist|concurrent policy changes|ABORTED|HTTPError 409|HttpError 409/i;

function binding(
  what: string,
  role: string,
  member: string,
  look: readonly string[],
  change: (verb: string) => Command,
): Step {
  const flags = [`--member=${member}`, `--role=${role}`, '--condition=None', '--format=none'];
  const with_ = (verb: string): Command => {
    const { argv } = change(verb);
    return { argv: [...argv, ...flags], retryOn: notYet };
  };
  return {
    title: what,
    look: {
      argv: look,
      isThere: (found) =>
        asArray(asObject(found).bindings).some(
          (one) => one.role === role && one.condition === undefined && asArrayOfText(one.members).includes(member),
        ),
    },
    make: [with_('add-iam-policy-binding')],
    remove: [with_('remove-iam-policy-binding')],
  };
}
const asArrayOfText = (value: unknown): readonly string[] => (Array.isArray(value) ? (value as string[]) : []);

export function identitySteps(project: string, registry: string): readonly Step[] {
  const { ask, run } = gcloudOf(project);
  const email = accountOf(project);
  const member = `serviceAccount:${email}`;
  const repository = repositoryOf(registry);
  const inRepository = gcloudOf(repository.project);
  const ofProject = (what: string, role: string): Step =>
    binding(what, role, member, ask('projects', 'get-iam-policy', project), (verb) => run('projects', verb, project));
  return [
    {
      title: `service account ${names.account}`,
      look: { argv: ask('iam', 'service-accounts', 'describe', email) },
      make: [run('iam', 'service-accounts', 'create', names.account, '--display-name=distributed-log nodes')],
      remove: [run('iam', 'service-accounts', 'delete', email)],
    },
    ofProject('nodes may write logs', 'roles/logging.logWriter'),
    ofProject('nodes may write metrics', 'roles/monitoring.metricWriter'),
    binding(
      'nodes may read images',
      'roles/artifactregistry.reader',
      member,
      inRepository.ask(
        'artifacts',
        'repositories',
        'get-iam-policy',
        repository.repository,
        `--location=${repository.location}`,
      ),
      (verb) =>
        inRepository.run('artifacts', 'repositories', verb, repository.repository, `--location=${repository.location}`),
    ),
  ];
}

function secretSteps(project: string, name: string, which: 'cluster' | 'token', shown: string): readonly Step[] {
  const { ask, run } = gcloudOf(project);
  const create = run(
    'secrets',
    'create',
    name,
    '--replication-policy=automatic',
    `--labels=app=${names.app}`,
    '--data-file=-',
  );
  const look = ask('secrets', 'get-iam-policy', name);
  return [
    {
      title: `secret ${name}`,
      look: { argv: ask('secrets', 'describe', name) },
      make: [{ ...create, stdin: { secret: which, shown } }],
      remove: [run('secrets', 'delete', name)],
      keep: 'data',
    },
    binding(
      `nodes may read ${name}`,
      'roles/secretmanager.secretAccessor',
      `serviceAccount:${accountOf(project)}`,
      look,
      (verb) => run('secrets', verb, name),
    ),
  ];
}

export const clusterSecretSteps = (project: string): readonly Step[] =>
  secretSteps(project, names.clusterSecret, 'cluster', 'openssl rand -hex 32');

export const tokenSteps = (project: string, tokenFile: string | null): readonly Step[] =>
  secretSteps(project, names.apiToken, 'token', tokenFile === null ? 'openssl rand -hex 32' : `cat '${tokenFile}'`);
