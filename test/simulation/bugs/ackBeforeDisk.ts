/**
 * A follower acknowledges what it has taken, not what its disk has confirmed (R8): a power cut takes entries back that the
 * leader has counted.
 */

import type { FrameReceived } from '../../../actors/events.ts';
import type { Core } from '../../../actors/pipeline/core.ts';
import * as real from '../../../actors/pipeline/follower.ts';
import type { Epoch, NodeId } from '../../../actors/protocol/epoch.ts';
import { early } from './early.ts';

export * from '../../../actors/pipeline/follower.ts';

export class Follower extends real.Follower {
  readonly #ours: Core;

  constructor(core: Core, epoch: Epoch, leader: NodeId) {
    super(core, epoch, leader);
    this.#ours = core;
  }

  override append(received: FrameReceived<'append'>): void {
    super.append(received);
    early(this.#ours, () => super.persisted());
  }
}
