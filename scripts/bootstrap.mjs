/**
 * Bootstrap: makes `npm start`, `npm run node` and `npm test` work straight after a clone.
 *
 * Checks the Node version, installs the packages when they are missing or older than the lock file, builds when a source
 * changed, and then becomes the wanted script: it is loaded into this very process, so signals, exit code and IPC are
 * its own and nothing has to be passed on. Plain JavaScript, built-in modules only: nothing else exists yet.
 *
 * package.json says `exec node …`: npm passes a signal to its shell only, and a shell that has not been replaced by node
 * dies of SIGTERM and leaves the cluster running.
 *
 * B1. Of several that start at once one installs and builds; the others wait for it and then find nothing to do.
 * B2. A stamp is written after the work it vouches for, never before.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scripts = {
  cluster: 'scripts/cluster.js',
  serve: 'scripts/serve.js',
  test: 'scripts/test.js',
  model: 'test/model/run.js',
  torture: 'test/torture/torture.js',
  simulate: 'test/simulation/simulate.js',
  cloud: 'scripts/cloud/main.js',
  wan: 'scripts/wan.js',
  image: 'scripts/image.js',
  bench: 'test/bench/bench.js',
  experiment: 'scripts/experiment.js',
  demo: 'scripts/demo.js',
  report: 'scripts/report.js',
};
const sourceFolders = ['actors', 'transport', 'storage', 'http', 'ui', 'scripts', 'test'];
const isSource = (name) => /\.(?:tsx?|mjs|css|html|json|svg)$/.test(name);
const lockFile = join(root, '.bootstrap-lock');
const lockRenewMs = 1_000;
/** A holder that is gone stops renewing; ten missed renewals are taken for that. */
const lockStaleMs = 10_000;

const say = (line) => process.stderr.write(`${line}\n`);
const fail = (message) => {
  say(message);
  process.exit(1);
};
const text = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};
const digest = (parts) => createHash('sha256').update(parts.join('\n')).digest('hex');

// ------------------------------------------------------------------------------------------------- what is needed

function checkNode() {
  const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '');
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = wanted.split('.').map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  fail(
    `distributed-log needs Node.js ${wanted} or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a newer one (https://nodejs.org) and run the command again.',
  );
}

/** Packages: the lock file's digest, kept inside node_modules so that it goes with them. */
const packageStamp = join(root, 'node_modules', '.bootstrap-stamp');
const lockDigest = () => digest([text(join(root, 'package-lock.json')) ?? '']);

function packagesMissing() {
  if (text(packageStamp) === lockDigest()) return false;
  // Installed by hand (`npm ci`, `npm install`): npm's own record is then newer than the lock file.
  try {
    const installedAt = statSync(join(root, 'node_modules', '.package-lock.json')).mtimeMs;
    return installedAt < statSync(join(root, 'package-lock.json')).mtimeMs;
  } catch {
    return true;
  }
}

/** Build: path, size and time of every source, so that a deleted or an older file counts as a change too. */
const buildStamp = join(root, 'dist', '.bootstrap-stamp');

function sources() {
  const found = [];
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (isSource(entry.name)) found.push(path);
    }
  };
  for (const folder of sourceFolders) if (existsSync(join(root, folder))) walk(join(root, folder));
  return found.sort();
}

function sourceDigest() {
  const files = [...sources(), join(root, 'tsconfig.json'), join(root, 'package-lock.json')];
  return digest(
    files.map((path) => {
      const { size, mtimeMs } = statSync(path);
      return `${relative(root, path)} ${size} ${mtimeMs}`;
    }),
  );
}

/** An installed copy has no sources: then there is nothing to build. */
const hasSources = () => existsSync(join(root, 'tsconfig.json')) && existsSync(join(root, 'scripts', 'serve.ts'));
const buildStale = () => hasSources() && text(buildStamp) !== sourceDigest();

// -------------------------------------------------------------------------------------------------------- doing it

/** Runs one step with its output held back; a failed one shows it, with the command and the next thing to do. */
function step(title, command, args, next) {
  const startedAt = Date.now();
  process.stderr.write(`${title} … `);
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const stop = (signal) => {
      child.kill(signal);
      rmSync(lockFile, { force: true });
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    const failed = (reason) => {
      rmSync(lockFile, { force: true });
      fail(
        `failed (${reason})\n${output.trim()}\n\nThe command was: ${[basename(command), ...args].join(' ')}\n${next}`,
      );
    };
    child.on('error', (error) => failed(error.message));
    child.on('close', (code, signal) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      if (code !== 0) return failed(signal ?? `exit code ${code}`);
      say(`${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
      resolve();
    });
  });
}

