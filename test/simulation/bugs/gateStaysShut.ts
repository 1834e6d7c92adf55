/** A node that has lost its leader once refuses writes for good, as if too much were waiting (R10). */
import type { Gate } from '../../../actors/events.ts';
import * as real from '../../../actors/gateway.ts';
import { tell } from '../../../actors/system.ts';

export * from '../../../actors/gateway.ts';

/** How often each node had no leader: before the first one, and then. */
const waits = new WeakMap<object, number>();

export const gateway = real.gateway.provide({
  actions: {
    announce: ({ self, system }, gate: Gate) => {
      if (gate === 'waiting') waits.set(system, (waits.get(system) ?? 0) + 1);
      const isShut = (waits.get(system) ?? 0) > 1;
      tell({ self, system }, 'ingress', { type: 'gate.changed', gate: isShut ? 'shedding' : gate });
    },
  },
});
