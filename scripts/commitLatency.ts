/**
 * Which node should lead, when peers are far apart: the commit latency that each choice would give. Pure.
 *
 * A write is committed when a majority has it. The leader is one of them, so it waits for the (quorum − 1)-th nearest of
 * the others: one round trip to that one is the floor, below which no protocol with one leader gets. Disks and queues
 * come on top.
 */

/** Round trips in ms as each node measured them: `rtts.get(from)?.get(to)`. Links that nobody has measured are absent. */
export type RoundTrips = ReadonlyMap<number, ReadonlyMap<number, number>>;

export interface CommitLatency {
  readonly leader: number;
  /** Null while too few of its links have been measured. */
  readonly ms: number | null;
}

/** Either end may have measured a link; where both have, the leader's own figure counts. */
const between = (rtts: RoundTrips, from: number, to: number): number | undefined =>
  rtts.get(from)?.get(to) ?? rtts.get(to)?.get(from);

/** For each node, in the order given. */
export function commitLatencies(nodes: readonly number[], rtts: RoundTrips): readonly CommitLatency[] {
  const needed = Math.floor(nodes.length / 2); // Of the others, besides the leader.
  return nodes.map((leader) => {
    const measured = nodes
      .filter((node) => node !== leader)
      .flatMap((node) => between(rtts, leader, node) ?? [])
      .sort((a, b) => a - b);
    return { leader, ms: needed === 0 ? 0 : (measured[needed - 1] ?? null) };
  });
}
