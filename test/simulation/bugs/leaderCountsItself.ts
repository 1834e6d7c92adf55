/**
 * A leader counts its own copy before its disk has confirmed it (R9): one voter alone acknowledges what a power cut takes
 * away, and of three nodes only one holds it (etcd issue 14370).
 */

import type { Core } from '../../../actors/pipeline/core.ts';
import * as real from '../../../actors/pipeline/leader.ts';
import type { Epoch, Lamport, NodeId } from '../../../actors/protocol/epoch.ts';
import { early } from './early.ts';

export * from '../../../actors/pipeline/leader.ts';

export class Leader extends real.Leader {
  readonly #ours: Core;

  constructor(core: Core, epoch: Epoch, connected: ReadonlySet<NodeId>) {
    super(core, epoch, connected);
    this.#ours = core;
  }

  override stamped(firstLamport: Lamport): void {
    super.stamped(firstLamport);
    early(this.#ours, () => super.persisted());
  }
}
