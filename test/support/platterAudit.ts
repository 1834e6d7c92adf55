/**
 * PlatterAudit: reads what one node's platter holds, as it grows, without asking the node.
 *
 * It follows the chain of frames through the segments, and takes each once it would survive a power cut. That is the log
 * that this node would come back with.
 *
 * A1. Each frame is looked at once, in the order of the files; after damage everything is read anew.
 */
import { decodeBatch } from '../../actors/protocol/batch.ts';
import type { Epoch } from '../../actors/protocol/epoch.ts';
import { decodeSlot, slotBytes } from '../../actors/protocol/identityRecord.ts';
import {
  decodeFrameHeader,
  decodeSegmentHeader,
  frameHeaderBytes,
  segmentHeaderBytes,
} from '../../actors/protocol/record.ts';
import type { CrashDisk } from './crashDisk.ts';
import type { Written } from './invariants.ts';

const segmentName = (segment: number): string => `segment-${String(segment).padStart(10, '0')}`;

export class PlatterAudit {
  /** Holds the segments. */
  readonly #disk: CrashDisk;
  readonly #identity: CrashDisk;
  readonly #wrote: (batch: Written) => void;
  #segment = 0;
  #offset = 0;
  #chain = 0;

  constructor(disk: CrashDisk, identity: CrashDisk, wrote: (batch: Written) => void) {
    this.#disk = disk;
    this.#identity = identity;
    this.#wrote = wrote;
  }

  startAnew(): void {
    this.#segment = 0;
    this.#offset = 0;
    this.#chain = 0;
  }

  /** Takes what has become durable since. */
  look(): void {
    while (this.#takeFrame() || this.#enterNext());
  }

  #takeFrame(): boolean {
    if (this.#segment === 0) return false;
    const name = segmentName(this.#segment);
    const head = this.#disk.durable(name, this.#offset, frameHeaderBytes);
    const header = head && decodeFrameHeader(head, 0, { segment: this.#segment, offset: this.#offset });
    if (!header || typeof header === 'string' || header.previousCrc !== this.#chain) return false;
    const bytes = this.#disk.durable(name, this.#offset + frameHeaderBytes, header.batchBytes);
    if (!bytes) return false;
    if (header.batchBytes > 0) {
      const batch = decodeBatch(bytes, false);
      if (batch === 'malformed' || batch.crc !== header.batchCrc) return false;
      this.#wrote({
        previousIndex: header.previous.index,
        previousEpoch: header.previous.epoch,
        baseIndex: batch.baseIndex,
        endIndex: batch.endIndex,
        epoch: batch.epoch,
        crc: batch.crc,
        baseLamport: batch.baseLamport,
        endLamport: batch.endLamport,
        firstId: batch.firstId,
        nextId: batch.nextId,
      });
    }
    this.#chain = header.crc;
    this.#offset += header.bytes;
    return true;
  }

  #enterNext(): boolean {
    const head = this.#disk.durable(segmentName(this.#segment + 1), 0, segmentHeaderBytes);
    const header = head && decodeSegmentHeader(head, this.#segment + 1);
    if (!header || typeof header === 'string' || header.previousCrc !== this.#chain) return false;
    this.#segment++;
    this.#offset = segmentHeaderBytes;
    return true;
  }

  /** The lower promise of the two slots on the platter; 0 when one of them is none. */
  get promised(): Epoch {
    const [first, second] = this.slots;
    return Math.min(first?.promised ?? 0, second?.promised ?? 0);
  }

  /** What each slot of the identity says, null where it cannot be read. */
  get slots(): readonly ({ readonly promised: Epoch; readonly sequence: number } | null)[] {
    return [0, 1].map((place) => {
      const bytes = this.#identity.onPlatter('identity', place * slotBytes, slotBytes);
      const slot = bytes ? decodeSlot(bytes) : 'blank';
      return typeof slot === 'string' ? null : { promised: slot.identity.promised, sequence: slot.sequence };
    });
  }
}
