/** A leader goes on where it thinks that a follower is, whatever that says (R7, R9): who lacks something stays behind. */
import type { Index } from '../../../actors/protocol/epoch.ts';
import * as real from '../../../actors/protocol/progress.ts';

export * from '../../../actors/protocol/progress.ts';

export class Progress extends real.Progress {
  override restart(_next: Index, now: number): void {
    super.restart(this.next, now);
  }
}
