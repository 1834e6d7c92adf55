/**
 * The leader's office: R6, R8, R9, R10, R24 and the read index.
 *
 * Whatever waits is put into one batch as soon as the log store is idle: a single message goes at once, and under load
 * batches grow by themselves. The batch is encoded once; the same bytes go to the log store and to every peer.
 *
 * A1. A write is appended only in this epoch, by the leader whom its sender meant (R24).
 * A2. The leader counts itself only after its own fsync, and commits only what it appended itself (R9).
 * A3. While draining nothing is appended; what comes waits, bounded.
 */
import type { FrameReceived } from '../events.ts';
import { type Batch, type EncodedWrite, encodeBatch } from '../protocol/batch.ts';
import { type Epoch, type Index, type Lamport, type NodeId, reachedByMajority } from '../protocol/epoch.ts';
import type { ForwardedWrite, ForwardResult, Refusal } from '../protocol/frames.ts';
import { Progress, windowBytes } from '../protocol/progress.ts';
import { tell } from '../system.ts';
import type { Core, Office } from './core.ts';
import { FollowerLag } from './followerLag.ts';
import { KeyDesk } from './keyDesk.ts';
import { ReadRounds } from './readRounds.ts';
import { type Submission, Submissions } from './submissions.ts';

/** A batch is appended, committed and answered in one go each: that must not keep the node from its peers. */
const room = { maxBytes: 1024 * 1024, maxMessages: 10_000, maxWrites: 1_000 };
/** Appended and not yet committed, at most: a leader that lost its majority stops here. */
const maxUncommittedBytes = 16 * 1024 * 1024;
/** Beyond so many what comes is gathered into bigger ones: a far follower may be sent only so many frames a round trip. */
const maxUncommittedBatches = 256;
/** Waiting to be appended, at most; more is refused as certainly not done. */
const maxWaitingBytes = 32 * 1024 * 1024;

interface Forming {
  readonly writes: readonly Submission[];
  readonly count: number;
  readonly barrier: boolean;
}
/** An appended batch that is not yet committed: whom to answer, and what. */
interface Led {
  readonly end: Index;
  readonly ticket: number;
  readonly bytes: number;
  readonly messages: number;
  readonly at: number;
  readonly answers: readonly { readonly origin: NodeId; readonly boot: number; readonly result: ForwardResult }[];
}

export class Leader implements Office {
  readonly kind = 'leading';
  readonly epoch: Epoch;
  readonly #core: Core;
  readonly #progress = new Map<NodeId, Progress>();
  readonly lag = new FollowerLag();
  readonly #submissions = new Submissions();
  readonly reads: ReadRounds;
  readonly #led: Led[] = [];
  #uncommittedBytes = 0;
  #durable: Index = 0;
  #forming: Forming | null = null;
  #barrierIndex = 0;
  established = false;
  #drainingFor: NodeId | null = null;
  #drained = false;
  readonly #keys: KeyDesk;
  /** Highest n appended in this epoch, by origin and its boot (R24). */
  readonly #appended = new Map<NodeId, { readonly boot: number; readonly n: number }>();
  /** For R23: when commit, or a match that a majority needs, moved last. */
  movedAt: number;

