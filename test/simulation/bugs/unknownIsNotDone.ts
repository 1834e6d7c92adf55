/**
 * A write whose time ran out is called "not done" although a leader may have appended it (R10): the client repeats it
 * somewhere else, and it is there twice.
 */

import type { IngressEvent } from '../../../actors/events.ts';
import * as real from '../../../actors/ingress.ts';
import { service } from '../../../actors/system.ts';

export * from '../../../actors/ingress.ts';

export class Ingress extends real.Ingress {
  override receive(event: IngressEvent): void {
    if (event.type !== 'write.requested') return super.receive(event);
    super.receive({
      ...event,
      settle: (answer) => event.settle(answer.kind === 'done' ? answer : { ...answer, outcome: 'not_done' }),
    });
  }
}

export const ingress = service((input: real.IngressInput, scope) => new Ingress(input, scope));
