/**
 * A node as a client sees it: over HTTP at its URL, which may be the end of a tunnel.
 *
 * N1. A call never throws: what is not an answer is `undefined`, and a write has one of three outcomes.
 */
import { Agent, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import type { Outcome } from './results.ts';

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}
export interface Call {
  readonly method?: string;
  readonly headers?: NodeJS.Dict<string>;
  readonly body?: string;
  readonly withinMs?: number;
}

/** Connections that are kept. Each client of a load has its own. */
export class Connections {
  readonly #agents = { 'http:': new Agent({ keepAlive: true }), 'https:': new SecureAgent({ keepAlive: true }) };

  ask(url: string, path: string, { method, headers, body, withinMs = 20_000 }: Call = {}): Promise<Answer | undefined> {
    const { protocol } = new URL(url);
    const isSecure = protocol === 'https:';
    return new Promise((resolve) => {
      const call = (isSecure ? requestHttps : requestHttp)(
        `${url}${path}`,
        {
          method: method ?? (body === undefined ? 'GET' : 'POST'),
          agent: this.#agents[isSecure ? 'https:' : 'http:'],
          headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
          signal: AbortSignal.timeout(withinMs),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', () => resolve(undefined));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
          });
        },
      );
      call.on('error', () => resolve(undefined));
      call.end(body);
    });
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}

export interface Health {
  readonly id: number;
  readonly healthy: boolean;
  readonly leader: number | null;
}
export interface Written {
  readonly outcome: Outcome;
  readonly id?: number;
  readonly lamport?: number;
  readonly seen?: number;
  readonly code?: string;
}
export interface Message {
  readonly id: number;
  readonly content: string;
  readonly lamport: number;
  readonly node: number;
  readonly seen: number;
}
export interface WriteOptions {
  readonly timeoutMs?: number;
  readonly key?: string;
  /** The session's token: the newest `Lamport-Time` that its client was shown. */
  readonly lamportTime?: number;
}

export const jsonIn = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === 'object' && said !== null ? (said as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

export class LogNode {
  readonly id: number;
  readonly url: string;
  readonly #token: string | undefined;
  readonly #connections = new Connections();

  constructor(id: number, url: string, token?: string) {
    this.id = id;
    this.url = url;
    this.#token = token;
  }

  close(): void {
    this.#connections.close();
  }

  /** What shows that this client may call. */
  get authorization(): Readonly<Record<string, string>> {
    return this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` };
  }

  ask(path: string, call: Call = {}, connections = this.#connections): Promise<Answer | undefined> {
    return connections.ask(this.url, path, { ...call, headers: { ...this.authorization, ...call.headers } });
  }

  async health(withinMs = 1_000): Promise<Health | undefined> {
    const answer = await this.ask('/health', { withinMs });
    return answer && healthIn(answer);
  }

  /** Its numbers as Prometheus reads them, by name with labels. */
  async metrics(): Promise<ReadonlyMap<string, number> | undefined> {
    const answer = await this.ask('/metrics', { headers: { Accept: 'text/plain' }, withinMs: 5_000 });
    return answer?.status === 200 ? metricsIn(answer.text) : undefined;
  }

  async write(message: string, options: WriteOptions = {}, connections?: Connections): Promise<Written> {
    const { timeoutMs = 10_000, key, lamportTime } = options;
    const answer = await this.ask(
      `/?timeout=${timeoutMs}`,
      {
        body: JSON.stringify({ message }),
        headers: {
          ...(key !== undefined && { 'Idempotency-Key': key }),
          ...(lamportTime !== undefined && { 'Lamport-Time': `${lamportTime}` }),
        },
        withinMs: timeoutMs + 5_000,
      },
      connections,
    );
    return writtenIn(answer);
  }

  /** Messages after an id, at least as new as all acknowledged ones; undefined when they cannot be had. */
  async messages(after: number): Promise<readonly Message[] | undefined> {
    const answer = await this.ask(`/messages?consistency=linearizable&after=${after}`, {
      headers: { Accept: 'application/x-ndjson' },
      withinMs: 60_000,
    });
    if (answer?.status !== 200) return undefined;
    return answer.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const said = jsonIn(line);
        return {
          id: Number(said.id),
          content: String(said.content),
          lamport: Number(said.lamport_timestamp),
          node: Number(said.node_id),
          seen: Number(said.seen),
        };
      });
  }

  /** Orders a fault; undefined when it was done, else why not, in words. A node that dies of it does not answer. */
  async chaos(what: 'kill' | 'revive' | 'cut' | 'heal', order: object | undefined): Promise<string | undefined> {
    const path = what === 'kill' ? '/kill' : `/chaos/${what}`;
    const body = order === undefined ? {} : { body: JSON.stringify(order) };
    const answer = await this.ask(path, { method: 'POST', withinMs: 7_000, ...body }, new Connections());
    if (answer === undefined) return what === 'kill' ? undefined : 'it did not answer';
    if (answer.status === 200) return undefined;
    const { error, detail } = jsonIn(answer.text);
    return answer.status === 404 ? 'chaos is off' : `${String(error)}: ${String(detail ?? answer.status)}`;
  }
}

/** Pure. */
export function healthIn({ text }: Answer): Health | undefined {
  const { node_id, leader_id, status } = jsonIn(text);
  if (typeof node_id !== 'number') return undefined;
  return { id: node_id, healthy: status === 'healthy', leader: typeof leader_id === 'number' ? leader_id : null };
}

/** Pure. Without an answer, or with one that does not say it, nobody knows what became of the write. */
export function writtenIn(answer: Answer | undefined): Written {
  if (answer === undefined) return { outcome: 'unknown', code: 'NO_ANSWER' };
  const said = jsonIn(answer.text);
  if (answer.status === 200 && typeof said.id === 'number') {
    return {
      outcome: 'acknowledged',
      id: said.id,
      lamport: Number(said.lamport_timestamp),
      seen: Number(said.seen),
    };
  }
  const code = typeof said.code === 'string' ? said.code : `HTTP_${answer.status}`;
  return { outcome: said.outcome === 'not_done' ? 'refused' : 'unknown', code };
}

export function metricsIn(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.lastIndexOf(' ');
    if (space > 0 && !line.startsWith('#')) found.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return found;
}
