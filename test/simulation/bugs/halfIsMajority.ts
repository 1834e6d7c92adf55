/**
 * Half of the voters count as a majority. Two such halves need not share a node: each elects a leader and commits.
 */
export * from '../../../actors/protocol/epoch.ts';

export const majorityOf = (voters: number): number => Math.floor(voters / 2);

export const reachedByMajority = (reached: readonly number[]): number =>
  [...reached].sort((a, b) => b - a)[Math.max(1, majorityOf(reached.length)) - 1] ?? 0;
