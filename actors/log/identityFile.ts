/**
 * IdentityFile: the one small file that says who this node is and what it promised, in two slots (R-D1a, R-D4).
 *
 *   new > read --empty disk, found--> [save] > open
 *              --lost--> the node must be replaced
 *
 * A1. A save is durable only when both slots hold it: one is written and fsynced, then the other. So the rot of one slot
 *     never makes a promise go back, and a crash in the middle leaves one slot whole: the one that is not in work is
 *     always the newest readable one.
 * A2. What `read` found must be saved once (with the boot counted up and the promise raised to the last epoch of the log)
 *     before the node speaks: only that makes both slots equal again.
 * A3. Saves asked for while one is under way become one, the newest. Each caller hears only when what it asked for, or
 *     something newer, is in both slots.
 * A4. The file gets its 8 KiB once and is overwritten in place: a promise needs no room on a full disk. It is the reserve
 *     that R-D2 asks for.
 * A5. On an empty disk this file comes first, the log's segments after it. So segments without an identity mean that it
 *     was lost, and a crash in between means nothing.
 */
import type { Disk, DiskCallback, DiskError, DiskFile } from '../ports.ts';
import { decodeSlot, encodeSlot, type Identity, type Slot, slotBytes } from '../protocol/identityRecord.ts';
import { invariant } from '../protocol/logicalLog.ts';
import { segmentsAmong } from './segmentFiles.ts';

export const identityName = 'identity';

export type IdentityOutcome =
  /** Nothing was ever saved here: a new incarnation begins. */
  | { readonly kind: 'empty disk' }
  | { readonly kind: 'found'; readonly identity: Identity }
  /** R-D4: there was an identity, and it cannot be read. Nothing was changed, and `save` is not allowed. */
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'failed'; readonly error: DiskError };
/** Any error of a save is fatal (R-D2); 'full' can come only from the very first one. */
export type SaveOutcome = { readonly kind: 'saved' } | { readonly kind: 'failed'; readonly error: DiskError };

export class IdentityFile {
  readonly #disk: Disk;
  #file: DiskFile | null = null;
  #state: 'new' | 'readable' | 'failed' = 'new';
  #sequence = 0;
  /** The slot to write first: never the newest readable one (A1). */
  #first: 0 | 1 = 0;
  #wanted: Identity | null = null;
  #waiting: ((outcome: SaveOutcome) => void)[] = [];
  #saving = false;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Once, first. */
  read(done: (outcome: IdentityOutcome) => void): void {
    invariant(this.#state === 'new', 'A2', `an identity read while ${this.#state}`);
    const or =
      <T>(then: (value: T) => void): DiskCallback<T> =>
      (outcome) =>
        outcome.ok ? then(outcome.value) : done({ kind: 'failed', error: outcome.error });
    this.#disk.list(
      or((names) => {
        const hasSegments = segmentsAmong(names).length > 0;
        if (!names.includes(identityName)) {
          done(this.#judge('blank', 'blank', hasSegments));
          return;
        }
        this.#disk.open(
          identityName,
          or((file) => {
            file.read(
              0,
              2 * slotBytes,
              or((bytes) => {
                this.#file = file;
                const slot = (i: number) => decodeSlot(bytes.subarray(i * slotBytes, (i + 1) * slotBytes));
                done(this.#judge(slot(0), slot(1), hasSegments));
              }),
            );
          }),
        );
      }),
    );
  }

  #judge(
    first: ReturnType<typeof decodeSlot>,
    second: ReturnType<typeof decodeSlot>,
    hasSegments: boolean,
  ): IdentityOutcome {
    if (first === 'unsupported' || second === 'unsupported') {
      const message = 'the identity was written by a newer version of this program';
      return { kind: 'failed', error: { kind: 'failed', message } };
    }
    const slots = [first, second].filter((slot): slot is Slot => typeof slot === 'object');
    if (slots.length === 0) {
      if (hasSegments) return { kind: 'lost', why: 'there are segments of a log, and no readable identity' };
      // With the second slot never written no save was ever durable, and the node never said a word.
      if (second !== 'blank') return { kind: 'lost', why: 'both slots of the identity are unreadable' };
      this.#state = 'readable';
      return { kind: 'empty disk' };
    }
    const newest = slots.reduce((a, b) => (b.sequence > a.sequence ? b : a));
    this.#first = newest === first ? 1 : 0;
    this.#sequence = newest.sequence;
    this.#state = 'readable';
    return { kind: 'found', identity: newest.identity };
  }

  save(identity: Identity, done: (outcome: SaveOutcome) => void): void {
    invariant(this.#state === 'readable', 'A2', `an identity saved while ${this.#state}`);
    this.#wanted = identity;
    this.#waiting.push(done);
    if (!this.#saving) this.#next();
  }

  close(): void {
    this.#file?.close();
  }

  #next(): void {
    const identity = this.#wanted;
    if (!identity) return;
    const waiting = this.#waiting;
    this.#wanted = null;
    this.#waiting = [];
    this.#saving = true;
    const finish = (outcome: SaveOutcome): void => {
      this.#saving = false;
      if (outcome.kind === 'failed') this.#state = 'failed';
      else this.#next(); // Before the callers: what they ask for now comes after what waited.
      for (const done of waiting) done(outcome);
      if (outcome.kind === 'failed') for (const done of this.#waiting.splice(0)) done(outcome);
    };
    const slot = encodeSlot({ sequence: ++this.#sequence, identity });
    const second = this.#first === 0 ? 1 : 0;
    this.#write(this.#first, slot, finish, () => {
      this.#write(second, slot, finish, () => finish({ kind: 'saved' }));
    });
  }

  #write(place: 0 | 1, slot: Buffer, finish: (outcome: SaveOutcome) => void, then: () => void): void {
    const file = this.#file;
    if (!file) {
      this.#disk.create(identityName, 2 * slotBytes, (outcome) => {
        if (!outcome.ok) return finish({ kind: 'failed', error: outcome.error });
        this.#file = outcome.value;
        this.#write(place, slot, finish, then);
      });
      return;
    }
    file.write(place * slotBytes, [slot], (outcome) => {
      if (outcome.ok) then();
      else finish({ kind: 'failed', error: outcome.error });
    });
  }
}
