/** What a node says of itself: health, leader, state, time, metrics. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exposition } from '../../http/prometheus.ts';
import { parseExposition } from '../support/expositionParser.ts';
import { inWorld } from '../support/httpWorld.ts';

const Status = suite('http status');

Status(
  'is healthy where the node serves and knows a leader',
  inWorld(async ({ url, node }) => {
    node.fill(['a']);
    node.statusPatch = { leaderId: 8003, role: 'follower' };
    const answer = await fetch(`${url}/health`);
    assert.is(answer.status, 200);
    const expected = { node_id: 8001, leader_id: 8003, is_leader: false, lamport_time: 1, uptime: 12.5 };
    assert.equal(await answer.json(), { status: 'healthy', ...expected });
  }),
);
Status(
  'is unhealthy without a leader, while it starts, and where the cluster knows another node by this id',
  inWorld(async ({ url, node }) => {
    const health = async (): Promise<unknown[]> => {
      const answer = await fetch(`${url}/health`);
      const { status, reason, trouble, hint } = (await answer.json()) as Record<string, unknown>;
      return [answer.status, status, reason, trouble, typeof hint];
    };
    node.statusPatch = { leaderId: null };
    assert.equal(await health(), [503, 'unhealthy', 'no_leader', undefined, 'undefined']);
    node.statusPatch = { serving: false };
    assert.equal(await health(), [503, 'unhealthy', 'no_leader', undefined, 'undefined']);
    for (const identityTrouble of ['IDENTITY_LOST', 'CONFIG_MISMATCH', 'DAMAGED'] as const) {
      node.statusPatch = { identityTrouble };
      assert.equal(await health(), [503, 'unhealthy', 'no_id', identityTrouble, 'string']);
    }
  }),
);
Status(
  'tells a node of no cluster yet whom it waits for',
  inWorld(async ({ url, node }) => {
    node.statusPatch = { leaderId: null, clusterId: null, voters: [8001, 8002, 8003] };
    const answer = await fetch(`${url}/health`);
    const { reason, hint } = (await answer.json()) as Record<string, unknown>;
    assert.equal([answer.status, reason], [503, 'no_leader']);
    assert.match(String(hint), 'one is formed once all of 8001, 8002, 8003 have met');
  }),
);
Status(
  'tells with whom the secret does not fit, unless they are connected: what to do where that leaves it without a leader',
  inWorld(
    async ({ url, node }) => {
      const health = async (): Promise<unknown[]> => {
        const answer = await fetch(`${url}/health`);
        const { wrong_secret, hint } = (await answer.json()) as Record<string, unknown>;
        return [answer.status, wrong_secret, /CLUSTER_SECRET/.test(String(hint))];
      };
      assert.equal(await health(), [200, [8003], false]);
      node.statusPatch = { leaderId: null };
      assert.equal(await health(), [503, [8003], true]);
    },
    { wrongSecretWith: () => [8002, 8003] }, // Of these 8002 is connected.
  ),
);
Status(
  'is live while it can serve committed reads, leader or not',
  inWorld(async ({ url, node }) => {
    node.statusPatch = { leaderId: null };
    assert.is((await fetch(`${url}/health/live`)).status, 200);
    node.statusPatch = { serving: false };
    assert.is((await fetch(`${url}/health/live`)).status, 503);
  }),
);
Status(
  'tells the leader as a number or null, and the state as text',
  inWorld(async ({ url, node }) => {
    node.fill(['a', 'b']);
    assert.is(await (await fetch(`${url}/leader`)).json(), 8001);
    assert.is(await (await fetch(`${url}/state`)).text(), '8001 8001\n');
    assert.equal(await (await fetch(`${url}/lamport_time`)).json(), { time: 2 });
    node.statusPatch = { leaderId: null };
    assert.is(await (await fetch(`${url}/leader`)).json(), null);
    const state = await fetch(`${url}/state`);
    assert.is(await state.text(), '8001 none\n');
    assert.is(state.headers.get('content-type'), 'text/plain; charset=utf-8');
  }),
);
Status.run();

const Metrics = suite('http metrics');

Metrics(
  'count a question for the methods of a path as answered',
  inWorld(async ({ url, lines }) => {
    const answer = await fetch(`${url}/messages`, { method: 'OPTIONS' });
    assert.equal([answer.status, answer.headers.get('allow'), await answer.text()], [200, 'POST, HEAD, GET', '']);
    const text = await (await fetch(`${url}/metrics`, { headers: { accept: 'text/plain' } })).text();
    assert.match(text, /http_requests_total\{method="OPTIONS",route="other",status="2xx"\} 1\n/);
    assert.equal(lines, []);
  }),
);
Metrics(
  "are JSON with the plan's names",
  inWorld(async ({ url }) => {
    assert.equal(await (await fetch(`${url}/metrics`)).json(), {
      uptime_seconds: 12.5,
      messages_sent: 3,
      messages_received: 4,
      causality_violations: 0,
      leader_elections: 1,
      avg_latency_ms: 1.5,
      p95_latency_ms: 2.5,
      throughput_msg_per_sec: 10,
      latency_measurements: [{ source: 8001, target: 8002, ms: 1.25 }],
    });
  }),
);
for (const openMetrics of [false, true]) {
  const accept = openMetrics
    ? 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
    : 'text/plain;version=0.0.4';
  const type = openMetrics
    ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
    : 'text/plain; version=0.0.4; charset=utf-8';
  Metrics(
    `are valid ${openMetrics ? 'OpenMetrics' : 'Prometheus'} text for whoever asks for it`,
    inWorld(async ({ url, node }) => {
      node.fill(['a', 'b']);
      await fetch(url, { method: 'POST', body: 'c' });
      await fetch(`${url}/messages/${Math.random()}`);
      await fetch(`${url}/${Math.random()}`);
      const answer = await fetch(`${url}/metrics`, { headers: { accept } });
      assert.is(answer.headers.get('content-type'), type);
      const families = parseExposition(await answer.text(), openMetrics);
      const readingOf = (name: string, labels: object = {}): number | undefined => {
        const family = families.get(name) ?? families.get(name.replace(/_(total|bucket|sum|count)$/, ''));
        const same = (sample: { name: string; labels: object }): boolean =>
          sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels);
        return family?.samples.find(same)?.value;
      };
      const expected: readonly (readonly [string, number, object?])[] = [
        ['dlog_is_leader', 1],
        ['dlog_role', 1, { role: 'leading' }],
        ['dlog_role', 0, { role: 'follower' }],
        ['dlog_epoch', 73_537],
        ['dlog_lamport_time', 3],
        ['dlog_commit_index', 3],
        ['dlog_last_message_id', 3],
        ['dlog_peers_up', 1],
        ['dlog_peer_rtt_seconds', 0.0005, { peer: '8002' }],
        ['dlog_peer_last_rtt_seconds', 0.00075, { peer: '8002' }],
        ['dlog_peer_pings_answered_total', 40, { peer: '8002' }],
        ['dlog_peer_pings_answered_total', 0, { peer: '8003' }],
        ['dlog_disk_used_ratio', 0.25],
        ['dlog_uptime_seconds', 12.5],
        ['dlog_messages_sent_total', 3],
        ['dlog_frames_sent_total', 7],
        ['dlog_causality_violations_total', 0],
        ['dlog_commit_latency_seconds_bucket', 3, { le: '0.01' }],
        ['dlog_commit_latency_seconds_count', 4],
        ['dlog_fsync_seconds_sum', 0.0005],
        ['dlog_http_requests_total', 1, { method: 'POST', route: '/', status: '2xx' }],
        ['dlog_http_requests_total', 1, { method: 'GET', route: '/messages/:id', status: '4xx' }],
        ['dlog_http_requests_total', 1, { method: 'GET', route: 'other', status: '4xx' }],
        ['dlog_http_request_duration_seconds_count', 1, { method: 'POST', route: '/' }],
        ['dlog_peer_lag_seconds', 0.15, { peer: '8002' }],
        ['dlog_log_bytes', 4096],
        ['dlog_election_duration_seconds_sum', 0.35],
        ['dlog_election_duration_seconds_count', 2],
      ];
      for (const [name, value, labels] of expected) assert.is(readingOf(name, labels), value, name);
      assert.is(readingOf('dlog_peer_rtt_seconds', { peer: '8003' }), undefined, 'what is unknown is left out');
      assert.ok(Number(readingOf('process_resident_memory_bytes')) > 1e6);
      assert.ok(Number(readingOf('dlog_http_open_connections')) >= 1);
    }),
  );
}
Metrics(
  'cannot be had in other types',
  inWorld(async ({ url }) => {
    assert.is((await fetch(`${url}/metrics`, { headers: { accept: 'image/png' } })).status, 406);
  }),
);
Metrics('escape what would break a line', () => {
  const samples = [{ labels: { a: 'x"\\\ny' }, value: 1 }];
  const text = exposition([{ type: 'gauge', name: 'odd-name', help: 'a\nb', samples }], false);
  assert.is(text, '# HELP dlog_odd_name a\\nb\n# TYPE dlog_odd_name gauge\ndlog_odd_name{a="x\\"\\\\\\ny"} 1\n');
  parseExposition(text, false);
});
Metrics('that are wrong do not pass the parser of these tests', () => {
  const gauge = '# HELP a b\n# TYPE a gauge\na 1\n';
  parseExposition(gauge, false);
  for (const text of [
    'a 1\n',
    `${gauge}a 1\n`,
    `${gauge}${gauge}`,
    gauge.trimEnd(),
    gauge.replace('a 1', 'a x'),
    gauge.replace('a 1', 'b 1'),
    gauge.replace('gauge', 'counter'),
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1.0"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1.0"} 1\na_sum 1\na_count 1\n',
  ]) {
    assert.throws(() => parseExposition(text, false), undefined, text);
  }
  assert.throws(() => parseExposition(gauge, true), 'EOF');
});
Metrics.run();
