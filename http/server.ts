/**
 * The HTTP server of a node: its sockets, their limits, and an orderly end. What is said on them is in app.ts.
 *
 *   const http = createHttpServer({ node, log, port: 8001 });
 *   await http.listen();  …  await http.stop();
 *
 * V1. Every client costs a bounded amount: of headers, of body, of time without progress, of connections.
 * V2. `stop` ends within `stopGraceMs`: idle connections and tails at once, answers under way when they are done, streams
 *     when what they took is answered.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { NodeFacade } from '../actors/facade.ts';
import type { LogLines } from '../actors/ports.ts';
import type { TokenFor } from './access.ts';
import { jsonType } from './answer.ts';
import { createApp } from './app.ts';
import { BodyRoom } from './body.ts';
import type { Chaos } from './chaos.ts';
import { defaultLimits, type Edge, type HttpLimits } from './edge.ts';
import { type ErrorCode, Refusal } from './errors.ts';
import { EventLoop } from './eventLoop.ts';
import { HttpMetrics } from './httpMetrics.ts';
import { Intake, type Surplus } from './intake.ts';
import { Feed } from './live/feed.ts';
import { type Inspect, Inspector } from './live/inspector.ts';
import { maxWantBytes } from './live/want.ts';
import { version } from './openapi/document.ts';
import { maxBatchBodyBytes } from './requests.ts';
import { TailBlocks } from './tail.ts';
import { Turns } from './turns.ts';
import { ClientRequest, createWebSockets, serveUpgrades } from './upgrades.ts';

export interface HttpOptions {
  readonly node: NodeFacade;
  readonly log: LogLines;
  /** 0 takes any free port; `listen` tells which. */
  readonly port: number;
  readonly host?: string;
  /** Where set, calls need it as a bearer token: those that write, or all. */
  readonly apiToken?: string;
  readonly tokenFor?: TokenFor;
  /** Like `https://log.example`: sites whose pages may call this API, and host names it answers to on loopback. */
  readonly allowedOrigins?: readonly string[];
  /** Where people reach the nodes: their dashboards are linked. */
  readonly nodeUrls?: ReadonlyMap<number, string>;
  /** Ends the process as abruptly as kill -9. Given only where chaos is switched on; it opens /kill and the reset. */
  readonly kill?: () => void;
  /** The other faults; only together with `kill`. */
  readonly chaos?: Chaos;
  /** Shows the insides of the actors; given only where that is switched on. */
  readonly inspect?: Inspect;
  /** Peers that have lately come with another secret, or did not know this node's: /health tells. */
  readonly wrongSecretWith?: () => readonly number[];
  readonly dashboardFolder?: string;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpServer {
  /** For whoever handles upgrades to WebSockets on the same port. */
  readonly server: Server;
  /** Rejects when the port cannot be had. */
  listen(): Promise<AddressInfo>;
  stop(): Promise<void>;
}

