/**
 * What `npm run bench` measures: one interface for this log, its peers, and the bare servers that are the limit.
 *
 * A System is started in the bench's own process; its `ways`, `tail` and `readAll` run in the load generator's process,
 * which gets nothing but the system's name and the endpoints: so they keep no state of `start`.
 *
 *   tcpClient(at, speaker, told)  (wires.ts)   drives anything that is bytes over TCP from a Speaker
 *
 * B1. A way tells `ready` once, then for every request that it was given exactly one of `done` and `refused`, unless it
 *     tells `closed`: then all that is unanswered is lost, and nothing more is told.
 * B2. All systems get the same texts, the same number of connections, and clients at the leader unless a scenario says
 *     otherwise; `ackMeans` says what the others' acknowledgements are worth.
 */

/** Where clients connect. Goes between processes as JSON. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** What else a client must know: a stream's name, a token. */
  readonly more?: Readonly<Record<string, string>>;
}

/** What one request carries. */
export interface Shape {
  /** Of each message's text. */
  readonly bytes: number;
  /** Messages of a request, each to be stored as one; 1 for a single message. */
  readonly batch: number;
  /** Each text must be `textOf(n, bytes)`; else one text may be used for all, and requests be built once. */
  readonly numbered: boolean;
}

/** What a client tells the engine. Counts are of requests, in the order in which they were sent. */
export interface Told {
  ready(): void;
  done(requests: number): void;
  /** The last one: whatever else was sent on this connection is refused with it. */
  refused(requests: number, why: string, isLast?: boolean): void;
  closed(why: string): void;
}

/** One connection. Any number of requests may be given before the first is answered; the engine keeps the bound. */
export interface Client {
  /** Sends request n; its messages are n * batch .. n * batch + batch - 1. */
  send(n: number): void;
  /** Nothing is told after it. */
  close(): void;
}

/** One connection's protocol, without the connection. */
export interface Speaker {
  /** Sent when connected; without it the speaker is ready at once. */
  readonly hello?: Buffer;
  encode(n: number): Buffer;
  /** Takes what arrived, in any pieces, and tells what it means; throws when it is nonsense (the connection ends). */
  parse(chunk: Buffer): Heard;
}
export interface Heard {
  /** The greeting is over: `encode` may be asked. */
  readonly ready?: boolean;
  /** Something to be sent now: the next step of a greeting, a pong. */
  readonly answer?: Buffer;
  readonly done: number;
  readonly refused: number;
  /** Why, when `refused` > 0. */
  readonly why?: string;
  /** What was sent behind a refused request is not looked at either. */
  readonly isLast?: boolean;
  /** The other side ends the connection, and why: after all that is counted here. */
  readonly over?: string;
}

/** How many at once: `clients` connections with at most `window` unanswered requests of `batch` messages each. */
export interface Load {
  readonly clients: number;
  readonly window: number;
  readonly batch: number;
}

/** One way to write to a system. */
export interface Way {
  /** Short, unique in its system. 'http' stands beside bare HTTP servers; all else counts as a socket of one's own. */
  readonly name: string;
  /** For the reader: 'POST /, keep-alive'. */
  readonly words: string;
  /** Takes part where each client has one message outstanding. */
  readonly isSingle: boolean;
  /** Takes part where a request carries 16, 64 or 512 messages. */
  readonly isBatched?: boolean;
  /** Loads with which it may reach its highest throughput, all tried, the best one counts; by size of a text. */
  readonly peaks: (bytes: number) => readonly Load[];
  connect(at: Endpoint, shape: Shape, told: Told): Client;
}

export interface System {
  /** As in --systems. */
  readonly name: string;
  /** What is certain when a write has been acknowledged; one line. */
  readonly ackMeans: string;
  /** Nodes other than the leader refuse writes. */
  readonly isLeaderOnly?: boolean;
  readonly ways: readonly Way[];
  /** Why it cannot run here and what to do about it; null when it can. */
  missing(): string | null;
  /** Three nodes in `folder`, which is empty and is removed by the bench; ready for writes, with everybody in step. */
  start(folder: string): Promise<Running>;
  /** Calls `got` with each n whose `textOf(n, …)` arrives at a reader that waits there; resolves when it listens. */
  tail?(at: Endpoint, got: (n: number) => void): Promise<{ close(): void }>;
  /** Reads everything that is there, oldest first, as fast as it goes; resolves with the number of messages. */
  readAll?(at: Endpoint): Promise<number>;
}

export interface Running {
  readonly version: string;
  /** For the record: what was set that differs from a plain start, or matters for the comparison. */
  readonly settings: Readonly<Record<string, string>>;
  /** Asked anew where it may have changed; waits for a leader. A system without one names any node. */
  endpoints(): Promise<{ readonly leader: Endpoint; readonly others: readonly Endpoint[] }>;
  /** What runs now: for resident memory. */
  processes(): readonly { readonly name: string; readonly pid: number }[];
  /** Where its data is: for bytes on disk. */
  readonly folders: readonly string[];
  /** kill -9 of the leader. */
  crashLeader?(): Promise<void>;
  /** Starts again what crashed; resolves when it is in step, and leads again if the system means it to. */
  mend?(): Promise<void>;
  /** Ends all in order and starts them again on what they have; resolves with the milliseconds until writes pass. */
  reopen?(): Promise<number>;
  /** Whatever state it is in; by pid. */
  stop(): Promise<void>;
}

/** Digits that carry a message's number in its text. */
const digits = 12;

/** `m000000000017:` and then dots up to `bytes`; nothing in it needs escaping anywhere. */
export const textOf = (n: number, bytes: number): string => `m${String(n).padStart(digits, '0')}:`.padEnd(bytes, '.');

/** Finds the numbers of such texts in a stream of bytes, in any pieces. */
export function numbersIn(got: (n: number) => void): (chunk: Buffer) => void {
  let rest = '';
  const pattern = new RegExp(`m(\\d{${digits}}):`, 'g');
  return (chunk) => {
    const text = rest + chunk.toString('latin1');
    let end = 0;
    for (const found of text.matchAll(pattern)) {
      got(Number(found[1]));
      end = found.index + found[0].length;
    }
    rest = text.slice(Math.max(end, text.length - digits - 1));
  };
}
