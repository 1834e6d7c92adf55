/** `npm run image`: its options, its plan, and the script run against commands that only write down what they are told. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ImageOptions, optionsOf } from '../../scripts/image/options.ts';
import { buildSteps, googleRepository, pushedName, pushSteps } from '../../scripts/image/plan.ts';
import { pathOf, script, shellText } from '../../scripts/image/step.ts';
import { allowed } from '../support/needs.ts';

const project = { GCP_PROJECT_ID: 'demo-project' };
const registry = 'gcr.io/demo-project/distributed-log';

function options(args: string, env: Record<string, string> = project): ImageOptions {
  const outcome = optionsOf(args.split(' '), env);
  if ('faults' in outcome) throw new Error(outcome.faults.join('\n'));
  return outcome.ok;
}
function faults(args: readonly string[], env: Record<string, string> = project): readonly string[] {
  const outcome = optionsOf(args, env);
  return 'faults' in outcome ? outcome.faults : [];
}

// --------------------------------------------------------------------------------------------------------- options

const Options = suite('options of npm run image');

Options('have defaults for all but the command and the project', () => {
  assert.equal(options('push'), {
    command: 'push',
    engine: null,
    base: null,
    platform: 'linux/amd64',
    tag: 'latest',
    registry,
    npmrc: null,
    dryRun: false,
  });
  assert.is(options('build', {}).registry, null);
});

Options('are taken with a space and with an equals sign', () => {
  const given = options(
    'push --engine docker --tag=v1.2 --base node:22-alpine --registry=eu.gcr.io/other-project/log --dry-run',
  );
  assert.is(given.engine, 'docker');
  assert.is(given.tag, 'v1.2');
  assert.is(given.base, 'node:22-alpine');
  assert.is(given.registry, 'eu.gcr.io/other-project/log');
  assert.is(given.dryRun, true);
});

Options('tell all faults at once, each with what is accepted', () => {
  const told = faults([
    'push',
    'twice',
    '--engine',
    'rkt',
    '--tag',
    'a b',
    '--registry=gcr.io/p/log:v1',
    '--what',
    '--base',
  ]);
  assert.is(told.length, 6);
  for (const [i, words] of [
    /^--engine: rkt; accepted: podman or docker$/,
    /^--tag: a b; /,
    /^--registry: .*without a tag/,
    /^--what: unknown/,
    /^--base: \(nothing given\)/,
    /^push twice: /,
  ].entries()) {
    assert.match(told[i] ?? '', words);
  }
  assert.match(faults([])[0] ?? '', /accepted: build, push/);
});

Options('need a project to push to, unless another registry is named', () => {
  assert.match(faults(['push'], {})[0] ?? '', /^GCP_PROJECT_ID: \(not set\); accepted: /);
  assert.match(faults(['push'], { GCP_PROJECT_ID: 'My Project' })[0] ?? '', /^GCP_PROJECT_ID: My Project; /);
  assert.equal(faults(['push', '--registry', 'docker.io/team/log'], {}), []);
  assert.equal(faults(['build'], { GCP_PROJECT_ID: 'My Project' }), []);
});

// ------------------------------------------------------------------------------------------------------------ plan

const Plan = suite('plan of the image');
const lines = (steps: Parameters<typeof script>[0]): string[] =>
  script(steps)
    .split('\n')
    .filter((line) => !line.startsWith('#'));

Plan('builds with either engine, with what each of them needs', () => {
  const { engine: _, ...parts } = options('build --base node:22-alpine --npmrc my/npmrc --tag t1');
  assert.equal(lines(buildSteps(parts, { engine: 'podman' })), [
    'set -eu -o pipefail',
    'podman version',
    'podman build --format=docker --platform=linux/amd64 --file=Containerfile --tag=distributed-log:t1 --build-arg=BASE_IMAGE=node:22-alpine --secret=id=npmrc,src=my/npmrc .',
    "podman image inspect '--format={{.Size}}' distributed-log:t1",
  ]);
  assert.equal(lines(buildSteps(options('build --platform linux/arm64'), { engine: 'docker' })).slice(2, 3), [
    'DOCKER_BUILDKIT=1 docker build --platform=linux/arm64 --file=Containerfile --tag=distributed-log:latest .',
  ]);
});

const gcrRepository = [
  "gcloud artifacts repositories describe gcr.io --location=us --project=demo-project --quiet '--format=value(name)' > /dev/null || {",
  '  gcloud services enable artifactregistry.googleapis.com --project=demo-project --quiet',
  '  gcloud artifacts repositories create gcr.io --repository-format=docker --location=us --project=demo-project --quiet',
  '}',
];
const scratchLines = ['SCRATCH=$(mktemp --directory)', `trap 'rm -rf "$SCRATCH"' EXIT`];

Plan('pushes to Google with a token by stdin and log-ins of its own, and ends with the digest', () => {
  assert.equal(lines(pushSteps(registry, 'latest', { engine: 'podman' })), [
    'set -eu -o pipefail',
    ...scratchLines,
    'podman version',
    "podman image inspect '--format={{.Id}}' distributed-log:latest",
    ...gcrRepository,
    'gcloud auth print-access-token | podman login "--authfile=$SCRATCH/auth.json" --username=oauth2accesstoken --password-stdin gcr.io',
    `podman tag distributed-log:latest ${registry}:latest`,
    `podman push "--authfile=$SCRATCH/auth.json" "--digestfile=$SCRATCH/digest" ${registry}:latest`,
    'cat "$SCRATCH/digest"',
  ]);
  const host = 'DOCKER_HOST=unix:///run/docker.sock ';
  assert.equal(lines(pushSteps(registry, 'v1', { engine: 'docker', dockerHost: 'unix:///run/docker.sock' })), [
    'set -eu -o pipefail',
    ...scratchLines,
    'docker version',
    "docker image inspect '--format={{.Id}}' distributed-log:v1",
    ...gcrRepository,
    `gcloud auth print-access-token | ${host}docker "--config=$SCRATCH" login --username=oauth2accesstoken --password-stdin gcr.io`,
    `docker tag distributed-log:v1 ${registry}:v1`,
    `${host}docker "--config=$SCRATCH" push ${registry}:v1`,
    `docker image inspect '--format={{join .RepoDigests "\\n"}}' ${registry}:v1`,
  ]);
});

Plan('pushes elsewhere with the log-ins that are there', () => {
  assert.equal(lines(pushSteps('docker.io/team/log', 'latest', { engine: 'docker' })).slice(1), [
    'docker version',
    "docker image inspect '--format={{.Id}}' distributed-log:latest",
    'docker tag distributed-log:latest docker.io/team/log:latest',
    'docker push docker.io/team/log:latest',
    `docker image inspect '--format={{join .RepoDigests "\\n"}}' docker.io/team/log:latest`,
  ]);
});

Plan('knows whose repository a name of Google means, and where it is', () => {
  const at = (name: string): unknown => googleRepository(name);
  assert.equal(at('gcr.io/p/log'), { host: 'gcr.io', project: 'p', repository: 'gcr.io', location: 'us' });
  assert.equal(at('eu.gcr.io/p/log'), { host: 'eu.gcr.io', project: 'p', repository: 'eu.gcr.io', location: 'europe' });
  const host = 'europe-west1-docker.pkg.dev';
  assert.equal(at(`${host}/p/r/log`), { host, project: 'p', repository: 'r', location: 'europe-west1' });
  assert.is(at('docker.io/team/log'), undefined);
  assert.is(at('gcr.io.example.com/p/log'), undefined);
});

Plan('finds the digest of this registry among others', () => {
  const [a, b] = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);
  assert.is(pushedName(registry, `${a}\n`), `${registry}@${a}`);
  assert.is(pushedName(registry, `docker.io/team/log@${a}\n${registry}@${b}\n`), `${registry}@${b}`);
  assert.is(pushedName(registry, 'nothing'), undefined);
});

Plan('is quoted so that a shell reads each word as it was', () => {
  const words = ['plain', 'a b', "it's", '$HOME', '', '*', 'a"b\\n', '{{.Id}}'];
  const { stdout } = spawnSync('sh', ['-c', shellText({ argv: ['printf', '%s\\n', ...words] })], { encoding: 'utf8' });
  assert.equal(stdout, `${words.join('\n')}\n`);
});

// --------------------------------------------------------------------------------------------------------- running

const imageScript = fileURLToPath(new URL('../../scripts/image.js', import.meta.url));
const digest = `sha256:${'c'.repeat(64)}`;

/** Stands for podman and gcloud: writes down its arguments and what it reads, and answers as they do. */
const fake = `#!/bin/sh
line="\${0##*/} $*"
input=
case $line in *--password-stdin*) read -r input;; esac
printf '%s\\t%s\\n' "$line" "$input" >> "$CALLS"
case $line in *' build '*) [ -f Containerfile ] || { echo 'no Containerfile here' >&2; exit 9; };; esac
case $line in *' describe '*) [ -z "$DESCRIBE" ] || { echo "ERROR: (gcloud) $DESCRIBE" >&2; exit 1; };; esac
[ -z "$FAILS" ] || case $line in "$FAILS"*) echo 'it broke here' >&2; exit 3;; esac
case $line in
  *print-access-token*) echo ya29.a-token;;
  *{{.Size}}*) echo 127000000;;
esac
for word; do case $word in --digestfile=*) echo ${digest} > "\${word#*=}";; esac; done
`;

