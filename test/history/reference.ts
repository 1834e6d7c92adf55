/**
 * Right histories by the hundred: clients of a log that is one array in memory, with nodes that know the beginning of it.
 *
 * Each call takes effect at one instant between its beginning and its end, and instants follow each other; so calls overlap,
 * and what they answer is right by construction. Times are whole numbers: calls often end and begin at the same one.
 */
import type { SeededDice } from '../support/dice.ts';
import type { Append, Event, FinalLogs, History, Outcome, Read, ShownMessage, Tail } from './history.ts';

interface Client {
  readonly number: number;
  freeAt: number;
  token: number;
  newestId: number;
}

type Call = Pick<Append, 'client' | 'node' | 'beganAt' | 'endedAt' | 'token'>;

class ReferenceLog {
  readonly events: Event[] = [];
  readonly log: ShownMessage[] = [];
  readonly #dice: SeededDice;
  readonly #clients: readonly Client[];
  /** How much of the log each node knows. */
  readonly #known: number[] = [0, 0, 0];
  /** Writes of unknown outcome that are still on their way. */
  readonly #late: (() => void)[] = [];
  #now = 0;
  #count = 0;

  constructor(dice: SeededDice, clients: number) {
    this.#dice = dice;
    this.#clients = Array.from({ length: clients }, (_, number) => ({ number, freeAt: 0, token: 0, newestId: 0 }));
  }

  step(): void {
    const dice = this.#dice;
    this.#now += dice.int(4);
    const node = dice.int(3);
    if (dice.chance(0.5)) this.#learn(node, this.log.length - dice.int(6));
    if (this.#late.length > 0 && dice.chance(0.2)) this.#late.shift()?.();
    const client = dice.pick(this.#clients);
    if (client.freeAt > this.#now) return;
    const kind = dice.int(12);
    if (kind === 0) this.#tell(client);
    else if (kind <= 5) this.#append(client);
    else if (kind <= 10) this.#read(client);
    else this.#tail(client);
  }

  /** At node 1 to 3, which then knows what the token asks for. */
  #call(client: Client): { call: Call; place: number } {
    const dice = this.#dice;
    const beganAt = this.#now - dice.int(this.#now - client.freeAt + 1);
    const endedAt = this.#now + dice.int(12);
    const place = dice.int(3);
    const token = client.token > 0 && dice.chance(0.7) ? client.token : undefined;
    client.freeAt = endedAt;
    if (token !== undefined) this.#learn(place, this.log.findLastIndex(({ lamport }) => lamport <= token) + 1);
    const call = { client: client.number, node: place + 1, beganAt, endedAt, ...(token !== undefined && { token }) };
    return { call, place };
  }
  #learn(place: number, count: number): void {
    this.#known[place] = Math.max(this.#known[place] ?? 0, count);
  }
  #answered(client: Client, tokenAfter: number, newestId = 0): void {
    client.token = Math.max(client.token, tokenAfter);
    client.newestId = Math.max(client.newestId, newestId);
  }

  #append(client: Client): void {
    const dice = this.#dice;
    const { call, place } = this.#call(client);
    const texts = Array.from({ length: dice.chance(0.3) ? 2 + dice.int(3) : 1 }, () => `t${++this.#count}`);
    const key = dice.chance(0.3) ? `k${this.#count}` : undefined;
    const seen = this.#known[place] ?? 0;
    const write = (): Outcome & { readonly kind: 'done' } => {
      const firstId = this.log.length + 1;
      const firstLamport = (this.log.at(-1)?.lamport ?? 0) + 1 + dice.int(5);
      for (const [i, text] of texts.entries())
        this.log.push({ id: firstId + i, text, lamport: firstLamport + i, origin: call.node, seen });
      return { kind: 'done', firstId, firstLamport };
    };
    const common = { kind: 'append', ...call, texts, ...(key && { key }) } as const;
    const luck = dice.next();
    if (luck < 0.15) this.events.push({ ...common, outcome: { kind: 'not_done', code: 'NO_LEADER' } });
    else if (luck < 0.35) {
      this.events.push({ ...common, outcome: { kind: 'unknown', code: 'OUTCOME_UNKNOWN' } });
      if (dice.chance(0.4)) write();
      else if (dice.chance(0.5)) this.#late.push(write);
    } else {
      const outcome = write();
      const newest = outcome.firstLamport + texts.length - 1;
      const tokenAfter = Math.max(call.token ?? 0, newest);
      // With a key, another node may have answered, and more than once.
      const node = key && dice.chance(0.5) ? 1 + dice.int(3) : call.node;
      const repeats = key && dice.chance(0.5) ? [outcome] : [];
      this.events.push({ ...common, node, outcome, ...(key && { repeats }), tokenAfter });
      this.#answered(client, tokenAfter, outcome.firstId + texts.length - 1);
    }
  }

  #read(client: Client): void {
    const dice = this.#dice;
    const { call, place } = this.#call(client);
    const linearizable = dice.chance(0.3);
    if (linearizable) this.#learn(place, this.log.length);
    const known = this.#known[place] ?? 0;
    const afterId = this.#someId(client);
    const all = this.log.slice(afterId, known);
    const limit = dice.chance(0.2) ? dice.int(4) : Number.POSITIVE_INFINITY;
    const shown = all.slice(0, limit);
    const complete = shown.length < limit;
    const point = complete || dice.chance(0.5) ? shown.at(-1) : this.log[known - 1];
    const tokenAfter = Math.max(call.token ?? 0, point?.lamport ?? 0);
    this.events.push({ kind: 'read', ...call, linearizable, afterId, shown, complete, tokenAfter } satisfies Read);
    this.#answered(client, tokenAfter, shown.at(-1)?.id);
  }

  #tail(client: Client): void {
    const { call, place } = this.#call(client);
    const afterId = this.#someId(client);
    const tokenAfter = Math.max(call.token ?? 0, this.log[afterId - 1]?.lamport ?? 0);
    const shown = this.log.slice(afterId, this.#known[place]);
    this.events.push({ kind: 'tail', ...call, afterId, shown, tokenAfter } satisfies Tail);
    this.#answered(client, Math.max(tokenAfter, shown.at(-1)?.lamport ?? 0), shown.at(-1)?.id);
  }

  #tell(by: Client): void {
    const { number } = this.#dice.pick(this.#clients);
    const client = this.#clients[number];
    if (!client || client === by || by.token === 0) return;
    this.events.push({ kind: 'told', client: number, by: by.number, at: this.#now, token: by.token });
    this.#answered(client, by.token);
  }

  #someId({ newestId }: Client): number {
    const dice = this.#dice;
    return dice.chance(0.3) ? 0 : Math.max(0, newestId - dice.int(4));
  }
}

const endOf = (event: Event): number => (event.kind === 'told' ? event.at : event.endedAt);

export function rightHistory(
  dice: SeededDice,
  { steps = 200, clients = 6 } = {},
): { history: History; logs: FinalLogs } {
  const reference = new ReferenceLog(dice, clients);
  for (let i = 0; i < steps; i++) reference.step();
  const { events, log } = reference;
  const history = { events: events.sort((a, b) => endOf(a) - endOf(b)), faults: [] };
  return { history, logs: new Map([1, 2, 3].map((node) => [node, log])) };
}
