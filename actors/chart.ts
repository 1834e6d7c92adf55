/**
 * Chart: a statechart as data, for those who draw it. The one place that knows what XState keeps inside.
 *
 * A1. Every transition is there: `definition` of XState leaves out `always`, so this walks the nodes themselves.
 * A2. The hash is of the content alone: the same source gives the same, in every process.
 */
import { crc32 } from 'node:zlib';
import type { AnyStateMachine } from 'xstate';
import type { ChartEdge, ChartState, ChartView } from './observation.ts';

interface Transition {
  readonly eventType: string;
  readonly target?: readonly StateNode[];
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
}
interface StateNode {
  readonly id: string;
  readonly key: string;
  readonly type: ChartState['type'];
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly invoke: readonly { readonly id: string; readonly src: unknown }[];
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
  readonly always?: readonly Transition[];
  readonly states: Readonly<Record<string, StateNode>>;
  readonly initial?: { readonly target: readonly StateNode[] };
}
interface Inside {
  readonly root: StateNode;
  readonly implementations: { readonly actors: Readonly<Record<string, unknown>> };
}

/** Actions and guards are named, or objects of XState, or were written on the spot. */
function nameOf(it: unknown): string {
  if (typeof it === 'string') return it;
  const { type } = it as { readonly type?: unknown };
  return typeof type === 'string' ? type.replace(/^xstate\./, '') : '(inline)';
}

/** Of what a state does when it is entered and left: XState arms and disarms `after` there, which the edges tell. */
const isOwn = (it: unknown): boolean => {
  const { type } = it as { readonly type?: unknown };
  return type !== 'xstate.raise' && type !== 'xstate.cancel';
};

/** XState encodes some events into their names: `xstate.after.300.link.greeting`. */
function wordsFor(eventType: string, from: string): string {
  const [, delay] = /^xstate\.after\.(.+)$/.exec(eventType) ?? [];
  if (delay !== undefined) {
    const name = delay.endsWith(`.${from}`) ? delay.slice(0, -from.length - 1) : delay;
    return Number.isNaN(Number(name)) ? `after ${name}` : `after ${name} ms`;
  }
  return eventType.replace(/^xstate\.done\.(?:actor|state)\./, 'done: ').replace(/^xstate\.error\.actor\./, 'failed: ');
}

function statesOf(node: StateNode, parent: StateNode | null): ChartState[] {
  const state: ChartState = {
    id: node.id,
    parent: parent?.id ?? null,
    label: parent ? node.key : node.id,
    type: node.type,
    initial: parent?.initial?.target.includes(node) ?? true,
    entry: node.entry.filter(isOwn).map(nameOf),
    exit: node.exit.filter(isOwn).map(nameOf),
    invokes: node.invoke.map(({ id }) => id),
  };
  return [state, ...Object.values(node.states).flatMap((child) => statesOf(child, node))];
}

function edgesOf(node: StateNode): ChartEdge[] {
  const transitions = [
    ...[...node.transitions.values()].flat().map((edge) => ({ edge, event: wordsFor(edge.eventType, node.id) })),
    ...(node.always ?? []).map((edge) => ({ edge, event: 'always' })),
  ];
  const own = transitions.flatMap(({ edge, event }, i) => {
    const targets = edge.target ?? [null];
    return targets.map((target, t) => ({
      id: `${node.id}/${i}${targets.length > 1 ? `.${t}` : ''}`,
      from: node.id,
      to: target?.id ?? null,
      event,
      guard: edge.guard === undefined ? null : nameOf(edge.guard),
      actions: edge.actions.map(nameOf),
    }));
  });
  return [...own, ...Object.values(node.states).flatMap(edgesOf)];
}

export function chartOf(machine: AnyStateMachine): ChartView {
  const { root } = machine as unknown as Inside;
  const content = { id: root.id, states: statesOf(root, null), edges: edgesOf(root) };
  const text = JSON.stringify(content);
  // Two checksums, of it and of it turned round: 64 bits.
  const hash = [text, [...text].reverse().join('')].map((part) => crc32(part).toString(16).padStart(8, '0')).join('');
  return { ...content, hash };
}

const known = new WeakMap<AnyStateMachine, readonly ChartView[]>();
const isMachine = (logic: unknown): logic is AnyStateMachine =>
  typeof logic === 'object' && logic !== null && 'root' in logic;

/** Of a machine and of all machines that it may start, by their ids. */
export function chartsOf(machine: AnyStateMachine): readonly ChartView[] {
  const charts = known.get(machine) ?? makeCharts(machine);
  known.set(machine, charts);
  return charts;
}
function makeCharts(machine: AnyStateMachine): readonly ChartView[] {
  const found = new Map<string, ChartView>();
  const add = (next: AnyStateMachine): void => {
    const chart = chartOf(next);
    if (found.has(chart.id)) return;
    found.set(chart.id, chart);
    for (const logic of Object.values((next as unknown as Inside).implementations.actors))
      if (isMachine(logic)) add(logic);
  };
  add(machine);
  return [...found.values()];
}

/** Ids of the active states of a running statechart; of a service nothing. */
export function activeStates(snapshot: unknown): readonly string[] | undefined {
  const { _nodes: nodes } = snapshot as { readonly _nodes?: readonly StateNode[] };
  return nodes?.map(({ id }) => id);
}

export interface RunningActor {
  readonly id: string;
  readonly parent: string | null;
  readonly snapshot: unknown;
}
interface Ref {
  readonly id: string;
  getSnapshot(): { readonly children?: Readonly<Record<string, Ref | undefined>> };
}
/** The actor and all below it. */
export function actorsBelow(root: unknown, parent: string | null = null): readonly RunningActor[] {
  const ref = root as Ref;
  const snapshot = ref.getSnapshot();
  const children = Object.values(snapshot.children ?? {}).filter((child) => child !== undefined);
  return [{ id: ref.id, parent, snapshot }, ...children.flatMap((child) => actorsBelow(child, ref.id))];
}
