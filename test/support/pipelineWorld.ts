/** A pipeline alone: the Lamport clock and the log store are played by the test, which says when a write is durable. */
import type { PipelineEvent, StoreEvent } from '../../actors/events.ts';
import { Pipeline } from '../../actors/pipeline.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import type { Epoch, NodeId, Position } from '../../actors/protocol/epoch.ts';
import { ownerOf, start } from '../../actors/protocol/epoch.ts';
import type { Ack, Append, Ping } from '../../actors/protocol/frames.ts';
import { KeyTable } from '../../actors/protocol/keyTable.ts';
import { type EpochRun, logStart } from '../../actors/protocol/logicalLog.ts';
import { defaultTiming, type Measured, timingFrom } from '../../actors/protocol/timing.ts';
import { aScope, type Ear, noFailpoints } from './actorWorld.ts';
import { VirtualClock } from './virtualClock.ts';

export interface PipelineOptions {
  readonly self?: NodeId;
  readonly voters?: readonly NodeId[];
  readonly batches?: readonly Batch[];
  readonly commit?: number;
  readonly damaged?: boolean;
  readonly tailBytes?: number;
  readonly keptEntries?: number;
}

export const runsOf = (batches: readonly Batch[]): EpochRun[] => {
  const runs: EpochRun[] = [];
  for (const { epoch, baseIndex } of batches)
    if (runs.at(-1)?.epoch !== epoch) runs.push({ epoch, firstIndex: baseIndex });
  return runs;
};

export const nothingMeasured: Measured = {
  srttMs: 0,
  rttvarMs: 0,
  rttP99Ms: 0,
  nearestRttP99Ms: 0,
  fsyncP99Ms: 0,
  promiseMs: 0,
  loopLagP99Ms: 0,
};
export const timing = timingFrom(defaultTiming, nothingMeasured);

export const aPing = (fields: Partial<Ping> = {}): Ping => ({
  kind: 'ping',
  sentAt: 0,
  echo: -1,
  heldMs: 0,
  receiving: false,
  quorumConnected: true,
  unelectable: 'none',
  leading: 0,
  promised: 0,
  seenEpoch: 0,
  commit: 0,
  position: start,
  readRound: 0,
  confirmEpoch: 0,
  confirmRound: 0,
  ...fields,
});

export class PipelineWorld {
  readonly clock = new VirtualClock();
  readonly pipeline: Pipeline;
  readonly ear: Ear;
  readonly self: NodeId;
  lamport = 0;
  /** While set, the Lamport clock does not answer. */
  holdsStamps = false;
  #seen = 0;

  constructor(options: PipelineOptions = {}) {
    const { scope, ear } = aScope();
    this.ear = ear;
    this.self = options.self ?? 1;
    const batches = options.batches ?? [];
    const commit = options.commit ?? 0;
    const keys = new KeyTable({ keptEntries: options.keptEntries ?? 1000, keptKeys: 1000 });
    for (const batch of batches) if (batch.endIndex <= commit) keys.commit(batch);
    const voters = options.voters ?? [1, 2, 3];
    const identity = {
      clusterId: 'c',
      nodeId: this.self,
      incarnation: 'i',
      roster: new Map(voters.map((id) => [id, 'i'])),
      membership: voters,
      promised: 0,
      boot: 1,
      damaged: options.damaged ?? false,
    };
    this.pipeline = new Pipeline(
      {
        self: this.self,
        voters,
        clock: this.clock,
        failpoints: noFailpoints,
        tailBytes: options.tailBytes ?? 1024 * 1024,
        recovered: {
          identity,
          log: { runs: runsOf(batches), floor: logStart, messageLamport: 0, tail: batches, commit },
          keys,
          violations: [],
          memoryLost: false,
        },
      },
      scope,
    );
  }

  get log() {
    return this.pipeline.core.log;
  }
  get written(): Extract<StoreEvent, { type: 'log.write' }>[] {
    return this.ear.named('store', 'log.write');
  }

  receive(event: PipelineEvent): void {
    this.pipeline.receive(event);
    this.#play();
  }
  /** Answers the stamps, and delivers what the pipeline tells itself. */
  #play(): void {
    for (; this.#seen < this.ear.told.length; this.#seen++) {
      const { to, event } = this.ear.told[this.#seen] as (typeof this.ear.told)[number];
      if (to === 'pipeline') this.pipeline.receive(event as PipelineEvent);
      if (to === 'clock' && event.type === 'batch.stamp' && !this.holdsStamps) this.stamp();
    }
  }
  /** The Lamport clock answers the newest request. */
  stamp(): void {
    const request = this.ear.named('clock', 'batch.stamp').at(-1);
    if (!request) throw new Error('no stamp was asked for');
    const firstLamport = Math.max(this.lamport, request.floor) + 1;
    this.lamport = firstLamport + request.count - 1;
    this.pipeline.receive({ type: 'batch.stamped', epoch: request.epoch, firstLamport });
    if (this.#seen >= this.ear.told.length) this.#play();
  }
  forget(): void {
    this.ear.forget();
    this.#seen = 0;
  }

  /** The log store has written everything that it was given, or up to this ticket. */
  persist(ticket = this.pipeline.core.lastTicket): void {
    this.receive({ type: 'log.persisted', ticket, ms: 1 });
  }

  // -------------------------------------------------------------------------------------------------- its offices

  halt(promised: Epoch, isNew = true): void {
    this.receive({ type: 'office.halted', promised, isNew });
  }
  follow(epoch: Epoch, appends: readonly Append[] = []): void {
    const peer = ownerOf(epoch);
    this.receive({
      type: 'office.following',
      epoch,
      leader: peer,
      appends: appends.map((frame) => ({ type: 'append.received', peer, connection: 1, frame })),
    });
  }
  lead(epoch: Epoch): void {
    this.receive({ type: 'office.leading', epoch });
  }

  // -------------------------------------------------------------------------------------------------- its peers

  connect(peer: NodeId, boot = 1, key = peer): void {
    const hello = {
      kind: 'hello',
      version: 1,
      clusterId: 'c',
      from: peer,
      incarnation: 'i',
      boot,
      connection: key,
      membership: [1, 2, 3],
      priority: 0,
      maxFrameBytes: 1,
      memoryLost: false,
    } as const;
    this.receive({ type: 'peer.connected', peer, key, hello });
  }
  disconnect(peer: NodeId): void {
    this.receive({ type: 'peer.disconnected', peer, byThisSide: false });
  }
  append(epoch: Epoch, previous: Position, batch: Batch | null, more: Partial<Append> = {}): void {
    const frame: Append = { kind: 'append', epoch, previous, commit: 0, readRound: 0, quiet: false, batch, ...more };
    this.receive({ type: 'append.received', peer: ownerOf(epoch), connection: 1, frame });
  }
  ack(peer: NodeId, epoch: Epoch, match: number, more: Partial<Ack> = {}): void {
    const frame: Ack = { kind: 'ack', epoch, match, readRound: 0, learner: false, ...more };
    this.receive({ type: 'ack.received', peer, connection: 1, frame });
  }
  /** A heartbeat of this node. */
  beat(quorumConnected = true): void {
    this.receive({ type: 'ping.fill', ping: aPing(), timing, quorumConnected });
  }
}
