/**
 * Watches over a WebSocket that may stay for ever, so that only a client that lives and goes on keeps it.
 *
 * W1. A client of which nothing is heard after a ping, for `heartbeatMs`, is gone. While the server itself does not read
 *     (back-pressure), nobody is judged by this; nor who has sent its close frame and waits for what is due: behind that frame
 *     no pong comes (RFC 6455 §5.5.1).
 * W2. A client that takes nothing of what it is sent for `stallMs` is cut off.
 * W3. A message that has begun and gets no further for `stallMs` is given up, also where its client answers pings between
 *     two fragments of it.
 * W4. Beyond `10 * stallMs` a message must also have come at `minBytesPerSecond`: its memory is not held for ever.
 * W5. Where this process itself stood still, what came meanwhile is heard before anybody is judged.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { minBytesPerSecond } from './body.ts';

export interface Patience {
  readonly heartbeatMs: number;
  readonly stallMs: number;
}

/** What the library knows of a message that has not come whole; it does not tell. */
interface Receiver {
  readonly _state: number;
  readonly _fragmented: number;
  readonly _bufferedBytes: number;
  readonly _messageLength: number;
}

/** Nor does it tell whether the client's close frame has come. */
const hasSaidLast = (webSocket: WebSocket): boolean =>
  (webSocket as unknown as { readonly _closeFrameReceived: boolean })._closeFrameReceived;

/** Bytes of a message under way; undefined between messages. */
function bytesUnderWay(webSocket: WebSocket): number | undefined {
  const { _receiver } = webSocket as unknown as { readonly _receiver: Receiver };
  const { _state, _fragmented, _bufferedBytes, _messageLength } = _receiver;
  const isBetween = _state === 0 && _fragmented === 0 && _bufferedBytes === 0;
  return isBetween ? undefined : _messageLength + _bufferedBytes;
}

/** Calls `onGone` for W1 and W2, `onStalled` for W3 and W4; each with what was waited for. Returns what ends the watch. */
export function watch(
  webSocket: WebSocket,
  socket: Socket,
  { heartbeatMs, stallMs }: Patience,
  { onGone, onStalled }: { onGone(detail: string): void; onStalled(detail: string): void },
): () => void {
  let now = performance.now();
  let pingedAt = now;
  /** Bytes heard when the last ping went out; undefined when no answer to it can be expected. */
  let heardAtPing: number | undefined;
  let [taken, takenAt] = [0, now];
  let message: { bytes: number; movedAt: number; beganAt: number; messages: number } | undefined;
  let messages = 0;
  webSocket.on('message', () => messages++);

  const beat = (): void => {
    if (webSocket.isPaused || hasSaidLast(webSocket)) {
      heardAtPing = undefined;
      return;
    }
    if (now - pingedAt < heartbeatMs) return;
    if (heardAtPing === socket.bytesRead) return onGone(`no sign of life for ${heartbeatMs} ms`);
    heardAtPing = socket.bytesRead;
    pingedAt = now;
    if (webSocket.readyState === webSocket.OPEN) webSocket.ping();
  };
  const lookAtReader = (): void => {
    const sent = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength === 0 || sent !== taken) [taken, takenAt] = [sent, now];
    else if (now - takenAt >= stallMs) onGone(`no answer was taken for ${stallMs} ms`);
  };
  const lookAtMessage = (): void => {
    const bytes = webSocket.isPaused ? undefined : bytesUnderWay(webSocket);
    if (bytes === undefined) message = undefined;
    else if (message?.messages !== messages) message = { bytes, movedAt: now, beganAt: now, messages };
    else {
      if (bytes > message.bytes) message.movedAt = now;
      message.bytes = bytes;
      const tookMs = now - message.beganAt;
      if (now - message.movedAt >= stallMs) onStalled(`no byte of a message came for ${stallMs} ms`);
      else if (tookMs >= 10 * stallMs && (bytes * 1000) / tookMs < minBytesPerSecond) {
        onStalled(`a message came with less than ${minBytesPerSecond} bytes a second`);
      }
    }
  };
  const look = (): void => {
    now = performance.now();
    beat();
    lookAtReader();
    lookAtMessage();
  };
  let looking: NodeJS.Immediate | undefined;
  const timer = setInterval(
    () => {
      looking = setImmediate(look); // W5: the sockets are read between the timers and this.
    },
    Math.min(heartbeatMs, stallMs / 2),
  );
  return () => {
    clearInterval(timer);
    clearImmediate(looking);
  };
}
