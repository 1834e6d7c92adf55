/** `deploy`: from checks to a load balancer that finds all nodes alive. */
import { balancerHealth, deployedZones, machinesOf, publicAddress } from './discover.ts';
import { imageByDigest, imageForDryRun, imageLines, needsBuilder } from './image.ts';
import { names } from './layout.ts';
import type { Options } from './options.ts';
import { outputLines } from './outputs.ts';
import { type Plan, planOf } from './plan.ts';
import { gcloudOf } from './planProject.ts';
import { preflight } from './preflight.ts';
import { dryRunLines, Runner } from './run.ts';
import { secretsOf, tokenIn } from './secrets.ts';
import { shellLine } from './step.ts';
import { Stop, type World } from './world.ts';

const healthPollMs = 10_000;
/** A new load balancer takes some minutes until it has asked everybody. */
const healthWaitMs = 12 * 60_000;

export function writeFiles(world: World, plan: Plan): void {
  for (const [path, content] of plan.files) world.write(path, content);
}

export async function deploy(world: World, asked: Options): Promise<number> {
  const { access, registry } = asked;
  if (access.tokenFile !== null) tokenIn(world, access.tokenFile);
  if (asked.dryRun) return dryRun(world, asked);
  await preflight(world, asked);
  await needsBuilder(world, asked);
  const options = { ...asked, zones: await zonesFor(world, asked) };
  const runner = new Runner(world, secretsOf(world, options));

  await runner.make(planOf(options, '').ground);
  const image = await imageByDigest(world, options);
  world.say(`  image    ${image}`);
  if (access.tokenFile !== null) await sayIfKept(world, options);
  const plan = planOf(options, image);
  writeFiles(world, plan);
  const notes = await runner.make(plan.steps);

  const { project } = options;
  const alive = !options.wait || (await waitForHealth(world, project, plan.places.length));
  const machines = await machinesOf(world, project);
  const address = await publicAddress(world, project);
  for (const line of outputLines({ ...options, ...access, address, machines })) world.say(line);
  if (access.cidrs.length === 0 && !access.token) world.say('\nOPEN: whoever finds this address may read and write.');
  for (const note of notes) world.say(`\nchanged settings: ${note}`);
  if (alive) return 0;
  world.say('\nNot all nodes are alive yet. See: npm run cloud -- status; npm run cloud -- logs');
  return 1;

  function dryRun(at: World, what: Options): number {
    const planned = planOf(what, imageForDryRun(what));
    writeFiles(at, planned);
    const build = what.image === null ? ['# image, built and pushed', ...imageLines(registry)] : [];
    const lines = [...dryRunLines(planned.ground, 'make'), ...build, ...dryRunLines(planned.steps, 'make')];
    for (const line of lines) at.say(line);
    at.say(
      `# nothing was run. Each of these ${planned.ground.length + planned.steps.length} is looked for first, and made only where it is missing;`,
    );
    at.say('# the image is then named by its digest. The files that are named were written.');
    return 0;
  }
}

/** A node's data is in its zone, so a cluster stays where it is. */
async function zonesFor(world: World, { project, zones }: Options): Promise<readonly string[] | null> {
  const deployed = await deployedZones(world, project);
  if (deployed === null || zones === null || deployed.join() === zones.join()) return zones ?? deployed;
  throw new Stop(
    [
      `the data of this cluster is in ${deployed.join(', ')}, not in ${zones.join(', ')}: its nodes must run there, and their number is fixed.`,
      'Leave --zones and --regions out. To begin anew elsewhere: npm run cloud -- destroy --delete-data',
    ].join('\n'),
  );
}

async function sayIfKept(world: World, { project, access }: Options): Promise<void> {
  const { ask, run } = gcloudOf(project);
  if ((await world.run(ask('secrets', 'describe', names.apiToken))).code !== 0) return;
  const add = shellLine(run('secrets', 'versions', 'add', names.apiToken, `--data-file=${access.tokenFile}`));
  world.say(
    `  note     the project has a token already, and keeps it. Another one: ${add}; then npm run cloud -- update`,
  );
}

async function waitForHealth(world: World, project: string, wanted: number): Promise<boolean> {
  const begun = world.now();
  world.say('waiting until the load balancer finds all nodes alive (some minutes) …');
  for (let last = ''; ; ) {
    const states = await balancerHealth(world, project);
    const alive = [...states.values()].filter((state) => state === 'HEALTHY').length;
    const said = `  ${alive} of ${wanted} alive`;
    if (said !== last) world.say(said);
    last = said;
    if (alive >= wanted) return true;
    if (world.now() - begun > healthWaitMs) return false;
    await world.sleep(healthPollMs);
  }
}
