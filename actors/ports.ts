/**
 * Ports: everything that a node needs from outside. Each has a real adapter and a simulated one, and one suite of
 * contract tests for both.
 *
 * P1. Nothing inside a node reaches around these: no ambient time, chance, disk, network or promise.
 * P2. A port answers through the callback it was given, never before the call returned, and exactly once.
 * P3. A simulated crash makes a node's ports dead: they accept calls, do nothing, and never call back.
 */
import type { NodeId } from './protocol/epoch.ts';

/** Monotonic time. The same object is XState's clock, so `after` and delayed events follow it. */
export interface Clock {
  /** Milliseconds, with fractions, from an arbitrary start; never goes back. */
  now(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(id: unknown): void;
}

/** The wall clock; used for `physical_timestamp` alone. Simulated nodes disagree about it. */
export interface WallClock {
  /** Milliseconds since 1970, with fractions. */
  now(): number;
}

/** Chance: jitter of waits, incarnations, cluster ids. */
export interface Dice {
  /** In [0, 1). */
  next(): number;
}

/** Places where a simulator may end the node. In production a call does nothing. */
export interface Failpoints {
  reach(name: FailpointName): void;
}
export type FailpointName =
  | 'promise.written' // memory promised, disk not yet
  | 'promise.persisted'
  | 'batch.encoded'
  | 'batch.sent'
  | 'batch.persisted'
  | 'commit.advanced'
  | 'adoption.batch'
  | 'barrier.appended'
  | 'handover.sent'
  | 'roster.persisted'
  | 'damage.recorded';

// ---------------------------------------------------------------------------------------------------------- disk

export type DiskError = {
  /** `full`: nothing was written, the call may be tried again later. `failed`: fatal, see R-D2. */
  readonly kind: 'full' | 'missing' | 'exists' | 'failed';
  readonly message: string;
};
export type DiskOutcome<T = void> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: DiskError };
export type DiskCallback<T = void> = (outcome: DiskOutcome<T>) => void;

/** One folder of flat files. */
export interface Disk {
  /** Names of all files. */
  list(done: DiskCallback<readonly string[]>): void;
  /**
   * Makes a file of exactly `bytes` zero bytes that are really written (so that later writes need no new blocks), and
   * durable together with its name. A crash in the middle leaves no file of that name.
   */
  create(name: string, bytes: number, done: DiskCallback<DiskFile>): void;
  open(name: string, done: DiskCallback<DiskFile>): void;
  /** Durable when it calls back. Replaces a file of the new name. */
  rename(from: string, to: string, done: DiskCallback): void;
  remove(name: string, done: DiskCallback): void;
  space(done: DiskCallback<{ readonly freeBytes: number; readonly totalBytes: number }>): void;
}

export interface DiskFile {
  readonly name: string;
  readonly bytes: number;
  /** Calls back with fewer bytes only at the end of the file. */
  read(offset: number, length: number, done: DiskCallback<Buffer>): void;
  /**
   * Writes the parts one after the other at `offset` and makes them durable (O_DSYNC, or fdatasync): when it calls
   * back ok, the bytes survive a power cut; before that any subset of their sectors may. One call at a time a file.
   */
  write(offset: number, parts: readonly Uint8Array[], done: DiskCallback): void;
  close(): void;
}

// --------------------------------------------------------------------------------------------------------- links

/**
 * One connection to one peer: ordered and reliable while it lasts, like TCP; it may end at any time, and what was sent
 * may or may not have arrived. The transport has authenticated the peer before anybody hears of the connection.
 */
export interface Connection {
  readonly peer: NodeId;
  /** True when this side dialled. */
  readonly dialled: boolean;
  /** Hands over one frame. Never throws; dropped when the connection is closed. The frame must not change afterwards. */
  send(frame: Buffer): void;
  /** Bytes handed over that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /** Bytes that have come in so far, also those of a frame that is not whole yet: a sign of life. Never less than before. */
  readonly receivedBytes: number;
  /** Ends the connection; `closed` is reported to the handlers with `byThisSide` true. */
  close(reason: string): void;
}

export type CloseReason = { readonly byThisSide: boolean; readonly reason: string };

/** What the transport reports about a connection. */
export interface ConnectionHandlers {
  frame(frame: Buffer): void;
  /** Once, last. Also when dialling failed, then `opened` never came. */
  closed(reason: CloseReason): void;
}

export interface Links {
  /**
   * Begins to take connections from peers; each is announced to `accept`, which gives the handlers. Only voters of the
   * configuration with a valid greeting get that far.
   */
  listen(accept: (connection: Connection) => ConnectionHandlers): void;
  /** Dials a peer once. `opened` or `closed` follows, within the greeting deadline. */
  dial(peer: NodeId, handlers: ConnectionHandlers & { opened(connection: Connection): void }): void;
}

// ---------------------------------------------------------------------------------------------------------- logs

/** Structured log lines; the adapter adds time, node id and Lamport time. */
export interface LogLines {
  /** Whether debug lines are kept; who would write one for every message asks first. */
  readonly wantsDebug?: boolean;
  write(level: 'debug' | 'info' | 'warn' | 'error', event: string, message: string, fields?: LogFields): void;
}
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly (string | number)[]>>;

export interface Ports {
  readonly clock: Clock;
  readonly wallClock: WallClock;
  readonly dice: Dice;
  readonly failpoints: Failpoints;
  /** Holds the log's segments and the identity. With `--memory` the adapter keeps the segments in memory. */
  readonly disk: Disk;
  readonly links: Links;
  readonly log: LogLines;
}
