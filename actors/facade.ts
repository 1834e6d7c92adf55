/**
 * What the edge (HTTP, sockets) may ask of a node. Promises exist only here: behind it everything is events.
 *
 * A call never rejects: trouble is a value. Only a bug throws.
 */
import type { ChartView, SeenView, Wanted } from './observation.ts';
import type { Batch } from './protocol/batch.ts';
import type { Epoch, Lamport, NodeId } from './protocol/epoch.ts';

// -------------------------------------------------------------------------------------------------------- writing

export interface AppendRequest {
  /** UTF-8, at least one; they become one write: contiguous, all or none. */
  readonly contents: readonly Buffer[];
  readonly key?: { readonly key: string; readonly bodyHash: Buffer };
  /** The client's session token: the write is taken only after this node's commit has reached it. */
  readonly lamportTime?: Lamport;
  /** How long the caller waits, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Writes with the same lane (the object itself is its name) enter the log in the order in which they were asked, up
   * to the first that fails; what waits behind that one is certainly not done.
   */
  readonly lane?: object;
}

/** Message i of the request has id `firstId + i` and Lamport time `firstLamport + i`. */
export interface Appended {
  readonly kind: 'done';
  readonly firstId: number;
  readonly firstLamport: Lamport;
  readonly count: number;
  /** The origin: the node that took the write first (of an earlier try, when `repeated`). */
  readonly nodeId: NodeId;
  readonly seen: number;
  readonly physicalSeconds: number;
  /** The key was known: this is the answer of the first try. */
  readonly repeated: boolean;
}

/** Why a call was not served. `http/errors.ts` maps each to a status, a sentence and a hint. */
export type TroubleCode =
  | 'NO_LEADER'
  | 'LEADER_UNREACHABLE'
  | 'OUTCOME_UNKNOWN'
  | 'LOG_NOT_CAUGHT_UP'
  | 'LAMPORT_TIME_ABSURD'
  | 'KEY_REUSED'
  | 'KEY_EXPIRED'
  | 'OVERLOADED'
  | 'DISK_FULL'
  | 'NOT_LINEARIZABLE'
  | 'IDENTITY_LOST'
  | 'STOPPING'
  | 'STARTING';

export interface Trouble {
  readonly kind: 'trouble';
  readonly code: TroubleCode;
  /** `not_done`: certainly not in the log, a retry is safe. `unknown`: it may be, or may yet come to be. */
  readonly outcome: 'not_done' | 'unknown';
  /** What is known, for the error text: where this node stands, what was asked. */
  readonly detail: string;
  readonly retryAfterMs?: number;
}

// -------------------------------------------------------------------------------------------------------- reading

export interface ReadRequest {
  readonly lamportTime?: Lamport;
  readonly linearizable?: boolean;
  readonly timeoutMs: number;
}

/** Up to where the caller may read: this node's commit once the request's conditions held. */
export interface ReadPoint {
  readonly kind: 'ready';
  /** Newest committed id, 0 = none. */
  readonly lastId: number;
  /** Lamport time of the newest committed *message*, 0 = none. */
  readonly lastLamport: Lamport;
}

/** One message as clients see it. */
export interface Message {
  readonly id: number;
  readonly content: string;
  readonly lamport: Lamport;
  readonly nodeId: NodeId;
  readonly physicalSeconds: number;
  readonly seen: number;
}

// --------------------------------------------------------------------------------------------------------- status

export type Role =
  | 'starting'
  | 'follower'
  | 'probing'
  | 'candidate'
  | 'adopting'
  | 'establishing'
  | 'leading'
  | 'draining';

export interface PeerStatus {
  readonly id: NodeId;
  /** State of the link's statechart. */
  readonly link: 'down' | 'dialling' | 'greeting' | 'up' | 'waiting';
  /** A round trip completed recently. */
  readonly up: boolean;
  /** Smoothed round trip in milliseconds; null before the first. */
  readonly rttMs: number | null;
  /** Round trip of the last ping alone, and how many pings have come back: who asks often takes each of them once. */
  readonly lastRttMs: number | null;
  readonly pingsAnswered: number;
  /** Entries behind this node's log, and for how long it has been behind; known only to a leader that has heard of it. */
  readonly lagEntries: number | null;
  readonly lagMs: number | null;
}

