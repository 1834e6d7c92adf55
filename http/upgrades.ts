/**
 * From requests to WebSockets: which upgrades are taken, and how they come to a route.
 *
 * U1. Only the opening handshake of RFC 6455 for a path of `webSocketPaths` is taken. Whatever else asks for an upgrade
 *     (h2c, a misspelt path, another version) is served as the plain request that it also is (RFC 9110 §7.8).
 * U2. Such a request goes through the same application as all others, with the same guards, errors, counts and log
 *     lines: its route refuses it like any request, or takes the socket by `acceptWebSocket`.
 * U3. No WebSocket is opened in the middle of answers that are still due on its connection.
 *
 * With an 'upgrade' listener node would hand *every* request that has an Upgrade header to it, bodies and all. It decides
 * by what `upgrade` of the request says once its headers are there; so that is where U1 is kept, on every version of node.
 */
import { IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Context } from 'koa';
import { type Server as AnyWebSocketServer, WebSocket, WebSocketServer } from 'ws';

/** Each path with what opening it amounts to: the guards ask of a write what they ask of a POST. */
const webSocketPaths: ReadonlyMap<string, 'read' | 'write'> = new Map([
  ['/append', 'write'],
  ['/live', 'read'],
  ['/inspect', 'read'],
]);

/** RFC 6455 §5.5: a control frame has room for 125 bytes, two of which are the code. The library throws at more. */
const maxReasonBytes = 123;

const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

export class ClientRequest extends IncomingMessage {
  /** What the parser says: an Upgrade header that its Connection header names, or CONNECT. */
  asksForUpgrade = false;
  opens: 'read' | 'write' | null | undefined;
  /** What came behind the head of an upgrade that is taken. */
  rest: Buffer | undefined;

  set upgrade(asks: boolean) {
    this.asksForUpgrade = asks;
  }
  get upgrade(): boolean {
    if (!this.asksForUpgrade) return false;
    if (this.method === 'CONNECT') return true; // Node closes those.
    if (this.opens === undefined)
      this.opens = isHandshake(this) ? (webSocketPaths.get(pathOf(this.url)) ?? null) : null;
    return this.opens !== null;
  }
}

const pathOf = (url = ''): string => url.split('?', 1)[0] as string;

/** RFC 6455 §4.2.1, and U3. */
function isHandshake({ method, headers, socket }: IncomingMessage): boolean {
  const { _httpMessage: due } = socket as { _httpMessage?: ServerResponse | null };
  return (
    !due &&
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    keyPattern.test(headers['sec-websocket-key'] ?? '') &&
    headers.host !== undefined &&
    headers['transfer-encoding'] === undefined &&
    (headers['content-length'] ?? '0') === '0'
  );
}

/** Whether this request opens a WebSocket through which its client writes, or only reads. */
export const opensWrites = (req: IncomingMessage): boolean => req instanceof ClientRequest && req.opens === 'write';
export const opensReads = (req: IncomingMessage): boolean => req instanceof ClientRequest && req.opens === 'read';

/** U2: brings handshakes to the listener of plain requests. */
export function serveUpgrades(server: Server, onRequest: (req: IncomingMessage, res: ServerResponse) => void): void {
  server.on('upgrade', (req: IncomingMessage, socket: Socket, rest: Buffer) => {
    (req as ClientRequest).rest = rest;
    req.complete = true; // It has no body, and its parser is gone.
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    socket.on('error', () => {}); // A reset: 'close' follows.
    res.assignSocket(socket);
    res.on('finish', () => socket.destroySoon());
    onRequest(req, res);
  });
}

/**
 * A WebSocket whose end is ours to say: the library would answer a client's close frame, or a broken frame, at once and
 * then send nothing more. Here what is due is sent first, and then `end` is called.
 */
export class ServerSocket extends WebSocket {
  /** The client has said that it sends no more. Broken frames are told by 'error'. */
  onLast: (() => void) | undefined;

  /** Called by the library alone: with a reason, or with neither, for a client's close frame. */
  override close(code?: number, reason?: string | Buffer): void {
    if (reason !== undefined || code === undefined) this.onLast?.();
  }
  /** A reason may hold what a client said: what does not fit is cut off. */
  end(code: number, reason: string): void {
    this.resume(); // The client's own close frame must be read.
    super.close(code, fitting(reason));
  }
}

/** Whole characters of it. */
export function fitting(reason: string): Buffer {
  const bytes = Buffer.from(reason);
  let length = Math.min(bytes.length, maxReasonBytes);
  while (length < bytes.length && ((bytes[length] as number) & 0xc0) === 0x80) length--;
  return bytes.subarray(0, length);
}

export type WebSockets = AnyWebSocketServer<typeof ServerSocket>;

export function createWebSockets({ maxFrameBytes, stallMs }: { maxFrameBytes: number; stallMs: number }): WebSockets {
  const closing = { closeTimeout: stallMs }; // Which the types do not know.
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxFrameBytes,
    // In pieces of 256 bytes the largest frame still fits; a client that sends single bytes costs 4 MiB.
    maxBufferedChunks: Math.ceil(maxFrameBytes / 256),
    maxFragments: Math.ceil(maxFrameBytes / 256),
    skipUTF8Validation: true, // Whoever reads the frames checks them, faster.
    WebSocket: ServerSocket,
    ...closing,
  });
}

/** Opens the WebSocket that this request asks for; undefined when its client has gone. */
export function acceptWebSocket(webSockets: WebSockets, ctx: Context): ServerSocket | undefined {
  const { req, res } = ctx;
  const { socket } = req;
  ctx.respond = false;
  res.detachSocket(socket);
  let opened: ServerSocket | undefined;
  webSockets.handleUpgrade(req, socket, (req as ClientRequest).rest ?? Buffer.alloc(0), (webSocket) => {
    opened = webSocket;
  });
  return opened;
}
