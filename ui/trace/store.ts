/** The state of the space-time page: its record, which lives on while other pages are shown, and what is looked at. */
import { computed, signal } from '@preact/signals';
import { unpacked } from '../../http/live/packedTrace.ts';
import type { SeenView, ToClient } from '../../http/live/protocol.ts';
import { leader, members, state } from '../live.ts';
import { format, language, wordsOf } from '../preferences.ts';
import { place } from '../routes.tsx';
import { type AxisKind, orderedBy } from './axis.ts';
import { CausalGraph } from './causal.ts';
import { type Known, reignsOf } from './leadership.ts';
import { linkOf, type Traced, TraceRecord, toldBy } from './record.ts';
import { Sampling } from './sampling.ts';
import { type Command, chooseAt, firstOf, following, obey, type Viewing } from './viewing.ts';
import { type Saying, traceWords } from './words.ts';

const record = new TraceRecord();
const sampling = new Sampling();

const recorded = signal(0);
/** Null: as many as fit. */
export const chosenOneOf = signal<number | null>(null);
const fittingOneOf = signal(1);
export const wantedOneOf = computed(() => chosenOneOf.value ?? fittingOneOf.value);

function take({ view }: SeenView): void {
  const told = toldBy(view);
  if (told === null) return;
  record.note(told);
  const { oneOf, dropped, events } = told;
  if (sampling.note({ oneOf, dropped, events: events.length }, Date.now())) fittingOneOf.value = sampling.oneOf;
}
function takeMessage(message: ToClient): void {
  if (message.type === 'hello') {
    const boots = new Map(message.views.map(({ view }) => [view.node, view.boot]));
    for (const [node, trace] of message.history.trace)
      record.note({
        node,
        boot: boots.get(node) ?? 0,
        viewSeq: null,
        madeAtMs: null,
        oneOf: record.oneOf,
        dropped: 0,
        events: unpacked(node, trace),
      });
  }
  message.views.forEach(take);
  recorded.value = record.version;
}
state.onMessage(takeMessage);
if (state.hello.value !== null) takeMessage(state.hello.value);

// ----------------------------------------------------------------------------------------------------- what is shown

export interface Picture {
  readonly lanes: ReadonlyMap<number, readonly Traced[]>;
  readonly graph: CausalGraph;
  readonly oneOf: number;
  readonly dropped: number;
}
const current = (): Picture => {
  const lanes = record.lanes();
  return { lanes, graph: new CausalGraph(lanes, record.untilMs), oneOf: record.oneOf, dropped: record.dropped };
};
/** W1: the picture of the moment in which following ended. */
const frozen = signal<Picture | null>(null);
const fresh = computed(() => {
  recorded.value; // Made anew with every change of the record.
  return current();
});
export const picture = computed(() => frozen.value ?? fresh.value);
export const axis = signal<AxisKind>('lamport');
export const ordered = computed(() => orderedBy(axis.value, picture.value.graph));
export const viewing = signal<Viewing>(following);
/** Events that the window has room for; the diagram says so. */
export const windowSize = signal(30);
export const first = computed(() => firstOf(viewing.value, ordered.value.length, windowSize.value));
export const shown = computed(() => ordered.value.slice(first.value, first.value + windowSize.value));
export const isFollowing = computed(() => viewing.value.first === null);
export const nodes = computed(() => {
  const voters = members.value.map(({ node }) => node);
  return [...new Set([...voters, ...picture.value.lanes.keys()])].sort((a, b) => a - b);
});
const known = computed<ReadonlyMap<number, Known>>(() => {
  const stories = state.stories.value;
  const views = state.nodes.value;
  return new Map(
    [...new Set([...stories.keys(), ...views.keys()])].map((node) => {
      const view = views.get(node)?.view;
      const heard = view === undefined ? null : { lamport: view.status.lamport, wallMs: view.wallMs };
      return [node, { story: stories.get(node) ?? [], heard }];
    }),
  );
});
export const reigns = computed(() => reignsOf(picture.value.lanes, leader.value, known.value));
export const selected = computed(() => {
  const id = viewing.value.selected;
  return id === null ? null : (picture.value.graph.event(id) ?? null);
});
export const relations = computed(() =>
  selected.value === null ? null : picture.value.graph.relations(selected.value),
);
export const saying = computed<Saying>(() => ({
  language: language.value,
  words: wordsOf(traceWords),
  count: (value) => format.value.count(value),
}));

// ------------------------------------------------------------------------------------------------------ what one does

export function look(next: Viewing): void {
  if (next.first === null) frozen.value = null;
  else frozen.value ??= fresh.peek();
  const isNew = next.selected !== viewing.peek().selected;
  viewing.value = next;
  const event = selected.value;
  // Replaced, not pushed: the way back leads to the page before, not through every event that was looked at.
  if (isNew) history.replaceState(null, '', event === null ? '#trace' : `#trace/${linkOf(event)}`);
}

/** True if that changed anything. */
export function command(what: Command): boolean {
  const before = viewing.peek();
  const next = obey(what, before, ordered.peek(), windowSize.peek());
  if (next === before) return false;
  look(next);
  return true;
}
export function choose(id: string): void {
  const at = ordered.peek().findIndex((event) => event.id === id);
  look(chooseAt(at, viewing.peek(), ordered.peek(), windowSize.peek()));
}

/** The event that the address names, as long as it has not been found. */
export const missing = signal<string | null>(null);
/** Call it with every change of the record: what the address names may come yet. */
export function followAddress(): void {
  const link = missing.peek();
  const event = link === null ? undefined : record.find(link);
  if (event === undefined) return;
  missing.value = null;
  frozen.value = null;
  choose(event.id);
}
export const watchAddress = (): void => {
  const link = place.value;
  missing.value = link === '' ? null : link;
  followAddress();
};
export const recordVersion = recorded;
