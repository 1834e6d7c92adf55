/**
 * The log store's desk: what waits to be written, and the two files that it is written to.
 *
 * A1. Everything is written in the order in which it was asked for; consecutive batches share one write.
 * A2. Once a promise is on the desk no batch of an older office may follow it (R3): what stands before it was taken
 *     before the promise, and is flushed, not dropped. That is the same as if the PREPARE had come one fsync later, and
 *     so the PROMISE's position is simply the log's end.
 */
import type { Batch } from '../protocol/batch.ts';
import type { Epoch, Index, Position } from '../protocol/epoch.ts';
import type { Roster } from '../protocol/frames.ts';
import type { Identity } from '../protocol/identityRecord.ts';
import { invariant } from '../protocol/logicalLog.ts';
import { frameBytes } from '../protocol/record.ts';
import type { IdentityFile } from './identityFile.ts';
import type { LogItem, SegmentedLog } from './segments.ts';

type Order =
  | { readonly kind: 'batch'; readonly ticket: number; readonly item: LogItem }
  | { readonly kind: 'promise'; readonly epoch: Epoch; readonly orderedAt: number }
  | { readonly kind: 'roster'; readonly clusterId: string; readonly roster: Roster }
  | { readonly kind: 'heal' };
export type SaveOrder = Exclude<Order, { kind: 'batch' }>;

const maxGroupBytes = 4 * 1024 * 1024;

export class Desk {
  readonly segments: SegmentedLog;
  readonly identityFile: IdentityFile;
  identity: Identity;
  /** Newest commit heard of, and the newest that a frame or marker on disk names. */
  commit: Index;
  markedCommit: Index;
  readonly #orders: Order[] = [];
  #promised: Epoch;

  constructor(segments: SegmentedLog, identityFile: IdentityFile, identity: Identity, commit: Index) {
    this.segments = segments;
    this.identityFile = identityFile;
    this.identity = identity;
    this.commit = commit;
    this.markedCommit = commit;
    this.#promised = identity.promised;
  }

  get next(): Order['kind'] | null {
    return this.#orders[0]?.kind ?? null;
  }

  addBatch(ticket: number, epoch: Epoch, previous: Position, batch: Batch): void {
    invariant(epoch >= this.#promised, 'R3', `a batch of epoch ${epoch} after a promise to ${this.#promised}`);
    this.#orders.push({ kind: 'batch', ticket, item: { previous, batch } });
  }
  addSave(order: SaveOrder): void {
    if (order.kind === 'promise') this.#promised = Math.max(this.#promised, order.epoch);
    this.#orders.push(order);
  }

  /** The batches at the front, as many as fit into one write. They stay until `done`. */
  group(): { readonly items: readonly LogItem[]; readonly ticket: number } {
    const items: LogItem[] = [];
    let bytes = 0;
    let ticket = 0;
    for (const order of this.#orders) {
      if (order.kind !== 'batch') break;
      bytes += frameBytes(order.item.batch.bytes.length);
      if (items.length > 0 && bytes > Math.min(maxGroupBytes, this.segments.maxGroupBytes)) break;
      items.push(order.item);
      ticket = order.ticket;
    }
    return { items, ticket };
  }
  firstSave(): SaveOrder {
    const order = this.#orders[0];
    invariant(order !== undefined && order.kind !== 'batch', 'A1', 'nothing to save');
    return order;
  }

  done(count: number): void {
    this.#orders.splice(0, count);
  }
}
