/**
 * Checkers over session tokens. Numbers: see checkers.ts.
 *
 * A call is bound by a token only if it sends one, and then by what was learnt with tokens no higher than that one: whoever
 * sends an older token asks for less. What a client has learnt follows from its earlier records and from what it was told.
 */
import { type Facts, firstIdOf, type Known, Newest, named, newestOf, reachOf } from './facts.ts';
import type { Append, List, Told } from './history.ts';

type Source = Append | List | Told;

/** The newest ids by the token that stands for them. */
interface Memory {
  readonly shown: Newest<Source>;
  readonly written: Newest<Source>;
  readonly told: Newest<Source>;
}
type Part = keyof Memory;

interface BoundCall {
  readonly call: Append | List;
  readonly token: number;
  readonly knew: Readonly<Record<Part, Known<Source> | undefined>>;
}

function learn(facts: Facts, { shown, written }: Memory, call: Append | List): void {
  const { tokenAfter } = call;
  if (tokenAfter === undefined) return;
  if (call.kind === 'append') {
    const firstId = call.outcome.kind === 'done' ? firstIdOf(facts, call) : undefined;
    if (firstId !== undefined) written.learn(tokenAfter, firstId + call.texts.length - 1, call);
    return;
  }
  const newest = call.shown.at(-1);
  if (newest === undefined) return;
  // The token of a tail came before its messages: their own times stand for them.
  shown.learn(call.kind === 'tail' ? Math.max(tokenAfter, newest.lamport) : tokenAfter, newest.id, call);
}

/** The calls that sent a token, and what it stood for. */
function* boundCalls(facts: Facts): Generator<BoundCall> {
  const memories = new Map<number, Memory>();
  const memoryOf = (client: number): Memory => {
    const memory = memories.get(client) ?? { shown: new Newest(), written: new Newest(), told: new Newest() };
    memories.set(client, memory);
    return memory;
  };
  const recall = ({ shown, written, told }: Memory, token: number): BoundCall['knew'] => ({
    shown: shown.upTo(token),
    written: written.upTo(token),
    told: told.upTo(token),
  });
  for (const event of facts.events) {
    const memory = memoryOf(event.client);
    if (event.kind === 'told') {
      const { shown, written, told } = recall(memoryOf(event.by), event.token);
      const newest = newestOf(shown, written, told);
      if (newest) memory.told.learn(event.token, newest.id, event);
      continue;
    }
    const { token } = event;
    if (token !== undefined) yield { call: event, token, knew: recall(memory, token) };
    learn(facts, memory, event);
  }
}

const sourceOf = ({ by }: Known<Source>): string =>
  by.kind === 'told' ? `client ${by.by}, who told it at ${by.at.toFixed(1)} ms` : named(by);

/** Complete reads with a token that end before a message that their client knew from there. */
function forgetful(facts: Facts, part: Part): string[] {
  const wrong: string[] = [];
  for (const { call, token, knew } of boundCalls(facts)) {
    const known = knew[part];
    if (call.kind !== 'read' || !call.complete || known === undefined) continue;
    const reach = reachOf(call);
    if (reach < known.id)
      wrong.push(
        `${named(call)} with token ${token} ends at ${reach}; its client knew ${known.id} from ${sourceOf(known)}`,
      );
  }
  return wrong;
}

/** H13 */
export const nonMonotonicReads = (facts: Facts): string[] => forgetful(facts, 'shown');
/** H14 */
export const unreadWrites = (facts: Facts): string[] => forgetful(facts, 'written');
/** H15 */
export const causalDisorder = (facts: Facts): string[] => forgetful(facts, 'told');

