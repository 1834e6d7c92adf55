/**
 * A disk in memory: for tests, and for the log of a node that was started with `--memory`.
 *
 * A1. It forgets everything when the process ends. A node that has its log here starts without any segment, which it
 *     must treat as a lost log (R-D3), because its identity and promise stay on the real disk.
 */
import type { Disk, DiskCallback, DiskFile, DiskOutcome } from '../actors/ports.ts';

const answer = <T>(done: DiskCallback<T>, outcome: DiskOutcome<T>): void => void setImmediate(done, outcome);
const ok = <T>(done: DiskCallback<T>, value: T): void => answer(done, { ok: true, value });
const fail = <T>(done: DiskCallback<T>, kind: 'missing' | 'exists', name: string): void =>
  answer(done, { ok: false, error: { kind, message: `${name}: ${kind}` } });

class MemoryFile implements DiskFile {
  readonly name: string;
  readonly content: Buffer;

  constructor(name: string, content: Buffer) {
    this.name = name;
    this.content = content;
  }

  get bytes(): number {
    return this.content.length;
  }

  read(offset: number, length: number, done: DiskCallback<Buffer>): void {
    ok(done, Buffer.from(this.content.subarray(offset, offset + length)));
  }

  write(offset: number, parts: readonly Uint8Array[], done: DiskCallback): void {
    let at = offset;
    for (const part of parts) {
      this.content.set(part, at);
      at += part.length;
    }
    ok(done, undefined);
  }

  close(): void {}
}

export function memoryDisk(totalBytes = Number.POSITIVE_INFINITY): Disk {
  const files = new Map<string, Buffer>();
  const used = (): number => [...files.values()].reduce((sum, { length }) => sum + length, 0);
  return {
    list: (done) => ok(done, [...files.keys()].sort()),
    create(name, bytes, done) {
      if (files.has(name)) return fail(done, 'exists', name);
      if (used() + bytes > totalBytes) {
        return answer(done, { ok: false, error: { kind: 'full', message: `no room in memory for ${name}` } });
      }
      const content = Buffer.alloc(bytes);
      files.set(name, content);
      ok(done, new MemoryFile(name, content));
    },
    open(name, done) {
      const content = files.get(name);
      if (content) ok(done, new MemoryFile(name, content));
      else fail(done, 'missing', name);
    },
    rename(from, to, done) {
      const content = files.get(from);
      if (!content) return fail(done, 'missing', from);
      files.delete(from);
      files.set(to, content);
      ok(done, undefined);
    },
    remove: (name, done) => (files.delete(name) ? ok(done, undefined) : fail(done, 'missing', name)),
    space: (done) => ok(done, { freeBytes: totalBytes - used(), totalBytes }),
  };
}

/** Keeps the log's segments, also quarantined ones, in memory and everything else on the real disk. */
export function logInMemory(real: Disk, memory: Disk = memoryDisk()): Disk {
  const at = (name: string): Disk => (/^(quarantined-\d+-)?segment-/.test(name) ? memory : real);
  return {
    /** Segments that an earlier start without `--memory` left on the real disk are not seen, and not touched. */
    list(done) {
      real.list((onDisk) => {
        if (!onDisk.ok) return done(onDisk);
        memory.list((inMemory) => {
          if (!inMemory.ok) return done(inMemory);
          const others = onDisk.value.filter((name) => at(name) === real);
          done({ ok: true, value: [...others, ...inMemory.value].sort() });
        });
      });
    },
    create: (name, bytes, done) => at(name).create(name, bytes, done),
    open: (name, done) => at(name).open(name, done),
    rename: (from, to, done) => at(from).rename(from, to, done),
    remove: (name, done) => at(name).remove(name, done),
    space: (done) => real.space(done),
  };
}
