/**
 * A confirmation of any earlier round is taken for one of this round (PROTOCOL §6): answers that were under way when the
 * leader was deposed let it serve a stale read. So it was in etcd, where a retry used its old number again.
 */
import * as real from '../../../actors/pipeline/readRounds.ts';
import type { NodeId } from '../../../actors/protocol/epoch.ts';

export * from '../../../actors/pipeline/readRounds.ts';

export class ReadRounds extends real.ReadRounds {
  override confirm(peer: NodeId, _round: number): readonly real.ConfirmedRead[] {
    return super.confirm(peer, this.round);
  }
}