/** H16 */
export function writesBeforeReads(facts: Facts): string[] {
  const wrong: string[] = [];
  const { byText, log, writerOf } = facts;
  for (const message of log) {
    const { id, text, seen } = message;
    // Where it stands for the second time, it is not in its batch.
    const batch = byText.get(text) === message ? writerOf.get(text) : undefined;
    const firstId = byText.get(batch?.texts[0] ?? '')?.id ?? id;
    if (seen < 0 || seen >= Math.min(id, firstId)) wrong.push(`message ${id} (${text}) had seen ${seen}`);
  }
  for (const { call, knew } of boundCalls(facts)) {
    if (call.kind !== 'append') continue;
    const firstId = firstIdOf(facts, call);
    const known = newestOf(knew.shown, knew.written, knew.told);
    if (firstId === undefined || known === undefined) continue;
    const seen = byText.get(call.texts[0] ?? '')?.seen ?? known.id;
    if (firstId > known.id && seen >= known.id) continue;
    wrong.push(
      `${named(call)} is message ${firstId} and had seen ${seen}; its client knew ${known.id} from ${sourceOf(known)}`,
    );
  }
  return wrong;
}

/** The newest Lamport time that an answer must cover. */
function newestLamportIn(call: Append | List): number {
  if (call.kind === 'tail') return 0;
  if (call.kind === 'read') return call.shown.at(-1)?.lamport ?? 0;
  return call.outcome.kind === 'done' ? call.outcome.firstLamport + call.texts.length - 1 : 0;
}

/** The highest token that may be answered, where the answer itself tells: the read point of a limited read is not known. */
function highestToken({ byId }: Facts, call: Append | List): number {
  const token = call.token ?? 0;
  if (call.kind === 'append') return Math.max(token, newestLamportIn(call));
  if (call.kind === 'tail' || !call.complete) return Number.POSITIVE_INFINITY;
  const reach = reachOf(call);
  const end = call.shown.at(-1)?.id === reach ? call.shown.at(-1) : byId.get(reach);
  return end === undefined ? Number.POSITIVE_INFINITY : Math.max(token, end.lamport);
}

/** H19 */
export function dishonestTokens(facts: Facts): string[] {
  const wrong: string[] = [];
  const writtenAt = new Map(facts.log.map(({ lamport, text }) => [lamport, facts.writerOf.get(text)?.beganAt ?? 0]));
  for (const call of facts.events) {
    if (call.kind === 'told' || call.tokenAfter === undefined) continue;
    const { token = 0, tokenAfter } = call;
    const newest = newestLamportIn(call);
    const highest = highestToken(facts, call);
    let why: string | undefined;
    if (tokenAfter < token) why = `${token} was sent`;
    else if (tokenAfter < newest) why = `it has a message of Lamport time ${newest}`;
    else if (tokenAfter > highest) why = `it has nothing above ${highest}`;
    else if (tokenAfter > token && tokenAfter > newest) {
      const beganAt = writtenAt.get(tokenAfter);
      if (beganAt === undefined) why = 'no message has that Lamport time';
      else if (beganAt > call.endedAt) why = 'the message of that Lamport time was not written yet';
    }
    if (why) wrong.push(`the answer has token ${tokenAfter}, and ${why}: ${named(call)}`);
  }
  return wrong;
}

/** H20 */
export function brokenTokens(facts: Facts): string[] {
  const wrong: string[] = [];
  const { log, byText } = facts;
  const upTo = new Newest<null>();
  for (const { lamport, id } of log) upTo.learn(lamport, id, null);
  for (const call of facts.events) {
    if (call.kind === 'told' || call.kind === 'tail' || call.token === undefined) continue;
    const asked = upTo.upTo(call.token)?.id ?? 0;
    const message = call.kind === 'append' ? byText.get(call.texts[0] ?? '') : undefined;
    if (call.kind === 'read' && call.complete && reachOf(call) < asked)
      wrong.push(`${named(call)} ends at ${reachOf(call)}; token ${call.token} asks for ${asked}`);
    if (message && (message.id <= asked || message.seen < asked))
      wrong.push(
        `${named(call)} is message ${message.id} and had seen ${message.seen}; token ${call.token} asks for ${asked}`,
      );
  }
  return wrong;
}