async function install() {
  const npm = process.env.npm_execpath;
  const ownNpm = npm !== undefined && basename(npm).startsWith('npm-cli');
  const args = ['ci', '--include=dev', '--include=optional', '--ignore-scripts', '--loglevel=error', '--no-progress'];
  await step(
    'installing packages (npm ci, once, some 10 s)',
    ownNpm ? process.execPath : 'npm',
    ownNpm ? [npm, ...args] : args,
    'Is the network there? Then run the same command again.',
  );
  writeFileSync(packageStamp, lockDigest());
}

async function build() {
  const stamp = sourceDigest(); // Taken first: a source that changes meanwhile makes the next start build again.
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const next = 'Correct what the compiler names, then run the same command again.';
  await step('building (tsc)', process.execPath, [compiler, '--project', root], next);
  await step('checking the dashboard (tsc)', process.execPath, [compiler, '--project', join(root, 'ui')], next);
  removeOrphans(join(root, 'dist'));
  await step('building the dashboard (esbuild)', process.execPath, [join(root, 'ui', 'build.mjs')], next);
  writeFileSync(buildStamp, stamp);
}

/** What a deleted source left behind: nobody should import it by accident. The files of the dashboard are made after it. */
function removeOrphans(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      removeOrphans(path);
      continue;
    }
    const built = /^(.*)\.(?:d\.ts|js|js\.map)$/.exec(entry.name);
    const source = built && join(root, relative(join(root, 'dist'), folder), `${built[1]}.ts`);
    if (source && !existsSync(source)) rmSync(path, { force: true });
  }
}

// -------------------------------------------------------------------------------------------------------- one at a time

const sleep = (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs));

/** B1. The holder renews the file's time, so a lock left by a killed process is known by its age, in containers too. */
async function locked(work) {
  for (let told = false; ; ) {
    try {
      closeSync(openSync(lockFile, 'wx'));
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`cannot write to ${root}: ${error.message}`);
    }
    try {
      if (Date.now() - statSync(lockFile).mtimeMs > lockStaleMs) rmSync(lockFile, { force: true });
    } catch {
      continue; // Just released.
    }
    if (!told) say('another start is installing or building: waiting for it …');
    told = true;
    await sleep(200);
  }
  const renew = setInterval(() => {
    try {
      utimesSync(lockFile, new Date(), new Date());
    } catch {
      // Removed by somebody who took this process for dead; the work itself is safe to do twice.
    }
  }, lockRenewMs);
  try {
    await work();
  } finally {
    clearInterval(renew);
    rmSync(lockFile, { force: true });
  }
}

async function prepare() {
  if (!hasSources() || (!packagesMissing() && !buildStale())) return;
  await locked(async () => {
    if (packagesMissing()) await install();
    mkdirSync(join(root, 'dist'), { recursive: true });
    if (buildStale()) await build();
  });
}

const [wanted, ...args] = process.argv.slice(2);
if (wanted !== 'build' && scripts[wanted] === undefined) {
  fail(`usage: node scripts/bootstrap.mjs build|${Object.keys(scripts).join('|')} [argument …]`);
}
checkNode();
await prepare();
if (wanted !== 'build') {
  const script = join(root, 'dist', scripts[wanted]);
  process.argv.splice(1, process.argv.length - 1, script, ...args);
  await import(pathToFileURL(script).href);
}
