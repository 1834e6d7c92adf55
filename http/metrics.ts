/** `GET /metrics`: the plan's JSON, or the text that Prometheus reads; and their reset, for tests. */
import type { Context } from 'koa';
import type { MetricsReading, NodeStatus, Role } from '../actors/facade.ts';
import { negotiate } from './accept.ts';
import { refuse, send, sendJson } from './answer.ts';
import { isLocal } from './chaos.ts';
import type { Edge } from './edge.ts';
import { Refusal } from './errors.ts';
import { processFamilies } from './processMetrics.ts';
import { counter, exposition, type Family, gauge, type Sample } from './prometheus.ts';
import { isLeader } from './status.ts';

const types = ['application/json', 'text/plain', 'application/openmetrics-text'] as const;

export function getMetrics(edge: Edge, ctx: Context): void {
  const type = negotiate(ctx.req.headers.accept, types);
  if (type === undefined) refuse(ctx, new Refusal('NOT_ACCEPTABLE', types.join(', ')));
  else if (type === 'application/json') sendJson(ctx, 200, planOf(edge.node.metrics()));
  else sendText(edge, ctx, type);
}

function sendText(edge: Edge, ctx: Context, type: (typeof types)[number]): void {
  const { node, eventLoop } = edge;
  const status = node.status();
  const families = [
    ...nodeFamilies(status),
    ...readingFamilies(node.metrics()),
    ...edgeFamilies(edge),
    ...processFamilies(status.nodeId, eventLoop),
  ];
  const openMetrics = type === 'application/openmetrics-text';
  const version = openMetrics ? '1.0.0' : '0.0.4';
  send(ctx, 200, `${type}; version=${version}; charset=utf-8`, exposition(families, openMetrics));
}

const planOf = (reading: MetricsReading): object => ({
  uptime_seconds: reading.uptimeSeconds,
  messages_sent: reading.messagesSent,
  messages_received: reading.messagesReceived,
  causality_violations: reading.causalityViolations,
  leader_elections: reading.leaderElections,
  avg_latency_ms: reading.averageLatencyMs,
  p95_latency_ms: reading.p95LatencyMs,
  throughput_msg_per_sec: reading.messagesPerSecond,
  latency_measurements: reading.latencyMeasurements,
});

const perPeer = (
  name: string,
  help: string,
  samples: readonly Sample[],
  type: 'gauge' | 'counter' = 'gauge',
): Family => ({
  type,
  name,
  help,
  samples,
});
const roles: readonly Role[] = [
  'starting',
  'follower',
  'probing',
  'candidate',
  'adopting',
  'establishing',
  'leading',
  'draining',
];

function nodeFamilies(status: NodeStatus): Family[] {
  const { peers } = status;
  const labelled = (of: (peer: (typeof peers)[number]) => number | null): Sample[] =>
    peers.flatMap((peer) => {
      const value = of(peer);
      return value === null ? [] : [{ labels: { peer: peer.id }, value }];
    });
  return [
    gauge('node_id', 'Id of this node.', status.nodeId),
    gauge('priority', 'NODE_PRIORITY: of those that can lead the highest does, then the highest id.', status.priority),
    gauge('is_leader', '1 when this node leads.', isLeader(status)),
    gauge('leader_id', 'Id of the leader this node knows; 0 for none.', status.leaderId ?? 0),
    perPeer(
      'role',
      '1 for the part this node plays, else 0.',
      roles.map((role) => ({ labels: { role }, value: Number(role === status.role) })),
    ),
    gauge('serving', '1 when committed messages can be read here.', status.serving),
    gauge('epoch', 'Epoch of the leadership this node knows.', status.epoch),
    gauge('lamport_time', 'Lamport clock of this node.', status.lamportTime),
    gauge('last_index', 'Index of the last entry of the log.', status.lastIndex),
    gauge('commit_index', 'Index of the last committed entry.', status.commitIndex),
    gauge('last_message_id', 'Id of the newest committed message.', status.lastId),
    gauge('voters', 'Nodes that vote.', status.voters.length),
    gauge('peers_up', 'Peers that answered lately.', peers.filter((peer) => peer.up).length),
    perPeer(
      'peer_up',
      '1 when the peer answered lately.',
      labelled(({ up }) => Number(up)),
    ),
    perPeer(
      'peer_rtt_seconds',
      'Smoothed round trip to the peer.',
      labelled(({ rttMs }) => rttMs && rttMs / 1000),
    ),
    perPeer(
      'peer_last_rtt_seconds',
      'Round trip of the last ping to the peer alone, not smoothed.',
      labelled(({ lastRttMs }) => lastRttMs && lastRttMs / 1000),
    ),
    perPeer(
      'peer_pings_answered',
      'Pings to the peer that came back: who samples takes each once.',
      labelled(({ pingsAnswered }) => pingsAnswered),
      'counter',
    ),
    perPeer(
      'peer_lag_entries',
      'Entries the peer is behind, also while it is away; known to a leader.',
      labelled((peer) => peer.lagEntries),
    ),
    perPeer(
      'peer_lag_seconds',
      'For how long the peer has been behind; known to a leader.',
      labelled(({ lagMs }) => lagMs && lagMs / 1000),
    ),
    gauge('log_bytes', 'Bytes of the log on disk.', status.logBytes),
    gauge('disk_used_ratio', 'Used part of the disk, 0 to 1.', status.diskUsed),
    gauge('disk_full', '1 when writes are refused because the disk is full.', status.diskFull),
    gauge('identity_trouble', '1 when this node cannot vote; /health says why.', status.identityTrouble !== null),
    gauge('uptime_seconds', 'Since the process began.', status.uptimeSeconds),
  ];
}

