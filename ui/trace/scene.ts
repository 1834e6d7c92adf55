/**
 * Scene: what a window of the diagram shows, in pixels but without any drawing. paint.ts draws it, tests read it.
 *
 * S1. Everything lies within the given width and height: a window always fits.
 * S2. With an event selected each part says how it stands to it; what is neither before nor after is concurrent.
 */
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { type AxisKind, axisOf } from './axis.ts';
import { type CausalGraph, type Fate, parseFrame, type Relation } from './causal.ts';
import type { Moment, Reign, Told } from './leadership.ts';
import type { Traced } from './record.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}
export interface Dot {
  readonly event: Traced;
  readonly x: number;
  readonly y: number;
  /** Null: nothing is selected. */
  readonly relation: Relation | null;
}
export interface Arrow {
  readonly frame: string;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** `cutOff`: one end lies outside the window. */
  readonly fate: Fate | 'cutOff';
  readonly group: Traced['group'];
  readonly violation: boolean;
  /** Not on the way from or to what is selected. */
  readonly dim: boolean;
  /** By the wall clocks it arrives before it was sent. */
  readonly backwards: boolean;
}
export interface Band {
  readonly node: NodeId;
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
  readonly epoch: number | null;
}
export interface Scene extends Size {
  readonly lanes: readonly { readonly node: NodeId; readonly x: number }[];
  readonly dots: readonly Dot[];
  readonly arrows: readonly Arrow[];
  readonly bands: readonly Band[];
  readonly gaps: readonly { readonly y: number; readonly size: number }[];
  readonly marks: readonly { readonly y: number; readonly value: number }[];
  readonly axis: AxisKind;
  readonly laneWidth: number;
  readonly top: number;
  readonly bottom: number;
}

export const headHeight = 30;
const footHeight = 14;
const maxStep = 30;
/** Where nobody knows of an arrival, the arrow goes so much of its way. */
const unfinished = 0.55;

export interface SceneInput {
  readonly graph: CausalGraph;
  /** In the order of the axis. */
  readonly window: readonly Traced[];
  readonly nodes: readonly NodeId[];
  readonly reigns: readonly Reign[];
  readonly axis: AxisKind;
  readonly selected: Traced | null;
  readonly size: Size;
}

export function sceneOf({ graph, window, nodes, reigns, axis: kind, selected, size }: SceneInput): Scene {
  const axis = axisOf(kind, window, graph);
  const gutter = size.width < 480 ? 62 : 84;
  const laneWidth = (size.width - gutter - 8) / Math.max(1, nodes.length);
  const top = headHeight + 14;
  const bottom = size.height - footHeight;
  const step = Math.min(maxStep, (bottom - top) / Math.max(1, axis.length - 1));
  const y = (at: number): number => top + at * step;
  const xOf = new Map(nodes.map((node, at) => [node, gutter + laneWidth * (at + 0.5)]));
  const relation = selected === null ? null : graph.relations(selected);
  const dots = axis.placed.flatMap(({ event, at }): Dot[] => {
    const x = xOf.get(event.node);
    return x === undefined ? [] : [{ event, x, y: y(at), relation: relation?.(event) ?? null }];
  });
  const last = y(Math.max(0, axis.length - 1));
  return {
    ...size,
    axis: kind,
    top,
    bottom,
    laneWidth,
    lanes: nodes.map((node) => ({ node, x: xOf.get(node) ?? 0 })),
    dots,
    arrows: arrowsOf(graph, dots, xOf, { top: headHeight, bottom: Math.min(bottom + 8, last + step) }, relation),
    bands: bandsOf(reigns, dots, xOf, kind, { top: headHeight + 2, bottom: Math.min(bottom + 8, last + 10) }),
    gaps: axis.gaps.map(({ at, size: gap }) => ({ y: y(at), size: gap })),
    marks: axis.marks.map(({ at, value }) => ({ y: y(at), value })),
  };
}

type Extent = { readonly top: number; readonly bottom: number };
type RelationOf = ((event: Traced) => Relation) | null;

function arrowsOf(
  graph: CausalGraph,
  dots: readonly Dot[],
  xOf: ReadonlyMap<NodeId, number>,
  extent: Extent,
  relation: RelationOf,
): readonly Arrow[] {
  const dotOf = new Map(dots.map((dot) => [dot.event.id, dot]));
  return dots.flatMap((dot): Arrow[] => {
    if (dot.event.kind === 'send') return arrowsFrom(graph, dot, dotOf, xOf, extent, relation);
    if (dot.event.kind !== 'receive') return [];
    const send = graph.sendOf(dot.event);
    const from = parseFrame(dot.event.frame);
    // Sent before the window began, or by a node whose record does not reach back so far.
    if (from === null || (send !== undefined && dotOf.has(send.id))) return [];
    const x = xOf.get(from.from);
    if (x === undefined) return [];
    const start = towards({ x: dot.x, y: dot.y }, { x, y: extent.top }, 0.6, extent.top);
    return [arrow(dot.event, { x1: start.x, y1: start.y, x2: dot.x, y2: dot.y }, 'cutOff', isDim(relation, dot.event))];
  });
}

