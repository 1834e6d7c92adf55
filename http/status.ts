/** What the node says of itself: health, leader, state, Lamport time. */
import type { Context } from 'koa';
import type { NodeStatus } from '../actors/facade.ts';
import { jsonType, send, sendJson, textType } from './answer.ts';
import type { Edge } from './edge.ts';

/** What to do where a node cannot be a voter (PROTOCOL R25). */
const remedies: Readonly<Record<NonNullable<NodeStatus['identityTrouble']>, string>> = {
  IDENTITY_LOST:
    'The cluster knows this node with another data folder. Start it with that folder; if it is gone, the node cannot vote again under this id.',
  CONFIG_MISMATCH:
    'PEERS or NODE_ID differ from those of the cluster. Give every node the same list, and restart this one.',
  DAMAGED:
    'The log on this disk is damaged. Keep a copy of the folder; the node takes the missing part from the others.',
};

const wrongSecretHint =
  'This node and the nodes in wrong_secret have different values of CLUSTER_SECRET. Give every node the same one, and restart those that had another.';

/** A new node does not serve before all of them are there; a formed cluster is content with a majority. */
const unformedHint = ({ voters }: NodeStatus): string =>
  `This node belongs to no cluster yet: one is formed once all of ${voters.join(', ')} have met. Start those that do not run.`;

/** What to do about a leader that is missing, where that is known. */
function hintOf(status: NodeStatus, hasWrongSecret: boolean): { readonly hint?: string } {
  if (hasWrongSecret) return { hint: wrongSecretHint };
  return status.serving && status.clusterId === null ? { hint: unformedHint(status) } : {};
}

/** Of those who came with another secret the ones that are not connected by now. */
function wrongSecretOf({ wrongSecretWith }: Edge, { peers }: NodeStatus): readonly number[] {
  const unlinked = new Set(peers.filter(({ link }) => link !== 'up').map(({ id }) => id));
  return wrongSecretWith().filter((id) => unlinked.has(id));
}

/** 200 when this node serves and knows a leader. */
export function getHealth(edge: Edge, ctx: Context): void {
  const status = edge.node.status();
  const { nodeId, leaderId, identityTrouble, role } = status;
  const strangers = wrongSecretOf(edge, status);
  const wrongSecret = strangers.length > 0 && { wrong_secret: strangers };
  const common = {
    node_id: nodeId,
    leader_id: leaderId,
    is_leader: isLeader(status),
    lamport_time: status.lamportTime,
    uptime: status.uptimeSeconds,
  };
  if (identityTrouble !== null) {
    const trouble = { trouble: identityTrouble, hint: remedies[identityTrouble] };
    sendJson(ctx, 503, { status: 'unhealthy', reason: 'no_id', ...trouble, role, ...common });
  } else if (!status.serving || leaderId === null) {
    const why = { ...wrongSecret, ...hintOf(status, strangers.length > 0) };
    sendJson(ctx, 503, { status: 'unhealthy', reason: 'no_leader', ...why, role, ...common });
  } else {
    sendJson(ctx, 200, { status: 'healthy', ...common, ...(status.diskFull && { disk_full: true }), ...wrongSecret });
  }
}

export const isLeader = ({ leaderId, nodeId }: NodeStatus): boolean => leaderId === nodeId;

/** 200 while committed messages can be read here, leader or not: what load balancers ask. */
export function getLive({ node }: Edge, ctx: Context): void {
  const { serving, nodeId } = node.status();
  if (serving) sendJson(ctx, 200, { status: 'live', node_id: nodeId });
  else sendJson(ctx, 503, { status: 'unhealthy', reason: 'starting', node_id: nodeId });
}

export const getLeader = ({ node }: Edge, ctx: Context): void =>
  send(ctx, 200, jsonType, `${node.status().leaderId}\n`);

export function getState({ node }: Edge, ctx: Context): void {
  const { nodeId, leaderId } = node.status();
  send(ctx, 200, textType, `${nodeId} ${leaderId ?? 'none'}\n`);
}

export const getLamportTime = ({ node }: Edge, ctx: Context): void =>
  sendJson(ctx, 200, { time: node.status().lamportTime });
