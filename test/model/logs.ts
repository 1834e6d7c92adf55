/**
 * All logs that occur in a model, each a `LogicalLog` of the node itself: what a log holds, where it ends and how it is
 * cut and continued is decided by the code that runs in production.
 *
 * A model's state names a log by a small number. Logs never change here: to append gives the number of another log. There
 * are some hundreds of them for millions of states, so what a node would do is worked out once for each.
 *
 * A1. Two logs have the same number exactly when they have the same entries: epoch, Lamport time and value.
 * A2. What the node's code refuses as impossible (`InvariantViolation`), and a Lamport time that does not rise, are kept
 *     as the fault of the log that came of it; the models report it.
 */
import { type Batch, encodeBatch, encodeWrite } from '../../actors/protocol/batch.ts';
import { type Epoch, ownerOf, type Position, roundOf } from '../../actors/protocol/epoch.ts';
import { InvariantViolation, LogicalLog, logStart } from '../../actors/protocol/logicalLog.ts';

export type LogId = number;
export const emptyLogId: LogId = 0;

export interface Entry {
  readonly epoch: Epoch;
  readonly lamport: number;
  /** 0 = a barrier; else which write. */
  readonly value: number;
}

interface Known {
  readonly parent: LogId;
  readonly entry: Entry;
  readonly length: number;
  readonly log: LogicalLog;
  /** The prefixes of every length, itself last. */
  readonly prefixes: readonly LogId[];
  readonly fault: string | undefined;
}

const nothing: Entry = { epoch: 0, lamport: 0, value: 0 };
const everything = 2 ** 30;
const fresh = (): LogicalLog =>
  new LogicalLog({ runs: [], floor: logStart, messageLamport: 0, tail: [], commit: 0 }, everything);

export class Logs {
  readonly #known: Known[] = [
    { parent: 0, entry: nothing, length: 0, log: fresh(), prefixes: [emptyLogId], fault: undefined },
  ];
  readonly #children = new Map<string, LogId>();
  /** By log, then by the number of entries that were kept and the log that was copied from. */
  readonly #copied: Map<number, LogId>[] = [];

  get count(): number {
    return this.#known.length;
  }
  length(id: LogId): number {
    return this.#at(id).length;
  }
  last(id: LogId): Position {
    return this.#at(id).log.last;
  }
  lamport(id: LogId): number {
    return this.#at(id).entry.lamport;
  }
  fault(id: LogId): string | undefined {
    return this.#at(id).fault;
  }
  /** The entry at `index`, which the log has. */
  entry(id: LogId, index: number): Entry {
    return this.#at(this.prefix(id, index)).entry;
  }
  epochAt(id: LogId, index: number): Epoch {
    return this.#at(id).log.epochAt(index);
  }
  holds(id: LogId, position: Position): boolean {
    return this.#at(id).log.holds(position);
  }
  positionAt(id: LogId, index: number): Position {
    return this.#at(id).log.positionAt(index);
  }
  prefix(id: LogId, length: number): LogId {
    return this.#at(id).prefixes[length] as LogId;
  }
  startsWith(id: LogId, prefix: LogId): boolean {
    return this.#at(id).prefixes[this.length(prefix)] === prefix;
  }
  /** How many first entries two logs share. */
  common(a: LogId, b: LogId): number {
    let length = Math.min(this.length(a), this.length(b));
    while (this.prefix(a, length) !== this.prefix(b, length)) length--;
    return length;
  }

  append(id: LogId, entry: Entry): LogId {
    const key = `${id} ${entry.epoch} ${entry.lamport} ${entry.value}`;
    const there = this.#children.get(key);
    if (there !== undefined) return there;
    const parent = this.#at(id);
    const log = this.#rebuilt(id);
    const lamportFault =
      entry.lamport > parent.entry.lamport ? undefined : `Lamport time ${entry.lamport} behind ${parent.entry.lamport}`;
    const fault = attempt(() => log.append(batchOf(log, entry))) ?? lamportFault;
    const child = this.#known.length;
    this.#known.push({
      parent: id,
      entry,
      length: parent.length + 1,
      log,
      prefixes: [...parent.prefixes, child],
      fault: parent.fault ?? fault,
    });
    this.#children.set(key, child);
    return child;
  }

  /** What becomes of log `id` when entry `index` of log `from` replaces all behind entry index - 1 (R7). */
  replace(id: LogId, from: LogId, index: number): LogId {
    let copied = this.#copied[id];
    if (copied === undefined) {
      copied = new Map();
      this.#copied[id] = copied;
    }
    const source = this.prefix(from, index);
    const there = copied.get(source);
    if (there !== undefined) return there;
    const log = this.#rebuilt(id);
    attempt(() => log.cutAfter(index - 1));
    const kept = this.prefix(id, log.last.index);
    const made = this.append(kept, this.#at(source).entry);
    copied.set(source, made);
    return made;
  }

  show(id: LogId, value: (value: number) => string = (v) => `w${v}`): string {
    const entries = this.#at(id)
      .prefixes.slice(1)
      .map((prefix) => this.#at(prefix).entry);
    return `[${entries.map((entry) => `${showEpoch(entry.epoch)}:${entry.value === 0 ? 'barrier' : value(entry.value)}@${entry.lamport}`).join(' ')}]`;
  }

  #at(id: LogId): Known {
    return this.#known[id] as Known;
  }

  /** A log of the same entries that may be changed. */
  #rebuilt(id: LogId): LogicalLog {
    const log = fresh();
    for (const prefix of this.#at(id).prefixes.slice(1))
      attempt(() => log.append(batchOf(log, this.#at(prefix).entry)));
    return log;
  }
}

function attempt(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof InvariantViolation) return error.message;
    throw error;
  }
}

function batchOf(log: LogicalLog, { epoch, lamport, value }: Entry): Batch {
  const baseIndex = log.last.index + 1;
  const header = { epoch, baseIndex, baseLamport: lamport, firstId: log.nextId, count: 1 } as const;
  if (value === 0) return encodeBatch({ ...header, type: 'barrier' }, []);
  const tag = { origin: 1, boot: 1, n: value };
  const bytes = encodeWrite({ tag, stream: 'messages', seen: 0, physicalSeconds: 0, contents: [Buffer.from('m')] });
  return encodeBatch({ ...header, type: 'data' }, [{ bytes, tag, count: 1 }]);
}

/** `round.owner` */
export const showEpoch = (epoch: Epoch): string => `${roundOf(epoch)}.${ownerOf(epoch)}`;
