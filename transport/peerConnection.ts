/**
 * PeerConnection: an authenticated WebSocket as the Connection port.
 *
 * C1. `closed` is reported once and last; nothing is reported within a call of this side (P2).
 * C2. Binary frames only. A text frame, a malformed one or one above `maxFrameBytes` ends the connection.
 * C3. The first frame of a turn of the event loop leaves at once: somebody's disk waits for it. Those that follow it in the
 *     same turn leave together, in one system call where the kernel has room.
 * C4. `close` sends what was handed over, then a close frame; after `closeTimeoutMs` the socket is destroyed, whatever the
 *     peer does. What the peer still sends is dropped.
 */
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { CloseReason, Connection, ConnectionHandlers } from '../actors/ports.ts';
import type { NodeId } from '../actors/protocol/epoch.ts';

/** How long a closing handshake may take until the socket is destroyed. */
export const closeTimeoutMs = 500;

/** RFC 6455 §7.4; 4000 and up are ours. */
export const closeCodes = { closed: 4000, refused: 4001, notBinary: 1003, tooLong: 1009 } as const;

/** A close frame's reason holds 123 bytes of UTF-8. */
export function closeReasonText(reason: string): string {
  let text = reason.slice(0, 123);
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1);
  return text;
}

/** Why the other side, or the network, ended a connection; for people. */
export function describeClose(code: number, reason: Buffer, error: Error | undefined): string {
  if (reason.length > 0) return code === closeCodes.refused ? `refused: ${reason}` : String(reason);
  if (error) return describeError(error);
  if (code === 1006) return 'connection lost';
  if (code === closeCodes.tooLong) return 'the other side refused a frame as too long';
  return `closed by the other side (code ${code})`;
}

/** Happy Eyeballs gives an AggregateError without a message of its own. */
export const describeError = (error: Error): string => {
  if (error instanceof AggregateError) return error.errors.map((one: Error) => one.message).join('; ');
  return error.message;
};

/** ws marks what it found wrong in the peer's frames. */
const isProtocolError = (error: Error & { readonly code?: string }): boolean =>
  error.code?.startsWith('WS_ERR') ?? false;

export interface PeerConnectionOptions {
  readonly peer: NodeId;
  readonly dialled: boolean;
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly maxFrameBytes: number;
  /** Told once, before the handlers are. */
  readonly onClosed: (connection: PeerConnection) => void;
}

export class PeerConnection implements Connection {
  readonly peer: NodeId;
  readonly dialled: boolean;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #options: PeerConnectionOptions;
  #handlers: ConnectionHandlers | undefined;
  #closed = false;
  #hasSent = false;
  #corked = false;
  #error: Error | undefined;

  constructor(options: PeerConnectionOptions) {
    this.peer = options.peer;
    this.dialled = options.dialled;
    this.#webSocket = options.webSocket;
    this.#socket = options.socket;
    this.#options = options;
  }

  /** From now on events are reported; must be called in the turn in which the greeting ended, so that none is missed. */
  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    this.#webSocket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    this.#webSocket.on('error', (error) => {
      this.#error = error;
      if (isProtocolError(error)) this.#end({ byThisSide: true, reason: `bad frame: ${error.message}` }); // C2; ws closes.
    });
    this.#webSocket.on('close', (code, reason) => {
      this.#end({ byThisSide: false, reason: describeClose(code, reason, this.#error) });
    });
  }

  get bufferedBytes(): number {
    return this.#closed ? 0 : this.#webSocket.bufferedAmount;
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  send(frame: Buffer): void {
    if (this.#closed) return;
    if (frame.length > this.#options.maxFrameBytes) {
      this.close(`own frame of ${frame.length} bytes is above maxFrameBytes ${this.#options.maxFrameBytes}`);
      return;
    }
    if (this.#hasSent) this.#cork();
    else this.#watchTurn();
    this.#webSocket.send(frame);
  }

  close(reason: string, code: number = closeCodes.closed): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#webSocket.close(code, closeReasonText(reason)); // C4: ws holds the timer.
    process.nextTick(() => this.#report({ byThisSide: true, reason }));
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#closed) return;
    if (!isBinary) this.close('text frame where only binary ones are allowed', closeCodes.notBinary);
    else this.#handlers?.frame(data as Buffer); // binaryType is 'nodebuffer'.
  }

  /** C3 */
  #watchTurn(): void {
    this.#hasSent = true;
    process.nextTick(() => {
      this.#hasSent = false;
      if (this.#corked) this.#socket.uncork();
      this.#corked = false;
    });
  }
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
  }

  #end(reason: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#report(reason);
  }

  #report(reason: CloseReason): void {
    this.#options.onClosed(this);
    this.#handlers?.closed(reason);
  }
}
