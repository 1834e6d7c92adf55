/**
 * A cable between a node that dials and the peer port of another: a proxy in this process, so that to cut or to stretch it
 * needs no privileges. A TCP stream loses nothing by itself: what a silent cable holds back goes on when it is mended, as
 * TCP's own repetition does, or never, when a reset comes first; and a loss is a stall until what was lost has come again.
 *
 * C1. Troubles add up: a cable is as bad as all that were imposed and not lifted yet, so that faults may overlap.
 * C2. Bytes stay in order, whatever changes on the way; so do the end of a stream and its reset, which take as long.
 * C3. Of each direction it holds a bounded number of bytes, and one timer; then the sender has to wait.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Up is from the dialler. */
export type Direction = 'up' | 'down';

export interface Trouble {
  /** Both ends hear of it at once, and nobody gets through. */
  readonly cut?: boolean;
  /** Neither end hears anything of what goes in these directions. */
  readonly silent?: readonly Direction[];
  /** Each chunk takes this long, one way. */
  readonly delayMs?: number;
  /** And up to so much longer. */
  readonly jitterMs?: number;
  /** So many of the chunks, 0 to 1, are lost: they and all behind them come 200 to 600 ms later. */
  readonly lossPart?: number;
  readonly bytesPerSecond?: number;
  /** After so many bytes both ends are reset, in the middle of whatever is under way; then again. */
  readonly resetAfterBytes?: number;
}

/** What TCP waits before it sends again what nobody has acknowledged. */
const stallMs = { min: 200, max: 600 };
/** What waits in front of a slow cable. */
const queueBytesMax = 256 * 1024;
/** What is under way on a long one: as much as Linux lets a connection have, unless it is told otherwise. */
const underWayBytesMax = 4 * 1024 * 1024;

interface Waiting {
  readonly dueAt: number;
  readonly what: Buffer | 'end' | 'reset';
}

/** One direction of one connection. */
class Flow {
  readonly #cable: Cable;
  readonly #direction: Direction;
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #waiting: Waiting[] = [];
  #queuedBytes = 0;
  #dueAt = 0;
  /** Nothing more is sent until then. */
  #busyUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(cable: Cable, direction: Direction, source: Socket, target: Socket) {
    this.#cable = cable;
    this.#direction = direction;
    this.#source = source;
    this.#target = target;
    // Nothing goes up before TCP's own greeting has been there and back.
    if (direction === 'up') this.#busyUntil = performance.now() + 2 * cable.delayMs;
    source.setNoDelay(true);
    source.on('data', (chunk) => this.#take(chunk));
    source.on('end', () => this.#take('end'));
    source.on('error', () => this.#take('reset'));
    target.on('drain', () => this.update());
    target.on('close', () => this.#stop());
    this.update();
  }

  /** The cable has changed. */
  update(): void {
    this.#pass();
    const isFull = this.#queuedBytes > this.#cable.bytesMax;
    if (isFull || this.#cable.isSilent(this.#direction)) this.#source.pause();
    else this.#source.resume();
  }
  /** Nobody is there any more to whom it could bring anything. */
  #stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#queuedBytes = 0;
  }

  #take(what: Buffer | 'end' | 'reset'): void {
    if (this.#target.destroyed) return;
    const now = performance.now();
    const bytes = typeof what === 'string' ? 0 : what.length;
    // A slow cable is busy with one chunk after the other; a long one has many under way.
    this.#busyUntil = Math.max(this.#busyUntil, now) + this.#cable.sendingMs(bytes);
    this.#dueAt = Math.max(this.#dueAt, this.#busyUntil + this.#cable.delayOfChunk());
    this.#waiting.push({ dueAt: this.#dueAt, what });
    this.#queuedBytes += bytes;
    this.update();
  }

  #pass(): void {
    clearTimeout(this.#timer);
    if (this.#cable.isSilent(this.#direction)) return;
    const now = performance.now();
    let passed = 0;
    for (; passed < this.#waiting.length && !this.#target.writableNeedDrain; passed++) {
      const { dueAt, what } = this.#waiting[passed] as Waiting;
      if (dueAt > now) break;
      this.#bring(what);
    }
    this.#waiting.splice(0, passed);
    const first = this.#waiting[0];
    if (first && !this.#target.writableNeedDrain)
      this.#timer = setTimeout(() => this.update(), Math.max(1, first.dueAt - now));
  }

  #bring(what: Waiting['what']): void {
    if (what === 'end') this.#target.end();
    else if (what === 'reset') this.#target.resetAndDestroy();
    else {
      this.#queuedBytes -= what.length;
      if (!this.#target.destroyed && !this.#cable.breaksWithin(what, this.#target)) this.#target.write(what);
    }
  }
}

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
  readonly flows: Flow[];
}

export class Cable {
  readonly from: number;
  readonly to: number;
  readonly port: number;
  readonly #target: number;
  readonly #server: Server;
  readonly #chance: () => number;
  readonly #connections = new Set<Connection>();
  readonly #troubles = new Set<Trouble>();
  #bytesUntilReset = Number.POSITIVE_INFINITY;

  #isClosed = false;

  /** `chance` gives numbers in [0, 1): for jitter and losses. */
  constructor(from: number, to: number, port: number, target: number, chance: () => number = Math.random) {
    this.from = from;
    this.to = to;
    this.port = port;
    this.#target = target;
    this.#chance = chance;
    // Each direction ends by itself.
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (near) => this.#accept(near));
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port: this.port, host: '127.0.0.1' }, resolve);
    });
  }
  close(): void {
    this.#isClosed = true;
    this.#server.close();
    this.reset();
  }

