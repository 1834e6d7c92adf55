/**
 * The real disk: one folder, through the callbacks of node:fs, so that every system call waits in the thread pool.
 *
 * A1. A write that called back ok is on the disk (R-D1): files are opened with O_DSYNC, so that one pwritev writes and syncs,
 *     with one way through the thread pool. They have their full size and their blocks before anybody writes to them, so
 *     no write changes metadata that it would have to wait for.
 * A2. A new file is written with zeros under a name that `list` hides, fsynced, renamed, and the folder is fsynced: no
 *     crash leaves half a file. The zeros go in pieces, each durable before the next, so that the log's own writes
 *     wait behind a piece and never behind a whole segment.
 * A3. No space and no quota are 'full'. Everything else that the caller does not ask for is 'failed', and fatal (R-D2).
 *     Such an error names its file and says what a person can do about it.
 * A4. `close` waits for what is under way on that file.
 */
import {
  access,
  close as closeFile,
  closeSync,
  constants,
  fdatasync,
  fstat,
  fsync,
  fsyncSync,
  mkdirSync,
  open,
  openSync,
  read,
  readdir,
  rename,
  statfs,
  unlink,
  writev,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Disk, DiskCallback, DiskError, DiskFile, DiskOutcome } from '../actors/ports.ts';

const pieceBytes = 1024 * 1024;
const zeros = Buffer.alloc(pieceBytes);
/** Linux takes at most this many parts in one call. */
const partsMax = 1024;

/**
 * A full disk is no failure, wherever it is told: at the fsync of a file system that allocates late (ext4, btrfs) as well.
 * The store writes the same bytes again before it syncs again, so that nothing rests on a page that an fsync gave up.
 */
const kinds: Readonly<Record<string, DiskError['kind']>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  ENOENT: 'missing',
  EEXIST: 'exists',
};

const denied = 'the user of this process may not do that: give it the folder and everything in it';
const tooMany = 'too many files are open: raise the limit of this process (ulimit -n)';
/**
 * What to do. A copy that fills what cannot be read with zeros is not among it: zeros at the end of the log look like a
 * write that was cut short, and what was acknowledged would be forgotten.
 */
const advice: Readonly<Record<string, string>> = {
  EIO:
    'the device fails; the log of the kernel (dmesg) says more. If a plain copy of the folder to another disk succeeds, ' +
    'set DATA_DIR to the copy; if not, this node cannot come back, and the others go on without it',
  EROFS: 'the file system is read-only, often because its device failed; the log of the kernel (dmesg) says more',
  EACCES: denied,
  EPERM: denied,
  EMFILE: tooMany,
  ENFILE: tooMany,
  ENOTDIR: 'a part of this path is a file: set DATA_DIR to a folder',
  EEXIST: 'there is a file of this name: set DATA_DIR to a folder',
};

/** The words of an error of the file system, with what to do about it where that is known. */
export function explainDiskError(error: NodeJS.ErrnoException): string {
  const next = advice[error.code ?? ''];
  return next === undefined ? error.message : `${error.message}: ${next}`;
}

function failure(error: NodeJS.ErrnoException, name?: string): { readonly ok: false; readonly error: DiskError } {
  const kind = kinds[error.code ?? ''] ?? 'failed';
  const words = kind === 'failed' ? explainDiskError(error) : error.message;
  return { ok: false, error: { kind, message: name === undefined ? words : `${name}: ${words}` } };
}
const success = { ok: true, value: undefined } as const;

/** Turns a callback of node:fs into one of ours; the value is for calls that have none. */
const report =
  (done: DiskCallback, name?: string) =>
  (error: NodeJS.ErrnoException | null): void =>
    done(error ? failure(error, name) : success);

class OpenFile implements DiskFile {
  readonly name: string;
  readonly bytes: number;
  readonly #fd: number;
  #underWay = 0;
  #closing = false;

  constructor(name: string, bytes: number, fd: number) {
    this.name = name;
    this.bytes = bytes;
    this.#fd = fd;
  }

