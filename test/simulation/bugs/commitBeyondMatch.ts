/**
 * A follower commits up to the leader's commit, as far as its own log reaches, and not as far as it has acknowledged in
 * this epoch (R8): it commits a tail that the leader has not got to replace yet.
 */

import type { Core } from '../../../actors/pipeline/core.ts';
import * as real from '../../../actors/pipeline/follower.ts';
import type { Epoch, NodeId } from '../../../actors/protocol/epoch.ts';
import type { Ping } from '../../../actors/protocol/frames.ts';

export * from '../../../actors/pipeline/follower.ts';

export class Follower extends real.Follower {
  readonly #ours: Core;

  constructor(core: Core, epoch: Epoch, leader: NodeId) {
    super(core, epoch, leader);
    this.#ours = core;
  }

  override pinged(ping: Ping): void {
    super.pinged(ping);
    const { log } = this.#ours;
    const ends = log.batchesAfter(log.commit, Number.POSITIVE_INFINITY);
    if (ends === 'cold') return;
    const end = ends.findLast(({ endIndex }) => endIndex <= ping.commit)?.endIndex;
    if (end !== undefined) this.#ours.commitTo(end);
  }
}
