/**
 * How often a property is tried, and from which seed. The same seed draws the same inputs; a failure prints it.
 *
 *   FUZZ=100000 npm test -- fuzz                 so many runs a property instead of `runsByDefault`
 *   FUZZ_SEED=7 npm test -- fuzz                 other inputs
 *   FUZZ_SEED=7 FUZZ_PATH=12:0 npm test -- fuzz  the one failing input, shrunk
 *   FUZZ_SECONDS=20 …                            no property takes longer; what was not drawn by then is left out
 */
import fc from 'fast-check';

const runsByDefault = 200;
const { FUZZ, FUZZ_SEED, FUZZ_PATH, FUZZ_SECONDS } = process.env;

const wholeNumber = (name: string, text: string | undefined, otherwise: number): number => {
  const value = text === undefined || text === '' ? otherwise : Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`${name}=${text} is no whole number`);
  return value;
};

const runs = wholeNumber('FUZZ', FUZZ, runsByDefault);
export const seed = wholeNumber('FUZZ_SEED', FUZZ_SEED, 1);
const seconds = wholeNumber('FUZZ_SECONDS', FUZZ_SECONDS, 8);

/** `share` of the runs: below 1 where a run is dear. Throws with seed, path and the smallest input that was found. */
export function holds<T>(property: fc.IProperty<T>, share?: number): void;
export function holds<T>(property: fc.IAsyncProperty<T>, share?: number): Promise<void>;
export function holds<T>(property: fc.IRawProperty<T>, share = 1): Promise<void> | void {
  return fc.assert(property as fc.IAsyncProperty<T>, {
    seed,
    numRuns: Math.max(1, Math.ceil(runs * share)),
    includeErrorInReport: true,
    interruptAfterTimeLimit: seconds * 1000,
    ...(FUZZ_PATH !== undefined && { path: FUZZ_PATH }),
  });
}

/** That so large a part of what was drawn is of some kind: on a slow machine less is drawn, and that is no fault of it. */
export function oftenEnough(found: number, drawn: number, part: number): void {
  if (found <= part * drawn) throw new Error(`only ${found} of ${drawn} that were drawn are of the kind that matters`);
}

/** Like `fc.record`; only objects of the usual kind are equal to what decoders make. */
export const record = <T>(fields: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;

// --------------------------------------------------------------------------------------------------------- damage

/** What may happen to bytes on the way or at rest. Places are parts of the length, so that they fit any input. */
export type Damage =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'zero'; readonly at: number; readonly length: number }
  | { readonly kind: 'copy'; readonly from: number; readonly to: number; readonly length: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'drop'; readonly at: number; readonly length: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array };

/** From 0 up to 1, every place as likely as any other: `fc.double` prefers the doubles near 0, which are the most. */
export const part: fc.Arbitrary<number> = fc.nat(999_999).map((value) => value / 1_000_000);
const few = fc.uint8Array({ minLength: 1, maxLength: 16 });
const run = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 4096 }));

/** Keeps the length: what a disk does. */
export const damageInPlace: fc.Arbitrary<Damage> = fc.oneof(
  record({ kind: fc.constant('flip' as const), at: part, bit: fc.nat(7) }),
  record({ kind: fc.constant('set' as const), at: part, bytes: few }),
  record({ kind: fc.constant('zero' as const), at: part, length: run }),
  record({ kind: fc.constant('copy' as const), from: part, to: part, length: run }),
);
export const anyDamage: fc.Arbitrary<Damage> = fc.oneof(
  damageInPlace,
  record({ kind: fc.constant('cut' as const), at: part }),
  record({ kind: fc.constant('drop' as const), at: part, length: run }),
  record({ kind: fc.constant('insert' as const), at: part, bytes: few }),
);

export function damaged(bytes: Uint8Array, damages: readonly Damage[]): Buffer {
  let out: Buffer = Buffer.from(bytes);
  for (const damage of damages) out = damagedOnce(out, damage);
  return out;
}

function damagedOnce(out: Buffer, damage: Damage): Buffer {
  const place = (share: number): number => Math.floor(share * out.length);
  switch (damage.kind) {
    case 'flip': {
      const at = place(damage.at);
      if (out.length > 0) out[at] = (out[at] as number) ^ (1 << damage.bit);
      return out;
    }
    case 'set': {
      const at = place(damage.at);
      out.set(damage.bytes.subarray(0, out.length - at), at);
      return out;
    }
    case 'zero':
      out.subarray(place(damage.at), place(damage.at) + damage.length).fill(0);
      return out;
    case 'copy':
      out.copyWithin(place(damage.to), place(damage.from), place(damage.from) + damage.length);
      return out;
    case 'cut':
      return out.subarray(0, place(damage.at));
    case 'drop':
      return Buffer.concat([out.subarray(0, place(damage.at)), out.subarray(place(damage.at) + damage.length)]);
    case 'insert':
      return Buffer.concat([out.subarray(0, place(damage.at)), damage.bytes, out.subarray(place(damage.at))]);
  }
}

// ---------------------------------------------------------------------------------------------------------- texts

/** Any UTF-16, with halves of surrogate pairs, NUL, marks and the characters that formats stumble over. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0x20, max: 0x7e }),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd800, max: 0xdfff }),
      fc.constantFrom(0, 8, 10, 13, 0x22, 0x5c, 0x7f, 0x85, 0x2028, 0x2029, 0xfeff, 0xfffd, 0xffff),
    ),
    { maxLength: 40 },
  )
  .map((units) => String.fromCharCode(...units));
/** The same without halves. */
export const wholeText: fc.Arbitrary<string> = fc
  .oneof(anyText, fc.string({ unit: 'grapheme' }), fc.constantFrom('', '__proto__', '\u{1f600}', 'e\u0301'))
  .map((text) => text.replace(/\p{Surrogate}/gu, '\ufffd'));
