/**
 * The Lamport clock does not follow the log: it begins at zero after a restart, and stamps a batch by itself alone
 * (PROTOCOL §9). When all nodes were down, a message that came later gets the lower time.
 */
import * as real from '../../../actors/clock.ts';
import type { ClockEvent } from '../../../actors/events.ts';
import { type Scope, service } from '../../../actors/system.ts';

export * from '../../../actors/clock.ts';

export class LamportClock extends real.LamportClock {
  constructor(input: real.ClockInput, scope: Scope) {
    super({ ...input, lamport: 0 }, scope);
  }

  override receive(event: ClockEvent): void {
    super.receive(event.type === 'batch.stamp' ? { ...event, floor: 0 } : event);
  }
}

export const clock = service((input: real.ClockInput, scope) => new LamportClock(input, scope));
