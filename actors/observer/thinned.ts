/**
 * Thinned: some of many, chosen by their numbers. Who thins the same numbers elsewhere keeps mostly the same ones: that is
 * how both ends of a frame stay in the picture.
 *
 * A1. At most `max` are kept; whenever they become more, half of the numbers are no longer taken.
 */
export class Thinned<Item> {
  readonly #max: number;
  #kept: { readonly number: number; readonly item: Item }[] = [];
  /** Of the numbers' hashes: a power of two. */
  #stride = 1;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether it would be kept now; asked first when the item is dear to make. */
  wants(number: number): boolean {
    return hashOf(number) % this.#stride === 0;
  }

  add(number: number, item: Item): void {
    if (!this.wants(number)) return;
    this.#kept.push({ number, item });
    while (this.#kept.length > this.#max) {
      this.#stride *= 2;
      this.#kept = this.#kept.filter((kept) => this.wants(kept.number));
      // Equal numbers cannot be told apart: the newest of them stay.
      if (this.#stride >= maxStride) this.#kept.splice(0, this.#kept.length - this.#max);
    }
  }

  /** All that is kept, oldest first, and begins anew. */
  take(): Item[] {
    const items = this.#kept.map(({ item }) => item);
    this.#kept = [];
    this.#stride = 1;
    return items;
  }
}

const maxStride = 2 ** 24;

/** Numbers often come in steps of their own (every third is an ACK): a remainder alone would keep one kind. */
function hashOf(number: number): number {
  const mixed = Math.imul(number ^ (number / 2 ** 32), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
