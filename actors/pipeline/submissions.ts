/**
 * Submissions: the writes that wait at the leader to be put into a batch, and who gets the answer.
 *
 * A1. Of a write that is still here it can be said with certainty that it is in no log (R24).
 * A2. What came over a connection goes when that connection does, before the next one's HELLO is answered.
 */
import type { EncodedWrite } from '../protocol/batch.ts';
import type { Index, NodeId } from '../protocol/epoch.ts';

export interface Submission {
  /** Who asked: this node itself, or a peer over a connection. */
  readonly origin: NodeId;
  readonly write: EncodedWrite;
  readonly firstTryCommit: Index;
}

/** Of a batch. */
export interface Room {
  readonly maxBytes: number;
  readonly maxMessages: number;
  readonly maxWrites: number;
}

export class Submissions {
  #waiting: Submission[] = [];
  #from = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }
  get isEmpty(): boolean {
    return this.#from === this.#waiting.length;
  }

  add(submission: Submission): void {
    this.#waiting.push(submission);
    this.#bytes += submission.write.bytes.length;
  }

  /** The next ones in order, while they fit; always one when there is any. */
  take({ maxBytes, maxMessages, maxWrites }: Room): readonly Submission[] {
    const taken: Submission[] = [];
    let bytes = 0;
    let messages = 0;
    while (this.#from < this.#waiting.length && taken.length < maxWrites) {
      const next = this.#waiting[this.#from] as Submission;
      bytes += next.write.bytes.length;
      messages += next.write.count;
      if (taken.length > 0 && (bytes > maxBytes || messages > maxMessages)) break;
      taken.push(next);
      this.#bytes -= next.write.bytes.length;
      this.#from++;
    }
    this.#letGo();
    return taken;
  }

  /** What was taken, also when there is always something that waits. Half at a time: each is moved once on average. */
  #letGo(): void {
    if (this.#from * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#from);
    this.#from = 0;
  }

  dropFrom(origin: NodeId): void {
    this.#keep((submission) => submission.origin !== origin);
  }

  takeAll(): readonly Submission[] {
    const all = this.#waiting.slice(this.#from);
    this.#keep(() => false);
    return all;
  }

  #keep(wanted: (submission: Submission) => boolean): void {
    this.#waiting = this.#waiting.slice(this.#from).filter(wanted);
    this.#from = 0;
    this.#bytes = this.#waiting.reduce((sum, { write }) => sum + write.bytes.length, 0);
  }
}
