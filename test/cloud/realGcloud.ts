/** The real gcloud, if it is on this machine, against Google's APIs on loopback (fakeGoogle.ts). It is no Debian package. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { writeFiles } from '../../scripts/cloud/deploy.ts';
import { planOf, removals } from '../../scripts/cloud/plan.ts';
import { Runner } from '../../scripts/cloud/run.ts';
import { quoted, type Step } from '../../scripts/cloud/step.ts';
import { type Outcome, realWorld, type World } from '../../scripts/cloud/world.ts';
import { FakeGoogle } from '../support/fakeGoogle.ts';
import { allowed } from '../support/needs.ts';
import { digest, optionsOf } from './cloudWorld.ts';

export const hasGcloud = (): boolean =>
  allowed(
    spawnSync('gcloud', ['version'], { stdio: 'ignore' }).status === 0 ? undefined : 'gcloud is not on this machine',
  );

/** A configuration of its own: nobody's login is used. */
export function lint(commands: readonly (readonly string[])[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'gcloud-'));
  try {
    const file = join(folder, 'commands.json');
    writeFileSync(file, JSON.stringify(commands.map((argv) => ({ command_string: argv.map(quoted).join(' ') }))));
    const { stdout } = spawnSync('gcloud', ['meta', 'lint-gcloud-commands', `--commands-file=${file}`], {
      env: { ...process.env, CLOUDSDK_CONFIG: folder },
      encoding: 'utf8',
    });
    const judged = JSON.parse(stdout) as { success: boolean; command_string: string; error_message: string }[];
    assert.is(judged.length, commands.length);
    return judged.filter(({ success }) => !success).map((one) => `${one.command_string}: ${one.error_message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Everything that is one node's, of the steps that `isMeant` chooses: made, made again, and removed. */
export async function thereAndBack(
  given: readonly string[],
  isMeant: (step: Step) => boolean,
  seeds: readonly string[] = [],
) {
  const google = new FakeGoogle();
  await google.start();
  for (const path of seeds) google.things.set(path, {});
  const said: string[] = [];
  const world: World = {
    ...realWorld,
    say: (line) => void said.push(line),
    run: (argv, stdin): Promise<Outcome> => realWorld.run(['env', ...words(google.env), ...argv], stdin),
    sleep: () => Promise.reject(new Error('nothing is waited for here')),
  };
  try {
    const options = optionsOf('deploy', '--zones', 'us-central1-a', ...given);
    const plan = planOf(options, digest);
    writeFiles(world, plan);
    const steps = [...plan.ground, ...plan.steps].filter(isMeant);
    const runner = new Runner(world, () => Promise.resolve('x'.repeat(32)));
    await runner.make(steps);
    const made = [...google.changes];
    assert.ok(made.length >= steps.length, 'all were made');
    await runner.make(steps);
    assert.equal(google.changes.slice(made.length), [], `a second deploy changes nothing:\n${said.join('\n')}`);
    const there = [...google.things.keys()];
    await runner.remove(removals(options).filter(isMeant));
    return { there, left: [...google.things.keys()].filter((path) => !seeds.includes(path)), google };
  } finally {
    google.stop();
  }
}
const words = (env: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(env).map(([name, value]) => `${name}=${value}`);
