/**
 * Rotating file: a stream that appends lines to `<path>` and starts a new file when the next line would make it larger
 * than `maxBytes`; older ones are `<path>.1`, `<path>.2`, … up to `maxFiles` files in all.
 *
 * bunyan's own `rotating-file` rotates by time only.
 *
 * F1. A line is never cut, and rotation loses none: lines wait in memory while files are renamed.
 * F2. Trouble with the file (disk full, folder gone) never reaches the caller: the lines are counted and dropped,
 *     `onTrouble` hears of it once, and `onRecovered` when lines can be written again.
 * F3. At most `waitingBytesMax` wait in memory; what comes on top is dropped and counted as in F2.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface RotatingFileOptions {
  readonly path: string;
  readonly maxBytes: number;
  /** The newest file included. */
  readonly maxFiles: number;
  onTrouble(message: string): void;
  onRecovered(lostLines: number): void;
}

/** Seconds of debug lines at full speed; a disk that is slower for longer must not take the node's memory. */
const waitingBytesMax = 16 * 1024 * 1024;
/** How much goes to the file in one call. */
const chunkBytes = 256 * 1024;

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #descriptor: number | undefined;
  #bytes = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Buffer | undefined;
  #lostLines = 0;
  #failing = false;
  #idle: (() => void)[] = [];

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Called by bunyan with one whole line, line end included. */
  write(line: string): boolean {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > waitingBytesMax) {
      this.#trouble(1, `more than ${waitingBytesMax} bytes of log lines are waiting`);
      return true;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#advance();
    return true;
  }

  /** Everything written so far is in the file (or was dropped, F2) when `done` is called. */
  drained(done: () => void): void {
    this.#idle.push(done);
    this.#advance();
  }

  /** Writes what waits before it returns: for the last words of a process. A write under way may then appear twice. */
  flushSync(): void {
    if (this.#writing !== undefined) {
      this.#waiting.unshift(this.#writing);
      this.#waitingBytes += this.#writing.length;
      this.#writing = undefined;
    }
    for (let chunk = this.#take(); chunk !== undefined; chunk = this.#take()) {
      try {
        const descriptor = this.#open(chunk.length);
        for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
        this.#bytes += chunk.length;
      } catch {
        return; // Nobody is left to be told.
      }
    }
  }

  /** Writes at most one chunk at a time; rotation happens between two of them. */
  #advance(): void {
    if (this.#writing !== undefined) return;
    const chunk = this.#take();
    if (chunk === undefined) {
      for (const done of this.#idle.splice(0)) done();
      return;
    }
    this.#writing = chunk;
    let descriptor: number;
    try {
      descriptor = this.#open(chunk.length);
    } catch (error) {
      // Later, not now: the caller is in the middle of a write, and a long queue would be a deep recursion.
      setImmediate(() => this.#written(chunk, error));
      return;
    }
    const put = (at: number): void => {
      write(descriptor, chunk, at, chunk.length - at, null, (error, count) => {
        if (error === null && at + count < chunk.length) put(at + count);
        else this.#written(chunk, error);
      });
    };
    put(0);
  }

  #written(chunk: Buffer, error: unknown): void {
    if (this.#writing !== chunk) return; // flushSync() took it.
    this.#writing = undefined;
    if (error === null) {
      this.#bytes += chunk.length;
      this.#recovered();
    } else {
      this.#close(); // The next line tries the path anew: the folder may have been replaced.
      this.#trouble(linesIn(chunk), error instanceof Error ? error.message : String(error));
    }
    this.#advance();
  }

  /** As many whole waiting lines as fit into one chunk and into the current file; one line at least. */
  #take(): Buffer | undefined {
    const { maxBytes } = this.#options;
    const room = maxBytes - this.#bytes;
    const first = this.#waiting[0]?.length ?? 0;
    const limit = Math.min(chunkBytes, first <= room ? room : maxBytes);
    let bytes = 0;
    let count = 0;
    for (const line of this.#waiting) {
      if (count > 0 && bytes + line.length > limit) break;
      bytes += line.length;
      count++;
    }
    if (count === 0) return undefined;
    this.#waitingBytes -= bytes;
    return Buffer.concat(this.#waiting.splice(0, count), bytes);
  }

  #open(nextBytes: number): number {
    const { path, maxBytes } = this.#options;
    if (this.#descriptor !== undefined && this.#bytes > 0 && this.#bytes + nextBytes > maxBytes) this.#rotate();
    if (this.#descriptor === undefined) {
      mkdirSync(dirname(path), { recursive: true });
      this.#descriptor = openSync(path, 'a');
      this.#bytes = fstatSync(this.#descriptor).size;
      if (this.#bytes > 0 && this.#bytes + nextBytes > maxBytes) {
        this.#rotate();
        this.#descriptor = openSync(path, 'a');
        this.#bytes = 0;
      }
    }
    return this.#descriptor;
  }

  #rotate(): void {
    const { path, maxFiles } = this.#options;
    this.#close();
    const nameOf = (n: number): string => (n === 0 ? path : `${path}.${n}`);
    rmSync(nameOf(maxFiles - 1), { force: true });
    for (let n = maxFiles - 2; n >= 0; n--) {
      try {
        renameSync(nameOf(n), nameOf(n + 1));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
  }

  #close(): void {
    if (this.#descriptor !== undefined) {
      try {
        closeSync(this.#descriptor);
      } catch {
        // A close that reports an earlier write's failure: the write itself has told.
      }
    }
    this.#descriptor = undefined;
    this.#bytes = 0;
  }

  #trouble(lines: number, message: string): void {
    this.#lostLines += lines;
    if (this.#failing) return;
    this.#failing = true;
    this.#options.onTrouble(message);
  }

  #recovered(): void {
    if (!this.#failing) return;
    const lost = this.#lostLines;
    this.#failing = false;
    this.#lostLines = 0;
    this.#options.onRecovered(lost);
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

function linesIn(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) count++;
  return count;
}
