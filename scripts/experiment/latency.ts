/**
 * How far the nodes are from each other: the round trip of single pings between each ordered pair, as the nodes measure
 * their own heartbeats.
 *
 * L1. A ping is a sample once at most, and never when it came back before the experiment began: nodes number the pings
 *     that came back, and tell with the number the round trip of the last.
 */
import { type Cluster, pause } from './cluster.ts';
import type { Context, Measured } from './experiment.ts';
import { lightRoundTripMs } from './regions.ts';
import type { PairSample } from './results.ts';
import { ms, spreadOf } from './statistics.ts';

type Told = Awaited<ReturnType<Cluster['nodes'][number]['metrics']>>;

/** Smoothed, as the nodes reckon with them: `get(from)?.get(to)` in milliseconds; what was not measured yet is absent. */
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

export interface Pair {
  readonly source: number;
  readonly target: number;
}

/** The pings of one pair. Pure but for what it has taken. */
export class PairPings {
  readonly samples: PairSample[] = [];
  readonly #pair: Pair;
  readonly #wanted: number;
  #seen: number | undefined;

  constructor(pair: Pair, wanted: number) {
    this.#pair = pair;
    this.#wanted = wanted;
  }

  get isDone(): boolean {
    return this.samples.length >= this.#wanted;
  }

  /** Looks at what the source told. L1. */
  look(told: Told, atMs: number): void {
    const { source, target } = this.#pair;
    const ping = told?.get(`dlog_peer_pings_answered_total{peer="${target}"}`);
    if (ping === undefined || ping === this.#seen) return;
    const isFirst = this.#seen === undefined;
    this.#seen = ping;
    const seconds = told?.get(`dlog_peer_last_rtt_seconds{peer="${target}"}`);
    if (isFirst || this.isDone || seconds === undefined) return;
    this.samples.push({ source, target, ping, atMs, ms: ms(seconds * 1000) });
  }
}

/** How long pings may fail to come back, over all. */
const patienceMs = 10_000;

export async function latency({ cluster, settings, now, say }: Context): Promise<Measured<'latency'>> {
  const { nodes, regions } = cluster;
  const { samples: count, everyMs } = settings;
  const pairs = nodes.flatMap(({ id: source }) =>
    nodes
      .filter(({ id }) => id !== source)
      .map(({ id: target }) => ({ source, target, pings: new PairPings({ source, target }, count) })),
  );
  say.line(`${count} pings of each of ${pairs.length} ordered pairs, ${everyMs} ms apart`);
  const isDone = (): boolean => pairs.every(({ pings }) => pings.isDone);
  const until = now() + count * everyMs + patienceMs;
  while (!isDone() && now() < until) {
    const told = new Map(await Promise.all(nodes.map(async (node) => [node.id, await node.metrics()] as const)));
    const atMs = ms(now());
    for (const { source, pings } of pairs) pings.look(told.get(source), atMs);
    say.progress(`${Math.min(...pairs.map(({ pings }) => pings.samples.length))} of ${count} pings of each pair`);
    if (!isDone()) await pause(everyMs);
  }
  const figures = pairs.map(({ source, target, pings }) => {
    const [sourceRegion, targetRegion] = [regions.get(source) ?? null, regions.get(target) ?? null];
    const lightMs = sourceRegion && targetRegion ? lightRoundTripMs(sourceRegion, targetRegion) : null;
    return { source, target, sourceRegion, targetRegion, ms: spreadOf(pings.samples.map((ping) => ping.ms)), lightMs };
  });
  const missing = figures.filter((pair) => pair.ms.count < count);
  return {
    parameters: { samples: count, everyMs },
    samples: pairs.flatMap(({ pings }) => pings.samples).sort((a, b) => a.atMs - b.atMs),
    figures: { pairs: figures },
    promises: [
      {
        promise: 'every ordered pair is measured by pings of its own',
        held: missing.length === 0,
        detail: `${figures.length - missing.length} of ${figures.length} pairs have ${count} pings`,
      },
    ],
  };
}
