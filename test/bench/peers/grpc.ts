/**
 * gRPC over HTTP/2 without TLS, by hand: a request costs a load generator a tenth of what it costs
 * over node:http2, which would take half of the machine from the servers that are measured.
 *
 * It reads no headers: a call succeeded when its stream ended after DATA (RFC 9113; in gRPC an error has headers only).
 *
 *   const connection = new GrpcConnection(at);  const answer = await connection.ask('/package.Service/Method', message);
 */
import { connect, type Socket } from 'node:net';
import type { Endpoint } from '../systems.ts';

const type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const flag = { ack: 1, endStream: 1, endHeaders: 4 } as const;
const headBytes = 9;
/** The largest frame that anybody must take. */
const frameBytesMax = 16_384;
const firstWindow = 65_535;
const windowMax = 2 ** 31 - 1;
/** After how much DATA the connection's window is filled up again. */
const refillBytes = 2 ** 30;

export function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = kind;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, headBytes);
  return bytes;
}

const uint32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
};

/** A field of HPACK that nobody keeps in a table; `name` is a name or its number in the static table. RFC 7541, 6.2.2 */
function literal(name: string | number, value: string): Buffer {
  const text = (words: string): Buffer => Buffer.from([words.length, ...Buffer.from(words)]);
  const start = typeof name === 'string' ? [0, ...text(name)] : name < 15 ? [name] : [15, name - 15];
  return Buffer.from([...start, ...text(value)]);
}

/** Header block of a call of `path`, of at most 126 letters; 0x83 and 0x86 are ":method: POST" and ":scheme: http". */
export const callHeaders = (path: string): Buffer =>
  Buffer.concat([
    Buffer.from([0x83, 0x86]),
    literal(4, path),
    literal(1, '127.0.0.1'),
    literal(31, 'application/grpc'),
    literal('te', 'trailers'),
  ]);

