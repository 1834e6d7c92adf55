/**
 * The order of a rolling restart, and when a node is done. Pure; update.ts does it.
 *
 * R1. The leader is last: else each step would move the lead, and writes would wait each time.
 * R2. A node is done when it has started anew, is healthy, and holds all that the leader had committed when it was asked.
 * R3. Nothing begins while a node is missing: with one more away there might be no majority.
 */
import { lagOf, leaderAmong, type Seen } from './outputs.ts';

/** Who is next: followers by id, then whoever leads. */
export function nextOf(seen: readonly Seen[], done: ReadonlySet<number>): number | undefined {
  const left = seen.map(({ machine }) => machine.place.id).filter((id) => !done.has(id));
  const leader = leaderAmong(seen);
  return left.find((id) => id !== leader) ?? left[0];
}

/** Why this node is not done; undefined when it is. `bootBefore` null = it need not start anew. */
export function unfinished(seen: readonly Seen[], id: number, bootBefore: string | null): string | undefined {
  const words = seen.find(({ machine }) => machine.place.id === id)?.words;
  if (words === undefined || typeof words === 'string') return words ?? 'it is not there';
  if (bootBefore !== null && words.boot === bootBefore) return 'it has not restarted yet';
  if (words.health !== 'healthy') return `its health is ${words.health}`;
  const lag = lagOf(seen, words);
  if (lag === null) return 'how far it is behind is not known';
  return lag > 0 ? `it is ${lag} entries behind` : undefined;
}

/** R3. */
export const obstacles = (seen: readonly Seen[]): readonly string[] =>
  seen.flatMap(({ machine: { place } }) => {
    const why = unfinished(seen, place.id, null);
    return why === undefined ? [] : [`${place.name}: ${why}`];
  });
