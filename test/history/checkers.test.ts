/** Each checker finds what it is for, in a history that is right but for one thing, and lets be what only looks wrong. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { factsOf, invariants, judge } from './checkers.ts';
import {
  a,
  about,
  append,
  b,
  type Calls,
  type Change,
  c,
  calls,
  d,
  done,
  e,
  f,
  g6,
  h7,
  log,
  message,
  pair,
  read,
  replaced,
  violationsIn,
} from './example.ts';
import type { Event, Read, ShownMessage } from './history.ts';

const Checkers = suite('history checkers');

const { finds, letsBe } = about(Checkers);

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

Checkers('tell a few violations of each kind, and how many more there are', () => {
  const many = Array.from({ length: 9 }, (_, i) => append(i, [0, 1], `x${i}`, { outcome: done(i + 1) }));
  const violations = judge({ events: many, faults: [] }, new Map([[1, []]]));
  assert.is(violations.length, 4);
  assert.match(violations[3]?.words ?? '', '6 more');
});

Checkers('are numbered in the order of the table', () => {
  assert.is(invariants.length, 21);
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

Checkers.run();

const inLane = (place: number) => ({ lane: { name: 'one', place } });
finds('H21 a stream whose second write stands before its first', { calls: { f: inLane(1), a: inLane(2) } }, 'H21');
finds(
  'H21 one of unknown outcome before what was acknowledged before it',
  { calls: { f: inLane(1), d: inLane(2) } },
  'H21',
);
letsBe('H21 a stream in order', { calls: { a: inLane(1), bc: inLane(2), f: inLane(3) } });
letsBe('H21 whatever came behind the first that failed', { calls: { refused: inLane(1), f: inLane(2), a: inLane(3) } });
letsBe('H21 two streams', { calls: { f: inLane(1), a: { lane: { name: 'two', place: 2 } } } });
