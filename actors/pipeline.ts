/**
 * Pipeline: the way of the messages through the node: batches, acknowledgements, the commit (R5-R11, R24, PROTOCOL §6).
 * The hot path: a service, so that an event costs next to nothing. What it does depends on the office that the election
 * gave it by way of the replicator.
 *
 *   halted      promised to somebody, or nobody leads       following   a leader's batches come in
 *   adopting    elected, fetching the best log              leading     batches go out
 *
 * A1. Only the office of the newest epoch works: an APPEND of any other epoch goes to the election, which owns `promised`.
 * A2. A halted pipeline writes nothing (R3); what the log store still has to write was taken before the promise.
 */
import { send } from './clock.ts';
import type { FrameReceived, PipelineEvent, Recovered } from './events.ts';
import { Adopter } from './pipeline/adopter.ts';
import { Core, type CoreInput, type Office } from './pipeline/core.ts';
import { Donor } from './pipeline/donor.ts';
import { Follower } from './pipeline/follower.ts';
import { Leader } from './pipeline/leader.ts';
import type { NodeId } from './protocol/epoch.ts';
import type { Ping } from './protocol/frames.ts';
import { LogicalLog } from './protocol/logicalLog.ts';
import type { Timing } from './protocol/timing.ts';
import { type Scope, type ServiceLogic, service, tell } from './system.ts';

export interface PipelineInput extends CoreInput {
  readonly recovered: Recovered;
  /** How much of the log's end stays in memory for followers that are a little behind. */
  readonly tailBytes: number;
}

const halted: Office = { kind: 'halted', persisted: () => undefined };
/** Answers that stay away for so many suspicions on an open connection are asked for again. */
const unansweredSuspicions = 8;

export class Pipeline {
  readonly core: Core;
  office: Office | Follower | Adopter | Leader = halted;
  readonly #donor: Donor;
  /** Voters with a greeted connection. */
  readonly #connected = new Set<NodeId>();
  /** Where the log ended at the last heartbeats, for "near" (R17). */
  #ends: { readonly at: number; readonly last: number }[] = [];
  readonly #near = new Set<NodeId>();

  constructor(input: PipelineInput, scope: Scope) {
    const { recovered } = input;
    const log = new LogicalLog(recovered.log, input.tailBytes);
    this.core = new Core(input, log, recovered.keys, recovered.identity.damaged, scope);
    this.#donor = new Donor(this.core);
  }

