/**
 * A leader commits whatever a majority holds, also entries of older epochs (R9). Those may still be overwritten by a log
 * that ends in a newer epoch: figure 8 of Raft (Ongaro and Ousterhout 2014).
 */

import type { FrameReceived } from '../../../actors/events.ts';
import type { Core } from '../../../actors/pipeline/core.ts';
import * as real from '../../../actors/pipeline/leader.ts';
import { type Epoch, type NodeId, reachedByMajority } from '../../../actors/protocol/epoch.ts';

export * from '../../../actors/pipeline/leader.ts';

export class Leader extends real.Leader {
  readonly #ours: Core;

  constructor(core: Core, epoch: Epoch, connected: ReadonlySet<NodeId>) {
    super(core, epoch, connected);
    this.#ours = core;
  }

  override acknowledged(received: FrameReceived<'ack'>): void {
    super.acknowledged(received);
    const { log, peers } = this.#ours;
    const reached = reachedByMajority([log.durable, ...peers.map((peer) => this.progress.get(peer)?.match ?? 0)]);
    if (reached > log.commit) this.#ours.commitTo(reached);
  }
}
