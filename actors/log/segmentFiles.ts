/** Names of the log's files, and what is done to a whole file. */
import type { Disk, DiskCallback, DiskFile } from '../ports.ts';

const prefix = 'segment-';
const quarantine = 'quarantined-';

export const segmentName = (segment: number): string => `${prefix}${String(segment).padStart(10, '0')}`;

/** The numbers of the segments among these files, ascending. */
export const segmentsAmong = (names: readonly string[]): number[] =>
  names
    .filter((name) => /^segment-\d{10}$/.test(name))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);

/** A prefix for names that no file has yet: `quarantined-3-`. */
export function freeQuarantine(names: readonly string[]): string {
  let highest = 0;
  for (const name of names) {
    if (name.startsWith(quarantine))
      highest = Math.max(highest, Number.parseInt(name.slice(quarantine.length), 10) || 0);
  }
  return `${quarantine}${highest + 1}-`;
}

const blockBytes = 1024 * 1024;
export const zeros = Buffer.alloc(blockBytes);

const isZero = (block: Buffer): boolean => block.equals(zeros.subarray(0, block.length));

/** As many parts of zeros as make up `bytes`. */
export function zeroParts(bytes: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let left = bytes; left > 0; left -= blockBytes) parts.push(zeros.subarray(0, Math.min(left, blockBytes)));
  return parts;
}

/** Where, at or behind `from`, the last block ends that is not all zeros; `from` when all are. */
export function endOfData(file: DiskFile, from: number, done: DiskCallback<number>): void {
  let end = from;
  const next = (at: number): void => {
    if (at >= file.bytes) {
      done({ ok: true, value: end });
      return;
    }
    file.read(at, Math.min(blockBytes, file.bytes - at), (outcome) => {
      if (!outcome.ok) return done(outcome);
      const block = outcome.value;
      if (!isZero(block)) end = at + block.length;
      next(block.length === 0 ? file.bytes : at + block.length);
    });
  };
  next(from);
}

/** Copies a whole file to a new name; durable when it calls back. */
export function copyFile(disk: Disk, from: DiskFile, name: string, done: DiskCallback): void {
  disk.create(name, from.bytes, (created) => {
    if (!created.ok) return done(created);
    const to = created.value;
    const next = (at: number): void => {
      if (at >= from.bytes) {
        to.close();
        done({ ok: true, value: undefined });
        return;
      }
      from.read(at, Math.min(blockBytes, from.bytes - at), (read) => {
        if (!read.ok) return done(read);
        to.write(at, [read.value], (written) => (written.ok ? next(at + read.value.length) : done(written)));
      });
    };
    next(0);
  });
}
