/**
 * Reads a request's body within bounds, in one pass.
 *
 * B1. A body known to be too long is refused before it is read; an unknown one as soon as it has grown too long.
 * B2. What is held is at most twice what came, in however many pieces: a byte that comes alone costs a byte.
 * B3. A body that makes no progress for `stallMs` is given up: a slow client costs one socket and what it has sent. Where this
 *     process itself stood still, what came meanwhile is read first.
 * B4. There is no limit for the whole, however long it takes; but in every `10 * stallMs` it must bring
 *     `minBytesPerSecond`: far less than the slowest line, and far more than a client that sends a byte now and then
 *     to hold what it has sent. So even the largest body of such a client is over in an hour or so.
 * B5. All bodies that are coming in together hold at most a `BodyRoom`; one that finds no room is refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from './errors.ts';

export interface BodyBounds {
  readonly maxBytes: number;
  /** Longest pause between two pieces, in milliseconds. */
  readonly stallMs: number;
  readonly room: BodyRoom;
}

/** B5. What has come of the bodies that are not complete yet; complete ones are the node's, and bounded there. */
export class BodyRoom {
  readonly maxBytes: number;
  heldBytes = 0;
  /** Bodies that are coming in. */
  coming = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }
}

export const minBytesPerSecond = 1024;
const windowStalls = 10;

const empty = Buffer.alloc(0);

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

/** Undefined when the client went away: nobody is left to answer. */
export function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  { maxBytes, stallMs, room }: BodyBounds,
): Promise<Buffer | Refusal | undefined> {
  const { headers } = req;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return Promise.resolve(new Refusal('MEDIA_TYPE_UNSUPPORTED', `Content-Encoding ${encoding} is not accepted`));
  }
  const tooLarge = (): Refusal => new Refusal('BODY_TOO_LARGE', `this call takes at most ${maxBytes} bytes`);
  const tooSlow = (): Refusal =>
    new Refusal('REQUEST_TIMEOUT', `the body came with less than ${minBytesPerSecond} bytes a second`);
  const declared = headers['content-length'];
  if (declared !== undefined && Number(declared) > maxBytes) return Promise.resolve(tooLarge());
  if (!hasBody(req)) return Promise.resolve(empty);
  // The server leaves this to us, so that what is refused unread need never be sent.
  if (headers.expect !== undefined && req.httpVersionMinor === 1) res.writeContinue();

  return new Promise((resolve) => {
    let body: Buffer = empty;
    let length = 0;
    let window = { beganAt: performance.now(), length };
    const isTooSlow = (): boolean => {
      const now = performance.now();
      const tookMs = now - window.beganAt;
      if (tookMs < windowStalls * stallMs) return false;
      const bytesPerSecond = ((length - window.length) * 1000) / tookMs;
      window = { beganAt: now, length };
      return bytesPerSecond < minBytesPerSecond;
    };
    let comes = 1;
    room.coming++;
    const leave = (outcome: Buffer | Refusal | undefined): void => {
      room.heldBytes -= length;
      length = 0;
      room.coming -= comes;
      comes = 0;
      resolve(outcome);
    };
    const finish = (outcome: Buffer | Refusal | undefined): void => {
      req.removeListener('data', onData);
      req.socket.setTimeout(0);
      leave(outcome);
    };
    const onData = (chunk: Buffer): void => {
      const at = length;
      length += chunk.length;
      room.heldBytes += chunk.length;
      if (length > maxBytes) return finish(tooLarge());
      if (room.heldBytes > room.maxBytes)
        return finish(new Refusal('OVERLOADED', `bodies of ${room.maxBytes} bytes are coming in already`));
      if (at === 0) {
        body = chunk; // Nearly always the whole of it.
        return;
      }
      if (isTooSlow()) return finish(tooSlow());
      if (length > body.length) body = grown(body, Math.min(maxBytes, Math.max(length, 2 * at, growthBytesMin)));
      chunk.copy(body, at);
    };
    req.on('data', onData);
    req.on('end', () => finish(body.subarray(0, length)));
    req.on('close', () => {
      if (!req.complete) leave(undefined);
    });
    req.on('timeout', () => {
      const at = length;
      const giveUp = (): void => {
        if (comes === 1 && length === at)
          finish(new Refusal('REQUEST_TIMEOUT', `no byte of the body came for ${stallMs} ms`));
      };
      setImmediate(giveUp); // The sockets are read between the timers and this.
    });
    req.socket.setTimeout(stallMs);
  });
}

const growthBytesMin = 16 * 1024;
function grown(body: Buffer, capacity: number): Buffer {
  const bigger = Buffer.allocUnsafeSlow(capacity);
  body.copy(bigger);
  return bigger;
}

/** What a refused client may still send, so that it reads the answer instead of a reset; then it is cut off. */
const lingerBytesMax = 8 * 1024 * 1024;
const lingerMsMax = 5_000;

export function discardRest(req: IncomingMessage): void {
  if (req.complete || req.destroyed || req.listenerCount('data') > 0) return;
  let left = lingerBytesMax;
  const giveUp = setTimeout(() => req.destroy(), lingerMsMax);
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) req.destroy();
  });
  req.on('end', () => clearTimeout(giveUp));
  req.on('close', () => clearTimeout(giveUp));
}
