/**
 * Every event between the actors of a node, in one place. Facts are `noun.past-participle`, orders `noun.verb`.
 *
 * Frames from peers reach the actor that handles them as `<kind>.received`; see `deliveredTo` in clock.ts.
 */
import type { Appended, AppendRequest, ReadPoint, ReadRequest, Trouble } from './facade.ts';
import type { SeenView, Wanted } from './observation.ts';
import type { CloseReason, Connection } from './ports.ts';
import type { Batch } from './protocol/batch.ts';
import type { Epoch, Index, Lamport, NodeId, Position } from './protocol/epoch.ts';
import type {
  ForwardedWrite,
  ForwardNo,
  ForwardOk,
  Frame,
  FrameKind,
  FrameOf,
  Greeted,
  Hello,
  Ping,
  Roster,
} from './protocol/frames.ts';
import type { Identity } from './protocol/identityRecord.ts';
import type { KeyTable } from './protocol/keyTable.ts';
import type { RecoveredLog } from './protocol/logicalLog.ts';
import type { Timing } from './protocol/timing.ts';

/** Names a connection within this node's boot; rising, so that the newer one is known. */
export type ConnectionKey = number;

export type FrameReceived<K extends FrameKind> = {
  [Kind in K]: {
    readonly type: `${Kind}.received`;
    readonly peer: NodeId;
    readonly connection: ConnectionKey;
    readonly frame: FrameOf<Kind>;
  };
}[K];

// -------------------------------------------------------------------------------------------------- clock, wire, link

export type ClockEvent =
  | { readonly type: 'frame.send'; readonly peer: NodeId; readonly frame: Frame }
  | {
      readonly type: 'frame.received';
      readonly peer: NodeId;
      readonly connection: ConnectionKey;
      readonly frame: Frame;
      readonly lamport: Lamport;
      /** Of a ping: `sentAt` of this node's ping that it echoes, or -1. */
      readonly roundTripSentAt: number;
      /** Of a ping with an echo: the round trip, or -1. */
      readonly rttMs: number;
    }
  | { readonly type: 'batch.stamp'; readonly epoch: Epoch; readonly count: number; readonly floor: Lamport };

export type WireEvent =
  | { readonly type: 'wire.attach'; readonly key: ConnectionKey; readonly connection: Connection }
  /** With a reason: the connection is to be closed as well, behind what was sent on it. */
  | { readonly type: 'wire.detach'; readonly close?: string }
  /** The peer's HELLO was accepted. */
  | { readonly type: 'wire.accept'; readonly key: ConnectionKey }
  | { readonly type: 'frame.out'; readonly frame: Frame; readonly lamport: Lamport }
  | { readonly type: 'bytes.arrived'; readonly key: ConnectionKey; readonly bytes: Buffer };

export type LinkEvent =
  | { readonly type: 'dial.opened'; readonly key: ConnectionKey; readonly connection: Connection }
  | { readonly type: 'dial.accepted'; readonly key: ConnectionKey; readonly connection: Connection }
  | { readonly type: 'connection.closed'; readonly key: ConnectionKey; readonly reason: CloseReason }
  | { readonly type: 'hello.accepted'; readonly key: ConnectionKey; readonly hello: Hello }
  | { readonly type: 'hello.refused'; readonly key: ConnectionKey; readonly reason: string }
  | { readonly type: 'peer.answered'; readonly key: ConnectionKey; readonly greeted: Greeted }
  | { readonly type: 'peer.misbehaved'; readonly reason: string }
  | { readonly type: 'peer.fell-silent' }
  | { readonly type: 'link.renew'; readonly reason: string };

/** What a link tells of its peer, to all whom it concerns. */
export type PeerConnected = {
  readonly type: 'peer.connected';
  readonly peer: NodeId;
  readonly key: ConnectionKey;
  readonly hello: Hello;
};
export type PeerDisconnected = {
  readonly type: 'peer.disconnected';
  readonly peer: NodeId;
  /** The other side, or the network, ended it: R19 believes that, not its own closing. */
  readonly byThisSide: boolean;
};
export type PeerGreeted = {
  readonly type: 'peer.greeted';
  readonly peer: NodeId;
  readonly key: ConnectionKey;
  readonly greeted: Greeted;
};

