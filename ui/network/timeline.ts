/**
 * Who led when, from what the nodes tell: spans of leadership, and the gaps between them. Pure.
 *
 * N1. A leadership is an epoch: it begins when the first node tells of it. It ends when its leader says so; if it did not
 *     come to that, when the first of the others missed it; at the latest when the next begins.
 */
import type { StoryView } from '../../actors/observation.ts';
import type { Epoch, NodeId } from '../../actors/protocol/epoch.ts';
import type { Stories } from '../state.ts';

export interface Span {
  readonly node: NodeId;
  readonly epoch: Epoch;
  readonly fromMs: number;
  readonly toMs: number;
  /** Still leads. */
  readonly isOpen: boolean;
}
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}
export interface Timeline {
  readonly fromMs: number;
  readonly toMs: number;
  readonly spans: readonly Span[];
  readonly gaps: readonly Gap[];
}
export interface Told extends StoryView {
  readonly node: NodeId;
}

/** In the order of time, oldest first. */
export const toldBy = (stories: Stories): readonly Told[] =>
  [...stories]
    .flatMap(([node, story]) => story.map((one) => ({ ...one, node })))
    .sort((a, b) => a.wallMs - b.wallMs || a.lamport - b.lamport);

/** `leading`: whom and in which epoch a node that can be heard now calls its leader. */
export function timelineOf(
  told: readonly Told[],
  leading: { readonly leader: NodeId | null; readonly epoch: Epoch },
  nowMs: number,
): Timeline {
  const begins = new Map<Epoch, { readonly node: NodeId; readonly fromMs: number }>();
  for (const { epoch, leader, wallMs } of told) {
    if (leader !== null && !begins.has(epoch)) begins.set(epoch, { node: leader, fromMs: wallMs });
  }
  const terms = [...begins].sort(([a], [b]) => a - b);
  const spans = terms.map(([epoch, { node, fromMs }], i): Span => {
    const nextMs = terms[i + 1]?.[1].fromMs;
    const isOpen = nextMs === undefined && leading.leader === node;
    const endMs = isOpen ? nowMs : (endOf(told, epoch, node, fromMs) ?? nextMs ?? nowMs);
    return { node, epoch, fromMs, toMs: Math.max(fromMs, Math.min(endMs, nextMs ?? nowMs)), isOpen };
  });
  const fromMs = told[0]?.wallMs ?? nowMs;
  return { fromMs, toMs: Math.max(nowMs, fromMs), spans, gaps: gapsOf(spans, fromMs, nowMs) };
}

/** N1. */
function endOf(told: readonly Told[], epoch: Epoch, node: NodeId, fromMs: number): number | undefined {
  const later = told.filter(({ wallMs, epoch: at, leader }) => wallMs >= fromMs && at >= epoch && leader !== node);
  const ownWord = later.find((one) => one.node === node);
  const missed = later.find(({ leader }) => leader === null);
  return (ownWord ?? missed)?.wallMs;
}

function gapsOf(spans: readonly Span[], fromMs: number, nowMs: number): readonly Gap[] {
  const gaps: Gap[] = [];
  let ledUntilMs = fromMs;
  for (const span of spans) {
    if (span.fromMs > ledUntilMs) gaps.push({ fromMs: ledUntilMs, toMs: span.fromMs });
    ledUntilMs = Math.max(ledUntilMs, span.toMs);
  }
  if (spans.length > 0 && nowMs > ledUntilMs) gaps.push({ fromMs: ledUntilMs, toMs: nowMs });
  return gaps;
}
