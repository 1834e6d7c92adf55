/** Many clients at once write to one node: how long each waits, how many a second, and that order and number are right. */

import { commitLatencies, type RoundTrips } from '../commitLatency.ts';
import { auditOf, logsOf, newestId, promisesOf, violationsOf } from './audit.ts';
import { type Cluster, leaderOf, nodeOf, Unusable } from './cluster.ts';
import type { Settings } from './commandLine.ts';
import type { Context, Measured } from './experiment.ts';
import { roundTrips } from './latency.ts';
import { Load } from './load.ts';
import { lightRoundTripMs } from './regions.ts';
import { ms, spreadOf } from './statistics.ts';

/** By default a follower, as a client behind a load balancer mostly gets one: its writes go a longer way. */
function asked({ nodes }: Cluster, wanted: Settings['node'], leader: number | null): number {
  if (typeof wanted === 'number') return wanted;
  const found = nodes.find(({ id }) => (id === leader) === (wanted === 'leader'));
  if (!found) throw new Unusable('nobody leads');
  return found.id;
}

/** Pure. To the leader and back, and from there to the nearest that make a majority with it. */
export function floorOf(rtts: RoundTrips, node: number, leader: number): number | null {
  const commitMs = commitLatencies([...rtts.keys()], rtts).find((each) => each.leader === leader)?.ms;
  const wayMs = node === leader ? 0 : rtts.get(node)?.get(leader);
  return typeof commitMs === 'number' && wayMs !== undefined ? ms(wayMs + commitMs) : null;
}

/** What the network alone takes, as it is and at the speed of light. On one machine a ping measures the machine. */
async function floors(cluster: Cluster, node: number, leader: number | null) {
  if (leader === null || cluster.regions.size === 0) return { floorMs: null, lightMs: null };
  const places = [...cluster.regions];
  const light = new Map(
    places.map(([id, region]) => [id, new Map(places.map(([to, far]) => [to, lightRoundTripMs(region, far) ?? 0]))]),
  );
  return { floorMs: floorOf(await roundTrips(cluster), node, leader), lightMs: floorOf(light, node, leader) };
}

export async function concurrency(context: Context): Promise<Measured<'concurrency'>> {
  const { cluster, settings, now, name, say } = context;
  const leader = await leaderOf(cluster);
  const node = nodeOf(cluster, asked(cluster, settings.node, leader)).id;
  const { messages, clients } = settings;
  const after = await newestId(cluster);
  say.line(`${clients} clients send ${messages} messages to node ${node}${node === leader ? ', the leader' : ''}`);

  let written = 0;
  const load = new Load(cluster, now, {
    name,
    homes: Array.from({ length: clients }, () => node),
    moves: false,
    timeoutMs: 20_000,
    thinkMs: 0,
    textsOf: (client) => Math.floor(messages / clients) + (client <= messages % clients ? 1 : 0),
    onWrite: () => say.progress(`${++written} of ${messages} messages`),
  });
  const beganAt = now();
  const all = await load.start().finished();
  const tookMs = now() - beganAt;
  const writes = all.map((write) => ({ ...write, atMs: ms(write.atMs - beganAt) })).sort((a, b) => a.atMs - b.atMs);

  const audit = auditOf(writes, await logsOf(cluster, after), after);
  const violations = await violationsOf(cluster);
  const acknowledged = writes.filter(({ outcome }) => outcome === 'acknowledged');
  const figures = {
    sent: writes.length,
    acknowledged: acknowledged.length,
    latencyMs: spreadOf(acknowledged.map((write) => write.ms)),
    messagesPerSecond: Math.round((acknowledged.length / tookMs) * 10_000) / 10,
    violations,
    leader,
    node,
    ...(await floors(cluster, node, leader)),
  };
  const isAll = acknowledged.length === messages;
  return {
    parameters: { messages, clients, node },
    figures,
    samples: writes,
    promises: [
      {
        promise: 'every message is acknowledged',
        held: isAll,
        detail: `${acknowledged.length} of ${messages}`,
      },
      ...promisesOf(audit, violations),
    ],
  };
}