// -------------------------------------------------------------------------------------------------------- formation

export type FormationEvent =
  | { readonly type: 'hello.wanted'; readonly peer: NodeId; readonly connection: number }
  | FrameReceived<'hello' | 'proposal'>
  | PeerDisconnected
  | { readonly type: 'roster.persisted' }
  | { readonly type: 'damage.cleared' }
  | LeaderChanged;

// --------------------------------------------------------------------------------------------------------- election

export type ElectionEvent =
  | (FrameReceived<'ping'> & { readonly roundTripSentAt: number; readonly rttMs: number })
  | FrameReceived<'probe' | 'probeOk' | 'probeNo' | 'prepare' | 'promise' | 'nack' | 'handover'>
  /** An APPEND of an epoch that the pipeline does not follow. */
  | { readonly type: 'append.strange'; readonly received: FrameReceived<'append'> }
  /** `ms` is how long it took from the order on. */
  | { readonly type: 'promise.persisted'; readonly epoch: Epoch; readonly position: Position; readonly ms: number }
  | { readonly type: 'log.adopted'; readonly epoch: Epoch }
  | { readonly type: 'adoption.renewed' }
  | { readonly type: 'adoption.failed'; readonly epoch: Epoch }
  | { readonly type: 'barrier.committed'; readonly epoch: Epoch }
  | { readonly type: 'office.stuck'; readonly epoch: Epoch; readonly reason: string }
  /** From the pipeline, at a heartbeat with news: its log's end, and its slowest fsync since. */
  | { readonly type: 'log.reported'; readonly position: Position; readonly fsyncMs: number }
  | { readonly type: 'peer.near'; readonly peer: NodeId; readonly near: boolean }
  /** Data of this peer is coming in, and no ping among it. */
  | { readonly type: 'peer.receiving'; readonly peer: NodeId }
  | { readonly type: 'office.drained'; readonly epoch: Epoch; readonly peer: NodeId }
  | { readonly type: 'disk.filled' }
  | { readonly type: 'disk.freed' }
  | { readonly type: 'node.bound' }
  | { readonly type: 'damage.cleared' }
  | { readonly type: 'node.leave' }
  | PeerConnected
  | PeerDisconnected;

/** Who leads, as this node knows it. */
export type LeaderChanged = {
  readonly type: 'leader.changed';
  readonly leader: NodeId | null;
  /** 0 without a leader. */
  readonly epoch: Epoch;
  /** Only of this node itself: its barrier is committed. */
  readonly established: boolean;
};

// ----------------------------------------------------------------------------------------------- replicator, pipeline

/** What the election makes of the replicator. */
export type OfficeEvent =
  /**
   * Nobody leads; `promised` is what this node promised last, and to whose candidate it serves its log. A new promise goes
   * on to the log store from here, behind everything that the pipeline has written (R3).
   */
  | { readonly type: 'office.halted'; readonly promised: Epoch; readonly isNew: boolean }
  /** `appends`: what the leader sent while the promise to it was on its way to the disk. */
  | {
      readonly type: 'office.following';
      readonly epoch: Epoch;
      readonly leader: NodeId;
      readonly appends: readonly FrameReceived<'append'>[];
    }
  | { readonly type: 'office.adopting'; readonly epoch: Epoch; readonly donor: NodeId; readonly target: Position }
  | { readonly type: 'office.leading'; readonly epoch: Epoch }
  | { readonly type: 'office.draining'; readonly peer: NodeId }
  | { readonly type: 'office.resumed' };

export type ReplicatorEvent =
  | OfficeEvent
  | { readonly type: 'follower.behind' }
  | { readonly type: 'follower.level' }
  | { readonly type: 'barrier.committed'; readonly epoch: Epoch };

