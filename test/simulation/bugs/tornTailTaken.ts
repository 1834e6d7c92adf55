/**
 * Recovery takes a frame by its header and does not sum up its content (R-D3): the half of a write that a power cut tore
 * is taken for a whole one.
 */

import { Batch } from '../../../actors/protocol/batch.ts';
import * as real from '../../../actors/protocol/record.ts';

export * from '../../../actors/protocol/record.ts';

export function decodeFrameBatch(bytes: Buffer, at: number, header: real.FrameHeader): Batch | null | real.Unreadable {
  const batch = real.decodeFrameBatch(bytes, at, header);
  if (batch !== 'malformed' || bytes.length < at + header.bytes) return batch;
  const begin = at + real.frameHeaderBytes;
  return new Batch(bytes.subarray(begin, begin + header.batchBytes));
}
