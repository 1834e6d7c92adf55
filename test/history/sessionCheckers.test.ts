/** The same for what session tokens promise. */
import { suite } from 'uvu';
import {
  a,
  about,
  append,
  b,
  type Change,
  c,
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
} from './example.ts';
import type { Append, Read, ShownMessage, Tail } from './history.ts';

const Checkers = suite('session checkers');

const { finds, letsBe } = about(Checkers);

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
letsBe('H13 a read with the token with which a tail began', {
  calls: { afterTail: { token: 30, tokenAfter: 30, afterId: 3, shown: [d] } },
});
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

Checkers.run();
