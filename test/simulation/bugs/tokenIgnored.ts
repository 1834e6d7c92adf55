/**
 * A node shows what it has, whatever its client has seen elsewhere (PROTOCOL §6, §8, session token): at the next node a
 * client misses its own write.
 */

import type { SessionsEvent } from '../../../actors/events.ts';
import * as real from '../../../actors/sessions.ts';
import { service } from '../../../actors/system.ts';

export * from '../../../actors/sessions.ts';

export class Sessions extends real.Sessions {
  override receive(event: SessionsEvent): void {
    super.receive(
      event.type === 'read.requested' ? { ...event, request: { ...event.request, lamportTime: 0 } } : event,
    );
  }
}

export const sessions = service((input: real.SessionsInput, scope) => new Sessions(input, scope));
