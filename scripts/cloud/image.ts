/** Which image the nodes run, by digest: given, or built and pushed. A tag may mean another image tomorrow; a digest cannot. */
import { adviceFor } from './advice.ts';
import { names } from './layout.ts';
import type { Options } from './options.ts';
import { gcloudOf, repositoryOf } from './planProject.ts';
import { asObject, shellLine } from './step.ts';
import { jsonOf, Stop, type World } from './world.ts';

/** `v2` -> `gcr.io/p/distributed-log:v2`; what has a slash is whole already. */
function imageNamed(registry: string, image: string): string {
  if (image.includes('/')) return image;
  return `${registry}/${names.app}${image.startsWith('sha256:') ? '@' : ':'}${image}`;
}

/** Of this very source. The project's own command knows how (scripts/image). */
const imageCommands = (registry: string): readonly (readonly string[])[] => [
  ['npm', 'run', '--silent', 'image', '--', 'build'],
  ['npm', 'run', '--silent', 'image', '--', 'push', '--registry', `${registry}/${names.app}`],
];
export const imageLines = (registry: string): readonly string[] =>
  imageCommands(registry).map((argv) => shellLine({ argv }));

/** What a dry run names: nothing is looked up for it. */
export const imageForDryRun = ({ registry, image }: Options): string => imageNamed(registry, image ?? 'latest');

export async function needsBuilder(world: World, { image }: Options): Promise<void> {
  if (image !== null) return;
  for (const tool of ['podman', 'docker']) {
    if ((await world.run([tool, '--version'])).code === 0) return;
  }
  throw new Stop(
    'the image is to be built, but there is neither podman nor docker: install one (https://podman.io), or give --image with one that is pushed already',
  );
}

export async function imageByDigest(world: World, options: Options): Promise<string> {
  const { registry, image } = options;
  if (image !== null) return lookUp(world, imageNamed(registry, image));
  for (const argv of imageCommands(registry)) {
    const line = shellLine({ argv });
    world.say(`  $ ${line}`);
    if ((await world.attach(argv)) !== 0) throw new Stop(`failed: ${line}\nIts words are above.`);
  }
  return lookUp(world, imageNamed(registry, 'latest'));
}

async function lookUp(world: World, image: string): Promise<string> {
  if (image.includes('@')) return image;
  const { project } = repositoryOf(image.slice(0, image.lastIndexOf('/')));
  const argv = gcloudOf(project).ask('artifacts', 'docker', 'images', 'describe', image);
  const { code, stdout, stderr } = await world.run(argv);
  const { digest } = asObject(asObject(jsonOf(stdout)).image_summary);
  if (code === 0 && typeof digest === 'string') return `${image.slice(0, image.lastIndexOf(':'))}@${digest}`;
  throw new Stop(
    [
      `there is no image ${image}`,
      `  ${shellLine({ argv })}`,
      stderr.trim().replace(/^/gm, '  '),
      adviceFor(stderr) ?? '',
      'Build and push it:',
      ...imageLines(registryOf(image)).map((line) => `  ${line}`),
    ]
      .filter((line) => line !== '')
      .join('\n'),
  );
}
const registryOf = (image: string): string => image.slice(0, image.lastIndexOf('/'));