interface Call {
  readonly line: string;
  readonly input: string;
}

/** Runs the script with only these commands on the PATH beside the shell's. */
function runImage(args: readonly string[], fakes: readonly string[], env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'dlog-image-'));
  const calls = join(folder, 'calls');
  const commands = join(folder, 'commands');
  mkdirSync(commands);
  writeFileSync(calls, '');
  for (const name of fakes) {
    writeFileSync(join(commands, name), fake, { mode: 0o755 });
  }
  for (const name of ['sh', 'bash', 'cat']) {
    const path = pathOf(name);
    if (path !== undefined) writeFileSync(join(commands, name), `#!/bin/sh\nexec ${path} "$@"\n`, { mode: 0o755 });
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [imageScript, ...args], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: commands, CALLS: calls, TMPDIR: folder, ...env },
  });
  const made = readFileSync(calls, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((text): Call => {
      const [line = '', input = ''] = text.split('\t');
      return { line, input };
    });
  rmSync(folder, { recursive: true });
  return { status, stdout, stderr, calls: made, verbs: made.map(({ line }) => line.split(' ').slice(0, 2).join(' ')) };
}

const Running = suite('npm run image');

Running('builds, shows its progress on stderr, and says what it built', () => {
  const { status, stdout, stderr, verbs } = runImage(['build'], ['podman']);
  assert.is(status, 0, stderr);
  assert.is(stdout, 'distributed-log:latest is built, 127 MB\n');
  assert.match(stderr, /asking podman … \d+\.\d s\nbuilding distributed-log:latest …/);
  assert.equal(verbs, ['podman version', 'podman build', 'podman image']);
});

