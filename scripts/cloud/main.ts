/**
 * `npm run cloud -- COMMAND`: the nodes on Google Cloud, by gcloud.
 *
 * Exit code 2 for options that are not understood, 1 for what failed.
 */
import { isMain } from '../main.ts';
import { deploy } from './deploy.ts';
import { destroy } from './destroy.ts';
import { publicAddress, someMachines } from './discover.ts';
import { type Options, parseOptions } from './options.ts';
import { type CommandName, helpText } from './optionTable.ts';
import { statusLines } from './outputs.ts';
import { preflight } from './preflight.ts';
import { logs, ssh, tunnel } from './reach.ts';
import { seeAll, update } from './update.ts';
import { realWorld, Stop, type World } from './world.ts';

async function status(world: World, { project }: Options): Promise<number> {
  const machines = await someMachines(world, project);
  const [seen, address] = await Promise.all([seeAll(world, project, machines), publicAddress(world, project)]);
  for (const line of statusLines(seen, address)) world.say(line);
  return seen.every(({ words }) => typeof words !== 'string' && words.health === 'healthy') ? 0 : 1;
}

/** Those that ask Google at once are checked first. */
const checked =
  (act: (world: World, options: Options) => Promise<number>) =>
  async (world: World, options: Options): Promise<number> => {
    await preflight(world, options);
    return act(world, options);
  };

const acts: Readonly<Record<CommandName, (world: World, options: Options) => Promise<number>>> = {
  deploy,
  destroy,
  update,
  status: checked(status),
  logs: checked(logs),
  ssh: checked(ssh),
  tunnel: checked(tunnel),
};

/** Returns the exit code. */
export async function cloud(world: World, given: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const parsed = parseOptions(given, env);
  if ('help' in parsed) {
    world.say(helpText());
    return 0;
  }
  if ('faults' in parsed) {
    for (const fault of parsed.faults) process.stderr.write(`${fault}\n`);
    return 2;
  }
  try {
    return await acts[parsed.ok.command](world, parsed.ok);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    return 1;
  }
}

if (isMain(import.meta.url)) process.exit(await cloud(realWorld, process.argv.slice(2), process.env));
