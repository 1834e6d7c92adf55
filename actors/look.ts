/**
 * Look: a node's state, read only to show it: for the façade's answers and for views. It decides nothing and changes
 * nothing; before the log is recovered most actors are not there, and it says what is true then.
 */
import type { SnapshotFrom } from 'xstate';
import { activeStates, actorsBelow } from './chart.ts';
import type { LamportClock } from './clock.ts';
import type { election } from './election.ts';
import type { MetricsReading, NodeStatus, PeerStatus, Role, Trouble } from './facade.ts';
import { type formation, identityTrouble } from './formation.ts';
import type { Ingress } from './ingress.ts';
import type { link } from './link.ts';
import type { Metrics } from './metrics.ts';
import type { ActorView, LinkView, StatusView } from './observation.ts';
import type { ActorCounts } from './observer/actorCounts.ts';
import { figuresOf } from './observer/figures.ts';
import type { Standing } from './observer/storyBook.ts';
import { Leader } from './pipeline/leader.ts';
import type { Pipeline } from './pipeline.ts';
import type { Ports } from './ports.ts';
import type { NodeId } from './protocol/epoch.ts';
import type { LogicalLog } from './protocol/logicalLog.ts';
import type { Sessions } from './sessions.ts';
import type { store } from './store.ts';
import type { Wire } from './wire.ts';

export interface LookSettings {
  readonly nodeId: NodeId;
  readonly voters: readonly NodeId[];
  readonly ports: Pick<Ports, 'clock'>;
}

/** What services keep, by name. */
interface Insides {
  readonly clock: LamportClock;
  readonly ingress: Ingress;
  readonly metrics: Metrics;
  readonly pipeline: Pipeline;
  readonly sessions: Sessions;
  readonly [name: `wire:${number}`]: Wire;
}
interface Charts {
  readonly election: SnapshotFrom<typeof election>;
  readonly formation: SnapshotFrom<typeof formation>;
  readonly store: SnapshotFrom<typeof store>;
  readonly [name: `link:${number}`]: SnapshotFrom<typeof link>;
  /** Not its whole type: the node is made of what looks at it. */
  readonly node: {
    matches(state: 'recovering' | 'working' | 'stopped'): boolean;
    readonly context: { readonly recovered: { readonly identity: { readonly boot: number } } | null };
  };
}
interface System {
  get(name: string): { getSnapshot(): unknown } | undefined;
}

const starting: Trouble = {
  kind: 'trouble',
  code: 'STARTING',
  outcome: 'not_done',
  detail: 'this node is reading its log',
  retryAfterMs: 500,
};
const lost: Trouble = {
  kind: 'trouble',
  code: 'IDENTITY_LOST',
  outcome: 'not_done',
  detail: 'the cluster knows this node with another disk: it has no part in the log',
};
const stopped: Trouble = { kind: 'trouble', code: 'STOPPING', outcome: 'not_done', detail: 'this node is stopping' };

const noMetrics: MetricsReading = {
  uptimeSeconds: 0,
  messagesSent: 0,
  messagesReceived: 0,
  causalityViolations: 0,
  leaderElections: 0,
  averageLatencyMs: 0,
  p95LatencyMs: 0,
  messagesPerSecond: 0,
  latencyMeasurements: [],
  histograms: {
    commit_latency: { boundsSeconds: [], counts: [], sumSeconds: 0 },
    fsync: { boundsSeconds: [], counts: [], sumSeconds: 0 },
    election: { boundsSeconds: [], counts: [], sumSeconds: 0 },
  },
  counters: {},
};

export class Look {
  readonly #system: System;
  readonly #settings: LookSettings;
  readonly #startedAt: number;

  constructor(system: unknown, settings: LookSettings) {
    this.#system = system as System;
    this.#settings = settings;
    this.#startedAt = settings.ports.clock.now();
  }

  /** What a service keeps. */
  inside<Name extends keyof Insides>(name: Name): Insides[Name] | undefined {
    const snapshot = this.#system.get(name)?.getSnapshot() as { readonly context: Insides[Name] } | undefined;
    return snapshot?.context;
  }
  chart<Name extends keyof Charts>(name: Name): Charts[Name] | undefined {
    return this.#system.get(name)?.getSnapshot() as Charts[Name] | undefined;
  }
  is(state: 'recovering' | 'working' | 'stopped'): boolean {
    return this.chart('node')?.matches(state) ?? false;
  }

