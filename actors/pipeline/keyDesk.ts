/**
 * Idempotency keys at the leader: the table of the committed log, and over it the keys that are on their way, from the
 * moment when a write is taken for a batch until its commit (PROTOCOL §8).
 *
 * A1. Of the writes with one key at most one is appended; the others join it, and are answered when it is committed.
 */
import type { Batch } from '../protocol/batch.ts';
import type { Index, NodeId } from '../protocol/epoch.ts';
import type { ForwardResult } from '../protocol/frames.ts';
import { type KeyedWrite, type KeyTable, keyedWrites } from '../protocol/keyTable.ts';
import type { Submission } from './submissions.ts';

export type KeyJudgement =
  | { readonly kind: 'new' | 'joined' | 'reused' | 'expired' }
  | { readonly kind: 'repeated'; readonly result: ForwardResult };

export interface Joined {
  readonly submission: Submission;
  readonly result: ForwardResult;
}

export class KeyDesk {
  readonly #table: KeyTable;
  readonly #underWay = new Map<string, KeyedWrite>();
  readonly #joined = new Map<string, Submission[]>();

  /** `uncommitted`: what the log holds above the commit when the office begins. */
  constructor(table: KeyTable, uncommitted: readonly Batch[]) {
    this.#table = table;
    for (const batch of uncommitted) this.appended(batch);
  }

  /** What is to be done with a write; a new one holds its key from now on. */
  judge(submission: Submission): KeyJudgement {
    const { write, firstTryCommit } = submission;
    if (!write.key) return { kind: 'new' };
    const { key } = write.key;
    const bodyHash = write.key.bodyHash.toString('latin1');
    const committed = this.#table.get(key);
    const known = committed ?? this.#underWay.get(key);
    if (!known) {
      if (firstTryCommit < this.#table.floor) return { kind: 'expired' };
      this.#underWay.set(key, unstamped(write.count, bodyHash));
      return { kind: 'new' };
    }
    if (known.bodyHash !== bodyHash || known.count !== write.count) return { kind: 'reused' };
    if (committed) return { kind: 'repeated', result: repeated(submission, committed) };
    this.#joined.set(key, [...(this.#joined.get(key) ?? []), submission]);
    return { kind: 'joined' };
  }

  appended(batch: Batch): void {
    for (const [key, write] of keyedWrites(batch)) this.#underWay.set(key, write);
  }

  /** Those that joined a write which is now committed. */
  committedTo(commit: Index): readonly Joined[] {
    const answers: Joined[] = [];
    for (const [key, write] of this.#underWay) {
      // They stand in the order of their batches, and a commit is the end of one.
      if (write.index > commit) break;
      this.#underWay.delete(key);
      for (const submission of this.#joined.get(key) ?? [])
        answers.push({ submission, result: repeated(submission, write) });
      this.#joined.delete(key);
    }
    return answers;
  }

  /** A write that held its key goes before it was appended: those that had joined it stand for themselves again. */
  free({ write }: Submission): readonly Submission[] {
    if (!write.key) return [];
    const { key } = write.key;
    const joined = this.#joined.get(key) ?? [];
    this.#underWay.delete(key);
    this.#joined.delete(key);
    return joined;
  }

  /** What joined over a connection goes with it: it must not be appended later (R24). */
  dropFrom(origin: NodeId): void {
    for (const [key, joined] of this.#joined)
      this.#joined.set(
        key,
        joined.filter((submission) => submission.origin !== origin),
      );
  }

  /** Everybody who has joined another's write. */
  get waiting(): readonly Submission[] {
    return [...this.#joined.values()].flat();
  }
}

/** Stands in until the batch has its times. */
const unstamped = (count: number, bodyHash: string): KeyedWrite => ({
  index: Number.POSITIVE_INFINITY,
  firstId: 0,
  firstLamport: 0,
  count,
  bodyHash,
  origin: 0,
  seen: 0,
  physicalSeconds: 0,
});

const repeated = ({ write }: Submission, { firstId, firstLamport, origin, seen, physicalSeconds }: KeyedWrite) => ({
  n: write.tag.n,
  firstId,
  firstLamport,
  earlier: { origin, seen, physicalSeconds },
});
