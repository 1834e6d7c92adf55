/** What is deployed, asked of Google by the label of everything here: data disks say where nodes belong, VMs what runs. */
import { adviceFor, isDisabled } from './advice.ts';
import { names, type Place, placesOf } from './layout.ts';
import { gcloudOf } from './planProject.ts';
import { asArray, asObject, type Json, lastPart, shellLine } from './step.ts';
import { jsonOf, Stop, type World } from './world.ts';

export interface Machine {
  readonly place: Place;
  readonly status: string;
  readonly internal: string;
  /** Null: it has none, as planned. */
  readonly external: string | null;
  readonly image: string | null;
}

async function list(world: World, project: string, kind: 'disks' | 'instances'): Promise<readonly Json[]> {
  const argv = gcloudOf(project).ask('compute', kind, 'list', `--filter=labels.app=${names.app}`);
  const { code, stdout, stderr } = await world.run(argv);
  if (code === 0) return asArray(jsonOf(stdout));
  if (isDisabled(stderr)) return [];
  throw new Stop([`failed: ${shellLine({ argv })}`, stderr.trim(), adviceFor(stderr) ?? ''].join('\n').trim());
}

const numberOf = (found: Json): number => Number(/^log-node-(\d+)/.exec(String(found.name))?.[1] ?? 0);
const zoneOf = (found: Json): string => String(lastPart(found.zone));

/** The zones of a cluster in the order of its nodes; null where there is none, or not all of it. */
export async function deployedZones(world: World, project: string): Promise<readonly string[] | null> {
  const disks = (await list(world, project, 'disks')).filter((disk) => /^log-node-\d+-data$/.test(String(disk.name)));
  return zonesOf(disks);
}

function zonesOf(found: readonly Json[]): readonly string[] | null {
  const sorted = found.toSorted((a, b) => numberOf(a) - numberOf(b));
  return sorted.length > 0 && sorted.every((one, i) => numberOf(one) === i + 1) ? sorted.map(zoneOf) : null;
}

export async function machinesOf(world: World, project: string): Promise<readonly Machine[]> {
  const found = await list(world, project, 'instances');
  const places = new Map<string, Place>();
  for (const one of found) {
    // A node's place follows from its number and its zone; of the others nothing is needed.
    const all = placesOf(Array.from({ length: numberOf(one) }, () => zoneOf(one)));
    const place = all.at(-1);
    if (place) places.set(String(one.name), place);
  }
  return found
    .flatMap((one): Machine[] => {
      const place = places.get(String(one.name));
      if (place === undefined) return [];
      const [card] = asArray(one.networkInterfaces);
      const [access] = asArray(card?.accessConfigs);
      const image = asArray(asObject(one.metadata).items).find(({ key }) => key === 'distributed-log-image')?.value;
      return [
        {
          place,
          status: String(one.status),
          internal: String(card?.networkIP ?? ''),
          external: typeof access?.natIP === 'string' ? access.natIP : null,
          image: typeof image === 'string' ? image : null,
        },
      ];
    })
    .sort((a, b) => a.place.id - b.place.id);
}

export async function someMachines(world: World, project: string): Promise<readonly Machine[]> {
  const machines = await machinesOf(world, project);
  if (machines.length > 0) return machines;
  throw new Stop(`nothing is deployed in ${project}. To deploy: npm run cloud -- deploy`);
}

/** By name, id, or the beginning of the zone. */
export function machineNamed(machines: readonly Machine[], who: string): Machine {
  const fitting = machines.filter(
    ({ place: { name, id, zone } }) => name === who || `${id}` === who || zone.startsWith(who),
  );
  const [one] = fitting;
  if (one !== undefined && fitting.length === 1) return one;
  const known = machines.map(({ place: { name, id, zone } }) => `${name} (${id}, ${zone})`).join(', ');
  throw new Stop(`${who}: ${fitting.length === 0 ? 'no such node' : 'several nodes'}; there are ${known}`);
}

/** Of the load balancer; null before it has one. */
export async function publicAddress(world: World, project: string): Promise<string | null> {
  const { code, stdout } = await world.run(
    gcloudOf(project).ask('compute', 'addresses', 'describe', names.address, '--global'),
  );
  const address = code === 0 ? asObject(jsonOf(stdout)).address : null;
  return typeof address === 'string' ? address : null;
}

/** `HEALTHY`, `UNHEALTHY` … of each VM, as the load balancer sees it. */
export async function balancerHealth(world: World, project: string): Promise<ReadonlyMap<string, string>> {
  const argv = gcloudOf(project).ask('compute', 'backend-services', 'get-health', names.backend, '--global');
  const { stdout } = await world.run(argv);
  const states = asArray(jsonOf(stdout)).flatMap((backend) => asArray(asObject(backend.status).healthStatus));
  return new Map(states.map(({ instance, healthState }) => [String(lastPart(instance)), String(healthState)]));
}
