/**
 * The longest log is taken for the most complete one (R4): the long tail of an old leader, which nobody ever got, wins
 * against fewer entries of a newer epoch, which are committed.
 */
import * as real from '../../../actors/protocol/ballot.ts';
import type { NodeId, Position } from '../../../actors/protocol/epoch.ts';

export * from '../../../actors/protocol/ballot.ts';

export class Ballot extends real.Ballot {
  override best(): { readonly id: NodeId; readonly position: Position } {
    const all = [...this.promises].map(([id, position]) => ({ id, position }));
    const own = { id: this.self, position: this.promises.get(this.self) ?? this.position };
    return all.reduce((best, one) => (one.position.index > best.position.index ? one : best), own);
  }
}
