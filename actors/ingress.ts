/**
 * Ingress: the desk for client writes. Holds them through an election, brings them to the leader, and answers each once.
 * Whether there is room for one is decided in admission.ts, what is under way is kept by sends.ts.
 *
 * R10a is kept here: a write is sent again only when its send is certainly not done: refused with certainty, or a later
 * leader's barrier is committed without it, or the leader's GREETED on a newer connection says that it never came.
 *
 * A1. Each request is settled exactly once, at its deadline at the latest.
 * A2. Writes of one lane keep their order (lane.ts): what was taken back goes before what came later.
 */
import { send } from './clock.ts';
import type { ConnectionKey, IngressEvent } from './events.ts';
import type { Appended, AppendRequest, Trouble } from './facade.ts';
import { Admission } from './ingress/admission.ts';
import { Lane, type Way } from './ingress/lane.ts';
import type { Pending } from './ingress/pending.ts';
import { Sends } from './ingress/sends.ts';
import { refused, stopped, stopping, tooLate } from './ingress/troubles.ts';
import type { Clock, WallClock } from './ports.ts';
import { type Batch, defaultStream, type EncodedWrite, encodeWrite } from './protocol/batch.ts';
import type { Epoch, Index, Lamport, NodeId } from './protocol/epoch.ts';
import type { ForwardedWrite, ForwardNo, ForwardOk } from './protocol/frames.ts';
import { type Scope, type ServiceLogic, service, tell } from './system.ts';
import { absurdToken } from './token.ts';
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

/** Of one frame, or one write when that alone is more. */
const forwardBytes = 256 * 1024;
const retryMs = 15;

