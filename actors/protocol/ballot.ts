/**
 * Ballot: what a voter knows about leadership, and what it decides from that (R2-R4, R12-R18, R20, R23). Reads no clock
 * and sends nothing: the election actor says when.
 *
 * A1. `promised` never decreases (R1).
 * A2. A leader that this voter hears is not voted against, but by itself or by the one it hands over to (R12, R17).
 */
import { comparePositions, type Epoch, majorityOf, type NodeId, nextEpoch, ownerOf, type Position } from './epoch.ts';
import type { HandoverToken, Nack, Ping, Prepare, ProbeNo, Unelectable } from './frames.ts';
import { invariant } from './logicalLog.ts';
import { PeerTable } from './peerTable.ts';
import { type Measured, RecentMax, RoundTrips, type Timing, type TimingConfig, timingFrom } from './timing.ts';

export interface BallotInput {
  readonly self: NodeId;
  readonly voters: readonly NodeId[];
  readonly priority: number;
  readonly timing: TimingConfig;
  readonly promised: Epoch;
  readonly position: Position;
  readonly bound: boolean;
  readonly damaged: boolean;
  readonly now: number;
}

export interface Leadership {
  readonly id: NodeId;
  readonly epoch: Epoch;
}

/** What the role of the asked node means for a vote. */
export interface Standing {
  /** Establishing, leading or draining. */
  readonly leads: boolean;
  /** To whom it is handing over. */
  readonly drainingFor: NodeId | null;
}

const bulliesMax = 4;
const tenureWindowMs = 60_000;
const penaltyDoublingsMax = 4;
const greyDoublingsMax = 6;
/** How long the first leader of all waits for higher ids that have not been seen, in TS. */
const firstSuspicions = 3;

export class Ballot {
  readonly self: NodeId;
  readonly voters: readonly NodeId[];
  readonly table: PeerTable;
  readonly #config: TimingConfig;
  readonly #rtts = new Map<NodeId, RoundTrips>();
  readonly #fsyncs = new RecentMax(128);
  readonly #promises = new RecentMax(4);
  readonly #lags = new RecentMax(128);
  timing: Timing;
  /** It comes from round trips to a majority: who does not know how long answers take awaits them for too short a time. */
  #isTimed: boolean;

  #promised: Epoch;
  /** The newest promise that is on disk. */
  durable: Epoch;
  /** Highest epoch seen anywhere. */
  seen: Epoch;
  position: Position;
  bound: boolean;
  damaged: boolean;
  diskFull = false;
  leaving = false;

  leader: Leadership | null = null;
  leaderHeardAt = Number.NEGATIVE_INFINITY;
  /** It said in its last ping that it leads no more. */
  #hasResigned = false;
  noLeaderSince: number;
  nextTryAt: number;
  /** The cluster was formed in this boot, and has had no leader yet. */
  #isFirst = false;
  #backoffMs = 0;
  #bullied = 0;
  #graceUntil = Number.NEGATIVE_INFINITY;
  #greyUntil = Number.NEGATIVE_INFINITY;
  #greys = 0;

  nonce = 0;
  readonly oks = new Set<NodeId>();
  readonly promises = new Map<NodeId, Position>();
  token: HandoverToken | null = null;

  ledAt = Number.POSITIVE_INFINITY;
  readonly #nearSince = new Map<NodeId, number>();
  readonly #failedHandovers = new Map<NodeId, number>();
  #tenures: { readonly id: NodeId; readonly epoch: Epoch; readonly at: number }[] = [];

  constructor(input: BallotInput) {
    this.self = input.self;
    this.voters = input.voters;
    this.table = new PeerTable(input.self, input.priority, input.voters);
    this.#config = input.timing;
    this.timing = timingFrom(input.timing, this.measured);
    this.#isTimed = this.majority === 1;
    this.#promised = input.promised;
    this.durable = input.promised;
    this.seen = input.promised;
    this.position = input.position;
    this.bound = input.bound;
    this.damaged = input.damaged;
    // R21: it may have promised its leader stickiness before it crashed.
    this.noLeaderSince = input.now + this.timing.suspectMs;
    this.nextTryAt = this.noLeaderSince;
  }

  /** The cluster was formed: the others need the boot grace as well, or the one that heard of it first would win. */
  bind(now: number): void {
    if (this.bound) return;
    this.bound = true;
    this.#isFirst = true;
    this.noLeaderSince = now + this.timing.suspectMs;
    this.nextTryAt = this.noLeaderSince;
  }

  get promised(): Epoch {
    return this.#promised;
  }
  get majority(): number {
    return majorityOf(this.voters.length);
  }

  // ------------------------------------------------------------------------------------------------ measuring

