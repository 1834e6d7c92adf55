/**
 * Formation: who the voters of this cluster are (R25), and whether a peer that greets is one of them.
 *
 *   virgin --roster persisted--> bound
 *
 * Three empty disks become one cluster when the lowest id has heard all of them; whoever holds the roster repeats it to
 * those that missed it. From then on a disk that was wiped, or a node with another configuration, is told so and does
 * not vote: an empty folder in a formed cluster is a lost identity, not a fresh start.
 *
 * A1. The drawer makes {clusterId, roster} durable before it proposes them; the first that a virgin node accepts binds
 *     it for ever.
 * A2. A peer may vote only if its cluster, membership and incarnation are those of the roster.
 * A3. A node whose log in memory is gone says so in each HELLO until it may vote again AND knows a leader: not only until
 *     it has met all the others that lost theirs. Else one that met them first, and then lost its connections, would never
 *     be believed again, and no majority could vote. Without a leader its log is still empty: nobody can miss anything.
 */
import { assign, enqueueActions, setup } from 'xstate';
import { send } from './clock.ts';
import type { ConnectionKey, FormationEvent } from './events.ts';
import type { Dice, LogLines } from './ports.ts';
import type { NodeId } from './protocol/epoch.ts';
import { type Hello, maxFrameBytes, protocolVersion, type Roster } from './protocol/frames.ts';
import { drawId, type Identity, sameMembers } from './protocol/identityRecord.ts';
import { tell, tellLink } from './system.ts';

export type IdentityTrouble = 'IDENTITY_LOST' | 'CONFIG_MISMATCH';

export interface FormationInput {
  readonly identity: Identity;
  readonly priority: number;
  readonly memoryLost: boolean;
  readonly dice: Dice;
  readonly log: LogLines;
}

interface Greeting {
  readonly hello: Hello;
  readonly key: ConnectionKey;
}

export interface FormationContext extends FormationInput {
  /** Until it agrees with a leader, or all logs in memory are lost (R-D3). */
  readonly damaged: boolean;
  readonly hasLeader: boolean;
  readonly clusterId: string | null;
  readonly roster: Roster | null;
  readonly greetings: ReadonlyMap<NodeId, Greeting>;
  /** Peers whose configuration or cluster is another, by their last HELLO. */
  readonly mismatched: ReadonlySet<NodeId>;
  /** The cluster knows this node with another disk. */
  readonly lost: boolean;
  /** What the log has been told already. */
  readonly told: IdentityTrouble | null;
}

export const identityTrouble = (context: Pick<FormationContext, 'mismatched' | 'lost'>): IdentityTrouble | null =>
  context.lost ? 'IDENTITY_LOST' : context.mismatched.size > 0 ? 'CONFIG_MISMATCH' : null;

export type Judgement =
  | { readonly kind: 'accept' }
  /** Not yet: one of the two belongs to no cluster. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'refuse'; readonly reason: string; readonly because: 'version' | 'mismatch' | 'incarnation' };

/** What a node makes of a peer's HELLO (A2). */
export function judge(mine: Pick<Identity, 'clusterId' | 'roster' | 'membership'>, hello: Hello): Judgement {
  const { clusterId, roster, membership } = mine;
  if (hello.version !== protocolVersion)
    return refuse(
      'version',
      `it speaks protocol version ${hello.version}, this node ${protocolVersion}; run one release`,
    );
  if (!sameMembers(hello.membership, membership))
    return refuse(
      'mismatch',
      `it is configured for voters ${hello.membership.join(', ')}, this node for ${membership.join(', ')}; ` +
        'give all nodes the same PEERS',
    );
  if (clusterId === null || roster === null) return { kind: 'wait' };
  if (hello.clusterId !== null && hello.clusterId !== clusterId)
    return refuse('mismatch', `it belongs to cluster ${hello.clusterId}, this node to ${clusterId}`);
  if (roster.get(hello.from) !== hello.incarnation)
    return refuse(
      'incarnation',
      'the cluster knows it with another disk: bring back its data folder; an emptied voter cannot come back as itself',
    );
  return { kind: hello.clusterId === null ? 'wait' : 'accept' };
}
const refuse = (because: 'version' | 'mismatch' | 'incarnation', reason: string): Judgement => ({
  kind: 'refuse',
  because,
  reason,
});