  read(offset: number, length: number, done: DiskCallback<Buffer>): void {
    // Not from the pool: a reader may keep a view of it.
    const bytes = Buffer.allocUnsafeSlow(length);
    const finish = this.#begin(done);
    const next = (at: number): void => {
      read(this.#fd, bytes, at, length - at, offset + at, (error, count) => {
        if (error) finish(failure(error, this.name));
        else if (count === 0 || at + count === length) finish({ ok: true, value: bytes.subarray(0, at + count) });
        else next(at + count);
      });
    };
    next(0);
  }

  write(offset: number, parts: readonly Uint8Array[], done: DiskCallback): void {
    const finish = this.#begin(done);
    // Without parts what another process has left in the page cache is synced.
    if (parts.length === 0) fdatasync(this.#fd, report(finish, this.name));
    else this.#writeAll(offset, parts, finish);
  }

  close(): void {
    this.#closing = true;
    if (this.#underWay === 0) closeFile(this.#fd, () => {});
  }

  #writeAll(offset: number, parts: readonly Uint8Array[], done: DiskCallback): void {
    const now = parts.length > partsMax ? parts.slice(0, partsMax) : parts;
    writev(this.#fd, now, offset, (error, written) => {
      if (error) return done(failure(error, this.name));
      const left = partsAfter(parts, written);
      if (left.length > 0) this.#writeAll(offset + written, left, done);
      else done(success);
    });
  }

  /** A4. */
  #begin<T>(done: DiskCallback<T>): DiskCallback<T> {
    this.#underWay++;
    return (outcome: DiskOutcome<T>) => {
      this.#underWay--;
      if (this.#closing && this.#underWay === 0) closeFile(this.#fd, () => {});
      done(outcome);
    };
  }
}

/** What is left of the parts when their first `written` bytes are written. */
function partsAfter(parts: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let left = written;
  for (const [i, part] of parts.entries()) {
    if (left < part.length) return [part.subarray(left), ...parts.slice(i + 1)];
    left -= part.length;
  }
  return [];
}

/** On Linux, macOS and the BSDs; writes of a file opened so are those of fdatasync (POSIX, synchronized I/O data integrity). */
const openFlags = constants.O_RDWR | constants.O_DSYNC;
const hidden = (name: string): string => `.new-${name}`;

/** Makes the folder, durably, when it is not there. Throws when that fails. */
export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  for (let path = resolve(folder); first !== undefined && path.length >= first.length; path = dirname(path)) {
    const fd = openSync(dirname(path), 'r');
    fsyncSync(fd);
    closeSync(fd);
  }
}

/** The disk of an existing folder, which nobody else may write to (folderLock.ts). Files whose name begins with a dot are not its own. */
export function fileDisk(folder: string): Disk {
  const path = (name: string): string => join(folder, name);

  const syncFolder = (done: DiskCallback): void => {
    open(folder, 'r', (error, fd) => {
      if (error) return done(failure(error));
      fsync(fd, (fault) => closeFile(fd, () => report(done)(fault)));
    });
  };
  const openFile = (name: string, done: DiskCallback<DiskFile>): void => {
    open(path(name), openFlags, (error, fd) => {
      if (error) return done(failure(error));
      fstat(fd, (fault, stats) => {
        if (!fault) return done({ ok: true, value: new OpenFile(name, stats.size, fd) });
        closeFile(fd, () => done(failure(fault)));
      });
    });
  };
  const renameFile = (from: string, to: string, done: DiskCallback): void => {
    rename(path(from), path(to), (error) => (error ? done(failure(error)) : syncFolder(done)));
  };

  /** A2: the file `fd` gets `left` bytes of zeros. */
  const fill = (fd: number, at: number, bytes: number, done: DiskCallback): void => {
    if (at >= bytes) {
      fsync(fd, report(done));
      return;
    }
    writev(fd, [zeros.subarray(0, Math.min(pieceBytes, bytes - at))], at, (error, written) => {
      if (error) return done(failure(error));
      fdatasync(fd, (fault) => (fault ? done(failure(fault)) : fill(fd, at + written, bytes, done)));
    });
  };
  const fillAndName = (name: string, fd: number, bytes: number, done: DiskCallback<DiskFile>): void => {
    fill(fd, 0, bytes, (filled) => {
      closeFile(fd, () => {
        if (!filled.ok) return unlink(path(hidden(name)), () => done(filled)); // Gives the room back.
        renameFile(hidden(name), name, (renamed) => (renamed.ok ? openFile(name, done) : done(renamed)));
      });
    });
  };

  return {
    list(done) {
      readdir(folder, (error, names) => {
        if (error) done(failure(error));
        else done({ ok: true, value: names.filter((name) => !name.startsWith('.')).sort() });
      });
    },
    create(name, bytes, done) {
      access(path(name), (missing) => {
        if (!missing) return done({ ok: false, error: { kind: 'exists', message: `${path(name)} exists` } });
        open(path(hidden(name)), 'w', (error, fd) => {
          if (error) done(failure(error));
          else fillAndName(name, fd, bytes, done);
        });
      });
    },
    open: openFile,
    rename: renameFile,
    remove(name, done) {
      unlink(path(name), (error) => (error ? done(failure(error)) : syncFolder(done)));
    },
    space(done) {
      statfs(folder, (error, stats) => {
        if (error) return done(failure(error));
        const { bavail, blocks, bsize } = stats;
        done({ ok: true, value: { freeBytes: bavail * bsize, totalBytes: blocks * bsize } });
      });
    },
  };
}
