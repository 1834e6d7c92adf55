/** A reader is never told that its read cannot be answered (PROTOCOL §6): it waits, and nobody works for it. */
import type { SessionsEvent } from '../../../actors/events.ts';
import * as real from '../../../actors/sessions.ts';
import { service } from '../../../actors/system.ts';

export * from '../../../actors/sessions.ts';

export class Sessions extends real.Sessions {
  override receive(event: SessionsEvent): void {
    if (event.type !== 'read.requested') return super.receive(event);
    super.receive({
      ...event,
      settle: (answer) => {
        if (answer.kind !== 'trouble') event.settle(answer);
      },
    });
  }
}

export const sessions = service((input: real.SessionsInput, scope) => new Sessions(input, scope));
