/**
 * Export for ShiViz (bestchai.github.io/shiviz): line 1 its pattern, line 2 nothing, then two lines an event.
 *
 * ShiViz wants vector clocks whose own entries run 1, 2, 3, … on each host, without a hole, and whose foreign entries name
 * events that are there. Neither Lamport times nor clocks of a sampled record do that, so the clocks are made anew: from
 * the order on each node and the frames in this very export.
 *
 * V1. Every window loads, wherever it was cut and whatever is missing in it. A receipt whose sending is not in the window
 *     becomes a local event and says so.
 * V2. A causal cycle is a fault of the recording and is refused, not hidden.
 */
import { CausalGraph } from './causal.ts';
import type { Traced } from './record.ts';

export const shivizPattern = '(?<event>.*)\\n(?<host>\\S*) (?<clock>{.*})';
/** ShiViz draws so many within a few seconds. */
export const maxExported = 5000;

export type Export = {
  readonly kind: 'text';
  readonly text: string;
  readonly events: number;
  readonly leftOut: number;
};
export type Refusal = { readonly kind: 'cycle'; readonly events: readonly Traced[] };

const hostOf = (node: number): string => `node${node}`;

/** Of more than `maxExported` events the newest. */
export function shivizOf(events: readonly Traced[]): Export | Refusal {
  const kept = events.slice(-maxExported);
  const graph = graphOf(kept);
  if (graph.cycle.length > 0) return { kind: 'cycle', events: graph.cycle };
  const clocks = new Map<string, ReadonlyMap<number, number>>();
  const lines = graph.order.flatMap((event) => {
    const clock = new Map<number, number>();
    for (const parent of graph.parents(event))
      for (const [node, count] of clocks.get(parent.id) ?? []) clock.set(node, Math.max(count, clock.get(node) ?? 0));
    clock.set(event.node, (clock.get(event.node) ?? 0) + 1);
    clocks.set(event.id, clock);
    const entries = [...clock].sort(([a], [b]) => a - b).map(([node, count]) => [hostOf(node), count]);
    return [eventLine(event, graph), `${hostOf(event.node)} ${JSON.stringify(Object.fromEntries(entries))}`];
  });
  const text = [shivizPattern, '', ...lines, ''].join('\n');
  return { kind: 'text', text, events: kept.length, leftOut: events.length - kept.length };
}

/** What is seen of the causal order in these events alone. */
export function graphOf(events: readonly Traced[]): CausalGraph {
  const lanes = new Map<number, Traced[]>();
  for (const event of events) {
    const lane = lanes.get(event.node);
    if (lane === undefined) lanes.set(event.node, [event]);
    else lane.push(event);
  }
  for (const lane of lanes.values()) lane.sort((a, b) => a.boot - b.boot || a.seq - b.seq);
  return new CausalGraph(lanes);
}

function eventLine(event: Traced, graph: CausalGraph): string {
  const ids = event.ids === undefined ? '' : ` ids=${event.ids[0]}-${event.ids[1]}`;
  const peer = event.peer === undefined ? '' : ` ${event.kind === 'receive' ? 'from' : 'to'} ${hostOf(event.peer)}`;
  const orphan = event.kind === 'receive' && graph.sendOf(event) === undefined ? ' (sent outside this export)' : '';
  const wrong = event.violation ? ' VIOLATION' : '';
  const line = `${event.kind} ${event.what}${peer}${ids} L=${event.lamport}${wrong}${orphan}`;
  // One line, whatever a name holds: ShiViz takes the lines two by two.
  return line.replace(/\s+/g, ' ');
}
