/**
 * One node: the tree of its actors, and the façade for the edge.
 *
 *   recovering --store.recovered--> serving --node.stop--> leaving --office left and writes settled, or time--> closing --> stopped
 *
 *   node
 *   |- store        disk: log segments, identity           |- ingress      client writes
 *   |- clock        the Lamport number                     |- sessions     client reads
 *   |- formation    who the voters are                     |- metrics      counters
 *   |- election     who leads                              |- observer     what people see of it and its peers
 *   |- replicator   which office the pipeline holds        |- link:<peer>  life of a connection
 *   |- pipeline     batches, acknowledgements, commit      `- wire:<peer>  its frames
 *   `- gateway      whether writes pass
 *
 * A1. No actor but the store, and the observer that only looks, exists before the log is recovered: there is no half-known
 *     state to guard against.
 * A2. An exception in any actor ends the node (R-D2, XState leaves its children alive): `failed` is called once, and
 *     the process must end.
 */
import { type ActorRefFrom, assign, createActor, type EventObject, enqueueActions, setup } from 'xstate';
import { clock } from './clock.ts';
import { election } from './election.ts';
import type { NodeEvent, Recovered } from './events.ts';
import type { NodeFacade } from './facade.ts';
import { formation } from './formation.ts';
import { gateway } from './gateway.ts';
import { ingress } from './ingress.ts';
import { handlersFor, link } from './link.ts';
import { Look } from './look.ts';
import { metrics } from './metrics.ts';
import { makeFacade } from './nodeFacade.ts';
import { makeRecord, type NodeRecord } from './observer/record.ts';
import { observer } from './observer.ts';
import { pipeline } from './pipeline.ts';
import type { Ports } from './ports.ts';
import type { NodeId } from './protocol/epoch.ts';
import { LogicalLog } from './protocol/logicalLog.ts';
import { defaultTiming, type TimingConfig } from './protocol/timing.ts';
import { replicator } from './replicator.ts';
import { sessions } from './sessions.ts';
import { store } from './store.ts';
import { deliverInOrder, tell, tellLink } from './system.ts';
import { wire } from './wire.ts';

export interface NodeOptions {
  readonly nodeId: NodeId;
  /** All voters, this one included. */
  readonly voters: readonly NodeId[];
  readonly ports: Ports;
  /** Higher leads rather; then the higher id. -1000..1000, default 0. */
  readonly priority?: number;
  readonly timing?: TimingConfig;
  /** Default 32 MiB. */
  readonly segmentBytes?: number;
  /** How much of the log's end stays in memory. Default 8 MiB. */
  readonly tailBytes?: number;
  /** Idempotency keys are kept for so many entries (default one million), and only so many of them (500,000: some 110 MB). */
  readonly keptEntries?: number;
  readonly keptKeys?: number;
  /** The segments are kept in memory (`--memory`). */
  readonly memory?: boolean;
  /** Called once when the node cannot go on; the process must end. */
  readonly failed?: (reason: string) => void;
  /** Sees every event between the actors. */
  readonly onEvent?: (target: string, event: EventObject) => void;
}

export interface Node {
  readonly facade: NodeFacade;
  start(): void;
  /** Hands the lead over, lets writes finish, closes. Resolves when the disk is closed. */
  stop(): Promise<void>;
  /** For tests and pictures. */
  readonly root: ActorRefFrom<typeof nodeMachine>;
}

type Settings = Required<Omit<NodeOptions, 'failed' | 'onEvent'>> & { readonly record: NodeRecord };
interface NodeContext extends Settings {
  readonly recovered: Recovered | null;
  readonly keys: { last: number };
  readonly stopped: (() => void) | null;
}

/** Events that XState makes of a child that failed. */
type ChildFailed = { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown };

const greetingMs = 2000;
const silentMs = 5000;
/** How long a leader that leaves waits for its successor, and then for its disk. */
const leavingMs = 3000;
const closingMs = 3000;

