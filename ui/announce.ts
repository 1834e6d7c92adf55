/**
 * What the live region says to those who do not see the page: leader, nodes, violations, the connection. Never figures.
 * Pure: it compares two pictures of the same cluster.
 */
import type { NodeId } from '../actors/protocol/epoch.ts';
import { isUp, type Member } from './cluster.ts';
import type { Connection } from './feed.ts';
import type { Words } from './words.ts';

export interface Picture {
  readonly connection: Connection['kind'];
  readonly leader: NodeId | null;
  readonly down: readonly NodeId[];
  readonly violations: number;
}

export function pictureOf(connection: Connection, members: readonly Member[], self: NodeId): Picture {
  return {
    connection: connection.kind,
    leader: members.find(({ node }) => node === self)?.view?.status.leader ?? null,
    down: members.filter((member) => !isUp(member) && member.standing === 'down').map(({ node }) => node),
    violations: members.reduce((most, { view }) => Math.max(most, view?.metrics.violations ?? 0), 0),
  };
}

export function announcements(before: Picture, after: Picture, words: Words): readonly string[] {
  const said: string[] = [];
  const isLost = (kind: Connection['kind']): boolean => kind === 'reconnecting';
  if (after.connection !== before.connection) {
    if (isLost(after.connection) && !isLost(before.connection)) said.push(words.saidLost);
    else if (after.connection === 'stale') said.push(words.saidStale);
    else if (after.connection === 'live' && (isLost(before.connection) || before.connection === 'stale')) {
      said.push(words.saidBack);
    }
  }
  if (after.leader !== before.leader) {
    said.push(after.leader === null ? words.saidNoLeader : words.saidLeader(after.leader));
  }
  for (const node of after.down) if (!before.down.includes(node)) said.push(words.saidDown(node));
  for (const node of before.down) if (!after.down.includes(node)) said.push(words.saidUp(node));
  if (after.violations > before.violations) said.push(words.saidViolations(after.violations));
  return said;
}
