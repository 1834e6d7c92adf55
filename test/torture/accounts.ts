/** What a torture finds beside the invariants of the checkers, once all is over (T1, T4, T5 of run.ts). Pure. */
import type { FinalLogs, Violation } from '../history/history.ts';

/** T1. What is the same is the same object: see the recorder. */
export function judgeRestart(before: FinalLogs, after: FinalLogs): Violation[] {
  return [...before].flatMap(([id, shown]) => {
    const place = shown.findIndex((message, i) => after.get(id)?.[i] !== message);
    return place < 0 ? [] : [{ invariant: 'T1', words: `node ${id} has lost or changed message ${place + 1}` }];
  });
}

/** T4. */
export const judgeCounters = (causalityViolations: number): Violation[] =>
  causalityViolations === 0
    ? []
    : [{ invariant: 'T4', words: `a node counted ${causalityViolations} violations of the order` }];

const mostComplaints = 10;

/** T5. */
export const judgeAnswers = (complaints: readonly string[]): Violation[] =>
  complaints.slice(0, mostComplaints).map((words) => ({ invariant: 'T5', words }));