export const nodeMachine = setup({
  types: { input: {} as Settings, context: {} as NodeContext, events: {} as NodeEvent | ChildFailed },
  actors: {
    clock,
    election,
    formation,
    gateway,
    ingress,
    link,
    metrics,
    observer,
    pipeline,
    replicator,
    sessions,
    store,
    wire,
  },
  delays: { leaving: leavingMs, closing: closingMs },
  actions: {
    noteStopped: assign((_, stopped: () => void) => ({ stopped })),
    noteRecovered: assign((_, recovered: Recovered) => ({ recovered })),
    logServing: ({ context }) => {
      const { nodeId, voters, ports, recovered } = context;
      ports.log.write('info', 'node_started', `node ${nodeId} serves`, { voters, boot: recovered?.identity.boot ?? 0 });
    },
    listen: ({ context, self, system }) => {
      const scope = { self, system };
      context.ports.links.listen((connection) => {
        const key = ++context.keys.last;
        tellLink(scope, connection.peer, { type: 'dial.accepted', key, connection });
        return handlersFor(scope, connection.peer, key);
      });
    },
    leave: ({ self, system }) => {
      tell({ self, system }, 'ingress', { type: 'node.stopping' });
      tell({ self, system }, 'election', { type: 'node.leave' });
    },
    closeStore: ({ self, system }) =>
      tell({ self, system }, 'store', {
        type: 'store.close',
        closed: () => tell({ self, system }, 'node', { type: 'store.closed' }),
      }),
    tellStopped: ({ context }) => context.stopped?.(),
    fail: (_, reason: string) => {
      throw new Error(reason);
    },
    /** A link and a wire for each peer; they outlive the leaving, so that the last frames get out. */
    spawnLinks: enqueueActions(({ context, enqueue }) => {
      const { nodeId, ports, keys } = context;
      for (const peer of context.voters.filter((id) => id !== nodeId)) {
        enqueue.spawnChild('wire', {
          id: `wire:${peer}`,
          systemId: `wire:${peer}`,
          input: { peer, clock: ports.clock, silentMs },
        });
        enqueue.spawnChild('link', {
          id: `link:${peer}`,
          systemId: `link:${peer}`,
          input: {
            self: nodeId,
            peer,
            links: ports.links,
            dice: ports.dice,
            log: ports.log,
            nextKey: () => ++keys.last,
            greetingMs,
          },
        });
      }
    }),
  },
}).createMachine({
  id: 'node',
  context: ({ input }) => ({ ...input, recovered: null, keys: { last: 0 }, stopped: null }),
  invoke: [
    {
      id: 'store',
      systemId: 'store',
      src: 'store',
      input: ({ context: { ports, nodeId, voters, segmentBytes, tailBytes, keptEntries, keptKeys, memory } }) => ({
        ...ports,
        nodeId,
        voters,
        segmentBytes,
        tailBytes,
        keptEntries,
        keptKeys,
        memory,
      }),
    },
    {
      id: 'observer',
      systemId: 'observer',
      src: 'observer',
      input: ({ context: { nodeId, voters, ports, record } }) => ({ nodeId, voters, ports, record }),
    },
  ],
  initial: 'recovering',
  on: {
    'store.failed': { actions: { type: 'fail', params: ({ event }) => event.reason } },
    'xstate.error.actor.*': {
      actions: { type: 'fail', params: ({ event }) => `${event.actorId}: ${wordsOf(event.error)}` },
    },
  },
  states: {
    recovering: {
      on: {
        'store.recovered': {
          target: 'working',
          actions: { type: 'noteRecovered', params: ({ event }) => event.recovered },
        },
        'node.stop': { target: 'closing', actions: { type: 'noteStopped', params: ({ event }) => event.stopped } },
      },
    },
    working: {
      entry: ['spawnLinks', 'listen', 'logServing'],
      invoke: [
        { id: 'metrics', systemId: 'metrics', src: 'metrics', input: ({ context }) => metricsInput(context) },
        {
          id: 'clock',
          systemId: 'clock',
          src: 'clock',
          input: ({ context }) => ({ lamport: logOf(context).lastLamport, trace: context.record.trace }),
        },
        { id: 'gateway', systemId: 'gateway', src: 'gateway' },
        { id: 'ingress', systemId: 'ingress', src: 'ingress', input: ({ context }) => ingressInput(context) },
        { id: 'sessions', systemId: 'sessions', src: 'sessions', input: ({ context }) => sessionsInput(context) },
        { id: 'pipeline', systemId: 'pipeline', src: 'pipeline', input: ({ context }) => pipelineInput(context) },
        { id: 'replicator', systemId: 'replicator', src: 'replicator' },
        { id: 'election', systemId: 'election', src: 'election', input: ({ context }) => electionInput(context) },
        { id: 'formation', systemId: 'formation', src: 'formation', input: ({ context }) => formationInput(context) },
      ],
      initial: 'serving',
      states: {
        serving: {
          on: {
            'node.stop': { target: 'leaving', actions: { type: 'noteStopped', params: ({ event }) => event.stopped } },
          },
        },
        leaving: {
          entry: 'leave',
          after: { leaving: '#node.closing' },
          initial: 'busy',
          states: {
            busy: { on: { 'office.left': 'settling', 'writes.settled': 'handingOver' } },
            settling: { on: { 'writes.settled': '#node.closing' } },
            handingOver: { on: { 'office.left': '#node.closing' } },
          },
        },
      },
    },
    closing: {
      entry: 'closeStore',
      on: { 'store.closed': 'stopped' },
      after: { closing: 'stopped' },
    },
    stopped: { entry: 'tellStopped' },
  },
});

const wordsOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

function recoveredOf({ recovered }: NodeContext): Recovered {
  if (!recovered) throw new Error('the tree was built before the log was recovered');
  return recovered;
}
/** Read once for the inputs; the pipeline has its own. */
const logOf = (context: NodeContext): LogicalLog => new LogicalLog(recoveredOf(context).log, context.tailBytes);

const metricsInput = (context: NodeContext) => ({
  self: context.nodeId,
  clock: context.ports.clock,
  log: context.ports.log,
  violations: recoveredOf(context).violations,
});
function ingressInput(context: NodeContext) {
  const { commit, commitLamport, lastCommittedId: lastId } = logOf(context);
  const { clock: time, wallClock } = context.ports;
  const { boot } = recoveredOf(context).identity;
  return { self: context.nodeId, boot, clock: time, wallClock, commit, commitLamport, lastId };
}
function sessionsInput(context: NodeContext) {
  const log = logOf(context);
  const { commit, commitLamport, lastCommittedId: lastId } = log;
  return {
    self: context.nodeId,
    clock: context.ports.clock,
    commit,
    commitLamport,
    lastId,
    lastLamport: log.lastCommittedMessageLamport,
  };
}
const pipelineInput = (context: NodeContext) => ({
  self: context.nodeId,
  voters: context.voters,
  clock: context.ports.clock,
  failpoints: context.ports.failpoints,
  recovered: recoveredOf(context),
  tailBytes: context.tailBytes,
});
function electionInput(context: NodeContext) {
  const { identity } = recoveredOf(context);
  const { clock: time, dice, failpoints, log } = context.ports;
  return {
    self: context.nodeId,
    voters: context.voters,
    priority: context.priority,
    timing: context.timing,
    promised: identity.promised,
    position: logOf(context).last,
    bound: identity.clusterId !== null,
    damaged: identity.damaged,
    clock: time,
    dice,
    failpoints,
    log,
  };
}
const formationInput = (context: NodeContext) => ({
  identity: recoveredOf(context).identity,
  priority: context.priority,
  memoryLost: recoveredOf(context).memoryLost,
  dice: context.ports.dice,
  log: context.ports.log,
});

export function createNode(options: NodeOptions): Node {
  const record = makeRecord(options.nodeId, options.ports, () => look.standing);
  const settings: Settings = {
    priority: 0,
    timing: defaultTiming,
    segmentBytes: 32 * 1024 * 1024,
    tailBytes: 8 * 1024 * 1024,
    keptEntries: 1_000_000,
    keptKeys: 500_000,
    memory: false,
    ...options,
    voters: [...options.voters].sort((a, b) => a - b),
    ports: { ...options.ports, log: record.story },
    record,
  };
  const root = createActor(nodeMachine, {
    id: 'node',
    systemId: 'node',
    clock: settings.ports.clock,
    logger: () => undefined,
    input: settings,
  });
  deliverInOrder(root, options.onEvent, record.counts);
  const look = new Look(root.system, settings);
  root.subscribe({
    error: (error) => {
      const reason = wordsOf(error);
      settings.ports.log.write('error', 'node_failed', reason);
      if (options.failed) options.failed(reason);
      else throw error;
    },
  });
  return {
    root,
    facade: makeFacade(root, nodeMachine, look),
    start: () => {
      root.start();
    },
    stop: () =>
      new Promise((stopped) => {
        if (root.getSnapshot().status !== 'active') stopped();
        else root.send({ type: 'node.stop', stopped });
      }),
  };
}