/** A message as gRPC sends it: not compressed, its length, itself. */
export function grpcMessage(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(5 + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  message.copy(bytes, 5);
  return bytes;
}

export interface GrpcHeard {
  data?(stream: number, bytes: Buffer): void;
  /** `isGood`: there was an answer. */
  ended(stream: number, isGood: boolean): void;
}

/** What waits for room in the windows of the server. */
interface Unsent {
  readonly stream: number;
  window: number;
  rest: Buffer;
  readonly isLast: boolean;
}

/** A connection without its socket. Streams have odd numbers that grow. Throws when the server ends the connection. */
export class GrpcWire {
  readonly hello: Buffer;
  readonly #headers = new Map<string, Buffer>();
  readonly #answered = new Set<number>();
  #unsent: Unsent[] = [];
  #streamWindow = firstWindow;
  #window = firstWindow;
  #received = 0;
  #rest: Buffer | undefined;

  constructor() {
    const initialWindow = Buffer.concat([Buffer.from([0, 4]), uint32(windowMax)]);
    this.hello = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      frame(type.settings, 0, 0, initialWindow),
      frame(type.windowUpdate, 0, 0, uint32(windowMax - firstWindow)),
    ]);
  }

  /** What can be sent of it now; `take` gives the rest when there is room. Without `isLast` the stream stays open. */
  request(stream: number, path: string, message: Buffer, isLast = true): Buffer {
    let headers = this.#headers.get(path);
    if (headers === undefined) {
      headers = callHeaders(path);
      this.#headers.set(path, headers);
    }
    this.#unsent.push({ stream, window: this.#streamWindow, rest: grpcMessage(message), isLast });
    return Buffer.concat([frame(type.headers, flag.endHeaders, stream, headers), ...this.#flush()]);
  }

  /** What is to be sent now, if anything. */
  take(chunk: Buffer, heard: GrpcHeard): Buffer | undefined {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    const answers: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + bytes.readUIntBE(at, 3);
      if (bytes.length < end) break;
      const stream = bytes.readUInt32BE(at + 5) & windowMax;
      this.#frame(bytes[at + 3]!, bytes[at + 4]!, stream, bytes.subarray(at + headBytes, end), heard, answers);
      at = end;
    }
    this.#rest = at === bytes.length ? undefined : bytes.subarray(at);
    if (this.#received >= refillBytes) {
      answers.push(frame(type.windowUpdate, 0, 0, uint32(this.#received)));
      this.#received = 0;
    }
    answers.push(...this.#flush());
    return answers.length === 0 ? undefined : Buffer.concat(answers);
  }

  #frame(kind: number, flags: number, stream: number, payload: Buffer, heard: GrpcHeard, answers: Buffer[]): void {
    switch (kind) {
      case type.data:
        this.#received += payload.length;
        this.#answered.add(stream);
        heard.data?.(stream, payload);
        if (flags & flag.endStream) this.#end(stream, heard);
        break;
      case type.headers:
        if (flags & flag.endStream) this.#end(stream, heard);
        break;
      case type.reset:
        this.#answered.delete(stream);
        this.#end(stream, heard);
        break;
      case type.settings:
        if (flags & flag.ack) break;
        this.#settings(payload);
        answers.push(frame(type.settings, flag.ack, 0, Buffer.alloc(0)));
        break;
      case type.ping:
        if (!(flags & flag.ack)) answers.push(frame(type.ping, flag.ack, 0, payload));
        break;
      case type.goAway:
        throw new Error(`server ended the connection: ${payload.subarray(8).toString('latin1')}`);
      case type.windowUpdate:
        this.#widen(stream, payload.readUInt32BE());
        break;
    }
  }

  #end(stream: number, heard: GrpcHeard): void {
    this.#unsent = this.#unsent.length === 0 ? this.#unsent : this.#unsent.filter((unsent) => unsent.stream !== stream);
    heard.ended(stream, this.#answered.delete(stream));
  }

  #settings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== 4) continue; // Only the first window of a stream concerns us.
      const window = payload.readUInt32BE(at + 2);
      for (const unsent of this.#unsent) unsent.window += window - this.#streamWindow;
      this.#streamWindow = window;
    }
  }

  #widen(stream: number, by: number): void {
    if (stream === 0) this.#window += by;
    for (const unsent of this.#unsent) if (unsent.stream === stream) unsent.window += by;
  }

  #flush(): Buffer[] {
    const frames: Buffer[] = [];
    const isSent = (unsent: Unsent): boolean => {
      while (unsent.rest.length > 0) {
        const length = Math.min(unsent.rest.length, frameBytesMax, unsent.window, this.#window);
        if (length <= 0) return false;
        unsent.window -= length;
        this.#window -= length;
        const isEnd = unsent.isLast && length === unsent.rest.length;
        frames.push(frame(type.data, isEnd ? flag.endStream : 0, unsent.stream, unsent.rest.subarray(0, length)));
        unsent.rest = unsent.rest.subarray(length);
      }
      return true;
    };
    if (this.#unsent.length > 0) this.#unsent = this.#unsent.filter((unsent) => !isSent(unsent));
    return frames;
  }
}

/** What a caller hears of one call. */
export interface CallHeard {
  data?(bytes: Buffer): void;
  /** Once; no `why` when it was answered. */
  ended(why?: string): void;
}

export interface ConnectionHeard {
  ready?(): void;
  closed?(why: string): void;
}

/** Any number of calls at once; those made in one turn of the event loop go out in one write. */
export class GrpcConnection {
  readonly #socket: Socket;
  readonly #wire = new GrpcWire();
  readonly #calls = new Map<number, CallHeard>();
  #stream = -1;
  #end = 'closed';
  isOpen = true;

  constructor({ host, port }: Endpoint, { ready, closed }: ConnectionHeard = {}) {
    const heard: GrpcHeard = {
      data: (stream, bytes) => this.#calls.get(stream)?.data?.(bytes),
      ended: (stream, isGood) => {
        const call = this.#calls.get(stream);
        this.#calls.delete(stream);
        call?.ended(isGood ? undefined : 'an answer without a body');
      },
    };
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.once('data', () => ready?.()); // Its settings: now it is known how much may be sent.
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        const answer = this.#wire.take(chunk, heard);
        if (answer) this.#socket.write(answer);
      } catch (error) {
        this.#socket.destroy(error as Error);
      }
    });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#end = error.code ?? error.message;
    });
    this.#socket.on('close', () => {
      this.isOpen = false;
      const unanswered = [...this.#calls.values()];
      this.#calls.clear();
      closed?.(this.#end);
      for (const call of unanswered) call.ended(this.#end);
    });
    this.#socket.write(this.#wire.hello);
  }

  /** Without `isLast` the request stays open. */
  call(path: string, message: Buffer, heard: CallHeard, isLast = true): void {
    if (!this.isOpen) return;
    this.#stream += 2;
    this.#calls.set(this.#stream, heard);
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(this.#wire.request(this.#stream, path, message, isLast));
  }

  /** The one message of the answer. */
  ask(path: string, message: Buffer): Promise<Buffer> {
    const parts: Buffer[] = [];
    return new Promise((resolve, reject) => {
      this.call(path, message, {
        data: (bytes) => parts.push(bytes),
        ended: (why) => (why === undefined ? resolve(Buffer.concat(parts).subarray(5)) : reject(new Error(why))),
      });
    });
  }

  /** Nothing is heard of any call after it. */
  close(): void {
    this.isOpen = false;
    this.#calls.clear();
    this.#socket.destroy();
  }
}