  get measured(): Measured {
    let slowest: RoundTrips | undefined;
    let nearest: RoundTrips | undefined;
    for (const rtt of this.#rtts.values()) {
      if (!slowest || rtt.p99Ms > slowest.p99Ms) slowest = rtt;
      if (!nearest || rtt.p99Ms < nearest.p99Ms) nearest = rtt;
    }
    return {
      srttMs: slowest?.srttMs ?? 0,
      rttvarMs: slowest?.rttvarMs ?? 0,
      rttP99Ms: slowest?.p99Ms ?? 0,
      nearestRttP99Ms: nearest?.p99Ms ?? 0,
      fsyncP99Ms: this.#fsyncs.max,
      promiseMs: this.#promises.max,
      loopLagP99Ms: this.#lags.max,
    };
  }
  /** What is read right after a pause of its own says how long this node slept, not how far the peer is (R20). */
  noteRtt(peer: NodeId, rttMs: number, now: number): void {
    if (this.inGrace(now)) return;
    const rtt = this.#rtts.get(peer) ?? new RoundTrips();
    rtt.add(rttMs);
    this.#rtts.set(peer, rtt);
  }
  /** How far a peer was that is gone says nothing any more; a slow one would make every wait of this node long for ever. */
  forgetRtt(peer: NodeId): void {
    this.#rtts.delete(peer);
  }
  noteFsync(ms: number): void {
    this.#fsyncs.add(ms);
  }
  /** A promise has been on its way to the disk for so long. It counts at once: the next round may begin before a heartbeat. */
  notePromised(epoch: Epoch, ms: number): void {
    this.durable = Math.max(this.durable, epoch);
    this.#promises.add(ms);
    this.retime();
  }

