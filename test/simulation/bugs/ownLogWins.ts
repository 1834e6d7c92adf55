/**
 * The winner leads with the log that it has, as in Garcia-Molina's Bully (1982): the highest node that slept for a week
 * overwrites what the others committed meanwhile (R4, R5).
 */
import * as real from '../../../actors/protocol/ballot.ts';
import type { NodeId, Position } from '../../../actors/protocol/epoch.ts';

export * from '../../../actors/protocol/ballot.ts';

export class Ballot extends real.Ballot {
  override best(): { readonly id: NodeId; readonly position: Position } {
    return { id: this.self, position: this.promises.get(this.self) ?? this.position };
  }
}
