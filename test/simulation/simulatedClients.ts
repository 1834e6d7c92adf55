/**
 * Clients in virtual time: they write, read, tail and talk to each other, and keep a History of what they were told.
 *
 * They speak to nodes by events with callbacks, as the façade does, and know of a node's death what a socket would tell
 * them: a reset soon, silence for a while.
 *
 * A1. A client makes one call at a time. A call is one record; of a write with a key all its tries together.
 * A2. An answer counts when the life that was asked still runs. A write whose try is lost is unknown, a lost read is nothing.
 * A3. Whatever is still open in the end is recorded as unknown: a text in a log always has its append in the history.
 */
import type { Appended, AppendRequest, ReadPoint, ReadRequest, Trouble } from '../../actors/facade.ts';
import type { Node } from '../../actors/node.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { Append, Event, Outcome, ShownMessage } from '../history/history.ts';
import type { SeededDice } from '../support/dice.ts';
import { messagesIn, type SimulatedCluster } from '../support/simulatedCluster.ts';

export interface ClientPlan {
  readonly writers: number;
  readonly readers: number;
  readonly tails: number;
  /** Clients that send their writes without waiting for the answers, and count on their order. */
  readonly streams: number;
  /** Between two calls of a client: from, to. */
  readonly thinkMs: readonly [number, number];
  readonly textBytes: number;
  /** How likely a write has a key, and is tried again. */
  readonly keyed: number;
  /** How likely a write has several texts. */
  readonly several: number;
  /** How likely a client keeps a session token. */
  readonly sessions: number;
}

/** One question to one life of a node. */
interface Ask {
  readonly what: string;
  readonly node: NodeId;
  readonly life: Node;
  readonly lost: () => void;
  answers: number;
}

interface Client {
  readonly number: number;
  readonly kind: 'writer' | 'reader' | 'tail' | 'stream';
  readonly keepsSession: boolean;
  token: number;
  /** The newest id that it was shown. */
  lastId: number;
  /** The node that it asks rather. */
  near: NodeId;
  isIdle: boolean;
}

type Done = Extract<Outcome, { kind: 'done' }>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A client waits a little longer than it asked the node to: the answer has a way to go. */
const patienceMs = 2000;
const timeoutsMs = [300, 1000, 3000, 10_000] as const;
const pageBytes = 16 * 1024;

export class SimulatedClients {
  readonly events: Event[] = [];
  readonly counted = {
    acknowledged: 0,
    notDone: 0,
    unknown: 0,
    reads: 0,
    linearizable: 0,
    tails: 0,
    shown: 0,
    told: 0,
  };
  readonly #cluster: SimulatedCluster;
  readonly #dice: SeededDice;
  readonly #plan: ClientPlan;
  readonly #note: (node: NodeId, words: string) => void;
  readonly #clients: Client[] = [];
  /** Of clients: each write of a stream has one of its own, since a client makes one call at a time. */
  #numbers = 0;
  /** Asked of a life that still runs, and not answered. */
  readonly #asks = new Set<Ask>();
  /** Open tails: what the end of a node breaks, and nobody answers. */
  readonly #tails = new Set<Ask>();
  /** What must be recorded when all ends. */
  readonly #open = new Set<() => void>();
  #texts = 0;
  #isStopping = false;

