/**
 * What a fault is, and what it may touch: the only thing that faults and the runner know of each other.
 *
 * F1. A fault mends everything that it broke before it resolves, also when it fails: then it rejects after mending.
 * F2. It takes the nodes that it breaks by `world.take`, so that faults that overlap never share a node, and gives them
 *     back when they are mended. One that touches every node or the whole network is `alone`.
 * F3. Chance comes from the dice only. What it learns by asking the cluster (who leads) may differ from run to run.
 */

import type { SeededDice } from '../support/dice.ts';
import type { RealCluster } from '../support/realCluster.ts';

/** How a node is, for the picture of the run. */
export type NodeState = 'up' | 'down' | 'paused' | 'cut' | 'slow' | 'disk';

export interface World {
  readonly cluster: RealCluster;
  /** One node that no other fault holds; `wanted` if that is free. */
  take(dice: SeededDice, wanted?: number): number;
  /** The node is mended. */
  giveBack(id: number): void;
  /** The one that says that it leads, or who did last. */
  leader(): number;
  /** From now on the node is like this; the runner marks nothing by itself. */
  mark(id: number, state: NodeState): void;
  pause(ms: number): Promise<void>;
  /** The rest of this fault cannot be done here: noted as skipped, with the reason. */
  skip(reason: string): void;
  /** What must be taken down when the run is over and no node runs any more (mounts, namespaces); the last one first. */
  atEnd(undo: () => void | Promise<void>): void;
}

export interface Fault {
  readonly name: string;
  /** Why it cannot be done on this machine; asked before the nodes start. */
  readonly needs?: string | undefined;
  /** No other fault while this one lasts. */
  readonly alone?: boolean;
  /** Once, before any node starts: mounts under a node's data folder, namespaces and the like. */
  readonly prepare?: (world: World) => Promise<void>;
  /** Breaks something, waits, mends it; resolves with what was done, in a few words: `kill 2 for 0.4 s`. */
  readonly run: (world: World, dice: SeededDice) => Promise<string>;
}

/** F1: these nodes are like this for a while, and whatever happens meanwhile, they are mended. */
export async function broken(
  world: World,
  ids: readonly number[],
  state: NodeState,
  doing: { during(): Promise<void>; mend(): void | Promise<void> },
): Promise<void> {
  for (const id of ids) world.mark(id, state);
  try {
    await doing.during();
  } finally {
    await doing.mend();
    for (const id of ids) {
      world.mark(id, 'up');
      world.giveBack(id);
    }
  }
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
