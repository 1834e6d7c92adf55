/**
 * The image is really built, on a base image made here, and really run: alone, and as the three nodes of compose.yaml.
 * What cannot be seen here: the base image of the Containerfile itself (no registry is asked), and docker.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allowed } from '../support/needs.ts';
import { tell, until } from '../support/realCluster.ts';
import { writeBaseImage } from './baseImage.ts';
import { LoopbackRegistry } from './loopbackRegistry.ts';
import { OwnPodman, reasonAgainstContainers } from './ownPodman.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const imageScript = fileURLToPath(new URL('../../scripts/image.js', import.meta.url));
const image = 'distributed-log:latest';
/** In the .npmrc that the build gets, and never in the image. */
const npmrcMark = 'only-for-the-build';

const Image = suite('the image');
const run = allowed(reasonAgainstContainers()) ? Image : Image.skip;

interface Inspected {
  readonly Size: number;
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Volumes: Readonly<Record<string, unknown>>;
    readonly ExposedPorts: Readonly<Record<string, unknown>>;
  };
  readonly Healthcheck: { readonly [name: string]: unknown };
}
const seconds = 1e9;

/** Built once, for all tests. */
let opened: OwnPodman | undefined;
let built: Promise<OwnPodman> | undefined;
const podmanWithImage = (): Promise<OwnPodman> => {
  built ??= build();
  return built;
};