export class Ingress {
  readonly #input: IngressInput;
  readonly #scope: Scope;
  readonly #deadlines: Wake;
  readonly #wake: Wake;
  readonly #admission: Admission;
  /** Without an unresolved send, in order of arrival unless some were taken back. */
  #held = new Set<Pending>();
  #hasTakenBack = false;
  #arrivals = 0;
  readonly #lanes = new WeakMap<object, Lane>();
  /** With one. */
  readonly #sends: Sends;
  readonly #connections = new Map<NodeId, ConnectionKey>();
  #leader: NodeId | null = null;
  #epoch: Epoch = 0;
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
    this.#admission = new Admission((flow) => tell(scope, 'gateway', { type: `flow.${flow}` }));
    this.#sends = new Sends(input.self);
    this.#deadlines = new Wake(input.clock, () => tell(scope, 'ingress', { type: 'deadline.due' }));
    this.#wake = new Wake(input.clock, () => tell(scope, 'ingress', { type: 'send.due' }));
  }

  get waiting(): number {
    return this.#held.size + this.#sends.size;
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
        if (event.leader !== this.#leader) this.#sends.leaderChanged();
        this.#leader = event.leader;
        this.#epoch = event.epoch;
        return this.#sendSoon();
      case 'leader.measured':
        return this.#sends.noteRoundTrip(event.rttMs);
      case 'peer.greeted':
        this.#connections.set(event.peer, event.key);
        this.#holdAll(this.#sends.unknownTo(event.peer, event.key, event.greeted, this.#commit));
        return this.#sendSoon();
      case 'peer.disconnected':
        this.#connections.delete(event.peer);
        return;
      case 'gate.changed':
        this.#admission.gate = event.gate;
        return;
      case 'deadline.due':
        return this.#expire();
      case 'node.stopping':
        this.#stopping = true;
        for (const pending of this.#held) this.#settle(pending, stopping);
        return this.#tellSettled();
    }
  }

  #tellSettled(): void {
    if (this.waiting === 0) tell(this.#scope, 'node', { type: 'writes.settled' });
  }

  stop(): void {
    for (const pending of [...this.#held, ...this.#sends.all]) this.#settle(pending, stopped(pending));
    this.#deadlines.cancel();
    this.#wake.cancel();
  }

  // --------------------------------------------------------------------------------------------------- taking

  #take(request: AppendRequest, settle: Pending['settle']): void {
    const { clock, wallClock } = this.#input;
    const waitsFor = request.lamportTime ?? 0;
    const bytes = request.contents.reduce((sum, content) => sum + content.length, 0);
    const lane = this.#laneOf(request.lane);
    const refusal = lane?.trouble ?? this.refusal(bytes, waitsFor);
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
    this.#admission.came(bytes);
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
    if (this.#stopping) return stopping;
    return absurdToken(waitsFor, this.#commitLamport) ?? this.#admission.refusal(bytes, this.waiting);
  }

  // -------------------------------------------------------------------------------------------------- sending

  /** After everything that has already arrived: what came together goes together. */
  #sendSoon(): void {
    if (this.#held.size > 0) this.#wake.by(this.#input.clock.now());
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
      if (leader !== self && !this.#sends.hasRoomFor(pending.bytes)) break;
      const write = this.#encode(pending, way);
      writes.push({ write, firstTryCommit: pending.firstTryCommit });
      bytes += write.bytes.length;
      if (bytes >= forwardBytes) flush();
    }
    flush();
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
    this.#wake.by(pending.notBefore);
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
    const tag = { origin: self, boot, n: this.#sends.nextN() };
    const bytes = encodeWrite({
      tag,
      stream: defaultStream,
      seen: pending.seen,
      physicalSeconds: pending.physicalSeconds,
      contents,
      ...(key && { key }),
    });
    this.#held.delete(pending);
    this.#sends.add(pending, way, tag.n, bytes.length);
    return { bytes, tag, count: contents.length, ...(key && { key }) };
  }

  // ------------------------------------------------------------------------------------------------ resolving

  #done({ results }: ForwardOk): void {
    let taken = 0;
    for (const { n, firstId, firstLamport, earlier } of results) {
      const pending = this.#sends.of(n);
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
      if (earlier === null) taken += pending.request.contents.length;
    }
    if (taken > 0) tell(this.#scope, 'metrics', { type: 'messages.taken', count: taken });
    this.#sendSoon();
  }

  #refused({ ns, certain, reason }: ForwardNo): void {
    for (const n of ns) {
      const pending = this.#sends.of(n);
      if (!pending) continue;
      if (reason === 'notLeader') {
        if (certain) this.#hold(pending, this.#input.clock.now() + retryMs);
      } else this.#settle(pending, refused(reason, certain));
    }
    this.#sendSoon();
  }

  /** The write is certainly in no log: it may be sent again, with a fresh n. */
  #hold(pending: Pending, notBefore = 0): void {
    this.#forget(pending);
    pending.notBefore = notBefore;
    this.#held.add(pending);
    this.#hasTakenBack = true;
  }

  #holdAll(inVain: readonly Pending[]): void {
    for (const pending of inVain) this.#hold(pending);
  }
  #forget(pending: Pending): void {
    this.#held.delete(pending);
    this.#sends.remove(pending);
  }

  #committed(batches: readonly Batch[]): void {
    const { self } = this.#input;
    if (this.#sends.size > 0) {
      for (const batch of batches) {
        if (batch.type === 'barrier') this.#holdAll(this.#sends.before(batch.epoch));
        else if (!(this.#leader === self && batch.epoch === this.#epoch)) this.#findOwn(batch);
      }
      this.#holdAll(this.#sends.absentAt(this.#commit));
    }
    this.#sendSoon();
  }

  /** Writes of this node and boot in a committed batch: done, whoever answers or not. */
  #findOwn(batch: Batch): void {
    const { self, boot } = this.#input;
    for (const { write, firstId, firstLamport } of batch.writes()) {
      const { origin, boot: itsBoot, n } = write.tag;
      if (origin === self && itsBoot === boot && this.#sends.of(n))
        this.#done({ kind: 'forwardOk', results: [{ n, firstId, firstLamport, earlier: null }] });
    }
  }

  // ------------------------------------------------------------------------------------------------- settling

  #settle(pending: Pending, outcome: Appended | Trouble): void {
    this.#forget(pending);
    this.#admission.went(pending.bytes);
    if (outcome.kind === 'trouble') pending.lane?.failed(outcome);
    pending.settle(outcome);
    if (this.#stopping) this.#tellSettled();
  }

  #expire(): void {
    const now = this.#input.clock.now();
    for (const pending of [...this.#held, ...this.#sends.all]) {
      if (pending.deadlineAt <= now) this.#settle(pending, tooLate(pending, this.#leader, this.#commitLamport));
      else this.#deadlines.by(Math.max(pending.deadlineAt, now + 10));
    }
    this.#sendSoon();
  }
}

export const ingress: ServiceLogic<IngressEvent, IngressInput> = service(
  (input: IngressInput, scope) => new Ingress(input, scope),
);
