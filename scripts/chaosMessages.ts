/**
 * What a node and the cluster script say to each other about faults, over the IPC channel. Nobody else can write there.
 *
 *   node --order--> cluster script --answer--> that node
 *                   cluster script --active, cut, mend--> every node that it is about
 */
import type { NodeId } from '../actors/protocol/epoch.ts';
import type { ChaosOrder } from '../http/chaos.ts';
import type { ActiveFault } from '../http/live/protocol.ts';
import type { Cut } from './cuttableLinks.ts';

export type ToCluster = { readonly type: 'chaos.order'; readonly ask: number; readonly order: ChaosOrder };

export type ToNode =
  | { readonly type: 'chaos.answer'; readonly ask: number; readonly why: string | null }
  | { readonly type: 'chaos.active'; readonly active: readonly ActiveFault[] }
  | { readonly type: 'chaos.cut'; readonly peer: NodeId; readonly cut: Cut }
  | { readonly type: 'chaos.mend'; readonly peer: NodeId };

const isOf = (message: unknown, types: readonly string[]): boolean =>
  typeof message === 'object' &&
  message !== null &&
  'type' in message &&
  typeof message.type === 'string' &&
  types.includes(message.type);

export const isToCluster = (message: unknown): message is ToCluster => isOf(message, ['chaos.order']);
export const isToNode = (message: unknown): message is ToNode =>
  isOf(message, ['chaos.answer', 'chaos.active', 'chaos.cut', 'chaos.mend']);