async function build(): Promise<OwnPodman> {
  const own = await OwnPodman.open();
  opened = own;
  const base = join(own.folder, 'base');
  const based = await own.outside(['podman', 'build', '--quiet', '--tag=localhost/base:test', ...writeBaseImage(base)]);
  assert.is(based.code, 0, based.stderr);
  const npmrc = join(own.folder, 'npmrc');
  const ownNpmrc = join(homedir(), '.npmrc');
  writeFileSync(npmrc, `${existsSync(ownNpmrc) ? readFileSync(ownNpmrc, 'utf8') : ''}\n# ${npmrcMark}\n`);
  const startedAt = performance.now();
  const options = ['--engine', 'podman', '--base', 'localhost/base:test', '--npmrc', npmrc];
  const { code, stdout, stderr } = await own.outside([process.execPath, imageScript, 'build', ...options]);
  assert.is(code, 0, stderr);
  tell(
    `${stdout.trim()}, on a base of this machine's node, in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
  );
  return own;
}

const live = (own: OwnPodman, port: number): Promise<true> =>
  until(
    `/health at ${port}`,
    async () => ((await own.call(port, '/health')).status === 200 ? true : undefined),
    60_000,
    200,
  );

const write = async (own: OwnPodman, port: number, message: string): Promise<void> => {
  const { status, text } = await own.call(port, '/', '--data-urlencode', `message=${message}`);
  assert.is(status, 200, text);
};
/** While nobody leads, a read is refused, and may be repeated. */
const messages = async (own: OwnPodman, port: number): Promise<readonly string[]> => {
  const read = async (): Promise<string | undefined> => {
    const { status, text } = await own.call(port, '/messages?consistency=linearizable');
    return status === 200 ? text : undefined;
  };
  const text = await until(`a read at ${port}`, read, 60_000, 200);
  return (JSON.parse(text) as { content: string }[]).map(({ content }) => content);
};
/** A check that takes longer than its limit fails: that is the machine's fault, once. */
const healthy = (own: OwnPodman, name: string): Promise<true> =>
  until(
    `${name} to be healthy`,
    async () => ((await own.inside(['podman', 'healthcheck', 'run', name])).code === 0 ? true : undefined),
    60_000,
    200,
  );
interface Line {
  readonly event: string;
  readonly leader?: number;
}
const logged = async (own: OwnPodman, name: string): Promise<readonly Line[]> =>
  (await own.podman('logs', name))
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

// --------------------------------------------------------------------------------------------------------- content

run('runs node itself, as nobody of importance, with a health check and two volumes', async () => {
  const own = await podmanWithImage();
  const [inspected] = JSON.parse(await own.podman('image', 'inspect', image)) as [Inspected];
  const { User, Env, Entrypoint, Volumes, ExposedPorts } = inspected.Config;
  assert.is(User, '1000:1000');
  assert.equal(Entrypoint, ['node', 'dist/scripts/serve.js']);
  assert.equal(Object.keys(Volumes).sort(), ['/data', '/logs']);
  assert.equal(Object.keys(ExposedPorts), ['8080/tcp']);
  for (const setting of ['NODE_ENV=production', 'PORT=8080', 'DATA_DIR=/data', 'LOG_DIR=/logs']) {
    assert.ok(Env.includes(setting), setting);
  }
  const { Test, Interval, Timeout, StartPeriod, Retries } = inspected.Healthcheck;
  assert.equal(Test, ['CMD', 'node', 'dist/scripts/health.js']);
  assert.equal([Interval, Timeout, StartPeriod, Retries], [10 * seconds, 5 * seconds, 30 * seconds, 3]);
});

run('holds what a node needs in production, and nothing else', async () => {
  const own = await podmanWithImage();
  const mounted = (await own.outside(['podman', 'image', 'mount', image])).stdout.trim();
  const folder = own.path(mounted);
  assert.equal(readdirSync(join(folder, 'app')).sort(), ['dist', 'node_modules', 'package.json']);
  assert.equal(readdirSync(join(folder, 'app/dist')).sort(), [
    'actors',
    'http',
    'scripts',
    'storage',
    'transport',
    'ui',
  ]);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: true; optional?: true; devOptional?: true }>;
  };
  const wanted = Object.entries(lock.packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path]) => path);
  assert.ok(wanted.length > 30);
  for (const path of wanted) assert.ok(existsSync(join(folder, 'app', path, 'package.json')), path);
  for (const path of ['typescript', 'playwright-core', 'dtrace-provider', '@types']) {
    assert.not(existsSync(join(folder, 'app/node_modules', path)), path);
  }
  const find = async (...what: readonly string[]): Promise<readonly string[]> => {
    const { stdout } = await own.outside(['find', mounted, ...what]);
    const paths = stdout.split('\n').filter((path) => path !== '');
    return paths.map((path) => path.slice(mounted.length)).sort();
  };
  // Built on one processor for another: nothing may be native.
  assert.equal(await find('-path', '*/app/*', '-name', '*.node'), []);
  assert.equal(await find('-path', '*/app/dist/*', '-name', '*.ts'), []);
  assert.equal(await find('-path', '*/app/*', '-name', '.npmrc'), []);
  const secret = await own.outside(['grep', '--recursive', '--files-with-matches', npmrcMark, mounted]);
  assert.equal([secret.code, secret.stdout, secret.stderr], [1, '', ''], 'no match, and no trouble');
  // All that the node may write to are the two volumes.
  assert.equal(await find('-user', '1000', '-o', '-type', 'f', '-perm', '/o+w'), ['/data', '/logs']);
  const app = await own.outside(['du', '--summarize', '--bytes', join(mounted, 'app')]);
  tell(`on top of its base the image has ${(Number.parseInt(app.stdout, 10) / 1e6).toFixed(1)} MB`);
  assert.ok(Number.parseInt(app.stdout, 10) < 15e6);
});

// --------------------------------------------------------------------------------------------------------- running

const node = (name: string, ...more: readonly string[]): readonly string[] => [
  'run',
  '--detach',
  `--name=${name}`,
  '--network=host',
  '--read-only',
  '--read-only-tmpfs=false',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--env=NODE_ID=8001',
  '--env=PEERS=8001@127.0.0.1:9000',
  ...more,
  image,
];

run('serves from a read-only root, ends well on SIGTERM, and keeps its messages', async () => {
  const own = await podmanWithImage();
  await own.podman(...node('alone', '--volume=alone:/data'));
  await live(own, 8080);
  await write(own, 8080, 'before');
  await healthy(own, 'alone');
  const seen = `
    const { readFileSync, writeFileSync } = require('node:fs');
    const refused = ['/app/x', '/tmp/x', '/x'].filter((path) => { try { writeFileSync(path, ''); } catch { return true; } });
    const [, capabilities] = /CapEff:\\s+(\\w+)/.exec(readFileSync('/proc/1/status', 'utf8'));
    const first = readFileSync('/proc/1/cmdline', 'utf8').split('\\0').slice(0, 2).join(' ');
    console.log(JSON.stringify({ uid: process.getuid(), refused, capabilities: Number('0x' + capabilities), first }));`;
  assert.equal(JSON.parse(await own.podman('exec', 'alone', 'node', '-e', seen)), {
    uid: 1000,
    refused: ['/app/x', '/tmp/x', '/x'],
    capabilities: 0,
    first: 'node dist/scripts/serve.js',
  });

  const startedAt = performance.now();
  await own.podman('stop', '--time=30', 'alone');
  tell(`stopped in ${(performance.now() - startedAt).toFixed(0)} ms`);
  assert.is(await own.podman('inspect', '--format={{.State.ExitCode}}', 'alone'), '0');
  assert.is((await logged(own, 'alone')).at(-1)?.event, 'node_stopped');
  await own.podman('rm', 'alone');

  // Another container, the same volume.
  await own.podman(...node('again', '--volume=alone:/data'));
  await live(own, 8080);
  await write(own, 8080, 'after');
  assert.equal(await messages(own, 8080), ['before', 'after']);
  // A health check that always passes would be none.
  const elsewhere = await own.inside(['podman', 'exec', '--env=PORT=8099', 'again', 'node', 'dist/scripts/health.js']);
  assert.is(elsewhere.code, 1);
  assert.match(elsewhere.stderr, /127\.0\.0\.1:8099.*ECONNREFUSED/);
  await own.podman('rm', '--force', '--time=30', 'again');
});

run('does not start on a bare folder where the data disk should be', async () => {
  const own = await podmanWithImage();
  const folder = join(own.folder, 'disk');
  mkdirSync(folder);
  assert.is((await own.outside(['chown', '1000:1000', folder])).code, 0);
  const onDisk = [`--volume=${folder}:/data`, '--env=DATA_MARKER=.data-disk'];
  await own.podman(...node('bare', ...onDisk));
  assert.is(await own.podman('wait', 'bare'), '1');
  assert.is((await logged(own, 'bare')).at(-1)?.event, 'data_disk_missing');
  assert.equal(readdirSync(folder), []);
  await own.podman('rm', 'bare');

  writeFileSync(join(folder, '.data-disk'), '');
  await own.podman(...node('mounted', ...onDisk));
  await live(own, 8080);
  await own.podman('rm', '--force', '--time=30', 'mounted');
});

// --------------------------------------------------------------------------------------------------------- compose

/** Without the .env that a person may have beside compose.yaml. */
function composeFolder({ folder }: OwnPodman): string {
  const own = join(folder, 'three');
  mkdirSync(own, { recursive: true });
  copyFileSync(join(root, 'compose.yaml'), join(own, 'compose.yaml'));
  return own;
}

run('makes a cluster of three by compose.yaml, which hands over, and keeps all through down and up', async () => {
  const own = await podmanWithImage();
  const folder = composeFolder(own);
  const compose = async (...args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await own.inside(['podman-compose', ...args], folder);
    assert.is(code, 0, `${stdout}${stderr}`);
  };
  const ports = [8001, 8002, 8003];
  const ready = async (): Promise<void> => {
    for (const port of ports) await live(own, port);
  };
  const led = (by: number): Promise<true> =>
    until(
      `${by} to lead`,
      async () => ((await own.call(8001, '/leader')).text.trim() === `${by}` ? true : undefined),
      60_000,
      100,
    );

  await compose('up', '--detach', '--no-build');
  await ready();
  await led(8003);
  await write(own, 8001, 'one');
  assert.equal(await messages(own, 8003), ['one']);
  await healthy(own, 'three_node2_1');

  await led(8003);
  await own.podman('stop', '--time=30', 'three_node3_1');
  assert.is(await own.podman('inspect', '--format={{.State.ExitCode}}', 'three_node3_1'), '0');
  // That it goes well is shown elsewhere: three nodes that share a busy disk cannot promise how soon one of them has written.
  const told = await logged(own, 'three_node3_1');
  const reign = told.slice(told.findLastIndex(({ event, leader }) => event === 'leader_elected' && leader === 8003));
  const events = reign.map(({ event }) => event);
  const stopping = events.indexOf('node_stopping');
  assert.ok(stopping > 0, events.join());
  // One that a standing disk had cost the lead just before has none to give.
  if (!events.slice(0, stopping).includes('leader_stepped_down'))
    assert.ok(events.indexOf('handover_started') > stopping, events.join());
  assert.is(events.at(-1), 'node_stopped');
  await led(8002);
  await write(own, 8001, 'two');

  await compose('down', '--timeout', '30');
  await compose('up', '--detach', '--no-build');
  await ready();
  await write(own, 8002, 'three');
  for (const port of ports) assert.equal(await messages(own, port), ['one', 'two', 'three']);
  await compose('down', '--timeout', '30');
});

run('is not started by compose.yaml without a secret, and how to make one is said', async () => {
  const own = await podmanWithImage();
  const command = ['env', '--unset=CLUSTER_SECRET', 'podman-compose', '--dry-run', 'up', '--no-build'];
  const { code, stdout, stderr } = await own.inside(command, composeFolder(own));
  assert.is.not(code, 0);
  assert.match(stdout + stderr, /compose\.yaml says at its beginning/);
});

// ------------------------------------------------------------------------------------------------------------ push

run('is pushed to a registry, and named by the digest that it has there', async () => {
  const own = await podmanWithImage();
  const registry = await LoopbackRegistry.open();
  try {
    const file = join(own.folder, 'registries.conf');
    writeFileSync(file, `[[registry]]\nlocation = "${registry.address}"\ninsecure = true\n`);
    const name = `${registry.address}/team/distributed-log`;
    const command = [process.execPath, imageScript, 'push', '--engine=podman', `--registry=${name}`];
    const { code, stdout, stderr } = await own.outside(command, { CONTAINERS_REGISTRIES_CONF: file });
    assert.is(code, 0, stderr);
    const manifest = registry.manifests.get('team/distributed-log:latest');
    assert.ok(manifest);
    assert.is(stdout, `${name}@sha256:${createHash('sha256').update(manifest).digest('hex')}\n`);
    const { config, layers } = JSON.parse(manifest.toString()) as {
      config: { digest: string };
      layers: { digest: string; size: number }[];
    };
    for (const { digest } of [config, ...layers]) assert.ok(registry.blobs.has(digest), digest);
    tell(`pushed ${(layers.reduce((sum, { size }) => sum + size, 0) / 1e6).toFixed(0)} MB, compressed`);
  } finally {
    await registry.close();
  }
});

Image('leaves nothing behind', async () => {
  if (opened === undefined) return; // Skipped.
  await opened.end();
  assert.not(existsSync(opened.folder));
});

Image.run();
