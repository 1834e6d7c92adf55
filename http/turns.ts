/**
 * Turns: how long what clients want may keep the event loop in one go. Many requests may come at once on many connections,
 * one commit may answer a thousand of them, and a node that has just started takes long for each. Between turns the node's
 * timers and peers have their say, so that nobody takes a busy leader for a dead one.
 */
const turnMs = 10;

export class Turns {
  /** In the order of the calls. */
  readonly #later = new Set<() => void>();
  #endsAt: number | null = null;

  /** Does it now; or, when this turn has been long, in one of the next ones, and then tells when it is done. */
  run(work: () => void): Promise<void> | undefined {
    if (this.#later.size === 0 && !this.#isOver()) {
      work();
      return undefined;
    }
    return new Promise((resolve) => {
      this.#later.add(() => {
        work();
        resolve();
      });
    });
  }

  #isOver(): boolean {
    const now = performance.now();
    if (this.#endsAt === null) {
      this.#endsAt = now + turnMs;
      setImmediate(this.#next);
    }
    return now >= this.#endsAt;
  }

  readonly #next = (): void => {
    this.#endsAt = null;
    for (const work of this.#later) {
      if (this.#isOver()) return;
      this.#later.delete(work);
      work();
    }
  };
}
