/** Clients of append streams: a good one, and the bytes that bad ones send. */
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface AnswerLine {
  readonly n: number;
  readonly first_id: number;
  readonly count: number;
  readonly lamport_timestamp: number;
  readonly error?: string;
  readonly code?: string;
  readonly outcome?: string;
  readonly detail?: string;
  readonly line?: number;
  readonly retry_after_ms?: number;
}

export interface StreamEnd {
  readonly code: number;
  readonly reason: string;
  readonly lines: readonly AnswerLine[];
  /** The last line, where it is an error. */
  readonly failure: AnswerLine | undefined;
}

export class StreamClient {
  readonly socket: WebSocket;
  readonly lines: AnswerLine[] = [];
  /** Frames of answers. */
  frames = 0;
  /** The newest frame that is answered. */
  answered = 0;
  isClosed = false;
  readonly closed: Promise<StreamEnd>;

  constructor(port: number, query = '', headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/append${query}`, { headers });
    this.socket.on('message', (text) => {
      this.frames++;
      for (const line of String(text).trimEnd().split('\n')) {
        const answer = JSON.parse(line) as AnswerLine;
        this.lines.push(answer);
        if (answer.error === undefined) this.answered = answer.n;
      }
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.isClosed = true;
        const last = this.lines.at(-1);
        const failure = last?.error === undefined ? undefined : last;
        resolve({ code, reason: String(reason), lines: this.lines, failure });
      });
    });
    this.socket.on('error', () => {}); // A broken connection shows as `closed`.
  }

  async opened(): Promise<this> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, 'open');
    return this;
  }
  send(...frames: readonly (string | Buffer)[]): this {
    for (const frame of frames) this.socket.send(frame);
    return this;
  }
  /** Says that this was all; resolves when everything is answered. */
  finish(): Promise<StreamEnd> {
    this.socket.close();
    return this.closed;
  }
}

// ----------------------------------------------------------------------------------------------------------- bytes

export const handshake = (path = '/append', more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;

/** A client's frame, masked (RFC 6455 §5.2). */
export function frameOf(payload: string | Buffer, { opcode = 1, final = true } = {}): Buffer {
  const data = Buffer.from(payload);
  const { length } = data;
  const head = length < 126 ? Buffer.alloc(2) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = (final ? 0x80 : 0) | opcode;
  if (head.length === 2) head[1] = 0x80 | length;
  else if (head.length === 4) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  const mask = randomFillSync(Buffer.alloc(4));
  for (let i = 0; i < length; i++) data[i] = (data[i] as number) ^ (mask[i % 4] as number);
  return Buffer.concat([head, mask, data]);
}
