/** One right history with all kinds of events, builders for more of them, and a way to change one thing in it. */
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { judge } from './checkers.ts';
import type { Append, Event, FinalLogs, Outcome, Read, ShownMessage, Tail, Violation } from './history.ts';

export const message = (id: number, text: string, more: Partial<ShownMessage> = {}): ShownMessage => ({
  id,
  text,
  lamport: id * 10,
  origin: 1,
  seen: id - 1,
  ...more,
});
export const done = (firstId: number, firstLamport = firstId * 10): Outcome & { readonly kind: 'done' } => ({
  kind: 'done',
  firstId,
  firstLamport,
});
export const notDone: Outcome = { kind: 'not_done', code: 'NO_LEADER' };
export const unknown: Outcome = { kind: 'unknown', code: 'OUTCOME_UNKNOWN' };

export type Span = readonly [beganAt: number, endedAt: number];
export const append = (client: number, [beganAt, endedAt]: Span, texts: string, more: Partial<Append>): Append => ({
  kind: 'append',
  client,
  node: 1,
  beganAt,
  endedAt,
  texts: texts.split(' '),
  outcome: unknown,
  ...more,
});
export const read = (
  client: number,
  [beganAt, endedAt]: Span,
  shown: readonly ShownMessage[],
  more: Partial<Read>,
): Read => ({
  kind: 'read',
  client,
  node: 2,
  beganAt,
  endedAt,
  linearizable: false,
  afterId: 0,
  shown,
  complete: true,
  ...more,
});

export const [a, b, c, d, f] = [
  message(1, 'a'),
  message(2, 'b', { seen: 1 }),
  message(3, 'c', { seen: 1, lamport: 21 }),
  message(4, 'd', { lamport: 30, seen: 0 }),
  message(5, 'f', { lamport: 40 }),
] as const;
export const log = [a, b, c, d, f];

/** Right in all respects, with all kinds of events; texts a to f, and each other event by a name of its own. */
export const calls = {
  a: append(1, [0, 5], 'a', { outcome: done(1), tokenAfter: 10 }),
  refused: append(2, [7, 8], 'refused', { outcome: notDone }),
  bc: append(1, [6, 9], 'b c', { outcome: done(2), key: 'k', repeats: [done(2)], token: 10, tokenAfter: 21 }),
  d: append(2, [10, 20], 'd', {}),
  e: append(2, [20, 21], 'e', {}),
  less: read(3, [22, 23], [a], { tokenAfter: 10 }),
  linearizable: read(3, [24, 25], [a, b, c, d], { linearizable: true, tokenAfter: 30 }),
  told: { kind: 'told', client: 4, by: 3, at: 26, token: 30 } as const,
  heard: read(4, [27, 28], [d], { afterId: 3, token: 30, tokenAfter: 30 }),
  f: append(4, [29, 30], 'f', { outcome: done(5, 40), token: 30, tokenAfter: 40 }),
  own: read(4, [31, 32], [d, f], { afterId: 3, token: 40, tokenAfter: 40 }),
  limited: read(4, [33, 34], [a], { complete: false, token: 40, tokenAfter: 40 }),
  tail: {
    kind: 'tail',
    client: 5,
    node: 3,
    beganAt: 5,
    endedAt: 35,
    afterId: 2,
    shown: [c, d, f],
    tokenAfter: 10,
  } satisfies Tail as Tail,
  afterTail: read(5, [35, 36], [f], { afterId: 4, token: 40, tokenAfter: 40 }),
  empty: read(1, [37, 38], [], { afterId: 5, linearizable: true, token: 21, tokenAfter: 21 }),
};
export type Calls = typeof calls;

export interface Change {
  /** Instead of the event of that name. */
  readonly calls?: { readonly [Name in keyof Calls]?: Partial<Calls[Name]> };
  readonly more?: readonly Event[];
  readonly without?: readonly (keyof Calls)[];
  readonly log?: readonly ShownMessage[];
  /** Of the third node. */
  readonly otherLog?: readonly ShownMessage[];
}

export function violationsIn(change: Change): readonly Violation[] {
  const names = (Object.keys(calls) as (keyof Calls)[]).filter((name) => !change.without?.includes(name));
  const events = names.map((name) => ({ ...calls[name], ...change.calls?.[name] }) as Event);
  const all = change.log ?? log;
  const logs: FinalLogs = new Map([
    [1, all],
    [2, all],
    [3, change.otherLog ?? all],
  ]);
  return judge({ events: [...events, ...(change.more ?? [])], faults: [] }, logs);
}
export const found = (change: Change): string[] => [...new Set(violationsIn(change).map(({ invariant }) => invariant))];

export const replaced = (id: number, more: Partial<ShownMessage>): ShownMessage[] =>
  log.map((each) => (each.id === id ? { ...each, ...more } : each));

/** Of texts that are not in the right history, but for e, whose outcome is unknown. */
export const e = message(6, 'e', { lamport: 60 });
export const g6 = message(6, 'g', { lamport: 60, seen: 0 });
export const h7 = message(7, 'h', { lamport: 70, seen: 0 });
export const pair = append(6, [40, 41], 'g h', {});

/** Tests of a suite: a change, and which invariants it breaks, or none. */
export const about = (
  checkers: Test,
): {
  finds(what: string, change: Change, expected: string): void;
  letsBe(what: string, change: Change): void;
} => ({
  finds: (what, change, expected) => {
    checkers(`find ${what}`, () => {
      assert.is(found(change).join(' '), expected, JSON.stringify(violationsIn(change), null, 1));
    });
  },
  letsBe: (what, change) => {
    checkers(`let be ${what}`, () => {
      assert.equal(violationsIn(change), []);
    });
  },
});
