/**
 * The states that a search has met, as bytes: what is new gets the next number, from 0.
 *
 * S1. Two states are the same exactly when their bytes are: hashes only say where to look, so nothing is ever missed.
 * S2. All is in typed arrays outside the heap of objects, some 30 bytes a state beside its own: millions of states cost
 *     the garbage collector nothing.
 */

/** Says that two bytes follow. */
const wide = 255;

/** Writes small whole numbers: one byte below 255, three bytes up to 65535. */
export class StateWriter {
  bytes = new Uint8Array(1024);
  length = 0;

  put(value: number): void {
    if (this.length + 3 > this.bytes.length) this.bytes = grown(this.bytes, this.bytes.length * 2);
    if (value < wide) {
      this.bytes[this.length++] = value;
      return;
    }
    this.bytes[this.length++] = wide;
    this.bytes[this.length++] = value >> 8;
    this.bytes[this.length++] = value & 0xff;
  }
}

export class StateReader {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;

  take(): number {
    const value = this.bytes[this.at++] as number;
    if (value < wide) return value;
    const high = this.bytes[this.at++] as number;
    return (high << 8) | (this.bytes[this.at++] as number);
  }
}

type Numbers = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

export function grown<T extends Numbers>(from: T, length: number): T {
  const to = new (from.constructor as new (length: number) => T)(length);
  to.set(from);
  return to;
}

const pageBits = 22;
const pageBytes = 1 << pageBits;
/** Offsets are 32 bits wide. */
const pagesMax = 2 ** (32 - pageBits);

export class StateStore {
  count = 0;
  readonly #pages: Uint8Array[] = [];
  #free = 0; // In the last page.
  #offsets = new Uint32Array(1024);
  #lengths = new Uint16Array(1024);
  #hashes = new Uint32Array(1024);
  /** Open addressing; a place holds the number of a state + 1, or 0. At most half full. */
  #table = new Uint32Array(2048);

  get bytes(): number {
    const perState = this.#offsets.byteLength + this.#lengths.byteLength + this.#hashes.byteLength;
    return this.#pages.length * pageBytes + perState + this.#table.byteLength;
  }

  /** The number of a state that is new, else undefined. */
  add({ bytes, length }: StateWriter): number | undefined {
    const hash = hashOf(bytes, length);
    const mask = this.#table.length - 1;
    let place = hash & mask;
    for (let held = this.#table[place] as number; held !== 0; held = this.#table[place] as number) {
      if (this.#hashes[held - 1] === hash && this.#is(held - 1, bytes, length)) return undefined;
      place = (place + 1) & mask;
    }
    const id = this.#keep(bytes, length, hash);
    this.#table[place] = id + 1;
    if (this.count * 2 > this.#table.length) this.#rehash();
    return id;
  }

  read(id: number, reader: StateReader): void {
    const offset = this.#offsets[id] as number;
    reader.bytes = this.#pages[offset >>> pageBits] as Uint8Array;
    reader.at = offset & (pageBytes - 1);
  }

  #is(id: number, bytes: Uint8Array, length: number): boolean {
    if (this.#lengths[id] !== length) return false;
    const offset = this.#offsets[id] as number;
    const page = this.#pages[offset >>> pageBits] as Uint8Array;
    const from = offset & (pageBytes - 1);
    for (let i = 0; i < length; i++) if (page[from + i] !== bytes[i]) return false;
    return true;
  }

  #keep(bytes: Uint8Array, length: number, hash: number): number {
    if (this.#pages.length === 0 || this.#free + length > pageBytes) {
      if (this.#pages.length === pagesMax) throw new RangeError('the states do not fit into 4 GiB');
      this.#pages.push(new Uint8Array(pageBytes));
      this.#free = 0;
    }
    const id = this.count++;
    if (id === this.#offsets.length) {
      this.#offsets = grown(this.#offsets, id * 2);
      this.#lengths = grown(this.#lengths, id * 2);
      this.#hashes = grown(this.#hashes, id * 2);
    }
    (this.#pages[this.#pages.length - 1] as Uint8Array).set(bytes.subarray(0, length), this.#free);
    this.#offsets[id] = (this.#pages.length - 1) * pageBytes + this.#free;
    this.#lengths[id] = length;
    this.#hashes[id] = hash;
    this.#free += length;
    return id;
  }

  #rehash(): void {
    const table = new Uint32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let id = 0; id < this.count; id++) {
      let place = (this.#hashes[id] as number) & mask;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = id + 1;
    }
    this.#table = table;
  }
}

/** FNV-1a, and a last mixing, since the low bits choose the place. */
function hashOf(bytes: Uint8Array, length: number): number {
  let hash = 2_166_136_261;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}
