/** Checkers over the final logs, the answers to appends, and the messages that were shown. Numbers: see checkers.ts. */
import { type Facts, isDone, named, type Strange } from './facts.ts';
import type { Append, List, ShownMessage } from './history.ts';

const inWords = (message: ShownMessage): string =>
  `message ${message.id} (${message.text}, Lamport time ${message.lamport}, origin ${message.origin}, seen ${message.seen})`;
const whose = (by: Strange['by']): string => (typeof by === 'number' ? `the log of node ${by}` : named(by));

/** H1 */
export function lost({ appends, byText }: Facts): string[] {
  return appends
    .filter(isDone)
    .flatMap((append) =>
      append.texts
        .filter((text) => !byText.has(text))
        .map((text) => `${text} was acknowledged as ${append.outcome.firstId} and is not in the log: ${named(append)}`),
    );
}

/** H2 */
export function duplicates({ appends, log, byText }: Facts): string[] {
  const wrong: string[] = [];
  for (const { id, text } of log) {
    const first = byText.get(text)?.id;
    if (first !== id) wrong.push(`${text} is message ${first} and message ${id}`);
  }
  for (const append of appends) {
    const { outcome, repeats = [] } = append;
    const ids = new Set([outcome, ...repeats].flatMap((each) => (each.kind === 'done' ? [each.firstId] : [])));
    if (ids.size > 1)
      wrong.push(`tries with key ${append.key} were answered ${[...ids].join(' and ')}: ${named(append)}`);
  }
  return wrong;
}

/** H3 */
export function abortedReads({ appends, lists, byText, writerOf, strange }: Facts): string[] {
  const wrong: string[] = [];
  for (const { message, by } of strange) {
    if (typeof by === 'number' || byText.has(message.text) || !writerOf.has(message.text)) continue;
    wrong.push(`message ${message.id} (${message.text}) is not in the final log, and was shown by ${named(by)}`);
  }
  const undone = new Set(appends.flatMap(({ outcome, texts }) => (outcome.kind === 'not_done' ? texts : [])));
  const undoneInLog = [...undone].some((text) => byText.has(text));
  for (const list of undoneInLog ? lists : [])
    for (const { id, text } of list.shown)
      if (undone.has(text) && byText.has(text))
        wrong.push(`message ${id} (${text}) was refused as not done, and was shown by ${named(list)}`);
  return wrong;
}

/** H4 */
export function phantoms({ lists, log, writerOf, strange }: Facts): string[] {
  const wrong = log
    .filter(({ text }) => !writerOf.has(text))
    .map(({ id, text }) => `message ${id} (${text}) is in the log, and nobody wrote it`);
  for (const { message, by } of strange)
    if (!writerOf.has(message.text)) wrong.push(`${whose(by)} has ${inWords(message)}, which nobody wrote`);
  // The youngest of the log up to each id: few lists end before all of theirs was begun.
  const bornAt = new Map<number, number>();
  const youngest = new Map<number, number>();
  let latest = 0;
  for (const { id, text } of log) {
    const beganAt = writerOf.get(text)?.beganAt ?? 0;
    latest = Math.max(latest, beganAt);
    bornAt.set(id, beganAt);
    youngest.set(id, latest);
  }
  for (const list of lists) {
    if ((youngest.get(list.shown.at(-1)?.id ?? 0) ?? 0) <= list.endedAt) continue;
    for (const { id, text } of list.shown)
      if ((bornAt.get(id) ?? 0) > list.endedAt)
        wrong.push(`${text} was shown before it was written, by ${named(list)}`);
  }
  return wrong;
}

/** Whatever says that a text has an id. */
interface Sighting {
  readonly id: number;
  readonly text: string;
  readonly lamport: number;
  readonly origin?: number;
  readonly seen?: number;
  readonly by: Strange['by'] | Append;
}

function* sightings({ appends, log, logOf, strange }: Facts): Generator<Sighting> {
  for (const message of log) yield { ...message, by: logOf ?? 0 };
  for (const { message, by } of strange) yield { ...message, by };
  for (const append of appends) {
    for (const answer of [append.outcome, ...(append.repeats ?? [])]) {
      if (answer.kind !== 'done') continue;
      for (const [i, text] of append.texts.entries())
        yield { id: answer.firstId + i, text, lamport: answer.firstLamport + i, by: append };
    }
  }
}

