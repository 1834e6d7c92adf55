/** What the routes share: the node behind them, the options, and what is counted. */
import type { NodeFacade } from '../actors/facade.ts';
import type { LogLines } from '../actors/ports.ts';
import type { TokenFor } from './access.ts';
import type { BodyRoom } from './body.ts';
import type { Chaos } from './chaos.ts';
import type { EventLoop } from './eventLoop.ts';
import type { HttpMetrics } from './httpMetrics.ts';
import type { Feed } from './live/feed.ts';
import type { Inspector } from './live/inspector.ts';
import type { TailBlocks } from './tail.ts';
import type { Turns } from './turns.ts';
import type { WebSockets } from './upgrades.ts';

export interface HttpLimits {
  readonly maxConnections: number;
  /** Requests that the node works at; above them connections are read no further for a while (intake.ts). */
  readonly maxWaiting: number;
  /** How long such a connection may be left unread before it is turned away. */
  readonly holdMs: number;
  /** Unanswered requests of all connections; more are refused unheard. */
  readonly maxRequests: number;
  /** Unanswered requests of one connection; beyond them it is told so, and ends. */
  readonly maxPipelined: number;
  /** Of all bodies that are not complete yet. */
  readonly maxBodyBytes: number;
  /** Live tails (SSE); each holds a connection and at most one block of messages. */
  readonly maxTails: number;
  /** Append streams (WebSockets); each holds a connection and at most the next three. */
  readonly maxStreams: number;
  /** Frames, and bytes of them, that one stream may have unanswered before no more is read. */
  readonly maxStreamFrames: number;
  readonly maxStreamBytes: number;
  /** Of answers that the client of a stream has not taken yet; beyond them nothing more of it is read. */
  readonly maxStreamAnswerBytes: number;
  /** Open dashboards (WebSockets). */
  readonly maxViewers: number;
  /** Of ticks that a dashboard has not taken yet; beyond them it misses some. */
  readonly maxViewerBytes: number;
  /** Bytes of all headers, and of the URL, together. */
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  readonly maxUrlBytes: number;
  /** Until all headers are there. */
  readonly headersTimeoutMs: number;
  /** Longest pause in a body that comes, and of a reader that takes nothing of an answer. */
  readonly stallMs: number;
  readonly keepAliveMs: number;
  readonly heartbeatMs: number;
  /** How long answers under way may take while the server stops. */
  readonly stopGraceMs: number;
}

export const defaultLimits: HttpLimits = {
  maxConnections: 10_000,
  maxWaiting: 1_024,
  holdMs: 2_000, // A load that has gone is felt no longer than this.
  maxRequests: 8_192,
  maxPipelined: 1_000,
  maxBodyBytes: 256 * 1024 * 1024,
  maxTails: 1_000,
  maxStreams: 1_000,
  maxStreamFrames: 4_096,
  maxStreamBytes: 4 * 1024 * 1024,
  maxStreamAnswerBytes: 64 * 1024,
  maxViewers: 100,
  maxViewerBytes: 1024 * 1024,
  maxHeaderBytes: 16 * 1024,
  maxHeaderCount: 100,
  maxUrlBytes: 8 * 1024,
  headersTimeoutMs: 10_000,
  stallMs: 30_000,
  keepAliveMs: 65_000, // Longer than the 60 s of common balancers, so that they close first and lose no request.
  heartbeatMs: 15_000,
  stopGraceMs: 3_000,
};

export interface Edge {
  readonly node: NodeFacade;
  readonly log: LogLines;
  readonly limits: HttpLimits;
  readonly metrics: HttpMetrics;
  readonly eventLoop: EventLoop;
  readonly apiToken: string | undefined;
  readonly tokenFor: TokenFor;
  /** Origins (`https://log.example`) whose pages may call this API, and whose host names this node answers to. */
  readonly allowedOrigins: readonly string[];
  /** Ends the process, at once; set only where chaos is switched on. */
  readonly kill: (() => void) | undefined;
  /** The other faults; only where `kill` is. */
  readonly chaos: Chaos | undefined;
  readonly tailBlocks: TailBlocks;
  readonly bodyRoom: BodyRoom;
  readonly turns: Turns;
  /** Ends of the live tails, for the stop. */
  readonly tails: Set<() => void>;
  readonly webSockets: WebSockets;
  /** Ends of the append streams, for the stop. */
  readonly streams: Set<() => void>;
  readonly feed: Feed;
  readonly liveSockets: WebSockets;
  readonly inspector: Inspector | undefined;
  /** Where the dashboard was built; by default beside the compiled sources. */
  readonly dashboardFolder: string | undefined;
  openConnections(): number;
  /** Peers that have lately come with another secret, or did not know this node's. */
  wrongSecretWith(): readonly number[];
}
