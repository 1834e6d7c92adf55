/**
 * Clients that write, read and talk to each other all the time, and record what they saw.
 *
 * C1. A client makes one call at a time, over a connection to each node that it keeps; it goes to another node when it
 *     likes to, and when a call fails.
 * C2. Its token is the newest that it was given or told. Not every call sends it: then nothing is owed to that call.
 * C3. Without a key a write is sent once. With one it is tried at other nodes until it is acknowledged, at most
 *     `triesMax` times, and sometimes once more: the answers must agree.
 */
import { Agent } from 'node:http';
import type { Append, Outcome } from '../history/history.ts';
import type { SeededDice } from '../support/dice.ts';
import { now, type Target } from '../support/loadClient.ts';
import { call, type HttpAnswer, type HttpCall, pause } from '../support/realCluster.ts';
import { type CallKind, longText, type Recorder, shortText } from './recorder.ts';

/** What all clients share. */
export interface Crowd {
  readonly targets: readonly Target[];
  readonly recorder: Recorder;
  /** Pause after a call, on average. */
  readonly thinkMs: number;
  stopping: boolean;
  /** Newest session token of each client, for others to be told. */
  readonly tokens: number[];
}

const triesMax = 8;
/** How long the nodes are told that a call may wait. */
const timeoutsMs = [300, 1_000, 2_000, 4_000];
/** A client waits this much longer before it takes the connection for dead. */
const graceMs = 1_500;

type Done = Extract<Outcome, { kind: 'done' }>;

/** One request of a write; undefined when it was not sent. */
interface Try {
  readonly outcome: Outcome;
  readonly token?: number;
}

/** What is sent, each time the same. */
interface WriteRequest {
  readonly kind: CallKind;
  readonly path: string;
  readonly options: HttpCall;
  readonly count: number;
}

const tokenOf = ({ headers }: HttpAnswer): number | undefined => {
  const token = headers['lamport-time'];
  return typeof token === 'string' ? Number(token) : undefined;
};
const codeOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ABORT_ERR' ? 'no answer in time' : (code ?? message);
};
/** Refusals that trouble explains; any other is a fault of the node or of this client. */
const isExpected = (status: number): boolean => status === 503 || status === 507;

export class Client {
  readonly #number: number;
  readonly #crowd: Crowd;
  readonly #dice: SeededDice;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #at: number;
  #newestId = 0;
  #written = 0;

  constructor(number: number, crowd: Crowd, dice: SeededDice) {
    this.#number = number;
    this.#crowd = crowd;
    this.#dice = dice;
    this.#at = number % crowd.targets.length;
    crowd.tokens[number] = 0;
  }

