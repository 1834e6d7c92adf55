/**
 * A follower takes a batch behind any entry with the right index, whatever its epoch (R7). Logs that share an entry then
 * differ before it, and everything that rests on "same entry, same past" falls (L2).
 */

import type { Position } from '../../../actors/protocol/epoch.ts';
import * as real from '../../../actors/protocol/logicalLog.ts';

export * from '../../../actors/protocol/logicalLog.ts';

export class LogicalLog extends real.LogicalLog {
  override holds(position: Position): boolean {
    return position.index <= this.last.index;
  }
}
