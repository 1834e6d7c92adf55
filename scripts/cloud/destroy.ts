/** `destroy`: the plan of `deploy` backwards. Data disks and secrets stay unless --delete-data says otherwise. */
import { deployedZones } from './discover.ts';
import type { Options } from './options.ts';
import { removals } from './plan.ts';
import { preflight } from './preflight.ts';
import { dryRunLines, Runner } from './run.ts';
import { Stop, type World } from './world.ts';

const noSecrets = (): never => {
  throw new Error('a removal asks for no secret');
};

export async function destroy(world: World, asked: Options): Promise<number> {
  const { project, deleteData } = asked;
  if (asked.dryRun) {
    for (const line of dryRunLines(removals(asked), 'remove')) world.say(line);
    world.say('# nothing was run. Each is looked for first, and removed only where it is there.');
    return 0;
  }
  await preflight(world, asked);
  const options = { ...asked, zones: asked.zones ?? (await deployedZones(world, project)) };
  const steps = removals(options);
  const runner = new Runner(world, noSecrets);
  const found = await runner.look(steps);
  const there = steps.filter((step) => found.get(step)?.kind !== 'absent');
  if (there.length === 0) {
    world.say(`nothing of it is in ${project}.`);
    return 0;
  }
  world.say(`This removes from ${project}:`);
  for (const { title } of there) world.say(`  ${title}`);
  world.say(
    deleteData
      ? 'ALL MESSAGES ARE LOST with the data disks.'
      : 'Data disks and secrets stay; a later deploy goes on with them.',
  );
  if (!options.yes) {
    const answer = await world.ask(`Type ${project} to go on:`);
    if (answer === undefined) throw new Stop('nobody can be asked here: give --yes');
    if (answer !== project) throw new Stop('nothing was removed.');
  }
  const count = await runner.remove(there);
  world.say(`removed ${count}.`);
  if (!deleteData)
    world.say(
      'What stays costs: disks about 2 USD a month each. To remove it too: npm run cloud -- destroy --delete-data',
    );
  return 0;
}