const histogramHelps: Readonly<Record<keyof MetricsReading['histograms'], string>> = {
  commit_latency: 'From the append of a batch to its commit, for each message; measured by the leader.',
  fsync: 'Write and fdatasync of the log.',
  election: 'From when this node missed its leader until it knew one.',
};

/** What a node counts. All are told from the beginning: of a counter that appears with 1, no rate shows the first event. */
export const counterHelps: Readonly<Record<string, string>> = {
  elections_started: 'Elections in which this node stood.',
  batches_stored: 'Batches written to the log.',
  fsyncs: 'Writes of the log that were synced.',
  peer_frames_sent: 'Frames sent to peers.',
  peer_frames_received: 'Frames that came from peers.',
  peer_frames_dropped: 'Frames from peers that came before their greeting, or on a connection that was given up.',
  peer_sent_bytes: 'Bytes of frames sent to peers.',
  peer_received_bytes: 'Bytes of frames that came from peers.',
};
const noEvents = Object.fromEntries(Object.keys(counterHelps).map((name) => [name, 0]));

const readingFamilies = (reading: MetricsReading): Family[] => [
  counter('messages_sent', 'Messages that this node took from clients, and that are committed.', reading.messagesSent),
  counter('messages_received', 'Committed messages that other nodes took.', reading.messagesReceived),
  counter('causality_violations', 'Messages stored against the order; stays 0.', reading.causalityViolations),
  counter('leader_elections', 'Elections that this node saw.', reading.leaderElections),
  ...Object.entries({ ...noEvents, ...reading.counters }).map(([name, value]) =>
    counter(name, counterHelps[name] ?? `Counted by the node: ${name.replaceAll('_', ' ')}.`, value),
  ),
  ...(['commit_latency', 'fsync', 'election'] as const).map((name): Family => {
    const histograms = [{ histogram: reading.histograms[name] }];
    const unit = name === 'election' ? 'duration_seconds' : 'seconds';
    return { type: 'histogram', name: `${name}_${unit}`, help: histogramHelps[name], histograms };
  }),
];

const edgeFamilies = ({ metrics, tails, streams, feed, openConnections }: Edge): Family[] => [
  gauge('http_open_connections', 'Connections of clients.', openConnections()),
  gauge('http_open_tails', 'Live tails (server-sent events).', tails.size),
  gauge('http_open_streams', 'Append streams (WebSockets).', streams.size),
  gauge('http_open_viewers', 'Open dashboards (WebSockets).', feed.size),
  counter('http_ticks_skipped', 'Ticks that dashboards missed because they read too slowly.', feed.skipped),
  counter('http_stream_frames_received', 'Frames that came on append streams.', metrics.framesReceived),
  counter('http_stream_frames_sent', 'Frames of answers on append streams.', metrics.framesSent),
  {
    type: 'counter',
    name: 'http_requests',
    help: 'Requests by method, route and class of status.',
    samples: [...metrics.requests()].map(({ count, ...labels }) => ({ labels, value: count })),
  },
  {
    type: 'histogram',
    name: 'http_request_duration_seconds',
    help: 'Until the answer was handed over, by method and route; without live tails.',
    histograms: [...metrics.durations()].map(({ histogram, ...labels }) => ({ labels, histogram })),
  },
];

export function resetMetrics({ node, metrics }: Edge, ctx: Context): void {
  if (isLocal(ctx)) {
    node.resetMetrics();
    metrics.reset();
    sendJson(ctx, 200, { reset: true });
  } else refuse(ctx, new Refusal('NOT_FOUND'));
}
