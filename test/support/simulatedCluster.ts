/**
 * A whole cluster of real nodes in one process: the production actor trees over simulated disks, links and time. The same
 * seed and the same calls give the same run.
 *
 * Clients are callbacks too: promises settle when the virtual clock is not looking, so a test talks to a node through
 * `append` and `read` here, which go the façade's way by events.
 */
import type { CommitAdvanced } from '../../actors/events.ts';
import type { Appended, AppendRequest, ReadPoint, ReadRequest, Trouble } from '../../actors/facade.ts';
import { createNode, type Node } from '../../actors/node.ts';
import type { Disk, DiskCallback, DiskFile, FailpointName, LogFields } from '../../actors/ports.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming, type TimingConfig } from '../../actors/protocol/timing.ts';
import { tell } from '../../actors/system.ts';
import { logInMemory } from '../../storage/memoryDisk.ts';
import { CrashDisk } from './crashDisk.ts';
import { SeededDice } from './dice.ts';
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
  readonly memory?: boolean;
  readonly priorities?: ReadonlyMap<NodeId, number>;
  readonly writeMs?: readonly [number, number];
  /** Bytes of each disk; endless by default. */
  readonly totalBytes?: number;
  /** Nodes that are configured with other voters than the rest. */
  readonly membership?: ReadonlyMap<NodeId, readonly NodeId[]>;
  /** How fast the clocks of nodes run; 1 by default. */
  readonly clockRates?: ReadonlyMap<NodeId, number>;
}

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