  async run(): Promise<void> {
    const { thinkMs } = this.#crowd;
    while (!this.#crowd.stopping) {
      if (this.#dice.chance(0.3)) this.#goOn();
      const luck = this.#dice.next();
      if (luck < 0.45) await this.#append();
      else if (luck < 0.95) await this.#read();
      else this.#hear();
      await pause(this.#dice.between(0, 2 * thinkMs));
    }
    this.#agent.destroy();
  }

  get #target(): Target {
    return this.#crowd.targets[this.#at] as Target;
  }
  get #token(): number {
    return this.#crowd.tokens[this.#number] ?? 0;
  }
  #learn(token: number | undefined, newestId: number): void {
    if (token !== undefined && token > this.#token) this.#crowd.tokens[this.#number] = token;
    this.#newestId = Math.max(this.#newestId, newestId);
  }
  /** To another node, if there is one. */
  #goOn(): void {
    const { length } = this.#crowd.targets;
    if (length > 1) this.#at = (this.#at + 1 + this.#dice.int(length - 1)) % length;
  }

  /** Rejects when there is no whole answer. */
  #ask(path: string, options: HttpCall, timeoutMs: number): Promise<HttpAnswer> {
    // Now and then one hangs up early: the node goes on with a call that nobody waits for.
    const withinMs = this.#dice.chance(0.02) ? this.#dice.between(1, 100) : timeoutMs + graceMs;
    const separator = path.includes('?') ? '&' : '?';
    return call(this.#target.port, `${path}${separator}timeout=${timeoutMs}`, {
      ...options,
      withinMs,
      agent: this.#agent,
    });
  }

  /** Another client says what it has seen. */
  #hear(): void {
    const { tokens, recorder } = this.#crowd;
    const by = this.#dice.int(tokens.length);
    const token = tokens[by] ?? 0;
    if (by === this.#number || token === 0) return;
    recorder.event({ kind: 'told', client: this.#number, by, at: now(), token });
    this.#learn(token, 0);
  }

  // ------------------------------------------------------------------------------------------------------- writes

  async #append(): Promise<void> {
    const { recorder } = this.#crowd;
    const count = this.#dice.chance(0.3) ? 1 + this.#dice.int(20) : 0;
    const name = `c${this.#number}-${this.#written++}`;
    const drawn = Array.from({ length: Math.max(1, count) }, (_, i) => this.#text(`${name}-${i}`));
    const key = this.#dice.chance(0.4) ? name : undefined;
    const token = this.#token > 0 && this.#dice.chance(0.7) ? this.#token : undefined;
    const request = this.#requestOf(
      drawn.map(({ sent }) => sent),
      count > 0,
      { key, token },
    );
    const beganAt = now();
    const tries = await this.#try(request, key !== undefined);
    if (tries.length === 0) return; // Never sent.
    const answers = tries.filter((each): each is Try & { outcome: Done } => each.outcome.kind === 'done');
    const [first, ...again] = answers.map(({ outcome }) => outcome);
    const doubt = tries.find(({ outcome }) => outcome.kind === 'unknown')?.outcome;
    const outcome = first ?? doubt ?? (tries.at(-1) as Try).outcome;
    const tokenAfter = answers[0]?.token;
    const event: Append = {
      kind: 'append',
      client: this.#number,
      node: this.#target.id,
      beganAt,
      endedAt: now(),
      texts: drawn.map(({ kept }) => kept),
      outcome,
      ...(key !== undefined && { key }),
      ...(token !== undefined && { token }),
      ...(tokenAfter !== undefined && { tokenAfter }),
      ...(again.length > 0 && { repeats: again }),
    };
    recorder.event(event);
    this.#learn(tokenAfter, first ? first.firstId + drawn.length - 1 : 0);
    if (outcome.kind !== 'done') {
      this.#goOn();
      await pause(this.#dice.between(5, 50));
    }
  }

  /** Mostly short; some longer than a packet, few longer than a socket's buffers. */
  #text(name: string): { sent: string; kept: string } {
    const luck = this.#dice.next();
    if (luck > 0.03) return { sent: name, kept: name };
    const length = 64 + this.#dice.int(luck < 0.002 ? 300_000 : 8_000);
    return { sent: longText(name, length), kept: shortText(name, length) };
  }

  #requestOf(
    texts: readonly string[],
    isBatch: boolean,
    { key, token }: { key: string | undefined; token: number | undefined },
  ): WriteRequest {
    const headers = {
      ...(key !== undefined && { 'Idempotency-Key': key }),
      ...(token !== undefined && { 'Lamport-Time': `${token}` }),
    };
    if (!isBatch) {
      const body = JSON.stringify({ message: texts[0] });
      return { kind: 'append', path: '/', options: { body, headers }, count: 1 };
    }
    const asLines = this.#dice.chance(0.5);
    const body = asLines ? texts.map((text) => `${JSON.stringify(text)}\n`).join('') : JSON.stringify(texts);
    const type = asLines ? 'application/x-ndjson' : 'application/json';
    const options = { body, headers: { 'Content-Type': type, ...headers } };
    return { kind: 'batch', path: '/messages', options, count: texts.length };
  }

  async #try(request: WriteRequest, hasKey: boolean): Promise<Try[]> {
    const tries: Try[] = [];
    for (let n = 0; n < triesMax; n++) {
      if (n > 0) {
        this.#goOn();
        await pause(this.#dice.between(5, 100));
      }
      const made = await this.#send(request);
      if (made === undefined) {
        if (this.#crowd.stopping && tries.length === 0) break;
        continue;
      }
      tries.push(made);
      const isDone = made.outcome.kind === 'done';
      // C3. Once is enough; a second answer now and then must be the same.
      if (!hasKey || (isDone && (tries.length > 3 || this.#dice.chance(0.8)))) break;
    }
    return tries;
  }

  async #send({ kind, path, options, count }: WriteRequest): Promise<Try | undefined> {
    const { recorder } = this.#crowd;
    const beganAt = now();
    const node = this.#target.id;
    let answer: HttpAnswer;
    try {
      answer = await this.#ask(path, options, this.#dice.pick(timeoutsMs));
    } catch (error) {
      const code = codeOf(error);
      const isUnsent = code === 'ECONNREFUSED';
      recorder.call(kind, node, beganAt, isUnsent ? 'unsent' : 'unknown', code);
      return isUnsent ? undefined : { outcome: { kind: 'unknown', code } };
    }
    const { status, json } = answer;
    if (status === 200) {
      recorder.call(kind, node, beganAt, 'acknowledged');
      const token = tokenOf(answer);
      if (token === undefined) recorder.complain(`node ${node} acknowledged without a Lamport-Time`);
      return { outcome: this.#doneOf(json, kind, count), ...(token !== undefined && { token }) };
    }
    const code = `${status} ${json.code}`;
    if (!isExpected(status)) recorder.complain(`node ${node} answered a write with ${code}: ${json.detail}`);
    const isNotDone = json.outcome === 'not_done';
    if (!isNotDone && json.outcome !== 'unknown') recorder.complain(`node ${node} answered ${code} without an outcome`);
    recorder.call(kind, node, beganAt, isNotDone ? 'refused' : 'unknown', code);
    return { outcome: { kind: isNotDone ? 'not_done' : 'unknown', code } };
  }

  #doneOf(json: Readonly<Record<string, unknown>>, kind: CallKind, count: number): Done {
    if (kind === 'append') {
      return { kind: 'done', firstId: json.id as number, firstLamport: json.lamport_timestamp as number };
    }
    const messages = json.messages as readonly { readonly id: number; readonly lamport_timestamp: number }[];
    const firstId = json.first_id as number;
    const firstLamport = messages[0]?.lamport_timestamp ?? 0;
    const isRow = messages.every((each, i) => each.id === firstId + i && each.lamport_timestamp === firstLamport + i);
    if (json.count !== count || messages.length !== count || !isRow) {
      this.#crowd.recorder.complain(`the answer to ${count} messages is no row of them: ${JSON.stringify(json)}`);
    }
    return { kind: 'done', firstId, firstLamport };
  }

  // -------------------------------------------------------------------------------------------------------- reads

  async #read(): Promise<void> {
    const linearizable = this.#dice.chance(0.3);
    const withToken = this.#dice.chance(0.6);
    const luck = this.#dice.next();
    // Mostly what is new; sometimes from the middle, rarely everything.
    let afterId = Math.max(0, this.#newestId - this.#dice.int(30));
    let limit = this.#dice.chance(0.4) ? 1 + this.#dice.int(40) : undefined;
    if (luck < 0.1) {
      afterId = this.#dice.int(this.#newestId + 1);
      limit ??= 1 + this.#dice.int(100);
    } else if (luck < 0.11 && this.#newestId < 5_000) {
      [afterId, limit] = [0, undefined];
    }
    // A page, and sometimes the next ones, not always at the same node.
    for (let page = 0; page < 3 && !this.#crowd.stopping; page++) {
      const lastId = await this.#list({ linearizable, withToken, afterId, limit });
      if (lastId === undefined) return;
      afterId = lastId;
      if (this.#dice.chance(0.3)) this.#goOn();
    }
  }

  /** The last id of a page that is full, and so may have a next one. */
  async #list(wanted: {
    readonly linearizable: boolean;
    readonly withToken: boolean;
    readonly afterId: number;
    readonly limit: number | undefined;
  }): Promise<number | undefined> {
    const { recorder } = this.#crowd;
    const { linearizable, withToken, afterId, limit } = wanted;
    const kind = linearizable ? 'linearizable' : 'read';
    const token = withToken && this.#token > 0 ? this.#token : undefined;
    const asLines = this.#dice.chance(0.5);
    const headers = {
      Accept: asLines ? 'application/x-ndjson' : 'application/json',
      ...(token !== undefined && { 'Lamport-Time': `${token}` }),
    };
    const consistency = linearizable ? '&consistency=linearizable' : '';
    const path = `/messages?after=${afterId}${limit === undefined ? '' : `&limit=${limit}`}${consistency}`;
    const node = this.#target.id;
    const beganAt = now();
    let answer: HttpAnswer;
    try {
      answer = await this.#ask(path, { headers }, this.#dice.pick(timeoutsMs));
    } catch (error) {
      const code = codeOf(error);
      recorder.call(kind, node, beganAt, code === 'ECONNREFUSED' ? 'unsent' : 'unknown', code);
      this.#goOn();
      return undefined;
    }
    if (answer.status !== 200) {
      const { code, detail } = answer.json;
      if (!isExpected(answer.status)) recorder.complain(`node ${node} answered ${path} with ${code}: ${detail}`);
      recorder.call(kind, node, beganAt, 'refused', `${answer.status} ${code}`);
      this.#goOn();
      return undefined;
    }
    const shown = asLines
      ? recorder.ndjson(answer.body)
      : (answer.json as unknown as readonly unknown[]).map((each) => recorder.message(each));
    const tokenAfter = tokenOf(answer);
    recorder.call(kind, node, beganAt, 'acknowledged');
    recorder.event({
      kind: 'read',
      client: this.#number,
      node,
      beganAt,
      endedAt: now(),
      linearizable,
      afterId,
      shown,
      complete: limit === undefined || shown.length < limit,
      ...(token !== undefined && { token }),
      ...(tokenAfter !== undefined && { tokenAfter }),
    });
    const lastId = shown.at(-1)?.id;
    this.#learn(tokenAfter, lastId ?? 0);
    return limit !== undefined && shown.length === limit ? lastId : undefined;
  }
}
