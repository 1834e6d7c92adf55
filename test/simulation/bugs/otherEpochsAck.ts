/**
 * An ACK counts in whatever epoch it was given (R9): the same index then meant another entry, which its sender has to
 * replace yet.
 */
import type { FrameReceived } from '../../../actors/events.ts';
import * as real from '../../../actors/pipeline/leader.ts';

export * from '../../../actors/pipeline/leader.ts';

export class Leader extends real.Leader {
  override acknowledged({ frame, ...received }: FrameReceived<'ack'>): void {
    super.acknowledged({ ...received, frame: { ...frame, epoch: this.epoch } });
  }
}