  /** R20: a timer that fires late means that this node was asleep: nobody is suspected before its sockets are read. */
  noteTimer(dueAt: number, now: number): void {
    const lateMs = Math.max(0, now - dueAt);
    if (lateMs > this.timing.suspectMs / 3) this.#graceUntil = now + this.timing.heartbeatMs + this.measured.rttP99Ms;
    else this.#lags.add(lateMs);
  }
  inGrace(now: number): boolean {
    return now < this.#graceUntil;
  }
  retime(): void {
    this.timing = timingFrom(this.#config, this.measured);
    this.#isTimed = this.#rtts.size + 1 >= this.majority;
  }

  // --------------------------------------------------------------------------------------------------- seeing

  quorumConnected(now: number, times = 1): boolean {
    return this.table.quorumConnected(now, times * this.timing.suspectMs);
  }
  leaderAlive(now: number): boolean {
    return this.leader !== null && (now - this.leaderHeardAt <= this.timing.suspectMs || this.inGrace(now));
  }
  get mayVote(): boolean {
    return this.bound && !this.damaged;
  }
  /** Why this node could not lead well. */
  unelectable(now: number): Unelectable {
    if (!this.bound) return 'unbound';
    if (this.damaged) return 'damaged';
    if (this.leaving) return 'leaving';
    if (this.diskFull) return 'disk';
    if (now < this.#greyUntil) return 'grey';
    return this.quorumConnected(now) ? 'none' : 'disconnected';
  }

  see(epoch: Epoch): void {
    if (epoch > this.seen) this.seen = epoch;
  }

  pinged(peer: NodeId, ping: Ping, roundTripSentAt: number, now: number): void {
    this.table.pinged(peer, ping, roundTripSentAt, now, this.timing.suspectMs);
    if (this.leader?.id === peer) this.#hasResigned = ping.leading === 0;
    this.see(ping.seenEpoch);
    this.see(ping.promised);
  }
  /**
   * Data of this peer comes in while its pings wait behind it: both ways between the two are passable, since a stream goes
   * on only while its acknowledgements get back. A leader that did not resign is heard by that as well (R12).
   */
  receiving(peer: NodeId, now: number): void {
    this.table.receiving(peer, now);
    if (this.leader?.id === peer && !this.#hasResigned && this.leaderAlive(now)) this.leaderHeardAt = now;
  }
  /** The ping comes from a leader of this node's epoch or a later one, other than itself. */
  namesLeader(ping: Ping): boolean {
    return ping.leading > 0 && ping.leading >= this.#promised && ownerOf(ping.leading) !== this.self;
  }
  /** Gives whether that is news. */
  hearLeader(epoch: Epoch, now: number): boolean {
    const news = this.leader?.epoch !== epoch;
    this.leader = { id: ownerOf(epoch), epoch };
    this.leaderHeardAt = now;
    this.#hasResigned = false;
    this.#isFirst = false;
    this.#bullied = 0;
    this.#backoffMs = 0;
    if (news) this.#noteTenure(ownerOf(epoch), epoch, now);
    return news;
  }
  loseLeader(now: number): void {
    this.leader = null;
    this.leaderHeardAt = Number.NEGATIVE_INFINITY;
    this.noLeaderSince = now;
    this.#bullied = 0;
  }
  #noteTenure(id: NodeId, epoch: Epoch, at: number): void {
    this.#tenures = this.#tenures.filter((tenure) => at - tenure.at < tenureWindowMs);
    this.#tenures.push({ id, epoch, at });
    this.#failedHandovers.delete(id);
  }

  // --------------------------------------------------------------------------------------------------- voting

  /** Sets the promise in memory, at once (R3); the caller makes it durable before anybody hears of it. */
  promise(epoch: Epoch): void {
    invariant(epoch > this.#promised, 'R1', `promise ${epoch} after ${this.#promised}`);
    this.#promised = epoch;
    this.see(epoch);
  }

  /** R12 and R14; no epochs and no logs are compared (R13). */
  judgeProbe(from: NodeId, standing: Standing, now: number): 'ok' | ProbeNo['reason'] {
    if (!this.mayVote) return 'abstain';
    if (standing.leads || (this.leaderAlive(now) && this.leader?.id !== from)) return 'leader';
    const deferenceMs = (this.voters.length + 2) * this.timing.staggerMs;
    if (
      this.table.outranks(this.self, from) &&
      this.unelectable(now) === 'none' &&
      this.table.ownLogIsNear(this.position, now) &&
      now - this.noLeaderSince < deferenceMs &&
      this.#bullied < bulliesMax
    ) {
      this.#bullied++;
      return 'bully';
    }
    return 'ok';
  }

  judgePrepare(
    { epoch, handover }: Prepare,
    from: NodeId,
    standing: Standing,
    now: number,
  ): 'promise' | 'again' | 'nack' {
    if (!this.mayVote || ownerOf(epoch) !== from || epoch < this.#promised) return 'nack';
    if (epoch === this.#promised) return 'again';
    const handedOver =
      handover !== null &&
      handover.epoch === this.#promised &&
      (handover.by === this.self ? standing.drainingFor === from : this.leader?.epoch === handover.epoch);
    if (handedOver) return 'promise';
    if (standing.leads) return 'nack';
    return this.leaderAlive(now) && this.leader?.id !== from ? 'nack' : 'promise';
  }

  nack(refused: Epoch, standing: Standing, now: number): Nack {
    const leaderEpoch = standing.leads ? this.#promised : this.leaderAlive(now) ? (this.leader?.epoch ?? 0) : 0;
    return { kind: 'nack', refused, seenEpoch: this.seen, leaderEpoch };
  }

  /** R2: an own epoch above everything seen; the promise to itself is part of it. */
  openEpoch(): Epoch {
    const epoch = nextEpoch(this.self, Math.max(this.#promised, this.seen));
    this.promise(epoch);
    this.promises.clear();
    return epoch;
  }
  get won(): boolean {
    return this.promises.size >= this.majority && this.promises.has(this.self);
  }
  /** The most complete log among the promisers; its own when that is as good (R4). */
  best(): { readonly id: NodeId; readonly position: Position } {
    let best = { id: this.self, position: this.promises.get(this.self) ?? this.position };
    for (const [id, position] of this.promises)
      if (comparePositions(position, best.position) > 0) best = { id, position };
    return best;
  }

  // --------------------------------------------------------------------------------------------------- timing

  /**
   * When a leaderless node may probe (R15, R21); each failed round moves it. In a cluster that was just formed one that
   * should come before this node may still be on its way: nodes do not start in the same millisecond, and where links are
   * long it hears late that it has a majority. A lower one that wins the first race costs a hand-over. (Not at other boots:
   * there a wait beyond R14's deference loses the race.)
   */
  probeAt(now: number): number {
    const bootMs = this.#isFirst && this.#awaitsHigher(now) ? firstSuspicions * this.timing.suspectMs : 0;
    const rank = this.table.rank(this.position, now, this.timing.suspectMs);
    const greyMs = now < this.#greyUntil ? this.voters.length * this.timing.staggerMs : 0;
    const stagger = rank * this.timing.staggerMs + greyMs + bootMs;
    return Math.max(this.nextTryAt, this.noLeaderSince + stagger, this.#graceUntil);
  }
  #awaitsHigher(now: number): boolean {
    const { table, timing, position } = this;
    return table.peers.some(
      (peer) => table.outranks(peer, this.self) && !table.electable(peer, position, now, timing.suspectMs),
    );
  }
  /**
   * Not while the disk is full: a promise waits behind what finds no room (store.ts), so this node cannot win; and its promise
   * in memory would make the leader renew itself (R18), again and again.
   */
  mayProbe(now: number): boolean {
    const isDue = !this.leaderAlive(now) && now >= this.probeAt(now);
    const canWin = this.mayVote && !this.leaving && !this.diskFull;
    return canWin && isDue && this.quorumConnected(now) && this.#isTimed;
  }
  /** After a bully's answer: its own probe comes at once, or when the boot grace ends (R14). */
  takeOver(now: number): void {
    this.nextTryAt = Math.min(this.nextTryAt, Math.max(now, this.noLeaderSince));
  }
  /** A round that led nowhere: wait a random while. */
  retryAfterFailure(now: number, dice: number): void {
    this.nextTryAt = now + this.timing.staggerMs * (0.5 + 2.5 * dice);
  }
  /** Somebody still hears a leader (R14): wait longer each time, up to TS. */
  retryAfterRefusal(now: number, dice: number): void {
    this.#backoffMs = Math.min(this.timing.suspectMs, Math.max(this.timing.staggerMs / 4, this.#backoffMs * 2));
    this.nextTryAt = now + this.#backoffMs * (0.5 + dice);
  }

  /**
   * How long a campaign may take. By hand-over it may last as long as the leader waits for it, and as long again for the votes:
   * nobody stands against it, and a disk that was idle until now may be slow, unmeasured. Given up sooner it leaves promises
   * to an epoch that nobody leads (R17).
   */
  get campaignMs(): number {
    const { candidateMs, handoverMs } = this.timing;
    return this.token === null ? candidateMs : Math.max(candidateMs, 2 * handoverMs);
  }
  /** Who has this vote is given the time to win with it: an own probe now would come between (R15). */
  awaitCandidate(now: number, { handover }: Prepare): void {
    const { candidateMs, handoverMs } = this.timing;
    const waitMs = handover === null ? candidateMs : Math.max(candidateMs, handoverMs);
    this.nextTryAt = Math.max(this.nextTryAt, now + waitMs);
  }

  // -------------------------------------------------------------------------------------------------- leading

  beginLeading(now: number): void {
    this.hearLeader(this.#promised, now);
    this.ledAt = now;
    this.#nearSince.clear();
  }
  /** R16: no majority completed a round trip for twice the time. */
  lostQuorum(now: number): boolean {
    return !this.inGrace(now) && now - this.ledAt > this.timing.suspectMs && !this.quorumConnected(now, 2);
  }
  /** R18: some node promised a campaign that died, and will not follow this epoch any more. */
  mustRenew(theirs: Epoch, theirLeader: Epoch, now: number): boolean {
    return (
      theirs > this.#promised &&
      theirLeader === 0 &&
      now - this.ledAt >= this.timing.suspectMs &&
      this.quorumConnected(now)
    );
  }
  /** R23: it may follow and vote, but others should lead for a while; longer each time, until it was well for as long as it can be. */
  turnGrey(now: number): void {
    const greyMs = 10 * this.timing.suspectMs;
    if (now - this.#greyUntil > greyMs * 2 ** greyDoublingsMax) this.#greys = 0;
    this.#greyUntil = now + greyMs * 2 ** Math.min(greyDoublingsMax, this.#greys++);
  }

  noteNear(peer: NodeId, near: boolean, now: number): void {
    if (near) this.#nearSince.set(peer, now);
    else this.#nearSince.delete(peer);
  }
  noteFailedHandover(peer: NodeId): void {
    this.#failedHandovers.set(peer, (this.#failedHandovers.get(peer) ?? 0) + 1);
  }
  /** To whom the lead is to be handed now (R17), or at once when this node should not lead (R17b, full disk). */
  successor(now: number): NodeId | null {
    if (this.leaving || this.diskFull) {
      const { suspectMs } = this.timing;
      const heirs = this.table.successors(this.position, now, suspectMs);
      // One that promised a later epoch takes no lead of this one: a renewal brings it back first (R18).
      if (heirs.some((peer) => this.table.promisedBy(peer) > this.#promised)) return null;
      return heirs.find((peer) => this.#nearSince.has(peer)) ?? null;
    }
    for (const peer of this.table.betterLeaders(this.position, now, this.timing.suspectMs)) {
      const since = Math.max(
        this.table.upSince(peer),
        this.ledAt,
        this.#nearSince.get(peer) ?? Number.POSITIVE_INFINITY,
      );
      if (now - since >= this.#stableMs(peer, now)) return peer;
    }
    return null;
  }
  /** Somebody could lead in its place, now or soon. */
  hasHeirs(now: number): boolean {
    return this.table.successors(this.position, now, this.timing.suspectMs).length > 0;
  }
  #stableMs(peer: NodeId, now: number): number {
    const tenures = this.#tenures.filter(({ id, at }) => id === peer && now - at < tenureWindowMs).length;
    const doublings = Math.max(0, tenures - 1) + (this.#failedHandovers.get(peer) ?? 0);
    return this.timing.stableMs * 2 ** Math.min(penaltyDoublingsMax, doublings);
  }
}
