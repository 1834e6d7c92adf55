/** Ways to a VM that has no address on the internet: ssh and tunnels through Identity-Aware Proxy, and the logs. */
import { machineNamed, someMachines } from './discover.ts';
import { names, type Place, ports } from './layout.ts';
import { type NodeWords, nodeWordsOf } from './nodeWords.ts';
import type { Options } from './options.ts';
import { gcloudOf } from './planProject.ts';
import { shellLine } from './step.ts';
import { Stop, type World } from './world.ts';

/** `command` as one word for the shell there; none = a shell for a person. */
export const sshCommand = (project: string, { name, zone }: Place, command?: string): readonly string[] => [
  ...['gcloud', 'compute', 'ssh', name, `--zone=${zone}`, '--tunnel-through-iap'],
  ...(command === undefined ? [] : [`--command=${command}`]),
  ...[`--project=${project}`, '--quiet'],
];

export const tunnelCommand = (project: string, { name, zone }: Place, port: number): readonly string[] => [
  ...['gcloud', 'compute', 'start-iap-tunnel', name, `${ports.node}`],
  ...[`--zone=${zone}`, `--local-host-port=localhost:${port}`, `--project=${project}`],
];

const askNode = 'sudo /bin/bash /etc/distributed-log/ask-node.sh';

/** What the node says; or why nothing was heard, in words. */
export async function hear(world: World, project: string, place: Place): Promise<NodeWords | string> {
  const { code, stdout, stderr } = await world.run(sshCommand(project, place, askNode));
  const words = nodeWordsOf(stdout);
  if (words) return words;
  const reason = stderr.trim().split('\n').at(-1) ?? '';
  return code === 0 ? 'the node does not answer' : reason || `ssh ended with ${code}`;
}

export async function ssh(world: World, { project, node, rest }: Options): Promise<number> {
  const { place } = machineNamed(await someMachines(world, project), node ?? '');
  return world.attach(sshCommand(project, place, rest.length > 0 ? rest.join(' ') : undefined));
}

// ------------------------------------------------------------------------------------------------------------ logs

/** Filter of Cloud Logging for what the containers say. Pure. */
export const logFilter = (severity: string, node: string | null): string =>
  [
    'logName:"logs/cos_containers"',
    `jsonPayload."cos.googleapis.com/container_name"="${names.app}"`,
    ...(severity === 'DEBUG' ? [] : [`severity>=${severity}`]),
    ...(node === null ? [] : [`jsonPayload.node_id=${node}`]),
  ].join(' ');

export async function logs(world: World, options: Options): Promise<number> {
  const { project, node, follow, since, severity } = options;
  const machine = node === null ? null : machineNamed(await someMachines(world, project), node);
  if (follow && machine) {
    return world.attach(sshCommand(project, machine.place, `sudo docker logs --follow --since=${since} ${names.app}`));
  }
  const filter = logFilter(severity, machine === null ? null : `${machine.place.id}`);
  const format =
    'value(timestamp.date("%Y-%m-%d %H:%M:%S"),jsonPayload.node_id,severity,jsonPayload.event,jsonPayload.message)';
  return world.attach([
    ...['gcloud', 'logging', 'read', filter, `--freshness=${since}`, '--order=asc', '--limit=1000'],
    ...[`--format=${format}`, `--project=${project}`],
  ]);
}

// ---------------------------------------------------------------------------------------------------------- tunnel

/** All of them until one ends or the person has enough. */
export async function tunnel(world: World, { project, node, port }: Options): Promise<number> {
  const all = await someMachines(world, project);
  const chosen = node === null ? all : [machineNamed(all, node)];
  const tunnels = chosen.map(({ place }, i) => ({
    place,
    port: port + i,
    argv: tunnelCommand(project, place, port + i),
  }));
  world.say('Through IAP, until Ctrl-C:');
  for (const one of tunnels)
    world.say(`  ${one.place.id}  ${one.place.zone.padEnd(16)}  http://localhost:${one.port}/dashboard`);
  const ended = tunnels.map(async ({ argv }) => ({ argv, code: await world.attach(argv) }));
  const { argv, code } = await Promise.race(ended);
  // Ctrl-C reaches all of them; one that ended by itself takes the others along when this process exits.
  if (code !== 0 && code !== 130) throw new Stop(`a tunnel ended (${code}): ${shellLine({ argv })}`);
  return code;
}

export const healthOf = (project: string): readonly string[] =>
  gcloudOf(project).ask('compute', 'backend-services', 'get-health', names.backend, '--global');