  /** Returns what lifts it again. */
  impose(trouble: Trouble): () => void {
    this.#troubles.add(trouble);
    if (trouble.cut === true) this.reset();
    this.#changed();
    return () => {
      this.#troubles.delete(trouble);
      this.#changed();
    };
  }
  /** Lifts everything. */
  heal(): void {
    this.#troubles.clear();
    this.#changed();
  }
  /** Breaks what is open; new connections get through. */
  reset(): void {
    for (const { near, far } of this.#connections) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  isSilent(direction: Direction): boolean {
    for (const { silent } of this.#troubles) if (silent?.includes(direction) === true) return true;
    return false;
  }
  get delayMs(): number {
    return this.#sum(({ delayMs = 0 }) => delayMs);
  }
  delayOfChunk(): number {
    let ms = this.delayMs;
    const jitterMs = this.#sum((trouble) => trouble.jitterMs ?? 0);
    const loss = this.#sum(({ lossPart = 0 }) => lossPart);
    if (jitterMs > 0) ms += jitterMs * this.#chance();
    if (loss > 0 && this.#chance() < loss) ms += stallMs.min + (stallMs.max - stallMs.min) * this.#chance();
    return ms;
  }
  sendingMs(bytes: number): number {
    return this.#sum(({ bytesPerSecond }) => (bytesPerSecond ? (bytes * 1000) / bytesPerSecond : 0));
  }
  /** C3: of a slow cable what is under way on it, and a queue in front of it. */
  get bytesMax(): number {
    const msOfByte = this.sendingMs(1);
    return msOfByte === 0 ? underWayBytesMax : queueBytesMax + this.delayMs / msOfByte;
  }
  /** True when the cable broke in this chunk: then a part of it went through before the reset. */
  breaksWithin(chunk: Buffer, target: Socket): boolean {
    this.#bytesUntilReset -= chunk.length;
    if (this.#bytesUntilReset >= 0) return false;
    const part = chunk.subarray(0, Math.max(0, chunk.length + this.#bytesUntilReset));
    this.#countDown();
    // The part should arrive before the reset does: that discards what the other side has not read yet.
    target.write(part, () => setTimeout(() => this.reset(), 2));
    return true;
  }

  #sum(of: (trouble: Trouble) => number): number {
    let sum = 0;
    for (const trouble of this.#troubles) sum += of(trouble);
    return sum;
  }
  #countDown(): void {
    const limits = [...this.#troubles].map(({ resetAfterBytes }) => resetAfterBytes ?? Number.POSITIVE_INFINITY);
    this.#bytesUntilReset = Math.min(Number.POSITIVE_INFINITY, ...limits);
  }
  #changed(): void {
    this.#countDown();
    for (const { flows } of this.#connections) for (const flow of flows) flow.update();
  }

  #accept(near: Socket): void {
    // What had been accepted when the server closed would stay for ever, on a silent cable unseen.
    if (this.#isClosed || [...this.#troubles].some(({ cut }) => cut === true)) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ host: '127.0.0.1', port: this.#target, allowHalfOpen: true });
    const connection: Connection = { near, far, flows: [] };
    this.#connections.add(connection);
    connection.flows.push(new Flow(this, 'up', near, far), new Flow(this, 'down', far, near));
    for (const socket of [near, far])
      socket.on('close', () => {
        if (near.destroyed && far.destroyed) this.#connections.delete(connection);
      });
  }
}