Running('pushes with a token that is in no argument and in no file afterwards', () => {
  const { status, stdout, stderr, calls, verbs } = runImage(['push'], ['podman', 'gcloud'], project);
  assert.is(status, 0, stderr);
  assert.is(stdout, `${registry}@${digest}\n`);
  assert.equal(verbs, [
    'podman version',
    'podman image',
    'gcloud artifacts',
    'gcloud auth',
    'podman login',
    'podman tag',
    'podman push',
  ]);
  assert.is(calls.find(({ line }) => line.startsWith('podman login'))?.input, 'ya29.a-token');
  assert.not(`${stdout}${stderr}${calls.map(({ line }) => line).join()}`.includes('ya29'));
  const files = calls.flatMap(({ line }) => /--authfile=(\S+)/.exec(line)?.[1] ?? []);
  assert.is(files.length, 2);
  for (const file of files) assert.not(existsSync(file));
});

Running('makes the repository only when it is missing, and stops at any other answer', () => {
  const missing = runImage(['push'], ['podman', 'gcloud'], {
    ...project,
    DESCRIBE: 'NOT_FOUND: Requested entity was not found.',
  });
  assert.is(missing.status, 0, missing.stderr);
  assert.equal(
    missing.calls.map(({ line }) => line.split(' ').slice(0, 4).join(' ')).filter((line) => line.startsWith('gcloud')),
    [
      'gcloud artifacts repositories describe',
      'gcloud services enable artifactregistry.googleapis.com',
      'gcloud artifacts repositories create',
      'gcloud auth print-access-token',
    ],
  );
  const denied = runImage(['push'], ['podman', 'gcloud'], { ...project, DESCRIBE: 'PERMISSION_DENIED: no.' });
  assert.is(denied.status, 1);
  assert.match(denied.stderr, /PERMISSION_DENIED: no\./);
  assert.match(denied.stderr, /The command was: gcloud artifacts repositories describe gcr\.io .*\nAre you logged in/);
  assert.is(denied.verbs.at(-1), 'gcloud artifacts');
});

