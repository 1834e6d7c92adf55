/**
 * The steps of an election that take more than one effect: what is told to whom, in which order. When they are taken is the
 * statechart's business (election.ts), why the ballot's.
 */

import type { ActorRef, AnyMachineSnapshot } from 'xstate';
import { send } from '../clock.ts';
import type { ElectionEvent, FrameReceived } from '../events.ts';
import type { Clock, Dice, Failpoints, LogLines } from '../ports.ts';
import type { Ballot, BallotInput, Standing } from '../protocol/ballot.ts';
import { type Epoch, type NodeId, ownerOf } from '../protocol/epoch.ts';
import type { HandoverToken } from '../protocol/frames.ts';
import { tell } from '../system.ts';
import type { Wake } from '../wake.ts';

export interface ElectionInput extends Omit<BallotInput, 'now'> {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly failpoints: Failpoints;
  readonly log: LogLines;
}

export type Events =
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

export type Args = { readonly context: ElectionContext; readonly self: unknown; readonly system: unknown };
/** What XState hands to an action. */
export type Acting = Args & { readonly event: Events };
export const now = ({ context }: Pick<Args, 'context'>): number => context.clock.now();
export const peers = ({ ballot }: ElectionContext): readonly NodeId[] => ballot.table.peers;
export const isPrepare = (event: Events): event is FrameReceived<'prepare'> => event.type === 'prepare.received';
/** APPENDs held during one promise: a leader's window is not more. */
const maxHeld = 512;

export const follows: Standing = { leads: false, drainingFor: null };
export const leads = (context: ElectionContext): Standing => ({ leads: true, drainingFor: context.office.drainingFor });

export function announceLeader({ context, self, system }: Args, established = false): void {
  const { leader } = context.ballot;
  const event = { type: 'leader.changed', leader: leader?.id ?? null, epoch: leader?.epoch ?? 0, established } as const;
  for (const name of ['gateway', 'ingress', 'sessions', 'formation'] as const) tell({ self, system }, name, event);
  if (leader && (leader.id !== context.ballot.self || established)) {
    tell({ self, system }, 'metrics', { type: 'leader.counted', self: leader.id === context.ballot.self });
    context.log.write('info', 'leader_elected', `node ${leader.id} leads in epoch ${leader.epoch}`, {
      leader: leader.id,
      epoch: leader.epoch,
    });
  }
  if (leader) return;
  tell({ self, system }, 'metrics', { type: 'leader.missed' });
  context.log.write('warn', 'leader_lost', 'no leader', {});
}

/** Promises in memory at once; the pipeline halts, and then lets the log store make it durable (R3). */
export function promise(args: Args, epoch: Epoch): void {
  args.context.ballot.promise(epoch);
  halt(args, true);
  args.context.failpoints.reach('promise.written');
}
export function halt({ context, self, system }: Args, isNew = false): void {
  tell({ self, system }, 'replicator', { type: 'office.halted', promised: context.ballot.promised, isNew });
}

export function armHeartbeat({ context, self }: Args): void {
  const { clock, timers, ballot } = context;
  const election = self as ActorRef<AnyMachineSnapshot, Events>;
  timers.heartbeatAt = clock.now() + ballot.timing.heartbeatMs;
  clock.setTimeout(() => election.send({ type: 'heartbeat.due' }), ballot.timing.heartbeatMs);
}
/** R20; and a disk that had nothing to write was not slow. */
export function noteLate({ context }: Args): void {
  const { ballot, timers } = context;
  ballot.noteTimer(timers.heartbeatAt, now({ context }));
  ballot.noteFsync(0);
  ballot.retime();
}
export function armWake({ ballot, wake, clock }: ElectionContext): void {
  const at = clock.now();
  const due = ballot.leaderAlive(at) ? ballot.leaderHeardAt + ballot.timing.suspectMs + 1 : ballot.probeAt(at);
  wake.by(Math.max(at + minWakeMs, due));
}
/** A leaderless node looks so often whether it may probe. */
const minWakeMs = 4;

