/**
 * What clients saw: one record for every call that they made, whoever recorded it, a simulator or clients of real nodes.
 *
 * A client is a number; it makes one call at a time, so its records follow each other, and the array is in the order in
 * which the calls ended. Every text is written by one append only (with a key: by all its tries), so a text names its append.
 *
 * Times are milliseconds of one clock that all recorders share: before the first byte of a call, after the last of its answer.
 */

export type Outcome =
  | {
      readonly kind: 'done';
      /** Text i has the id `firstId + i` and the Lamport time `firstLamport + i`. */
      readonly firstId: number;
      readonly firstLamport: number;
    }
  /** The node said that the write is certainly not in the log. */
  | { readonly kind: 'not_done'; readonly code: string }
  /** The node said so, or there was no answer. */
  | { readonly kind: 'unknown'; readonly code: string };

export interface Call {
  readonly client: number;
  /** The node that was asked, for the last time where it was tried again. */
  readonly node: number;
  readonly beganAt: number;
  readonly endedAt: number;
  /** The session token that was sent (`Lamport-Time`). */
  readonly token?: number;
  /** The session token of the answer; of a tail, that with which it began. */
  readonly tokenAfter?: number;
}

/** One write, with its tries: contiguous, all or none. */
export interface Append extends Call {
  readonly kind: 'append';
  readonly texts: readonly string[];
  /** It is the `place`-th of a stream of writes, each sent before the one before it was answered. */
  readonly lane?: { readonly name: string; readonly place: number };
  /** The Idempotency-Key; only then may it have been tried again. */
  readonly key?: string;
  /**
   * Of all tries together: done when one was, unknown when one may be, not done when all are certainly not. Each further
   * answer "done" is in `repeats`.
   */
  readonly outcome: Outcome;
  readonly repeats?: readonly Extract<Outcome, { kind: 'done' }>[];
}

export interface ShownMessage {
  readonly id: number;
  readonly text: string;
  readonly lamport: number;
  /** The node that took it from its client. */
  readonly origin: number;
  readonly seen: number;
}

/** One list of messages that was answered; one that was refused showed nothing and is not recorded. */
export interface Read extends Call {
  readonly kind: 'read';
  readonly linearizable: boolean;
  /** Asked for what is behind this id. */
  readonly afterId: number;
  readonly shown: readonly ShownMessage[];
  /** False when a limit may have cut it: it then says nothing about what is behind the last one. */
  readonly complete: boolean;
}

/** A live tail, from its opening until it was closed or broke; one that is taken up again is another record. */
export interface Tail extends Call {
  readonly kind: 'tail';
  /** Shows what is behind this id. */
  readonly afterId: number;
  readonly shown: readonly ShownMessage[];
}

/** One client tells another its session token: from now on that one has seen what the teller has seen. */
export interface Told {
  readonly kind: 'told';
  readonly client: number;
  readonly by: number;
  readonly at: number;
  readonly token: number;
}

/** Shows messages. */
export type List = Read | Tail;

export type Event = Append | List | Told;

/** While it lasts, calls may fail. Its end is when everything was mended. */
export interface FaultWindow {
  readonly name: string;
  readonly beganAt: number;
  readonly endedAt: number;
}

export interface History {
  /** In the order of their ends. */
  readonly events: readonly Event[];
  readonly faults: readonly FaultWindow[];
}

/** What each node shows in the end, when all is mended and quiet. */
export type FinalLogs = ReadonlyMap<number, readonly ShownMessage[]>;

/** Something that must not be. */
export interface Violation {
  /** H1, H2, …: see checkers.ts. */
  readonly invariant: string;
  readonly words: string;
}
