/**
 * PROMISE leaves while its promise is still on the way to the disk (R1). After a power cut the voter has forgotten whom it
 * promised, and takes the old leader's entries again: two leaders find a majority each.
 */
import * as real from '../../../actors/log/identityFile.ts';
import type { Identity } from '../../../actors/protocol/identityRecord.ts';

export * from '../../../actors/log/identityFile.ts';

export class IdentityFile extends real.IdentityFile {
  #booted = false;

  override save(identity: Identity, done: (outcome: real.SaveOutcome) => void): void {
    if (!this.#booted || identity.clusterId === null) super.save(identity, done);
    else {
      done({ kind: 'saved' });
      super.save(identity, () => undefined);
    }
    this.#booted = true;
  }
}