  constructor(core: Core, epoch: Epoch, connected: ReadonlySet<NodeId>) {
    this.#core = core;
    this.epoch = epoch;
    this.reads = new ReadRounds(core.voters.length);
    this.movedAt = core.clock.now();
    for (const peer of connected) this.connected(peer);
    const uncommitted = core.log.batchesAfter(core.log.commit, Number.POSITIVE_INFINITY);
    this.#keys = new KeyDesk(core.keys, uncommitted === 'cold' ? [] : uncommitted);
    this.#form({ writes: [], count: 1, barrier: true });
  }

  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#progress;
  }
  get uncommitted(): boolean {
    return this.#led.length > 0;
  }

  // ------------------------------------------------------------------------------------------- taking writes

  forwarded(origin: NodeId, epoch: Epoch, writes: readonly ForwardedWrite[]): void {
    if (epoch !== this.epoch) return this.#refuse(origin, writes, 'notLeader');
    if (this.#core.diskFull) return this.#refuse(origin, writes, 'diskFull');
    if (this.#submissions.bytes > maxWaitingBytes) return this.#refuse(origin, writes, 'overloaded');
    for (const { write, firstTryCommit } of writes) this.#submissions.add({ origin, write, firstTryCommit });
    this.flush();
  }

  #refuse(origin: NodeId, writes: readonly { readonly write: EncodedWrite }[], reason: Refusal, certain = true): void {
    if (writes.length === 0) return;
    const answer = { kind: 'forwardNo', ns: writes.map(({ write }) => write.tag.n), certain, reason } as const;
    if (origin === this.#core.self) tell(this.#core.scope, 'ingress', { type: 'write.refused', answer });
    else this.#core.send(origin, answer);
  }

  /** Puts what waits into the next batch, when nothing is in its way. */
  flush(): void {
    const core = this.#core;
    while (!this.#submissions.isEmpty) {
      if (this.#forming || this.#drainingFor !== null || !core.storeIdle) return;
      if (this.#barrierIndex === 0 || this.#uncommittedBytes > maxUncommittedBytes) return;
      if (this.#led.length >= maxUncommittedBatches) return;
      const taken = this.#submissions.take(room);
      const writes = taken.filter((submission) => this.#isNew(submission));
      if (writes.length > 0) this.#form({ writes, count: countOf(writes), barrier: false });
    }
  }

  /** Answers, joins or refuses a write whose key is known; true when it is to be appended. */
  #isNew(submission: Submission): boolean {
    const { origin } = submission;
    const judgement = this.#keys.judge(submission);
    if (judgement.kind === 'repeated') this.#answer(origin, [judgement.result]);
    if (judgement.kind === 'reused') this.#refuse(origin, [submission], 'keyReused');
    if (judgement.kind === 'expired') this.#refuse(origin, [submission], 'keyExpired', false);
    return judgement.kind === 'new';
  }

  #form(forming: Forming): void {
    this.#forming = forming;
    const { scope, log } = this.#core;
    tell(scope, 'clock', { type: 'batch.stamp', epoch: this.epoch, count: forming.count, floor: log.lastLamport });
  }

  /** The clock has given the times: the batch is made, once, and goes its ways. */
  stamped(firstLamport: Lamport): void {
    const forming = this.#forming;
    if (!forming) return;
    this.#forming = null;
    if (forming.count === 0) return this.flush();
    const core = this.#core;
    const { log } = core;
    const previous = log.last;
    const header = {
      epoch: this.epoch,
      type: forming.barrier ? ('barrier' as const) : ('data' as const),
      baseIndex: previous.index + 1,
      baseLamport: firstLamport,
      firstId: log.nextId,
      count: forming.count,
    };
    const batch = encodeBatch(
      header,
      forming.writes.map(({ write }) => write),
    );
    core.failpoints.reach(forming.barrier ? 'barrier.appended' : 'batch.encoded');
    core.append(previous, batch);
    this.lag.appended(batch.endIndex, core.clock.now());
    if (forming.barrier) this.#barrierIndex = batch.endIndex;
    this.#note(batch, forming);
    // The way to a follower's disk is longer than the one to this node's.
    for (const peer of this.#progress.keys()) this.#sendMore(peer);
    core.persist(this.epoch, previous, batch);
    core.failpoints.reach('batch.sent');
  }

  #note(batch: Batch, { writes }: Forming): void {
    let firstId = batch.firstId;
    let firstLamport = batch.baseLamport;
    const answers: { origin: NodeId; boot: number; result: ForwardResult }[] = [];
    for (const { origin, write } of writes) {
      const { boot, n } = write.tag;
      answers.push({ origin, boot, result: { n, firstId, firstLamport, earlier: null } });
      firstId += write.count;
      firstLamport += write.count;
      // One that had joined another's write may come after a younger one of its origin.
      this.#appended.set(origin, { boot, n: Math.max(n, this.appendedFrom(origin, boot)) });
    }
    this.#keys.appended(batch);
    this.#uncommittedBytes += batch.bytes.length;
    // What was idle is not stuck: the time until something must have moved begins now (R23).
    if (this.#led.length === 0) this.movedAt = this.#core.clock.now();
    this.#led.push({
      end: batch.endIndex,
      ticket: this.#core.lastTicket,
      bytes: batch.bytes.length,
      messages: batch.messageCount,
      at: this.#core.clock.now(),
      answers,
    });
  }

  // --------------------------------------------------------------------------------------------- replicating

  /** A connection to a voter was greeted: what is known of its log begins anew (R9). */
  connected(peer: NodeId): void {
    this.#progress.set(peer, new Progress(this.#core.log.last.index + 1, this.#core.clock.now()));
    if (this.#barrierIndex > 0) this.probe(peer);
  }
  /** What this peer forwarded and is in no batch yet is dropped, also from the batch that waits for its times (R24). */
  disconnected(peer: NodeId): void {
    this.#progress.delete(peer);
    this.#submissions.dropFrom(peer);
    this.#keys.dropFrom(peer);
    if (!this.#forming || this.#forming.barrier) return;
    // Who had joined a write that goes takes its place: it stays before what its own client sent later.
    const writes = this.#forming.writes.flatMap((one) =>
      one.origin === peer ? this.#keys.free(one).filter((joined) => this.#isNew(joined)) : one,
    );
    this.#forming = { barrier: false, writes, count: countOf(writes) };
  }
  appendedFrom(origin: NodeId, boot: number): number {
    const appended = this.#appended.get(origin);
    return appended?.boot === boot ? appended.n : 0;
  }

  /** An empty APPEND at the end of what was sent: the first probe, or a read round. */
  probe(peer: NodeId): void {
    const progress = this.#progress.get(peer);
    const { log } = this.#core;
    if (!progress || progress.reading || progress.room === 0) return;
    // While probing, what precedes `next` is a guess that need not be the end of a batch.
    if (progress.probing && progress.next <= log.last.index) return this.#sendMore(peer);
    this.#append(peer, progress, progress.next - 1, null);
  }

  /** Whoever has been sent everything hears of the commit at once, and need not answer (R8). */
  #tellCommit(): void {
    const { last } = this.#core.log;
    for (const [peer, progress] of this.#progress)
      if (!progress.probing && !progress.reading && progress.room > 0 && progress.next > last.index)
        this.#append(peer, progress, last.index, null, true);
  }

  #append(peer: NodeId, progress: Progress, previousIndex: Index, batch: Batch | null, quiet = false): void {
    const { log, clock } = this.#core;
    if (!quiet) progress.sent(batch?.endIndex ?? previousIndex, batch?.bytes.length ?? 0, clock.now());
    this.#core.send(peer, {
      kind: 'append',
      epoch: this.epoch,
      previous: log.positionAt(previousIndex),
      commit: log.commit,
      readRound: this.reads.round,
      quiet,
      batch,
    });
  }

  #sendMore(peer: NodeId): void {
    const progress = this.#progress.get(peer);
    const { log } = this.#core;
    if (!progress) return;
    while (!progress.reading && progress.room > 0 && progress.next <= log.last.index) {
      const batches = log.batchesAfter(progress.next - 1, progress.room);
      if (batches === 'cold') return this.#readBack(peer, progress);
      this.#sendBatches(peer, progress, batches);
    }
  }

  #sendBatches(peer: NodeId, progress: Progress, batches: readonly Batch[]): void {
    for (const batch of batches) {
      if (progress.room === 0) return;
      this.#append(peer, progress, batch.baseIndex - 1, batch);
    }
  }

  /** What has left memory comes from this node's own disk. */
  #readBack(peer: NodeId, progress: Progress): void {
    progress.reading = true;
    const after = progress.next - 1;
    progress.readingAfter = after;
    const { epoch } = this;
    const { scope } = this.#core;
    tell(scope, 'store', {
      type: 'log.read',
      after,
      maxBytes: windowBytes,
      reply: (batches) =>
        tell(scope, 'pipeline', { type: 'log.read-back', peer, purpose: 'append', epoch, after, batches }),
    });
  }

  readBack(peer: NodeId, after: Index, batches: readonly Batch[]): void {
    const progress = this.#progress.get(peer);
    if (!progress?.reading || progress.readingAfter !== after) return;
    progress.reading = false;
    // A late ACK may have moved `next` meanwhile: then it is of no use any more.
    if (progress.next - 1 === after) this.#sendBatches(peer, progress, batches);
    this.#sendMore(peer);
  }

  acknowledged({ peer, frame }: FrameReceived<'ack'>): void {
    const progress = this.#progress.get(peer);
    if (!progress || frame.epoch !== this.epoch) return;
    const now = this.#core.clock.now();
    const sentAt = progress.acknowledged(frame.match, frame.learner, now);
    this.lag.acknowledged(peer, frame.match);
    if (sentAt !== undefined) tell(this.#core.scope, 'metrics', { type: 'batch.acknowledged', peer, ms: now - sentAt });
    this.movedAt = now;
    if (!frame.learner) this.confirmed(peer, frame.readRound);
    this.#advance();
    this.#sendMore(peer);
  }

  /** What it was sent is still coming in there, on a thin link: nothing is lost, and nothing stands still (R23). */
  receiving(peer: NodeId): void {
    const progress = this.#progress.get(peer);
    if (!progress || progress.idle) return;
    this.movedAt = this.#core.clock.now();
    progress.movedAt = this.movedAt;
  }

  rejected({ peer, frame }: FrameReceived<'reject'>): void {
    const progress = this.#progress.get(peer);
    if (!progress || frame.epoch !== this.epoch) return;
    const { log, clock } = this.#core;
    const common = log.holds(frame.hint) ? frame.hint : log.hintBelow(frame.hint);
    if (progress.rejected(common.index, clock.now())) this.#sendMore(peer);
  }

  /** The leader's own fsync (R9). */
  persisted(): void {
    const { durableTicket } = this.#core;
    for (const { ticket, end } of this.#led) if (ticket <= durableTicket) this.#durable = end;
    this.#advance();
    this.flush();
  }

  #advance(): void {
    const core = this.#core;
    const { log } = core;
    const reached = reachedByMajority([
      this.#durable,
      ...core.peers.map((peer) => this.#progress.get(peer)?.match ?? 0),
    ]);
    if (reached > log.commit && log.epochAt(reached) === this.epoch) {
      core.commitTo(reached);
      this.movedAt = core.clock.now();
      this.#settle(reached);
      if (!this.established && reached >= this.#barrierIndex) {
        this.established = true;
        tell(core.scope, 'replicator', { type: 'barrier.committed', epoch: this.epoch });
      }
      this.flush();
      // Without a batch that carries the news it is told at once (R8).
      if (!this.#forming) this.#tellCommit();
    }
    this.#noteDrained();
  }

  /** Answers everybody whose write is now committed (R10). */
  #settle(commit: Index): void {
    const now = this.#core.clock.now();
    const results = new Map<NodeId, ForwardResult[]>();
    let settled = 0;
    for (const led of this.#led) {
      if (led.end > commit) break;
      settled++;
      this.#uncommittedBytes -= led.bytes;
      for (const { origin, boot, result } of led.answers) {
        if (!this.#isListening(origin, boot)) continue;
        const list = results.get(origin);
        if (list) list.push(result);
        else results.set(origin, [result]);
      }
      tell(this.#core.scope, 'metrics', { type: 'batch.led', messages: led.messages, ms: now - led.at });
    }
    this.#led.splice(0, settled);
    for (const [origin, list] of results) this.#answer(origin, list);
    for (const { submission, result } of this.#keys.committedTo(commit))
      if (this.#isListening(submission.origin, submission.write.tag.boot)) this.#answer(submission.origin, [result]);
  }

  /** A node counts its sends anew in each boot: what an earlier one asked for is not answered to a later one. */
  #isListening(origin: NodeId, boot: number): boolean {
    return origin === this.#core.self || this.#core.peerBoots.get(origin) === boot;
  }

  #answer(origin: NodeId, results: readonly ForwardResult[]): void {
    const answer = { kind: 'forwardOk', results } as const;
    if (origin === this.#core.self) tell(this.#core.scope, 'ingress', { type: 'write.done', answer });
    else this.#core.send(origin, answer);
  }

  // ------------------------------------------------------------------------------------------------- reading

  /** R6: only with the barrier committed. */
  readIndex(peer: NodeId, nonce: number): void {
    if (!this.established) return this.#noRead(peer, nonce);
    if (this.reads.ask(peer, nonce, this.#core.log.commit)) this.#beginRound();
  }

  #beginRound(): void {
    for (const peer of this.#progress.keys()) this.probe(peer);
    this.#serve(this.reads.settle());
  }

  /** By an ACK or a PING of this very epoch. */
  confirmed(peer: NodeId, round: number): void {
    if (this.#progress.get(peer)?.learner === false) this.#serve(this.reads.confirm(peer, round));
  }

  #serve(reads: ReturnType<ReadRounds['settle']>): void {
    const { self, scope } = this.#core;
    for (const { peer, nonce, index } of reads) {
      if (peer === self) tell(scope, 'sessions', { type: 'readIndex.confirmed', nonce, index });
      else this.#core.send(peer, { kind: 'readIndexOk', nonce, epoch: this.epoch, index });
    }
    if (reads.length > 0 && this.reads.beginNext()) this.#beginRound();
  }

  #noRead(peer: NodeId, nonce: number): void {
    if (peer === this.#core.self) tell(this.#core.scope, 'sessions', { type: 'readIndex.refused', nonce });
    else this.#core.send(peer, { kind: 'readIndexNo', nonce });
  }

  // ------------------------------------------------------------------------------------------- handing over

  drainFor(peer: NodeId): void {
    this.#drainingFor = peer;
    this.#drained = false;
    this.#noteDrained();
  }
  resume(): void {
    this.#drainingFor = null;
    this.flush();
  }

  #noteDrained(): void {
    const { log, scope } = this.#core;
    const peer = this.#drainingFor;
    if (peer === null || this.#drained || this.#forming || log.commit !== log.last.index) return;
    if (this.#progress.get(peer)?.match !== log.last.index) return;
    this.#drained = true;
    tell(scope, 'election', { type: 'office.drained', epoch: this.epoch, peer });
  }

  // --------------------------------------------------------------------------------------------- housekeeping

  /** Every heartbeat: a follower whose answers stay away on an open connection is probed anew. */
  tick(answerMs: number): void {
    const now = this.#core.clock.now();
    for (const [peer, progress] of this.#progress) {
      if (!progress.idle && now - progress.movedAt > answerMs) {
        progress.restart(progress.match + 1, now);
        this.#sendMore(peer);
      }
    }
  }

  /** The office ends: what waits is certainly not done, what was appended stays unknown (R10). */
  end(): void {
    const forming = this.#forming?.writes ?? [];
    this.#forming = null;
    const waiting = new Map<NodeId, Submission[]>();
    for (const submission of [...forming, ...this.#submissions.takeAll(), ...this.#keys.waiting])
      if (this.#isListening(submission.origin, submission.write.tag.boot)) {
        const those = waiting.get(submission.origin);
        if (those) those.push(submission);
        else waiting.set(submission.origin, [submission]);
      }
    for (const [origin, submissions] of waiting) this.#refuse(origin, submissions, 'notLeader');
    for (const { peer, nonce } of this.reads.abandon()) this.#noRead(peer, nonce);
  }
}

const countOf = (writes: readonly Submission[]): number => writes.reduce((sum, { write }) => sum + write.count, 0);
