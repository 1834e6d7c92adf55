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
import { raise, setup } from 'xstate';
import { withPulse } from './election/pulse.ts';
import {
  adopt,
  afterPromise,
  announceLeader,
  answerProbe,
  armHeartbeat,
  armWake,
  campaign,
  drain,
  type ElectionContext,
  type ElectionInput,
  type Events,
  endOffice,
  follows,
  halt,
  holdAppend,
  isPrepare,
  lead,
  leads,
  loseSilentLeader,
  nackAppend,
  noteDisconnected,
  noteLate,
  notePing,
  now,
  ping,
  prepare,
  promiseToCandidate,
  refusePrepare,
  resume,
  sendHandover,
  sendProbes,
} from './election/steps.ts';
import { Ballot, type Standing } from './protocol/ballot.ts';
import type { NodeId, Position } from './protocol/epoch.ts';
import type { HandoverToken } from './protocol/frames.ts';
import { tell } from './system.ts';
import { Wake } from './wake.ts';

export type { ElectionContext, ElectionInput } from './election/steps.ts';

const promisesTo = (context: ElectionContext, event: Events, standing: Standing): boolean =>
  isPrepare(event) && context.ballot.judgePrepare(event.frame, event.peer, standing, context.clock.now()) === 'promise';

const chart = setup({
  types: { input: {} as ElectionInput, context: {} as ElectionContext, events: {} as Events },
  delays: {
    probing: ({ context }) => context.ballot.timing.probingMs,
    candidate: ({ context }) => context.ballot.campaignMs,
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
    namesNewerLeader: ({ context: { ballot }, event }) =>
      event.type === 'ping.received' && ballot.namesLeader(event.frame),
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
      event.type === 'nack.received' &&
      event.frame.refused === ballot.promised &&
      event.frame.seenEpoch > ballot.promised,
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
      // Who follows a newer leader promised no campaign that died.
      context.ballot.mustRenew(
        event.frame.promised,
        Math.max(event.frame.leading, event.frame.confirmEpoch),
        now({ context }),
      ),
    isDrainedPeer: ({ context, event }) => 'peer' in event && event.peer === context.office.drainingFor,
    isDrainedOffice: ({ context, event }) =>
      event.type === 'office.drained' &&
      event.epoch === context.ballot.promised &&
      event.peer === context.office.drainingFor &&
      !context.office.handoverSent,
  },
  actions: {
    // ------------------------------------------------------------------------------------------ for everybody
    armHeartbeat,
    /** Looks at what has become due: a silent leader, then (`considerProbe`) a probe. */
    lookAround: ({ context, event, self, system }) => {
      if (event.type === 'wake.due') context.ballot.noteTimer(context.wake.firedFor, now({ context }));
      loseSilentLeader({ context, self, system });
      armWake(context);
    },
    considerProbe: raise({ type: 'probe.consider' }),
    checkOffice: raise({ type: 'office.check' }),
    noteLate,
    ping,
    notePing,
    noteEpochs: ({ context: { ballot }, event }) => {
      if ('frame' in event && 'seenEpoch' in event.frame) ballot.see(event.frame.seenEpoch);
      if ('frame' in event && 'epoch' in event.frame) ballot.see(event.frame.epoch);
    },
    noteLog: ({ context: { ballot } }, { position, fsyncMs }: { position: Position; fsyncMs: number }) => {
      ballot.position = position;
      ballot.noteFsync(fsyncMs);
    },
    noteReceiving: ({ context }, peer: NodeId) => context.ballot.receiving(peer, now({ context })),
    noteNear: ({ context }, { peer, near }: { peer: NodeId; near: boolean }) =>
      context.ballot.noteNear(peer, near, now({ context })),
    noteConnected: ({ context: { ballot } }, { peer, priority }: { peer: NodeId; priority: number }) =>
      ballot.table.greeted(peer, priority),
    noteDisconnected,
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
      if (event.type === 'promise.persisted') ballot.notePromised(event.epoch, event.ms);
    },

    // -------------------------------------------------------------------------------------------------- voting
    answerProbe,
    promiseToCandidate,
    refusePrepare,
    afterPromise,
    holdAppend,
    nackAppend,

    // --------------------------------------------------------------------------------------------- campaigning
    sendProbes,
    countOk: ({ context: { ballot }, event }) => {
      if (event.type === 'probeOk.received' && event.frame.nonce === ballot.nonce) ballot.oks.add(event.peer);
    },
    backOff: ({ context }) => context.ballot.retryAfterRefusal(now({ context }), context.dice.next()),
    retryLater: ({ context }) => context.ballot.retryAfterFailure(now({ context }), context.dice.next()),
    campaign: ({ context, self, system }, token: HandoverToken | null) => campaign({ context, self, system }, token),
    /** R18: with a higher epoch, without probing. */
    renew: ({ context, self, system }) => campaign({ context, self, system }, null),
    halt: ({ context, self, system }) => halt({ context, self, system }),
    prepare,
    countPromise: ({ context: { ballot }, event }) => {
      if (event.type === 'promise.received' && event.frame.epoch === ballot.promised)
        ballot.promises.set(event.peer, event.frame.position);
    },
    adopt,

    // ------------------------------------------------------------------------------------------------- leading
    lead,
    established: ({ context, self, system }) => announceLeader({ context, self, system }, true),
    stepDown: ({ context, self, system }, reason: string) => {
      endOffice({ context, self, system }, 'warn', reason);
      if (context.ballot.leaving) tell({ self, system }, 'node', { type: 'office.left' });
    },
    /** Not left yet: the promise to the successor is still on its way. */
    yieldOffice: ({ context, self, system }) => endOffice({ context, self, system }, 'info', 'handed the lead over'),
    turnGrey: ({ context }) => context.ballot.turnGrey(now({ context })),
    drain,
    sendHandover,
    resume,
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
    'heartbeat.due': {
      actions: ['noteLate', { type: 'ping', params: false }, 'armHeartbeat', 'lookAround', 'considerProbe'],
    },
    'wake.due': { actions: ['lookAround', 'considerProbe'] },
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
    'peer.disconnected': {
      actions: [{ type: 'noteDisconnected', params: ({ event }) => event }, 'lookAround', 'considerProbe'],
    },
    'log.reported': { actions: { type: 'noteLog', params: ({ event }) => event } },
    'peer.receiving': { actions: { type: 'noteReceiving', params: ({ event }) => event.peer } },
    'peer.near': { actions: { type: 'noteNear', params: ({ event }) => event } },
    'disk.filled': { actions: { type: 'noteDisk', params: true } },
    'disk.freed': { actions: { type: 'noteDisk', params: false } },
    'node.bound': { actions: ['noteBound', 'lookAround', 'considerProbe'] },
    'damage.cleared': { actions: 'noteHealed' },
    'node.leave': { actions: ['noteLeaving', 'announceLeft'] },
  },
  states: {
    follower: {
      entry: ['lookAround', 'considerProbe'],
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
        'ping.received': [
          { guard: 'namesNewerLeader', target: 'follower', actions: 'notePing' },
          { actions: 'notePing' },
        ],
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
        'ping.received': [
          { guard: 'namesNewerLeader', target: 'follower', actions: 'notePing' },
          { actions: 'notePing' },
        ],
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
        establishing: { on: { 'barrier.committed': { guard: 'isMine', target: 'leading', actions: 'established' } } },
        leading: {
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

export const election = withPulse(chart);
