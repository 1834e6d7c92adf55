/**
 * Clients that write as fast as they are answered, over connections that are kept open, and note what they saw.
 *
 * HTTP/1.1 by hand: what a load generator spends is taken from the nodes that it measures, on the same machine.
 *
 *   const load = startLoad({ targets, connections: 64 });  …  const operations = await load.stop();
 */
import { connect, type Socket } from 'node:net';
import type { Append, Outcome } from '../history/history.ts';
import { pause } from './waiting.ts';

export interface Target {
  readonly id: number;
  readonly port: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** After how long a client asks whether its home is back. */
const awayMs = 300;
const refusedPauseMs = 5;

let clients = 0;
/** A number for one more client of this process: no two loads or readers share one. */
export const newClient = (): number => ++clients;

export const now = (): number => performance.now();

/** One kept connection; one request at a time. */
class HttpConnection {
  readonly #socket: Socket;
  #received = '';
  #wanted: { answered(answer: Answer): void; failed(error: Error): void } | undefined;
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('closed')));
  }

  static open(port: number, timeoutMs: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port });
      const timer = setTimeout(() => socket.destroy(new Error('connect timeout')), timeoutMs);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed')));
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error').removeAllListeners('close');
        resolve(new HttpConnection(socket));
      });
    });
  }

  /** Rejects when the connection ends, or after `timeoutMs`; then the connection is of no use any more. */
  send(request: string | Buffer, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new Error('closed'));
        return;
      }
      const timer = setTimeout(() => this.#socket.destroy(new Error('no answer in time')), timeoutMs);
      this.#wanted = {
        answered: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        failed: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.closed = true;
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#received = this.#received === '' ? text : this.#received + text;
    const head = this.#received.indexOf('\r\n\r\n');
    if (head < 0) return;
    const headers = this.#received.slice(0, head);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(headers)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) {
      this.#socket.destroy(new Error(`an answer without Content-Length: ${headers}`));
      return;
    }
    const end = head + 4 + length;
    if (this.#received.length < end) return;
    const body = this.#received.slice(head + 4, end);
    this.#received = this.#received.slice(end);
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (/\r\nconnection: close/i.test(headers)) this.#socket.end();
    wanted?.answered({ status: Number(headers.slice(9, 12)), headers, body });
  }

  #end(error: Error): void {
    this.closed = true;
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.failed(error);
  }
}