export interface NodeStatus {
  readonly nodeId: NodeId;
  /** The highest leads, then the highest id. */
  readonly priority: number;
  readonly clusterId: string | null;
  readonly role: Role;
  readonly leaderId: NodeId | null;
  readonly epoch: Epoch;
  readonly lamportTime: Lamport;
  readonly uptimeSeconds: number;
  /** This node has recovered its log and may serve committed reads. */
  readonly serving: boolean;
  /** Writes are refused because the disk is full. */
  readonly diskFull: boolean;
  /** 0..1, or null where unknown. */
  readonly diskUsed: number | null;
  /** Bytes of the log on disk; null before it is read. */
  readonly logBytes: number | null;
  /** Why this node cannot be a voter, else null. */
  readonly identityTrouble: 'IDENTITY_LOST' | 'CONFIG_MISMATCH' | 'DAMAGED' | null;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly lastId: number;
  readonly voters: readonly NodeId[];
  readonly peers: readonly PeerStatus[];
}

/** Counters since the process began (or the last reset); see metrics.ts. */
export interface MetricsReading {
  readonly uptimeSeconds: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly causalityViolations: number;
  readonly leaderElections: number;
  /** Replicate-to-acknowledge, over the last minute. */
  readonly averageLatencyMs: number;
  readonly p95LatencyMs: number;
  /** Over the last 10 s. */
  readonly messagesPerSecond: number;
  readonly latencyMeasurements: readonly { readonly source: NodeId; readonly target: NodeId; readonly ms: number }[];
  /** Cumulative histograms in seconds: upper bounds and counts at or below each; the last bound is Infinity. */
  readonly histograms: Readonly<Record<'commit_latency' | 'fsync' | 'election', Histogram>>;
  /** Monotonic counters by name without prefix or `_total`, for Prometheus. */
  readonly counters: Readonly<Record<string, number>>;
}
export interface Histogram {
  readonly boundsSeconds: readonly number[];
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** Gets this node's new view and its peers' newest, at most every 100 ms; must be quick. */
export type ViewListener = (views: readonly SeenView[]) => void;
/** Somebody who looks, until `end`. */
export interface Watching {
  /** Something else from now on. */
  want(wanted: Wanted): void;
  end(): void;
}

/** Called after each advance of the commit, in order; must be quick. */
export type CommitListener = (point: ReadPoint) => void;

export interface NodeFacade {
  append(request: AppendRequest): Promise<Appended | Trouble>;
  /** Why a write of so many bytes would be refused now, or, without a size, any at all: to be asked before a body is read. */
  writeRefusal(bytes?: number): Trouble | null;
  /** Waits until the request's conditions hold. */
  readPoint(request: ReadRequest): Promise<ReadPoint | Trouble>;
  /**
   * Committed batches that hold the messages with ids in (afterId, upToId], in order: at least one when there are any,
   * about `maxBytes` in all. The first and the last may hold more than was asked for: cut by id. Read big blocks, again
   * from the last batch's `nextId - 1`, until nothing comes.
   */
  read(afterId: number, upToId: number, maxBytes: number): Promise<readonly Batch[]>;
  status(): NodeStatus;
  metrics(): MetricsReading;
  resetMetrics(): void;
  /** Returns the function that ends the subscription. */
  onCommit(listener: CommitListener): () => void;
  /** Shows the cluster while it runs; nothing is recorded or asked of peers before the first and after the last one. */
  watch(wanted: Wanted, listener: ViewListener): Watching;
  /** The statecharts of a node, as data. Of an actor `link:2` it is the one with the id `link`. */
  charts(): readonly ChartView[];
}