export type PipelineEvent =
  | OfficeEvent
  | FrameReceived<'append' | 'ack' | 'reject' | 'fetch' | 'fetchBack' | 'gone' | 'data' | 'forward' | 'readIndex'>
  | { readonly type: 'batch.stamped'; readonly epoch: Epoch; readonly firstLamport: Lamport }
  | { readonly type: 'log.persisted'; readonly ticket: number; readonly ms: number }
  | {
      readonly type: 'log.read-back';
      readonly peer: NodeId;
      readonly purpose: 'append' | 'data';
      readonly epoch: Epoch;
      readonly after: Index;
      readonly batches: readonly Batch[];
    }
  | { readonly type: 'write.submitted'; readonly epoch: Epoch; readonly writes: readonly ForwardedWrite[] }
  /** The election's part of a ping; the pipeline adds what it owns and passes it on. */
  | { readonly type: 'ping.fill'; readonly ping: Ping; readonly timing: Timing; readonly quorumConnected: boolean }
  | { readonly type: 'ping.noted'; readonly peer: NodeId; readonly ping: Ping; readonly rttMs: number }
  | { readonly type: 'readIndex.local'; readonly nonce: number }
  /** Committed batches from the one that holds message `afterId + 1`, for a client. */
  | { readonly type: 'messages.read'; readonly afterId: number; readonly maxBytes: number; readonly reply: ReadReply }
  | { readonly type: 'disk.filled' }
  | { readonly type: 'disk.freed' }
  | { readonly type: 'damage.cleared' }
  | PeerConnected
  | PeerDisconnected;

/** The commit moved: the batches that became committed, in order. */
export type CommitAdvanced = {
  readonly type: 'commit.advanced';
  readonly commit: Index;
  /** Lamport time of the committed end, barriers included. */
  readonly lamport: Lamport;
  readonly lastId: number;
  readonly batches: readonly Batch[];
};

// -------------------------------------------------------------------------------------------------------- log store

export type ReadReply = (batches: readonly Batch[]) => void;
export type StoreEvent =
  | {
      readonly type: 'log.write';
      readonly ticket: number;
      /** Of the office that writes; adopted batches are older. */
      readonly epoch: Epoch;
      readonly previous: Position;
      readonly batch: Batch;
      readonly commit: Index;
    }
  /** While there is nothing to write. */
  | { readonly type: 'commit.noted'; readonly commit: Index }
  | { readonly type: 'promise.persist'; readonly epoch: Epoch }
  | { readonly type: 'roster.persist'; readonly clusterId: string; readonly roster: Roster }
  | { readonly type: 'damage.clear' }
  /** Batches that have left the memory of the pipeline. */
  | { readonly type: 'log.read'; readonly after: Index; readonly maxBytes: number; readonly reply: ReadReply }
  | { readonly type: 'messages.read'; readonly afterId: number; readonly maxBytes: number; readonly reply: ReadReply }
  | { readonly type: 'store.close'; readonly closed: () => void };

// -------------------------------------------------------------------------------------------- gateway, ingress, sessions

export type GatewayEvent =
  | LeaderChanged
  | { readonly type: 'flow.high' }
  | { readonly type: 'flow.low' }
  | { readonly type: 'flow.full' }
  | { readonly type: 'disk.filled' }
  | { readonly type: 'disk.freed' };

export type Gate = 'open' | 'waiting' | 'throttled' | 'shedding' | 'diskFull';

export type IngressEvent =
  | {
      readonly type: 'write.requested';
      readonly request: AppendRequest;
      readonly settle: (outcome: Appended | Trouble) => void;
    }
  | LeaderChanged
  | PeerGreeted
  | PeerDisconnected
  | CommitAdvanced
  | FrameReceived<'forwardOk' | 'forwardNo'>
  /** The same answers from this node's own pipeline. */
  | { readonly type: 'write.done'; readonly answer: ForwardOk }
  | { readonly type: 'write.refused'; readonly answer: ForwardNo }
  /** By a ping of the leader. */
  | { readonly type: 'leader.measured'; readonly rttMs: number }
  | { readonly type: 'send.due' }
  | { readonly type: 'deadline.due' }
  | { readonly type: 'gate.changed'; readonly gate: Gate }
  | { readonly type: 'node.stopping' };