  /** Why nothing can be asked of this node now. */
  get trouble(): Trouble | null {
    if (this.is('working')) return this.chart('formation')?.context.lost ? lost : null;
    return this.is('recovering') ? starting : stopped;
  }
  get metrics(): MetricsReading {
    return this.inside('metrics')?.read() ?? noMetrics;
  }
  get boot(): number {
    return this.chart('node')?.context.recovered?.identity.boot ?? 0;
  }
  get log(): LogicalLog | undefined {
    return this.inside('pipeline')?.core.log;
  }
  get #ballot() {
    return this.chart('election')?.context.ballot;
  }

  get standing(): Standing {
    const ballot = this.#ballot;
    return {
      lamport: this.inside('clock')?.time ?? 0,
      epoch: ballot?.leader?.epoch ?? ballot?.promised ?? 0,
      leader: ballot?.leader?.id ?? null,
    };
  }

  get status(): NodeStatus {
    const { nodeId, voters } = this.#settings;
    const { lamport, epoch, leader } = this.standing;
    const formation = this.chart('formation')?.context;
    const { log } = this;
    const cannotVote = formation ? identityTrouble(formation) : null;
    return {
      nodeId,
      priority: this.#ballot?.table.priorityOf(nodeId) ?? 0,
      clusterId: formation?.clusterId ?? null,
      role: this.#role,
      leaderId: leader,
      epoch,
      lamportTime: lamport,
      uptimeSeconds: (this.#settings.ports.clock.now() - this.#startedAt) / 1000,
      serving: this.trouble === null,
      diskFull: this.chart('store')?.context.full ?? false,
      diskUsed: this.inside('metrics')?.diskUsed ?? null,
      logBytes: this.chart('store')?.context.desk?.segments.bytes ?? null,
      identityTrouble: cannotVote ?? (this.#ballot?.damaged ? 'DAMAGED' : null),
      lastIndex: log?.last.index ?? 0,
      commitIndex: log?.commit ?? 0,
      lastId: log?.lastCommittedId ?? 0,
      voters,
      peers: this.peers.map((peer) => this.#peer(peer)),
    };
  }

  get peers(): readonly NodeId[] {
    return this.#settings.voters.filter((id) => id !== this.#settings.nodeId);
  }
  #peer(id: NodeId): PeerStatus {
    const value = this.chart(`link:${id}`)?.value;
    const state = typeof value === 'object' ? value.connected : value;
    const ballot = this.#ballot;
    const pipeline = this.inside('pipeline');
    const now = this.#settings.ports.clock.now();
    const lag =
      pipeline?.office instanceof Leader ? pipeline.office.lag.of(id, pipeline.core.log.last.index, now) : null;
    const wire = this.inside(`wire:${id}`);
    return {
      id,
      link: state ?? 'down',
      up: ballot?.table.up(id, now, ballot.timing.suspectMs) ?? false,
      rttMs: wire?.roundTrips.measured ? wire.roundTrips.srttMs : null,
      lastRttMs: wire?.lastRttMs ?? null,
      pingsAnswered: wire?.pingsAnswered ?? 0,
      lagEntries: lag?.entries ?? null,
      lagMs: lag?.ms ?? null,
    };
  }
  get #role(): Role {
    const value = this.chart('election')?.value;
    if (value === undefined) return 'starting';
    return typeof value === 'object' ? value.inOffice : value;
  }

  // ------------------------------------------------------------------------------------------------------- for views

  views(status: NodeStatus, errors: ReadonlyMap<NodeId, string>): { status: StatusView; links: readonly LinkView[] } {
    const { role, epoch, lastIndex, commitIndex, lastId, uptimeSeconds, diskFull, diskUsed } = status;
    return {
      status: {
        role,
        leader: status.leaderId,
        epoch,
        lamport: status.lamportTime,
        lastIndex,
        durableIndex: this.log?.durable ?? 0,
        commitIndex,
        lastId,
        uptimeSeconds,
        diskFull,
        diskUsed,
        trouble: status.identityTrouble,
      },
      links: status.peers.map(({ id, link, up, rttMs, lagEntries, lagMs }) => ({
        peer: id,
        link,
        up,
        rttMs,
        lag: lagEntries,
        lagMs,
        error: errors.get(id) ?? null,
      })),
    };
  }

  actors(counts: ActorCounts): readonly ActorView[] {
    return actorsBelow(this.#system.get('node')).map(({ id, parent, snapshot }) => {
      const states = activeStates(snapshot);
      return { id, parent, ...(states && { states }), figures: figuresOf(id, this), ...counts.of(id) };
    });
  }
}
