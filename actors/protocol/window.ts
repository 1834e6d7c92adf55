/**
 * Window: how many bytes may be under way to one peer and not acknowledged.
 *
 * A1. It follows the pings' round trips: they share the connection with the data, and a queue in front of them would make
 *     a slow link look dead. It halves when a round trip takes much longer than the quickest one did, and doubles while it
 *     is full and they do not: a far peer gets a wide window, one behind a thin link a narrow one.
 */
export const firstWindowBytes = 512 * 1024;
const windowBytesMin = 128 * 1024;
const windowBytesMax = 4 * 1024 * 1024;
/** Beyond twice the quickest round trip: a queue. Within half as much again: none. */
const queuedMs = 60;
const promptMs = 25;

export class Window {
  bytes = firstWindowBytes;
  #quickestMs = Number.POSITIVE_INFINITY;
  /** Since the last round trip. */
  #wasFull = false;

  /** How long the way there and back is when nothing waits on it; 0 before the first. */
  get quickestMs(): number {
    return Number.isFinite(this.#quickestMs) ? this.#quickestMs : 0;
  }

  /** More would be sent if it were wider. */
  noteFull(): void {
    this.#wasFull = true;
  }

  noteRoundTrip(rttMs: number): void {
    this.#quickestMs = Math.min(this.#quickestMs, rttMs);
    if (rttMs > 2 * this.#quickestMs + queuedMs) this.bytes = Math.max(windowBytesMin, this.bytes / 2);
    // One that was not needed says nothing.
    else if (rttMs < 1.5 * this.#quickestMs + promptMs && this.#wasFull)
      this.bytes = Math.min(windowBytesMax, this.bytes * 2);
    this.#wasFull = false;
  }
}
