/**
 * What a leader knows of one follower's log, and how much it may send (R8, R9).
 *
 *   probing --ACK--> streaming --REJECT or loss--> probing
 *
 * A1. `match` comes only from ACKs of this epoch on this connection: a new connection makes a new Progress.
 * A2. At most a window of bytes and `windowFrames` are unacknowledged, or one batch when that alone is more; while probing,
 *     one frame.
 * A3. The window follows the pings' round trips (window.ts).
 */
import type { Index } from './epoch.ts';
import { Window } from './window.ts';

/** What is read or gathered at once on behalf of a peer. */
export const windowBytes = 1024 * 1024;
/** Of a follower four times as far as the one that commits (leader.ts): else it would fall behind for good. */
const windowFrames = 1024;

interface InFlight {
  readonly end: Index;
  readonly bytes: number;
  readonly sentAt: number;
}

export class Progress {
  match: Index = 0;
  /** The next entry to send. */
  next: Index;
  probing = true;
  /** A read from disk is on its way. */
  reading = false;
  /** Behind which entry: an answer to an older read, given up meanwhile, is none. */
  readingAfter: Index = 0;
  /** R-D3: it agrees, but must not count. */
  learner = false;
  movedAt: number;
  #probedAt: Index;
  readonly #inFlight: InFlight[] = [];
  #bytes = 0;
  readonly #window = new Window();

  constructor(next: Index, now: number) {
    this.next = next;
    this.#probedAt = next;
    this.movedAt = now;
  }

  get idle(): boolean {
    return this.#inFlight.length === 0;
  }
  get room(): number {
    if (this.idle) return this.#window.bytes;
    if (this.probing || this.#inFlight.length >= windowFrames) return 0;
    return Math.max(0, this.#window.bytes - this.#bytes);
  }

  sent(end: Index, bytes: number, now: number): void {
    if (this.idle) this.movedAt = now;
    this.#inFlight.push({ end, bytes, sentAt: now });
    this.#bytes += bytes;
    if (this.#bytes >= this.#window.bytes) this.#window.noteFull();
    this.next = Math.max(this.next, end + 1);
  }

  /** Gives when the newest of the frames that this answers was sent, or undefined when none was. */
  acknowledged(match: Index, learner: boolean, now: number): number | undefined {
    this.learner = learner;
    this.probing = false;
    this.movedAt = now;
    if (!learner) this.match = Math.max(this.match, match);
    this.next = Math.max(this.next, match + 1);
    let sentAt: number | undefined;
    while (this.#inFlight.length > 0 && (this.#inFlight[0] as InFlight).end <= match) {
      const frame = this.#inFlight.shift() as InFlight;
      this.#bytes -= frame.bytes;
      sentAt = frame.sentAt;
    }
    return sentAt;
  }

  get quickestMs(): number {
    return this.#window.quickestMs;
  }
  /** A3. */
  noteRoundTrip(rttMs: number): void {
    this.#window.noteRoundTrip(rttMs);
  }

  /** The follower lacks what precedes; `candidate` is where this log may agree. False for an answer that came before. */
  rejected(candidate: Index, now: number): boolean {
    if (this.probing && candidate + 1 >= this.#probedAt && this.#probedAt !== this.next) return false;
    this.restart(candidate + 1, now);
    return true;
  }

  /** Begins to probe at `next`: after a REJECT, or when answers stay away. */
  restart(next: Index, now: number): void {
    this.probing = true;
    this.reading = false;
    this.next = Math.max(1, next);
    this.#probedAt = this.next;
    this.#inFlight.length = 0;
    this.#bytes = 0;
    this.movedAt = now;
  }
}
