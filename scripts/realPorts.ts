/** The ports of a real node that need no adapter of their own: time, chance, and failpoints that nobody uses. */
import { randomBytes } from 'node:crypto';
import type { Clock, Dice, Failpoints, WallClock } from '../actors/ports.ts';

/** Without a delay: "after what has already arrived". Node's setTimeout would make a whole millisecond of it. */
export const realClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => {
    if (delayMs > 0) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    }
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
  clearTimeout: (id) => (id as (() => void) | undefined)?.(),
};

/** Milliseconds with fractions; follows steps of the system's clock, unlike `performance.timeOrigin + performance.now()`. */
export const realWallClock: WallClock = { now: () => Date.now() };

const randomBits = 48;
/** From the system's source: incarnations and cluster ids must differ between machines started alike. */
export const realDice: Dice = {
  next: () => randomBytes(randomBits / 8).readUIntBE(0, randomBits / 8) / 2 ** randomBits,
};

export const noFailpoints: Failpoints = { reach: () => {} };
