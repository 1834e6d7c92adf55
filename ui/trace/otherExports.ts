/** Exports for tools other than ShiViz: JSON lines, and Chrome's trace format, which Perfetto reads. */
import type { CausalGraph } from './causal.ts';
import type { Moment, Reign } from './leadership.ts';
import type { Traced } from './record.ts';
import { maxExported } from './shiviz.ts';

export interface About {
  readonly oneOf: number;
  readonly dropped: number;
}

/** A line about the whole, then one an event, as it was recorded. */
export function jsonLinesOf(events: readonly Traced[], about: About): string {
  const kept = events.slice(-maxExported);
  const head = { format: 'distributed-log trace', version: 1, ...about, events: kept.length };
  const lines = kept.map(({ id: _id, hole, ...event }) => ({ ...event, ...(hole ? { holeBefore: true } : {}) }));
  return [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** Microseconds from the first event, or Lamport times: with those no clock is wrong and no arrow points backwards. */
export type Scale = 'wall' | 'lamport';

/** A slice is no shorter than can be seen and no longer than this, in microseconds. */
const longestSliceUs = 500;
const lamportUs = 1000;

export function chromeTraceOf(graph: CausalGraph, reigns: readonly Reign[], scale: Scale): string {
  const events = graph.order.slice(-maxExported);
  const firstMs = events.reduce((least, { wallMs }) => Math.min(least, wallMs), Number.POSITIVE_INFINITY);
  const ideal = ({ wallMs, lamport }: Moment): number =>
    scale === 'wall' ? Math.round((wallMs - firstMs) * 1000) : lamport * lamportUs;
  const times = timesOf(events, ideal);
  const at = (event: Traced): number => times.get(event.id) ?? 0;
  const inside = new Set(events.map(({ id }) => id));
  const nodes = [...new Set(events.map(({ node }) => node))].sort((a, b) => a - b);
  const end = Math.max(0, ...times.values());
  const begin = Math.min(end, ...times.values());
  const timeOf = (moment: Moment): number =>
    'id' in moment && inside.has(moment.id) ? at(moment) : Math.max(begin, Math.min(end, ideal(moment)));
  const traceEvents = [
    ...nodes.map((node) => ({ ph: 'M', name: 'process_name', pid: node, tid: 0, args: { name: `node ${node}` } })),
    ...events.map((event) => ({
      ph: 'X',
      name: event.peer === undefined ? event.what : `${event.what} ${event.kind === 'send' ? '>' : '<'} ${event.peer}`,
      cat: event.group,
      pid: event.node,
      tid: 0,
      ts: at(event),
      dur: sliceOf(event, graph, at),
      args: { lamport: event.lamport, seq: event.seq, boot: event.boot, ids: event.ids, epoch: event.epoch },
    })),
    ...events.flatMap((event) => flowsOf(event, graph, inside, at)),
    ...reigns.flatMap((reign, index) => {
      const from = reign.from === null ? begin : timeOf(reign.from);
      const to = reign.to === null ? end : timeOf(reign.to);
      if (to <= from && reign.to !== null) return []; // Before these events, or after them.
      const common = { cat: 'leader', name: `leads ${reign.epoch ?? ''}`.trim(), id: index, pid: reign.node, tid: 0 };
      return [
        { ...common, ph: 'b', ts: from },
        { ...common, ph: 'e', ts: Math.max(from, to) },
      ];
    }),
  ];
  return JSON.stringify({ traceEvents, displayTimeUnit: 'ms', otherData: { scale } });
}

/** Slices of one track may not begin at the same time: a later one of the same node begins a microsecond after. */
function timesOf(events: readonly Traced[], ideal: (event: Traced) => number): ReadonlyMap<string, number> {
  const newest = new Map<number, number>();
  const times = new Map<string, number>();
  for (const event of events) {
    const ts = Math.max(ideal(event), (newest.get(event.node) ?? -1) + 1);
    newest.set(event.node, ts);
    times.set(event.id, ts);
  }
  return times;
}

/** Cut where the next event of the track begins. */
function sliceOf(event: Traced, graph: CausalGraph, at: (event: Traced) => number): number {
  const next = graph.next(event);
  const room = next === undefined ? longestSliceUs : at(next) - at(event);
  return Math.max(1, Math.min(longestSliceUs, room));
}

function flowsOf(event: Traced, graph: CausalGraph, inside: ReadonlySet<string>, at: (event: Traced) => number) {
  return graph
    .receivesOf(event)
    .filter(({ id }) => inside.has(id))
    .flatMap((end, index) => {
      const common = { cat: event.group, name: event.what, id: index === 0 ? event.frame : `${event.frame}#${index}` };
      return [
        { ...common, ph: 's', pid: event.node, tid: 0, ts: at(event) },
        { ...common, ph: 'f', bp: 'e', pid: end.node, tid: 0, ts: at(end) },
      ];
    });
}