Running('names the command that failed, what it said, and what to do', () => {
  const push = runImage(['push'], ['podman', 'gcloud'], { ...project, FAILS: 'podman push' });
  assert.is(push.status, 1);
  assert.is(push.stdout, '');
  assert.match(
    push.stderr,
    /it broke here\n.*failed \(exit code 3\)\nThe command was: podman push .*\nMay you write there/s,
  );
  const token = runImage(['push'], ['podman', 'gcloud'], { ...project, FAILS: 'gcloud auth' });
  assert.match(token.stderr, /it broke here\n\nThe command was: gcloud auth print-access-token \| podman login/);
  assert.not(token.verbs.includes('podman login'));
  const absent = runImage(['push', '--tag', 'v9'], ['podman', 'gcloud'], { ...project, FAILS: 'podman image' });
  assert.match(absent.stderr, /\nBuild it first: npm run image -- build --tag v9\n$/);
});

Running('says before anything happens what is missing', () => {
  const nothing = runImage(['build'], []);
  assert.is(nothing.status, 1);
  assert.match(nothing.stderr, /^neither podman nor docker is installed: install/);
  const docker = runImage(['build', '--engine=docker'], ['podman']);
  assert.match(docker.stderr, /^docker is not installed/);
  assert.equal(docker.calls, []);
  const gcloud = runImage(['push'], ['podman'], project);
  assert.match(gcloud.stderr, /^gcloud is not installed/);
  assert.equal(gcloud.calls, []);
  const unset = runImage(['push'], ['podman', 'gcloud']);
  assert.is(unset.status, 2);
  assert.match(unset.stderr, /GCP_PROJECT_ID: \(not set\)/);
  const npmrc = runImage(['build', '--npmrc=not-there'], ['podman']);
  assert.match(npmrc.stderr, /^--npmrc: ENOENT.*not-there/);
  assert.equal([...unset.calls, ...npmrc.calls], []);
});

Running('with --dry-run prints what it would do, does nothing, and needs neither gcloud nor a named engine', () => {
  const { status, stdout, calls } = runImage(['push', '--dry-run', '--engine=podman'], [], project);
  assert.is(status, 0);
  assert.is(stdout, `${script(pushSteps(registry, 'latest', { engine: 'podman' }))}\n`);
  assert.equal(calls, []);
  assert.is(spawnSync('bash', ['-n'], { input: stdout }).status, 0);
});

Running('does what its dry run prints', () => {
  const { calls } = runImage(['push'], ['podman', 'gcloud'], project);
  const plain = (text: string): string =>
    text.replace(/"?(--\w+=)\S*?\/(auth\.json|digest)"?/g, '$1$2').replaceAll("'", '');
  const printed = lines(pushSteps(registry, 'latest', { engine: 'podman' })).map(plain);
  for (const { line } of calls)
    assert.ok(
      printed.some((text) => text.includes(plain(line))),
      plain(line),
    );
});

// ---------------------------------------------------------------------------------------------------------- gcloud

const Gcloud = suite('the commands of gcloud');
const reason = pathOf('gcloud') === undefined ? 'gcloud is not there to judge its commands' : undefined;
const judged = allowed(reason) ? Gcloud : Gcloud.skip;

judged('are valid ones', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dlog-gcloud-'));
  const steps = pushSteps(registry, 'latest', { engine: 'podman' });
  const commands = steps
    .flatMap(({ commands, unless }) => [...(unless ? [unless.command] : []), ...commands])
    .flatMap(({ argv, from }) => [argv, from ?? []])
    .filter(([program]) => program === 'gcloud')
    .map((argv) => ({ command_string: argv.join(' ') }));
  assert.is(commands.length, 4);
  const judge = (list: readonly { command_string: string }[]): { success: boolean; error_message: string | null }[] => {
    const file = join(folder, 'commands.json');
    writeFileSync(file, JSON.stringify(list));
    const { stdout } = spawnSync('gcloud', ['meta', 'lint-gcloud-commands', `--commands-file=${file}`], {
      encoding: 'utf8',
      env: { ...process.env, CLOUDSDK_CONFIG: folder },
    });
    return JSON.parse(stdout) as { success: boolean; error_message: string | null }[];
  };
  try {
    const wrong = { command_string: 'gcloud artifacts repositories create gcr.io --what=docker' };
    const verdicts = judge([...commands, wrong]);
    assert.equal(
      verdicts.map(({ success }) => success),
      [true, true, true, true, false],
      JSON.stringify(verdicts),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

Options.run();
Plan.run();
Running.run();
Gcloud.run();