/** A commit listener of this node itself: it sees the batches too. */
export type BatchesListener = (point: ReadPoint, batches: readonly Batch[]) => void;

export type SessionsEvent =
  | {
      readonly type: 'read.requested';
      readonly request: ReadRequest;
      readonly settle: (outcome: ReadPoint | Trouble) => void;
    }
  | { readonly type: 'commit.watched'; readonly listener: BatchesListener }
  | { readonly type: 'commit.unwatched'; readonly listener: BatchesListener }
  | LeaderChanged
  | PeerDisconnected
  | CommitAdvanced
  | FrameReceived<'readIndexOk' | 'readIndexNo'>
  | { readonly type: 'readIndex.confirmed'; readonly nonce: number; readonly index: Index }
  | { readonly type: 'readIndex.refused'; readonly nonce: number }
  | { readonly type: 'deadline.due' };

// ---------------------------------------------------------------------------------------------------------- metrics

export interface FrameCounts {
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
}
export type MetricsEvent =
  | { readonly type: 'batch.stored'; readonly batch: Batch; readonly previousLamport: Lamport }
  | CommitAdvanced
  | { readonly type: 'batch.acknowledged'; readonly peer: NodeId; readonly ms: number }
  | { readonly type: 'batch.led'; readonly messages: number; readonly ms: number }
  | { readonly type: 'messages.taken'; readonly count: number }
  | { readonly type: 'fsync.measured'; readonly ms: number }
  | { readonly type: 'disk.measured'; readonly usedRatio: number }
  | { readonly type: 'election.begun' }
  | { readonly type: 'leader.counted'; readonly self: boolean }
  | { readonly type: 'leader.missed' }
  /** Of one peer's wire, since the last one: at every ping that leaves. */
  | ({ readonly type: 'frames.counted' } & FrameCounts)
  | { readonly type: 'frame.dropped' }
  | { readonly type: 'line.due' }
  | { readonly type: 'metrics.reset' };

// --------------------------------------------------------------------------------------------------------- observer

/** Somebody on this node who looks; the object itself is its name. */
export interface Viewer {
  readonly show: (views: readonly SeenView[]) => void;
}
export type ObserverEvent =
  /** Begins to look, or wants something else from now on. */
  | { readonly type: 'views.wanted'; readonly viewer: Viewer; readonly wanted: Wanted }
  | { readonly type: 'views.unwanted'; readonly viewer: Viewer }
  | { readonly type: 'view.due' }
  | FrameReceived<'watch' | 'view'>;

// ------------------------------------------------------------------------------------------------------------- node

export interface Violation {
  readonly batch: Batch;
  readonly previousLamport: Lamport;
}

export interface Recovered {
  readonly identity: Identity;
  readonly log: RecoveredLog;
  /** The keys of the committed log. */
  readonly keys: KeyTable;
  /** Batches that were stored with a lower Lamport time than what came before. */
  readonly violations: readonly Violation[];
  /** The log was kept in memory only, and is gone. */
  readonly memoryLost: boolean;
}

export type NodeEvent =
  | { readonly type: 'store.recovered'; readonly recovered: Recovered }
  | { readonly type: 'store.failed'; readonly reason: string }
  | { readonly type: 'node.stop'; readonly stopped: () => void }
  | { readonly type: 'office.left' }
  /** Of all writes that this node sent it is known what became of them. */
  | { readonly type: 'writes.settled' }
  | { readonly type: 'store.closed' };

export interface Mailboxes {
  readonly clock: ClockEvent;
  readonly formation: FormationEvent;
  readonly election: ElectionEvent;
  readonly replicator: ReplicatorEvent;
  readonly pipeline: PipelineEvent;
  readonly store: StoreEvent;
  readonly gateway: GatewayEvent;
  readonly ingress: IngressEvent;
  readonly sessions: SessionsEvent;
  readonly metrics: MetricsEvent;
  readonly observer: ObserverEvent;
  readonly node: NodeEvent;
}
