/** All systems by name: this log first, then its peers, then the bare servers that nothing on this machine can beat. */
import { bareServers } from './limits.ts';
import { ours } from './ours.ts';
import { peers } from './peers/index.ts';
import type { System } from './systems.ts';

export const comparedSystems: readonly System[] = [ours, ...peers];

export function systemOf(name: string): System {
  const found = [...comparedSystems, ...bareServers].find((system) => system.name === name);
  if (!found) throw new Error(`there is no system ${name}`);
  return found;
}
