/** Carrying a plan out, against a gcloud that is played: twice, half, wrongly, and without rights. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adviceFor, isMissing } from '../../scripts/cloud/advice.ts';
import { cloud } from '../../scripts/cloud/main.ts';
import { Runner } from '../../scripts/cloud/run.ts';
import type { Step } from '../../scripts/cloud/step.ts';
import { Stop } from '../../scripts/cloud/world.ts';
import { digest, failure, fine, missing, PlayedWorld, project } from './cloudWorld.ts';

const step = (title: string, more: Partial<Step> = {}): Step => ({
  title,
  look: { argv: ['gcloud', 'describe', title] },
  make: [{ argv: ['gcloud', 'create', title] }],
  remove: [{ argv: ['gcloud', 'delete', title] }],
  ...more,
});
/** Things that exist by their names. */
const held = (
  there: Set<string>,
  more?: (argv: readonly string[]) => ReturnType<typeof fine> | undefined,
): PlayedWorld =>
  new PlayedWorld((argv) => {
    const [, verb, name = ''] = argv;
    const special = more?.(argv);
    if (special) return special;
    if (verb === 'describe') return there.has(name) ? fine({ name }) : missing;
    if (verb === 'create') there.add(name);
    if (verb === 'delete') there.delete(name);
    return fine();
  });
const runner = (world: PlayedWorld): Runner => new Runner(world, () => Promise.resolve('s3cret'));
const stopOf = async (act: Promise<unknown>): Promise<string> => {
  try {
    await act;
  } catch (error) {
    if (error instanceof Stop) return error.message;
    throw error;
  }
  return '';
};

const Run = suite('cloud runner');

Run('makes what is missing, in order, and nothing the second time', async () => {
  const world = held(new Set(['b']));
  await runner(world).make([step('a'), step('b'), step('c')]);
  assert.equal(world.changes, ['gcloud create a', 'gcloud create c']);
  await runner(world).make([step('a'), step('b'), step('c')]);
  assert.is(world.changes.length, 2);
  assert.ok(world.said.some((line) => line.includes('ok       b')));
});
Run('removes what is there, and passes over the rest', async () => {
  const world = held(new Set(['a', 'c']));
  assert.is(await runner(world).remove([step('c'), step('b'), step('a')]), 2);
  assert.equal(world.changes, ['gcloud delete c', 'gcloud delete a']);
});
Run('goes on where a run broke off', async () => {
  const there = new Set<string>();
  let breaks = true;
  const world = held(there, ([, verb, name]) =>
    breaks && verb === 'create' && name === 'b' ? failure('boom') : undefined,
  );
  const said = await stopOf(runner(world).make([step('a'), step('b'), step('c')]));
  assert.match(said, /failed: b\n\n {2}gcloud create b\n\n {2}boom\n\nThen run the same command again/);
  breaks = false;
  await runner(world).make([step('a'), step('b'), step('c')]);
  assert.equal([...there], ['a', 'b', 'c']);
});
Run('corrects what differs and can be corrected, and says what is left to do', async () => {
  const fix = { argv: ['gcloud', 'update', 'a'] };
  const look = {
    argv: ['gcloud', 'describe', 'a'],
    expects: [{ what: 'size', wanted: 2, of: () => 1, fix, note: 'restart it' }],
  };
  const world = held(new Set(['a']));
  assert.equal(await runner(world).make([step('a', { look })]), ['restart it']);
  assert.equal(world.changes, ['gcloud update a']);
});
Run('stops before what it cannot correct, and says how it goes on', async () => {
  const look = { argv: ['gcloud', 'describe', 'a'], expects: [{ what: 'zone', wanted: 'x', of: () => 'y' }] };
  const world = held(new Set(['a']));
  const said = await stopOf(runner(world).make([step('a', { look }), step('b')]));
  assert.match(said, /zone: "y"; wanted: "x"[\s\S]*gcloud delete a/);
  assert.equal(world.changes, []);
  assert.not.match(await stopOf(runner(world).make([step('a', { look, keep: 'data' })])), 'gcloud delete');
});
Run('takes no refused question for a thing that is not there', async () => {
  const world = held(new Set(), ([, verb]) =>
    verb === 'describe' ? failure('PERMISSION_DENIED: no access, or it was not found') : undefined,
  );
  assert.match(await stopOf(runner(world).make([step('a')])), /failed: to look at a[\s\S]*lacks a right/);
  assert.equal(world.changes, []);
});
Run('waits for what passes by itself, and not for ever', async () => {
  let tries = 0;
  const make = [{ argv: ['gcloud', 'create', 'a'], retryOn: /does not exist/ }];
  const world = held(new Set(), ([, verb]) =>
    verb === 'create' && ++tries < 4 ? failure('account does not exist') : undefined,
  );
  await runner(world).make([step('a', { make })]);
  assert.is(tries, 4);
  const never = held(new Set(), ([, verb]) => (verb === 'create' ? failure('account does not exist') : undefined));
  assert.match(await stopOf(runner(never).make([step('a', { make })])), 'failed: a');
});
Run('gives a secret on stdin, and shows it nowhere when that fails', async () => {
  const make = [{ argv: ['gcloud', 'create', 'a'], stdin: { secret: 'token', shown: 'openssl rand' } as const }];
  const world = held(new Set(), ([, verb]) => (verb === 'create' ? failure('boom') : undefined));
  const said = await stopOf(runner(world).make([step('a', { make })]));
  assert.equal(world.stdins, ['s3cret']);
  assert.match(said, 'openssl rand | gcloud create a');
  assert.not.match(said + world.said.join() + world.ran.join(), 's3cret');
});
Run('asks the same question once a round', async () => {
  const look = { argv: ['gcloud', 'describe', 'x'] };
  const world = held(new Set(['x']));
  await runner(world).make([step('a', { look }), step('b', { look }), step('c', { look })]);
  assert.is(world.ran.length, 1);
});
Run.run();

