/** What is played for a bug, with the bug or without: a seed of the simulator, or a story of its own. */
import type { FaultName } from '../faults.ts';
import { runSimulation } from '../run.ts';
import { cutOffLeader, figure8, lateAcks, longerTail, rottenVoter } from './directed.ts';
import type { SeededBug } from './table.ts';

const stories = { figure8, cutOffLeader, lateAcks, longerTail, rottenVoter };
export type StoryName = keyof typeof stories;
/** Which faults happen: all kinds, as each seed draws them, or these. */
export type World = 'all' | readonly FaultName[] | StoryName;

/** Three nodes and a few seconds of it, to try more seeds. */
const small = { nodes: 3, safetyMs: 6000 };

/** Gives what was violated. */
export function play({ world }: SeededBug, seed: number): readonly string[] {
  if (typeof world === 'string' && world !== 'all') return stories[world](seed);
  const options = world === 'all' ? small : { ...small, faults: world, faultEveryMs: 300 };
  return runSimulation({ seed, ...options }).broken.map(({ invariant, words }) => `${invariant}: ${words}`);
}
