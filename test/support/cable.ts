/**
 * A cable between a node that dials and the peer port of another: a proxy in this process, so that to cut it needs no
 * privileges. A TCP stream loses nothing by itself: what a silent cable holds back goes on when it is mended, as TCP's own
 * repetition does, or never, when a reset comes first.
 *
 * C1. Troubles add up: a cable is as bad as all that were imposed and not lifted yet, so that faults may overlap.
 * C2. Bytes stay in order, whatever changes on the way.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Up is from the dialler. */
export type Direction = 'up' | 'down';

export interface Trouble {
  /** Both ends hear of it at once, and nobody gets through. */
  readonly cut?: boolean;
  /** Neither end hears anything of what goes in these directions. */
  readonly silent?: readonly Direction[];
  /** Each chunk takes this long. */
  readonly delayMs?: number;
  readonly bytesPerSecond?: number;
  /** After so many bytes both ends are reset, in the middle of whatever is under way; then again. */
  readonly resetAfterBytes?: number;
}

/** What a slow direction holds back at most before its sender has to wait. */
const queueBytesMax = 256 * 1024;

interface Waiting {
  readonly dueAt: number;
  readonly chunk: Buffer | undefined;
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
  #timer: NodeJS.Timeout | undefined;

  constructor(cable: Cable, direction: Direction, source: Socket, target: Socket) {
    this.#cable = cable;
    this.#direction = direction;
    this.#source = source;
    this.#target = target;
    source.setNoDelay(true);
    source.on('data', (chunk) => this.#take(chunk));
    source.on('end', () => this.#take(undefined));
    source.on('error', () => {});
    target.on('drain', () => this.update());
    this.update();
  }

  /** The cable has changed. */
  update(): void {
    this.#pass();
    const full = this.#queuedBytes > queueBytesMax || this.#target.writableNeedDrain;
    if (full || this.#cable.isSilent(this.#direction)) this.#source.pause();
    else this.#source.resume();
  }
  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  /** Undefined: the end. */
  #take(chunk: Buffer | undefined): void {
    const now = performance.now();
    const length = chunk?.length ?? 0;
    // A slow cable is busy with one chunk after the other; a long one has many under way.
    this.#dueAt = Math.max(this.#dueAt, now + this.#cable.delayOfChunk()) + this.#cable.sendingMs(length);
    this.#waiting.push({ dueAt: this.#dueAt, chunk });
    this.#queuedBytes += length;
    this.update();
  }

  #pass(): void {
    if (this.#cable.isSilent(this.#direction)) return;
    const now = performance.now();
    for (let next = this.#waiting[0]; next !== undefined && next.dueAt <= now; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#queuedBytes -= next.chunk?.length ?? 0;
      if (this.#target.destroyed) continue;
      if (next.chunk === undefined) this.#target.end();
      else if (!this.#cable.breaksWithin(next.chunk, this.#target)) this.#target.write(next.chunk);
    }
    clearTimeout(this.#timer);
    const first = this.#waiting[0];
    if (first) this.#timer = setTimeout(() => this.update(), Math.max(1, first.dueAt - now));
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
  readonly #connections = new Set<Connection>();
  readonly #troubles = new Set<Trouble>();
  #bytesUntilReset = Number.POSITIVE_INFINITY;

  constructor(from: number, to: number, port: number, target: number) {
    this.from = from;
    this.to = to;
    this.port = port;
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true }, (near) => this.#accept(near));
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port: this.port, host: '127.0.0.1' }, resolve);
    });
  }
  close(): void {
    this.reset();
    this.#server.close();
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
    return [...this.#troubles].some(({ silent }) => silent?.includes(direction) === true);
  }
  delayOfChunk(): number {
    let ms = 0;
    for (const { delayMs = 0 } of this.#troubles) ms += delayMs;
    return ms;
  }
  sendingMs(bytes: number): number {
    let ms = 0;
    for (const { bytesPerSecond } of this.#troubles) if (bytesPerSecond) ms += (bytes * 1000) / bytesPerSecond;
    return ms;
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

  #countDown(): void {
    const limits = [...this.#troubles].map(({ resetAfterBytes }) => resetAfterBytes ?? Number.POSITIVE_INFINITY);
    this.#bytesUntilReset = Math.min(Number.POSITIVE_INFINITY, ...limits);
  }
  #changed(): void {
    this.#countDown();
    for (const { flows } of this.#connections) for (const flow of flows) flow.update();
  }

  #accept(near: Socket): void {
    if ([...this.#troubles].some(({ cut }) => cut === true)) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ host: '127.0.0.1', port: this.#target });
    const connection: Connection = { near, far, flows: [] };
    this.#connections.add(connection);
    connection.flows.push(new Flow(this, 'up', near, far), new Flow(this, 'down', far, near));
    for (const [source, other] of [
      [near, far],
      [far, near],
    ] as const) {
      source.on('close', (hadError) => {
        this.#connections.delete(connection);
        for (const flow of connection.flows) flow.stop();
        // An end that broke is told as such; one that was closed in peace has been passed on already.
        if (hadError) other.resetAndDestroy();
        else other.destroy();
      });
    }
  }
}
