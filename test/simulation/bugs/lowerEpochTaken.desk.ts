/** The other half of lowerEpochTaken.ts: the log store writes what an older office brings after a promise (R3). */
import * as real from '../../../actors/log/desk.ts';
import type { Batch } from '../../../actors/protocol/batch.ts';
import type { Epoch, Position } from '../../../actors/protocol/epoch.ts';

export * from '../../../actors/log/desk.ts';

export class Desk extends real.Desk {
  override addBatch(ticket: number, _epoch: Epoch, previous: Position, batch: Batch): void {
    super.addBatch(ticket, Number.MAX_SAFE_INTEGER, previous, batch);
  }
}
