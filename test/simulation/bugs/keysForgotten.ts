/**
 * The table of idempotency keys is not filled from the recovered log (PROTOCOL §8, K1 of keyTable.ts): who tries again after the leader
 * was restarted gets its message a second time.
 */
import * as real from '../../../actors/log/startup.ts';
import { KeyTable } from '../../../actors/protocol/keyTable.ts';

export * from '../../../actors/log/startup.ts';

export function recoverNode(input: real.RecoveryInput, done: (outcome: real.StartOutcome) => void): void {
  real.recoverNode(input, (outcome) => {
    if (outcome.kind === 'failed') return done(outcome);
    done({ ...outcome, recovered: { ...outcome.recovered, keys: new KeyTable(input) } });
  });
}
