/** Nobody begins an election (R13, R15): each waits for another, and the cluster stays without a leader. */
import * as real from '../../../actors/protocol/ballot.ts';

export * from '../../../actors/protocol/ballot.ts';

export class Ballot extends real.Ballot {
  override mayProbe(): boolean {
    return false;
  }
}
