/**
 * Adoption (R5): a candidate that was promised the lead makes its log equal to the most complete one of its promisers,
 * before it appends anything.
 *
 * A1. It replaces its own entries only behind a point where both logs agree; it is done when its *durable* log ends at
 *     exactly the position that was promised to it.
 */
import type { FrameReceived } from '../events.ts';
import { type Epoch, type NodeId, type Position, samePosition } from '../protocol/epoch.ts';
import { tell } from '../system.ts';
import type { Core, Office } from './core.ts';

export class Adopter implements Office {
  readonly kind = 'adopting';
  readonly epoch: Epoch;
  readonly donor: NodeId;
  readonly #target: Position;
  readonly #core: Core;
  #done = false;

  constructor(core: Core, epoch: Epoch, donor: NodeId, target: Position) {
    this.#core = core;
    this.epoch = epoch;
    this.donor = donor;
    this.#target = target;
    this.#fetch(core.log.hintBelow(target));
  }

  #fetch(after: Position): void {
    this.#core.send(this.donor, { kind: 'fetch', epoch: this.epoch, after });
  }

  /** The donor does not hold what was asked after; it names where it could. */
  wentBack({ peer, frame }: FrameReceived<'fetchBack'>): void {
    if (peer !== this.donor || frame.epoch !== this.epoch) return;
    const { log } = this.#core;
    this.#fetch(log.holds(frame.hint) ? frame.hint : log.hintBelow(frame.hint));
  }

  gone({ peer, frame }: FrameReceived<'gone'>): void {
    if (peer === this.donor && frame.epoch === this.epoch) this.#fail();
  }

  data({ peer, frame }: FrameReceived<'data'>): void {
    if (peer !== this.donor || frame.epoch !== this.epoch) return;
    const core = this.#core;
    const { log } = core;
    const { batch, after } = frame;
    // A batch that came twice, or behind a place that this log no longer has: the next FETCH decides.
    if (!log.holds(after) || batch.baseIndex !== after.index + 1 || batch.endIndex > this.#target.index) return;
    if (log.epochAt(batch.endIndex) !== batch.epoch) core.write(this.epoch, after, batch);
    core.failpoints.reach('adoption.batch');
    tell(core.scope, 'election', { type: 'adoption.renewed' });
    if (frame.more) return;
    if (batch.endIndex < this.#target.index) this.#fetch(batch.end);
    else this.persisted();
  }

  persisted(): void {
    const { log, storeIdle, scope } = this.#core;
    if (this.#done || !storeIdle || !samePosition(log.last, this.#target)) return;
    this.#done = true;
    tell(scope, 'election', { type: 'log.adopted', epoch: this.epoch });
  }

  disconnected(peer: NodeId): void {
    if (peer === this.donor) this.#fail();
  }

  #fail(): void {
    if (this.#done) return;
    this.#done = true;
    tell(this.#core.scope, 'election', { type: 'adoption.failed', epoch: this.epoch });
  }
}
