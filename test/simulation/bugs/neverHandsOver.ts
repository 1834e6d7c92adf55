/** Who leads keeps the lead (R17): the highest node comes back, and nobody gives it to it. */

import * as real from '../../../actors/protocol/ballot.ts';
import type { NodeId } from '../../../actors/protocol/epoch.ts';

export * from '../../../actors/protocol/ballot.ts';

export class Ballot extends real.Ballot {
  override successor(now: number): NodeId | null {
    return this.leaving ? super.successor(now) : null;
  }
}
