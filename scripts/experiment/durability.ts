/** All nodes are killed at the same time, as by kill -9, in the middle of writes; started again, they must have lost nothing. */
import { auditOf, logsOf, newestId, promisesOf, violationsOf } from './audit.ts';
import { pause, settled, soon, Unusable } from './cluster.ts';
import type { Context, Measured } from './experiment.ts';
import { Load, spread } from './load.ts';
import type { LeaderSpell, WriteSample } from './results.ts';
import { ms } from './statistics.ts';
import { LeaderWatch } from './watch.ts';

const clients = 6;
const thinkMs = 10;
const loadMs = 2_000;
const afterMs = 1_500;
const backWithinMs = 120_000;

const answeredAt = ({ atMs, ms: took }: WriteSample): number => atMs + took;

/**
 * The nodes that did not answer after the kill. When a silence began says nothing: that is when the node answered last, and
 * a busy one may have done so a while before.
 */
export const diedOf = (spells: readonly LeaderSpell[], killedAt: number): ReadonlySet<number> =>
  new Set(spells.filter(({ leader, toMs }) => leader === 'silent' && toMs > killedAt).map(({ node }) => node));

export async function durability(context: Context): Promise<Measured<'durability'>> {
  const { cluster, settings, now, name, say } = context;
  const { downMs } = settings;
  const after = await newestId(cluster);
  const ids = cluster.nodes.map(({ id }) => id);
  say.line(`${clients} clients write; all ${ids.length} nodes are killed at once and started again`);
  const watch = new LeaderWatch(cluster, now).start();
  const homes = spread(clients, ids);
  const load = new Load(cluster, now, { name, homes, moves: true, timeoutMs: 10_000, thinkMs }).start();
  await pause(loadMs);

  const killedAt = now();
  const orders = cluster.nodes.map((node) => node.chaos('kill', { node: node.id, ms: downMs }));
  const refused = (await Promise.all(orders)).find((why) => why !== undefined);
  if (refused !== undefined) throw new Unusable(`the nodes cannot be killed: ${refused}`);
  say.progress('all nodes are dead');
  await pause(downMs);
  say.progress('waiting for them to come back');
  const back = await soon(() => (watch.leaderOfAll === null ? undefined : now()), backWithinMs, 5);
  await pause(afterMs);
  const writes = (await load.stop()).map((write) => ({ ...write, atMs: ms(write.atMs - killedAt) }));
  const spells = await watch.stop();
  await settled(cluster, backWithinMs);

  const violations = await violationsOf(cluster);
  const audit = auditOf(writes, await logsOf(cluster, after), after);
  const died = diedOf(spells, killedAt);
  const acknowledged = writes.filter(({ outcome }) => outcome === 'acknowledged');
  // An answer that left before the node died may be read after the order to kill was sent; a new one takes a new leader.
  const afterIt = acknowledged.filter((write) => answeredAt(write) > downMs);
  const firstMs = afterIt.length === 0 ? null : ms(Math.min(...afterIt.map(answeredAt)));
  const figures = {
    allBackMs: back === undefined ? null : ms(back - killedAt),
    firstWriteMs: firstMs,
    acknowledgedBefore: acknowledged.length - afterIt.length,
    acknowledgedAfter: afterIt.length,
    lost: audit.lost,
    moved: audit.moved,
    doubled: audit.doubled,
  };
  return {
    parameters: { loadMs, downMs, clients },
    samples: {
      writes,
      leaders: spells.map((spell) => ({
        ...spell,
        fromMs: ms(spell.fromMs - killedAt),
        toMs: ms(spell.toMs - killedAt),
      })),
    },
    figures,
    promises: [
      { promise: 'all nodes were dead', held: died.size === ids.length, detail: `${died.size} of ${ids.length}` },
      {
        promise: 'they come back by themselves and take writes',
        held: figures.allBackMs !== null && figures.firstWriteMs !== null,
        detail: `all healthy ${figures.allBackMs ?? '–'} ms after the kill, a write ${figures.firstWriteMs ?? '–'} ms (${downMs} ms of it left dead)`,
      },
      ...promisesOf(audit, violations),
    ],
  };
}
