/** Every command of the plan, as the real gcloud reads it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { placesOf, zonesByDefault } from '../../scripts/cloud/layout.ts';
import { sshCommand, tunnelCommand } from '../../scripts/cloud/reach.ts';
import { commandsOf, everything, project, stepsOf } from './cloudWorld.ts';
import { hasGcloud, lint } from './realGcloud.ts';

const Lint = suite('gcloud');
const when = hasGcloud() ? Lint : Lint.skip;

when('understands every command that may be run', () => {
  const place = placesOf(zonesByDefault)[0]!;
  const reach = [
    sshCommand(project, place),
    sshCommand(project, place, 'docker ps'),
    tunnelCommand(project, place, 8001),
  ];
  // One node's are like another's.
  const planned = stepsOf('--zones', 'us-central1-a', ...everything).flatMap(commandsOf);
  const all = [...planned.map(({ argv }) => argv), ...reach];
  const once = [...new Map(all.map((argv) => [argv.join(' '), argv])).values()];
  assert.ok(once.length > 80, `${once.length}`);
  assert.equal(lint(once), []);
});
when('would not understand a wrong one', () => {
  const [fault, ...more] = lint([
    ['gcloud', 'compute', 'networks', 'create', 'n', '--subnet-mod=custom'],
    ['gcloud', 'version'],
  ]);
  assert.match(fault ?? '', 'subnet-mod');
  assert.is(more.length, 0);
});
Lint.run();
