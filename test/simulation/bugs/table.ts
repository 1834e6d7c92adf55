/**
 * The seeded bugs: each breaks one rule of the protocol by taking the place of one module. What it breaks, and why that is
 * dangerous, is said in its own file, `<name>.ts` beside this one.
 *
 * `measured`: after so many seeds, from 1 on, the simulator found it; a simulator that needs many more has become worse.
 * Where few kinds of faults are named, these find it sooner than all kinds do. Some have a story of their
 * own (directed.ts): random faults meet their moment once in hundreds of seeds, or not at all.
 *
 * Not in the list, since other rules cover them. The first two were played for a hundred seeds and more, and nothing showed:
 * - The match of an older connection or boot counts (R9): it was fsynced, so it is true as long as that disk is whole; and
 *   a node whose disk is not whole has no vote (R-D3, R-D4), so no majority can miss what it has lost.
 * - A node gives out messages above its commit (R11) when asked for a range: readers ask only up to their read point.
 * - A read's nonce is used again by its next attempt: each answer stands for a round that began after the read came.
 */
import type { World } from './worlds.ts';

export interface SeededBug {
  readonly name: string;
  readonly rule: string;
  /** Below actors/, without extension: the module whose place is taken, and further ones (`<name>.<module>.ts`). */
  readonly replaces: string;
  readonly alsoReplaces: readonly string[];
  readonly world: World;
  /** How many are tried at most: the simulator changes, and with it what a seed means. */
  readonly seeds: number;
  readonly measured: number;
  /** What at least one of the violations found says. */
  readonly shows: RegExp;
  /** For the quick tier. */
  readonly quick: boolean;
}
type Row = readonly [name: string, rule: string, replaces: string, world: World, measured: number, shows: RegExp];

const bug = (
  [name, rule, replaces, world, measured, shows]: Row,
  more: Partial<Pick<SeededBug, 'alsoReplaces' | 'quick'>> = {},
): SeededBug => ({
  name,
  rule,
  replaces,
  world,
  measured,
  shows,
  alsoReplaces: [],
  seeds: Math.max(40, 4 * measured),
  quick: false,
  ...more,
});
/** Those that take the least, and of each kind one; so that the tier stays quick. */
const quick = { quick: true };

export const seededBugs: readonly SeededBug[] = [
  // Promises and elections
  bug(['promiseBeforeDisk', 'R1', 'log/identityFile', 'all', 1, /^I8/]),
  bug(['promiseForgotten', 'R1, R-D1a', 'protocol/identityRecord', 'all', 1, /^I8/], quick),
  bug(['halfIsMajority', 'R4, R9', 'protocol/epoch', 'all', 1, /^I5/]),
  bug(['ownLogWins', 'R4, R5', 'protocol/ballot', 'all', 1, /^I3|R7/], quick),
  bug(['longestLogWins', 'R4', 'protocol/ballot', 'longerTail', 1, /^I[34]|R7/]),
  bug(['damagedVotes', 'R-D3', 'protocol/ballot', 'rottenVoter', 1, /^I[34]|R7/]),
  bug(['wipedVotes', 'R25, R-D4', 'formation', ['wipe', 'power'], 1, /^I14/]),
  // Replication
  bug(['ackBeforeDisk', 'R8', 'pipeline/follower', 'all', 1, /^I6/], quick),
  bug(['leaderCountsItself', 'R9', 'pipeline/leader', 'all', 1, /^I5/], quick),
  bug(['commitBeyondMatch', 'R8', 'pipeline/follower', 'all', 2, /^I9/]),
  bug(['oldEpochCommits', 'R9', 'pipeline/leader', 'figure8', 1, /^I[34]/]),
  bug(['otherEpochsAck', 'R9', 'pipeline/leader', 'lateAcks', 1, /^I5/]),
  bug(['lowerEpochTaken', 'R3, R7', 'pipeline', 'all', 9, /^I7/], { alsoReplaces: ['log/desk'] }),
  bug(['noPreviousCheck', 'R7', 'protocol/logicalLog', ['isolate', 'power', 'kill'], 6, /^I2|A3/]),
  bug(['sameEpochCut', 'R7', 'pipeline/follower', ['one-way cut', 'slow disk'], 5, /R7|R8/]),
  bug(['tornTailTaken', 'R-D3', 'protocol/record', ['power', 'slow disk'], 5, /^I[3-9]/]),
  bug(['lamportForgets', 'PROTOCOL §9', 'clock', ['blackout'], 1, /^I10/], quick),
  // Reads
  bug(['tokenIgnored', 'PROTOCOL §6, §8', 'sessions', 'all', 1, /^H(13|14|15|20)/], quick),
  bug(['readBeforeBarrier', 'R6, PROTOCOL §6', 'pipeline/leader', ['power', 'kill', 'isolate'], 6, /^H12/]),
  bug(['readWithoutRound', 'PROTOCOL §6', 'pipeline/readRounds', 'cutOffLeader', 1, /^§6/]),
  bug(['lateRoundConfirms', 'PROTOCOL §6', 'pipeline/readRounds', 'cutOffLeader', 1, /^§6/]),
  // Writes
  bug(['unknownIsNotDone', 'R10', 'ingress', 'all', 1, /^H18/], quick),
  bug(['greetingForgets', 'R10a, R24', 'pipeline/leader', ['reset', 'strand'], 1, /^H2/]),
  bug(['forwardsKept', 'R24', 'pipeline/submissions', ['reset', 'slow disk'], 5, /^H2/]),
  bug(['anyEpochForwards', 'R24', 'pipeline/leader', ['stall', 'pause', 'strand'], 5, /^H2/]),
  bug(['laneOvertakes', 'R10a, R24', 'ingress/lane', ['pause'], 20, /^H21/]),
  bug(['keysForgotten', 'PROTOCOL §8', 'log/startup', ['blackout', 'failpoint', 'power'], 11, /^H2/]),
  bug(['keysNotAdopted', 'PROTOCOL §8', 'pipeline/keyDesk', ['power', 'isolate', 'failpoint'], 3, /^H2/]),
  // Progress: nothing is ever wrong, and nothing goes on
  bug(['neverProbes', 'R13, R15', 'protocol/ballot', ['wall clock'], 1, /^I16/]),
  bug(['neverHandsOver', 'R17', 'protocol/ballot', ['kill'], 4, /^I17/]),
  bug(['gateStaysShut', 'R10', 'gateway', ['isolate'], 1, /^I18/]),
  bug(['neverGoesBack', 'R7, R9', 'protocol/progress', ['isolate', 'power'], 4, /^I19/]),
  bug(['troubleUntold', 'PROTOCOL §6', 'sessions', ['isolate', 'blackout'], 1, /^I20/]),
  bug(['restlessLeader', 'R16', 'protocol/ballot', ['wall clock'], 1, /^I21/]),
];