const postText = (path: string, body: string, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;

/** What an answer to a write says about it. */
export function outcomeOf({ status, body }: Answer): Outcome {
  const json = JSON.parse(body) as Record<string, unknown>;
  if (status === 200)
    return { kind: 'done', firstId: json.id as number, firstLamport: json.lamport_timestamp as number };
  const code = `${status} ${json.code}`;
  return json.outcome === 'not_done' ? { kind: 'not_done', code } : { kind: 'unknown', code };
}

/** Where one client connects to: its home, or while that is away the others in turn. */
class Route {
  readonly #targets: readonly Target[];
  readonly #home: number;
  #at: number;
  #homeFailedAt = Number.NEGATIVE_INFINITY;
  #connection: HttpConnection | undefined;

  constructor(targets: readonly Target[], home: number) {
    this.#targets = targets;
    this.#home = home;
    this.#at = home;
  }

  get node(): number {
    return this.#targets[this.#at]?.id ?? 0;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  leave(): void {
    this.close();
    if (this.#at === this.#home) this.#homeFailedAt = now();
    this.#at = (this.#at + 1) % this.#targets.length;
  }

  /** Undefined when nobody is there; nothing was sent then. */
  async connected(): Promise<HttpConnection | undefined> {
    if (this.#at !== this.#home && now() - this.#homeFailedAt > awayMs) {
      this.close();
      this.#at = this.#home;
    }
    if (this.#connection && !this.#connection.closed) return this.#connection;
    try {
      this.#connection = await HttpConnection.open(this.#targets[this.#at]?.port ?? 0, 1_000);
      return this.#connection;
    } catch {
      this.leave();
      await pause(refusedPauseMs);
      return undefined;
    }
  }
}

async function attempt(connection: HttpConnection, request: string, patienceMs: number): Promise<Outcome> {
  try {
    return outcomeOf(await connection.send(request, patienceMs));
  } catch (error) {
    connection.close();
    return { kind: 'unknown', code: error instanceof Error ? error.message : String(error) };
  }
}

export interface LoadOptions {
  /** Each connection has its home among these, in turn; when it fails it goes to the others until its home is back. */
  readonly targets: readonly Target[];
  readonly connections: number;
  /** Begins every text, so that loads of one test do not write the same texts. */
  readonly name?: string;
  /** Length of a text; at least what makes it unique. */
  readonly bytes?: number;
  /** What the node is told to wait at most, in milliseconds. */
  readonly timeoutMs?: number;
  /** After how long without an answer a client gives a connection up. */
  readonly patienceMs?: number;
  /** Pause after each operation, in milliseconds: for a light load. */
  readonly thinkMs?: number;
  /** Sends an Idempotency-Key, and tries again with the same one until the outcome is known. */
  readonly retryByKey?: boolean;
  /** False: only counts, for long runs. */
  readonly keep?: boolean;
}

export interface Load {
  /** Operations that have ended so far. */
  readonly operations: readonly Append[];
  /** Highest id acknowledged so far. */
  readonly newestId: number;
  readonly doneCount: number;
  /** What every write was answered, in all. */
  readonly counts: Readonly<Record<string, number>>;
  /** Resolves when `more` further writes have been acknowledged; rejects after `withinMs`. */
  progress(more: number, withinMs?: number): Promise<void>;
  /** Waits for what is under way. */
  stop(): Promise<readonly Append[]>;
}

const running = new Set<() => void>();
/** After a test that failed: clients that nobody stops any more would keep its process alive for ever. */
export function abandonLoads(): void {
  for (const end of running) end();
  running.clear();
}

export function startLoad(options: LoadOptions): Load {
  const { targets, connections, name = 'load', bytes = 0, timeoutMs = 10_000, thinkMs = 0, keep = true } = options;
  const patienceMs = options.patienceMs ?? timeoutMs + 2_000;
  const path = timeoutMs === 10_000 ? '/' : `/?timeout=${timeoutMs}`;
  const operations: Append[] = [];
  const counts: Record<string, number> = {};
  const waiters = new Set<() => void>();
  let newestId = 0;
  let doneCount = 0;
  let stopping = false;

  const count = (label: string): void => {
    counts[label] = (counts[label] ?? 0) + 1;
  };
  const note = (operation: Append): void => {
    const { outcome } = operation;
    if (keep) operations.push(operation);
    count(outcome.kind === 'done' ? 'done' : `${outcome.kind} ${outcome.code}`);
    if (outcome.kind !== 'done') return;
    doneCount++;
    if (outcome.firstId > newestId) newestId = outcome.firstId;
    for (const waiter of waiters) waiter();
  };

  /** One write, with its tries; undefined when it was never sent. */
  const writeOne = async (client: number, route: Route, text: string): Promise<Append | undefined> => {
    const key = options.retryByKey === true ? `Idempotency-Key: ${text}\r\n` : '';
    const request = postText(path, `{"message":"${text}"}`, key);
    let beganAt: number | undefined;
    /** An earlier try with this key may yet come to be. */
    let doubt: Outcome | undefined;
    let last: Outcome | undefined;
    let { node } = route;
    while (last === undefined || (key !== '' && last.kind !== 'done')) {
      const connection = stopping && last !== undefined ? undefined : await route.connected();
      if (connection === undefined) {
        if (!stopping) continue;
        break;
      }
      beganAt ??= now();
      node = route.node;
      last = await attempt(connection, request, patienceMs);
      if (connection.closed) route.leave();
      if (last.kind === 'unknown') doubt = last;
      if (key !== '' && last.kind !== 'done') {
        count(`again ${last.code}`);
        await pause(refusedPauseMs);
      }
    }
    if (beganAt === undefined || last === undefined) return undefined;
    const outcome = last.kind === 'done' ? last : (doubt ?? last);
    return {
      kind: 'append',
      client,
      node,
      beganAt,
      endedAt: now(),
      texts: [text],
      ...(key !== '' && { key: text }),
      outcome,
    };
  };

  const client = async (number: number): Promise<void> => {
    const route = new Route(targets, number % targets.length);
    const id = newClient();
    for (let n = 0; !stopping; n++) {
      const operation = await writeOne(id, route, `${name}-${number}-${n}`.padEnd(bytes, '.'));
      if (operation === undefined) continue;
      note(operation);
      // A refusal comes at once while nobody leads: no client asks again in the same millisecond.
      if (operation.outcome.kind === 'not_done') await pause(refusedPauseMs);
      if (thinkMs > 0) await pause(thinkMs);
    }
    route.close();
  };
  const clients = Array.from({ length: connections }, (_, number) => client(number));
  const end = (): void => {
    stopping = true;
  };
  running.add(end);

  return {
    operations,
    get newestId() {
      return newestId;
    },
    get doneCount() {
      return doneCount;
    },
    counts,
    progress: (more, withinMs = 60_000) =>
      new Promise((resolve, reject) => {
        const goal = doneCount + more;
        const finish = (): void => {
          waiters.delete(look);
          clearTimeout(timer);
        };
        const look = (): void => {
          if (doneCount < goal) return;
          finish();
          resolve();
        };
        const timer = setTimeout(() => {
          finish();
          const found = doneCount - (goal - more);
          reject(new Error(`${found} of ${more} writes in ${withinMs} ms; ${JSON.stringify(counts)}`));
        }, withinMs);
        waiters.add(look);
      }),
    stop: async () => {
      end();
      running.delete(end);
      await Promise.all(clients);
      return operations;
    },
  };
}

/** One request on a connection of its own. */
export async function ask(port: number, request: string | Buffer, patienceMs = 15_000): Promise<Answer> {
  const connection = await HttpConnection.open(port, patienceMs);
  try {
    return await connection.send(request, patienceMs);
  } finally {
    connection.close();
  }
}
