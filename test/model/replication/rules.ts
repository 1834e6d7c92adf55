/**
 * The rules that the replication model follows, each of which a test can break on purpose, and how big a world it has.
 */

/** What each rule says; a key is the name for `--break`. The numbers are those of docs/how-it-works.md. */
export const replicationRules = {
  promiseIsDurable: 'R1: a promise is on disk before anybody hears of it',
  promiseInBothSlots: 'R-D1a: a promise is in both slots before anybody hears of it',
  completionsAreChecked: 'R3a: a write that finishes after a higher promise is not acknowledged',
  bestByPosition: 'R4: the most complete log is the one with the greatest position, not the longest',
  winnerAdopts: 'R5: the winner takes over the most complete log of its promisers',
  adoptsWhatWasPromised: 'R5: it takes over the log as the promise named it, not what its donor has by then',
  readsAfterBarrier: 'R6: a leader serves linearizable reads only when its barrier is committed',
  lowerEpochsAreRefused: 'R7: an APPEND of an epoch below the promise is refused',
  appendNeedsPredecessor: 'R7: an APPEND is taken only behind the entry that precedes it',
  sameEntryIsKept: 'R7: an entry that is already there is kept, with all behind it',
  ackAfterFsync: 'R8: a follower acknowledges what its disk has confirmed',
  commitsWhatItAcknowledged: 'R8: a follower commits no further than it acknowledged in this epoch',
  leaderCountsItsDisk: 'R9: the leader counts itself only after its own disk',
  commitsOwnEpoch: 'R9: a leader commits by counting only entries of its own epoch',
  readNeedsRound: 'PROTOCOL §6: a read waits until a majority has confirmed the leader',
  roundBeginsAfterRead: 'PROTOCOL §6: only a round that began after the read arrived confirms it',
  confirmationNamesEpoch: 'PROTOCOL §6: a node confirms only the leader whose epoch it has promised',
  damagedAbstains: 'R-D3: a damaged node neither promises nor is counted',
  damageIsRemembered: 'R-D3: damage survives a restart',
  healsByAgreement: 'R-D3: a damaged node votes again only when its log agrees with that of a leader',
  healsUpToFirstEnd: 'R-D3: up to the end that the leader had when it was first heard',
  healsAfterBarrier: 'R-D3: and only when that leader has committed its barrier without it',
  healsOnDisk: 'R-D3: and only when all that is on its disk',
  wipedIsRefused: 'R25: a node with an empty disk never votes again under its old identity',
  wipedIsNoticed: 'R-D4: an empty disk is at least taken for damage',
  lamportFollowsLog:
    'PROTOCOL §9: an entry gets a Lamport time above its predecessor, and a restart begins with the log',
} as const;

export type ReplicationRule = keyof typeof replicationRules;
export type ReplicationRules = Readonly<Record<ReplicationRule, boolean>>;

export const allReplicationRules = Object.fromEntries(
  Object.keys(replicationRules).map((rule) => [rule, true]),
) as ReplicationRules;

export interface ReplicationWorld {
  readonly nodes: number;
  /** Highest round of an epoch. */
  readonly rounds: number;
  /** Epochs that may be opened in all. */
  readonly elections: number;
  /** Client writes in all, beside the barriers. */
  readonly writes: number;
  /** Entries in a log. */
  readonly entries: number;
  readonly crashes: number;
  readonly reads: number;
  /** How often a node finds the end of its log unreadable. */
  readonly damages: number;
  /** How often a node comes back with an empty disk. */
  readonly wipes: number;
  /** How often one of the two promise slots is found unreadable. */
  readonly rots: number;
  /** Writes of the log finish later. */
  readonly slowLog: boolean;
  /** Promises are saved later. */
  readonly slowPromise: boolean;
  /** Followers learn the commit too. */
  readonly followersCommit: boolean;
  /** Clocks of their own, instead of the log's last Lamport time. */
  readonly clocks: boolean;
}

/** As many as wanted. */
export const anyNumber = 999;

export const smallReplicationWorld: ReplicationWorld = {
  nodes: 3,
  rounds: 2,
  elections: 3,
  writes: 0,
  entries: 6,
  crashes: anyNumber,
  reads: 0,
  damages: 0,
  wipes: 0,
  rots: 0,
  slowLog: false,
  slowPromise: false,
  followersCommit: false,
  clocks: false,
};
