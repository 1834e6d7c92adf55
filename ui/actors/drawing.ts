/**
 * Drawing of a statechart: what stands where, from a chart and the layout that was made for it (ui/layout.mjs). Pure.
 *
 * D1. A layout for another version of the machine is not used: then there is no drawing, and lists tell it all.
 */
import type { ChartState, ChartView } from '../../actors/observation.ts';

export type Box = readonly [x: number, y: number, width: number, height: number];
type Point = readonly [x: number, y: number];

export interface LaidOut {
  readonly width: number;
  readonly height: number;
  readonly states: Readonly<Record<string, Box>>;
  readonly arrows: readonly LaidArrow[];
}
export interface LaidArrow {
  readonly from: string;
  readonly to: string;
  readonly points: readonly Point[];
  readonly lines?: readonly string[];
  readonly label?: Box;
}
export interface Layout {
  readonly hash: string;
  /** Without words at the arrows, except timers. */
  readonly small: LaidOut;
  readonly whole: LaidOut;
}
export type Layouts = Readonly<Record<string, Layout>>;
export type Kind = 'small' | 'whole';

export interface DrawnState {
  readonly state: ChartState;
  readonly box: Box;
  readonly isOuter: boolean;
}
export interface DrawnArrow {
  readonly key: string;
  readonly path: string;
  /** Of the tip: three corners. */
  readonly tip: string;
  /** A timer of the state it leaves fires it, alone or among others. */
  readonly isTimed: boolean;
  readonly from: string;
  readonly lines: readonly string[];
  readonly label: Box | null;
}
export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** Outer ones first: what lies in them is drawn over them. */
  readonly states: readonly DrawnState[];
  readonly arrows: readonly DrawnArrow[];
}

export function drawingOf(chart: ChartView, layouts: Layouts, kind: Kind): Drawing | null {
  const layout = Object.hasOwn(layouts, chart.id) ? layouts[chart.id] : undefined;
  if (layout === undefined || layout.hash !== chart.hash) return null;
  const { width, height, states, arrows } = layout[kind];
  const parents = new Set(chart.states.map(({ parent }) => parent));
  return {
    width,
    height,
    states: chart.states.flatMap((state) => {
      const box = states[state.id];
      return box === undefined ? [] : [{ state, box, isOuter: parents.has(state.id) }];
    }),
    arrows: arrows.map((arrow) => drawnArrow(arrow, chart)),
  };
}

const tipLength = 7;
const tipWidth = 3.5;

function drawnArrow({ from, to, points, lines = [], label }: LaidArrow, chart: ChartView): DrawnArrow {
  const [end, before] = [points.at(-1) ?? [0, 0], points.at(-2) ?? [0, 0]];
  const length = Math.hypot(end[0] - before[0], end[1] - before[1]) || 1;
  const [dx, dy] = [(end[0] - before[0]) / length, (end[1] - before[1]) / length];
  const [baseX, baseY] = [end[0] - dx * tipLength, end[1] - dy * tipLength];
  const corners = [end, [baseX - dy * tipWidth, baseY + dx * tipWidth], [baseX + dy * tipWidth, baseY - dx * tipWidth]];
  return {
    key: `${from}>${to}`,
    from,
    path: points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join(''),
    tip: corners.map(([x = 0, y = 0]) => `${round(x)},${round(y)}`).join(' '),
    isTimed: chart.edges.some((edge) => edge.from === from && edge.to === to && edge.event.startsWith('after ')),
    lines,
    label: label ?? null,
  };
}
const round = (value: number): number => Math.round(value * 10) / 10;

/** The arrows that lead from what was active to what has become active: their keys. */
export function takenBetween(before: ReadonlySet<string>, after: ReadonlySet<string>): ReadonlySet<string> {
  const left = [...before].filter((id) => !after.has(id));
  const entered = [...after].filter((id) => !before.has(id));
  // Of a way into or out of an outer state the arrow may begin or end there, or in it.
  return new Set(left.flatMap((from) => entered.map((to) => `${from}>${to}`)));
}

/** States as a list in a list, as the machine nests them. */
export interface Nested {
  readonly state: ChartState;
  readonly children: readonly Nested[];
}
export function nestedOf(chart: ChartView, parent: string | null = null): readonly Nested[] {
  return chart.states
    .filter((state) => state.parent === parent)
    .map((state) => ({ state, children: nestedOf(chart, state.id) }));
}

/** Of the active states those that say the most: the innermost, as a path without the machine's own name. */
export function pathsOf(active: readonly string[]): readonly string[] {
  const isInner = (id: string): boolean => !active.some((other) => other !== id && other.startsWith(`${id}.`));
  return active.filter(isInner).map((id) => id.split('.').slice(1).join('.') || id);
}
