/**
 * The whole plan: from options to steps in their order, and the files that commands read. Pure.
 *
 *   project > secrets > disks > network > VMs > load balancer
 *
 * P1. What a step needs is made by steps before it; `destroy` goes the same list backwards, so it mirrors `deploy`.
 * P2. The same options give the same plan, word for word.
 */
import { cloudInitOf } from './cloudInit.ts';
import { type Place, placesOf, zonesByDefault } from './layout.ts';
import { leaderOf, type Options } from './options.ts';
import { balancerSteps, redirectFile } from './planBalancer.ts';
import { diskSteps, type Machines, machineSteps, networkSteps } from './planMachines.ts';
import { policyFile } from './planPolicy.ts';
import { clusterSecretSteps, groundSteps, identitySteps, tokenSteps } from './planProject.ts';
import type { Step } from './step.ts';

export interface Plan {
  readonly places: readonly Place[];
  /** APIs and the image repository: what an image needs to be pushed. */
  readonly ground: readonly Step[];
  readonly steps: readonly Step[];
  /** Path (from the project's folder) and content; nothing in them is secret. */
  readonly files: ReadonlyMap<string, string>;
}

/** `image` by digest, or as it was named where nobody has looked it up. */
export function planOf(options: Options, image: string): Plan {
  const { project, access, registry } = options;
  const zones = options.zones ?? zonesByDefault;
  const places = placesOf(zones);
  const folder = `results/cloud/${project}`;
  const leader = leaderOf(options.leader, zones) ?? null;
  const userData: Machines['userData'] = (place) => ({
    path: `${folder}/${place.name}.yaml`,
    content: cloudInitOf({ ...options, places, place, leader, token: access.token }),
  });
  const machines: Machines = { ...options, places, image, userData };
  const files = { policy: `${folder}/known-addresses.yaml`, redirect: `${folder}/redirect.yaml` };
  return {
    places,
    ground: groundSteps(project, registry),
    steps: [
      ...identitySteps(project, registry),
      ...clusterSecretSteps(project),
      ...(access.token ? tokenSteps(project, access.tokenFile) : []),
      ...diskSteps(machines),
      ...networkSteps(machines),
      ...machineSteps(machines),
      ...balancerSteps({ project, places, cidrs: access.cidrs, domain: access.domain, files }),
    ],
    files: new Map([
      ...places.map((place): [string, string] => {
        const { path, content } = userData(place);
        return [path, content];
      }),
      ...(access.cidrs.length > 0 ? [[files.policy, policyFile(access.cidrs)] as const] : []),
      ...(access.domain === null ? [] : [[files.redirect, redirectFile] as const]),
    ]),
  };
}

/** Whatever any deploy may have made. */
const everything = { token: true, tokenFile: null, cidrs: ['0.0.0.0/0'], domain: 'log.example.org' } as const;

/** P1. What is kept is left out. */
export function removals(options: Options): readonly Step[] {
  const { steps } = planOf({ ...options, access: everything }, '');
  return steps.toReversed().filter(({ keep, remove }) => {
    if (remove === undefined || keep === 'always') return false;
    return keep !== 'data' || options.deleteData;
  });
}
