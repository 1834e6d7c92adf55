/**
 * Admission: whether there is room for one more write. It tells the gateway how much waits, and is told by it whether
 * writes pass.
 *
 * A1. What waits is bounded in bytes and number, whatever the gate says; beyond that a write is refused, certainly not done.
 */
import type { Gate } from '../events.ts';
import type { Trouble } from '../facade.ts';
import { notDone, shortRetryAfterMs } from './troubles.ts';

export type Flow = 'low' | 'high' | 'full';

const highBytes = 8 * 1024 * 1024;
const lowBytes = 4 * 1024 * 1024;
const fullBytes = 32 * 1024 * 1024;
const fullWrites = 100_000;
/** While throttled, writes above this are refused. */
const bulkBytes = 64 * 1024;
/** What every waiting write costs beside its content. */
const overheadBytes = 512;

export class Admission {
  gate: Gate = 'waiting';
  #bytes = 0;
  #flow: Flow = 'low';
  readonly #changed: (flow: Flow) => void;

  constructor(changed: (flow: Flow) => void) {
    this.#changed = changed;
  }

  /** Why a write with so many bytes of content is refused beside so many that wait. */
  refusal(bytes: number, waiting: number): Trouble | null {
    if (this.gate === 'diskFull') return notDone('DISK_FULL', 'the disk of this node is full');
    // The gate may be open although much waits: a full disk has its own, and forgets what it heard before.
    const isFull = this.gate === 'shedding' || this.#flow === 'full' || waiting >= fullWrites;
    const bulkOnly = this.gate === 'throttled' || this.#flow === 'high';
    if (isFull || (bulkOnly && bytes + overheadBytes > bulkBytes))
      return notDone('OVERLOADED', `${waiting} writes are waiting`, shortRetryAfterMs);
    return null;
  }

  came(bytes: number): void {
    this.#note(bytes + overheadBytes);
  }
  went(bytes: number): void {
    this.#note(-bytes - overheadBytes);
  }

  #note(change: number): void {
    this.#bytes += change;
    const flow = this.#flowNow;
    if (flow === this.#flow) return;
    this.#flow = flow;
    this.#changed(flow);
  }
  /** Once it is high or full it stays so until it is low. */
  get #flowNow(): Flow {
    if (this.#bytes >= fullBytes) return 'full';
    if (this.#bytes <= lowBytes) return 'low';
    return this.#flow === 'low' && this.#bytes >= highBytes ? 'high' : this.#flow;
  }
}
