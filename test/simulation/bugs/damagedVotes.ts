/**
 * A node that has lost a part of its log goes on to vote (R-D3): with a node that slept it elects a leader, and nobody of
 * that majority knows what the lost part held.
 */
import * as real from '../../../actors/protocol/ballot.ts';

export * from '../../../actors/protocol/ballot.ts';

export class Ballot extends real.Ballot {
  override get mayVote(): boolean {
    return this.bound;
  }
}
