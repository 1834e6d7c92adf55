/** Each checker finds what it is for, in a history that is right but for one thing, and lets be what only looks wrong. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { factsOf, invariants, judge, longestGap, unavailability } from './checkers.ts';
import type { Append, Event, FaultWindow, FinalLogs, Outcome, Read, ShownMessage, Tail } from './history.ts';

const Checkers = suite('history checkers');
const Availability = suite('unavailability');

const message = (id: number, text: string, more: Partial<ShownMessage> = {}): ShownMessage => ({
  id,
  text,
  lamport: id * 10,
  origin: 1,
  seen: id - 1,
  ...more,
});
const done = (firstId: number, firstLamport = firstId * 10): Outcome & { readonly kind: 'done' } => ({
  kind: 'done',
  firstId,
  firstLamport,
});
const notDone: Outcome = { kind: 'not_done', code: 'NO_LEADER' };
const unknown: Outcome = { kind: 'unknown', code: 'OUTCOME_UNKNOWN' };

type Span = readonly [beganAt: number, endedAt: number];
const append = (client: number, [beganAt, endedAt]: Span, texts: string, more: Partial<Append>): Append => ({
  kind: 'append',
  client,
  node: 1,
  beganAt,
  endedAt,
  texts: texts.split(' '),
  outcome: unknown,
  ...more,
});
const read = (client: number, [beganAt, endedAt]: Span, shown: readonly ShownMessage[], more: Partial<Read>): Read => ({
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

const [a, b, c, d, f] = [
  message(1, 'a'),
  message(2, 'b', { seen: 1 }),
  message(3, 'c', { seen: 1, lamport: 21 }),
  message(4, 'd', { lamport: 30, seen: 0 }),
  message(5, 'f', { lamport: 40 }),
] as const;
const log = [a, b, c, d, f];

/** Right in all respects, with all kinds of events; texts a to f, and each other event by a name of its own. */
const calls = {
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
type Calls = typeof calls;

interface Change {
  /** Instead of the event of that name. */
  readonly calls?: { readonly [Name in keyof Calls]?: Partial<Calls[Name]> };
  readonly more?: readonly Event[];
  readonly without?: readonly (keyof Calls)[];
  readonly log?: readonly ShownMessage[];
  /** Of the third node. */
  readonly otherLog?: readonly ShownMessage[];
}

function violationsIn(change: Change): ReturnType<typeof judge> {
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
const found = (change: Change): string[] => [...new Set(violationsIn(change).map(({ invariant }) => invariant))];

const finds = (what: string, change: Change, expected: string): void =>
  Checkers(`find ${what}`, () => {
    assert.is(found(change).join(' '), expected, JSON.stringify(violationsIn(change), null, 1));
  });
const letsBe = (what: string, change: Change): void =>
  Checkers(`let be ${what}`, () => {
    assert.equal(violationsIn(change), []);
  });
const replaced = (id: number, more: Partial<ShownMessage>): ShownMessage[] =>
  log.map((each) => (each.id === id ? { ...each, ...more } : each));

Checkers('find nothing wrong with a right history', () => {
  assert.equal(violationsIn({}), []);
});

// ---------------------------------------------------------------------------------------------- logs and answers

const g = append(6, [40, 41], 'g', { outcome: done(6, 60) });
finds('H1 an acknowledged message that is not there', { more: [g] }, 'H1');
finds('H1 an acknowledged batch that is not there', { more: [append(6, [40, 41], 'g h', { outcome: done(6) })] }, 'H1');
finds('H2 a message that stands there twice', { log: [...log, message(6, 'd', { lamport: 60 })] }, 'H2 H5');
finds('H2 two answers to one key', { calls: { bc: { repeats: [done(3)] } } }, 'H2 H5 H10');
letsBe('H2 the same answer to several tries', { calls: { bc: { repeats: [done(2), done(2), done(2)] } } });

const e = message(6, 'e', { lamport: 60 });
const late = read(6, [40, 41], [e], { afterId: 5 });
finds('H3 a message that was shown and is not in the end', { more: [late] }, 'H3');
letsBe('H3 an unknown write that was shown and is there', { more: [late], log: [...log, e] });
letsBe('H3 an unknown write that shows up in the end', { log: [...log, e] });
const refused = message(6, 'refused', { lamport: 60 });
finds('H3 a refused message that was shown', { more: [read(6, [40, 41], [refused], { afterId: 5 })] }, 'H3');
finds(
  'H3 and H18 a refused message that was shown and is there',
  { more: [read(6, [40, 41], [refused], { afterId: 5 })], log: [...log, refused] },
  'H3 H18',
);
finds('H18 a refused message that is there', { log: [...log, refused] }, 'H18');

finds('H4 a message that nobody wrote', { log: [...log, message(6, 'x', { lamport: 60 })] }, 'H4');
finds(
  'H4 a message that nobody wrote, shown only',
  { more: [read(6, [40, 41], [message(6, 'x', { lamport: 60 })], { afterId: 5 })] },
  'H4',
);
finds('H4 a message that was shown before it was written', { calls: { tail: { endedAt: 28 } } }, 'H4 H11');

for (const [what, other] of Object.entries({ lamport: 11, origin: 2, seen: -1 }))
  finds(
    `H5 a read that shows another ${what}`,
    { calls: { less: { shown: [{ ...a, [what]: other }] } } },
    what === 'lamport' ? 'H5 H19' : 'H5',
  );
finds('H5 a read that shows another text', { calls: { heard: { shown: [{ ...d, text: 'e' }] } } }, 'H3 H5');
finds(
  'H5 two reads that show different texts under an id that the log does not have',
  { more: [late, read(7, [40, 41], [{ ...e, text: 'y' }], { afterId: 5 })] },
  'H3 H4 H5',
);
finds('H5 a tail that shows a text under another id', { calls: { tail: { shown: [c, { ...f, id: 4 }] } } }, 'H5');

finds('H6 a node that has less', { otherLog: log.slice(0, 4) }, 'H6');
finds('H6 a node that has something else', { otherLog: replaced(4, { origin: 2 }) }, 'H5 H6');
finds('H6 a node that has another order', { otherLog: [a, b, c, f, d] }, 'H6');
Checkers('find H6 that no node shows its log', () => {
  assert.ok(judge({ events: [], faults: [] }, new Map()).some(({ invariant }) => invariant === 'H6'));
});

finds('H7 a gap', { log: [...log, { ...e, id: 7, seen: 5 }] }, 'H7');
finds(
  'H7 a log that does not begin with 1',
  { log: [{ ...e, id: 2, seen: 0 }], without: Object.keys(calls).filter((name) => name !== 'e') as (keyof Calls)[] },
  'H7',
);

const pair = append(6, [40, 41], 'g h', {});
finds('H8 half a batch', { more: [pair], log: [...log, message(6, 'g')] }, 'H8');
finds(
  'H8 a batch in another order',
  { more: [pair], log: [...log, message(6, 'h'), message(7, 'g', { seen: 5, lamport: 61 })] },
  'H8',
);
finds(
  'H8 a batch with something in between',
  { more: [pair], log: [...log, message(6, 'g'), message(7, 'e', { seen: 0 }), message(8, 'h', { seen: 5 })] },
  'H8',
);
finds(
  'H8 a batch whose texts do not have the same seen',
  { more: [pair], log: [...log, message(6, 'g'), message(7, 'h', { lamport: 61, seen: 4 })] },
  'H8',
);
letsBe('H8 a whole batch of unknown outcome', {
  more: [pair],
  log: [...log, message(6, 'g'), message(7, 'h', { lamport: 61, seen: 5 })],
});

finds('H9 a Lamport time that stands still in the log', { log: [...log, { ...e, lamport: 40 }] }, 'H9 H20');
finds('H9 a Lamport time that falls in a list', { calls: { tail: { shown: [c, { ...d, lamport: 5 }, f] } } }, 'H5 H9');

finds('H10 an answer with another id', { calls: { f: { outcome: done(6, 40) } } }, 'H5 H10');
finds('H10 an answer with another Lamport time', { calls: { f: { outcome: done(5, 39) } } }, 'H5 H10 H19');
finds('H10 an answer by a node that did not take it', { calls: { f: { node: 2 } } }, 'H10');
letsBe('H10 an answer to a key by another node', { calls: { bc: { node: 2 } } });

// -------------------------------------------------------------------------------------------------------- order

const g6 = message(6, 'g', { lamport: 60, seen: 0 });
const h7 = message(7, 'h', { lamport: 70, seen: 0 });
const later = (beganAt: number): Change => ({
  more: [append(6, [40, 45], 'h', { outcome: done(7) }), append(7, [beganAt, 50], 'g', { outcome: done(6) })],
  log: [...log, g6, h7],
});
finds('H11 an append before one that was acknowledged before it began', later(46), 'H11');
letsBe('H11 an append before one that was acknowledged when it began', later(45));
finds(
  'H11 an unknown append before one that was acknowledged before it began',
  { ...later(46), more: [later(46).more?.[0] as Event, append(7, [46, 50], 'g', {})] },
  'H11',
);
finds(
  'H11 an append before an unknown one that was shown before it began',
  {
    more: [append(6, [40, 44], 'h', {}), read(8, [41, 45], [h7], { afterId: 6 }), append(7, [46, 50], 'g', {})],
    log: [...log, g6, h7],
  },
  'H11',
);
finds(
  "H11 a client's append before its last one, at the same instant",
  {
    more: [append(6, [40, 40], 'h', { outcome: done(7) }), append(6, [40, 40], 'g', { outcome: done(6) })],
    log: [...log, g6, h7],
  },
  'H11',
);

const linear = (more: Partial<Read>, shown: readonly ShownMessage[], beganAt = 31): Change => ({
  more: [read(6, [beganAt, 50], shown, { linearizable: true, ...more })],
});
finds('H12 a linearizable read without what was acknowledged', linear({}, [a, b, c, d]), 'H12');
finds('H12 a linearizable read that shows nothing', linear({ afterId: 4 }, []), 'H12');
finds('H12 a linearizable read of nothing at all', linear({}, []), 'H12');
letsBe('H12 a linearizable read without what was acknowledged while it ran', linear({}, [a, b, c, d], 30));
letsBe('H12 a linearizable read that a limit cut', linear({ complete: false }, [a]));
letsBe('H12 a linearizable read that asks for more than there is', linear({ afterId: 5 }, []));
letsBe('H12 a plain read that shows less', { more: [read(6, [39, 40], [a], {})] });
finds(
  'H12 a linearizable read without what another had shown',
  {
    ...linear({ afterId: 5 }, [], 45),
    log: [...log, e],
    calls: { tail: { endedAt: 44, shown: [c, d, f, e] }, afterTail: { client: 9, shown: [f] } },
  },
  'H12',
);
finds(
  'H12 a linearizable read without what a plain read had shown',
  { more: [late, ...(linear({ afterId: 5 }, [], 45).more ?? [])], log: [...log, e] },
  'H12',
);
letsBe('H12 a linearizable read without an unknown write that nobody was shown', {
  ...linear({ afterId: 5 }, [], 45),
  log: [...log, e],
});

// ----------------------------------------------------------------------------------------------------- sessions

const shownThen = (token: number | undefined, shown: readonly ShownMessage[], more: Partial<Read> = {}): Change => ({
  more: [
    read(6, [40, 41], log, { tokenAfter: 40 }),
    read(6, [42, 43], shown, { ...(token !== undefined && { token, tokenAfter: token }), ...more }),
  ],
});
finds('H13 a read with a token without what its client was shown', shownThen(40, [a, b, c, d]), 'H13 H20');
finds('H13 the same after a tail', { calls: { afterTail: { shown: [], afterId: 4 } } }, 'H13 H20');
finds('H13 an empty read with a token', shownThen(40, [], { afterId: 3 }), 'H13 H20');
letsBe('H13 a read with an older token', shownThen(30, [a, b, c, d]));
letsBe('H13 a read without a token', shownThen(undefined, [a, b, c, d]));
letsBe('H13 a read that a limit cut', shownThen(40, [a, b], { complete: false }));
letsBe('H13 a read of what is behind all', shownThen(40, [], { afterId: 5 }));

const wrote = (token: number | undefined, shown: readonly ShownMessage[]): Change => ({
  calls: { own: { shown, afterId: 0, token, tokenAfter: token } as Partial<Read> },
  without: ['told'],
});
finds('H14 a read with a token without what its client wrote', wrote(40, [a, b, c, d]), 'H14 H20');
letsBe('H14 a read without a token without what its client wrote', wrote(undefined, [a, b, c, d]));

const hears = (token: number | undefined, shown: readonly ShownMessage[]): Change => ({
  calls: { heard: { shown, afterId: 0, token, tokenAfter: token } as Partial<Read> },
});
finds('H15 a read with a token that was told, without what its teller knew', hears(30, [a, b, c]), 'H15 H20');
letsBe('H15 a read without the token that was told', hears(undefined, [a, b, c]));
letsBe('H15 a read with an older token than was told', hears(29, [a, b, c]));
finds(
  'H15 a read with a token that was told on',
  {
    more: [
      { kind: 'told', client: 7, by: 4, at: 40, token: 40 },
      { kind: 'told', client: 8, by: 7, at: 41, token: 40 },
      read(8, [42, 43], [a, b, c, d], { token: 40, tokenAfter: 40 }),
    ],
  },
  'H15 H20',
);
letsBe('H15 a read of one who was told an older token', {
  more: [
    { kind: 'told', client: 7, by: 4, at: 40, token: 30 },
    read(7, [42, 43], [a, b, c, d], { token: 30, tokenAfter: 30 }),
  ],
});

finds(
  'H16 an append whose origin had not seen what its client knew',
  { log: replaced(5, { seen: 3 }), calls: corrected(3) },
  'H16 H20',
);
letsBe('H16 an append without a token whose origin had seen nothing', {
  log: replaced(5, { seen: 0 }),
  calls: { ...corrected(0), f: { token: undefined } as unknown as Partial<Append> },
});
finds('H16 a message that had seen itself', { log: [...log, { ...e, seen: 6 }] }, 'H16');
finds(
  'H16 a batch that had seen its first',
  { more: [pair], log: [...log, message(6, 'g', { seen: 6 }), message(7, 'h', { lamport: 61 })] },
  'H16',
);
finds(
  'H16 an append that stands before what its client knew',
  {
    more: [append(6, [40, 45], 'h', { outcome: done(7), tokenAfter: 70 }), append(6, [46, 50], 'g', { token: 70 })],
    log: [...log, g6, h7],
  },
  'H11 H16 H20',
);
finds(
  'H16 an append that stands before what its client was told',
  {
    more: [
      append(6, [40, 45], 'h', { outcome: done(7), tokenAfter: 70 }),
      { kind: 'told', client: 7, by: 6, at: 45, token: 70 },
      append(7, [45, 50], 'g', { token: 70 }),
    ],
    log: [...log, g6, h7],
  },
  'H16 H20',
);

/** What was shown of f, as the log then has it. */
function corrected(seen: number): { own: Partial<Read>; tail: Partial<Tail>; afterTail: Partial<Read> } {
  const shown = { ...f, seen };
  return { own: { shown: [d, shown] }, tail: { shown: [c, d, shown] }, afterTail: { shown: [shown] } };
}

finds('H17 a tail with a hole', { calls: { tail: { shown: [c, f] } } }, 'H17');
finds('H17 a tail that repeats', { calls: { tail: { shown: [c, d, d, f] } } }, 'H9 H17');
finds('H17 a tail that begins too late', { calls: { tail: { shown: [d, f] } } }, 'H17');
finds('H17 a list in another order', { calls: { own: { shown: [f, d] } } }, 'H9 H14 H17 H20');
letsBe('H17 a tail that ended before it showed anything', { calls: { tail: { shown: [] } } });

finds('H19 a token that went back', { calls: { empty: { tokenAfter: 20 } } }, 'H19');
finds('H19 a token below what was shown', { calls: { linearizable: { tokenAfter: 29 } } }, 'H19');
finds('H19 a token below what was made', { calls: { f: { tokenAfter: 39 } } }, 'H19');
finds('H19 a token above what was made', { calls: { f: { tokenAfter: 41 } } }, 'H19');
finds('H19 a token above what a complete read shows', { calls: { less: { tokenAfter: 20 } } }, 'H19');
finds('H19 a token of no message', { calls: { limited: { tokenAfter: 41 } } }, 'H19');
finds(
  'H19 a token of a message that was not written yet',
  { calls: { tail: { endedAt: 28, shown: [c], tokenAfter: 40 } } },
  'H19',
);
letsBe('H19 a token of a limited read that is the read point of its node', {
  calls: { limited: { token: 30, tokenAfter: 40 } },
});
letsBe("H19 a token that was sent and is nobody's Lamport time", { calls: { empty: { token: 35, tokenAfter: 35 } } });

finds(
  'H20 a read with a token without what stands up to there',
  { more: [read(6, [40, 41], [a, b, c], { token: 30 })] },
  'H20',
);
letsBe('H20 a read with a token below what it lacks', { more: [read(6, [40, 41], [a, b, c], { token: 29 })] });

Checkers('tell a few violations of each kind, and how many more there are', () => {
  const many = Array.from({ length: 9 }, (_, i) => append(i, [0, 1], `x${i}`, { outcome: done(i + 1) }));
  const violations = judge({ events: many, faults: [] }, new Map([[1, []]]));
  assert.is(violations.length, 4);
  assert.match(violations[3]?.words ?? '', '6 more');
});

Checkers('are numbered in the order of the table', () => {
  assert.is(invariants.length, 20);
  for (const [i, { id, says }] of invariants.entries()) {
    assert.is(id, `H${i + 1}`);
    assert.match(says, /^[A-Z].*[.…]$/);
  }
});

Checkers('put events in the order of their ends, and refuse a text of two appends', () => {
  const facts = factsOf({ events: [calls.f, calls.a], faults: [] }, new Map());
  assert.equal(facts.events, [calls.a, calls.f]);
  assert.throws(
    () => factsOf({ events: [calls.a, { ...calls.f, texts: ['a'] }], faults: [] }, new Map()),
    /two appends/,
  );
});

// ------------------------------------------------------------------------------------------------- availability

const acknowledgedAt = (...times: readonly number[]): Append[] =>
  times.map((time, i) => append(1, [time, time], `x${i}`, { outcome: done(i + 1) }));
const fault = (beganAt: number, endedAt: number): FaultWindow => ({ name: 'kill', beganAt, endedAt });
const gaps = (events: readonly Event[], faults: readonly FaultWindow[], graceMs?: number): string => {
  const { inside, outside } = unavailability({ events, faults }, 0, 100, graceMs);
  return `inside ${inside.ms} at ${inside.at}, outside ${outside.ms} at ${outside.at}`;
};

Availability('is the longest time without an acknowledgement', () => {
  assert.is(gaps(acknowledgedAt(10, 40, 90), []), 'inside 0 at 0, outside 50 at 40');
  assert.is(gaps([], []), 'inside 0 at 0, outside 100 at 0');
  assert.equal(longestGap(acknowledgedAt(10, 40, 90), 0, 100), { ms: 50, at: 40 });
  assert.equal(longestGap(acknowledgedAt(10, 40, 90), 50, 200), { ms: 110, at: 90 });
  assert.equal(longestGap([append(1, [0, 50], 'x', {})], 0, 100), { ms: 100, at: 0 }, 'unknown is no acknowledgement');
});

Availability('is cut at the borders of fault windows', () => {
  const events = acknowledgedAt(10, 40, 90);
  assert.is(gaps(events, [fault(45, 60)]), 'inside 15 at 45, outside 30 at 10');
  assert.is(gaps(events, [fault(30, 95)]), 'inside 50 at 40, outside 20 at 10');
});

Availability('counts the time to recover to the window', () => {
  const events = acknowledgedAt(10, 40, 90);
  assert.is(gaps(events, [fault(45, 60)], 20), 'inside 35 at 45, outside 30 at 10');
  assert.is(gaps(events, [fault(45, 60), fault(50, 55), fault(75, 80)], 20), 'inside 45 at 45, outside 30 at 10');
  assert.is(gaps(events, [fault(75, 80), fault(45, 60)]), 'inside 15 at 45, outside 30 at 10');
});

for (const each of [Checkers, Availability]) each.run();
