/**
 * A leader answers a linearizable read without asking anybody whether it still leads (PROTOCOL §6): cut off from the
 * others, it shows what was true before they elected another.
 */
import * as real from '../../../actors/pipeline/readRounds.ts';

export * from '../../../actors/pipeline/readRounds.ts';

/** Its own word is a majority of one. */
export class ReadRounds extends real.ReadRounds {
  constructor(_voters: number) {
    super(1);
  }
}
