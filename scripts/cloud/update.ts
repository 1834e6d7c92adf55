/** `update`: another image, or changed settings, one node at a time (rolling.ts). */
import { balancerHealth, type Machine, someMachines } from './discover.ts';
import { imageByDigest, imageForDryRun, imageLines, needsBuilder } from './image.ts';
import type { Options } from './options.ts';
import type { Seen } from './outputs.ts';
import { gcloudOf } from './planProject.ts';
import { preflight } from './preflight.ts';
import { hear, sshCommand } from './reach.ts';
import { nextOf, obstacles, unfinished } from './rolling.ts';
import { shellLine } from './step.ts';
import { Stop, type World } from './world.ts';

const pollMs = 10_000;
const waitMs = 15 * 60_000;

/** All of them at once: ssh takes some seconds. */
export async function seeAll(world: World, project: string, machines: readonly Machine[]): Promise<readonly Seen[]> {
  const balancer = balancerHealth(world, project);
  return Promise.all(
    machines.map(async (machine) => ({
      machine,
      words: machine.status === 'RUNNING' ? await hear(world, project, machine.place) : `the VM is ${machine.status}`,
      balancer: (await balancer).get(machine.place.name) ?? 'unknown',
    })),
  );
}

/** The VM takes its settings and its system from anew, so it is restarted as a whole; the node ends well before. */
const restart = 'sudo systemctl reboot';

const commandsFor = (project: string, { place }: Machine, image: string): readonly (readonly string[])[] => [
  gcloudOf(project).run(
    ...['compute', 'instances', 'add-metadata', place.name, `--zone=${place.zone}`],
    `--metadata=distributed-log-image=${image}`,
  ).argv,
  sshCommand(project, place, restart),
];

export async function update(world: World, options: Options): Promise<number> {
  const { project, registry } = options;
  await preflight(world, options);
  if (!options.dryRun) await needsBuilder(world, options);
  const machines = await someMachines(world, project);
  if (options.dryRun) {
    if (options.image === null) for (const line of imageLines(registry)) world.say(line);
    for (const machine of machines) {
      world.say(
        `# ${machine.place.name}; in truth followers first, the leader last, each when the one before has caught up`,
      );
      for (const argv of commandsFor(project, machine, imageForDryRun(options))) world.say(shellLine({ argv }));
    }
    return 0;
  }
  const image = await imageByDigest(world, options);
  let seen = await seeAll(world, project, machines);
  const troubles = obstacles(seen);
  if (troubles.length > 0 && !options.force) {
    throw new Stop(
      ['not all nodes are well, and a restart takes one more away:', ...troubles.map((line) => `  ${line}`)]
        .concat('Mend that first (npm run cloud -- status), or give --force.')
        .join('\n'),
    );
  }
  world.say(`image ${image}`);
  const done = new Set<number>();
  for (let next = nextOf(seen, done); next !== undefined; next = nextOf(seen, done)) {
    const machine = machines.find(({ place }) => place.id === next) as Machine;
    await updateOne(world, options, machines, machine, image, seen);
    done.add(next);
    seen = await seeAll(world, project, machines);
  }
  world.say(`all ${done.size} nodes run it.`);
  return 0;
}

async function updateOne(
  world: World,
  { project, force }: Options,
  machines: readonly Machine[],
  machine: Machine,
  image: string,
  seen: readonly Seen[],
): Promise<void> {
  const { id, name } = machine.place;
  const before = seen.find(({ machine: { place } }) => place.id === id)?.words;
  const boot = typeof before === 'object' ? before.boot : null;
  world.say(`${name} …`);
  const [setImage, reboot] = commandsFor(project, machine, image) as [readonly string[], readonly string[]];
  const set = await world.run(setImage);
  if (set.code !== 0) throw new Stop(`failed: ${shellLine({ argv: setImage })}\n${set.stderr.trim()}`);
  // It takes the connection along, so how ssh ended says nothing.
  await world.run(reboot);
  const begun = world.now();
  for (let last = ''; ; ) {
    await world.sleep(pollMs);
    const now = await seeAll(world, project, machines);
    const why = unfinished(now, id, boot);
    if (why === undefined) break;
    if (why !== last) world.say(`  ${why}`);
    last = why;
    if (world.now() - begun <= waitMs) continue;
    const words = `${name} is not done after ${waitMs / 60_000} minutes: ${why}`;
    if (!force)
      throw new Stop(
        `${words}\nThe others are as they were. Look at it: npm run cloud -- logs ${name}; then run the same command again.`,
      );
    world.say(`  ${words}; --force goes on`);
    return;
  }
  world.say(`  healthy and caught up after ${Math.round((world.now() - begun) / 1000)} s`);
}
