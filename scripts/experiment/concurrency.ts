/** Many clients at once write to one node: how long each waits, how many a second, and that order and number are right. */
import { auditOf, logsOf, newestId, promisesOf, violationsOf } from './audit.ts';
import { type Cluster, leaderOf, majorityOf, nodeOf, Unusable } from './cluster.ts';
import type { Settings } from './commandLine.ts';
import type { Context, Measured } from './experiment.ts';
import { Load } from './load.ts';
import { ms, spreadOf } from './statistics.ts';

/** By default a follower, as a client behind a load balancer mostly gets one: its writes go a longer way. */
function asked({ nodes }: Cluster, wanted: Settings['node'], leader: number | null): number {
  if (typeof wanted === 'number') return wanted;
  const found = nodes.find(({ id }) => (id === leader) === (wanted === 'leader'));
  if (!found) throw new Unusable('nobody leads');
  return found.id;
}

/** There and back as a node's pings say, in milliseconds; 0 to itself. */
async function roundTrips(cluster: Cluster, from: number): Promise<ReadonlyMap<number, number> | undefined> {
  const metrics = await nodeOf(cluster, from).metrics();
  const found = cluster.nodes.map(({ id }) => {
    const seconds = id === from ? 0 : metrics?.get(`dlog_peer_rtt_seconds{peer="${id}"}`);
    return [id, seconds === undefined ? undefined : seconds * 1000] as const;
  });
  return found.every((pair): pair is [number, number] => pair[1] !== undefined) ? new Map(found) : undefined;
}

/** Pure. To the leader and back, and from there to the nearest that make a majority with it. */
export function floorOf(toLeaderMs: number, fromLeader: readonly number[], majority: number): number {
  const ascending = [...fromLeader].sort((a, b) => a - b);
  return ms(toLeaderMs + (ascending[majority - 1] ?? 0));
}

async function floorMs(cluster: Cluster, node: number, leader: number | null): Promise<number | null> {
  if (leader === null || cluster.regions.size === 0) return null; // On one machine a ping measures the machine.
  const [own, leaders] = await Promise.all([roundTrips(cluster, node), roundTrips(cluster, leader)]);
  if (!own || !leaders) return null;
  return floorOf(own.get(leader) ?? 0, [...leaders.values()], majorityOf(cluster));
}

export async function concurrency(context: Context): Promise<Measured<'concurrency'>> {
  const { cluster, settings, now, name, say } = context;
  const leader = await leaderOf(cluster);
  const node = nodeOf(cluster, asked(cluster, settings.node, leader)).id;
  const { messages, clients } = settings;
  const after = await newestId(cluster);
  const violationsBefore = await violationsOf(cluster);
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
  const violations = (await violationsOf(cluster)) - violationsBefore;
  const acknowledged = writes.filter(({ outcome }) => outcome === 'acknowledged');
  const figures = {
    sent: writes.length,
    acknowledged: acknowledged.length,
    latencyMs: spreadOf(acknowledged.map((write) => write.ms)),
    messagesPerSecond: Math.round((acknowledged.length / tookMs) * 10_000) / 10,
    violations,
    leader,
    node,
    floorMs: await floorMs(cluster, node, leader),
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