  receive(event: PipelineEvent): void {
    const { core, office } = this;
    switch (event.type) {
      case 'append.received':
        if (office instanceof Follower && event.frame.epoch === office.epoch) return office.append(event);
        return tell(core.scope, 'election', { type: 'append.strange', received: event });
      case 'ack.received':
        if (office instanceof Leader) office.acknowledged(event);
        return;
      case 'log.persisted':
        core.persisted(event.ticket, event.ms);
        return office.persisted();
      case 'batch.stamped':
        if (office instanceof Leader && office.epoch === event.epoch) office.stamped(event.firstLamport);
        return;
      case 'write.submitted':
        if (office instanceof Leader) return office.forwarded(core.self, event.epoch, event.writes);
        return tell(core.scope, 'ingress', {
          type: 'write.refused',
          answer: {
            kind: 'forwardNo',
            ns: event.writes.map(({ write }) => write.tag.n),
            certain: true,
            reason: 'notLeader',
          },
        });
      case 'forward.received':
        return this.#forwarded(event);
      case 'reject.received':
        if (office instanceof Leader) office.rejected(event);
        return;
      case 'fetch.received':
        return this.#donor.fetched(event);
      case 'data.received':
        if (office instanceof Adopter) office.data(event);
        return;
      case 'fetchBack.received':
        if (office instanceof Adopter) office.wentBack(event);
        return;
      case 'gone.received':
        if (office instanceof Adopter) office.gone(event);
        return;
      case 'log.read-back':
        if (event.purpose === 'data') return this.#donor.serve(event.peer, event.epoch, event.batches);
        if (office instanceof Leader && office.epoch === event.epoch)
          office.readBack(event.peer, event.after, event.batches);
        return;
      case 'readIndex.received':
        if (office instanceof Leader) return office.readIndex(event.peer, event.frame.nonce);
        return core.send(event.peer, { kind: 'readIndexNo', nonce: event.frame.nonce });
      case 'readIndex.local':
        if (office instanceof Leader) return office.readIndex(core.self, event.nonce);
        return tell(core.scope, 'sessions', { type: 'readIndex.refused', nonce: event.nonce });
      case 'ping.fill':
        return this.#fillPing(event.ping, event.timing, event.quorumConnected);
      case 'ping.noted':
        return this.#pinged(event);
      case 'peer.connected':
        return this.#greet(event.peer, event.hello.boot);
      case 'peer.disconnected':
        this.#connected.delete(event.peer);
        this.#setNear(event.peer, false);
        if (office instanceof Leader) office.disconnected(event.peer);
        if (office instanceof Adopter) office.disconnected(event.peer);
        return;
      case 'messages.read':
        return this.#readMessages(event);
      case 'disk.filled':
        core.diskFull = true;
        return;
      case 'disk.freed':
        core.diskFull = false;
        if (office instanceof Leader) office.flush();
        return;
      case 'damage.cleared':
        core.damaged = false;
        if (office instanceof Follower) office.healed();
        return;
      default:
        this.#changeOffice(event);
    }
  }

