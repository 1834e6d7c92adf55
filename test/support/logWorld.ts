/** What tests of the log on disk need: a disk that may crash, an author of batches, and calls that drive the clock. */
import {
  defaultSegments,
  type LogItem,
  type Recovered,
  SegmentedLog,
  type WriteOutcome,
} from '../../actors/log/segments.ts';
import type { Disk } from '../../actors/ports.ts';
import { type Batch, encodeBatch, encodeWrite } from '../../actors/protocol/batch.ts';
import { epochOf, type Index, type Position, start } from '../../actors/protocol/epoch.ts';
import { CrashDisk, type CrashDiskOptions } from './crashDisk.ts';
import { SeededDice } from './dice.ts';
import { VirtualClock } from './virtualClock.ts';

export interface DiskWorld {
  readonly clock: VirtualClock;
  readonly dice: SeededDice;
  readonly platter: CrashDisk;
}

export function aDiskWorld(seed: string | number = 1, options: Partial<CrashDiskOptions> = {}): DiskWorld {
  const clock = new VirtualClock();
  const dice = new SeededDice(seed);
  return { clock, dice, platter: new CrashDisk({ clock, dice: () => dice.next(), ...options }) };
}

/** Makes a call and moves time until it answers. */
export function call<T>(clock: VirtualClock, begin: (done: (value: T) => void) => void): T {
  const answers: T[] = [];
  begin((value) => answers.push(value));
  while (answers.length === 0 && clock.runNext());
  if (answers.length !== 1) throw new Error(`${answers.length} answers`);
  return answers[0] as T;
}

/** Makes the batches of one log, and remembers which ones stand in it. */
export class Author {
  items: LogItem[] = [];
  #round = 1;
  #n = 0;

  get end(): Position {
    return this.items.at(-1)?.batch.end ?? start;
  }

  /** One batch of `count` messages of `bytes` bytes at the end of the log. */
  next(count = 1, bytes = 20, fill = 97): LogItem {
    const last = this.items.at(-1)?.batch;
    const tag = { origin: 1, boot: 1, n: ++this.#n };
    const content = Buffer.alloc(bytes, fill);
    const write = encodeWrite({
      tag,
      stream: 'messages',
      seen: 0,
      physicalSeconds: 1,
      contents: Array<Buffer>(count).fill(content),
    });
    return this.#put(
      encodeBatch(
        {
          epoch: epochOf(this.#round, 1),
          type: 'data',
          baseIndex: this.end.index + 1,
          baseLamport: (last?.endLamport ?? 0) + 1,
          firstId: last?.nextId ?? 1,
          count,
        },
        [{ bytes: write, tag, count }],
      ),
    );
  }

  barrier(): LogItem {
    const last = this.items.at(-1)?.batch;
    return this.#put(
      encodeBatch(
        {
          epoch: epochOf(this.#round, 1),
          type: 'barrier',
          baseIndex: this.end.index + 1,
          baseLamport: (last?.endLamport ?? 0) + 1,
          firstId: last?.nextId ?? 1,
          count: 1,
        },
        [],
      ),
    );
  }

  /** Some batches: what one group commit holds. */
  group(count: number, bytes = 20, fill = 97): LogItem[] {
    return Array.from({ length: count }, () => this.next(1, bytes, fill));
  }

  /** Another leader: the last `batches` batches are to be replaced. */
  cut(batches: number): void {
    this.items.length -= batches;
    this.#round++;
  }

  /** Makes the log end where it was found to end. */
  resume(last: Position): void {
    const kept = this.items.findIndex(({ batch }) => batch.endIndex > last.index);
    if (kept >= 0) this.items.length = kept;
    this.#round++;
  }

  get batches(): readonly Batch[] {
    return this.items.map(({ batch }) => batch);
  }

  #put(batch: Batch): LogItem {
    const item = { previous: this.end, batch };
    this.items.push(item);
    return item;
  }
}

export const smallSegments = { segmentBytes: 16 * 1024, cacheBytes: 4 * 1024 };

export interface OpenedLog {
  readonly log: SegmentedLog;
  readonly recovered: Recovered;
  /** What was reported while recovering: batches that stand at the end of it. */
  readonly reported: readonly Batch[];
}

/** Starts a process on this disk and recovers its log. */
export function openLog(clock: VirtualClock, disk: Disk, options = smallSegments): OpenedLog {
  const log = new SegmentedLog(disk, { ...defaultSegments, ...options });
  const reported: Batch[] = [];
  const outcome = call(clock, (done: Parameters<SegmentedLog['recover']>[1]) => {
    log.recover(
      {
        onBatch: (batch) => reported.push(batch),
        onReplaced: (after) => {
          while ((reported.at(-1)?.endIndex ?? 0) > after) reported.pop();
        },
      },
      done,
    );
  });
  if (outcome.kind === 'failed') throw new Error(outcome.error.message);
  return { log, recovered: outcome, reported };
}

export function writeGroup(
  clock: VirtualClock,
  log: SegmentedLog,
  items: readonly LogItem[],
  commit: Index = 0,
): WriteOutcome {
  return call<WriteOutcome>(clock, (done) => log.write(items, commit, done));
}

/** Reads the log from `after` to its end, in steps of about `maxBytes`. */
export function readAll(clock: VirtualClock, log: SegmentedLog, after: Index = 0, maxBytes = 1000): Batch[] {
  const found: Batch[] = [];
  for (let from = after; ; ) {
    const outcome = call(clock, (done: Parameters<SegmentedLog['read']>[2]) => log.read(from, maxBytes, done));
    if (outcome.kind !== 'batches') throw new Error(`read: ${JSON.stringify(outcome)}`);
    const last = outcome.batches.at(-1);
    if (!last) return found;
    found.push(...outcome.batches);
    from = last.endIndex;
  }
}

/** What two logs are compared by. */
export const namesOf = (batches: readonly Batch[]): string[] =>
  batches.map(({ epoch, baseIndex, count, crc }) => `${epoch}/${baseIndex}+${count}#${crc}`);
