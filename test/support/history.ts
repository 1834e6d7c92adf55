/**
 * Checkers over what clients saw and what the nodes hold in the end. Pure; each returns what is wrong, in words.
 *
 * They share no code with the log: an operation is what a client knows of one write, a message is what a node answers.
 * Every text is written once, so a text names its operation. `history.test.ts` breaks a history for each checker.
 */

export type Outcome =
  | { readonly kind: 'done'; readonly id: number; readonly lamport: number }
  /** The node said that the write is certainly not in the log. */
  | { readonly kind: 'not_done'; readonly code: string }
  /** The node said so, or the connection ended before the answer. */
  | { readonly kind: 'unknown'; readonly code: string };

export interface Operation {
  readonly text: string;
  /** The node that was asked. */
  readonly node: number;
  /** Milliseconds of one clock: before the first byte of the request, after the last of the answer. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
}

/** A message as `GET /messages` shows it. */
export interface LoggedMessage {
  readonly id: number;
  readonly content: string;
  readonly lamport_timestamp: number;
  readonly node_id: number;
  readonly seen: number;
}

/** A linearizable read that was answered: the newest id that it showed, 0 for none. */
export interface ReadOperation {
  readonly node: number;
  readonly beganAt: number;
  readonly shownId: number;
}

export interface DoneOperation extends Operation {
  readonly outcome: Extract<Outcome, { kind: 'done' }>;
}

const isDone = (operation: Operation): operation is DoneOperation => operation.outcome.kind === 'done';
export const doneOf = (operations: readonly Operation[]): DoneOperation[] => operations.filter(isDone);

const byText = (log: readonly LoggedMessage[]): Map<string, LoggedMessage> =>
  new Map(log.map((message) => [message.content, message]));

/** Every acknowledged message is there. */
export function lost(operations: readonly Operation[], log: readonly LoggedMessage[]): string[] {
  const found = byText(log);
  return doneOf(operations)
    .filter(({ text }) => !found.has(text))
    .map(({ text, node, outcome }) => `${text} was acknowledged by ${node} as ${outcome.id} and is not in the log`);
}

/** No text stands there twice. */
export function doubled(log: readonly LoggedMessage[]): string[] {
  const first = new Map<string, number>();
  const wrong: string[] = [];
  for (const { id, content } of log) {
    const other = first.get(content);
    if (other === undefined) first.set(content, id);
    else wrong.push(`${content} is message ${other} and message ${id}`);
  }
  return wrong;
}

/** What was refused as certainly not done never shows up. */
export function undead(operations: readonly Operation[], log: readonly LoggedMessage[]): string[] {
  const found = byText(log);
  return operations.flatMap(({ text, node, outcome }) => {
    const message = outcome.kind === 'not_done' ? found.get(text) : undefined;
    return message ? [`${text} was refused by ${node} as not done and is message ${message.id}`] : [];
  });
}

/** Nothing stands there that nobody wrote. */
export function invented(operations: readonly Operation[], log: readonly LoggedMessage[]): string[] {
  const sent = new Set(operations.map(({ text }) => text));
  return log
    .filter(({ content }) => !sent.has(content))
    .map(({ id, content }) => `message ${id} (${content}) is nobody's`);
}

/** Ids are 1, 2, 3, … */
export function gapsInIds(log: readonly LoggedMessage[]): string[] {
  return log.flatMap(({ id }, i) => (id === i + 1 ? [] : [`place ${i + 1} has id ${id}`]));
}

/** Lamport times rise strictly along the log. */
export function lamportDisorder(log: readonly LoggedMessage[]): string[] {
  return log.flatMap(({ id, lamport_timestamp: lamport }, i) => {
    const before = log[i - 1]?.lamport_timestamp ?? 0;
    return lamport > before ? [] : [`message ${id} has Lamport time ${lamport}, the one before it ${before}`];
  });
}

/** Nobody had seen a message that did not exist yet. */
export function seenAhead(log: readonly LoggedMessage[]): string[] {
  return log.filter(({ id, seen }) => seen >= id || seen < 0).map(({ id, seen }) => `message ${id} had seen ${seen}`);
}

/** What was answered is what the log says. */
export function wrongAnswers(operations: readonly Operation[], log: readonly LoggedMessage[]): string[] {
  const found = byText(log);
  return doneOf(operations).flatMap(({ text, node, outcome }) => {
    const message = found.get(text);
    if (!message || (message.id === outcome.id && message.lamport_timestamp === outcome.lamport)) return [];
    const { id, lamport_timestamp: lamport } = message;
    return [`${text}: ${node} answered id ${outcome.id} at ${outcome.lamport}; the log has ${id} at ${lamport}`];
  });
}

/** The highest acknowledged id at any time, for questions in rising order of time. */
function acknowledgedBefore(operations: readonly Operation[]): (time: number) => DoneOperation | undefined {
  const ended = doneOf(operations).sort((a, b) => a.endedAt - b.endedAt);
  let highest: DoneOperation | undefined;
  let at = 0;
  return (time) => {
    for (let next = ended[at]; next !== undefined && next.endedAt < time; next = ended[++at]) {
      if (highest === undefined || next.outcome.id > highest.outcome.id) highest = next;
    }
    return highest;
  };
}

/** A write that was acknowledged before another began stands before it. */
export function realTimeDisorder(operations: readonly Operation[]): string[] {
  const before = acknowledgedBefore(operations);
  return doneOf(operations)
    .sort((a, b) => a.beganAt - b.beganAt)
    .flatMap(({ text, beganAt, outcome }) => {
      const earlier = before(beganAt);
      if (earlier === undefined || earlier.outcome.id < outcome.id) return [];
      return [`${text} has id ${outcome.id}; ${earlier.text}, acknowledged before it began, has ${earlier.outcome.id}`];
    });
}

/** A linearizable read shows everything that was acknowledged before it began. */
export function staleReads(operations: readonly Operation[], reads: readonly ReadOperation[]): string[] {
  const before = acknowledgedBefore(operations);
  return [...reads]
    .sort((a, b) => a.beganAt - b.beganAt)
    .flatMap(({ node, beganAt, shownId }) => {
      const newest = before(beganAt)?.outcome.id ?? 0;
      return shownId >= newest ? [] : [`${node} showed messages up to ${shownId} when ${newest} was acknowledged`];
    });
}

/** All nodes answer with the same bytes. */
export function differing(answers: ReadonlyMap<number, Buffer>): string[] {
  const [first, ...others] = answers;
  if (first === undefined) return ['no node answered'];
  return others.flatMap(([node, bytes]) => {
    if (bytes.equals(first[1])) return [];
    let at = 0;
    while (bytes[at] === first[1][at]) at++;
    return [`${node} differs from ${first[0]} at byte ${at} (${bytes.length} and ${first[1].length} bytes)`];
  });
}

/** A node's answer as messages. */
export const messagesIn = (ndjson: Buffer): LoggedMessage[] =>
  ndjson
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LoggedMessage);

