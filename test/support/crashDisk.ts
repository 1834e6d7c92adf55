/**
 * CrashDisk: a disk in virtual time that loses what a real one may lose.
 *
 * The platter holds files; `disk` is the port of the process that runs now. A write shows at once to readers (the page
 * cache) and its sectors stay dirty until it calls back. What happens to dirty sectors is up to the dice:
 *
 * A1. `crash('power')`: every dirty sector of 512 bytes is the new one or the old one, each on its own. What was created,
 *     renamed or removed and had not called back may or may not have happened.
 * A2. `crash('kill')`: the cache survives, but is still dirty: the next power cut may take it.
 * A3. A failing fsync reports 'failed', and Linux then takes the sectors for clean: they show the new content until a power
 *     cut, and a later fsync does not save them unless they are written again.
 * A4. After a crash the ports of that process are dead (ports.ts P3). `restart()` gives new ones over the same bytes.
 * A5. Everything is a function of the dice and of the order of calls.
 */
import type { Clock, Disk, DiskCallback, DiskError, DiskFile } from '../../actors/ports.ts';

const sectorBytes = 512;

export interface CrashDiskOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly dice: () => number;
  /** Milliseconds of each call: from, to. */
  readonly readMs?: readonly [number, number];
  readonly writeMs?: readonly [number, number];
  readonly createMs?: readonly [number, number];
  readonly totalBytes?: number;
  /** Hears of each write that has reached the platter, before the writer does. */
  readonly onDurable?: (name: string) => void;
  /** Hears of what others than the process did to the platter. */
  readonly onTampered?: (what: Tampering) => void;
}

/** Bytes were changed or a file was deleted; everything was; or a file of another disk was put there. */
export type Tampering = 'some' | 'all' | 'foreign';

/** Switches; they act on calls made from now on. */
export interface DiskFaults {
  /** Room for new files. Existing ones have their blocks, so writes to them never lack room. */
  freeBytes: number;
  /** Every write fails, as a broken device does (A3). */
  failingFsync: boolean;
  /** Added to each write. */
  slowFsyncMs: number;
}

interface Platter {
  bytes: Buffer;
  /** What the platter holds of sectors that the cache shows otherwise. */
  readonly dirty: Map<number, Buffer>;
  /** The same of sectors that a failed fsync forgot. */
  readonly forgotten: Map<number, Buffer>;
}

export class CrashDisk {
  readonly faults: DiskFaults;
  readonly #options: CrashDiskOptions;
  #files = new Map<string, Platter>();
  /** Changes of the folder that have not called back: each undoes itself. */
  #unsettled = new Set<() => void>();
  #life = 0;
  #disk: Disk;

  constructor(options: CrashDiskOptions) {
    this.#options = options;
    this.faults = { freeBytes: options.totalBytes ?? Number.MAX_SAFE_INTEGER, failingFsync: false, slowFsyncMs: 0 };
    this.#disk = this.#port();
  }

  /** The port of the process that runs now. */
  get disk(): Disk {
    return this.#disk;
  }

