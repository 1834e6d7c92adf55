/**
 * The load engine, in the load generator's process: clients that keep their window full (closed loop), or that send so
 * many messages a second whether answers come or not (open loop, `rate`).
 *
 * E1. A client never has more than `window` unanswered requests; what an open loop could not send for that is counted
 *     as held back, never made up for.
 * E2. A client whose connection ends, or that hears nothing for `patienceMs`, goes on at the next endpoint.
 * E3. Nothing is counted between `mark`s but what happened between them.
 */
import { Histogram, type Percentiles } from './histogram.ts';
import type { Client, Endpoint, Load, Shape, Way } from './systems.ts';

export interface EngineJob extends Load {
  /** Each client begins at one of these, in turn. */
  readonly at: readonly Endpoint[];
  readonly bytes: number;
  /** Messages a second, of all clients together; as fast as answers come, when it is not given. */
  readonly rate?: number;
  /** Ends by itself after so many messages. */
  readonly messages?: number;
  readonly numbered?: boolean;
  /** How long a client waits for an answer before it tries elsewhere; 2 s by default. */
  readonly patienceMs?: number;
}

/** Since the last mark. */
export interface Seen {
  readonly ms: number;
  /** Messages. */
  readonly acknowledged: number;
  /** Requests, by what they were told. */
  readonly refused: Readonly<Record<string, number>>;
  /** Requests whose answer never came. */
  readonly lost: number;
  /** Messages that an open loop did not send. */
  readonly heldBack: number;
  /** Longest time without an acknowledgement. */
  readonly longestGapMs: number;
  /** From sending a request to its answer. */
  readonly latencyMs: Percentiles;
}

const defaultPatienceMs = 2_000;
const againMs = 5;
const connectedMs = 30_000;
const tickMs = 2;

const now = (): number => performance.now();

export class Engine {
  readonly #job: EngineJob;
  readonly #way: Way;
  readonly #slots: Slot[];
  readonly latency = new Histogram();
  #watch: NodeJS.Timeout | undefined;
  #markedAt = now();
  #lastAckAt = now();
  #longestGapMs = 0;
  #acknowledged = 0;
  #refused: Record<string, number> = {};
  #lost = 0;
  #heldBack = 0;
  #next = 0;
  #openSince = 0;
  #openSent = 0;
  #total = 0;
  #stopped = false;
  #finish: () => void = () => undefined;
  /** When `messages` have been acknowledged; never without them. */
  readonly finished: Promise<void>;

