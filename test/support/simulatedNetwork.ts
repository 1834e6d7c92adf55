/**
 * SimulatedNetwork: all hosts and wires of a test, in one process, over virtual time and seeded dice.
 *
 * Behaves as authenticated WebSockets over TCP do (`Links` in ports.ts). Inside one connection nothing is lost but a tail,
 * nothing is doubled, nothing overtakes; across connections everything may happen: frames of an old connection arrive
 * after a newer one was opened, and what a node sends again arrives twice.
 *
 *   cut       nothing arrives, connections stay open; healed, what was held arrives in order
 *   stall     as a cut that ends by itself           strand    holds open connections only, newer ones pass
 *   reset     connections end, with part of what was in flight      shape     latency, jitter, bandwidth
 *   forget    one side's connections end, the other side is not told (a half-open connection)
 *   pause     SIGSTOP: the process stands still, its host answers   crash     with a reset, or silent (power cut)
 *
 * A1. Deterministic: the same seed and the same calls give the same run. Each wire has dice of its own.
 * A2. Faults change when and whether frames arrive, never what they hold; a frame changed by its sender after `send` throws.
 */

import type { Clock, Connection, ConnectionHandlers, Links } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { SeededDice } from './dice.ts';
import { End, Pipe, type Wire } from './simulatedConnection.ts';
import { SimulatedProcess } from './simulatedProcess.ts';

export interface WireShape {
  readonly latencyMs?: number;
  /** Added to the latency: evenly distributed in [0, jitterMs). Never reorders inside a connection. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
}

export interface NetworkOptions extends WireShape {
  readonly clock: Clock;
  readonly dice: SeededDice;
  /** What the two kernels of a connection hold before `bufferedBytes` begins to grow. */
  readonly windowBytes?: number;
  readonly greetingDeadlineMs?: number;
  readonly maxFrameBytes?: number;
  /** Sees each frame as it is taken by its receiver. */
  readonly onFrame?: (from: NodeId, to: NodeId, frame: Buffer) => void;
  /** Sees each frame as its sender hands it over on an open connection. */
  readonly onSend?: (from: NodeId, to: NodeId, frame: Buffer) => void;
}

interface Host {
  process: SimulatedProcess | undefined;
  accept: ((connection: Connection) => ConnectionHandlers) | undefined;
  /** Without power: swallows everything. */
  down: boolean;
  isolated: boolean;
}

const defaults = {
  latencyMs: 0.25,
  jitterMs: 0.1,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  windowBytes: 256 * 1024,
  greetingDeadlineMs: 2_000,
  maxFrameBytes: 9 * 1024 * 1024,
  onFrame: (): void => {},
  onSend: (): void => {},
};

export class SimulatedNetwork {
  readonly #options: Required<NetworkOptions>;
  readonly #hosts = new Map<NodeId, Host>();
  readonly #wires = new Map<string, Wire>();
  #ends: End[] = [];

  constructor(options: NetworkOptions) {
    this.#options = { ...defaults, ...options };
  }

