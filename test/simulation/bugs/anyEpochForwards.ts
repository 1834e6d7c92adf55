/**
 * A leader appends a forwarded write that was meant for an earlier leadership (R24). Its origin has meanwhile seen a later
 * barrier without it, and sent it again (R10a b).
 */
import * as real from '../../../actors/pipeline/leader.ts';
import type { Epoch, NodeId } from '../../../actors/protocol/epoch.ts';
import type { ForwardedWrite } from '../../../actors/protocol/frames.ts';

export * from '../../../actors/pipeline/leader.ts';

export class Leader extends real.Leader {
  override forwarded(origin: NodeId, _epoch: Epoch, writes: readonly ForwardedWrite[]): void {
    super.forwarded(origin, this.epoch, writes);
  }
}
