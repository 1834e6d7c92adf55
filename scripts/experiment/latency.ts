/**
 * How far the nodes are from each other: the round trip between each ordered pair, as the nodes' own pings measure it.
 *
 * A node tells its round trips smoothed, as TCP smooths them (RFC 6298, an eighth of each new ping): single pings vary more
 * than these samples do. They are taken so far apart that each holds mostly pings that the one before did not.
 */
import { type Cluster, pause } from './cluster.ts';
import type { Context, Measured } from './experiment.ts';
import { lightRoundTripMs } from './regions.ts';
import type { PairSample } from './results.ts';
import { ms, spreadOf } from './statistics.ts';

/** `get(from)?.get(to)` in milliseconds; what was not measured yet is absent. */
export async function roundTrips({ nodes }: Cluster): Promise<ReadonlyMap<number, ReadonlyMap<number, number>>> {
  const measured = await Promise.all(nodes.map((node) => node.metrics()));
  return new Map(
    nodes.map(({ id }, i) => {
      const found = nodes.flatMap(({ id: peer }) => {
        const seconds = measured[i]?.get(`dlog_peer_rtt_seconds{peer="${peer}"}`);
        return seconds === undefined ? [] : [[peer, ms(seconds * 1000)] as const];
      });
      return [id, new Map(found)];
    }),
  );
}

export async function latency({ cluster, settings, now, say }: Context): Promise<Measured<'latency'>> {
  const { nodes, regions } = cluster;
  const { samples: count, everyMs } = settings;
  const pairs = nodes.flatMap(({ id: source }) =>
    nodes.filter(({ id }) => id !== source).map(({ id: target }) => ({ source, target })),
  );
  say.line(`${count} samples of each of ${pairs.length} ordered pairs, ${everyMs} ms apart`);
  const samples: PairSample[] = [];
  for (let i = 1; i <= count; i++) {
    const atMs = ms(now());
    const rtts = await roundTrips(cluster);
    for (const { source, target } of pairs) {
      const found = rtts.get(source)?.get(target);
      if (found !== undefined) samples.push({ source, target, atMs, ms: found });
    }
    say.progress(`${i} of ${count} samples of each pair`);
    if (i < count) await pause(everyMs);
  }
  const figures = pairs.map(({ source, target }) => {
    const [sourceRegion, targetRegion] = [regions.get(source) ?? null, regions.get(target) ?? null];
    const own = samples.filter((sample) => sample.source === source && sample.target === target);
    const lightMs = sourceRegion && targetRegion ? lightRoundTripMs(sourceRegion, targetRegion) : null;
    return { source, target, sourceRegion, targetRegion, ms: spreadOf(own.map((sample) => sample.ms)), lightMs };
  });
  const missing = figures.filter((pair) => pair.ms.count < count);
  return {
    parameters: { samples: count, everyMs },
    samples,
    figures: { pairs: figures },
    promises: [
      {
        promise: 'every ordered pair is measured',
        held: missing.length === 0,
        detail: `${figures.length - missing.length} of ${figures.length} pairs have ${count} samples`,
      },
    ],
  };
}
