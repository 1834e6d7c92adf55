/**
 * Checkers over what came before what, by the clock that all recorders share. Numbers: see checkers.ts.
 *
 * Before means: had ended before the other began. At the same instant nobody can tell, unless one client made both calls.
 */
import { type Facts, firstIdOf, type Known, Newest, named, newestOf, reachOf } from './facts.ts';
import type { Append, List } from './history.ts';

type Called = Append | List;

/** Each call, and the newest message that somebody had been answered or shown before it began. */
function* withWhatWasKnown(facts: Facts): Generator<{ call: Called; known: Known<Called> | undefined }> {
  const anybody = new Newest<Called>();
  const byClient = new Map<number, Newest<Called>>();
  for (const call of facts.events) {
    if (call.kind === 'told') continue;
    const own = byClient.get(call.client) ?? new Newest<Called>();
    byClient.set(call.client, own);
    yield { call, known: newestOf(anybody.before(call.beganAt), own.upTo(call.beganAt)) };
    const id = lastIdOf(facts, call);
    if (id === undefined) continue;
    anybody.learn(call.endedAt, id, call);
    own.learn(call.endedAt, id, call);
  }
}

/** The newest id that the caller learnt. */
function lastIdOf(facts: Facts, call: Called): number | undefined {
  if (call.kind !== 'append') return call.shown.at(-1)?.id;
  const firstId = call.outcome.kind === 'done' ? firstIdOf(facts, call) : undefined;
  return firstId === undefined ? undefined : firstId + call.texts.length - 1;
}

/** H11 */
export function realTimeDisorder(facts: Facts): string[] {
  const wrong: string[] = [];
  for (const { call, known } of withWhatWasKnown(facts)) {
    const firstId = call.kind === 'append' ? firstIdOf(facts, call) : undefined;
    if (firstId === undefined || known === undefined || known.id < firstId) continue;
    wrong.push(`${named(call)} is message ${firstId}; ${known.id} was known before it began, from ${named(known.by)}`);
  }
  return wrong;
}

/** H12 */
export function staleReads(facts: Facts): string[] {
  const wrong: string[] = [];
  for (const { call, known } of withWhatWasKnown(facts)) {
    if (call.kind !== 'read' || !call.linearizable || !call.complete || known === undefined) continue;
    const reach = reachOf(call);
    if (reach >= known.id) continue;
    wrong.push(`${named(call)} ends at ${reach}; ${known.id} was known before it began, from ${named(known.by)}`);
  }
  return wrong;
}

/** H17 */
export function holes({ lists }: Facts): string[] {
  const wrong: string[] = [];
  for (const list of lists) {
    const place = list.shown.findIndex(({ id }, i) => id !== list.afterId + 1 + i);
    if (place < 0) continue;
    wrong.push(
      `place ${place + 1} is message ${list.shown[place]?.id}, not ${list.afterId + 1 + place}, in ${named(list)}`,
    );
  }
  return wrong;
}

/** H21 */
export function laneDisorder(facts: Facts): string[] {
  const lanes = new Map<string, Append[]>();
  for (const call of facts.events) {
    if (call.kind !== 'append' || !call.lane) continue;
    const { name } = call.lane;
    lanes.set(name, [...(lanes.get(name) ?? []), call]);
  }
  return [...lanes.values()].flatMap((writes) => {
    const inOrder = writes.sort((one, other) => (one.lane?.place ?? 0) - (other.lane?.place ?? 0));
    const failed = inOrder.findIndex(({ outcome }) => outcome.kind !== 'done');
    // The first that was not acknowledged may be in the log; then it stands behind those before it.
    const promised = failed < 0 ? inOrder : inOrder.slice(0, failed + 1);
    const stand = promised.flatMap((call) => {
      const firstId = firstIdOf(facts, call);
      return firstId === undefined ? [] : [{ call, firstId }];
    });
    const place = stand.findIndex(({ firstId }, i) => i > 0 && firstId < (stand[i - 1]?.firstId ?? 0));
    const [before, after] = [stand[place - 1], stand[place]];
    if (!before || !after) return [];
    return [
      `${named(after.call)} is message ${after.firstId}, before ${before.firstId} of ${named(before.call)} in its stream`,
    ];
  });
}
