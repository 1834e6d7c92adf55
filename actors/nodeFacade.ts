/**
 * The façade of a running node: turns calls into events, and the one answer to each into a promise. Reads the actors'
 * state only to show it.
 */
import type { ActorRefFrom, SnapshotFrom } from 'xstate';
import type { LamportClock } from './clock.ts';
import type { election } from './election.ts';
import type {
  Appended,
  AppendRequest,
  MetricsReading,
  NodeFacade,
  NodeStatus,
  PeerStatus,
  ReadPoint,
  Role,
  Trouble,
} from './facade.ts';
import { type formation, identityTrouble } from './formation.ts';
import type { Ingress } from './ingress.ts';
import type { link } from './link.ts';
import type { Metrics } from './metrics.ts';
import type { nodeMachine } from './node.ts';
import { Leader } from './pipeline/leader.ts';
import type { Pipeline } from './pipeline.ts';
import type { Ports } from './ports.ts';
import { maxKeyBytes, maxMessagesInWrite } from './protocol/batch.ts';
import type { NodeId } from './protocol/epoch.ts';
import type { store } from './store.ts';
import { tell } from './system.ts';
import type { Wire } from './wire.ts';

interface Settings {
  readonly nodeId: NodeId;
  readonly voters: readonly NodeId[];
  readonly ports: Ports;
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
  },
  counters: {},
};

/** What no reader of the log would take back. The edge checks it first, so that it has words for the client. */
function mustBeEncodable({ contents, key }: AppendRequest): void {
  if (contents.length < 1 || contents.length > maxMessagesInWrite)
    throw new RangeError(`a write has 1 to ${maxMessagesInWrite} messages, this one ${contents.length}`);
  const keyBytes = key ? Buffer.byteLength(key.key) : 1;
  if (keyBytes < 1 || keyBytes > maxKeyBytes)
    throw new RangeError(`a key has 1 to ${maxKeyBytes} bytes, this one ${keyBytes}`);
}

export function makeFacade(root: ActorRefFrom<typeof nodeMachine>, { nodeId, voters, ports }: Settings): NodeFacade {
  const scope = { self: root, system: root.system };
  const startedAt = ports.clock.now();
  const working = (): boolean => root.getSnapshot().matches('working');
  /** Why nothing can be asked of this node now. */
  const trouble = (): Trouble | null => {
    const snapshot = root.getSnapshot();
    if (snapshot.matches('working')) return formationOf()?.lost ? lost : null;
    return snapshot.matches('recovering') ? starting : stopped;
  };
  const actor = (name: string): { getSnapshot(): unknown } | undefined => root.system.get(name);
  /** What a service keeps, for a look. */
  const inside = <T>(name: string): T | undefined =>
    (actor(name)?.getSnapshot() as { readonly context: T } | undefined)?.context;
  const chart = <M>(name: string): M | undefined => actor(name)?.getSnapshot() as M | undefined;

  const formationOf = () => chart<SnapshotFrom<typeof formation>>('formation')?.context;

  const peerStatus = (peer: NodeId): PeerStatus => {
    const snapshot = chart<SnapshotFrom<typeof link>>(`link:${peer}`);
    const wire = inside<Wire>(`wire:${peer}`);
    const pipeline = inside<Pipeline>('pipeline');
    const ballot = chart<SnapshotFrom<typeof election>>('election')?.context.ballot;
    const progress = pipeline?.office instanceof Leader ? pipeline.office.progress.get(peer) : undefined;
    const value = snapshot?.value;
    const state = typeof value === 'object' ? value.connected : value;
    return {
      id: peer,
      link: state ?? 'down',
      up: ballot?.table.up(peer, ports.clock.now(), ballot.timing.suspectMs) ?? false,
      rttMs: wire?.roundTrips.measured ? wire.roundTrips.srttMs : null,
      lagEntries: progress && pipeline ? Math.max(0, pipeline.core.log.last.index - progress.match) : null,
    };
  };

  return {
    append: (request) => {
      mustBeEncodable(request);
      return new Promise<Appended | Trouble>((settle) => {
        const refusal = trouble();
        if (refusal) settle(refusal);
        else tell(scope, 'ingress', { type: 'write.requested', request, settle });
      });
    },

    writeRefusal: (bytes) => trouble() ?? inside<Ingress>('ingress')?.refusal(bytes) ?? null,

    readPoint: (request) =>
      new Promise<ReadPoint | Trouble>((settle) => {
        const refusal = trouble();
        if (refusal) settle(refusal);
        else tell(scope, 'sessions', { type: 'read.requested', request, settle });
      }),

    read: (afterId, upToId, maxBytes) =>
      new Promise((settle) => {
        if (!working() || afterId >= upToId) return settle([]);
        const reply = (batches: Parameters<typeof settle>[0]): void => settle(batches);
        tell(scope, 'pipeline', { type: 'messages.read', afterId, maxBytes, reply });
      }),

    onCommit: (listener) => {
      tell(scope, 'sessions', { type: 'commit.watched', listener });
      return () => tell(scope, 'sessions', { type: 'commit.unwatched', listener });
    },

    metrics: () => inside<Metrics>('metrics')?.read() ?? noMetrics,
    resetMetrics: () => tell(scope, 'metrics', { type: 'metrics.reset' }),

    status: (): NodeStatus => {
      const serving = trouble() === null;
      const ballot = chart<SnapshotFrom<typeof election>>('election')?.context.ballot;
      const formationContext = formationOf();
      const log = inside<Pipeline>('pipeline')?.core.log;
      const cannotVote = formationContext ? identityTrouble(formationContext) : null;
      return {
        nodeId,
        clusterId: formationContext?.clusterId ?? null,
        role: roleOf(chart<SnapshotFrom<typeof election>>('election')),
        leaderId: ballot?.leader?.id ?? null,
        epoch: ballot?.leader?.epoch ?? ballot?.promised ?? 0,
        lamportTime: inside<LamportClock>('clock')?.time ?? 0,
        uptimeSeconds: (ports.clock.now() - startedAt) / 1000,
        serving,
        diskFull: chart<SnapshotFrom<typeof store>>('store')?.context.full ?? false,
        diskUsed: inside<Metrics>('metrics')?.diskUsed ?? null,
        identityTrouble: cannotVote ?? (ballot?.damaged ? 'DAMAGED' : null),
        lastIndex: log?.last.index ?? 0,
        commitIndex: log?.commit ?? 0,
        lastId: log?.lastCommittedId ?? 0,
        voters,
        peers: voters.filter((id) => id !== nodeId).map(peerStatus),
      };
    },
  };
}

function roleOf(snapshot: SnapshotFrom<typeof election> | undefined): Role {
  if (!snapshot) return 'starting';
  const { value } = snapshot;
  return typeof value === 'object' ? value.inOffice : value;
}
