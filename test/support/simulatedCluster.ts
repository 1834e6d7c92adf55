/**
 * A whole cluster of real nodes in one process: the production actor trees over simulated disks, links and time. The same
 * seed and the same calls give the same run.
 *
 * Clients are callbacks too: promises settle when the virtual clock is not looking, so a test talks to a node through
 * `append` and `read` here, which go the façade's way by events.
 */
import type { EventObject } from 'xstate';
import type { CommitAdvanced, Mailboxes } from '../../actors/events.ts';
import type { Appended, AppendRequest, ReadPoint, ReadRequest, Trouble } from '../../actors/facade.ts';
import { createNode, type Node } from '../../actors/node.ts';
import type { Disk, DiskCallback, DiskFile, FailpointName, LogFields } from '../../actors/ports.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import type { Epoch, NodeId } from '../../actors/protocol/epoch.ts';
import { decodeFrame, encodeFrame } from '../../actors/protocol/frameCodec.ts';
import { defaultTiming, type TimingConfig } from '../../actors/protocol/timing.ts';
import { tell } from '../../actors/system.ts';
import { logInMemory } from '../../storage/memoryDisk.ts';
import type { ShownMessage } from '../history/history.ts';
import { CrashDisk, type Tampering } from './crashDisk.ts';
import { SeededDice } from './dice.ts';
import { Invariants, type Speech } from './invariants.ts';
import { PlatterAudit } from './platterAudit.ts';
import { SimulatedNetwork, type WireShape } from './simulatedNetwork.ts';
import { SimulatedProcess } from './simulatedProcess.ts';
import { VirtualClock } from './virtualClock.ts';

export interface ClusterOptions extends WireShape {
  readonly voters?: readonly NodeId[];
  readonly seed?: number | string;
  readonly timing?: TimingConfig;
  /** Of single nodes, instead. */
  readonly timings?: ReadonlyMap<NodeId, TimingConfig>;
  readonly segmentBytes?: number;
  readonly tailBytes?: number;
  readonly keptEntries?: number;
  readonly keptKeys?: number;
  readonly memory?: boolean;
  readonly priorities?: ReadonlyMap<NodeId, number>;
  readonly writeMs?: readonly [number, number];
  /** Bytes of each disk; endless by default. */
  readonly totalBytes?: number;
  /** Nodes that are configured with other voters than the rest. */
  readonly membership?: ReadonlyMap<NodeId, readonly NodeId[]>;
  /** How fast the clocks of nodes run; 1 by default. */
  readonly clockRates?: ReadonlyMap<NodeId, number>;
  /** The same of their wall clocks. */
  readonly wallRates?: ReadonlyMap<NodeId, number>;
  readonly watch?: ClusterWatch;
}

/** Who looks on; it must change nothing while it hears. */
export interface ClusterWatch {
  event?(id: NodeId, target: string, event: EventObject): void;
  line?(line: LogLine): void;
  /** PREPARE, PROMISE, an APPEND, or an ACK that counts leaves a node. */
  spoke?(id: NodeId, to: NodeId, what: Speech, epoch: Epoch): void;
  began?(id: NodeId): void;
  ended?(id: NodeId, how: Ending): void;
}
/** `power` and `failpoint`: the power was cut, and what was not durable may be lost. */
export type Ending = 'kill' | 'power' | 'failpoint' | 'failure' | 'stop';