  constructor(way: Way, job: EngineJob) {
    this.#way = way;
    this.#job = job;
    this.#slots = Array.from({ length: job.clients }, (_, i) => new Slot(this, job, i));
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  #late: (error: Error) => void = () => undefined;
  readonly #tooLate = new Promise<never>((_, reject) => {
    this.#late = reject;
  });
  /** Resolves when all clients are connected; they send from then on. */
  async start(): Promise<void> {
    const shape: Shape = { bytes: this.#job.bytes, batch: this.#job.batch, numbered: this.#job.numbered === true };
    const late = setTimeout(() => {
      const why = this.#slots.map(({ trouble }) => trouble).find((each) => each !== undefined);
      this.#late(new Error(`not all clients got a connection within ${connectedMs} ms: ${why ?? 'no answer'}`));
    }, connectedMs);
    await Promise.race([Promise.all(this.#slots.map((slot) => slot.open(this.#way, shape))), this.#tooLate]);
    clearTimeout(late);
    this.mark();
    this.#openSince = now();
    for (const slot of this.#slots) slot.go();
    const { patienceMs = defaultPatienceMs } = this.#job;
    let ticks = 0;
    this.#watch = setInterval(() => {
      if (this.#job.rate !== undefined) this.#sendDue(this.#job.rate);
      if (++ticks % 50 === 0) for (const slot of this.#slots) slot.look(patienceMs);
    }, tickMs);
  }

  mark(): void {
    this.#markedAt = now();
    this.#lastAckAt = this.#markedAt;
    this.#longestGapMs = 0;
    this.#acknowledged = 0;
    this.#refused = {};
    this.#lost = 0;
    this.#heldBack = 0;
    this.latency.clear();
  }

  look(): Seen {
    const at = now();
    return {
      ms: at - this.#markedAt,
      acknowledged: this.#acknowledged,
      refused: this.#refused,
      lost: this.#lost,
      heldBack: this.#heldBack,
      longestGapMs: Math.max(this.#longestGapMs, at - this.#lastAckAt),
      latencyMs: this.latency.percentiles(),
    };
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#watch);
    for (const slot of this.#slots) slot.close();
  }

  /** The number of the next request; undefined when no more are wanted. */
  take(): number | undefined {
    if (this.#stopped) return undefined;
    const { messages, batch } = this.#job;
    if (messages !== undefined && this.#next * batch >= messages) return undefined;
    return this.#next++;
  }

  acknowledged(requests: number, at: number): void {
    const messages = requests * this.#job.batch;
    this.#acknowledged += messages;
    this.#total += messages;
    this.#longestGapMs = Math.max(this.#longestGapMs, at - this.#lastAckAt);
    this.#lastAckAt = at;
    if (this.#job.messages !== undefined && this.#total >= this.#job.messages) this.#finish();
  }
  refused(requests: number, why: string): void {
    this.#refused[why] = (this.#refused[why] ?? 0) + requests;
  }
  lost(requests: number): void {
    this.#lost += requests;
  }
  /** Of those that will never be acknowledged, as many are sent again in their place. */
  giveBack(requests: number): void {
    if (this.#job.messages !== undefined) this.#next -= requests;
  }

  #sendDue(rate: number): void {
    const { batch } = this.#job;
    const due = Math.floor(((now() - this.#openSince) / 1000) * (rate / batch)) - this.#openSent;
    this.#openSent += due;
    let sent = 0;
    for (let tried = 0; sent < due && tried < this.#slots.length; ) {
      // In turn, and on with the next one when its window is full (E1).
      const slot = this.#slots[this.#turn++ % this.#slots.length]!;
      if (slot.sendOne()) {
        sent++;
        tried = 0;
      } else tried++;
    }
    this.#heldBack += (due - sent) * batch;
  }
  #turn = 0;
}

/** One client's place: its connection, and when its unanswered requests were sent, oldest first. */
class Slot {
  readonly #engine: Engine;
  readonly #job: EngineJob;
  readonly #sentAt: Float64Array;
  #oldest = 0;
  #unanswered = 0;
  #endpoint: number;
  #client: Client | undefined;
  /** Why its last connection ended. */
  trouble: string | undefined;
  #isReady = false;
  #isClosed = false;
  #triedAt = 0;
  #way: Way | undefined;
  #shape: Shape | undefined;

  constructor(engine: Engine, job: EngineJob, number: number) {
    this.#engine = engine;
    this.#job = job;
    this.#endpoint = number;
    this.#sentAt = new Float64Array(job.window);
  }

  open(way: Way, shape: Shape): Promise<void> {
    this.#way = way;
    this.#shape = shape;
    return new Promise((resolve) => this.#connect(resolve));
  }

  #isGoing = false;
  /** Closed loop: fills the window. */
  go(): void {
    this.#isGoing = true;
    this.#fill();
  }

  #fill(): void {
    if (this.#job.rate !== undefined || !this.#isGoing) return;
    while (this.sendOne());
  }

  /** False when it cannot now. */
  sendOne(): boolean {
    if (!this.#isReady || this.#unanswered >= this.#job.window) return false;
    const n = this.#engine.take();
    if (n === undefined) return false;
    this.#sentAt[(this.#oldest + this.#unanswered) % this.#job.window] = now();
    this.#unanswered++;
    this.#client?.send(n);
    return true;
  }

  /** E2. */
  look(patience: number): void {
    const since = this.#isReady ? this.#sentAt[this.#oldest]! : this.#triedAt;
    if (this.#isClosed || (this.#isReady && this.#unanswered === 0) || now() - since < patience) return;
    this.#client?.close();
    this.#leave(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#client?.close();
  }

  #connect(whenReady: () => void): void {
    if (this.#isClosed) return;
    this.#triedAt = now();
    const at = this.#job.at[this.#endpoint % this.#job.at.length]!;
    const client = this.#way!.connect(at, this.#shape!, {
      ready: () => {
        this.#isReady = true;
        whenReady();
        this.#fill();
      },
      done: (requests) => this.#answered(requests, null),
      refused: (requests, why, isLast) => {
        this.#answered(isLast ? this.#unanswered : requests, why);
        if (!isLast) return;
        this.#client?.close(); // Or more would be sent that nobody looks at.
        this.#leave(whenReady);
      },
      closed: (why) => {
        this.trouble = why;
        if (this.#client === client) this.#leave(whenReady);
      },
    });
    this.#client = client;
  }

  #answered(requests: number, refusal: string | null): void {
    const at = now();
    for (let i = 0; i < requests; i++) {
      if (refusal === null) this.#engine.latency.add(at - this.#sentAt[this.#oldest]!);
      this.#oldest = (this.#oldest + 1) % this.#job.window;
    }
    this.#unanswered -= requests;
    if (refusal === null) this.#engine.acknowledged(requests, at);
    else {
      this.#engine.refused(requests, refusal);
      this.#engine.giveBack(requests);
      // Nobody asks again in the same millisecond: a refusal costs the node as much as a write.
      setTimeout(() => this.#fill(), againMs);
      return;
    }
    this.#fill();
  }

  #leave(whenReady: () => void): void {
    this.#client = undefined;
    this.#isReady = false;
    this.#engine.lost(this.#unanswered);
    this.#engine.giveBack(this.#unanswered);
    this.#unanswered = 0;
    this.#endpoint++;
    setTimeout(() => this.#connect(whenReady), againMs);
  }
}