/** Everything at once, a few of each kind. `answers` are NDJSON, by node. */
export function faultsOf(operations: readonly Operation[], answers: ReadonlyMap<number, Buffer>): string[] {
  const log = messagesIn(answers.values().next().value ?? Buffer.alloc(0));
  const kinds = [
    differing(answers),
    lost(operations, log),
    doubled(log),
    undead(operations, log),
    invented(operations, log),
    gapsInIds(log),
    lamportDisorder(log),
    seenAhead(log),
    wrongAnswers(operations, log),
    realTimeDisorder(operations),
  ];
  return kinds.flatMap((faults) =>
    faults.length > 3 ? [...faults.slice(0, 3), `… and ${faults.length - 3} more like it`] : faults,
  );
}

export interface Gap {
  readonly ms: number;
  /** When it began: the last acknowledgement before it, or `from`. */
  readonly at: number;
}

/** The longest time in [from, to] without an acknowledgement. */
export function longestGap(operations: readonly Operation[], from: number, to: number): Gap {
  const times = doneOf(operations)
    .map(({ endedAt }) => endedAt)
    .filter((time) => time >= from && time <= to)
    .sort((a, b) => a - b);
  let longest: Gap = { ms: 0, at: from };
  let last = from;
  for (const time of [...times, to]) {
    if (time - last > longest.ms) longest = { ms: time - last, at: last };
    last = time;
  }
  return longest;
}
