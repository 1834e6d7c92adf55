/**
 * What the logs of all nodes say of the writes that clients were told about. `auditOf` is pure.
 *
 * An acknowledged write must be in every log, once, under the id it was acknowledged with; a refused one nowhere.
 */
import type { Cluster } from './cluster.ts';
import { soon } from './cluster.ts';
import type { Message } from './node.ts';
import type { Promised, WriteSample } from './results.ts';

export interface Audit {
  readonly messages: number;
  readonly acknowledged: number;
  /** Acknowledged and in no log; under another id; more than once in a log. */
  readonly lost: number;
  readonly moved: number;
  readonly doubled: number;
  /** Refused as not done, and in a log all the same. */
  readonly refusedButThere: number;
  /** Entries that differ between two nodes, ids left out, Lamport times that do not rise. */
  readonly differing: number;
  readonly disordered: number;
  /** Nodes whose log could not be read. */
  readonly unread: readonly number[];
}

export type Logs = ReadonlyMap<number, readonly Message[] | undefined>;

const sameAs = (a: Message | undefined, b: Message | undefined): boolean =>
  a?.id === b?.id && a?.content === b?.content && a?.lamport === b?.lamport && a?.node === b?.node;

/** `after` is the newest id from before the experiment; the logs begin behind it. */
export function auditOf(writes: readonly WriteSample[], logs: Logs, after: number): Audit {
  const read = [...logs.values()].filter((log) => log !== undefined);
  const acknowledged = writes.filter(({ outcome }) => outcome === 'acknowledged');
  const maybeDone = new Set(writes.filter(({ outcome }) => outcome !== 'refused').map(({ message }) => message));
  const refused = new Set(writes.map(({ message }) => message).filter((message) => !maybeDone.has(message)));
  const lost = new Set<string>();
  const moved = new Set<string>();
  const doubled = new Set<string>();
  const there = new Set<string>();
  let differing = 0;
  let disordered = 0;
  for (const log of read) {
    const found = new Map<string, Message[]>();
    for (const [i, message] of log.entries()) {
      found.set(message.content, [...(found.get(message.content) ?? []), message]);
      const before = log[i - 1];
      if (message.id !== after + i + 1 || (before && message.lamport <= before.lamport)) disordered++;
      if (refused.has(message.content)) there.add(message.content);
    }
    for (const { message, id } of acknowledged) {
      const own = found.get(message) ?? [];
      if (own.length === 0) lost.add(message);
      else if (own.length > 1) doubled.add(message);
      else if (own[0]?.id !== id) moved.add(message);
    }
    const [first = []] = read;
    for (let i = 0; i < Math.max(log.length, first.length); i++) if (!sameAs(log[i], first[i])) differing++;
  }
  return {
    messages: Math.max(0, ...read.map(({ length }) => length)),
    acknowledged: acknowledged.length,
    lost: read.length === 0 ? acknowledged.length : lost.size,
    moved: moved.size,
    doubled: doubled.size,
    refusedButThere: there.size,
    differing,
    disordered,
    unread: [...logs].flatMap(([id, log]) => (log === undefined ? [id] : [])),
  };
}

const readWithinMs = 30_000;

/** All logs behind `after`, each by a read that shows whatever was acknowledged before. */
export async function logsOf(cluster: Cluster, after: number): Promise<Logs> {
  const logs = await Promise.all(
    cluster.nodes.map(async (node) => [node.id, await soon(() => node.messages(after), readWithinMs, 100)] as const),
  );
  return new Map(logs);
}

/** The newest id that any node has committed. */
export async function newestId({ nodes }: Cluster): Promise<number> {
  const metrics = await Promise.all(nodes.map((node) => node.metrics()));
  return Math.max(0, ...metrics.map((each) => each?.get('dlog_last_message_id') ?? 0));
}

export async function violationsOf({ nodes }: Cluster): Promise<number> {
  const metrics = await Promise.all(nodes.map((node) => node.metrics()));
  return metrics.reduce((sum, each) => sum + (each?.get('dlog_causality_violations_total') ?? 0), 0);
}

/** What every experiment with writes promises. */
export function promisesOf(audit: Audit, violations: number): readonly Promised[] {
  const { acknowledged, lost, moved, doubled, refusedButThere, differing, disordered, unread, messages } = audit;
  return [
    {
      promise: 'nothing acknowledged is lost, doubled or moved',
      held: lost + doubled + moved === 0 && unread.length === 0,
      detail: `${acknowledged} acknowledged: ${lost} lost, ${doubled} doubled, ${moved} moved${
        unread.length > 0 ? `; not read: ${unread.join(', ')}` : ''
      }`,
    },
    {
      promise: 'nothing refused is in the log',
      held: refusedButThere === 0,
      detail: `${refusedButThere} refused and there`,
    },
    {
      promise: 'all nodes hold the same messages in the same order, Lamport times rise, ids have no gap',
      held: differing + disordered === 0 && unread.length === 0,
      detail: `${messages} messages: ${differing} differ, ${disordered} out of order`,
    },
    {
      promise: 'no causality violation is counted',
      held: violations === 0,
      detail: `${violations} violations`,
    },
  ];
}
