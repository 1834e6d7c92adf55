/**
 * Ingress: the desk for client writes. Holds them through an election, brings them to the leader, and answers each once.
 *
 * R10a is kept here: a write has at most one unresolved send, every send has a fresh n, and a write is sent again only
 * when its send is certainly not done: refused with certainty, or a later leader's barrier is committed without it, or
 * the leader's GREETED on a newer connection says that it never came.
 *
 * A1. Each request is settled exactly once, at its deadline at the latest.
 * A2. What waits is bounded in bytes and number; beyond that a write is refused, certainly not done.
 * A3. What is under way to the leader is bounded by a window that follows the link (protocol/window.ts).
 * A4. Writes of one lane keep their order (lane.ts): what was taken back goes before what came later.
 */
import { send } from './clock.ts';
import type { ConnectionKey, Gate, IngressEvent } from './events.ts';
import type { Appended, AppendRequest, Trouble, TroubleCode } from './facade.ts';
import { Lane, type Way } from './ingress/lane.ts';
import type { Clock, WallClock } from './ports.ts';
import { type Batch, defaultStream, type EncodedWrite, encodeWrite } from './protocol/batch.ts';
import type { Epoch, Index, Lamport, NodeId } from './protocol/epoch.ts';
import type { ForwardedWrite, ForwardNo, ForwardOk, Refusal } from './protocol/frames.ts';
import { Window } from './protocol/window.ts';
import { type Scope, type ServiceLogic, service, tell } from './system.ts';
import { Wake } from './wake.ts';

export interface IngressInput {
  readonly self: NodeId;
  readonly boot: number;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  readonly commit: Index;
  readonly commitLamport: Lamport;
  readonly lastId: number;
}

interface Send extends Way {
  readonly n: number;
  readonly bytes: number;
  /** R10a (c): where the leader's log ended when it greeted anew; once that is committed here, absence is proof. */
  provenAt: Index | null;
}

interface Pending {
  readonly request: AppendRequest;
  readonly lane: Lane | null;
  /** Its place among all that came. */
  readonly arrival: number;
  readonly settle: (outcome: Appended | Trouble) => void;
  readonly deadlineAt: number;
  readonly bytes: number;
  seen: number;
  readonly physicalSeconds: number;
  readonly firstTryCommit: Index;
  /** Of a session token that this node has not reached yet. */
  waitsFor: Lamport;
  send: Send | null;
  notBefore: number;
}

export const lamportGuard = 2 ** 32;
const highBytes = 8 * 1024 * 1024;
const lowBytes = 4 * 1024 * 1024;
const fullBytes = 32 * 1024 * 1024;
const fullWrites = 100_000;
/** While throttled, writes above this are refused. */
const bulkBytes = 64 * 1024;
/** What every waiting write costs beside its content. */
const overheadBytes = 512;
/** Of one frame, or one write when that alone is more. */
const forwardBytes = 256 * 1024;
const retryMs = 15;
const shortRetryAfterMs = 1000;

export class Ingress {
  readonly #input: IngressInput;
  readonly #scope: Scope;
  readonly #deadlines: Wake;
  readonly #sends: Wake;
  /** Without an unresolved send, in order of arrival unless some were taken back. */
  #held = new Set<Pending>();
  #hasTakenBack = false;
  #arrivals = 0;
  readonly #lanes = new WeakMap<object, Lane>();
  /** With one, by its n. */
  readonly #sent = new Map<number, Pending>();
  /** Of those, the ones that the commit will prove absent. */
  readonly #provable = new Set<Pending>();
  readonly #connections = new Map<NodeId, ConnectionKey>();
  #bytes = 0;
  #flow: 'low' | 'high' | 'full' = 'low';
  #gate: Gate = 'waiting';
  #leader: NodeId | null = null;
  #epoch: Epoch = 0;
  #n = 0;
  #forwardedBytes = 0;
  #window = new Window();
  #commit: Index;
  #commitLamport: Lamport;
  #lastId: number;
  #stopping = false;

  constructor(input: IngressInput, scope: Scope) {
    this.#input = input;
    this.#scope = scope;
    this.#commit = input.commit;
    this.#commitLamport = input.commitLamport;
    this.#lastId = input.lastId;
    this.#deadlines = new Wake(input.clock, () => tell(scope, 'ingress', { type: 'deadline.due' }));
    this.#sends = new Wake(input.clock, () => tell(scope, 'ingress', { type: 'send.due' }));
  }

  get waiting(): number {
    return this.#held.size + this.#sent.size;
  }