  constructor(
    cluster: SimulatedCluster,
    dice: SeededDice,
    plan: ClientPlan,
    note: (node: NodeId, words: string) => void,
  ) {
    this.#cluster = cluster;
    this.#dice = dice;
    this.#plan = plan;
    this.#note = note;
    const kinds = [
      ...Array<'writer'>(plan.writers).fill('writer'),
      ...Array<'reader'>(plan.readers).fill('reader'),
      ...Array<'tail'>(plan.tails).fill('tail'),
      ...Array<'stream'>(plan.streams).fill('stream'),
    ];
    for (const kind of kinds)
      this.#clients.push({
        number: ++this.#numbers,
        kind,
        keepsSession: dice.chance(plan.sessions),
        token: 0,
        lastId: 0,
        near: dice.pick(cluster.voters),
        isIdle: true,
      });
  }

  start(): void {
    for (const client of this.#clients) this.#thinkThen(client);
  }
  /** No further calls; those that run end by themselves. */
  stop(): void {
    this.#isStopping = true;
  }
  /** Ends every record. */
  finish(): void {
    for (const close of [...this.#open]) close();
  }

  /** One more write, without a key; gives what has become of it. */
  writeOnce(node: NodeId): () => Outcome['kind'] | 'open' {
    const before = this.events.length;
    const number = ++this.#numbers;
    const client: Client = {
      number,
      kind: 'writer',
      keepsSession: false,
      token: 0,
      lastId: 0,
      near: node,
      isIdle: true,
    };
    this.#clients.push(client);
    this.#write(client, node, true);
    return () => {
      const record = this.events.slice(before).find((event) => event.kind === 'append' && event.client === number);
      return record?.kind === 'append' ? record.outcome.kind : 'open';
    };
  }

  /** What living nodes were asked and have not answered. */
  get unanswered(): readonly string[] {
    return [...this.#asks].map(({ what, node }) => `${what} at node ${node}`);
  }

  /** A node's process is gone; silent: nobody sends a reset for it. */
  nodeEnded(id: NodeId, silent: boolean): void {
    for (const ask of [...this.#asks, ...this.#tails]) {
      if (ask.node !== id) continue;
      this.#asks.delete(ask);
      this.#tails.delete(ask);
      this.#cluster.clock.setTimeout(ask.lost, silent ? this.#dice.between(200, 1500) : this.#dice.between(0, 20));
    }
  }

  // ------------------------------------------------------------------------------------------------------ asking

  #thinkThen(client: Client): void {
    const [from, to] = this.#plan.thinkMs;
    client.isIdle = true;
    // A stream is many writes, and they would be most of all.
    const share = client.kind === 'stream' ? 15 : 1;
    this.#cluster.clock.setTimeout(() => this.#act(client), this.#dice.between(from, to * share));
  }

  #act(client: Client): void {
    if (this.#isStopping) return;
    const node = this.#choose(client);
    if (node === null) {
      this.#thinkThen(client);
      return;
    }
    client.isIdle = false;
    if (client.kind === 'writer' && this.#dice.chance(0.85)) this.#write(client, node);
    else if (client.kind === 'tail') this.#tail(client, node);
    else if (client.kind === 'stream') this.#stream(client, node);
    else this.#read(client, node);
  }

  #choose(client: Client): NodeId | null {
    const { voters } = this.#cluster;
    if (this.#dice.chance(0.3)) client.near = this.#dice.pick(voters);
    if (this.#cluster.serves(client.near)) return client.near;
    const serving = voters.filter((id) => this.#cluster.serves(id));
    if (serving.length === 0) return null;
    client.near = this.#dice.pick(serving);
    return client.near;
  }

  /** Asks; `then` hears the answer once, or null when none came. */
  #ask<T>(
    node: NodeId,
    what: string,
    ms: number,
    ask: (settle: (answer: T) => void) => void,
    then: (answer: T | null) => void,
  ): void {
    const { clock, invariants } = this.#cluster;
    if (!this.#cluster.serves(node)) {
      clock.setTimeout(() => then(null), 1);
      return;
    }
    const life = this.#cluster.node(node);
    let hasEnded = false;
    const end = (answer: T | null): void => {
      if (hasEnded) return;
      hasEnded = true;
      clock.clearTimeout(timer);
      then(answer);
    };
    const asked: Ask = { what, node, life, lost: () => end(null), answers: 0 };
    const timer = clock.setTimeout(() => end(null), ms + patienceMs);
    this.#asks.add(asked);
    ask((answer) => {
      if (!this.#lives(node, life)) return; // A2
      invariants.answered(what, ++asked.answers);
      this.#asks.delete(asked);
      end(answer);
    });
  }

  #lives(node: NodeId, life: Node): boolean {
    return this.#cluster.isUp(node) && this.#cluster.node(node) === life;
  }

  /** What a session client has learnt. */
  #learn(client: Client, token: number): void {
    if (client.keepsSession) client.token = Math.max(client.token, token);
  }

  /** Now and then it tells somebody what it knows. */
  #tellSomebody(client: Client): void {
    if (!client.keepsSession || client.token === 0 || !this.#dice.chance(0.08)) return;
    const other = this.#dice.pick(this.#clients);
    if (other === client || !other.isIdle || !other.keepsSession) return;
    const { token } = client;
    this.counted.told++;
    this.events.push({ kind: 'told', client: other.number, by: client.number, at: this.#cluster.clock.now(), token });
    other.token = Math.max(other.token, token);
  }

  #next(client: Client): void {
    this.#tellSomebody(client);
    this.#thinkThen(client);
  }

  // ----------------------------------------------------------------------------------------------------- writing

  #write(client: Client, first: NodeId, isPatient = false): void {
    const { clock, voters } = this.#cluster;
    const dice = this.#dice;
    const texts = this.#makeTexts(client);
    const key = !isPatient && dice.chance(this.#plan.keyed) ? `key ${this.#texts}` : undefined;
    const token = client.token > 0 ? client.token : undefined;
    const beganAt = clock.now();
    const dones: Done[] = [];
    let running = 0;
    let isUnknown = false;
    let code = 'NO_ANSWER';
    let node = first;

    const close = (): void => {
      if (!this.#open.delete(close)) return;
      const [outcome, ...repeats] = dones;
      const last = outcome ? outcome.firstLamport + texts.length - 1 : 0;
      const append: Append = {
        kind: 'append',
        client: client.number,
        node,
        beganAt,
        endedAt: clock.now(),
        ...(token !== undefined && { token }),
        ...(outcome && { tokenAfter: Math.max(token ?? 0, last) }),
        texts,
        ...(key !== undefined && { key }),
        outcome: outcome ?? { kind: isUnknown || running > 0 ? 'unknown' : 'not_done', code },
        ...(repeats.length > 0 && { repeats }),
      };
      this.events.push(append);
      this.counted[
        append.outcome.kind === 'not_done' ? 'notDone' : append.outcome.kind === 'done' ? 'acknowledged' : 'unknown'
      ]++;
      this.#learn(client, append.tokenAfter ?? 0);
      this.#next(client);
    };
    const request: Partial<AppendRequest> = {
      ...(token !== undefined && { lamportTime: token }),
      ...(key !== undefined && { key: { key, bodyHash: Buffer.alloc(16, texts.length) } }),
    };
    const attempt = (at: NodeId, left: number): void => {
      node = at;
      running++;
      const timeoutMs = isPatient ? 10_000 : dice.pick(timeoutsMs);
      this.#ask<Appended | Trouble>(
        at,
        `the write of "${texts[0]}"`,
        timeoutMs,
        (settle) => this.#cluster.append(at, texts, settle, { ...request, timeoutMs }),
        (answer) => {
          running--;
          if (answer?.kind === 'done') {
            dones.push({ kind: 'done', firstId: answer.firstId, firstLamport: answer.firstLamport });
            this.#cluster.invariants.toldDone(texts[0] ?? '', answer.firstId + texts.length - 1);
          } else {
            code = answer?.code ?? 'NO_ANSWER';
            isUnknown ||= answer?.outcome !== 'not_done';
          }
          this.#note(at, `${texts[0]?.replace(/\.+$/, '')} ${answer?.kind === 'done' ? `= ${answer.firstId}` : code}`);
          if (dones.length === 0 && key !== undefined && left > 0) again(left - 1);
          else if (running === 0) close();
        },
      );
    };
    const again = (left: number): void => {
      running++;
      clock.setTimeout(
        () => {
          running--;
          attempt(dice.pick(voters), left);
        },
        dice.between(5, 300),
      );
    };
    this.#open.add(close);
    if (key !== undefined && dice.chance(0.3)) again(0); // Without waiting for the answer.
    attempt(first, dice.int(4));
  }

  /** Writes of one lane, one behind the other; none is sent once one has failed. */
  #stream(client: Client, node: NodeId): void {
    const { clock } = this.#cluster;
    const dice = this.#dice;
    const lane = {};
    const name = `${client.number}-${++this.#texts}`;
    const count = 2 + dice.int(20);
    const everyMs = dice.pick([0, 2, 15]);
    let places = 0;
    let open = 0;
    let hasFailed = false;
    const send = (): void => {
      open++;
      this.#writeInLane(node, lane, { name, place: ++places }, (isDone) => {
        open--;
        hasFailed ||= !isDone;
        if (open === 0 && (hasFailed || places === count)) this.#next(client);
      });
      if (!hasFailed && places < count) clock.setTimeout(goOn, dice.between(0, everyMs));
    };
    const goOn = (): void => {
      if (!hasFailed) send();
    };
    send();
  }

  #writeInLane(node: NodeId, lane: object, place: Append['lane'] & object, then: (isDone: boolean) => void): void {
    const { clock } = this.#cluster;
    const number = ++this.#numbers;
    const texts = this.#makeTexts({ number });
    const beganAt = clock.now();
    const timeoutMs = this.#dice.pick(timeoutsMs);
    const close = (outcome: Outcome): void => {
      if (!this.#open.delete(never)) return;
      const [done] = outcome.kind === 'done' ? [outcome] : [];
      this.events.push({
        kind: 'append',
        client: number,
        node,
        beganAt,
        endedAt: clock.now(),
        ...(done && { tokenAfter: done.firstLamport + texts.length - 1 }),
        texts,
        lane: place,
        outcome,
      });
      this.counted[outcome.kind === 'not_done' ? 'notDone' : outcome.kind === 'done' ? 'acknowledged' : 'unknown']++;
      then(outcome.kind === 'done');
    };
    const never = (): void => close({ kind: 'unknown', code: 'NO_ANSWER' });
    this.#open.add(never);
    this.#ask<Appended | Trouble>(
      node,
      `the write of "${texts[0]}"`,
      timeoutMs,
      (settle) => this.#cluster.append(node, texts, settle, { timeoutMs, lane }),
      (answer) => {
        if (answer?.kind !== 'done')
          return close({ kind: answer?.outcome ?? 'unknown', code: answer?.code ?? 'NO_ANSWER' });
        const { firstId, firstLamport } = answer;
        this.#cluster.invariants.toldDone(texts[0] ?? '', firstId + texts.length - 1);
        close({ kind: 'done', firstId, firstLamport });
      },
    );
  }

  #makeTexts({ number }: Pick<Client, 'number'>): readonly string[] {
    const count = this.#dice.chance(this.#plan.several) ? 2 + this.#dice.int(6) : 1;
    return Array.from({ length: count }, () => {
      const name = `${number}-${++this.#texts}`;
      return name.padEnd(name.length + this.#dice.int(this.#plan.textBytes), '.');
    });
  }

  // ----------------------------------------------------------------------------------------------------- reading

  #read(client: Client, node: NodeId): void {
    const { clock } = this.#cluster;
    const dice = this.#dice;
    const token = client.token > 0 ? client.token : undefined;
    const linearizable = dice.chance(0.3);
    // Seldom the whole log: that costs its length each time.
    const afterId = dice.chance(0.05) ? 0 : Math.max(0, client.lastId - dice.int(20));
    const limit = dice.chance(0.25) ? 1 + dice.int(15) : Number.POSITIVE_INFINITY;
    const beganAt = clock.now();
    const timeoutMs = dice.pick(timeoutsMs);
    const request: Partial<ReadRequest> = {
      timeoutMs,
      linearizable,
      ...(token !== undefined && { lamportTime: token }),
    };
    this.#point(node, request, (point) => {
      if (!point) return this.#next(client);
      const upTo = Math.min(point.lastId, afterId + limit);
      this.#page(node, afterId, upTo, [], (shown) => {
        if (shown) {
          const complete = upTo === point.lastId;
          const newest = complete ? point.lastLamport : (shown.at(-1)?.lamport ?? 0);
          const tokenAfter = Math.max(token ?? 0, newest);
          this.events.push({
            kind: 'read',
            client: client.number,
            node,
            beganAt,
            endedAt: clock.now(),
            ...(token !== undefined && { token }),
            tokenAfter,
            linearizable,
            afterId,
            shown,
            complete,
          });
          this.counted.reads++;
          if (linearizable) this.counted.linearizable++;
          this.#show(client, shown);
          this.#learn(client, tokenAfter);
        }
        this.#next(client);
      });
    });
  }

  #show(client: Client, shown: readonly ShownMessage[]): void {
    this.counted.shown += shown.length;
    client.lastId = Math.max(client.lastId, shown.at(-1)?.id ?? 0);
  }

  #point(node: NodeId, request: Partial<ReadRequest>, then: (point: ReadPoint | null) => void): void {
    this.#ask<ReadPoint | Trouble>(
      node,
      'a read',
      request.timeoutMs ?? 0,
      (settle) => this.#cluster.readPoint(node, request, settle),
      (point) => then(point?.kind === 'ready' ? point : null),
    );
  }

  /** Page after page of the messages behind `afterId`; null when the node does not give them. */
  #page(
    node: NodeId,
    afterId: number,
    upTo: number,
    shown: ShownMessage[],
    then: (shown: readonly ShownMessage[] | null) => void,
  ): void {
    if (afterId >= upTo) return then(shown);
    this.#ask<readonly Batch[]>(
      node,
      'a page',
      10_000,
      (reply) => this.#cluster.ask(node, 'pipeline', { type: 'messages.read', afterId, maxBytes: pageBytes, reply }),
      (batches) => {
        if (!batches || batches.length === 0) return then(null);
        const more = batches.flatMap(messagesIn).filter(({ id }) => id > afterId && id <= upTo);
        const last = more.at(-1);
        if (!last) return then(null);
        shown.push(...more);
        this.#page(node, last.id, upTo, shown, then);
      },
    );
  }

  // ----------------------------------------------------------------------------------------------------- tailing

  #tail(client: Client, node: NodeId): void {
    const { clock } = this.#cluster;
    const token = client.token > 0 ? client.token : undefined;
    const timeoutMs = 3000;
    const beganAt = clock.now();
    this.#point(node, { timeoutMs, ...(token !== undefined && { lamportTime: token }) }, (point) => {
      if (!point || !this.#cluster.serves(node)) return this.#next(client);
      this.#follow(client, node, point, { beganAt, token });
    });
  }

  #follow(
    client: Client,
    node: NodeId,
    point: ReadPoint,
    { beganAt, token }: { readonly beganAt: number; readonly token: number | undefined },
  ): void {
    const { clock } = this.#cluster;
    const life = this.#cluster.node(node);
    const afterId = client.lastId;
    const shown: ShownMessage[] = [];
    const tail: Mutable<{ last: number; upTo: number; isReading: boolean }> = {
      last: afterId,
      upTo: point.lastId,
      isReading: false,
    };
    const close = (): void => {
      if (!this.#open.delete(close)) return;
      this.#tails.delete(broken);
      clock.clearTimeout(timer);
      if (this.#lives(node, life) && this.#cluster.serves(node))
        this.#cluster.ask(node, 'sessions', { type: 'commit.unwatched', listener });
      this.events.push({
        kind: 'tail',
        client: client.number,
        node,
        beganAt,
        endedAt: clock.now(),
        ...(token !== undefined && { token }),
        tokenAfter: Math.max(token ?? 0, point.lastLamport),
        afterId,
        shown,
      });
      this.counted.tails++;
      this.#show(client, shown);
      this.#learn(client, shown.at(-1)?.lamport ?? 0);
      this.#next(client);
    };
    const pump = (): void => {
      if (tail.isReading || tail.last >= tail.upTo) return;
      tail.isReading = true;
      this.#page(node, tail.last, tail.upTo, [], (more) => {
        tail.isReading = false;
        if (!this.#open.has(close)) return;
        if (!more) return close();
        shown.push(...more);
        tail.last = more.at(-1)?.id ?? tail.last;
        pump();
      });
    };
    const listener = ({ lastId }: ReadPoint): void => {
      if (!this.#lives(node, life) || !this.#open.has(close)) return;
      tail.upTo = Math.max(tail.upTo, lastId);
      pump();
    };
    const broken: Ask = { what: 'a tail', node, life, lost: close, answers: 0 };
    const timer = clock.setTimeout(close, this.#dice.between(500, 8000));
    this.#tails.add(broken);
    this.#open.add(close);
    this.#cluster.ask(node, 'sessions', { type: 'commit.watched', listener });
    pump();
  }
}
