/**
 * Axis: where on the way down each event of a window stands, by Lamport order or by wall clock.
 *
 * X1. Gaps are compressed: what takes longer than a gap may gets one mark that says how long it was.
 * X2. Two events of one node never share a place, and by Lamport order every receipt is below its sending.
 */
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { CausalGraph } from './causal.ts';
import type { Traced } from './record.ts';

export type AxisKind = 'lamport' | 'wall';

export interface Placed {
  readonly event: Traced;
  /** In steps from the top. */
  readonly at: number;
}
/** A compressed gap: where, and how many Lamport ticks or milliseconds it stands for. */
export interface Gap {
  readonly at: number;
  readonly size: number;
}
export interface Axis {
  readonly kind: AxisKind;
  readonly placed: readonly Placed[];
  readonly gaps: readonly Gap[];
  /** Places with a time written beside them: Lamport time, or milliseconds since 1970. */
  readonly marks: readonly { readonly at: number; readonly value: number }[];
  /** Steps that all of it takes. */
  readonly length: number;
}

/** More Lamport ticks between two rows than these get a mark. */
export const lamportGapFrom = 10;
/** A mark takes so many steps. */
const gapSteps = 1;
/** Of the wall clock one step, and the most that is drawn true to scale. */
const stepMs = 4;
const truthfulMs = 10;
const sameLaneSteps = 0.75;

/** The window in the order of the axis. */
export function orderedBy(kind: AxisKind, graph: CausalGraph): readonly Traced[] {
  if (kind === 'lamport') return graph.order;
  // Stable: what has the same wall clock stays in causal order.
  return [...graph.order].sort((a, b) => a.wallMs - b.wallMs);
}

export function axisOf(kind: AxisKind, window: readonly Traced[], graph: CausalGraph): Axis {
  return kind === 'lamport' ? byLamport(window, graph) : byWall(window);
}

function byLamport(window: readonly Traced[], graph: CausalGraph): Axis {
  const placed: Placed[] = [];
  const gaps: Gap[] = [];
  const marks: { at: number; value: number }[] = [];
  const places = new Map<string, number>();
  const lanes = new Map<NodeId, number>();
  let row = 0;
  let newest: number | null = null;
  for (const event of window) {
    const mustFollow = graph.parents(event).some(({ id }) => (places.get(id) ?? -1) >= row);
    const opensRow = newest === null || event.lamport > newest || mustFollow || lanes.get(event.node) === row;
    if (opensRow) {
      const ticks: number = newest === null ? 0 : event.lamport - newest;
      if (newest !== null) row += 1;
      if (ticks > lamportGapFrom) {
        gaps.push({ at: row - 0.5 + gapSteps / 2, size: ticks - 1 });
        row += gapSteps;
      }
      if (newest === null || event.lamport > newest) marks.push({ at: row, value: event.lamport });
      newest = Math.max(newest ?? 0, event.lamport);
    }
    placed.push({ event, at: row });
    places.set(event.id, row);
    lanes.set(event.node, row);
  }
  return { kind: 'lamport', placed, gaps, marks, length: row + 1 };
}

function byWall(window: readonly Traced[]): Axis {
  const placed: Placed[] = [];
  const gaps: Gap[] = [];
  const marks: { at: number; value: number }[] = [];
  const lanes = new Map<NodeId, number>();
  let at = 0;
  let wallMs = window[0]?.wallMs ?? 0;
  for (const event of window) {
    const passed = event.wallMs - wallMs;
    if (passed > truthfulMs) {
      at += 1 + gapSteps;
      gaps.push({ at: at - gapSteps, size: passed });
    } else at += passed / stepMs;
    wallMs = event.wallMs;
    at = Math.max(at, (lanes.get(event.node) ?? -sameLaneSteps) + sameLaneSteps);
    if (marks.length === 0 || at - (marks.at(-1)?.at ?? 0) >= 1) marks.push({ at, value: event.wallMs });
    placed.push({ event, at });
    lanes.set(event.node, at);
  }
  return { kind: 'wall', placed, gaps, marks, length: at + 1 };
}
