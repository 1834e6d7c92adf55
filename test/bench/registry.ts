/** All systems by name: this log first, then its peers, then the bare servers that nothing on this machine can beat. */
import { peers } from './peers/index.ts';
import type { System } from './systems.ts';

export const systems: readonly System[] = [...peers];

export function systemOf(name: string): System {
  const found = systems.find((system) => system.name === name);
  if (!found) throw new Error(`there is no system ${name}`);
  return found;
}
