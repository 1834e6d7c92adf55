/**
 * A follower that has promised a higher epoch goes on taking the old leader's entries until the new leader writes to it (R3,
 * R7): both leaders count it. (Its log store does not look either: lowerEpochTaken.desk.ts.)
 */

import type { PipelineEvent } from '../../../actors/events.ts';
import { Follower } from '../../../actors/pipeline/follower.ts';
import * as real from '../../../actors/pipeline.ts';
import { service } from '../../../actors/system.ts';

export * from '../../../actors/pipeline.ts';

export class Pipeline extends real.Pipeline {
  #before: Follower | null = null;

  override receive(event: PipelineEvent): void {
    const before = this.#before;
    if (this.office instanceof Follower) this.#before = this.office;
    else if (this.office.kind !== 'halted') this.#before = null;
    else if (before && event.type === 'append.received' && event.frame.epoch === before.epoch)
      return before.append(event);
    super.receive(event);
    if (before && this.office.kind === 'halted' && event.type === 'log.persisted') before.persisted();
  }
}

export const pipeline = service((input: real.PipelineInput, scope) => new Pipeline(input, scope));
