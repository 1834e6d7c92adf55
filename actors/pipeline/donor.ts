/**
 * The donor's side of an adoption (R5): serves its log to the candidate that it promised, as long as that promise is the
 * newest.
 *
 * A1. It serves only the epoch that it promised last: its log stands still until that epoch's leader writes to it.
 */
import type { FrameReceived } from '../events.ts';
import type { Batch } from '../protocol/batch.ts';
import type { Epoch, NodeId } from '../protocol/epoch.ts';
import { windowBytes } from '../protocol/progress.ts';
import { tell } from '../system.ts';
import type { Core } from './core.ts';

export class Donor {
  readonly #core: Core;
  /** The epoch that this node promised and nobody leads yet; 0 = none. */
  serves: Epoch = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  fetched({ peer, frame: { epoch, after } }: FrameReceived<'fetch'>): void {
    const { log, scope, damaged } = this.#core;
    if (epoch !== this.serves || damaged) return this.#core.send(peer, { kind: 'gone', epoch });
    if (!log.holds(after)) {
      this.#core.send(peer, { kind: 'fetchBack', epoch, hint: log.hintBelow(after) });
      return;
    }
    const batches = log.batchesAfter(after.index, windowBytes);
    if (batches !== 'cold') return this.serve(peer, epoch, batches);
    tell(scope, 'store', {
      type: 'log.read',
      after: after.index,
      maxBytes: windowBytes,
      reply: (read) =>
        tell(scope, 'pipeline', {
          type: 'log.read-back',
          peer,
          purpose: 'data',
          epoch,
          after: after.index,
          batches: read,
        }),
    });
  }

  serve(peer: NodeId, epoch: Epoch, batches: readonly Batch[]): void {
    if (epoch !== this.serves || batches.length === 0) return this.#core.send(peer, { kind: 'gone', epoch });
    for (const [i, batch] of batches.entries()) {
      const after = this.#core.log.positionAt(batch.baseIndex - 1);
      this.#core.send(peer, { kind: 'data', epoch, after, batch, more: i < batches.length - 1 });
    }
  }
}
