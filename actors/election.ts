/**
 * Election: safe Bully (Garcia-Molina 1982, made safe by promises of a majority: PROTOCOL §4, §5).
 *
 *                      +--------------------------- renewal (R18) -------------------------+
 *                      v                                                                   |
 *   follower -> probing -> candidate -> adopting -> establishing -> leading <-> draining --+
 *      ^            \__________\____________\____________\_____________\_________\__ a newer leader or promise
 *
 * It owns `promised` and says who leads. What it decides from is the ballot's; logs and commits are the pipeline's. A new
 * promise takes the pipeline's way to the disk, so that nothing of a lower epoch slips in behind it (R3).
 *
 * A1. PROMISE and PREPARE leave only after `promise.persisted` of exactly that epoch, if it is still the newest (R3a).
 * A2. The pipeline has no office while this node has promised an epoch that nobody leads yet.
 */
import { enqueueActions, raise, setup } from 'xstate';
import { send } from './clock.ts';
import type { ElectionEvent, FrameReceived } from './events.ts';
import type { Clock, Dice, Failpoints, LogLines } from './ports.ts';
import { Ballot, type BallotInput, type Standing } from './protocol/ballot.ts';
import { type Epoch, type NodeId, ownerOf } from './protocol/epoch.ts';
import type { HandoverToken } from './protocol/frames.ts';
import { tell } from './system.ts';
import { Wake } from './wake.ts';

export interface ElectionInput extends Omit<BallotInput, 'now'> {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly failpoints: Failpoints;
  readonly log: LogLines;
}

type Events =
  | ElectionEvent
  | { readonly type: 'heartbeat.due' }
  | { readonly type: 'wake.due' }
  // Raised by itself, after what came has been noted.
  | { readonly type: 'probe.consider' }
  | { readonly type: 'office.check' };

export interface ElectionContext extends ElectionInput {
  readonly ballot: Ballot;
  readonly wake: Wake;
  /** APPENDs of an epoch whose promise is on its way to the disk. */
  readonly held: FrameReceived<'append'>[];
  readonly timers: { heartbeatAt: number };
  readonly office: { drainingFor: NodeId | null; handoverSent: boolean };
}

type Args = { readonly context: ElectionContext; readonly self: unknown; readonly system: unknown };
const now = ({ context }: Pick<Args, 'context'>): number => context.clock.now();
const peers = ({ ballot }: ElectionContext): readonly NodeId[] => ballot.table.peers;
/** APPENDs held during one promise: a leader's window is not more. */
const maxHeld = 512;

const follows: Standing = { leads: false, drainingFor: null };
const leads = (context: ElectionContext): Standing => ({ leads: true, drainingFor: context.office.drainingFor });

function announceLeader({ context, self, system }: Args, established = false): void {
  const { leader } = context.ballot;
  const event = { type: 'leader.changed', leader: leader?.id ?? null, epoch: leader?.epoch ?? 0, established } as const;
  for (const name of ['gateway', 'ingress', 'sessions'] as const) tell({ self, system }, name, event);
  if (leader && (leader.id !== context.ballot.self || established)) {
    tell({ self, system }, 'metrics', { type: 'leader.counted', self: leader.id === context.ballot.self });
    context.log.write('info', 'leader_elected', `node ${leader.id} leads in epoch ${leader.epoch}`, {
      leader: leader.id,
      epoch: leader.epoch,
    });
  }
  if (!leader) context.log.write('warn', 'leader_lost', 'no leader', {});
}

/** Promises in memory at once; the pipeline halts, and then lets the log store make it durable (R3). */
function promise(args: Args, epoch: Epoch): void {
  args.context.ballot.promise(epoch);
  halt(args, true);
  args.context.failpoints.reach('promise.written');
}
function halt({ context, self, system }: Args, isNew = false): void {
  tell({ self, system }, 'replicator', { type: 'office.halted', promised: context.ballot.promised, isNew });
}

const isPrepare = (event: Events): event is FrameReceived<'prepare'> => event.type === 'prepare.received';
const promisesTo = (context: ElectionContext, event: Events, standing: Standing): boolean =>
  isPrepare(event) &&
  context.ballot.judgePrepare(event.frame, event.peer, standing, context.clock.now()) === 'promise';

