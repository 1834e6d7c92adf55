/**
 * The checkers: what must hold between the calls that clients made and the logs that the nodes show in the end.
 *
 * Pure, and they share no code with the log. The table, which printouts and the documents cite by number:
 *
 * | H1  | lost messages         | what was acknowledged is in the final log
 * | H2  | duplicates            | no text stands there twice, and a key has one answer
 * | H3  | aborted reads         | nothing is shown that was refused as not done or is not in the final log
 * | H4  | phantoms              | nothing stands there or is shown that nobody wrote, or before it was written
 * | H5  | inconsistent ids      | whoever says anything of an id says the same, and a text has one id
 * | H6  | differing logs        | all nodes show the same log in the end
 * | H7  | gaps in ids           | ids are 1, 2, 3, …
 * | H8  | torn batches          | the texts of one append are all there, side by side, in order, or none is
 * | H9  | Lamport disorder      | Lamport times rise along the log and along every list
 * | H10 | wrong answers         | what was answered is what the log says
 * | H11 | real-time disorder    | an append stands behind all that was acknowledged or shown to anybody before it began
 * | H12 | stale reads           | a linearizable read shows all that was acknowledged or shown to anybody before it began
 * | H13 | non-monotonic reads   | a read with a token shows what its client has been shown
 * | H14 | unread writes         | a read with a token shows what its client has written
 * | H15 | causal disorder       | a read with a token shows what others knew who told its client
 * | H16 | writes before reads   | an append with a token stands behind what its client knew, its origin had seen that, and not itself
 * | H17 | holes                 | a list shows afterId + 1, afterId + 2, …
 * | H18 | dishonest outcomes    | what was refused as not done is not in the final log
 * | H19 | dishonest tokens      | a token covers the one that was sent and what the answer has, and is no higher than what exists
 * | H20 | broken tokens         | a read with a token shows, and an append with one had seen, all up to that Lamport time
 * | H21 | disorder in streams   | writes of one lane stand in their order, up to the first that was not acknowledged
 */
import { type Facts, factsOf } from './facts.ts';
import type { FinalLogs, History, Violation } from './history.ts';
import {
  abortedReads,
  differingLogs,
  dishonestOutcomes,
  duplicates,
  gapsInIds,
  inconsistencies,
  lamportDisorder,
  lost,
  phantoms,
  tornBatches,
  wrongAnswers,
} from './logCheckers.ts';
import { holes, laneDisorder, realTimeDisorder, staleReads } from './orderCheckers.ts';
import {
  brokenTokens,
  causalDisorder,
  dishonestTokens,
  nonMonotonicReads,
  unreadWrites,
  writesBeforeReads,
} from './sessionCheckers.ts';

export { type Gap, longestGap, type Unavailability, unavailability } from './availability.ts';
export { type Facts, factsOf, isDone } from './facts.ts';
export * from './logCheckers.ts';
export * from './orderCheckers.ts';
export * from './sessionCheckers.ts';

/** What is wrong, in words. */
export type Checker = (facts: Facts) => readonly string[];

export interface Invariant {
  readonly id: `H${number}`;
  readonly name: string;
  /** What must hold. */
  readonly says: string;
  readonly check: Checker;
}

const numbered = (...rows: readonly (readonly [name: string, check: Checker, says: string])[]): readonly Invariant[] =>
  rows.map(([name, check, says], i) => ({ id: `H${i + 1}`, name, says, check }));

export const invariants: readonly Invariant[] = numbered(
  ['lost messages', lost, 'What was acknowledged is in the final log.'],
  ['duplicates', duplicates, 'No text stands in the final log twice, and all tries with one key have one answer.'],
  [
    'aborted reads',
    abortedReads,
    'Nothing is shown that was refused as not done, or that the final log does not have.',
  ],
  ['phantoms', phantoms, 'Nothing stands in the log or is shown that nobody wrote, or before it was written.'],
  ['inconsistent ids', inconsistencies, 'Whoever says anything of an id says the same, and a text has one id.'],
  ['differing logs', differingLogs, 'All nodes show the same log in the end.'],
  ['gaps in ids', gapsInIds, 'The ids of the final log are 1, 2, 3, …'],
  ['torn batches', tornBatches, 'The texts of one append stand side by side and in order, or none of them is there.'],
  ['Lamport disorder', lamportDisorder, 'Lamport times rise along the log, and along every read and tail.'],
  ['wrong answers', wrongAnswers, 'The id, Lamport time and node that an acknowledgement names are those of the log.'],
  [
    'real-time disorder',
    realTimeDisorder,
    'An append stands behind all that was acknowledged or shown to anybody before it began.',
  ],
  [
    'stale reads',
    staleReads,
    'A linearizable read shows all that was acknowledged or shown to anybody before it began.',
  ],
  ['non-monotonic reads', nonMonotonicReads, 'A read with a token shows what its client has been shown.'],
  ['unread writes', unreadWrites, 'A read with a token shows what its client has written.'],
  ['causal disorder', causalDisorder, 'A read with a token shows what others knew who told that token to its client.'],
  [
    'writes before reads',
    writesBeforeReads,
    'An append with a token stands behind all that its client knew; its origin had seen that, and never the append itself.',
  ],
  ['holes', holes, 'A read or tail shows the ids behind the one it was asked for, one after the other.'],
  ['dishonest outcomes', dishonestOutcomes, 'What was refused as certainly not done is not in the final log.'],
  [
    'dishonest tokens',
    dishonestTokens,
    'The token of an answer is no lower than the one sent and than what the answer has, and no higher than what exists.',
  ],
  [
    'broken tokens',
    brokenTokens,
    'A read with a token shows, and an append with one had seen, all messages up to that Lamport time.',
  ],
  [
    'disorder in streams',
    laneDisorder,
    'Writes of one lane stand in the log in the order in which they were sent, up to the first that was not acknowledged.',
  ],
);

const mostOfAKind = 3;

/** Everything that is wrong, a few of each kind, and how many more there are. */
export function judge(history: History, logs: FinalLogs): readonly Violation[] {
  const facts = factsOf(history, logs);
  return invariants.flatMap(({ id, check }) => {
    const wrong = check(facts);
    const words = wrong.slice(0, mostOfAKind);
    if (wrong.length > mostOfAKind) words.push(`… and ${wrong.length - mostOfAKind} more like it`);
    return words.map((each) => ({ invariant: id, words: each }));
  });
}
