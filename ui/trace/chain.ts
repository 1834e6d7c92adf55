/** The chain of what led to an event and what came of it: one event after the other, for the list beside the diagram. */
import type { CausalGraph } from './causal.ts';
import type { Traced } from './record.ts';

export interface Chain {
  /** Oldest first; the event itself is not among them. */
  readonly causes: readonly Traced[];
  /** Whether the chain goes further back than is listed. */
  readonly hasEarlier: boolean;
  readonly effects: readonly Traced[];
  readonly past: number;
  readonly future: number;
  readonly concurrent: number;
}

export const maxLinks = 10;
/** So far back on its own node something about the same is looked for. */
const nearby = 40;

export function chainOf(graph: CausalGraph, event: Traced): Chain {
  const causes: Traced[] = [];
  let cause = causeOf(graph, event);
  for (; cause !== undefined && causes.length < maxLinks; cause = causeOf(graph, cause)) causes.unshift(cause);
  const effects: Traced[] = [];
  let effect = effectOf(graph, event);
  for (; effect !== undefined && effects.length < maxLinks; effect = effectOf(graph, effect)) effects.push(effect);
  const past = graph.past(event).size;
  const future = graph.future(event).size;
  const concurrent = graph.order.length - past - future - 1;
  return { causes, hasEarlier: cause !== undefined, effects, past, future, concurrent };
}

/** Of a receipt its sending, else what its node did before about the same matter, else what it did just before. */
function causeOf(graph: CausalGraph, event: Traced): Traced | undefined {
  return graph.sendOf(event) ?? kin(event, (at) => graph.previous(at)) ?? graph.previous(event);
}
function effectOf(graph: CausalGraph, event: Traced): Traced | undefined {
  return graph.receivesOf(event)[0] ?? kin(event, (at) => graph.next(at)) ?? graph.next(event);
}

function kin(event: Traced, step: (at: Traced) => Traced | undefined): Traced | undefined {
  let at = step(event);
  for (let seen = 0; at !== undefined && seen < nearby; at = step(at), seen++) if (isKin(event, at)) return at;
  return undefined;
}

function isKin(a: Traced, b: Traced): boolean {
  if (a.ids !== undefined && b.ids !== undefined) return a.ids[0] <= b.ids[1] && b.ids[0] <= a.ids[1];
  return a.group === b.group;
}
