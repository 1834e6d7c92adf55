/**
 * The slots of the identity do not hold the promise: after any restart a voter knows only the epoch of its last entry (R1,
 * R-D1a). It then takes the entries of a leader against which it has voted.
 */
import * as real from '../../../actors/protocol/identityRecord.ts';

export * from '../../../actors/protocol/identityRecord.ts';

export const encodeSlot = (slot: real.Slot): Buffer =>
  real.encodeSlot({ ...slot, identity: { ...slot.identity, promised: 0 } });