  /** The links of a new incarnation of node `id`. The one before must have crashed. */
  linksFor(id: NodeId, process = new SimulatedProcess(this.#options.clock)): Links {
    const host = this.#host(id);
    if (host.process?.alive) throw new Error(`node ${id} still runs: crash it first`);
    this.#unblock(() => Object.assign(host, { process, accept: undefined, down: false }));
    return {
      listen: (accept) => {
        if (process.alive) host.accept = accept;
      },
      dial: (peer, handlers) => {
        if (process.alive) this.#dial(id, peer, process, handlers);
      },
    };
  }

  /** What was handed over before goes on with the new bandwidth, where that is the faster way. */
  shape(from: NodeId, to: NodeId, shape: WireShape): void {
    const wire = this.#wire(from, to);
    const now = this.#options.clock.now();
    const backlogBytes = wire.freeAt > now ? ((wire.freeAt - now) * wire.bytesPerSecond) / 1_000 : 0;
    Object.assign(wire, shape);
    if (backlogBytes === 0) return;
    wire.freeAt = now + (backlogBytes * 1_000) / wire.bytesPerSecond;
    for (const pipe of wire.pipes) pipe.hasten(wire.freeAt + wire.latencyMs);
  }

  cut(a: NodeId, b: NodeId, { oneWay = false } = {}): void {
    this.#wire(a, b).cut = true;
    if (!oneWay) this.#wire(b, a).cut = true;
  }

  /** Cuts all wires between nodes of different groups. */
  partition(...groups: readonly (readonly NodeId[])[]): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group !== other) for (const a of group) for (const b of other) this.cut(a, b, { oneWay: true });
      }
    }
  }

  /** Cuts a node off from all others. */
  isolate(id: NodeId): void {
    this.#host(id).isolated = true;
  }

  /** Ends the cuts and stalls between two nodes; without arguments those of all nodes, isolation too. */
  heal(a?: NodeId, b?: NodeId, { oneWay = false } = {}): void {
    this.#unblock(() => {
      for (const wire of this.#wires.values()) {
        const isThisWay = wire.from === a && wire.to === b;
        const isMeant = a === undefined || isThisWay || (!oneWay && wire.from === b && wire.to === a);
        if (isMeant) Object.assign(wire, { cut: false, stalledUntil: 0 });
      }
      if (a === undefined) for (const host of this.#hosts.values()) host.isolated = false;
    });
  }

  /** For `ms` nothing arrives from `from` at `to`; then all of it does. */
  stall(from: NodeId, to: NodeId, ms: number): void {
    this.#wire(from, to).stalledUntil = this.#options.clock.now() + ms;
  }

  /** What the connections open now carry from `from` to `to` arrives only after `ms`; newer connections pass. */
  strand(from: NodeId, to: NodeId, ms: number): void {
    for (const pipe of this.#wire(from, to).pipes) pipe.hold(this.#options.clock.now() + ms);
  }

  /** Ends all connections between two nodes from outside. Each side hears it when its wire is passable. */
  reset(a: NodeId, b: NodeId): void {
    for (const end of this.#ends) {
      const { self, peer } = end;
      if ((self === a && peer === b) || (self === b && peer === a)) end.breakOff('connection reset');
    }
  }

  /**
   * The connections of `id` with `other` are lost on its side alone: it hears a reset, the other side nothing. Swallowing:
   * not even when it sends again (a gateway that forgot the connection); else the host answers that with a reset.
   */
  forget(id: NodeId, other: NodeId, { swallows = false } = {}): void {
    for (const end of this.#ends) if (end.self === id && end.peer === other) end.forget(swallows);
  }

  /** Ends a node's incarnation; its ports are dead (P3). Silent: its peers hear nothing until it runs again. */
  crash(id: NodeId, { silent = false } = {}): void {
    const host = this.#host(id);
    host.down = silent;
    host.process?.kill();
    for (const end of this.#ends) {
      if (end.process === host.process) end.die(silent);
    }
  }

  pause(id: NodeId): void {
    this.#host(id).process?.pause();
  }

  resume(id: NodeId): void {
    this.#host(id).process?.resume();
  }

  #dial(
    from: NodeId,
    to: NodeId,
    process: SimulatedProcess,
    handlers: ConnectionHandlers & { opened(connection: Connection): void },
  ): void {
    const { clock, windowBytes, maxFrameBytes, greetingDeadlineMs, onFrame, onSend } = this.#options;
    let listener: End | undefined;

    const there: Pipe = new Pipe(clock, this.#wire(from, to), (segment) => {
      if (segment.kind === 'open') listener = this.#answer(from, to, there, back);
      listener?.arrive(segment);
    });
    const back: Pipe = new Pipe(clock, this.#wire(to, from), (segment) => dialler.arrive(segment));
    const dialler = new End({
      self: from,
      peer: to,
      process,
      out: there,
      in: back,
      windowBytes,
      maxFrameBytes,
      opened: (connection) => {
        handlers.opened(connection);
        return handlers;
      },
      handlers,
      onFrame: (frame) => onFrame(to, from, frame),
      onSend: (frame) => onSend(from, to, frame),
    });
    this.#ends = this.#ends.filter((end) => !end.isClosed);
    this.#ends.push(dialler);
    there.push({ kind: 'open' });
    process.clock.setTimeout(() => {
      if (dialler.isOpening) dialler.close(`no answer within ${greetingDeadlineMs} ms`);
    }, greetingDeadlineMs);
  }

  /** The listening host's end of a connection, or a refusal. */
  #answer(from: NodeId, to: NodeId, there: Pipe, back: Pipe): End | undefined {
    const { process, accept } = this.#host(to);
    const refuse = (reason: string): undefined => void back.push({ kind: 'end', reason });
    if (!process?.alive || !accept) return refuse('connection refused');
    if (from < to) return refuse(`refused: the higher id dials, and ${from} is lower than ${to}`);

    const { windowBytes, maxFrameBytes, onFrame, onSend } = this.#options;
    const listener = new End({
      self: to,
      peer: from,
      process,
      out: back,
      in: there,
      windowBytes,
      maxFrameBytes,
      opened: accept,
      onFrame: (frame) => onFrame(from, to, frame),
      onSend: (frame) => onSend(to, from, frame),
    });
    this.#ends.push(listener);
    return listener;
  }

  #host(id: NodeId): Host {
    let host = this.#hosts.get(id);
    if (!host) {
      host = { process: undefined, accept: undefined, down: false, isolated: false };
      this.#hosts.set(id, host);
    }
    return host;
  }

  #wire(from: NodeId, to: NodeId): Wire {
    const name = `${from}>${to}`;
    let wire = this.#wires.get(name);
    if (!wire) {
      const { latencyMs, jitterMs, bytesPerSecond, dice } = this.#options;
      const source = this.#host(from);
      const target = this.#host(to);
      wire = {
        from,
        to,
        latencyMs,
        jitterMs,
        bytesPerSecond,
        dice: dice.fork(name),
        cut: false,
        stalledUntil: 0,
        freeAt: 0,
        pipes: new Set(),
        passable() {
          return !this.cut && !source.isolated && !target.isolated && !target.down;
        },
      };
      this.#wires.set(name, wire);
    }
    return wire;
  }

  /** Makes a change; what was held by a wire that it makes passable is then sent again. */
  #unblock(change: () => void): void {
    const now = this.#options.clock.now();
    const blocked = [...this.#wires.values()].filter((wire) => !wire.passable() || wire.stalledUntil > now);
    change();
    for (const wire of blocked) {
      if (wire.passable()) for (const pipe of wire.pipes) pipe.resend();
    }
  }
}