export const election = setup({
  types: { input: {} as ElectionInput, context: {} as ElectionContext, events: {} as Events },
  delays: {
    heartbeat: ({ context }) => context.ballot.timing.heartbeatMs,
    probing: ({ context }) => context.ballot.timing.probingMs,
    candidate: ({ context }) => context.ballot.timing.candidateMs,
    adopting: ({ context }) => context.ballot.timing.adoptingMs,
    handover: ({ context }) => context.ballot.timing.handoverMs,
  },
  guards: {
    mayProbe: ({ context }) => context.ballot.mayProbe(now({ context })),
    hasProbeMajority: ({ context: { ballot } }) => ballot.oks.size >= ballot.majority,
    isRefusedByLeader: ({ context: { ballot }, event }) =>
      event.type === 'probeNo.received' && event.frame.nonce === ballot.nonce && event.frame.reason === 'leader',
    wonWithOwnLog: ({ context: { ballot } }) => ballot.won && ballot.best().id === ballot.self,
    wonWithAnothersLog: ({ context: { ballot } }) => ballot.won,
    namesNewerLeader: ({ context: { ballot }, event }) => event.type === 'ping.received' && ballot.namesLeader(event.frame),
    isHandoverToMe: ({ context: { ballot }, event }) =>
      event.type === 'handover.received' &&
      ballot.mayVote &&
      !ballot.leaving &&
      event.frame.epoch === ballot.promised &&
      event.frame.epoch === ballot.leader?.epoch &&
      event.peer === ballot.leader.id,
    promisesAsFollower: ({ context, event }) => promisesTo(context, event, follows),
    promisesAsLeader: ({ context, event }) => promisesTo(context, event, leads(context)),
    isStrangeAndDue: ({ context: { ballot }, event }) =>
      event.type === 'append.strange' && event.received.frame.epoch >= ballot.promised,
    isMine: ({ context: { ballot }, event }) => 'epoch' in event && event.epoch === ballot.promised,
    isPreempted: ({ context: { ballot }, event }) =>
      event.type === 'nack.received' && event.frame.refused === ballot.promised && event.frame.seenEpoch > ballot.promised,
    lostQuorum: ({ context }) => context.ballot.lostQuorum(now({ context })),
    /** Who leaves waits for a successor only while there may be one. */
    hasNobodyToFollow: ({ context }) => context.ballot.leaving && !context.ballot.hasHeirs(now({ context })),
    hasSuccessor: ({ context }) => context.ballot.successor(now({ context })) !== null,
    followsNewer: ({ context: { ballot }, event }) =>
      event.type === 'nack.received' && event.frame.leaderEpoch > ballot.promised,
    mustRenewByNack: ({ context, event }) =>
      event.type === 'nack.received' &&
      event.frame.refused === context.ballot.promised &&
      context.ballot.mustRenew(event.frame.seenEpoch, event.frame.leaderEpoch, now({ context })),
    mustRenewByPing: ({ context, event }) =>
      event.type === 'ping.received' &&
      context.ballot.mustRenew(event.frame.promised, event.frame.leading, now({ context })),
    isDrainedPeer: ({ context, event }) => 'peer' in event && event.peer === context.office.drainingFor,
    isDrainedOffice: ({ context, event }) =>
      event.type === 'office.drained' &&
      event.epoch === context.ballot.promised &&
      event.peer === context.office.drainingFor &&
      !context.office.handoverSent,
  },
  actions: {
    // ------------------------------------------------------------------------------------------ for everybody
    armHeartbeat: ({ context, self }) => {
      const { clock, timers, ballot } = context;
      timers.heartbeatAt = clock.now() + ballot.timing.heartbeatMs;
      clock.setTimeout(() => self.send({ type: 'heartbeat.due' }), ballot.timing.heartbeatMs);
    },
    /** Looks at what has become due: a silent leader, a probe. */
    wakeUp: enqueueActions(({ context, enqueue, event, self, system }) => {
      const { ballot, wake } = context;
      if (event.type === 'wake.due') ballot.noteTimer(wake.firedFor, now({ context }));
      enqueue(() => {
        loseSilentLeader({ context, self, system });
        armWake(context);
      });
      enqueue.raise({ type: 'probe.consider' });
    }),
    checkOffice: raise({ type: 'office.check' }),
    noteLate: ({ context }) => {
      const { ballot, timers } = context;
      ballot.noteTimer(timers.heartbeatAt, now({ context }));
      ballot.retime();
    },
    ping: ({ context, self, system }, leading: boolean) => {
      const { ballot } = context;
      const at = now({ context });
      if (leading) ballot.leaderHeardAt = at;
      tell({ self, system }, 'pipeline', {
        type: 'ping.fill',
        timing: ballot.timing,
        quorumConnected: ballot.quorumConnected(at),
        ping: {
          kind: 'ping',
          sentAt: at,
          echo: -1,
          heldMs: 0,
          quorumConnected: ballot.quorumConnected(at),
          unelectable: ballot.unelectable(at),
          leading: leading ? ballot.promised : 0,
          promised: ballot.promised,
          seenEpoch: ballot.seen,
          commit: 0,
          position: ballot.position,
          readRound: 0,
          confirmEpoch: 0,
          confirmRound: 0,
        },
      });
    },
    notePing: ({ context, event, self, system }) => {
      if (event.type !== 'ping.received') return;
      const { ballot } = context;
      const { peer, frame, roundTripSentAt } = event;
      ballot.pinged(peer, frame, roundTripSentAt, now({ context }));
      if (ballot.namesLeader(frame) && ballot.hearLeader(frame.leading, now({ context })))
        announceLeader({ context, self, system });
      tell({ self, system }, 'pipeline', { type: 'ping.noted', peer, ping: frame });
    },
    noteEpochs: ({ context: { ballot }, event }) => {
      if ('frame' in event && 'seenEpoch' in event.frame) ballot.see(event.frame.seenEpoch);
      if ('frame' in event && 'epoch' in event.frame) ballot.see(event.frame.epoch);
    },
    noteConnected: ({ context: { ballot } }, { peer, priority }: { peer: NodeId; priority: number }) =>
      ballot.table.greeted(peer, priority),
    /** R19: a connection that the other side or the network closed is known at once; silence takes TS. */
    noteDisconnected: ({ context, self, system }, { peer, byThisSide }: { peer: NodeId; byThisSide: boolean }) => {
      const { ballot } = context;
      if (byThisSide) return;
      ballot.table.closed(peer);
      if (ballot.leader?.id !== peer) return;
      ballot.loseLeader(now({ context }));
      announceLeader({ context, self, system });
    },
    noteDisk: ({ context: { ballot } }, full: boolean) => {
      ballot.diskFull = full;
    },
    noteBound: ({ context }) => context.ballot.bind(now({ context })),
    noteHealed: ({ context: { ballot } }) => {
      ballot.damaged = false;
    },
    noteLeaving: ({ context: { ballot } }) => {
      ballot.leaving = true;
    },
    noteDurable: ({ context: { ballot }, event }) => {
      if (event.type === 'promise.persisted') ballot.durable = Math.max(ballot.durable, event.epoch);
    },

    // -------------------------------------------------------------------------------------------------- voting
    answerProbe: ({ context, event, self, system }, standing: Standing) => {
      if (event.type !== 'probe.received') return;
      const { ballot } = context;
      const { nonce } = event.frame;
      const verdict = ballot.judgeProbe(event.peer, standing, now({ context }));
      const answer = { nonce, seenEpoch: ballot.seen };
      send({ self, system }, event.peer, verdict === 'ok' ? { kind: 'probeOk', ...answer } : { kind: 'probeNo', reason: verdict, ...answer });
      // Bully's OK: "I am higher, and I take it from here." Never before the boot grace has ended.
      if (verdict === 'bully') {
        ballot.takeOver(now({ context }));
        armWake(context);
      }
    },
    promiseToCandidate: ({ context, event, self, system }) => {
      if (!isPrepare(event)) return;
      const { ballot } = context;
      ballot.loseLeader(now({ context }));
      promise({ context, self, system }, event.frame.epoch);
      announceLeader({ context, self, system });
    },
    refusePrepare: ({ context, event, self, system }, standing: Standing) => {
      if (!isPrepare(event)) return;
      const { ballot } = context;
      const verdict = ballot.judgePrepare(event.frame, event.peer, standing, now({ context }));
      if (verdict === 'again') tell({ self, system }, 'store', { type: 'promise.persist', epoch: event.frame.epoch });
      else send({ self, system }, event.peer, ballot.nack(event.frame.epoch, standing, now({ context })));
    },
    /** The promise is durable: tell its owner, or follow the leader whose APPEND brought it. */
    afterPromise: ({ context, event, self, system }) => {
      if (event.type !== 'promise.persisted') return;
      const { ballot, held, failpoints } = context;
      if (ballot.leaving) tell({ self, system }, 'node', { type: 'office.left' });
      if (event.epoch !== ballot.promised) return; // R3a: a higher promise came meanwhile.
      failpoints.reach('promise.persisted');
      const owner = ownerOf(event.epoch);
      if (held.some(({ frame }) => frame.epoch === event.epoch)) follow({ context, self, system }, event.epoch);
      else if (owner !== ballot.self)
        send({ self, system }, owner, { kind: 'promise', epoch: event.epoch, position: event.position });
    },
    /** An APPEND of a leader that this node has not followed so far: it waits until the promise is durable (R7). */
    holdAppend: ({ context, event, self, system }) => {
      if (event.type !== 'append.strange') return;
      const { ballot, held } = context;
      const { epoch } = event.received.frame;
      if (held.length < maxHeld) held.push(event.received);
      if (epoch > ballot.promised) promise({ context, self, system }, epoch);
      else if (ballot.durable === epoch) follow({ context, self, system }, epoch);
    },
    nackAppend: ({ context, event, self, system }) => {
      if (event.type !== 'append.strange') return;
      const { peer, frame } = event.received;
      const standing = context.ballot.ledAt === Number.POSITIVE_INFINITY ? follows : leads(context);
      send({ self, system }, peer, context.ballot.nack(frame.epoch, standing, now({ context })));
    },

    // --------------------------------------------------------------------------------------------- campaigning
    sendProbes: ({ context, self, system }) => {
      const { ballot } = context;
      ballot.nonce++;
      ballot.oks.clear();
      ballot.oks.add(ballot.self);
      for (const peer of peers(context)) send({ self, system }, peer, { kind: 'probe', nonce: ballot.nonce });
    },
    countOk: ({ context: { ballot }, event }) => {
      if (event.type === 'probeOk.received' && event.frame.nonce === ballot.nonce) ballot.oks.add(event.peer);
    },
    backOff: ({ context }) => context.ballot.retryAfterRefusal(now({ context }), context.dice.next()),
    retryLater: ({ context }) => context.ballot.retryAfterFailure(now({ context }), context.dice.next()),
    campaign: ({ context, self, system }, token: HandoverToken | null) => campaign({ context, self, system }, token),
    /** R18: with a higher epoch, without probing. */
    renew: ({ context, self, system }) => campaign({ context, self, system }, null),
    halt: ({ context, self, system }) => halt({ context, self, system }),
    prepare: ({ context, event, self, system }) => {
      if (event.type !== 'promise.persisted' || event.epoch !== context.ballot.promised) return;
      const { ballot, failpoints } = context;
      failpoints.reach('promise.persisted');
      ballot.promises.set(ballot.self, event.position);
      for (const peer of peers(context))
        send({ self, system }, peer, { kind: 'prepare', epoch: event.epoch, handover: ballot.token });
    },
    countPromise: ({ context: { ballot }, event }) => {
      if (event.type === 'promise.received' && event.frame.epoch === ballot.promised)
        ballot.promises.set(event.peer, event.frame.position);
    },
    adopt: ({ context, self, system }) => {
      const { ballot, log } = context;
      const { id, position } = ballot.best();
      log.write('info', 'log_adopting', `takes over the log of node ${id}, which is more complete`, {
        donor: id,
        index: position.index,
      });
      tell({ self, system }, 'replicator', {
        type: 'office.adopting',
        epoch: ballot.promised,
        donor: id,
        target: position,
      });
    },

    // ------------------------------------------------------------------------------------------------- leading
    lead: ({ context, self, system }) => {
      const { ballot, office } = context;
      office.drainingFor = null;
      ballot.beginLeading(now({ context }));
      tell({ self, system }, 'replicator', { type: 'office.leading', epoch: ballot.promised });
      announceLeader({ context, self, system });
    },
    established: ({ context, self, system }) => announceLeader({ context, self, system }, true),
    stepDown: ({ context, self, system }, reason: string) => {
      endOffice({ context, self, system }, 'warn', reason);
      if (context.ballot.leaving) tell({ self, system }, 'node', { type: 'office.left' });
    },
    /** Not left yet: the promise to the successor is still on its way. */
    yieldOffice: ({ context, self, system }) => endOffice({ context, self, system }, 'info', 'handed the lead over'),
    turnGrey: ({ context }) => context.ballot.turnGrey(now({ context })),
    drain: ({ context, self, system }) => {
      const { ballot, office, log } = context;
      const peer = ballot.successor(now({ context }));
      office.drainingFor = peer;
      office.handoverSent = false;
      if (peer === null) return;
      log.write('info', 'handover_started', `hands the lead over to node ${peer}`, { peer, epoch: ballot.promised });
      tell({ self, system }, 'replicator', { type: 'office.draining', peer });
    },
    sendHandover: ({ context, self, system }) => {
      const { ballot, office, failpoints } = context;
      office.handoverSent = true;
      if (office.drainingFor !== null)
        send({ self, system }, office.drainingFor, { kind: 'handover', epoch: ballot.promised });
      failpoints.reach('handover.sent');
    },
    resume: ({ context, self, system }) => {
      const { ballot, office, log } = context;
      if (office.drainingFor !== null) {
        ballot.noteFailedHandover(office.drainingFor);
        log.write('warn', 'handover_failed', `node ${office.drainingFor} did not take the lead in time`, {
          peer: office.drainingFor,
        });
      }
      office.drainingFor = null;
      tell({ self, system }, 'replicator', { type: 'office.resumed' });
    },
    announceLeft: ({ self, system }) => tell({ self, system }, 'node', { type: 'office.left' }),
  },
}).createMachine({
  id: 'election',
  context: ({ input, self }) => ({
    ...input,
    ballot: new Ballot({ ...input, now: input.clock.now() }),
    wake: new Wake(input.clock, () => self.send({ type: 'wake.due' })),
    held: [],
    timers: { heartbeatAt: 0 },
    office: { drainingFor: null, handoverSent: false },
  }),
  initial: 'follower',
  entry: 'armHeartbeat',
  on: {
    'heartbeat.due': { actions: ['noteLate', { type: 'ping', params: false }, 'armHeartbeat', 'wakeUp'] },
    'wake.due': { actions: 'wakeUp' },
    'ping.received': { actions: 'notePing' },
    'probe.received': { actions: { type: 'answerProbe', params: follows } },
    'prepare.received': [
      { guard: 'promisesAsFollower', target: '.follower', actions: 'promiseToCandidate' },
      { actions: { type: 'refusePrepare', params: follows } },
    ],
    'append.strange': [
      { guard: 'isStrangeAndDue', target: '.follower', actions: 'holdAppend' },
      { actions: 'nackAppend' },
    ],
    'promise.persisted': { actions: ['noteDurable', 'afterPromise'] },
    // Answers to a round that has ended; only their epochs are news.
    'probeOk.received': { actions: 'noteEpochs' },
    'probeNo.received': { actions: 'noteEpochs' },
    'promise.received': { actions: 'noteEpochs' },
    'nack.received': { actions: 'noteEpochs' },
    'peer.connected': {
      actions: { type: 'noteConnected', params: ({ event }) => ({ peer: event.peer, priority: event.hello.priority }) },
    },
    'peer.disconnected': { actions: [{ type: 'noteDisconnected', params: ({ event }) => event }, 'wakeUp'] },
    'rtt.measured': { actions: ({ context, event }) => context.ballot.noteRtt(event.peer, event.rttMs) },
    'log.reported': {
      actions: ({ context: { ballot }, event }) => {
        ballot.position = event.position;
        ballot.noteFsync(event.fsyncMs);
      },
    },
    'peer.near': { actions: ({ context, event }) => context.ballot.noteNear(event.peer, event.near, now({ context })) },
    'disk.filled': { actions: { type: 'noteDisk', params: true } },
    'disk.freed': { actions: { type: 'noteDisk', params: false } },
    'node.bound': { actions: ['noteBound', 'wakeUp'] },
    'damage.cleared': { actions: 'noteHealed' },
    'node.leave': { actions: ['noteLeaving', 'announceLeft'] },
  },
  states: {
    follower: {
      entry: 'wakeUp',
      on: {
        'probe.consider': { guard: 'mayProbe', target: 'probing' },
        'handover.received': {
          guard: 'isHandoverToMe',
          target: 'candidate',
          actions: { type: 'campaign', params: ({ event }) => ({ epoch: event.frame.epoch, by: event.peer }) },
        },
      },
    },
    probing: {
      entry: 'sendProbes',
      always: { guard: 'hasProbeMajority', target: 'candidate', actions: { type: 'campaign', params: null } },
      after: { probing: { target: 'follower', actions: 'retryLater' } },
      on: {
        'probeOk.received': { actions: ['noteEpochs', 'countOk'] },
        // Bully's OK never vetoes: only missing OKs do (R14).
        'probeNo.received': [
          { guard: 'isRefusedByLeader', target: 'follower', actions: ['noteEpochs', 'backOff'] },
          { actions: 'noteEpochs' },
        ],
        'ping.received': [{ guard: 'namesNewerLeader', target: 'follower', actions: 'notePing' }, { actions: 'notePing' }],
      },
    },
    candidate: {
      always: [
        { guard: 'wonWithOwnLog', target: 'inOffice' },
        { guard: 'wonWithAnothersLog', target: 'adopting', actions: 'adopt' },
      ],
      after: { candidate: { target: 'follower', actions: 'retryLater' } },
      on: {
        'promise.persisted': { actions: ['noteDurable', 'prepare'] },
        'promise.received': { actions: ['noteEpochs', 'countPromise'] },
        'nack.received': [
          { guard: 'isPreempted', target: 'follower', actions: ['noteEpochs', 'retryLater'] },
          { actions: 'noteEpochs' },
        ],
        'ping.received': [{ guard: 'namesNewerLeader', target: 'follower', actions: 'notePing' }, { actions: 'notePing' }],
      },
    },
    adopting: {
      after: { adopting: { target: 'follower', actions: ['halt', 'retryLater'] } },
      on: {
        // Every batch renews the time that an adoption may take.
        'adoption.renewed': { target: 'adopting', reenter: true },
        'log.adopted': { guard: 'isMine', target: 'inOffice' },
        'adoption.failed': { guard: 'isMine', target: 'follower', actions: ['halt', 'retryLater'] },
        'nack.received': [
          { guard: 'isPreempted', target: 'follower', actions: ['noteEpochs', 'halt', 'retryLater'] },
          { actions: 'noteEpochs' },
        ],
        'ping.received': [
          { guard: 'namesNewerLeader', target: 'follower', actions: ['halt', 'notePing'] },
          { actions: 'notePing' },
        ],
      },
    },
    inOffice: {
      entry: 'lead',
      initial: 'establishing',
      on: {
        'heartbeat.due': { actions: ['noteLate', { type: 'ping', params: true }, 'armHeartbeat', 'checkOffice'] },
        'wake.due': {},
        'office.check': {
          guard: 'lostQuorum',
          target: 'follower',
          actions: { type: 'stepDown', params: 'no majority answers its heartbeats' },
        },
        'ping.received': [
          {
            guard: 'namesNewerLeader',
            target: 'follower',
            actions: [{ type: 'stepDown', params: 'a newer leader is there' }, 'notePing'],
          },
          { actions: 'notePing' },
        ],
        'probe.received': { actions: { type: 'answerProbe', params: ({ context }) => leads(context) } },
        'prepare.received': [
          {
            guard: 'promisesAsLeader',
            target: 'follower',
            actions: ['yieldOffice', 'promiseToCandidate'],
          },
          { actions: { type: 'refusePrepare', params: ({ context }) => leads(context) } },
        ],
        'append.strange': [
          {
            guard: 'isStrangeAndDue',
            target: 'follower',
            actions: [{ type: 'stepDown', params: 'a newer leader appends' }, 'holdAppend'],
          },
          { actions: 'nackAppend' },
        ],
        'nack.received': [
          {
            guard: 'followsNewer',
            target: 'follower',
            actions: ['noteEpochs', { type: 'stepDown', params: 'a newer leader is there' }],
          },
          { actions: 'noteEpochs' },
        ],
        'office.stuck': {
          guard: 'isMine',
          target: 'follower',
          actions: [{ type: 'stepDown', params: ({ event }) => event.reason }, 'turnGrey'],
        },
        'disk.filled': { actions: [{ type: 'noteDisk', params: true }, 'checkOffice'] },
        'node.leave': { actions: ['noteLeaving', 'checkOffice'] },
      },
      states: {
        establishing: { on: { 'barrier.committed': { guard: 'isMine', target: 'leading' } } },
        leading: {
          entry: 'established',
          on: {
            'office.check': [
              {
                guard: 'lostQuorum',
                target: '#election.follower',
                actions: { type: 'stepDown', params: 'no majority answers its heartbeats' },
              },
              { guard: 'hasSuccessor', target: 'draining' },
              { guard: 'hasNobodyToFollow', actions: 'announceLeft' },
            ],
            'nack.received': [
              { guard: 'mustRenewByNack', target: '#election.candidate', actions: ['noteEpochs', 'renew'] },
              {
                guard: 'followsNewer',
                target: '#election.follower',
                actions: ['noteEpochs', { type: 'stepDown', params: 'a newer leader is there' }],
              },
              { actions: 'noteEpochs' },
            ],
            'ping.received': [
              {
                guard: 'namesNewerLeader',
                target: '#election.follower',
                actions: [{ type: 'stepDown', params: 'a newer leader is there' }, 'notePing'],
              },
              { guard: 'mustRenewByPing', target: '#election.candidate', actions: ['notePing', 'renew'] },
              { actions: 'notePing' },
            ],
          },
        },
        draining: {
          entry: 'drain',
          after: { handover: { target: 'leading', actions: 'resume' } },
          on: {
            'office.drained': { guard: 'isDrainedOffice', actions: 'sendHandover' },
            'peer.disconnected': [
              {
                guard: 'isDrainedPeer',
                target: 'leading',
                actions: [{ type: 'noteDisconnected', params: ({ event }) => event }, 'resume'],
              },
              { actions: { type: 'noteDisconnected', params: ({ event }) => event } },
            ],
          },
        },
      },
    },
  },
});

