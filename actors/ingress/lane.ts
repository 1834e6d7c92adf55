/**
 * Lane: writes of one client whose order counts.
 *
 * A1. One may be sent only when all earlier ones that are not resolved went the same way: to the same leader, in the same
 *     epoch, over the same connection. A leader appends what comes that way in its order, or nothing of it (R24).
 * A2. Behind the first that fails nothing is sent.
 */
import type { ConnectionKey } from '../events.ts';
import type { Trouble } from '../facade.ts';
import type { Epoch, NodeId } from '../protocol/epoch.ts';

export interface Way {
  readonly epoch: Epoch;
  readonly to: NodeId;
  readonly connection: ConnectionKey;
}

export class Lane {
  #unresolved = 0;
  #way: Way | null = null;
  #trouble: Trouble | null = null;

  isFree(way: Way): boolean {
    const taken = this.#way;
    if (this.#unresolved === 0 || taken === null) return true;
    return taken.connection === way.connection && taken.epoch === way.epoch && taken.to === way.to;
  }
  sent(way: Way): void {
    this.#way = way;
    this.#unresolved++;
  }
  resolved(): void {
    this.#unresolved--;
  }

  failed(trouble: Trouble): void {
    this.#trouble ??= trouble;
  }
  /** What a write behind the failed one is told. */
  get trouble(): Trouble | null {
    const first = this.#trouble;
    return first && { ...first, outcome: 'not_done', detail: `an earlier write of its stream failed: ${first.detail}` };
  }
}
