/**
 * One connection of the simulated network: two pipes, one each way, and an end at each host.
 *
 *   dialler --open--> listener      (refused: --end-->)
 *   dialler <-accepted-- listener   then frames both ways, then one `end`; whatever comes behind it is lost
 *
 * A1. A pipe is ordered and loses nothing but a tail: what arrives is a prefix of what was sent.
 * A2. A pipe delivers only while its wire is passable; what is held comes in order afterwards, as TCP resends it.
 * A3. An end reports `closed` once, and nothing after it. A dead process hears nothing.
 * A4. A segment that reaches a host on which the connection's end is dead is answered by a reset, as a kernel does.
 */
import { crc32 } from 'node:zlib';
import type { Clock, CloseReason, Connection, ConnectionHandlers } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { SeededDice } from './dice.ts';
import type { SimulatedProcess } from './simulatedProcess.ts';

/** The way from one host to another; all connections between them share it. */
export interface Wire {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly dice: SeededDice;
  latencyMs: number;
  jitterMs: number;
  bytesPerSecond: number;
  cut: boolean;
  /** Nothing arrives before this. */
  stalledUntil: number;
  /** When the last byte that was handed over will have left. */
  freeAt: number;
  readonly pipes: Set<Pipe>;
  passable(): boolean;
}

export type Segment =
  | { readonly kind: 'open' }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'frame'; readonly frame: Buffer; readonly checksum: number }
  | { readonly kind: 'end'; readonly reason: string };

interface InFlight {
  readonly segment: Segment;
  /** Not before; and not before what was sent earlier (A1). */
  readonly arrivesAt: number;
}

const bytesOf = (segment: Segment): number => (segment.kind === 'frame' ? segment.frame.length : 0);

export class Pipe {
  readonly #world: Clock;
  readonly #wire: Wire;
  readonly #arrive: (segment: Segment) => void;
  #inFlight: InFlight[] = [];
  #timer: unknown;
  #notBefore = 0;
  #ended = false;
  /** Bytes handed over that the receiving process has not taken. */
  waitingBytes = 0;

  constructor(world: Clock, wire: Wire, arrive: (segment: Segment) => void) {
    this.#world = world;
    this.#wire = wire;
    this.#arrive = arrive;
    wire.pipes.add(this);
  }

