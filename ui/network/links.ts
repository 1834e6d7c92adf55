/** Every ordered pair of nodes, as the first of them measures it. Pure. */
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { isUp, type Member } from '../cluster.ts';

export type Cell =
  | { readonly kind: 'self' }
  /** Who measures it cannot be heard, or has not measured it yet. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'cut'; readonly error: string | null }
  | { readonly kind: 'up'; readonly rttMs: number; readonly lag: number | null; readonly error: string | null };

export interface Pair {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly cell: Cell;
}

export function cellOf(from: Member, to: NodeId): Cell {
  if (from.node === to) return { kind: 'self' };
  const link = isUp(from) ? from.view?.links.find(({ peer }) => peer === to) : undefined;
  if (link === undefined) return { kind: 'unknown' };
  if (!link.up) return { kind: 'cut', error: link.error };
  return link.rttMs === null
    ? { kind: 'unknown' }
    : { kind: 'up', rttMs: link.rttMs, lag: link.lag, error: link.error };
}

export const pairsOf = (members: readonly Member[]): readonly Pair[] =>
  members.flatMap((from) => members.map((to) => ({ from: from.node, to: to.node, cell: cellOf(from, to.node) })));

export interface Edge {
  readonly a: NodeId;
  readonly b: NodeId;
  readonly kind: 'up' | 'cut' | 'unknown';
  /** The mean of what both measure. */
  readonly rttMs: number | null;
  readonly lag: number | null;
}
/** Both directions as one line: cut when either says so. */
export function edgesOf(members: readonly Member[]): readonly Edge[] {
  return members.flatMap((a, i) =>
    members.slice(i + 1).map((b): Edge => {
      const cells = [cellOf(a, b.node), cellOf(b, a.node)];
      const up = cells.flatMap((cell) => (cell.kind === 'up' ? [cell] : []));
      const base = { a: a.node, b: b.node };
      if (cells.some(({ kind }) => kind === 'cut')) return { ...base, kind: 'cut', rttMs: null, lag: null };
      if (up.length === 0) return { ...base, kind: 'unknown', rttMs: null, lag: null };
      const rttMs = up.reduce((sum, cell) => sum + cell.rttMs, 0) / up.length;
      return { ...base, kind: 'up', rttMs, lag: up.find(({ lag }) => lag !== null)?.lag ?? null };
    }),
  );
}

/** How warm a round trip is drawn: 0 is in the same room, 4 on another continent. */
export const warmthOf = (rttMs: number): number => [1, 5, 25, 100].filter((bound) => rttMs >= bound).length;
