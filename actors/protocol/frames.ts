/** Frames between peers: the messages of PROTOCOL §3. Their binary form is in frameCodec.ts. */
import { type Batch, type EncodedWrite, maxBatchBytes } from './batch.ts';
import type { Epoch, Index, Lamport, NodeId, Position } from './epoch.ts';
import type { Wanted } from './watching.ts';

export const protocolVersion = 1;
/** Biggest frame: one batch, and room for the fields before it. */
export const maxFrameBytes = maxBatchBytes + 4096;
/** Voters in a cluster, at most. */
export const maxVoters = 7;
/** Writes in one FORWARD, at most. */
export const maxForwarded = 20_000;

/** A node's life on one disk: drawn when the disk was empty. 16 hexadecimal digits. */
export type Incarnation = string;
export type Roster = ReadonlyMap<NodeId, Incarnation>;

/** First on every connection, once; everything after it is bound to that. */
export interface Hello {
  readonly kind: 'hello';
  readonly version: number;
  readonly clusterId: string | null;
  readonly from: NodeId;
  readonly incarnation: Incarnation;
  readonly boot: number;
  /** Rising within a boot of the dialler; of the two sides' numbers the dialler's counts. */
  readonly connection: number;
  /** Voters by configuration, ascending. */
  readonly membership: readonly NodeId[];
  readonly priority: number;
  readonly maxFrameBytes: number;
  /** The log was kept in memory only, and is gone. */
  readonly memoryLost: boolean;
}
/** Formation (R25): the holder of a roster repeats it to virgin voters. */
export interface Proposal {
  readonly kind: 'proposal';
  readonly clusterId: string;
  readonly roster: Roster;
}
/** The answer to every HELLO (R24). */
export interface Greeted {
  readonly kind: 'greeted';
  /** Non-zero only while leading (also establishing, draining) in this boot. */
  readonly epoch: Epoch;
  /** The highest n of the greeted origin and boot that was appended in this epoch. */
  readonly appended: number;
  /** The log's end, appended but perhaps not yet fsynced or committed. */
  readonly last: Index;
}
export type Unelectable = 'none' | 'disconnected' | 'damaged' | 'unbound' | 'grey' | 'leaving' | 'disk';
export const unelectableReasons: readonly Unelectable[] = [
  'none',
  'disconnected',
  'damaged',
  'unbound',
  'grey',
  'leaving',
  'disk',
];
export interface Ping {
  readonly kind: 'ping';
  /** Sender's monotonic clock, milliseconds. */
  readonly sentAt: number;
  /** The `sentAt` last received from the addressee, or -1; and how long it was held before this answer. */
  readonly echo: number;
  readonly heldMs: number;
  /** Since its last ping the sender got something from the addressee, but no ping: they wait behind data on a thin link. */
  readonly receiving: boolean;
  readonly quorumConnected: boolean;
  /** Why the sender could not lead well, or 'none'. */
  readonly unelectable: Unelectable;
  /** The sender's epoch while it leads, else 0. */
  readonly leading: Epoch;
  readonly promised: Epoch;
  readonly seenEpoch: Epoch;
  readonly commit: Index;
  readonly position: Position;
  /** The sender's own, only if leading. */
  readonly readRound: number;
  /** The newest round heard of the leader of `confirmEpoch`; 0 = none. */
  readonly confirmEpoch: Epoch;
  readonly confirmRound: number;
}
export interface Probe {
  readonly kind: 'probe';
  readonly nonce: number;
}
export interface ProbeOk {
  readonly kind: 'probeOk';
  readonly nonce: number;
  readonly seenEpoch: Epoch;
}
export interface ProbeNo {
  readonly kind: 'probeNo';
  readonly nonce: number;
  readonly reason: 'leader' | 'bully' | 'abstain';
  readonly seenEpoch: Epoch;
}
export const probeNoReasons = ['leader', 'bully', 'abstain'] as const;
/** Names the leadership that is handed over (R17). */
export interface HandoverToken {
  readonly epoch: Epoch;
  readonly by: NodeId;
}
export interface Prepare {
  readonly kind: 'prepare';
  readonly epoch: Epoch;
  readonly handover: HandoverToken | null;
}
export interface Promised {
  readonly kind: 'promise';
  readonly epoch: Epoch;
  readonly position: Position;
}
export interface Nack {
  readonly kind: 'nack';
  readonly refused: Epoch;
  readonly seenEpoch: Epoch;
  /** Of a live leader heard within TS, else 0. */
  readonly leaderEpoch: Epoch;
}
export interface Fetch {
  readonly kind: 'fetch';
  readonly epoch: Epoch;
  readonly after: Position;
}
export interface FetchBack {
  readonly kind: 'fetchBack';
  readonly epoch: Epoch;
  /** The end of the donor's last entry with an epoch at or below the asked one. */
  readonly hint: Position;
}
/** The donor's log no longer serves this epoch. */
export interface Gone {
  readonly kind: 'gone';
  readonly epoch: Epoch;
}
export interface Data {
  readonly kind: 'data';
  readonly epoch: Epoch;
  readonly after: Position;
  /** Further batches follow without being asked for. */
  readonly more: boolean;
  readonly batch: Batch;
}
export interface Append {
  readonly kind: 'append';
  readonly epoch: Epoch;
  readonly previous: Position;
  readonly commit: Index;
  readonly readRound: number;
  /** News only: no ACK is wanted. */
  readonly quiet: boolean;
  readonly batch: Batch | null;
}
export interface Ack {
  readonly kind: 'ack';
  readonly epoch: Epoch;
  /** End of the batch of the answered APPEND (R8). */
  readonly match: Index;
  readonly readRound: number;
  /** From a damaged node: moves `next`, never `match` (R-D3). */
  readonly learner: boolean;
}
export interface Reject {
  readonly kind: 'reject';
  readonly epoch: Epoch;
  readonly hint: Position;
}
export interface ForwardedWrite {
  readonly write: EncodedWrite;
  /** The origin's commit when it first tried this write: older than the key table's floor is refused. */
  readonly firstTryCommit: Index;
}
export interface Forward {
  readonly kind: 'forward';
  readonly epoch: Epoch;
  readonly writes: readonly ForwardedWrite[];
}
export interface ForwardResult {
  readonly n: number;
  readonly firstId: number;
  readonly firstLamport: Lamport;
  /** Set when the key was known: what the first try had. */
  readonly earlier: { readonly origin: NodeId; readonly seen: number; readonly physicalSeconds: number } | null;
}
export interface ForwardOk {
  readonly kind: 'forwardOk';
  readonly results: readonly ForwardResult[];
}
export const refusals = ['notLeader', 'overloaded', 'keyReused', 'keyExpired', 'diskFull'] as const;
export type Refusal = (typeof refusals)[number];
export interface ForwardNo {
  readonly kind: 'forwardNo';
  readonly ns: readonly number[];
  /** Never put into the log in memory nor into an APPEND. */
  readonly certain: boolean;
  readonly reason: Refusal;
}
export interface Handover {
  readonly kind: 'handover';
  readonly epoch: Epoch;
}
export interface ReadIndex {
  readonly kind: 'readIndex';
  readonly nonce: number;
}
export interface ReadIndexOk {
  readonly kind: 'readIndexOk';
  readonly nonce: number;
  readonly epoch: Epoch;
  readonly index: Index;
}
export interface ReadIndexNo {
  readonly kind: 'readIndexNo';
  readonly nonce: number;
}

/** People look at the sender's page: it wants to show the addressee too. Good for a few seconds. */
export interface Watch {
  readonly kind: 'watch';
  readonly wanted: Wanted;
}
/** The answer, again and again: a NodeView as JSON text. What is in it nobody has checked. */
export interface View {
  readonly kind: 'view';
  readonly bytes: Buffer;
}

export type Frame =
  | Hello
  | Proposal
  | Greeted
  | Ping
  | Probe
  | ProbeOk
  | ProbeNo
  | Prepare
  | Promised
  | Nack
  | Fetch
  | FetchBack
  | Gone
  | Data
  | Append
  | Ack
  | Reject
  | Forward
  | ForwardOk
  | ForwardNo
  | Handover
  | ReadIndex
  | ReadIndexOk
  | ReadIndexNo
  | Watch
  | View;
export type FrameKind = Frame['kind'];
export type FrameOf<K extends FrameKind> = Extract<Frame, { kind: K }>;