  push(segment: Segment): void {
    if (this.#ended) return;
    const wire = this.#wire;
    const bytes = bytesOf(segment);
    this.waitingBytes += bytes;
    wire.freeAt = Math.max(this.#world.now(), wire.freeAt) + (bytes * 1_000) / wire.bytesPerSecond;
    const arrivesAt = wire.freeAt + wire.latencyMs + wire.jitterMs * wire.dice.next();
    this.#inFlight.push({ segment, arrivesAt });
    this.#ended = segment.kind === 'end';
    if (this.#inFlight.length === 1) this.#arm();
  }

  /** Bytes of the frame in front that have come while the rest is on its way. */
  get partBytes(): number {
    const head = this.#inFlight[0];
    if (!head || !this.#wire.passable()) return 0;
    const bytes = bytesOf(head.segment);
    const missing = ((head.arrivesAt - this.#world.now()) * this.#wire.bytesPerSecond) / 1_000;
    return missing > 0 && missing < bytes ? Math.floor(bytes - missing) : 0;
  }

  /** Of what is in flight a prefix of random length still arrives; the rest is lost. */
  loseTail(): void {
    this.#inFlight.length = this.#wire.dice.int(this.#inFlight.length + 1);
    this.#ended = this.#inFlight.at(-1)?.segment.kind === 'end'; // The end of an earlier reset may be lost with the rest.
    if (this.#inFlight.length === 0) this.#disarm();
  }

  /** Nothing arrives before `time`. */
  hold(time: number): void {
    this.#notBefore = Math.max(this.#notBefore, time);
    this.#arm();
  }

  /** Everything that is on its way arrives until `time`. */
  hasten(time: number): void {
    this.#inFlight = this.#inFlight.map((one) => (one.arrivesAt > time ? { ...one, arrivesAt: time } : one));
    this.#arm();
  }

  /** The wire is passable again: what was held is sent anew. */
  resend(): void {
    this.hold(this.#world.now() + this.#wire.latencyMs);
  }

  #disarm(): void {
    this.#world.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    this.#disarm();
    const head = this.#inFlight[0];
    if (!head) return;
    const at = Math.max(head.arrivesAt, this.#notBefore, this.#wire.stalledUntil);
    this.#timer = this.#world.setTimeout(() => this.#land(), at - this.#world.now());
  }

  #land(): void {
    this.#timer = undefined;
    if (!this.#wire.passable()) return; // A2: waits for `resend`.
    if (this.#wire.stalledUntil > this.#world.now()) {
      this.#arm();
      return;
    }
    const head = this.#inFlight.shift();
    this.#arm();
    if (!head) return;
    if (head.segment.kind === 'end') this.#wire.pipes.delete(this);
    this.#arrive(head.segment);
  }
}

export interface EndOptions {
  readonly self: NodeId;
  readonly peer: NodeId;
  readonly process: SimulatedProcess;
  readonly out: Pipe;
  readonly in: Pipe;
  readonly windowBytes: number;
  readonly maxFrameBytes: number;
  /** The greeting is through on this side; gives the handlers. */
  readonly opened: (connection: Connection) => ConnectionHandlers;
  /** The dialler's handlers hear of a failure before the opening too. */
  readonly handlers?: ConnectionHandlers;
  readonly onFrame: (frame: Buffer) => void;
  readonly onSend: (frame: Buffer) => void;
}

export class End implements Connection {
  readonly self: NodeId;
  readonly peer: NodeId;
  readonly dialled: boolean;
  readonly process: SimulatedProcess;
  readonly #options: EndOptions;
  #handlers: ConnectionHandlers | undefined;
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #takenBytes = 0;
  #receivedBytesMax = 0;
  /** The connection is unknown to this host: what comes is answered with a reset, or nobody hears of it. */
  #forgotten: 'no' | 'answers' | 'swallows' = 'no';

  constructor(options: EndOptions) {
    this.self = options.self;
    this.peer = options.peer;
    this.dialled = options.handlers !== undefined;
    this.process = options.process;
    this.#options = options;
    this.#handlers = options.handlers;
  }

  get isOpening(): boolean {
    return this.#state === 'opening';
  }
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** What exceeds the buffers of both kernels waits in the sending process. */
  get bufferedBytes(): number {
    return this.#state === 'open' ? Math.max(0, this.#options.out.waitingBytes - this.#options.windowBytes) : 0;
  }

  get receivedBytes(): number {
    this.#receivedBytesMax = Math.max(this.#receivedBytesMax, this.#takenBytes + this.#options.in.partBytes);
    return this.#receivedBytesMax;
  }

  send(frame: Buffer): void {
    const { maxFrameBytes } = this.#options;
    if (this.#state !== 'open' || !this.process.alive) return;
    if (frame.length > maxFrameBytes) {
      this.close(`own frame of ${frame.length} bytes is above maxFrameBytes ${maxFrameBytes}`);
    } else {
      this.#options.onSend(frame);
      this.#options.out.push({ kind: 'frame', frame, checksum: crc32(frame) });
    }
  }

  close(reason: string): void {
    if (this.#state === 'closed' || !this.process.alive) return;
    this.#state = 'closed';
    this.#options.out.push({ kind: 'end', reason });
    this.process.clock.setTimeout(() => this.#report({ byThisSide: true, reason }), 0); // P2
  }

  /** The process died: the kernel resets the connection, or (silent: power cut) nobody does. */
  die(silent: boolean): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.breakOff(silent ? undefined : 'connection reset by peer');
  }

  /** This side's connection is gone, and the other side does not know (half open). */
  forget(swallows: boolean): void {
    if (this.#state === 'closed' || !this.process.alive) return;
    this.#state = 'closed';
    this.#forgotten = swallows ? 'swallows' : 'answers';
    this.#options.out.loseTail();
    this.process.deliver(() => this.#report({ byThisSide: false, reason: 'connection timed out' }));
  }

  /** Loses a random tail of what this side has in flight; the other side hears the reason, if there is one. */
  breakOff(reason: string | undefined): void {
    this.#options.out.loseTail();
    if (reason !== undefined) this.#options.out.push({ kind: 'end', reason });
  }

  /** A segment has reached this host. */
  arrive(segment: Segment): void {
    if (this.#forgotten === 'swallows') return;
    if (this.process.alive && this.#forgotten === 'no') this.process.deliver(() => this.#take(segment));
    else if (segment.kind !== 'end') this.#options.out.push({ kind: 'end', reason: 'connection reset by peer' }); // A4
  }

  #take(segment: Segment): void {
    this.#options.in.waitingBytes -= bytesOf(segment);
    this.#takenBytes += bytesOf(segment);
    if (this.#state === 'closed') return; // A3
    switch (segment.kind) {
      case 'open':
        this.#state = 'open';
        this.#options.out.push({ kind: 'accepted' }); // Before any frame that `opened` may send.
        this.#handlers = this.#options.opened(this);
        return;
      case 'accepted':
        this.#state = 'open';
        this.#handlers = this.#options.opened(this);
        return;
      case 'frame':
        if (crc32(segment.frame) !== segment.checksum) throw new Error('a frame was changed after it was sent');
        this.#options.onFrame(segment.frame);
        this.#handlers?.frame(Buffer.from(segment.frame)); // Two nodes share no memory.
        return;
      case 'end':
        this.#state = 'closed';
        this.#options.out.push({ kind: 'end', reason: 'closed by the other side' }); // So that the other pipe ends too.
        this.#report({ byThisSide: false, reason: segment.reason });
    }
  }

  #report(reason: CloseReason): void {
    this.#handlers?.closed(reason);
  }
}