/** R2: opens an own epoch, and lets the log store make it durable. */
export function campaign(args: Args, token: HandoverToken | null): void {
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

export function endOffice(args: Args, level: 'info' | 'warn', reason: string): void {
  const { ballot, log } = args.context;
  log.write(level, 'leader_stepped_down', reason, { epoch: ballot.promised });
  halt(args);
  ballot.ledAt = Number.POSITIVE_INFINITY;
  if (ballot.leader?.id !== ballot.self) return;
  ballot.loseLeader(now(args));
  announceLeader(args);
}

export function loseSilentLeader(args: Args): void {
  const { ballot } = args.context;
  if (ballot.leader === null || ballot.leader.id === ballot.self || ballot.leaderAlive(now(args))) return;
  ballot.loseLeader(now(args));
  announceLeader(args);
}

/** Takes the office of a follower and hands over what came meanwhile. */
export function follow({ context, self, system }: Args, epoch: Epoch): void {
  const { ballot, held } = context;
  if (ballot.hearLeader(epoch, now({ context }))) announceLeader({ context, self, system });
  const appends = held.splice(0).filter(({ frame }) => frame.epoch === epoch);
  tell({ self, system }, 'replicator', { type: 'office.following', epoch, leader: ownerOf(epoch), appends });
}

export function ping({ context, self, system }: Acting, leading: boolean): void {
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
      receiving: false,
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
}

export function notePing({ context, event, self, system }: Acting): void {
  if (event.type !== 'ping.received') return;
  const { ballot } = context;
  const { peer, frame, roundTripSentAt, rttMs } = event;
  if (rttMs >= 0) ballot.noteRtt(peer, rttMs, now({ context }));
  ballot.pinged(peer, frame, roundTripSentAt, now({ context }));
  if (ballot.namesLeader(frame) && ballot.hearLeader(frame.leading, now({ context })))
    announceLeader({ context, self, system });
  tell({ self, system }, 'pipeline', { type: 'ping.noted', peer, ping: frame, rttMs });
}

/** R19: a connection that the other side or the network closed is known at once; silence takes TS. */
export function noteDisconnected(
  { context, self, system }: Acting,
  { peer, byThisSide }: { peer: NodeId; byThisSide: boolean },
): void {
  const { ballot } = context;
  ballot.forgetRtt(peer);
  if (byThisSide) return;
  ballot.table.closed(peer);
  if (ballot.leader?.id !== peer) return;
  ballot.loseLeader(now({ context }));
  announceLeader({ context, self, system });
}

export function answerProbe({ context, event, self, system }: Acting, standing: Standing): void {
  if (event.type !== 'probe.received') return;
  const { ballot } = context;
  const { nonce } = event.frame;
  const verdict = ballot.judgeProbe(event.peer, standing, now({ context }));
  const answer = { nonce, seenEpoch: ballot.seen };
  send(
    { self, system },
    event.peer,
    verdict === 'ok' ? { kind: 'probeOk', ...answer } : { kind: 'probeNo', reason: verdict, ...answer },
  );
  // Bully's OK: "I am higher, and I take it from here." Never before the boot grace has ended.
  if (verdict === 'bully') {
    ballot.takeOver(now({ context }));
    armWake(context);
  }
}

export function promiseToCandidate({ context, event, self, system }: Acting): void {
  if (!isPrepare(event)) return;
  const { ballot } = context;
  ballot.loseLeader(now({ context }));
  ballot.awaitCandidate(now({ context }), event.frame);
  promise({ context, self, system }, event.frame.epoch);
  announceLeader({ context, self, system });
}

export function refusePrepare({ context, event, self, system }: Acting, standing: Standing): void {
  if (!isPrepare(event)) return;
  const { ballot } = context;
  const verdict = ballot.judgePrepare(event.frame, event.peer, standing, now({ context }));
  if (verdict === 'again') tell({ self, system }, 'store', { type: 'promise.persist', epoch: event.frame.epoch });
  else send({ self, system }, event.peer, ballot.nack(event.frame.epoch, standing, now({ context })));
}

/** The promise is durable: tell its owner, or follow the leader whose APPEND brought it. */
export function afterPromise({ context, event, self, system }: Acting): void {
  if (event.type !== 'promise.persisted') return;
  const { ballot, held, failpoints } = context;
  if (ballot.leaving) tell({ self, system }, 'node', { type: 'office.left' });
  if (event.epoch !== ballot.promised) return; // R3a: a higher promise came meanwhile.
  failpoints.reach('promise.persisted');
  const owner = ownerOf(event.epoch);
  if (held.some(({ frame }) => frame.epoch === event.epoch)) follow({ context, self, system }, event.epoch);
  else if (owner !== ballot.self)
    send({ self, system }, owner, { kind: 'promise', epoch: event.epoch, position: event.position });
}

/** An APPEND of a leader that this node has not followed so far: it waits until the promise is durable (R7). */
export function holdAppend({ context, event, self, system }: Acting): void {
  if (event.type !== 'append.strange') return;
  const { ballot, held } = context;
  const { epoch } = event.received.frame;
  if (held.length < maxHeld) held.push(event.received);
  if (epoch > ballot.promised) promise({ context, self, system }, epoch);
  else if (ballot.durable === epoch) follow({ context, self, system }, epoch);
}

export function nackAppend({ context, event, self, system }: Acting): void {
  if (event.type !== 'append.strange') return;
  const { peer, frame } = event.received;
  const standing = context.ballot.ledAt === Number.POSITIVE_INFINITY ? follows : leads(context);
  send({ self, system }, peer, context.ballot.nack(frame.epoch, standing, now({ context })));
}

export function sendProbes({ context, self, system }: Acting): void {
  const { ballot } = context;
  ballot.nonce++;
  ballot.oks.clear();
  ballot.oks.add(ballot.self);
  for (const peer of peers(context)) send({ self, system }, peer, { kind: 'probe', nonce: ballot.nonce });
}

export function prepare({ context, event, self, system }: Acting): void {
  if (event.type !== 'promise.persisted' || event.epoch !== context.ballot.promised) return;
  const { ballot, failpoints } = context;
  failpoints.reach('promise.persisted');
  ballot.promises.set(ballot.self, event.position);
  for (const peer of peers(context))
    send({ self, system }, peer, { kind: 'prepare', epoch: event.epoch, handover: ballot.token });
}

export function adopt({ context, self, system }: Acting): void {
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
}

export function lead({ context, self, system }: Acting): void {
  const { ballot, office } = context;
  office.drainingFor = null;
  ballot.beginLeading(now({ context }));
  tell({ self, system }, 'replicator', { type: 'office.leading', epoch: ballot.promised });
  announceLeader({ context, self, system });
}

export function drain({ context, self, system }: Acting): void {
  const { ballot, office, log } = context;
  const peer = ballot.successor(now({ context }));
  office.drainingFor = peer;
  office.handoverSent = false;
  if (peer === null) return;
  log.write('info', 'handover_started', `hands the lead over to node ${peer}`, { peer, epoch: ballot.promised });
  tell({ self, system }, 'replicator', { type: 'office.draining', peer });
}

export function sendHandover({ context, self, system }: Acting): void {
  const { ballot, office, failpoints } = context;
  office.handoverSent = true;
  if (office.drainingFor !== null)
    send({ self, system }, office.drainingFor, { kind: 'handover', epoch: ballot.promised });
  failpoints.reach('handover.sent');
}

export function resume({ context, self, system }: Acting): void {
  const { ballot, office, log } = context;
  if (office.drainingFor !== null) {
    ballot.noteFailedHandover(office.drainingFor);
    log.write('warn', 'handover_failed', `node ${office.drainingFor} did not take the lead in time`, {
      peer: office.drainingFor,
    });
  }
  office.drainingFor = null;
  tell({ self, system }, 'replicator', { type: 'office.resumed' });
}