function armWake({ ballot, wake, clock }: ElectionContext): void {
  const at = clock.now();
  const due = ballot.leaderAlive(at) ? ballot.leaderHeardAt + ballot.timing.suspectMs + 1 : ballot.probeAt(at);
  wake.by(Math.max(at + minWakeMs, due));
}
/** A leaderless node looks so often whether it may probe. */
const minWakeMs = 4;

/** R2: opens an own epoch, and lets the log store make it durable. */
function campaign(args: Args, token: HandoverToken | null): void {
  const { context, self, system } = args;
  const { ballot, log, failpoints } = context;
  ballot.token = token;
  ballot.ledAt = Number.POSITIVE_INFINITY;
  const epoch = ballot.openEpoch();
  if (ballot.leader !== null) {
    ballot.loseLeader(now(args));
    announceLeader(args);
  }
  halt(args, true);
  failpoints.reach('promise.written');
  tell({ self, system }, 'metrics', { type: 'election.begun' });
  log.write('info', 'election_started', `campaigns in epoch ${epoch}`, { epoch, handover: token !== null });
}

function endOffice(args: Args, level: 'info' | 'warn', reason: string): void {
  const { ballot, log } = args.context;
  log.write(level, 'leader_stepped_down', reason, { epoch: ballot.promised });
  halt(args);
  ballot.ledAt = Number.POSITIVE_INFINITY;
  if (ballot.leader?.id !== ballot.self) return;
  ballot.loseLeader(now(args));
  announceLeader(args);
}

function loseSilentLeader(args: Args): void {
  const { ballot } = args.context;
  if (ballot.leader === null || ballot.leader.id === ballot.self || ballot.leaderAlive(now(args))) return;
  ballot.loseLeader(now(args));
  announceLeader(args);
}

/** Takes the office of a follower and hands over what came meanwhile. */
function follow({ context, self, system }: Args, epoch: Epoch): void {
  const { ballot, held } = context;
  if (ballot.hearLeader(epoch, now({ context }))) announceLeader({ context, self, system });
  const appends = held.splice(0).filter(({ frame }) => frame.epoch === epoch);
  tell({ self, system }, 'replicator', { type: 'office.following', epoch, leader: ownerOf(epoch), appends });
}
