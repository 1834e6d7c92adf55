/** A timer that is set often and fires seldom: it is only moved when it would come too late. */
import type { Clock } from './ports.ts';

export class Wake {
  readonly #clock: Clock;
  readonly #fire: () => void;
  #timer: unknown;
  #at = Number.POSITIVE_INFINITY;
  /** For when the last alarm was set; a late one says that this node was asleep. */
  firedFor = 0;

  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Fires at `time` or before: whoever is woken looks at what is due, and sets the next time. */
  by(time: number): void {
    if (time >= this.#at) return;
    this.cancel();
    this.#at = time;
    this.#timer = this.#clock.setTimeout(
      () => {
        this.firedFor = this.#at;
        this.#at = Number.POSITIVE_INFINITY;
        this.#fire();
      },
      Math.max(0, time - this.#clock.now()),
    );
  }

  cancel(): void {
    if (this.#at !== Number.POSITIVE_INFINITY) this.#clock.clearTimeout(this.#timer);
    this.#at = Number.POSITIVE_INFINITY;
  }
}
