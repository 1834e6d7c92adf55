/** A leader steps down every few seconds although a majority answers it (R16). */
import * as real from '../../../actors/protocol/ballot.ts';

export * from '../../../actors/protocol/ballot.ts';

const tenureMs = 4000;

export class Ballot extends real.Ballot {
  override lostQuorum(now: number): boolean {
    return now - this.ledAt > tenureMs || super.lostQuorum(now);
  }
}