const Words = suite('words of gcloud');

Words('of a missing thing are known, in all their forms', () => {
  for (const said of [
    "ERROR: (gcloud.compute.networks.describe) Could not fetch resource:\n - The resource 'projects/p/global/networks/n' was not found",
    'ERROR: (gcloud.secrets.describe) NOT_FOUND: Secret [projects/1/secrets/s] not found.',
  ])
    assert.ok(isMissing(said), said);
  for (const said of ['PERMISSION_DENIED: … or it was not found', 'quota exceeded', ''])
    assert.not.ok(isMissing(said), said);
});
Words('lead to what can be done', () => {
  assert.match(adviceFor('code: ZONE_RESOURCE_POOL_EXHAUSTED') ?? '', '--zones');
  assert.match(adviceFor('Billing must be enabled for activation') ?? '', 'billing');
  assert.is(adviceFor('something new'), undefined);
});
Words.run();

// --------------------------------------------------------------------------------------------------- whole commands

const said: string[] = [];
const onStderr = process.stderr.write;
async function exitOf(world: PlayedWorld, ...given: readonly string[]): Promise<number> {
  said.length = 0;
  process.stderr.write = (text: string | Uint8Array): boolean => said.push(String(text)) > 0;
  try {
    return await cloud(world, given, { GCP_PROJECT_ID: project });
  } finally {
    process.stderr.write = onStderr;
  }
}
const loggedIn = (
  more: (line: string, argv: readonly string[]) => ReturnType<typeof fine> | undefined = () => undefined,
): PlayedWorld =>
  new PlayedWorld((argv) => {
    const line = argv.join(' ');
    const special = more(line, argv);
    if (special) return special;
    if (/ list .*--filter=labels/.test(line)) return fine([]);
    if (
      / (?:describe|get-iam-policy|list-instances|get-named-ports|services list) /.test(line) &&
      !line.includes('projects describe')
    )
      return line.includes('services list') ? fine([]) : missing;
    return fine({});
  });

const Commands = suite('npm run cloud');