export function createHttpServer(options: HttpOptions): HttpServer {
  const limits: HttpLimits = { ...defaultLimits, ...options.limits };
  const sockets = new Set<Socket>();
  const chaos = options.kill && options.chaos;
  const edge: Edge = {
    node: options.node,
    log: options.log,
    limits,
    metrics: new HttpMetrics(),
    eventLoop: new EventLoop(),
    apiToken: options.apiToken,
    tokenFor: options.tokenFor ?? 'writes',
    allowedOrigins: options.allowedOrigins ?? [],
    kill: options.kill,
    chaos,
    tailBlocks: new TailBlocks(options.node),
    bodyRoom: new BodyRoom(limits.maxBodyBytes),
    turns: new Turns(),
    tails: new Set(),
    webSockets: createWebSockets({ maxFrameBytes: maxBatchBodyBytes, stallMs: limits.stallMs }),
    streams: new Set(),
    feed: new Feed({
      node: options.node,
      release: version,
      chaos,
      inspect: options.inspect !== undefined,
      needsToken: options.apiToken !== undefined,
      signedIn: options.apiToken !== undefined && options.tokenFor === 'all',
      nodeUrls: options.nodeUrls ?? new Map(),
      maxUnreadBytes: limits.maxViewerBytes,
    }),
    liveSockets: createWebSockets({ maxFrameBytes: maxWantBytes, stallMs: limits.stallMs }),
    inspector: options.inspect && new Inspector(options.inspect),
    dashboardFolder: options.dashboardFolder,
    openConnections: () => sockets.size,
    wrongSecretWith: options.wrongSecretWith ?? (() => []),
  };
  const handle = createApp(edge).callback();
  const server: Server = createServer({
    IncomingMessage: ClientRequest,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    // No limit for the whole: a long body may come for as long as it goes on (body.ts B3, B4).
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
    keepAliveTimeout: limits.keepAliveMs,
    requireHostHeader: true,
  });
  // Beyond `maxConnections` a client still hears why, up to this many; then connections are closed unheard.
  server.maxConnections = limits.maxConnections + 100;
  const surplus = new WeakSet<Socket>();

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    if (sockets.size <= limits.maxConnections) return;
    surplus.add(socket);
    setTimeout(() => socket.destroy(), 1000).unref();
  });
  const intake = new Intake({
    limits,
    withClients: () => edge.bodyRoom.coming + edge.tails.size,
    turnAway: (socket) => {
      edge.metrics.observe('surplus', 503, 0, false);
      answerRaw(socket, 'OVERLOADED');
    },
  });
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    const why = intake.take(req, res);
    if (why !== null) {
      edge.metrics.observe('surplus', 503, 0, false);
      refuseUnheard(res, why);
    } else if (surplus.has(req.socket)) answerRaw(req.socket, 'TOO_MANY_CONNECTIONS');
    else
      void edge.turns.run(() => {
        // What a client has sent who is gone by now is not begun.
        if (!req.socket.destroyed) void handle(req, res);
      });
  };
  server.on('request', onRequest);
  serveUpgrades(server, onRequest);
  // Whoever asks before sending is told to go on when the body is read, or refused unheard.
  server.on('checkContinue', onRequest);
  // Node would say 417 in its own words; the guard refuses in ours.
  server.on('checkExpectation', onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerRaw(socket as Socket, codeOf(error)));

  const listen = (): Promise<AddressInfo> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: options.port, host: options.host ?? '127.0.0.1', backlog: 1024 }, () => {
        server.removeListener('error', reject);
        edge.eventLoop.watch();
        edge.feed.start();
        resolve(server.address() as AddressInfo);
      });
    });

  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      edge.eventLoop.stop();
      for (const end of edge.tails) end();
      for (const end of edge.streams) end();
      edge.feed.stop();
      edge.inspector?.stop();
      intake.release();
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      // A connection becomes idle when its answer is done: so this is repeated.
      const sweep = setInterval(() => server.closeIdleConnections(), 10);
      const end = setTimeout(() => {
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy(); // Of WebSockets the server knows no more.
      }, limits.stopGraceMs);
      server.close(() => {
        clearInterval(sweep);
        clearTimeout(end);
        resolve();
      });
    });

  return { server, listen, stop };
}

/** Before anybody looks at it; behind the answers that are still due on this connection. */
function refuseUnheard(res: ServerResponse, { detail, closes }: Surplus): void {
  const refusal = new Refusal('OVERLOADED', detail);
  const body = `${refusal.toJson(true)}\n`;
  res.writeHead(refusal.status, {
    'Content-Type': jsonType,
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    'Retry-After': '1',
    ...(closes && { Connection: 'close' }),
  });
  res.end(body);
}

function codeOf(error: NodeJS.ErrnoException): ErrorCode {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'HEADERS_TOO_LARGE';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT';
  return 'MALFORMED_REQUEST';
}

/** For what never became a request. */
function answerRaw(socket: Socket, code: ErrorCode): void {
  // In the middle of an answer there is no place for another one.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null };
  if (!socket.writable || answer?.headersSent) {
    socket.destroy();
    return;
  }
  const refusal = new Refusal(code);
  const body = `${refusal.toJson(true)}\n`;
  const { retryAfterMs } = refusal;
  const again = retryAfterMs === undefined ? '' : `\r\nRetry-After: ${Math.ceil(retryAfterMs / 1000)}`;
  const head = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nContent-Type: ${jsonType}\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}${again}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`);
  // The client's end is not waited for long.
  setTimeout(() => socket.destroy(), 1000).unref();
}
