/**
 * SeededDice: chance that a seed repeats exactly.
 *
 * The generator is sfc32 (Chris Doty-Humphrey's Small Fast Counting RNG, PractRand): 128 bits of state, passes PractRand,
 * needs 32-bit arithmetic only. Not for secrets.
 *
 * A1. The same seed and the same calls give the same numbers, on every machine.
 * A2. `fork(label)` depends on the seed and the label alone, not on what was drawn before: when one part of a simulated
 *     world draws more, the other parts see the same luck as before. The same label twice is the same stream twice.
 */
import type { Dice } from '../../actors/ports.ts';

/** Four 32-bit words out of a text (a variant of MurmurHash3's mixing, with four different starts). */
function wordsOf(text: string): [number, number, number, number] {
  const word = (start: number): number => {
    let hash = start;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0xcc9e2d51);
      hash = (hash << 15) | (hash >>> 17);
      hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) | 0;
  };
  return [word(0x9e3779b9), word(0x243f6a88), word(0xb7e15162), word(0x71374491)];
}

export class SeededDice implements Dice {
  readonly seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(seed: string | number) {
    this.seed = String(seed);
    [this.#a, this.#b, this.#c, this.#counter] = wordsOf(this.seed);
    for (let i = 0; i < 12; i++) this.#word(); // sfc32 needs a few rounds until close seeds have parted.
  }

  #word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1), with 53 bits. */
  next(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return (high * 67_108_864 + low) / 9_007_199_254_740_992;
  }

  /** An integer in [0, n). */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** In [low, high). */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** True with the probability p. Draws once, whatever p is. */
  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError('nothing to pick from');
    return choices[this.int(choices.length)] as T;
  }

  /** A new array in random order (Fisher and Yates). */
  shuffle<T>(values: readonly T[]): T[] {
    const shuffled = [...values];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }

  fork(label: string | number): SeededDice {
    return new SeededDice(`${this.seed}/${label}`);
  }
}
