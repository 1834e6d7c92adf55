/**
 * The leader and as many others as make a minority are cut off from the rest while clients write on both sides: the minority
 * must refuse, the majority go on, and after the healing nothing may be lost or doubled.
 */
import { auditOf, logsOf, newestId, promisesOf, violationsOf } from './audit.ts';
import { type Cluster, majorityOf, nodeOf, pause, settled, soon, Unusable } from './cluster.ts';
import type { Context, Measured } from './experiment.ts';
import { Load } from './load.ts';
import type { WriteSample } from './results.ts';
import { ms } from './statistics.ts';
import { LeaderWatch, storiesOf } from './watch.ts';

/** At each node. */
const clients = 2;
const thinkMs = 40;
/** Of a write: on one machine, and where it has to cross oceans. */
const timeoutsMs = { near: 1_000, far: 2_000 } as const;
const beforeMs = 1_500;
const afterMs = 2_000;
/** Should nobody heal it, it heals by itself so much later. */
const graceMs = 30_000;
const agreeWithinMs = 60_000;
const readEveryMs = 250;

interface Sides {
  readonly minority: readonly number[];
  readonly majority: readonly number[];
}

/** Pure. The leader and the lowest ids beside it, as many as are no majority. */
export function sidesOf(ids: readonly number[], leader: number, majority: number): Sides {
  const minority = [leader, ...ids.filter((id) => id !== leader)].slice(0, ids.length - majority);
  return { minority, majority: ids.filter((id) => !minority.includes(id)) };
}

const cutName = (a: number, b: number): string => `cut:${Math.min(a, b)}-${Math.max(a, b)}`;
const pairsOf = ({ minority, majority }: Sides): readonly (readonly [number, number])[] =>
  minority.flatMap((node) => majority.map((peer) => [node, peer] as const));

/** Orders go to the minority's end: a node can cut its own links also where nobody watches over all nodes. */
async function cut(cluster: Cluster, sides: Sides, forMs: number): Promise<void> {
  const whys = await Promise.all(
    pairsOf(sides).map(([node, peer]) => nodeOf(cluster, node).chaos('cut', { node, peer, ms: forMs })),
  );
  const why = whys.find((each) => each !== undefined);
  if (why !== undefined) throw new Unusable(`the links cannot be cut: ${why}`);
}
async function heal(cluster: Cluster, sides: Sides): Promise<void> {
  await Promise.all(pairsOf(sides).map(([a, b]) => nodeOf(cluster, a).chaos('heal', { id: cutName(a, b) })));
}

/** Committed messages can still be read there. */
async function readsOf(cluster: Cluster, ids: readonly number[], isOver: () => boolean): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const answers = await Promise.all(
      ids.map((id) => nodeOf(cluster, id).ask('/messages?limit=1', { withinMs: 2_000 })),
    );
    count += answers.filter((answer) => answer?.status === 200).length;
    await pause(readEveryMs);
  }
  return count;
}

/** Of these nodes: sent after the cut was made, and answered before the healing began. */
const whileApart = (writes: readonly WriteSample[], ids: readonly number[], apartMs: number): WriteSample[] =>
  writes.filter(({ node, atMs, ms: took }) => ids.includes(node) && atMs >= 0 && atMs + took <= apartMs);
const isAcknowledged = ({ outcome }: WriteSample): boolean => outcome === 'acknowledged';

