/**
 * `npm run image -- build|push`: builds the container image of a node, and pushes it to a registry. Options and plan are
 * pure (scripts/image/options.ts, scripts/image/plan.ts); here it is seen what the machine has, and the plan is carried
 * out.
 */
import { spawnSync } from 'node:child_process';
import { accessSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Engine, engines, help, type ImageOptions, optionsOf } from './image/options.ts';
import { buildSteps, type Facts, localName, pushedName, pushSteps, toolsOf } from './image/plan.ts';
import { pathOf, runSteps, script, ToolFault } from './image/step.ts';
import { isMain } from './main.ts';

/** Where the Containerfile is; the built script stands in dist/scripts/. */
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const install = {
  engine:
    'neither podman nor docker is installed: install one of them (https://podman.io, https://docs.docker.com/engine)',
  gcloud: 'gcloud is not installed, which logs in at the registry: https://cloud.google.com/sdk/docs/install',
};

/** The engine that was asked for, or the first that is there. A dry run needs none that was named. */
function engineOf({ engine, dryRun }: ImageOptions): Engine {
  const found = engine === null ? engines.find((name) => pathOf(name) !== undefined) : engine;
  if (found === undefined) throw new ToolFault(install.engine);
  if (!dryRun && pathOf(found) === undefined) throw new ToolFault(`${found} is not installed, or not on the PATH`);
  return found;
}

/** docker may be told by a context of its configuration where its engine is. */
function dockerHost(): string | undefined {
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  const told = spawnSync('docker', ['context', 'inspect', '--format={{.Endpoints.docker.Host}}'], { encoding: 'utf8' });
  return told.status === 0 ? told.stdout.trim() || undefined : undefined;
}

function factsOf(options: ImageOptions): Facts {
  const engine = engineOf(options);
  const host = engine === 'docker' && options.command === 'push' ? dockerHost() : undefined;
  return { engine, ...(host !== undefined && { dockerHost: host }) };
}

/** Before anything happens: what cannot work is told now. */
function checkTools(options: ImageOptions): void {
  if (options.dryRun) return;
  if (toolsOf(options).some((tool) => pathOf(tool) === undefined)) throw new ToolFault(install.gcloud);
  if (options.npmrc !== null) {
    try {
      accessSync(options.npmrc);
    } catch (error) {
      throw new ToolFault(`--npmrc: ${error instanceof Error ? error.message : error}`);
    }
  }
}

const say = (text: string): void => {
  process.stderr.write(text);
};
const answer = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Carries it out; resolves with what is to be told. */
async function perform(options: ImageOptions, facts: Facts): Promise<string> {
  if (options.command === 'build') {
    const bytes = Number(await runSteps(buildSteps(options, facts), root, say));
    return `${localName}:${options.tag} is built, ${(bytes / 1e6).toFixed(0)} MB`;
  }
  const registry = options.registry ?? '';
  const pushed = pushedName(registry, await runSteps(pushSteps(registry, options.tag, facts), root, say));
  if (pushed === undefined) throw new ToolFault(`it is pushed, but ${facts.engine} does not tell its digest`);
  return pushed;
}

async function main(): Promise<number> {
  const outcome = optionsOf(process.argv.slice(2), process.env);
  if ('faults' in outcome) {
    say(`npm run image:\n  ${outcome.faults.join('\n  ')}\n`);
    return 2;
  }
  if (outcome.ok.command === 'help') {
    answer(help);
    return 0;
  }
  // npm says where its user is, and runs the script elsewhere.
  const { npmrc } = outcome.ok;
  const options = { ...outcome.ok, npmrc: npmrc && resolve(process.env.INIT_CWD ?? '.', npmrc) };
  try {
    const facts = factsOf(options);
    checkTools(options);
    if (options.dryRun) {
      const push = (): string => script(pushSteps(options.registry ?? '', options.tag, facts));
      answer(options.command === 'build' ? script(buildSteps(options, facts)) : push());
    } else answer(await perform(options, facts));
    return 0;
  } catch (error) {
    if (!(error instanceof ToolFault)) throw error;
    say(`${error.message}\n`);
    return 1;
  }
}

if (isMain(import.meta.url)) process.exitCode = await main();