const judgeIn = (context: FormationContext, hello: Hello): Judgement =>
  judge({ clusterId: context.clusterId, roster: context.roster, membership: context.identity.membership }, hello);

/** Every voter kept its log in memory, and all of them are gone: there is nothing left to agree with. */
const isLostEverywhere = ({
  identity: { membership, nodeId },
  damaged,
  memoryLost,
  greetings,
}: FormationContext): boolean =>
  damaged && memoryLost && membership.every((id) => id === nodeId || greetings.get(id)?.hello.memoryLost === true);

const troubleWords: Readonly<Record<IdentityTrouble, string>> = {
  IDENTITY_LOST:
    'the cluster knows this node with another disk; it does not vote. Stop it, bring back its data folder, and start it again',
  CONFIG_MISMATCH:
    'another node has other voters or belongs to another cluster. Give all nodes the same PEERS, and each its own data folder',
};

export const formation = setup({
  types: { input: {} as FormationInput, context: {} as FormationContext, events: {} as FormationEvent },
  guards: {
    hasRoster: ({ context }) => context.roster !== null,
    /** The lowest id draws the cluster, once it holds virgin HELLOs of all voters on open connections. */
    isDrawer: ({ context }) => {
      const { membership, nodeId } = context.identity;
      return (
        membership[0] === nodeId &&
        membership.every((id) => id === nodeId || context.greetings.get(id)?.hello.clusterId === null)
      );
    },
    isForAnotherDisk: ({ context, event }) =>
      event.type === 'proposal.received' &&
      event.frame.roster.has(context.identity.nodeId) &&
      event.frame.roster.get(context.identity.nodeId) !== context.identity.incarnation,
    isForMe: ({ context, event }) =>
      event.type === 'proposal.received' &&
      event.frame.roster.get(context.identity.nodeId) === context.identity.incarnation &&
      sameMembers(
        [...event.frame.roster.keys()].sort((a, b) => a - b),
        context.identity.membership,
      ),
  },
  actions: {
    sendHello: ({ context, self, system }, { peer, connection }: { peer: NodeId; connection: number }) => {
      const { identity, clusterId, priority, memoryLost } = context;
      send({ self, system }, peer, {
        kind: 'hello',
        version: protocolVersion,
        clusterId,
        from: identity.nodeId,
        incarnation: identity.incarnation,
        boot: identity.boot,
        connection,
        membership: identity.membership,
        priority,
        maxFrameBytes,
        memoryLost,
      });
    },
    noteGreeting: assign(
      ({ context }, { peer, connection, frame }: { peer: NodeId; connection: ConnectionKey; frame: Hello }) => {
        const judgement = judgeIn(context, frame);
        const mismatched = new Set(context.mismatched);
        if (judgement.kind === 'refuse' && judgement.because === 'mismatch') mismatched.add(peer);
        else mismatched.delete(peer);
        const greetings = new Map(context.greetings);
        // One that is refused counts for nothing: no cluster is drawn with it.
        if (judgement.kind === 'refuse') greetings.delete(peer);
        else greetings.set(peer, { hello: frame, key: connection });
        return { mismatched, greetings };
      },
    ),
    forgetGreeting: assign(({ context }, peer: NodeId) => {
      const greetings = new Map(context.greetings);
      greetings.delete(peer);
      return { greetings };
    }),
    answerGreeting: (
      { context, self, system },
      {
        peer,
        connection,
        frame,
      }: {
        peer: NodeId;
        connection: ConnectionKey;
        frame: Hello;
      },
    ) => {
      const { clusterId, roster } = context;
      const judgement = judgeIn(context, frame);
      // Also to the one that is refused, so that it learns with which disk the cluster knows it.
      if (frame.clusterId === null && clusterId !== null && roster !== null)
        send({ self, system }, peer, { kind: 'proposal', clusterId, roster });
      if (judgement.kind === 'accept')
        tellLink({ self, system }, peer, { type: 'hello.accepted', key: connection, hello: frame });
      if (judgement.kind === 'refuse')
        tellLink({ self, system }, peer, { type: 'hello.refused', key: connection, reason: judgement.reason });
    },
    draw: enqueueActions(({ context, enqueue, self, system }) => {
      const { identity, dice, greetings } = context;
      const roster: Roster = new Map(
        identity.membership.map((id) => [id, greetings.get(id)?.hello.incarnation ?? identity.incarnation]),
      );
      const clusterId = drawId(() => dice.next());
      enqueue.assign({ clusterId, roster });
      enqueue(() => tell({ self, system }, 'store', { type: 'roster.persist', clusterId, roster }));
    }),
    adopt: enqueueActions(({ enqueue, self, system }, { clusterId, roster }: { clusterId: string; roster: Roster }) => {
      enqueue.assign({ clusterId, roster });
      enqueue(() => tell({ self, system }, 'store', { type: 'roster.persist', clusterId, roster }));
    }),
    /** Every connection begins anew, with greetings that name the cluster. */
    proposeAndRenew: ({ context, self, system }) => {
      const { clusterId, roster } = context;
      if (clusterId === null || roster === null) return;
      for (const peer of context.greetings.keys()) {
        send({ self, system }, peer, { kind: 'proposal', clusterId, roster });
        tellLink({ self, system }, peer, { type: 'link.renew', reason: 'the cluster was formed' });
      }
    },
    announceBound: ({ context, self, system }) => {
      const { clusterId, identity, log } = context;
      log.write('info', 'cluster_joined', `member of cluster ${clusterId}`, {
        cluster_id: clusterId,
        boot: identity.boot,
      });
      tell({ self, system }, 'election', { type: 'node.bound' });
    },
    noteTold: assign({ told: ({ context }) => identityTrouble(context) }),
    noteLost: assign({ lost: true }),
    noteCleared: assign(({ context }) => ({ damaged: false, memoryLost: context.memoryLost && !context.hasLeader })),
    noteLeader: assign(({ context }, leader: NodeId | null) => ({
      hasLeader: leader !== null,
      memoryLost: context.memoryLost && (context.damaged || leader === null),
    })),
    logTrouble: ({ context }) => {
      const code = identityTrouble(context);
      if (code && code !== context.told) context.log.write('error', code.toLowerCase(), troubleWords[code], { code });
    },
    clearDamageIfLostEverywhere: ({ context, self, system }) => {
      if (!isLostEverywhere(context)) return;
      context.log.write(
        'warn',
        'memory_lost_everywhere',
        'all voters kept their log in memory and restarted: it begins anew',
      );
      tell({ self, system }, 'store', { type: 'damage.clear' });
    },
  },
}).createMachine({
  id: 'formation',
  context: ({ input }) => ({
    ...input,
    clusterId: input.identity.clusterId,
    roster: input.identity.roster,
    damaged: input.identity.damaged,
    hasLeader: false,
    greetings: new Map(),
    mismatched: new Set(),
    lost: false,
    told: null,
  }),
  initial: 'booting',
  on: {
    'hello.wanted': { actions: { type: 'sendHello', params: ({ event }) => event } },
    'damage.cleared': { actions: 'noteCleared' },
    'leader.changed': { actions: { type: 'noteLeader', params: ({ event }) => event.leader } },
    'peer.disconnected': { actions: { type: 'forgetGreeting', params: ({ event }) => event.peer } },
  },
  states: {
    booting: { always: [{ guard: 'hasRoster', target: 'bound' }, { target: 'virgin' }] },
    virgin: {
      always: { guard: 'isDrawer', target: 'binding', actions: 'draw' },
      on: {
        'hello.received': {
          actions: [
            { type: 'noteGreeting', params: ({ event }) => event },
            { type: 'answerGreeting', params: ({ event }) => event },
            'logTrouble',
            'noteTold',
          ],
        },
        'proposal.received': [
          {
            guard: 'isForMe',
            target: 'binding',
            actions: { type: 'adopt', params: ({ event }) => event.frame },
          },
          { guard: 'isForAnotherDisk', actions: ['noteLost', 'logTrouble', 'noteTold'] },
        ],
      },
    },
    binding: {
      // HELLOs are noted, not answered: their connections begin anew once the roster is on disk.
      on: {
        'hello.received': { actions: { type: 'noteGreeting', params: ({ event }) => event } },
        'roster.persisted': { target: 'bound', actions: 'proposeAndRenew' },
      },
    },
    bound: {
      entry: 'announceBound',
      on: {
        'hello.received': {
          actions: [
            { type: 'noteGreeting', params: ({ event }) => event },
            { type: 'answerGreeting', params: ({ event }) => event },
            'logTrouble',
            'noteTold',
            'clearDamageIfLostEverywhere',
          ],
        },
      },
    },
  },
});
