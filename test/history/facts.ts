/** What all checkers look up: the final log by id and by text, who wrote a text, and what was shown that is not in the log. */
import type { Append, Event, FinalLogs, History, List, ShownMessage } from './history.ts';

/** A message that a list or the final log of a node (its number) has otherwise than the final log. */
export interface Strange {
  readonly message: ShownMessage;
  readonly by: List | number;
}

export interface Facts {
  /** In the order of their ends. */
  readonly events: readonly Event[];
  readonly appends: readonly Append[];
  readonly lists: readonly List[];
  readonly logs: FinalLogs;
  /** Whose log the others are held against: the longest, so that one that lacks something is the one that differs. */
  readonly logOf: number | undefined;
  readonly log: readonly ShownMessage[];
  readonly byId: ReadonlyMap<number, ShownMessage>;
  /** Where a text stands first. */
  readonly byText: ReadonlyMap<string, ShownMessage>;
  readonly writerOf: ReadonlyMap<string, Append>;
  readonly strange: readonly Strange[];
}

export const isDone = (append: Append): append is Append & { readonly outcome: { readonly kind: 'done' } } =>
  append.outcome.kind === 'done';

const endOf = (event: Event): number => (event.kind === 'told' ? event.at : event.endedAt);

/** Events of the same time keep their order: a client's own calls are in it. */
const inOrder = (events: readonly Event[]): readonly Event[] =>
  events.every((event, i) => i === 0 || endOf(events[i - 1] as Event) <= endOf(event))
    ? events
    : [...events].sort((a, b) => endOf(a) - endOf(b));

const same = (a: ShownMessage, b: ShownMessage | undefined): boolean =>
  a === b ||
  (b !== undefined &&
    a.id === b.id &&
    a.lamport === b.lamport &&
    a.text === b.text &&
    a.origin === b.origin &&
    a.seen === b.seen);

/** Throws when two appends write the same text: then whoever recorded it made a mistake, and nothing can be judged. */
function writersIn(appends: readonly Append[]): Map<string, Append> {
  const writers = new Map<string, Append>();
  for (const append of appends)
    for (const text of append.texts) {
      if (writers.has(text))
        throw new RangeError(`${text} was written by two appends: such a history cannot be judged`);
      writers.set(text, append);
    }
  return writers;
}

export function factsOf(history: History, logs: FinalLogs): Facts {
  const events = inOrder(history.events);
  const appends = events.filter((event) => event.kind === 'append');
  const lists = events.filter((event) => event.kind === 'read' || event.kind === 'tail');
  let logOf: number | undefined;
  let log: readonly ShownMessage[] = [];
  for (const [node, candidate] of logs)
    if (logOf === undefined || candidate.length > log.length) [logOf, log] = [node, candidate];

  const byId = new Map(log.map((message) => [message.id, message]));
  const byText = new Map<string, ShownMessage>();
  for (const message of log) if (!byText.has(message.text)) byText.set(message.text, message);

  const strange: Strange[] = [];
  const sift = (messages: readonly ShownMessage[], by: Strange['by']): void => {
    for (const message of messages) {
      // Its place, unless the log has gaps.
      const { id } = message;
      if (!same(message, log[id - 1]) && !same(message, byId.get(id))) strange.push({ message, by });
    }
  };
  for (const [node, other] of logs) if (other !== log) sift(other, node);
  for (const list of lists) sift(list.shown, list);
  return { events, appends, lists, logs, logOf, log, byId, byText, writerOf: writersIn(appends), strange };
}

/** Where the first text of an append stands: in the log, or if it is not there as it was answered. */
export function firstIdOf({ byText }: Facts, append: Append): number | undefined {
  const { texts, outcome } = append;
  return byText.get(texts[0] ?? '')?.id ?? (outcome.kind === 'done' ? outcome.firstId : undefined);
}

/** The newest id that a list shows or that its asker said to know. */
export const reachOf = ({ afterId, shown }: List): number => Math.max(afterId, shown.at(-1)?.id ?? 0);

const times = ({ beganAt, endedAt }: Append | List): string => `${beganAt.toFixed(1)} to ${endedAt.toFixed(1)} ms`;

/** A call in words. */
export function named(call: Append | List): string {
  if (call.kind === 'append') {
    const [first] = call.texts;
    const what = call.texts.length === 1 ? first : `${first} and ${call.texts.length - 1} more`;
    return `${what} (client ${call.client} at node ${call.node}, ${times(call)})`;
  }
  const what = call.kind === 'tail' ? 'tail' : call.linearizable ? 'linearizable read' : 'read';
  return `a ${what} after ${call.afterId} (client ${call.client} at node ${call.node}, ${times(call)})`;
}

/** One that knows most, of ids that became known with some key, a time or a token. */
export interface Known<By> {
  readonly key: number;
  readonly id: number;
  readonly by: By;
}

/** The newest id known up to any key. */
export class Newest<By> {
  /** Keys and ids both rise: what has a later key and no newer id adds nothing. */
  readonly #stairs: Known<By>[] = [];

  learn(key: number, id: number, by: By): void {
    const at = this.#countUpTo(key);
    if ((this.#stairs[at - 1]?.id ?? 0) >= id) return;
    const from = this.#stairs[at - 1]?.key === key ? at - 1 : at;
    let to = from;
    while ((this.#stairs[to]?.id ?? Number.POSITIVE_INFINITY) <= id) to++;
    this.#stairs.splice(from, to - from, { key, id, by });
  }
  upTo(key: number): Known<By> | undefined {
    return this.#stairs[this.#countUpTo(key) - 1];
  }
  before(key: number): Known<By> | undefined {
    let at = this.#countUpTo(key) - 1;
    if (this.#stairs[at]?.key === key) at--;
    return this.#stairs[at];
  }

  #countUpTo(key: number): number {
    let low = 0;
    let high = this.#stairs.length;
    // Mostly the newest is asked for.
    if (high > 0 && (this.#stairs[high - 1]?.key as number) <= key) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#stairs[middle]?.key as number) <= key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function newestOf<By>(...known: readonly (Known<By> | undefined)[]): Known<By> | undefined {
  let newest: Known<By> | undefined;
  for (const each of known) if (each !== undefined && each.id > (newest?.id ?? 0)) newest = each;
  return newest;
}