Commands('does nothing without gcloud, a login, a project, or podman', async () => {
  const cases: readonly (readonly [broken: RegExp, words: string, stderr?: string])[] = [
    [/^gcloud version/, 'gcloud cannot be run'],
    [/^gcloud projects describe/, 'gcloud auth login', 'You do not currently have an active account selected.'],
    [/^gcloud projects describe/, 'cannot be seen with this account'],
    [/^(?:podman|docker) --version/, 'neither podman nor docker'],
  ];
  for (const [broken, words, stderr = 'command not found'] of cases) {
    const world = loggedIn((line) => (broken.test(line) ? { code: 127, stdout: '', stderr } : undefined));
    assert.is(await exitOf(world, 'deploy', '--open'), 1);
    assert.match(said.join(''), words);
    assert.equal(
      world.changes.filter((line) => !/ --version/.test(line)),
      [],
    );
  }
});
Commands('ends with 2 for options that nobody understands, and runs nothing', async () => {
  const world = loggedIn();
  assert.is(await exitOf(world, 'deploy'), 2);
  assert.is(await exitOf(world, 'dploy'), 2);
  assert.match(said.join(''), 'dploy: unknown; there are deploy, status');
  assert.equal(world.ran, []);
});
Commands('prints a whole plan dry, runs nothing, and writes the files that it names', async () => {
  const world = new PlayedWorld(() => failure('nothing may run'));
  assert.is(await exitOf(world, 'deploy', '--api-token', '--dry-run'), 0);
  assert.equal(world.ran, []);
  const named = world.said.join('\n').match(/results\/cloud\/[\w./-]+/g) ?? [];
  assert.is(named.length, 3);
  for (const path of named) assert.ok(world.files.has(path), path);
  assert.is(await exitOf(world, 'destroy', '--dry-run'), 0);
  assert.equal(world.ran, []);
});
Commands('keeps a cluster where its data is', async () => {
  const disks = ['a', 'b', 'c'].map((zone, i) => ({
    name: `log-node-${i + 1}-data`,
    zone: `https://x/zones/us-west1-${zone}`,
  }));
  const world = loggedIn((line) => (line.includes('disks list') ? fine(disks) : undefined));
  assert.is(await exitOf(world, 'deploy', '--open', '--image', digest, '--regions', 'us-central1'), 1);
  assert.match(
    said.join(''),
    'the data of this cluster is in us-west1-a, us-west1-b, us-west1-c, not in us-central1-a',
  );
  await exitOf(world, 'deploy', '--open', '--image', digest, '--no-wait');
  assert.ok(world.ran.some((line) => line.includes('instances create log-node-3 --zone=us-west1-c')));
});
Commands('asks before it destroys, and takes no silence for a yes', async () => {
  const world = loggedIn((line) => (line.includes('networks describe') ? fine({}) : undefined));
  assert.is(await exitOf(world, 'destroy'), 1);
  assert.match(said.join(''), 'give --yes');
  world.typed = 'another-project';
  assert.is(await exitOf(world, 'destroy'), 1);
  assert.equal(
    world.changes.filter((line) => line.includes(' delete ')),
    [],
  );
  world.typed = project;
  assert.is(await exitOf(world, 'destroy'), 0);
  assert.equal(world.changes.filter((line) => line.includes(' delete ')).length, 1);
});
Commands('deploys by digest, whatever the tag is called', async () => {
  const found = { image_summary: { digest: `sha256:${'a'.repeat(64)}` } };
  const world = loggedIn((line) => (line.includes('docker images describe') ? fine(found) : undefined));
  assert.is(await exitOf(world, 'deploy', '--open', '--image', 'v7', '--no-wait'), 0);
  const create = world.ran.find((line) => line.includes('instances create log-node-1')) ?? '';
  assert.match(create, `distributed-log-image=gcr.io/${project}/distributed-log@sha256:aaaa`);
  assert.match(world.said.join('\n'), 'OPEN: whoever finds this address may read and write.');
});
Commands.run();
