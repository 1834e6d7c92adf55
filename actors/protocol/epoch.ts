/**
 * Epochs, positions and quorums: the arithmetic that safety rests on (PROTOCOL §2).
 *
 * An epoch is `round * 65536 + leaderId`. Its owner is in the number, so two nodes can never campaign in the same
 * epoch, and in a tie of rounds the higher id wins: Bully's rule (Garcia-Molina 1982), for free.
 */

/** A voter's id, 1..65535, unique and never reused. */
export type NodeId = number;
/** `round * 65536 + leaderId`; 0 = none. A safe integer. */
export type Epoch = number;
/** Position of an entry in the log, from 1; 0 = before the first. Never shown to clients. */
export type Index = number;
/** A Lamport time (Lamport 1978); strictly increasing along every log. */
export type Lamport = number;

const IDS = 65_536;
export const maxNodeId = IDS - 1;

export const ownerOf = (epoch: Epoch): NodeId => epoch % IDS;
export const roundOf = (epoch: Epoch): number => Math.floor(epoch / IDS);
export const epochOf = (round: number, owner: NodeId): Epoch => round * IDS + owner;

/** The lowest epoch that `owner` may open after having seen `seen` (R2): strictly greater, and its own. */
export const nextEpoch = (owner: NodeId, seen: Epoch): Epoch => epochOf(roundOf(seen) + 1, owner);

export const isNodeId = (id: unknown): id is NodeId =>
  typeof id === 'number' && Number.isInteger(id) && id >= 1 && id <= maxNodeId;

/** The end of a log. "More complete" means a greater position, never a longer log. */
export interface Position {
  readonly epoch: Epoch;
  readonly index: Index;
}
export const start: Position = { epoch: 0, index: 0 };

/** Negative, zero or positive as `a` is less, equally or more complete than `b`. */
export const comparePositions = (a: Position, b: Position): number => a.epoch - b.epoch || a.index - b.index;
export const samePosition = (a: Position, b: Position): boolean => a.epoch === b.epoch && a.index === b.index;

export const majorityOf = (voters: number): number => Math.floor(voters / 2) + 1;

/** The highest value that a majority has reached (R9). `reached` holds one value a voter. */
export const reachedByMajority = (reached: readonly number[]): number =>
  [...reached].sort((a, b) => b - a)[majorityOf(reached.length) - 1] ?? 0;