  receive(event: IngressEvent): void {
    switch (event.type) {
      case 'write.requested':
        return this.#take(event.request, event.settle);
      case 'send.due':
        return this.#sendHeld();
      case 'write.done':
        return this.#done(event.answer);
      case 'forwardOk.received':
        return this.#done(event.frame);
      case 'write.refused':
        return this.#refused(event.answer);
      case 'forwardNo.received':
        return this.#refused(event.frame);
      case 'commit.advanced':
        this.#commit = event.commit;
        this.#commitLamport = event.lamport;
        this.#lastId = event.lastId;
        return this.#committed(event.batches);
      case 'leader.changed':
        if (event.leader !== this.#leader) this.#window = new Window();
        this.#leader = event.leader;
        this.#epoch = event.epoch;
        return this.#sendSoon();
      case 'leader.measured':
        return this.#window.noteRoundTrip(event.rttMs);
      case 'peer.greeted':
        this.#connections.set(event.peer, event.key);
        this.#resolveByGreeting(event.peer, event.key, event.greeted);
        return this.#sendSoon();
      case 'peer.disconnected':
        this.#connections.delete(event.peer);
        return;
      case 'gate.changed':
        this.#gate = event.gate;
        return;
      case 'deadline.due':
        return this.#expire();
      case 'node.stopping':
        this.#stopping = true;
        for (const pending of this.#held)
          this.#settle(pending, this.#trouble('STOPPING', 'not_done', 'this node is stopping'));
        return this.#tellSettled();
    }
  }

  #tellSettled(): void {
    if (this.waiting === 0) tell(this.#scope, 'node', { type: 'writes.settled' });
  }

  stop(): void {
    for (const pending of [...this.#held, ...this.#sent.values()])
      this.#settle(pending, this.#trouble('STOPPING', pending.send ? 'unknown' : 'not_done', 'this node has stopped'));
    this.#deadlines.cancel();
    this.#sends.cancel();
  }

  // --------------------------------------------------------------------------------------------------- taking

  #take(request: AppendRequest, settle: Pending['settle']): void {
    const { clock, wallClock } = this.#input;
    const waitsFor = request.lamportTime ?? 0;
    const bytes = request.contents.reduce((sum, content) => sum + content.length, overheadBytes);
    const lane = this.#laneOf(request.lane);
    const refusal = lane?.trouble ?? this.refusal(bytes - overheadBytes, waitsFor);
    if (refusal) {
      lane?.failed(refusal);
      return settle(refusal);
    }
    const pending: Pending = {
      request,
      lane,
      arrival: ++this.#arrivals,
      settle,
      bytes,
      waitsFor,
      deadlineAt: clock.now() + request.timeoutMs,
      seen: this.#lastId,
      physicalSeconds: wallClock.now() / 1000,
      firstTryCommit: this.#commit,
      send: null,
      notBefore: 0,
    };
    this.#held.add(pending);
    this.#noteBytes(bytes);
    this.#deadlines.by(pending.deadlineAt);
    this.#sendSoon();
  }

  #laneOf(name: object | undefined): Lane | null {
    if (!name) return null;
    const lane = this.#lanes.get(name) ?? new Lane();
    this.#lanes.set(name, lane);
    return lane;
  }

  /** Why a write with so many bytes of content is refused now; without a size and a token, why any would be. */
  refusal(bytes = 0, waitsFor: Lamport = 0): Trouble | null {
    if (this.#stopping) return this.#trouble('STOPPING', 'not_done', 'this node is stopping');
    if (waitsFor > this.#commitLamport + lamportGuard)
      return this.#trouble(
        'LAMPORT_TIME_ABSURD',
        'not_done',
        `Lamport-Time ${waitsFor}, this node has ${this.#commitLamport}`,
      );
    if (this.#gate === 'diskFull') return this.#trouble('DISK_FULL', 'not_done', 'the disk of this node is full');
    // The gate may be open although much waits: a full disk has its own, and forgets what it heard before.
    const isFull = this.#gate === 'shedding' || this.#flow === 'full' || this.waiting >= fullWrites;
    if (isFull || ((this.#gate === 'throttled' || this.#flow === 'high') && bytes + overheadBytes > bulkBytes))
      return this.#trouble('OVERLOADED', 'not_done', `${this.waiting} writes are waiting`, shortRetryAfterMs);
    return null;
  }

  #trouble(code: TroubleCode, outcome: Trouble['outcome'], detail: string, retryAfterMs?: number): Trouble {
    return { kind: 'trouble', code, outcome, detail, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }

  #noteBytes(change: number): void {
    this.#bytes += change;
    const flow =
      this.#bytes >= fullBytes
        ? 'full'
        : this.#bytes >= highBytes
          ? this.#flow === 'full'
            ? 'full'
            : 'high'
          : this.#bytes <= lowBytes
            ? 'low'
            : this.#flow;
    if (flow === this.#flow) return;
    this.#flow = flow;
    tell(this.#scope, 'gateway', { type: `flow.${flow}` });
  }

  // -------------------------------------------------------------------------------------------------- sending

  /** After everything that has already arrived: what came together goes together. */
  #sendSoon(): void {
    if (this.#held.size > 0) this.#sends.by(this.#input.clock.now());
  }

  #sendHeld(): void {
    const { self, clock } = this.#input;
    const leader = this.#leader;
    if (leader === null || this.#held.size === 0) return;
    const connection = leader === self ? 0 : this.#connections.get(leader);
    if (connection === undefined) return;
    const way: Way = { epoch: this.#epoch, to: leader, connection };
    const now = clock.now();
    const late = new Set<Lane>();
    let writes: ForwardedWrite[] = [];
    let bytes = 0;
    const flush = (): void => {
      if (writes.length > 0) this.#submit(leader, writes);
      writes = [];
      bytes = 0;
    };
    for (const pending of this.#inOrder()) {
      const { lane } = pending;
      const trouble = lane?.trouble;
      if (trouble) {
        this.#settle(pending, trouble);
        continue;
      }
      if (this.#mustWait(pending, now) || (lane && (late.has(lane) || !lane.isFree(way)))) {
        if (lane) late.add(lane);
        continue;
      }
      if (leader !== self && this.#isFull(pending.bytes - overheadBytes)) break; // A3.
      const write = this.#encode(pending, way);
      writes.push({ write, firstTryCommit: pending.firstTryCommit });
      bytes += write.bytes.length;
      if (bytes >= forwardBytes) flush();
    }
    flush();
  }

  #isFull(bytes: number): boolean {
    const isFull = this.#forwardedBytes > 0 && this.#forwardedBytes + bytes > this.#window.bytes;
    if (isFull) this.#window.noteFull();
    return isFull;
  }

  #inOrder(): Iterable<Pending> {
    if (this.#hasTakenBack) this.#held = new Set([...this.#held].sort((a, b) => a.arrival - b.arrival));
    this.#hasTakenBack = false;
    return this.#held;
  }

  #mustWait(pending: Pending, now: number): boolean {
    if (pending.waitsFor > this.#commitLamport) return true;
    if (pending.waitsFor > 0) {
      pending.waitsFor = 0;
      pending.seen = this.#lastId; // Taken now: what its client has seen elsewhere is here as well.
    }
    if (pending.notBefore <= now) return false;
    this.#sends.by(pending.notBefore);
    return true;
  }

  #submit(leader: NodeId, writes: readonly ForwardedWrite[]): void {
    const epoch = this.#epoch;
    if (leader === this.#input.self) tell(this.#scope, 'pipeline', { type: 'write.submitted', epoch, writes });
    else send(this.#scope, leader, { kind: 'forward', epoch, writes });
  }

  #encode(pending: Pending, way: Way): EncodedWrite {
    const { self, boot } = this.#input;
    const { contents, key } = pending.request;
    const tag = { origin: self, boot, n: ++this.#n };
    const bytes = encodeWrite({
      tag,
      stream: defaultStream,
      seen: pending.seen,
      physicalSeconds: pending.physicalSeconds,
      contents,
      ...(key && { key }),
    });
    pending.send = { ...way, n: tag.n, bytes: bytes.length, provenAt: null };
    pending.lane?.sent(way);
    this.#held.delete(pending);
    this.#sent.set(tag.n, pending);
    if (way.to !== self) this.#forwardedBytes += bytes.length;
    return { bytes, tag, count: contents.length, ...(key && { key }) };
  }

  // ------------------------------------------------------------------------------------------------ resolving

  #done({ results }: ForwardOk): void {
    for (const { n, firstId, firstLamport, earlier } of results) {
      const pending = this.#sent.get(n);
      if (!pending) continue;
      this.#settle(pending, {
        kind: 'done',
        firstId,
        firstLamport,
        count: pending.request.contents.length,
        nodeId: earlier?.origin ?? this.#input.self,
        seen: earlier?.seen ?? pending.seen,
        physicalSeconds: earlier?.physicalSeconds ?? pending.physicalSeconds,
        repeated: earlier !== null,
      });
    }
    this.#sendSoon();
  }

  #refused({ ns, certain, reason }: ForwardNo): void {
    for (const n of ns) {
      const pending = this.#sent.get(n);
      if (!pending) continue;
      if (reason === 'notLeader') {
        if (certain) this.#hold(pending, this.#input.clock.now() + retryMs);
      } else this.#settle(pending, this.#refusalOf(reason, certain));
    }
    this.#sendSoon();
  }

  #refusalOf(reason: Exclude<Refusal, 'notLeader'>, certain: boolean): Trouble {
    const outcome = certain ? 'not_done' : 'unknown';
    switch (reason) {
      case 'overloaded':
        return this.#trouble('OVERLOADED', outcome, 'too many writes wait at the leader', shortRetryAfterMs);
      case 'diskFull':
        return this.#trouble('DISK_FULL', outcome, 'the disk of the leader is full');
      case 'keyReused':
        return this.#trouble('KEY_REUSED', outcome, 'this Idempotency-Key came before with another body');
      case 'keyExpired':
        return this.#trouble(
          'KEY_EXPIRED',
          outcome,
          'the first try of this key is too long ago to know what became of it',
        );
    }
  }

  /** The write is certainly in no log: it may be sent again, with a fresh n. */
  #hold(pending: Pending, notBefore = 0): void {
    this.#forget(pending);
    pending.notBefore = notBefore;
    this.#held.add(pending);
    this.#hasTakenBack = true;
  }

  #forget(pending: Pending): void {
    const { send: sent } = pending;
    this.#held.delete(pending);
    if (!sent) return;
    this.#sent.delete(sent.n);
    this.#provable.delete(pending);
    pending.lane?.resolved();
    if (sent.to !== this.#input.self) this.#forwardedBytes -= sent.bytes;
    pending.send = null;
  }

  #committed(batches: readonly Batch[]): void {
    const { self } = this.#input;
    if (this.#sent.size > 0) {
      for (const batch of batches) {
        // R10a (b): a later leader built upon a log that does not hold them.
        if (batch.type === 'barrier') {
          for (const pending of [...this.#sent.values()])
            if ((pending.send?.epoch ?? 0) < batch.epoch) this.#hold(pending);
        } else if (!(this.#leader === self && batch.epoch === this.#epoch)) this.#findOwn(batch);
      }
      for (const pending of this.#provable)
        if (this.#commit >= (pending.send?.provenAt ?? Number.POSITIVE_INFINITY)) this.#hold(pending);
    }
    this.#sendSoon();
  }

  /** Writes of this node and boot in a committed batch: done, whoever answers or not. */
  #findOwn(batch: Batch): void {
    const { self, boot } = this.#input;
    for (const { write, firstId, firstLamport } of batch.writes()) {
      const { origin, boot: itsBoot, n } = write.tag;
      if (origin === self && itsBoot === boot && this.#sent.has(n))
        this.#done({ kind: 'forwardOk', results: [{ n, firstId, firstLamport, earlier: null }] });
    }
  }

  /** R10a (c). */
  #resolveByGreeting(
    peer: NodeId,
    key: ConnectionKey,
    { epoch, appended, last }: { readonly epoch: Epoch; readonly appended: number; readonly last: Index },
  ): void {
    if (epoch === 0) return;
    for (const pending of [...this.#sent.values()]) {
      const { send: sent } = pending;
      if (sent?.to !== peer || sent.connection >= key || sent.epoch !== epoch) continue;
      if (sent.n > appended || this.#commit >= last) this.#hold(pending);
      else {
        sent.provenAt = last;
        this.#provable.add(pending);
      }
    }
  }

  // ------------------------------------------------------------------------------------------------- settling

  #settle(pending: Pending, outcome: Appended | Trouble): void {
    this.#forget(pending);
    this.#noteBytes(-pending.bytes);
    if (outcome.kind === 'trouble') pending.lane?.failed(outcome);
    if (outcome.kind === 'done' && !outcome.repeated)
      tell(this.#scope, 'metrics', { type: 'messages.taken', count: outcome.count });
    pending.settle(outcome);
    if (this.#stopping) this.#tellSettled();
  }

  #expire(): void {
    const now = this.#input.clock.now();
    for (const pending of [...this.#held, ...this.#sent.values()]) {
      if (pending.deadlineAt <= now) this.#settle(pending, this.#tooLate(pending));
      else this.#deadlines.by(Math.max(pending.deadlineAt, now + 10));
    }
    this.#sendSoon();
  }

  #tooLate({ send: sent, waitsFor }: Pending): Trouble {
    if (sent)
      return this.#trouble(
        'OUTCOME_UNKNOWN',
        'unknown',
        `node ${sent.to} was asked to append it and did not answer in time`,
      );
    if (waitsFor > this.#commitLamport)
      return this.#trouble(
        'LOG_NOT_CAUGHT_UP',
        'not_done',
        `Lamport-Time ${waitsFor}, this node has ${this.#commitLamport}`,
        200,
      );
    if (this.#leader === null)
      return this.#trouble('NO_LEADER', 'not_done', 'no majority has a leader', shortRetryAfterMs);
    return this.#trouble(
      'LEADER_UNREACHABLE',
      'not_done',
      `node ${this.#leader} leads and does not take it`,
      shortRetryAfterMs,
    );
  }
}

export const ingress: ServiceLogic<IngressEvent, IngressInput> = service(
  (input: IngressInput, scope) => new Ingress(input, scope),
);
