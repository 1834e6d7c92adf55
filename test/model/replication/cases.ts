/**
 * For each rule of the replication model the smallest world that shows what it is for: without the rule something is
 * violated after so many steps, and after no fewer. Nobody crashes where that is not needed.
 */
import type { ReplicationRule, ReplicationWorld } from './rules.ts';

export interface BrokenReplication {
  readonly broken: readonly ReplicationRule[];
  readonly world: Partial<ReplicationWorld>;
  readonly violates: RegExp;
  readonly steps: number;
}

const lost = /^L3: .* lacks what the leader of .* committed$/;
const stale = /^a linearizable read shows/;
const notOnDisks = /^R8: what is committed is not on the disks/;

export const brokenReplications: readonly BrokenReplication[] = [
  { broken: ['promiseIsDurable'], world: { elections: 2, crashes: 1 }, violates: lost, steps: 9 },
  { broken: ['promiseInBothSlots'], world: { elections: 2, rots: 1 }, violates: lost, steps: 9 },
  { broken: ['completionsAreChecked'], world: { elections: 2, slowLog: true }, violates: lost, steps: 10 },
  { broken: ['bestByPosition'], world: {}, violates: lost, steps: 11 },
  { broken: ['winnerAdopts'], world: { elections: 2 }, violates: lost, steps: 8 },
  { broken: ['adoptsWhatWasPromised'], world: { elections: 2, damages: 1 }, violates: lost, steps: 10 },
  { broken: ['readsAfterBarrier'], world: { elections: 2, reads: 1 }, violates: stale, steps: 11 },
  { broken: ['lowerEpochsAreRefused'], world: { elections: 2 }, violates: lost, steps: 8 },
  {
    broken: ['appendNeedsPredecessor'],
    world: { rounds: 1, elections: 2, writes: 1 },
    violates: /^L2: .* share an entry but not what precedes it$/,
    steps: 8,
  },
  { broken: ['sameEntryIsKept'], world: { rounds: 1, elections: 1, writes: 1 }, violates: notOnDisks, steps: 8 },
  { broken: ['ackAfterFsync'], world: { elections: 1, slowLog: true }, violates: notOnDisks, steps: 6 },
  {
    broken: ['commitsWhatItAcknowledged'],
    world: { elections: 2, followersCommit: true },
    violates: /^R8: a node takes for committed what is not$/,
    steps: 10,
  },
  { broken: ['leaderCountsItsDisk'], world: { elections: 1, slowLog: true }, violates: notOnDisks, steps: 6 },
  // Figure 8 of Raft's paper (Ongaro and Ousterhout 2014).
  { broken: ['commitsOwnEpoch'], world: { elections: 4 }, violates: lost, steps: 14 },
  { broken: ['readNeedsRound'], world: { elections: 2, reads: 1 }, violates: stale, steps: 12 },
  { broken: ['roundBeginsAfterRead'], world: { elections: 2, reads: 1 }, violates: stale, steps: 15 },
  { broken: ['confirmationNamesEpoch'], world: { elections: 2, reads: 1 }, violates: stale, steps: 14 },
  { broken: ['damagedAbstains'], world: { elections: 2, damages: 1 }, violates: lost, steps: 9 },
  { broken: ['damageIsRemembered'], world: { elections: 2, crashes: 1, damages: 1 }, violates: lost, steps: 10 },
  { broken: ['healsByAgreement'], world: { elections: 2, damages: 1 }, violates: lost, steps: 10 },
  { broken: ['healsUpToFirstEnd'], world: { elections: 2, damages: 1, writes: 1 }, violates: lost, steps: 13 },
  { broken: ['healsOnDisk'], world: { elections: 2, damages: 1, slowLog: true }, violates: lost, steps: 13 },
  // To heal as a damaged node would is not enough for a node that has forgotten its promises.
  { broken: ['wipedIsRefused'], world: { elections: 2, wipes: 1, writes: 1 }, violates: lost, steps: 14 },
  { broken: ['wipedIsRefused', 'healsAfterBarrier'], world: { elections: 2, wipes: 1 }, violates: lost, steps: 11 },
  {
    broken: ['wipedIsRefused', 'wipedIsNoticed'],
    world: { elections: 2, wipes: 1 },
    violates: /^L1: epoch 1\.1 has two leaders$/,
    steps: 7,
  },
  {
    broken: ['lamportFollowsLog'],
    world: { elections: 2, crashes: 1, clocks: true },
    violates: /^the log of n1: Lamport time 1 behind 1$/,
    steps: 7,
  },
];