export async function partition(context: Context): Promise<Measured<'partition'>> {
  const { cluster, settings, now, name, say } = context;
  const { apartMs: wantedMs } = settings;
  const timeoutMs = timeoutsMs[cluster.regions.size === 0 ? 'near' : 'far'];
  const leader = await settled(cluster, agreeWithinMs);
  if (leader === null) throw new Unusable('the nodes do not come to agree on a leader');
  const after = await newestId(cluster);
  const ids = cluster.nodes.map(({ id }) => id);
  const sides = sidesOf(ids, leader, majorityOf(cluster));
  const { minority, majority } = sides;
  say.line(`${minority.join(', ')}, with the leader, is cut off from ${majority.join(', ')} for ${wantedMs / 1000} s`);
  const watch = new LeaderWatch(cluster, now).start();
  const homes = ids.flatMap((id) => Array.from({ length: clients }, () => id));
  const load = new Load(cluster, now, { name, homes, moves: false, timeoutMs, thinkMs }).start();
  await pause(beforeMs);

  cluster.broken.set('cut', () => heal(cluster, sides));
  await cut(cluster, sides, wantedMs + graceMs);
  const cutAt = now();
  let isHealing = false;
  const reads = readsOf(cluster, minority, () => isHealing);
  for (let left = wantedMs; left > 0; left -= 500) {
    say.progress(`apart for ${((wantedMs - left) / 1000).toFixed(1)} s, ${watch.leader ?? 'nobody'} leads`);
    await pause(Math.min(500, left));
  }
  isHealing = true;
  const healedAt = now();
  await heal(cluster, sides);
  cluster.broken.delete('cut');
  const agreed = await soon(() => (watch.leaderOfAll === null ? undefined : now()), agreeWithinMs, 5);
  const hasResumed = (): boolean =>
    load.writes.some((write) => minority.includes(write.node) && isAcknowledged(write) && write.atMs > healedAt);
  await soon(() => hasResumed() || undefined, agreeWithinMs, 20);
  await pause(afterMs);
  const writes = (await load.stop()).map((write) => ({ ...write, atMs: ms(write.atMs - cutAt) }));
  const spells = await watch.stop();
  const story = await storiesOf(cluster, cutAt - beforeMs, Date.now() - now());
  await settled(cluster, agreeWithinMs);

  const violations = await violationsOf(cluster);
  const audit = auditOf(writes, await logsOf(cluster, after), after);
  const apartMs = ms(healedAt - cutAt);
  const ofMinority = whileApart(writes, minority, apartMs);
  const ofMajority = whileApart(writes, majority, apartMs).filter(isAcknowledged);
  const refusals: Record<string, number> = {};
  for (const { code } of ofMinority) if (code !== undefined) refusals[code] = (refusals[code] ?? 0) + 1;
  const firstOf = (all: readonly WriteSample[]): number | null =>
    all.length === 0 ? null : ms(Math.min(...all.map((write) => write.atMs + write.ms)));
  const resumed = firstOf(
    writes.filter((write) => minority.includes(write.node) && isAcknowledged(write) && write.atMs + write.ms > apartMs),
  );
  const figures = {
    minority,
    majority,
    apartMs,
    majorityResumedMs: firstOf(ofMajority),
    agreedAgainMs: agreed === undefined ? null : ms(agreed - healedAt),
    minorityResumedMs: resumed === null ? null : ms(resumed - apartMs),
    acknowledgedByMajority: ofMajority.length,
    acknowledgedByMinority: ofMinority.filter(isAcknowledged).length,
    refusedByMinority: ofMinority.filter((write) => !isAcknowledged(write)).length,
    refusals,
    readByMinority: await reads,
    lost: audit.lost,
    doubled: audit.doubled,
  };
  const codes = Object.entries(refusals).map(([code, count]) => `${count} ${code}`);
  return {
    parameters: { apartMs: wantedMs, clients: homes.length, timeoutMs },
    samples: {
      writes,
      leaders: spells.map((spell) => ({
        ...spell,
        fromMs: ms(spell.fromMs - cutAt),
        toMs: ms(spell.toMs - cutAt),
      })),
      story: story.map((mark) => ({ ...mark, atMs: ms(mark.atMs - cutAt) })),
    },
    figures,
    promises: [
      {
        promise: 'the minority acknowledges nothing while it is cut off, and says so',
        held: figures.acknowledgedByMinority === 0 && figures.refusedByMinority > 0 && !('NO_ANSWER' in refusals),
        detail: `${figures.acknowledgedByMinority} acknowledged; ${codes.join(', ') || 'no answers'}`,
      },
      {
        promise: 'the minority still shows what was committed',
        held: figures.readByMinority > 0,
        detail: `${figures.readByMinority} reads`,
      },
      {
        promise: 'the majority goes on',
        held: figures.acknowledgedByMajority > 0,
        detail: `${figures.acknowledgedByMajority} acknowledged, the first ${figures.majorityResumedMs ?? '–'} ms after the cut`,
      },
      {
        promise: 'after the healing all agree on one leader, and the former minority takes writes',
        held: figures.agreedAgainMs !== null && figures.minorityResumedMs !== null,
        detail: `after ${figures.agreedAgainMs ?? '–'} ms and ${figures.minorityResumedMs ?? '–'} ms`,
      },
      ...promisesOf(audit, violations),
    ],
  };
}