export interface LogLine {
  readonly at: number;
  readonly node: NodeId;
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** The disk as a process hears it: a paused one hears nothing until it runs again. */
function heardBy(process: SimulatedProcess, disk: Disk): Disk {
  const soon =
    <T>(done: DiskCallback<T>): DiskCallback<T> =>
    (outcome) =>
      process.deliver(() => done(outcome));
  const file = (opened: DiskFile): DiskFile => ({
    name: opened.name,
    bytes: opened.bytes,
    read: (offset, length, done) => opened.read(offset, length, soon(done)),
    write: (offset, parts, done) => opened.write(offset, parts, soon(done)),
    close: () => opened.close(),
  });
  const opening = (done: DiskCallback<DiskFile>): DiskCallback<DiskFile> =>
    soon((outcome) => done(outcome.ok ? { ok: true, value: file(outcome.value) } : outcome));
  return {
    list: (done) => disk.list(soon(done)),
    create: (name, bytes, done) => disk.create(name, bytes, opening(done)),
    open: (name, done) => disk.open(name, opening(done)),
    rename: (from, to, done) => disk.rename(from, to, soon(done)),
    remove: (name, done) => disk.remove(name, soon(done)),
    space: (done) => disk.space(soon(done)),
  };
}

/** By the code that a frame begins with. */
const position = { epoch: 1, index: 1 };
const speeches = new Map<number | undefined, Speech>(
  (
    [
      { kind: 'prepare', epoch: 1, handover: null },
      { kind: 'promise', epoch: 1, position },
      { kind: 'append', epoch: 1, previous: position, commit: 0, readRound: 0, quiet: true, batch: null },
      { kind: 'ack', epoch: 1, match: 1, readRound: 0, learner: false },
    ] as const
  ).map((frame) => [encodeFrame(frame, 0)[0], frame.kind]),
);
/** Where the epoch of each of them lies: behind the code, the checksum and the sender's Lamport time (frameCodec.ts). */
const epochAt = 13;

/** Mixes a text into a number; each text is summed once. */
const sums = new Map<string, number>();
function sumOf(text: string): number {
  let sum = sums.get(text);
  if (sum === undefined) {
    sum = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
    sums.set(text, sum);
  }
  return sum;
}

interface Machine {
  readonly disk: CrashDisk;
  audit: PlatterAudit;
  /** What was done to the platter since the last start. */
  readonly tampered: Set<Tampering>;
  process: SimulatedProcess;
  node: Node | null;
  /** The life that was told to stop. */
  stopping: Node | null;
  /** Failpoints at which it dies, once each, and how many passages are left until then. */
  readonly doomed: Map<FailpointName, number>;
  /** What its wall clock shows beside the true time. */
  wallSkewMs: number;
}

const decoded = new WeakMap<Batch, readonly ShownMessage[]>();
/** A batch's messages as clients see them; each batch of each node is decoded once. */
export function messagesIn(batch: Batch): readonly ShownMessage[] {
  let messages = decoded.get(batch);
  if (!messages) {
    messages = [...batch.writes()].flatMap(({ write, firstId, firstLamport }) =>
      write.contents.map((content, i) => ({
        id: firstId + i,
        text: content.toString(),
        lamport: firstLamport + i,
        origin: write.tag.origin,
        seen: write.seen,
      })),
    );
    decoded.set(batch, messages);
  }
  return messages;
}

export class SimulatedCluster {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly voters: readonly NodeId[];
  readonly lines: LogLine[] = [];
  readonly failures: { readonly node: NodeId; readonly reason: string }[] = [];
  /** Every (node, epoch) that began to lead, with its time. */
  readonly leaderships: { readonly at: number; readonly id: NodeId; readonly epoch: number }[] = [];
  readonly dice: SeededDice;
  /** What is broken, in words: of the invariants, and what a test adds. */
  readonly violations: string[] = [];
  readonly invariants: Invariants;
  /** Sums up every event between actors with its time and its target: the same seed must give the same. */
  trace = 0;
  /** Failpoints at which a node died. */
  readonly reached = new Map<FailpointName, number>();
  readonly #options: ClusterOptions;
  readonly #machines = new Map<NodeId, Machine>();

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    this.voters = options.voters ?? [1, 2, 3];
    this.dice = new SeededDice(options.seed ?? 1);
    this.invariants = new Invariants(this.voters, ({ invariant, words }) =>
      this.violations.push(`${invariant}: ${words}`),
    );
    this.network = new SimulatedNetwork({
      ...options,
      clock: this.clock,
      dice: this.dice.fork('network'),
      onSend: (from, to, frame) => this.#sent(from, to, frame),
    });
    for (const id of this.voters) {
      const dice = this.dice.fork(`disk ${id}`);
      const disk = new CrashDisk({
        clock: this.clock,
        dice: () => dice.next(),
        writeMs: options.writeMs ?? [0.2, 0.5],
        ...(options.totalBytes !== undefined && { totalBytes: options.totalBytes }),
        onDurable: (name) => {
          if (!options.memory && name.startsWith('segment')) this.#machine(id).audit.look();
        },
        onTampered: (what) => this.#machine(id).tampered.add(what),
      });
      const process = new SimulatedProcess(this.clock);
      const wallSkewMs = this.dice.fork(`wall ${id}`).next() * 100_000;
      const audit = this.#audit(id, disk, disk);
      this.#machines.set(id, {
        disk,
        audit,
        tampered: new Set(),
        process,
        node: null,
        stopping: null,
        doomed: new Map(),
        wallSkewMs,
      });
    }
  }

  #audit(id: NodeId, log: CrashDisk, identity: CrashDisk): PlatterAudit {
    return new PlatterAudit(log, identity, (batch) => this.invariants.wrote(id, batch));
  }

  #sent(from: NodeId, to: NodeId, frame: Buffer): void {
    const what = speeches.get(frame[0]);
    if (!what) return;
    const epoch: Epoch = frame.readDoubleBE(epochAt);
    if (what === 'ack') {
      const ack = decodeFrame(frame);
      if (ack === 'malformed' || ack.frame.kind !== 'ack' || ack.frame.learner) return;
      this.invariants.acknowledged(from, ack.frame.match);
    }
    this.invariants.spoke(from, what, epoch, () => this.#machine(from).audit.promised);
    this.#options.watch?.spoke?.(from, to, what, epoch);
  }

  // ------------------------------------------------------------------------------------------------- life of nodes

  start(...ids: readonly NodeId[]): void {
    for (const id of ids.length > 0 ? ids : this.voters) this.#boot(id);
  }

  #boot(id: NodeId): void {
    const machine = this.#machine(id);
    const { priorities, segmentBytes, tailBytes, keptEntries, keptKeys, memory, watch } = this.#options;
    const process = new SimulatedProcess(this.clock, { rate: this.#options.clockRates?.get(id) ?? 1 });
    const dice = this.dice.fork(`node ${id} at ${this.clock.now()}`);
    const wallRate = this.#options.wallRates?.get(id) ?? 1;
    this.#auditStart(id, machine);
    const real = heardBy(process, machine.disk.restart());
    const node = createNode({
      nodeId: id,
      voters: this.#options.membership?.get(id) ?? this.voters,
      priority: priorities?.get(id) ?? 0,
      timing: this.#options.timings?.get(id) ?? this.#options.timing ?? defaultTiming,
      segmentBytes: segmentBytes ?? 1024 * 1024,
      tailBytes: tailBytes ?? 256 * 1024,
      keptEntries: keptEntries ?? 100_000,
      keptKeys: keptKeys ?? 100_000,
      memory: memory ?? false,
      onEvent: (target, event) => {
        const time = (this.clock.now() * 1000) | 0;
        this.trace = (Math.imul(this.trace ^ time ^ sumOf(target), 0x01000193) + sumOf(event.type) + id) | 0;
        if (target === 'ingress' && event.type === 'commit.advanced' && process.alive)
          this.invariants.committed(id, (event as unknown as CommitAdvanced).batches);
        watch?.event?.(id, target, event);
      },
      failed: (reason) => {
        if (!process.alive) return; // Its last breath.
        this.failures.push({ node: id, reason });
        this.#end(id, 'failure', false);
      },
      ports: {
        clock: process.clock,
        wallClock: { now: () => 1.7e12 + this.clock.now() * wallRate + machine.wallSkewMs },
        dice,
        failpoints: {
          reach: (name) => {
            if (machine.process !== process || !machine.doomed.has(name)) return;
            const left = (machine.doomed.get(name) ?? 1) - 1;
            if (left > 0) machine.doomed.set(name, left);
            else {
              machine.doomed.delete(name);
              this.reached.set(name, (this.reached.get(name) ?? 0) + 1);
              this.#end(id, 'failpoint', true);
            }
          },
        },
        // The disk of a process: what it says is heard when the process runs.
        disk: memory ? logInMemory(real, heardBy(process, this.#memory(id, machine))) : real,
        links: this.network.linksFor(id, process),
        log: {
          write: (level, event, message, fields = {}) => {
            if (!process.alive) return;
            const line = { at: this.clock.now(), node: id, level, event, message, fields };
            this.lines.push(line);
            watch?.line?.(line);
            if (event !== 'leader_elected' || fields.leader !== id) return;
            const epoch = fields.epoch as Epoch;
            this.leaderships.push({ at: this.clock.now(), id, epoch });
            this.invariants.established(id, epoch);
          },
        },
      },
    });
    machine.process = process;
    machine.node = node;
    node.start();
    watch?.began?.(id);
  }

  /** What was done to the platter shows when the node starts from it. */
  #auditStart(id: NodeId, machine: Machine): void {
    const { audit, tampered } = machine;
    if (tampered.size > 0) {
      if (tampered.has('foreign')) this.invariants.becameStranger(id);
      else if (tampered.has('all') && this.invariants.toldBy(id) > 0) this.invariants.identityLost(id);
      else this.invariants.logLost(id);
      audit.startAnew();
      tampered.clear();
    }
    audit.look();
    this.invariants.began(id);
  }

  /** What a process keeps in memory: nobody finds it again. */
  #memory(id: NodeId, machine: Machine): Disk {
    const instantly = [0, 0] as const;
    const times = { readMs: instantly, writeMs: instantly, createMs: instantly };
    const onDurable = (): void => audit.look();
    const disk = new CrashDisk({ clock: this.clock, dice: () => 0, ...times, onDurable });
    const audit = this.#audit(id, disk, machine.disk);
    this.invariants.logLost(id);
    machine.audit = audit;
    return disk.disk;
  }

  /** kill -9: the page cache survives, peers see a reset. */
  kill(id: NodeId): void {
    this.#end(id, 'kill', false);
  }
  /** Power cut of one machine: un-fsynced sectors are lost, and peers hear nothing. */
  crash(id: NodeId, { silent = true } = {}): void {
    this.#end(id, 'power', silent);
  }
  #end(id: NodeId, how: Ending, silent: boolean): void {
    const machine = this.#machine(id);
    if (!machine.node) return;
    machine.process.kill();
    machine.disk.crash(how === 'power' || how === 'failpoint' ? 'power' : 'kill');
    this.network.crash(id, { silent });
    machine.node = null;
    this.#options.watch?.ended?.(id, how);
  }
  /** SIGTERM: the node leaves, and its process ends when it says so. */
  stop(id: NodeId): void {
    const machine = this.#machine(id);
    const { process, node } = machine;
    machine.stopping = node;
    process.deliver(() => {
      const stopped = (): void => {
        if (this.#machine(id).node === node) this.#end(id, 'stop', false);
      };
      if (node?.root.getSnapshot().status === 'active') node.root.send({ type: 'node.stop', stopped });
    });
  }
  /** At the next passage of this point, or the n-th from now, power is cut. */
  doom(id: NodeId, at: FailpointName, passage = 1): void {
    this.#machine(id).doomed.set(at, passage);
  }
  undoom(): void {
    for (const { doomed } of this.#machines.values()) doomed.clear();
  }
  pause(id: NodeId): void {
    this.network.pause(id);
  }
  resume(id: NodeId): void {
    this.network.resume(id);
  }
  /** The wall clock of one machine jumps; it may serve for nothing but the time that messages show. */
  jumpWall(id: NodeId, ms: number): void {
    this.#machine(id).wallSkewMs += ms;
  }
  /** It was told to stop, and has not ended. */
  isStopping(id: NodeId): boolean {
    const { node, stopping } = this.#machine(id);
    return node !== null && stopping === node;
  }
  isPaused(id: NodeId): boolean {
    return this.#machine(id).process.paused;
  }
  /** Whether there is anybody at the desk: it has read its log, and is not closing. */
  serves(id: NodeId): boolean {
    return this.#machine(id).node?.root.system.get('ingress') !== undefined;
  }
  /** What each slot of its identity says on the platter. */
  slots(id: NodeId): PlatterAudit['slots'] {
    return this.#machine(id).audit.slots;
  }
  disk(id: NodeId): CrashDisk {
    return this.#machine(id).disk;
  }
  isUp(id: NodeId): boolean {
    return this.#machine(id).node !== null;
  }
  node(id: NodeId): Node {
    const { node } = this.#machine(id);
    if (!node) throw new Error(`node ${id} is not running`);
    return node;
  }
  #machine(id: NodeId): Machine {
    const machine = this.#machines.get(id);
    if (!machine) throw new Error(`no machine ${id}`);
    return machine;
  }

  // ---------------------------------------------------------------------------------------------------------- time

  run(ms: number): void {
    this.clock.runUntil(this.clock.now() + ms);
  }
  /** Runs until it holds, at most `ms`; says whether it did. */
  runUntil(holds: () => boolean, ms = 10_000): boolean {
    const end = this.clock.now() + ms;
    while (!holds()) {
      if (this.clock.now() >= end || !this.clock.runNext()) return holds();
    }
    return true;
  }

  // ------------------------------------------------------------------------------------------------------- clients

  /** Something reaches a node from outside: a paused one hears it when it runs again. */
  ask<Name extends keyof Mailboxes>(id: NodeId, name: Name, event: Mailboxes[Name]): void {
    const { root } = this.node(id);
    this.#machine(id).process.deliver(() => tell({ self: root, system: root.system }, name, event));
  }
  append(
    id: NodeId,
    text: string | readonly string[],
    done?: (o: Appended | Trouble) => void,
    more?: Partial<AppendRequest>,
  ): void {
    const contents = (typeof text === 'string' ? [text] : text).map((one) => Buffer.from(one));
    const request = { contents, timeoutMs: 10_000, ...more };
    this.ask(id, 'ingress', { type: 'write.requested', request, settle: done ?? (() => undefined) });
  }
  readPoint(id: NodeId, request: Partial<ReadRequest>, done: (o: ReadPoint | Trouble) => void): void {
    this.ask(id, 'sessions', { type: 'read.requested', request: { timeoutMs: 10_000, ...request }, settle: done });
  }

  /** The one that leads by its own word and has its barrier committed; of several the newest. */
  get leader(): NodeId | null {
    let best: { id: NodeId; epoch: number } | null = null;
    for (const id of this.voters) {
      const snapshot = this.#machine(id).node?.root.system.get('election')?.getSnapshot();
      if (!snapshot?.matches({ inOffice: 'leading' })) continue;
      const epoch: number = snapshot.context.ballot.promised;
      if (!best || epoch > best.epoch) best = { id, epoch };
    }
    return best?.id ?? null;
  }
  settleLeader(wanted?: NodeId, ms = 15_000): NodeId | null {
    this.runUntil(() => this.leader !== null && (wanted === undefined || this.leader === wanted), ms);
    return this.leader;
  }

  /** The committed messages of a node, as its clients would read them. */
  messages(id: NodeId): readonly ShownMessage[] {
    const found: ShownMessage[] = [];
    const upTo = this.node(id).facade.status().lastId;
    for (let after = 0; after < upTo; ) {
      let batches: readonly Batch[] | null = null;
      const reply = (read: readonly Batch[]): void => {
        batches = read;
      };
      this.ask(id, 'pipeline', { type: 'messages.read', afterId: after, maxBytes: 1024 * 1024, reply });
      this.runUntil(() => batches !== null || !this.isUp(id), 5000);
      const read = (batches ?? []) as readonly Batch[];
      if (read.length === 0 || !this.isUp(id)) break;
      for (const batch of read) {
        for (const message of messagesIn(batch)) if (message.id > after) found.push(message);
        after = Math.max(after, batch.nextId - 1);
      }
    }
    return found;
  }

  /** The log so far, for a failed test. */
  story(last = 60): string {
    return this.lines
      .slice(-last)
      .map(({ at, node, event, message }) => `${at.toFixed(1).padStart(9)} ${node} ${event}: ${message}`)
      .join('\n');
  }
}
