/**
 * Lean clients: what a load generator spends is taken from the nodes that it measures, on the same machine.
 *
 * tcpClient joins a Speaker to a socket; httpSpeaker and socketSpeaker are HTTP/1.1 and WebSocket by hand. What is sent in
 * one turn of the event loop goes out in one write.
 */
import { connect } from 'node:net';
import type { Client, Endpoint, Heard, Speaker, Told } from './systems.ts';

export function tcpClient(at: Endpoint, speaker: Speaker, told: Told): Client {
  const socket = connect({ host: at.host, port: at.port, noDelay: true });
  let isOpen = true;
  let isCorked = false;
  const end = (why: string): void => {
    if (!isOpen) return;
    isOpen = false;
    socket.destroy();
    told.closed(why);
  };
  const take = (chunk: Buffer): void => {
    const { ready, answer, done, refused, why, isLast, over } = speaker.parse(chunk);
    if (answer) socket.write(answer);
    if (ready) told.ready();
    if (done > 0) told.done(done);
    if (refused > 0) told.refused(refused, why ?? 'refused', isLast === true);
    if (over !== undefined) end(over);
  };
  socket.on('connect', () => {
    if (speaker.hello) socket.write(speaker.hello);
    else told.ready();
  });
  socket.on('data', (chunk: Buffer) => {
    if (!isOpen) return;
    try {
      take(chunk);
    } catch (error) {
      end((error as Error).message);
    }
  });
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  socket.on('close', () => end('closed'));
  return {
    send(n) {
      if (!isOpen) return;
      if (!isCorked) {
        isCorked = true;
        socket.cork();
        process.nextTick(() => {
          isCorked = false;
          socket.uncork();
        });
      }
      socket.write(speaker.encode(n));
    },
    close() {
      isOpen = false;
      socket.destroy();
    },
  };
}

/** What is left of earlier chunks, and what came now. */
const joined = (rest: Buffer | undefined, chunk: Buffer): Buffer =>
  rest === undefined || rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);

// ------------------------------------------------------------------------------------------------------------ HTTP