  crash(kind: 'power' | 'kill'): void {
    this.#life++;
    const { dice } = this.#options;
    // From the newest on: a rename is undone before the creation of what it renamed.
    for (const undo of [...this.#unsettled].reverse()) if (kind === 'power' && dice() < 0.5) undo();
    this.#unsettled.clear();
    if (kind === 'kill') return;
    // Sometimes the device got nearly nothing, sometimes nearly everything.
    const lost = [0.05, 0.5, 0.95][Math.floor(dice() * 3)] as number;
    for (const { bytes, dirty, forgotten } of this.#files.values()) {
      for (const sectors of [dirty, forgotten]) {
        for (const [sector, old] of sectors) if (dice() < lost) old.copy(bytes, sector * sectorBytes);
        sectors.clear();
      }
    }
  }

  restart(): Disk {
    this.#life++;
    this.#disk = this.#port();
    return this.#disk;
  }

  /** Flips one bit of what is on the platter. */
  flip(name: string, offset: number, bit = 0): void {
    const { bytes } = this.#platter(name);
    bytes[offset] = (bytes[offset] as number) ^ (1 << bit);
    this.#options.onTampered?.('some');
  }

  /** Puts these bytes on the platter: a disk that lies in a way of its own. */
  overwrite(name: string, offset: number, content: Uint8Array): void {
    this.#platter(name).bytes.set(content, offset);
    this.#options.onTampered?.('some');
  }

  /** A file of another disk, as it is there. */
  put(name: string, content: Uint8Array): void {
    this.#files.set(name, { bytes: Buffer.from(content), dirty: new Map(), forgotten: new Map() });
    this.#options.onTampered?.('foreign');
  }

  /** Someone deletes a file, or all of them. */
  wipe(name?: string): void {
    if (name === undefined) this.#files.clear();
    else this.#files.delete(name);
    this.#options.onTampered?.(name === undefined ? 'all' : 'some');
  }

  get names(): readonly string[] {
    return [...this.#files.keys()].sort();
  }
  content(name: string): Buffer {
    return Buffer.from(this.#platter(name).bytes);
  }

  has(name: string): boolean {
    return this.#files.has(name);
  }
  /** A view of these bytes, if a power cut now would keep every one of them; else null. */
  durable(name: string, offset: number, length: number): Buffer | null {
    const platter = this.#files.get(name);
    if (!platter || offset + length > platter.bytes.length) return null;
    const { bytes, dirty, forgotten } = platter;
    if (dirty.size + forgotten.size > 0)
      for (let sector = Math.floor(offset / sectorBytes); sector * sectorBytes < offset + length; sector++)
        if (dirty.has(sector) || forgotten.has(sector)) return null;
    return bytes.subarray(offset, offset + length);
  }
  /** What the platter holds there, whatever the cache shows. */
  onPlatter(name: string, offset: number, length: number): Buffer | null {
    const platter = this.#files.get(name);
    if (!platter) return null;
    const whole = Buffer.from(platter.bytes);
    for (const sectors of [platter.dirty, platter.forgotten])
      for (const [sector, old] of sectors) old.copy(whole, sector * sectorBytes);
    return whole.subarray(offset, offset + length);
  }

  #platter(name: string): Platter {
    const platter = this.#files.get(name);
    if (!platter) throw new Error(`no file ${name} on this disk`);
    return platter;
  }

  #port(): Disk {
    const life = this.#life;
    const { clock, dice } = this.#options;
    const between = ([from, to]: readonly [number, number]): number => from + dice() * (to - from);
    /** Calls back later, if the process still lives. */
    const later = (ms: number, act: () => void): void => {
      if (life === this.#life) clock.setTimeout(() => life === this.#life && act(), ms);
    };
    const metaMs = (): number => between(this.#options.writeMs ?? [0.1, 0.5]);
    const isDead = (): boolean => life !== this.#life;

    const change = <T>(ms: number, undo: () => void, done: DiskCallback<T>, value: () => T): void => {
      this.#unsettled.add(undo);
      later(ms, () => {
        this.#unsettled.delete(undo);
        done({ ok: true, value: value() });
      });
    };
    const refuse = <T>(done: DiskCallback<T>, kind: DiskError['kind'], message: string): void =>
      later(metaMs(), () => done({ ok: false, error: { kind, message } }));

    const fileOf = (name: string, platter: Platter): DiskFile => ({
      name,
      bytes: platter.bytes.length,
      read(offset, length, done) {
        const ms = between(readMs);
        later(ms, () => done({ ok: true, value: Buffer.from(platter.bytes.subarray(offset, offset + length)) }));
      },
      write: (offset, parts, done) => {
        if (isDead()) return;
        keepOld(platter, offset, parts);
        let at = offset;
        for (const part of parts) {
          platter.bytes.set(part, at);
          at += part.length;
        }
        const fails = this.faults.failingFsync;
        later(metaMs() + this.faults.slowFsyncMs, () => {
          if (fails) for (const [sector, old] of platter.dirty) platter.forgotten.set(sector, old);
          platter.dirty.clear();
          if (!fails) this.#options.onDurable?.(name);
          done(
            fails ? { ok: false, error: { kind: 'failed', message: `${name}: EIO` } } : { ok: true, value: undefined },
          );
        });
      },
      close() {},
    });
    const readMs = this.#options.readMs ?? [0.05, 0.2];

    return {
      list: (done) => later(metaMs(), () => done({ ok: true, value: this.names })),
      create: (name, bytes, done) => {
        if (isDead()) return;
        if (this.#files.has(name)) return refuse(done, 'exists', `${name} exists`);
        if (bytes > this.faults.freeBytes) return refuse(done, 'full', `no room for ${name}`);
        this.faults.freeBytes -= bytes;
        const platter: Platter = { bytes: Buffer.alloc(bytes), dirty: new Map(), forgotten: new Map() };
        this.#files.set(name, platter);
        const undo = (): void => {
          this.#files.delete(name);
          this.faults.freeBytes += bytes;
        };
        change(between(this.#options.createMs ?? [1, 20]), undo, done, () => fileOf(name, platter));
      },
      open: (name, done) => {
        const platter = this.#files.get(name);
        if (!platter) return refuse(done, 'missing', `${name} is missing`);
        later(metaMs(), () => done({ ok: true, value: fileOf(name, platter) }));
      },
      rename: (from, to, done) => {
        if (isDead()) return;
        const before = new Map(this.#files);
        const platter = before.get(from);
        if (!platter) return refuse(done, 'missing', `${from} is missing`);
        this.#files.delete(from);
        this.#files.set(to, platter);
        change(
          metaMs(),
          () => this.#restore(before, from, to),
          done,
          () => undefined,
        );
      },
      remove: (name, done) => {
        if (isDead()) return;
        const before = new Map(this.#files);
        const platter = before.get(name);
        if (!platter) return refuse(done, 'missing', `${name} is missing`);
        this.#files.delete(name);
        this.faults.freeBytes += platter.bytes.length;
        change(
          metaMs(),
          () => this.#restore(before, name),
          done,
          () => undefined,
        );
      },
      space: (done) => {
        const totalBytes = this.#options.totalBytes ?? Number.MAX_SAFE_INTEGER;
        later(metaMs(), () => done({ ok: true, value: { freeBytes: this.faults.freeBytes, totalBytes } }));
      },
    };
  }

  /** Puts these names back to what they stood for. */
  #restore(before: ReadonlyMap<string, Platter>, ...names: readonly string[]): void {
    for (const name of names) {
      const platter = before.get(name);
      if (platter) this.#files.set(name, platter);
      else this.#files.delete(name);
    }
  }
}

/** Remembers what the platter holds of the sectors that are written now. */
function keepOld({ bytes, dirty, forgotten }: Platter, offset: number, parts: readonly Uint8Array[]): void {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (offset + length > bytes.length) throw new Error('a write beyond the end of a file');
  if (length === 0) return;
  for (let sector = Math.floor(offset / sectorBytes); sector * sectorBytes < offset + length; sector++) {
    if (dirty.has(sector)) continue;
    const start = sector * sectorBytes;
    dirty.set(sector, forgotten.get(sector) ?? Buffer.from(bytes.subarray(start, start + sectorBytes)));
    forgotten.delete(sector);
  }
}
