/**
 * An APPEND that comes late replaces everything behind it, although the follower holds the same entry of the same epoch (R7,
 * "same index and epoch: keep"): what this follower has acknowledged since is gone from its log.
 */

import type { FrameReceived } from '../../../actors/events.ts';
import type { Core } from '../../../actors/pipeline/core.ts';
import * as real from '../../../actors/pipeline/follower.ts';
import type { Epoch, NodeId } from '../../../actors/protocol/epoch.ts';

export * from '../../../actors/pipeline/follower.ts';

export class Follower extends real.Follower {
  readonly #ours: Core;

  constructor(core: Core, epoch: Epoch, leader: NodeId) {
    super(core, epoch, leader);
    this.#ours = core;
  }

  override append(received: FrameReceived<'append'>): void {
    const { log } = this.#ours;
    const { batch, previous } = received.frame;
    if (batch && log.holds(previous) && log.last.index > previous.index) log.cutAfter(previous.index);
    super.append(received);
  }
}
