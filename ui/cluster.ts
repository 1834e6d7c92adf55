/** What follows from the views of the nodes: who is up, who leads, whether they agree. Pure. */
import type { Role } from '../actors/facade.ts';
import type { Epoch, NodeId } from '../actors/protocol/epoch.ts';
import type { LiveView } from '../http/live/protocol.ts';
import type { SeenNode } from './state.ts';

/** A view that is older than this, while the feed goes on, says nothing about now. */
export const oldViewMs = 3000;
const idsInEpoch = 65_536;

export type Standing = Role | 'down' | 'unknown';

export interface Facts {
  readonly self: NodeId;
  readonly voters: readonly NodeId[];
  readonly nodes: ReadonlyMap<NodeId, SeenNode>;
  /** When the feed spoke last: while it is silent nobody grows old. */
  readonly asOfMs: number;
}
export interface Member {
  readonly node: NodeId;
  readonly standing: Standing;
  /** The last one; of a node that is down it tells how things were. */
  readonly view: LiveView | null;
  readonly madeAtMs: number | null;
}

/** Rounds count from 1, and are what people call an epoch; the id of its owner is said beside it. */
export const roundOf = (epoch: Epoch): number => Math.floor(epoch / idsInEpoch);

export function membersOf({ self, voters, nodes, asOfMs }: Facts): readonly Member[] {
  const links = nodes.get(self)?.view.links ?? [];
  return [...voters]
    .sort((a, b) => a - b)
    .map((node) => {
      const seen = nodes.get(node);
      const link = links.find(({ peer }) => peer === node);
      const isFresh = seen !== undefined && asOfMs - seen.madeAtMs <= oldViewMs;
      const isCut = node !== self && link !== undefined && !link.up;
      const base = { node, view: seen?.view ?? null, madeAtMs: seen?.madeAtMs ?? null };
      if (isFresh && !(isCut && asOfMs - seen.madeAtMs > 1000)) return { ...base, standing: seen.view.status.role };
      return { ...base, standing: isCut || seen !== undefined ? 'down' : 'unknown' };
    });
}

export const isUp = ({ standing }: Member): boolean => standing !== 'down' && standing !== 'unknown';

export interface Opinion {
  readonly node: NodeId;
  readonly leader: NodeId | null;
  readonly epoch: Epoch;
}
/** What those who can be heard say; empty where they agree, or where only one speaks. Who knows no leader contradicts nobody. */
export function disagreement(members: readonly Member[]): readonly Opinion[] {
  const opinions = members.flatMap((member) =>
    isUp(member) && member.view !== null
      ? [{ node: member.node, leader: member.view.status.leader, epoch: member.view.status.epoch }]
      : [],
  );
  const named = new Set(opinions.flatMap(({ leader }) => (leader === null ? [] : [leader])));
  return named.size > 1 ? opinions : [];
}