interface Machine {
  readonly disk: CrashDisk;
  process: SimulatedProcess;
  node: Node | null;
  /** Failpoints at which it dies, once each, and how many passages are left until then. */
  readonly doomed: Map<FailpointName, number>;
  /** What its wall clock shows beside the true time. */
  wallSkewMs: number;
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
  /** Checked at each commit of each node: what was committed at an index once is there for ever (L4). */
  readonly violations: string[] = [];
  readonly #committed = new Map<number, { readonly end: number; readonly crc: number; readonly lamport: number }>();
  /** Counts everything that was handled: the same seed must give the same. */
  trace = 0;
  readonly #options: ClusterOptions;
  readonly #machines = new Map<NodeId, Machine>();

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    this.voters = options.voters ?? [1, 2, 3];
    this.dice = new SeededDice(options.seed ?? 1);
    this.network = new SimulatedNetwork({ ...options, clock: this.clock, dice: this.dice.fork('network') });
    for (const id of this.voters) {
      const dice = this.dice.fork(`disk ${id}`);
      const disk = new CrashDisk({
        clock: this.clock,
        dice: () => dice.next(),
        writeMs: options.writeMs ?? [0.2, 0.5],
        ...(options.totalBytes !== undefined && { totalBytes: options.totalBytes }),
      });
      const process = new SimulatedProcess(this.clock);
      const wallSkewMs = this.dice.fork(`wall ${id}`).next() * 100_000;
      this.#machines.set(id, { disk, process, node: null, doomed: new Map(), wallSkewMs });
    }
  }

  // ------------------------------------------------------------------------------------------------- life of nodes

  start(...ids: readonly NodeId[]): void {
    for (const id of ids.length > 0 ? ids : this.voters) this.#boot(id);
  }

  #boot(id: NodeId): void {
    const machine = this.#machine(id);
    const { priorities, segmentBytes, tailBytes, keptEntries, memory } = this.#options;
    const process = new SimulatedProcess(this.clock, { rate: this.#options.clockRates?.get(id) ?? 1 });
    const dice = this.dice.fork(`node ${id} at ${this.clock.now()}`);
    const real = heardBy(process, machine.disk.restart());
    const node = createNode({
      nodeId: id,
      voters: this.#options.membership?.get(id) ?? this.voters,
      priority: priorities?.get(id) ?? 0,
      timing: this.#options.timings?.get(id) ?? this.#options.timing ?? defaultTiming,
      segmentBytes: segmentBytes ?? 1024 * 1024,
      tailBytes: tailBytes ?? 256 * 1024,
      keptEntries: keptEntries ?? 100_000,
      memory: memory ?? false,
      onEvent: (target, event) => {
        this.trace = (Math.imul(this.trace, 31) + target.length + event.type.length * 7 + id) | 0;
        if (target === 'ingress' && event.type === 'commit.advanced')
          this.#check(id, (event as unknown as CommitAdvanced).batches);
      },
      failed: (reason) => {
        this.failures.push({ node: id, reason });
        this.kill(id);
      },
      ports: {
        clock: process.clock,
        wallClock: { now: () => 1.7e12 + this.clock.now() + machine.wallSkewMs },
        dice,
        failpoints: {
          reach: (name) => {
            if (machine.process !== process || !machine.doomed.has(name)) return;
            const left = (machine.doomed.get(name) ?? 1) - 1;
            if (left > 0) machine.doomed.set(name, left);
            else {
              machine.doomed.delete(name);
              this.crash(id);
            }
          },
        },
        // The disk of a process: what it says is heard when the process runs.
        disk: memory ? logInMemory(real, heardBy(process, this.#memory())) : real,
        links: this.network.linksFor(id, process),
        log: {
          write: (level, event, message, fields = {}) => {
            this.lines.push({ at: this.clock.now(), node: id, level, event, message, fields });
            if (event === 'leader_elected' && fields.leader === id)
              this.leaderships.push({ at: this.clock.now(), id, epoch: fields.epoch as number });
          },
        },
      },
    });
    machine.process = process;
    machine.node = node;
    node.start();
  }

  /** What a process keeps in memory: nobody finds it again. */
  #memory(): Disk {
    const instantly = [0, 0] as const;
    const times = { readMs: instantly, writeMs: instantly, createMs: instantly };
    return new CrashDisk({ clock: this.clock, dice: () => 0, ...times }).disk;
  }

  #check(id: NodeId, batches: readonly Batch[]): void {
    for (const { baseIndex, endIndex: end, crc, baseLamport, endLamport: lamport } of batches) {
      const known = this.#committed.get(baseIndex);
      if (!known) {
        const before = this.#lastCommitted;
        if (before && before.end + 1 !== baseIndex)
          this.violations.push(`L4: node ${id} committed ${baseIndex} first, behind ${before.end}`);
        if (before && before.lamport >= baseLamport)
          this.violations.push(`§9: Lamport ${baseLamport} after ${before.lamport}`);
        this.#lastCommitted = { end, crc, lamport };
        this.#committed.set(baseIndex, this.#lastCommitted);
      } else if (known.crc !== crc || known.end !== end)
        this.violations.push(`L4: node ${id} committed another batch at ${baseIndex}`);
    }
  }
  #lastCommitted: { readonly end: number; readonly crc: number; readonly lamport: number } | null = null;

  /** kill -9: the page cache survives, peers see a reset. */
  kill(id: NodeId): void {
    this.#end(id, 'kill', false);
  }
  /** Power cut of one machine: un-fsynced sectors are lost, and peers hear nothing. */
  crash(id: NodeId, { silent = true } = {}): void {
    this.#end(id, 'power', silent);
  }
  #end(id: NodeId, kind: 'kill' | 'power', silent: boolean): void {
    const machine = this.#machine(id);
    if (!machine.node) return;
    machine.process.kill();
    machine.disk.crash(kind);
    this.network.crash(id, { silent });
    machine.node = null;
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

  append(
    id: NodeId,
    text: string | readonly string[],
    done?: (o: Appended | Trouble) => void,
    more?: Partial<AppendRequest>,
  ): void {
    const contents = (typeof text === 'string' ? [text] : text).map((one) => Buffer.from(one));
    const { root } = this.node(id);
    tell({ self: root, system: root.system }, 'ingress', {
      type: 'write.requested',
      request: { contents, timeoutMs: 10_000, ...more },
      settle: done ?? (() => undefined),
    });
  }
  readPoint(id: NodeId, request: Partial<ReadRequest>, done: (o: ReadPoint | Trouble) => void): void {
    const { root } = this.node(id);
    const scope = { self: root, system: root.system };
    tell(scope, 'sessions', { type: 'read.requested', request: { timeoutMs: 10_000, ...request }, settle: done });
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
  messages(
    id: NodeId,
  ): readonly { readonly id: number; readonly text: string; readonly lamport: number; readonly origin: NodeId }[] {
    const found: { id: number; text: string; lamport: number; origin: NodeId }[] = [];
    const { root, facade } = this.node(id);
    const upTo = facade.status().lastId;
    for (let after = 0; after < upTo; ) {
      let batches: readonly Batch[] | null = null;
      tell({ self: root, system: root.system }, 'pipeline', {
        type: 'messages.read',
        afterId: after,
        maxBytes: 1024 * 1024,
        reply: (read) => {
          batches = read;
        },
      });
      this.runUntil(() => batches !== null, 5000);
      const read = (batches ?? []) as readonly Batch[];
      if (read.length === 0) break;
      for (const batch of read) {
        for (const { write, firstId, firstLamport } of batch.writes())
          for (const [i, content] of write.contents.entries())
            if (firstId + i > after)
              found.push({
                id: firstId + i,
                text: content.toString(),
                lamport: firstLamport + i,
                origin: write.tag.origin,
              });
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
