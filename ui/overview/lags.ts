/** How far each node was behind in the last minute: a value a second, for the small pictures beside the figures. */
import { effect, signal } from '@preact/signals';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { leader, members, state } from '../live.ts';
import { keptSeconds } from './sparkline.ts';

export interface Lag {
  readonly entries: number;
  readonly ms: number | null;
}
/** Known to the leader alone. */
export function lagOf(node: NodeId): Lag | null {
  const leading = members.value.find((member) => member.node === leader.value);
  const link = leading?.view?.links.find(({ peer }) => peer === node);
  return link === undefined || link.lag === null ? null : { entries: link.lag, ms: link.lagMs ?? null };
}

export const lagHistory = signal<ReadonlyMap<NodeId, readonly number[]>>(new Map());
let notedAtMs = 0;
effect(() => {
  const nowMs = state.now.value;
  if (nowMs - notedAtMs < 950) return;
  notedAtMs = nowMs;
  const before = lagHistory.peek();
  lagHistory.value = new Map(
    members
      .peek()
      .map(({ node }) => [node, [...(before.get(node) ?? []), lagOf(node)?.entries ?? 0].slice(-keptSeconds)]),
  );
});