export const postHead = (path: string, type: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;

export function post(path: string, type: string, body: string): Buffer {
  return Buffer.from(postHead(path, type, Buffer.byteLength(body)) + body);
}

const headEnd = Buffer.from('\r\n\r\n');
const lengthHeader = /\r\ncontent-length: *(\d+)/i;
/** Of an error in JSON. */
const codeMember = /"code":"(\w+)"/;
const retryHeader = /\r\nretry-after: *(\d+)/i;

/** Behind such an answer no request is looked at (RFC 9112 §9.6). */
const closeHeader = /\r\nconnection: *close/i;

/** Answers with Content-Length, in the order of the requests; anything but 2xx is a refusal. */
export function httpSpeaker(encode: (n: number) => Buffer): Speaker {
  let rest: Buffer | undefined;
  /** Of a body that is not whole yet. */
  let missing = 0;
  const parse = (chunk: Buffer): Heard => {
    let done = 0;
    let refused = 0;
    let why = '';
    let isLast = false;
    const bytes = joined(rest, chunk);
    let at = Math.min(missing, bytes.length);
    missing -= at;
    while (at < bytes.length) {
      const end = bytes.indexOf(headEnd, at);
      if (end < 0) break;
      const head = bytes.toString('latin1', at, end);
      const length = lengthHeader.exec(head)?.[1];
      if (length === undefined) throw new Error(`an answer without Content-Length: ${head.slice(0, 80)}`);
      const whole = end + 4 + Number(length);
      const isDone = head.charCodeAt(9) === 50; // "HTTP/1.1 2xx"
      if (!isDone && whole > bytes.length) break; // The reason is in the body.
      if (isDone) done++;
      else {
        refused++;
        const code = codeMember.exec(bytes.toString('latin1', end, whole))?.[1];
        const retry = retryHeader.test(head) ? 'with Retry-After' : '';
        isLast ||= closeHeader.test(head);
        why = [head.slice(9, 12), code, retry].filter((part) => part).join(' ');
      }
      at = whole;
      missing = Math.max(0, at - bytes.length);
      at = Math.min(at, bytes.length);
    }
    rest = bytes.subarray(at);
    return { done, refused, why, isLast };
  };
  return { encode, parse };
}

// ------------------------------------------------------------------------------------------------------- WebSocket

/** A text frame of a client. Masked, as it must be; by zeros, since nobody between us could be confused here. */
export function textFrame(text: string | Buffer, opcode = 1): Buffer {
  const length = Buffer.byteLength(text);
  const wide = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(6 + wide + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (wide === 0 ? length : wide === 2 ? 126 : 127);
  if (wide === 2) frame.writeUInt16BE(length, 2);
  if (wide === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(typeof text === 'string' ? Buffer.from(text) : text, 6 + wide);
  return frame;
}

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Whole frames of a server, from any pieces. */
export function frameReader(): (chunk: Buffer) => Frame[] {
  let rest: Buffer | undefined;
  return (chunk) => {
    const bytes = joined(rest, chunk);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = bytes[at + 1]! & 0x7f;
      const wide = short < 126 ? 0 : short === 126 ? 2 : 8;
      const from = at + 2 + wide;
      if (bytes.length < from) break;
      const length =
        wide === 0 ? short : wide === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      if (bytes.length < from + length) break;
      frames.push({ opcode: bytes[at]! & 0x0f, payload: bytes.subarray(from, from + length) });
      at = from + length;
    }
    rest = bytes.subarray(at);
    return frames;
  };
}

/**
 * Over a WebSocket: frames are numbered from 1; a line answers all frames after the line before, up to its `n`. One with a
 * `code` refuses frame `n`, and the connection ends: what was sent behind it has no answer.
 */
export function socketSpeaker(path: string, encode: (n: number) => Buffer): Speaker {
  const hello = Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const read = frameReader();
  let greeting: Buffer | undefined = Buffer.alloc(0);
  let answered = 0;

  const greet = (chunk: Buffer): Buffer | undefined => {
    greeting = joined(greeting, chunk);
    const end = greeting.indexOf(headEnd);
    if (end < 0) return undefined;
    const head = greeting.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 101')) {
      const code = codeMember.exec(greeting.toString('latin1', end))?.[1] ?? '';
      throw new Error(`no WebSocket: ${head.slice(9, 12)} ${code}`);
    }
    const after = greeting.subarray(end + 4);
    greeting = undefined;
    return after;
  };
  const count = (line: string, sum: { done: number; refused: number; why: string }): void => {
    const n = Number(/"n":(\d+)/.exec(line)?.[1] ?? Number.NaN);
    if (Number.isNaN(n)) throw new Error(`not an answer: ${line.slice(0, 120)}`);
    const code = codeMember.exec(line)?.[1];
    if (code === undefined) sum.done += n - answered;
    else {
      sum.refused += n - answered;
      sum.why = code;
    }
    answered = n;
  };
  const parse = (chunk: Buffer): Heard => {
    const sum = { done: 0, refused: 0, why: '' };
    const isGreeting = greeting !== undefined;
    const after = isGreeting ? greet(chunk) : chunk;
    if (after === undefined) return sum;
    let answer: Buffer | undefined;
    let over: string | undefined;
    for (const { opcode, payload } of read(after)) {
      if (opcode === 8) over = `closed: ${payload.subarray(2).toString('utf8')}`;
      if (opcode === 9) answer = textFrame(payload, 10);
      if (opcode !== 1 && opcode !== 2) continue;
      for (const line of payload.toString('latin1').split('\n')) if (line !== '') count(line, sum);
    }
    return { ...sum, ...(isGreeting && { ready: true }), ...(answer && { answer }), ...(over && { over }) };
  };
  return { hello, encode, parse };
}