function arrowsFrom(
  graph: CausalGraph,
  dot: Dot,
  dotOf: ReadonlyMap<string, Dot>,
  xOf: ReadonlyMap<NodeId, number>,
  extent: Extent,
  relation: RelationOf,
): Arrow[] {
  const receives = graph.receivesOf(dot.event);
  const seen = receives.map(({ id }) => dotOf.get(id)).filter((end) => end !== undefined);
  const whole = seen.map((end) =>
    arrow(
      { ...dot.event, violation: dot.event.violation || end.event.violation || false },
      { x1: dot.x, y1: dot.y, x2: end.x, y2: end.y },
      'arrived',
      isDim(relation, dot.event, end.event),
    ),
  );
  const x = xOf.get(parseFrame(dot.event.frame)?.to ?? -1);
  if (whole.length > 0 || x === undefined) return whole;
  const fate = graph.fate(dot.event);
  const end = towards({ x: dot.x, y: dot.y }, { x, y: Math.min(extent.bottom, dot.y + 44) }, unfinished, 0);
  const cut = fate === 'arrived' ? 'cutOff' : fate;
  return [arrow(dot.event, { x1: dot.x, y1: dot.y, x2: end.x, y2: end.y }, cut, isDim(relation, dot.event))];
}

type Line = Pick<Arrow, 'x1' | 'y1' | 'x2' | 'y2'>;
const arrow = (event: Traced, line: Line, fate: Arrow['fate'], dim: boolean): Arrow => ({
  frame: event.frame ?? '',
  ...line,
  fate,
  group: event.group,
  violation: event.violation === true,
  dim,
  backwards: fate === 'arrived' && line.y2 < line.y1,
});

/** A point a part of the way, not above `top`. */
function towards(
  from: { x: number; y: number },
  to: { x: number; y: number },
  part: number,
  top: number,
): { x: number; y: number } {
  return { x: from.x + (to.x - from.x) * part, y: Math.max(top, from.y + Math.max(-40, (to.y - from.y) * part)) };
}

/** An arrow stays bright while both its ends are of the cone: what is before, what is after, and the event itself. */
const isDim = (relation: RelationOf, ...ends: readonly Traced[]): boolean =>
  relation !== null && !ends.every((end) => relation(end) !== 'concurrent');

function bandsOf(
  reigns: readonly Reign[],
  dots: readonly Dot[],
  xOf: ReadonlyMap<NodeId, number>,
  kind: AxisKind,
  extent: Extent,
): readonly Band[] {
  const placeOf = new Map(dots.map(({ event, y }) => [event.id, y]));
  if (dots.length === 0) return [];
  const place = (moment: Moment): number =>
    'id' in moment ? (placeOf.get(moment.id) ?? outside(moment, dots, extent)) : between(moment, dots, kind, extent);
  return reigns.flatMap((reign): Band[] => {
    const x = xOf.get(reign.node);
    if (x === undefined) return [];
    const top = reign.from === null ? extent.top : place(reign.from);
    const bottom = reign.to === null ? extent.bottom : place(reign.to);
    return bottom <= top ? [] : [{ node: reign.node, x, top, bottom, epoch: reign.epoch }];
  });
}

/** An event that is not in the window is above or below it: its own node's events tell, else the first of the window. */
function outside(event: Traced, dots: readonly Dot[], extent: Extent): number {
  const after = (dots.find((dot) => dot.event.node === event.node) ?? (dots[0] as Dot)).event;
  const isBefore =
    after.node === event.node
      ? event.boot < after.boot || (event.boot === after.boot && event.seq < after.seq)
      : event.lamport < after.lamport;
  return isBefore ? extent.top : extent.bottom;
}

/** What has no event in the record is where the last event stands that is not later. */
function between({ lamport, wallMs }: Told, dots: readonly Dot[], kind: AxisKind, extent: Extent): number {
  const earlier = dots.filter(({ event }) => (kind === 'lamport' ? event.lamport <= lamport : event.wallMs <= wallMs));
  if (earlier.length === dots.length) return extent.bottom;
  return earlier.reduce((lowest, { y }) => Math.max(lowest, y), extent.top);
}

/** The event whose dot is nearest to a point, within reach of a finger. */
export function dotAt(scene: Scene, x: number, y: number, within = 18): Dot | null {
  let best: Dot | null = null;
  let least = within;
  for (const dot of scene.dots) {
    const distance = Math.hypot(dot.x - x, dot.y - y);
    if (distance <= least) [best, least] = [dot, distance];
  }
  return best;
}
