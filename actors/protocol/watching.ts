/** What WATCH and VIEW may hold. A file of its own, so that a page can be built from it: it imports nothing. */

/** A view of a node, as JSON text: at most. */
export const maxViewBytes = 128 * 1024;
/** Frames about messages are traced one of so many, at the rarest. */
export const maxOneOf = 1_000_000_000;

/** What somebody wants to see. Of several who look the union is made. */
export interface Wanted {
  readonly trace: boolean;
  readonly actors: boolean;
  /** Frames about messages are traced when the Lamport time of their sending is divisible by it: both ends agree. */
  readonly oneOf: number;
}
