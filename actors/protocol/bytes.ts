/**
 * Reading and writing of binary formats.
 *
 * B1. A reader never throws and never reads past its end: after the first fault `ok` is false and every later read
 *     gives an empty value, so that a decoder checks once, at its end.
 * B2. Integers are safe integers (below 2^53); anything else on the wire is a fault. A value has one spelling.
 */
import { isUtf8 } from 'node:buffer';

/** Grows as needed; every number is big-endian. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(initialBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(initialBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** May replace `#bytes`: so it is called before that is named. */
  #reserve(more: number): number {
    const at = this.#length;
    const needed = at + more;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#length = needed;
    return at;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }
  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }
  u16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }
  u32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32BE(value >>> 0, at);
    return this;
  }
  /** Any double; also the fixed-width form of a safe integer. */
  f64(value: number): this {
    const at = this.#reserve(8);
    this.#bytes.writeDoubleBE(value, at);
    return this;
  }
  /** A safe integer >= 0 in 1 to 8 bytes, seven bits a byte, lowest first (LEB128). */
  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }
  /** Length, then bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }
  text(text: string): this {
    return this.bytes(Buffer.from(text, 'utf8'));
  }

  /** The bytes written so far; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

const nothing = Buffer.alloc(0);

export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;
  #ok = true;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get ok(): boolean {
    return this.#ok;
  }
  get at(): number {
    return this.#at;
  }
  get left(): number {
    return this.#bytes.length - this.#at;
  }
  /** Everything was read, and nothing was wrong. */
  get done(): boolean {
    return this.#ok && this.left === 0;
  }

  /** Marks the input as malformed. */
  fail(): void {
    this.#ok = false;
    this.#at = this.#bytes.length;
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) {
      this.fail();
      return -1;
    }
    this.#at = at + count;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : (this.#bytes[at] as number);
  }
  bool(): boolean {
    const value = this.u8();
    if (value > 1) this.fail();
    return value === 1;
  }
  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#bytes.readUInt16BE(at);
  }
  u32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#bytes.readUInt32BE(at);
  }
  f64(): number {
    const at = this.#take(8);
    return at < 0 ? 0 : this.#bytes.readDoubleBE(at);
  }
  /** Nothing that would make every sum with it NaN. */
  finite(): number {
    const value = this.f64();
    if (Number.isFinite(value)) return value;
    this.fail();
    return 0;
  }
  /** A safe integer >= 0 in fixed width. */
  integer(): number {
    const value = this.f64();
    if (Number.isSafeInteger(value) && value >= 0) return value;
    this.fail();
    return 0;
  }
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let read = 0; read < 8; read++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        const isShortest = byte > 0 || read === 0;
        if (isShortest && Number.isSafeInteger(value)) return value;
        break;
      }
      scale *= 0x80;
    }
    this.fail();
    return 0;
  }
  raw(count: number): Buffer {
    const at = this.#take(count);
    return at < 0 ? nothing : this.#bytes.subarray(at, at + count);
  }
  bytes(max = this.left): Buffer {
    const count = this.varint();
    if (count <= max) return this.raw(count);
    this.fail();
    return nothing;
  }
  text(maxBytes?: number): string {
    const bytes = this.bytes(maxBytes);
    if (!isUtf8(bytes)) this.fail();
    return this.#ok ? bytes.toString('utf8') : '';
  }
}
