/**
 * A new leader serves linearizable reads before its barrier is committed (R6, PROTOCOL §6): it may not know yet how far the
 * leader before it had committed, and shows less than a client has seen.
 */
import * as real from '../../../actors/pipeline/leader.ts';
import type { NodeId } from '../../../actors/protocol/epoch.ts';

export * from '../../../actors/pipeline/leader.ts';

export class Leader extends real.Leader {
  override readIndex(peer: NodeId, nonce: number): void {
    const { established } = this;
    this.established = true;
    super.readIndex(peer, nonce);
    this.established = established;
  }
}
