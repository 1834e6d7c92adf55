/** The actors of all nodes as one tree: a row an actor, beside it how it is at each node. Pure. */
import type { ActorView, ChartView } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { LiveView } from '../../http/live/protocol.ts';

export interface ActorRow {
  readonly id: string;
  readonly depth: number;
  /** Null: a service, which has no states. */
  readonly chart: string | null;
  readonly at: ReadonlyMap<NodeId, ActorView>;
}

/** Parents before their children, brothers by name; an actor whose parent nobody shows stands at the top. */
export function treeOf(views: readonly LiveView[], chartOf: (actor: string) => string | null): readonly ActorRow[] {
  const at = new Map<string, Map<NodeId, ActorView>>();
  for (const { node, actors = [] } of views)
    for (const actor of actors) at.set(actor.id, (at.get(actor.id) ?? new Map()).set(node, actor));
  const children = new Map<string | null, string[]>();
  for (const [id, places] of at) {
    const [first] = places.values();
    const parent = first !== undefined && first.parent !== null && at.has(first.parent) ? first.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  const rows: ActorRow[] = [];
  const seen = new Set<string>();
  const walk = (parent: string | null, depth: number): void => {
    for (const id of [...(children.get(parent) ?? [])].sort(byName)) {
      if (seen.has(id)) continue;
      seen.add(id);
      rows.push({ id, depth, chart: chartOf(id), at: at.get(id) ?? new Map() });
      walk(id, depth + 1);
    }
  };
  walk(null, 0);
  return rows;
}

/**
 * Which chart an actor runs: as the serving node says, which names its own actors only; else by its name, since actors of
 * one machine are named after it: `election`, `link:2`.
 */
export function chartNamer(
  charts: readonly Pick<ChartView, 'id'>[],
  named: Readonly<Record<string, string>>,
): (actor: string) => string | null {
  const known = new Set(charts.map(({ id }) => id));
  return (actor) => {
    const chart = Object.hasOwn(named, actor) ? named[actor] : actor.split(':', 1)[0];
    return chart !== undefined && known.has(chart) ? chart : null;
  };
}
const collator = new Intl.Collator('en', { numeric: true });
const byName = (a: string, b: string): number => collator.compare(a, b);

/** What is shown when nobody has chosen: the one that most want to see. */
export function firstChoice(rows: readonly ActorRow[]): string | null {
  return (rows.find(({ id }) => id === 'election') ?? rows.find(({ chart }) => chart !== null) ?? rows[0])?.id ?? null;
}

export interface TransitionRow {
  readonly key: string;
  readonly from: string;
  readonly event: string;
  readonly guard: string | null;
  /** Null: it stays where it is. */
  readonly to: string | null;
  readonly actions: readonly string[];
}
const short = (id: string): string => id.split('.').slice(1).join('.') || id;
export const transitionsOf = (chart: ChartView): readonly TransitionRow[] =>
  chart.edges.map(({ id, from, event, guard, to, actions }) => ({
    key: id,
    from: short(from),
    event,
    guard,
    to: to === null ? null : short(to),
    actions,
  }));