/** H5 */
export function inconsistencies(facts: Facts): string[] {
  const wrong: string[] = [];
  const byId = new Map<number, Sighting>();
  const idOf = new Map<string, number>();
  const source = (by: Sighting['by']): string =>
    typeof by === 'object' && by.kind === 'append' ? `the answer to ${named(by)}` : whose(by);
  for (const sighting of sightings(facts)) {
    const { id, text, by } = sighting;
    const first = byId.get(id);
    if (first === undefined) byId.set(id, sighting);
    else
      for (const what of ['text', 'lamport', 'origin', 'seen'] as const) {
        const [here, there] = [sighting[what], first[what]];
        if (here === undefined || there === undefined || here === there) continue;
        wrong.push(`message ${id} has ${what} ${there} in ${source(first.by)}, and ${here} in ${source(by)}`);
      }
    const otherId = idOf.get(text);
    if (otherId === undefined) idOf.set(text, id);
    else if (otherId !== id) wrong.push(`${text} is message ${otherId}, and message ${id} in ${source(by)}`);
  }
  return wrong;
}

/** H6 */
export function differingLogs({ logs, logOf, log, strange }: Facts): string[] {
  if (logOf === undefined) return ['no node showed its log'];
  const wrong: string[] = [];
  const strangeIn = new Map<number, ShownMessage>();
  for (const { message, by } of strange) if (typeof by === 'number' && !strangeIn.has(by)) strangeIn.set(by, message);
  for (const [node, other] of logs) {
    const odd = strangeIn.get(node);
    if (odd) wrong.push(`node ${node} has ${inWords(odd)}, node ${logOf} has not`);
    else if (other.length < log.length)
      wrong.push(`node ${node} has ${other.length} messages, node ${logOf} ${log.length}`);
    else {
      const place = other.findIndex(({ id }, i) => id !== log[i]?.id);
      if (place >= 0) wrong.push(`nodes ${node} and ${logOf} have place ${place + 1} in another order`);
    }
  }
  return wrong;
}

/** H7 */
export function gapsInIds({ log }: Facts): string[] {
  return log.flatMap(({ id }, i) => (id === i + 1 ? [] : [`place ${i + 1} has id ${id}`]));
}

/** H8 */
export function tornBatches({ appends, byText }: Facts): string[] {
  const wrong: string[] = [];
  for (const append of appends) {
    if (append.texts.length === 1) continue;
    const found = append.texts.map((text) => byText.get(text));
    const there = found.filter((message) => message !== undefined);
    const [first] = there;
    if (first === undefined) continue;
    const isWhole = found.every(
      (message, i) =>
        message?.id === first.id + i &&
        message.lamport === first.lamport + i &&
        message.origin === first.origin &&
        message.seen === first.seen,
    );
    if (isWhole) continue;
    const ids = found.map((message) => message?.id ?? 'none').join(', ');
    wrong.push(`the texts of one append are messages ${ids}, or not of one origin, time and seen: ${named(append)}`);
  }
  return wrong;
}

function disorderIn(messages: readonly ShownMessage[], where: () => string): string[] {
  const wrong: string[] = [];
  let before = 0;
  for (const { id, lamport } of messages) {
    if (lamport <= before)
      wrong.push(`message ${id} has Lamport time ${lamport}, the one before it ${before}, in ${where()}`);
    before = lamport;
  }
  return wrong;
}

/** H9 */
export function lamportDisorder({ log, lists }: Facts): string[] {
  return [
    ...disorderIn(log, () => 'the log'),
    ...lists.flatMap((list: List) => disorderIn(list.shown, () => named(list))),
  ];
}

/** H10 */
export function wrongAnswers({ appends, byText }: Facts): string[] {
  const wrong: string[] = [];
  for (const append of appends) {
    const answers = [append.outcome, ...(append.repeats ?? [])].filter((each) => each.kind === 'done');
    for (const { firstId, firstLamport } of answers) {
      for (const [i, text] of append.texts.entries()) {
        const message = byText.get(text);
        if (!message || (message.id === firstId + i && message.lamport === firstLamport + i)) continue;
        const { id, lamport } = message;
        wrong.push(
          `${text} was answered as ${firstId + i} at ${firstLamport + i}, the log has ${id} at ${lamport}: ${named(append)}`,
        );
      }
    }
    // Without a key there was one try only.
    const origin = isDone(append) && append.key === undefined ? byText.get(append.texts[0] ?? '')?.origin : undefined;
    if (origin !== undefined && origin !== append.node)
      wrong.push(`the log says that node ${origin} took ${named(append)}`);
  }
  return wrong;
}

/** H18 */
export function dishonestOutcomes({ appends, byText }: Facts): string[] {
  return appends.flatMap((append) => {
    const { outcome, texts } = append;
    if (outcome.kind !== 'not_done') return [];
    return texts.flatMap((text) => {
      const message = byText.get(text);
      return message ? [`${text} was refused (${outcome.code}) and is message ${message.id}: ${named(append)}`] : [];
    });
  });
}