  #changeOffice(event: Extract<PipelineEvent, { type: `office.${string}` }>): void {
    const { core, office } = this;
    switch (event.type) {
      case 'office.draining':
        if (office instanceof Leader) office.drainFor(event.peer);
        return;
      case 'office.resumed':
        if (office instanceof Leader) office.resume();
        return;
      case 'office.halted':
        this.#leaveOffice(halted);
        this.#donor.serves = event.promised;
        if (event.isNew) tell(core.scope, 'store', { type: 'promise.persist', epoch: event.promised });
        return;
      case 'office.following': {
        const follower =
          office instanceof Follower && office.epoch === event.epoch
            ? office
            : new Follower(core, event.epoch, event.leader);
        if (follower !== office) this.#leaveOffice(follower);
        for (const received of event.appends) follower.append(received);
        return;
      }
      case 'office.adopting':
        return this.#leaveOffice(new Adopter(core, event.epoch, event.donor, event.target));
      case 'office.leading':
        return this.#leaveOffice(new Leader(core, event.epoch, this.#connected));
    }
  }

  #leaveOffice(next: Office): void {
    if (this.office instanceof Leader) this.office.end();
    for (const peer of [...this.#near]) this.#setNear(peer, false);
    this.#ends = [];
    this.#donor.serves = 0;
    this.office = next;
  }

  /** R24: drops what the peer's older connection brought, then answers its HELLO. */
  #greet(peer: NodeId, boot: number): void {
    const { core, office } = this;
    this.#connected.add(peer);
    core.peerBoots.set(peer, boot);
    const leader = office instanceof Leader ? office : null;
    leader?.disconnected(peer);
    core.send(peer, {
      kind: 'greeted',
      epoch: leader?.epoch ?? 0,
      appended: leader?.appendedFrom(peer, boot) ?? 0,
      last: core.log.last.index,
    });
    leader?.connected(peer);
  }

  #forwarded({ peer, frame }: FrameReceived<'forward'>): void {
    const { core, office } = this;
    if (office instanceof Leader) return office.forwarded(peer, frame.epoch, frame.writes);
    const ns = frame.writes.map(({ write }) => write.tag.n);
    if (ns.length > 0) core.send(peer, { kind: 'forwardNo', ns, certain: true, reason: 'notLeader' });
  }

  #readMessages({ afterId, maxBytes, reply }: Extract<PipelineEvent, { type: 'messages.read' }>): void {
    const { log, scope } = this.core;
    const batches = log.committedAfterId(afterId, maxBytes);
    if (batches !== 'cold') return reply(batches);
    const commit = log.commit;
    tell(scope, 'store', {
      type: 'messages.read',
      afterId,
      maxBytes,
      reply: (read) => reply(read.filter(({ endIndex }) => endIndex <= commit)),
    });
  }

  /** Adds to the election's ping what only this actor knows, and sends it to all. */
  #fillPing(partial: Ping, timing: Timing, quorumConnected: boolean): void {
    const { core, office } = this;
    const follower = office instanceof Follower && !core.damaged ? office : null;
    const ping: Ping = {
      ...partial,
      commit: core.log.commit,
      position: core.log.last,
      readRound: office instanceof Leader ? office.reads.round : 0,
      confirmEpoch: follower?.epoch ?? 0,
      confirmRound: follower?.heardRound ?? 0,
    };
    for (const peer of core.peers) send(core.scope, peer, ping);
    core.report();
    if (office instanceof Leader) this.#watch(office, timing, quorumConnected);
  }

  /** Every heartbeat of a leader: who is near (R17), and whether anything moves (R23). */
  #watch(leader: Leader, timing: Timing, quorumConnected: boolean): void {
    const now = this.core.clock.now();
    leader.tick(unansweredSuspicions * timing.suspectMs);
    const ends = this.#ends;
    ends.push({ at: now, last: this.core.log.last.index });
    // What was written less than a round trip ago a peer cannot have acknowledged, however good it is.
    const [longest = 0] = [...leader.progress.values()].map(({ quickestMs }) => quickestMs).sort((a, b) => b - a);
    const since = now - 2 * timing.heartbeatMs;
    while (ends.length > 1 && (ends[1]?.at ?? now) <= since - longest) ends.shift();
    for (const [peer, progress] of leader.progress) {
      const mark = ends.findLast(({ at }) => at <= since - progress.quickestMs) ?? ends[0];
      const isNear = !progress.probing && progress.match >= (mark?.last ?? 0);
      this.#setNear(peer, leader.established && isNear);
    }
    if (leader.uncommitted && quorumConnected && now - leader.movedAt > 4 * timing.suspectMs)
      this.#stuck(leader, 'nothing was acknowledged although a majority answers pings');
    if (!this.core.storeIdle && now - this.core.writingSince > fsyncStuckMs)
      this.#stuck(leader, 'its disk does not answer');
  }

  #stuck({ epoch }: Leader, reason: string): void {
    tell(this.core.scope, 'election', { type: 'office.stuck', epoch, reason });
  }

  #setNear(peer: NodeId, near: boolean): void {
    if (this.#near.has(peer) === near) return;
    if (near) this.#near.add(peer);
    else this.#near.delete(peer);
    tell(this.core.scope, 'election', { type: 'peer.near', peer, near });
  }

  /** The election has dealt with it; here count the leader's news, and confirmations of reads. */
  #pinged({ peer, ping, rttMs }: Extract<PipelineEvent, { type: 'ping.noted' }>): void {
    const { office } = this;
    if (office instanceof Leader && rttMs >= 0) office.progress.get(peer)?.noteRoundTrip(rttMs);
    if (office instanceof Follower && peer === office.leader && rttMs >= 0)
      tell(this.core.scope, 'ingress', { type: 'leader.measured', rttMs });
    if (office instanceof Leader && ping.receiving) office.receiving(peer);
    if (office instanceof Follower && peer === office.leader && ping.leading === office.epoch) office.pinged(ping);
    if (office instanceof Leader && ping.confirmEpoch === office.epoch) office.confirmed(peer, ping.confirmRound);
  }
}

const fsyncStuckMs = 1000;

export const pipeline: ServiceLogic<PipelineEvent, PipelineInput> = service(
  (input: PipelineInput, scope) => new Pipeline(input, scope),
);
