/** What must be so before anything happens: gcloud is there, somebody is logged in, the project can be seen. */
import { adviceFor } from './advice.ts';
import type { Options } from './options.ts';
import { Stop, type World } from './world.ts';

export async function preflight(world: World, { project }: Options): Promise<void> {
  const version = await world.run(['gcloud', 'version', '--format=json']);
  if (version.code !== 0) {
    throw new Stop(
      `gcloud cannot be run: ${(version.stderr || version.stdout).trim().split('\n').at(-1)}\nInstall it: https://cloud.google.com/sdk/docs/install`,
    );
  }
  const seen = await world.run(['gcloud', 'projects', 'describe', project, '--format=json', '--quiet']);
  if (seen.code === 0) return;
  const said = seen.stderr.trim();
  if (/active account|gcloud auth login|reauth/i.test(said)) {
    throw new Stop('gcloud is not logged in, or not any more. Log in: gcloud auth login');
  }
  throw new Stop(
    [
      `the project ${project} cannot be seen with this account:`,
      said.replace(/^/gm, '  '),
      'Is GCP_PROJECT_ID (--project) the id of the project, and has your account a role in it? gcloud projects list shows all.',
      ...[adviceFor(said)].filter((advice) => advice !== undefined),
    ].join('\n'),
  );
}
