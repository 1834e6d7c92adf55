/**
 * Makes the Grafana dashboard beside this file:
 *
 *   node docs/monitoring/dashboard.mjs > docs/monitoring/grafana.json && npm run format
 *
 * In expressions `%` stands for what the reader chose above the dashboard: one cluster, some of its nodes.
 */
const chosen = 'cluster=~"$cluster",instance=~"$instance"';
const whole = (expr) => expr.replaceAll('%', chosen);
const datasource = { type: 'prometheus', uid: '$datasource' };
const node = '{{instance}}';
const pair = '{{instance}} → {{peer}}';

// --------------------------------------------------------------------------------------------------------- panels

/** `queries`: [expression, legend] each. */
const panel = (
  type,
  title,
  description,
  size,
  queries,
  { defaults = {}, options = {}, target = {}, ...more } = {},
) => ({
  type,
  title,
  description,
  size,
  datasource,
  targets: queries.map(([expr, legendFormat], i) => ({
    refId: String.fromCharCode(65 + i),
    expr: whole(expr),
    legendFormat,
    ...target,
  })),
  fieldConfig: { defaults, overrides: [] },
  options,
  ...more,
});

const row = (title) => ({ type: 'row', title, collapsed: false, size: [24, 1], panels: [] });

const stat = (title, description, expr, steps, mappings = []) =>
  panel('stat', title, description, [3, 4], [[expr, title]], {
    defaults: { unit: 'none', mappings, thresholds: { mode: 'absolute', steps } },
    options: {
      colorMode: 'value',
      graphMode: 'none',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
    target: { instant: true, range: false },
  });

const lines = (title, description, unit, queries, { width = 8, stacked = false, max } = {}) =>
  panel('timeseries', title, description, [width, 8], queries, {
    defaults: {
      unit,
      min: 0,
      ...(max !== undefined && { max }),
      custom: {
        lineWidth: 1,
        fillOpacity: stacked ? 60 : 8,
        showPoints: 'never',
        stacking: { mode: stacked ? 'normal' : 'none' },
      },
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    target: { range: true },
  });

/** A lane for each series; `states` are [value, words, colour]. */
const lanes = (title, description, height, query, states) =>
  panel('state-timeline', title, description, [12, height], [query], {
    defaults: {
      color: { mode: 'thresholds' },
      custom: { fillOpacity: 80, lineWidth: 0 },
      mappings: mapped(states),
    },
    options: {
      mergeValues: true,
      showValue: 'auto',
      rowHeight: 0.85,
      alignValue: 'center',
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'single', sort: 'none' },
    },
    target: { range: true },
  });

const mapped = (states) => [
  {
    type: 'value',
    options: Object.fromEntries(states.map(([value, text, color], index) => [value, { text, color, index }])),
  },
];

const rate = (metric, by) => `sum by (${by}) (rate(${metric}[$__rate_interval]))`;
const quantiles = (histogram, ...ofAll) =>
  ofAll.map((q) => [
    `histogram_quantile(${q / 100}, sum by (le) (rate(${histogram}[$__rate_interval])))`,
    `${q} % within`,
  ]);

const always = [{ color: 'text', value: null }];
const zeroIsGood = [
  { color: 'green', value: null },
  { color: 'red', value: 1 },
];
const oneIsGood = [
  { color: 'red', value: null },
  { color: 'green', value: 1 },
];

const panels = [
  row('Health'),
  stat('Nodes up', 'Nodes that Prometheus reaches.', 'sum(up{%})', oneIsGood),
  stat('Leader', 'Id of the node that leads, as the nodes know it.', 'max(dlog_leader_id{%})', oneIsGood, [
    ...mapped([['0', 'none', 'red']]),
  ]),
  stat(
    'Leaders',
    'Nodes that say they lead. 2 may be seen for one scrape while the lead changes hands.',
    'sum(dlog_is_leader{%})',
    [...oneIsGood, { color: 'orange', value: 2 }],
  ),
  stat(
    'Failures survived',
    'How many more nodes may fail before writes stop; below 0 they have.',
    'max(dlog_peers_up{%}) - floor(max(dlog_voters{%}) / 2)',
    [
      { color: 'red', value: null },
      { color: 'orange', value: 0 },
      { color: 'green', value: 1 },
    ],
  ),
  stat('Nodes serving', 'Nodes at which committed messages can be read.', 'sum(dlog_serving{%})', oneIsGood),
  stat(
    'Messages held',
    'Id of the newest committed message: there are so many.',
    'max(dlog_last_message_id{%})',
    always,
  ),
  stat(
    'Causality violations',
    'Messages stored against the order. Must be 0.',
    'sum(dlog_causality_violations_total{%})',
    zeroIsGood,
  ),
  stat('Cannot vote', 'Nodes whose /health says why they cannot vote.', 'sum(dlog_identity_trouble{%})', zeroIsGood),

  row('Leadership'),
  lanes(
    'Who leads',
    'A lane for each node. Lanes end where Prometheus does not reach the node.',
    7,
    ['dlog_is_leader{%} + (dlog_leader_id{%} > bool 0)', node],
    [
      ['0', 'knows no leader', 'red'],
      ['1', 'follows', 'blue'],
      ['2', 'leads', 'green'],
    ],
  ),
  lanes(
    'Links',
    'What each node hears of each other one: both directions have a lane.',
    7,
    ['dlog_peer_up{%}', pair],
    [
      ['0', 'down', 'red'],
      ['1', 'up', 'green'],
    ],
  ),
  lines('Elections', 'New leaders that a node saw, and elections in which it stood.', 'short', [
    ['increase(dlog_leader_elections_total{%}[$__rate_interval])', `new leader, ${node}`],
    ['increase(dlog_elections_started_total{%}[$__rate_interval])', `stood, ${node}`],
  ]),
  lines('Time without a leader', 'From when a node missed its leader until it knew one.', 's', [
    ...quantiles('dlog_election_duration_seconds_bucket{%}', 50, 99),
  ]),
  lines('Parts played', 'Nodes by the part they play.', 'short', [['sum by (role) (dlog_role{%})', '{{role}}']], {
    stacked: true,
  }),
  lines('Epoch', 'Of the leadership that a node knows. It only rises.', 'none', [['dlog_epoch{%}', node]]),

  row('Messages'),
  lines('Throughput', 'Committed messages that clients gave to each node.', 'cps', [
    [rate('dlog_messages_sent_total{%}', 'instance'), node],
    ['sum(rate(dlog_messages_sent_total{%}[$__rate_interval]))', 'all'],
  ]),
  lines('From other nodes', 'Committed messages that a node has from others.', 'cps', [
    [rate('dlog_messages_received_total{%}', 'instance'), node],
  ]),
  lines('Messages in a batch', 'What the leader puts to disk and network at once.', 'short', [
    [
      'sum(rate(dlog_messages_sent_total{%}[$__rate_interval])) / max(rate(dlog_batches_stored_total{%}[$__rate_interval]))',
      'messages',
    ],
  ]),
  lines('Append latency', 'What clients wait for POST /.', 's', [
    ...quantiles('dlog_http_request_duration_seconds_bucket{%,method="POST",route="/"}', 50, 95, 99),
  ]),
  lines('Commit latency', 'From the append at the leader until a majority has it on disk.', 's', [
    ...quantiles('dlog_commit_latency_seconds_bucket{%}', 50, 95, 99),
  ]),
  lines('Replica lag', 'Entries that a node is behind the leader. A dead node falls behind too.', 'short', [
    ['dlog_peer_lag_entries{%}', pair],
  ]),
  lines('Replica lag in time', 'For how long a node has been behind the leader.', 's', [
    ['dlog_peer_lag_seconds{%}', pair],
  ]),
  lines('Not committed yet', 'Entries in the log of a node beyond its commit.', 'short', [
    ['dlog_last_index{%} - dlog_commit_index{%}', node],
  ]),
  lines('Lamport clocks', 'They are equal within what is under way.', 'none', [['dlog_lamport_time{%}', node]]),

  row('Between nodes'),
  lines('Round trips', 'Of heartbeats, smoothed; one line for each direction.', 's', [
    ['dlog_peer_rtt_seconds{%}', pair],
  ]),
  lines('Single round trips', 'Of the last heartbeat alone: what smoothing hides.', 's', [
    ['dlog_peer_last_rtt_seconds{%}', pair],
  ]),
  lines('Heartbeats answered', 'How often a ping comes back: slower to far peers, 0 where nothing answers.', 'cps', [
    ['rate(dlog_peer_pings_answered_total{%}[$__rate_interval])', pair],
  ]),
  lines('Traffic', 'Bytes of frames to and from peers.', 'Bps', [
    [rate('dlog_peer_sent_bytes_total{%}', 'instance'), `sent, ${node}`],
    [rate('dlog_peer_received_bytes_total{%}', 'instance'), `received, ${node}`],
  ]),
  lines('Frames', 'Heartbeats and replication. Dropped are those that came before their greeting.', 'cps', [
    [rate('dlog_peer_frames_sent_total{%}', 'instance'), `sent, ${node}`],
    [rate('dlog_peer_frames_received_total{%}', 'instance'), `received, ${node}`],
    [rate('dlog_peer_frames_dropped_total{%}', 'instance'), `dropped, ${node}`],
  ]),

  row('Disk'),
  lines('Synced write', 'Write and fdatasync of the log.', 's', [
    ...quantiles('dlog_fsync_seconds_bucket{%}', 50, 95, 99),
  ]),
  lines('Synced writes', 'How often a node syncs its log.', 'cps', [[rate('dlog_fsyncs_total{%}', 'instance'), node]]),
  lines('Log on disk', 'Bytes of the log; it only grows.', 'bytes', [['dlog_log_bytes{%}', node]]),
  lines(
    'Disk used',
    'Of the file system that holds the log; and whether a node refuses writes for want of room.',
    'percentunit',
    [
      ['dlog_disk_used_ratio{%}', node],
      ['dlog_disk_full{%}', `refuses writes, ${node}`],
    ],
    { max: 1 },
  ),

  row('HTTP'),
  lines('Requests', 'By method and route.', 'reqps', [
    [rate('dlog_http_requests_total{%}', 'method, route'), '{{method}} {{route}}'],
  ]),
  lines('Errors', 'Answers with 4xx (the client) and 5xx (this side).', 'reqps', [
    [rate('dlog_http_requests_total{%,status=~"4xx|5xx"}', 'status, method, route'), '{{status}} {{method}} {{route}}'],
  ]),
  lines('Latency by route', '99 % within; live tails are not timed.', 's', [
    [
      'histogram_quantile(0.99, sum by (method, route, le) (rate(dlog_http_request_duration_seconds_bucket{%}[$__rate_interval])))',
      '{{method}} {{route}}',
    ],
  ]),
  lines('Connections', 'Of clients; and the live tails and append streams among them.', 'short', [
    ['sum(dlog_http_open_connections{%})', 'connections'],
    ['sum(dlog_http_open_tails{%})', 'live tails'],
    ['sum(dlog_http_open_streams{%})', 'append streams'],
    ['sum(dlog_http_open_viewers{%})', 'dashboards'],
  ]),
  lines('Append streams', 'Frames that clients sent, and frames of answers.', 'cps', [
    ['sum(rate(dlog_http_stream_frames_received_total{%}[$__rate_interval]))', 'received'],
    ['sum(rate(dlog_http_stream_frames_sent_total{%}[$__rate_interval]))', 'answered'],
  ]),

  row('Processes'),
  lines('Memory', 'All of a process, and what JavaScript objects and buffers take of it.', 'bytes', [
    ['process_resident_memory_bytes{%}', node],
    ['dlog_heap_used_bytes{%}', `objects, ${node}`],
    ['dlog_external_memory_bytes{%}', `buffers, ${node}`],
  ]),
  lines(
    'CPU',
    'Processors used, and the share of time in which the event loop was busy: at 1 a node takes no more.',
    'none',
    [
      [rate('process_cpu_seconds_total{%}', 'instance'), `processors, ${node}`],
      [rate('dlog_event_loop_busy_seconds_total{%}', 'instance'), `event loop, ${node}`],
    ],
  ),
  lines('Event loop lag', 'How late timers come, in 99 % of cases.', 's', [
    [
      'histogram_quantile(0.99, sum by (instance, le) (rate(dlog_event_loop_lag_seconds_bucket{%}[$__rate_interval])))',
      node,
    ],
  ]),
  panel(
    'table',
    'Nodes',
    'Versions, and how long each process runs.',
    [24, 6],
    [
      [
        'dlog_uptime_seconds{%} * on (cluster, instance) group_left (node, version, node_version) dlog_build_info{%}',
        node,
      ],
    ],
    {
      defaults: { unit: 's' },
      target: { instant: true, range: false, format: 'table' },
      transformations: [
        {
          id: 'organize',
          options: {
            excludeByName: { Time: true, job: true, cluster: true },
            renameByName: { node: 'id', node_version: 'Node.js', Value: 'uptime' },
          },
        },
      ],
    },
  ),
];

// --------------------------------------------------------------------------------------------------------- layout

/** From left to right, then the next line; ids as they come. */
function placed(list) {
  let [x, y, height] = [0, 0, 0];
  return list.map(({ size: [w, h], ...rest }, i) => {
    if (x + w > 24) [x, y, height] = [0, y + height, 0];
    const gridPos = { x, y, w, h };
    x += w;
    height = Math.max(height, h);
    return { id: i + 1, gridPos, ...rest };
  });
}

const choice = (name, label, query, more) => ({
  type: 'query',
  name,
  label,
  datasource,
  query: { query, refId: name },
  definition: query,
  refresh: 2,
  sort: 1,
  ...more,
});

const dashboard = {
  id: null,
  title: 'distributed-log',
  description: 'Health, leadership, latency and resources of a replicated log.',
  tags: ['distributed-log'],
  schemaVersion: 39,
  editable: true,
  graphTooltip: 1,
  refresh: '10s',
  time: { from: 'now-1h', to: 'now' },
  timezone: 'browser',
  templating: {
    list: [
      { type: 'datasource', name: 'datasource', label: 'Prometheus', query: 'prometheus', refresh: 1 },
      choice('cluster', 'Cluster', 'label_values(dlog_build_info, cluster)', { multi: false, includeAll: false }),
      choice('instance', 'Nodes', 'label_values(dlog_build_info{cluster=~"$cluster"}, instance)', {
        multi: true,
        includeAll: true,
        current: { selected: true, text: ['All'], value: ['$__all'] },
      }),
    ],
  },
  annotations: {
    list: [
      {
        name: 'Leader changes',
        datasource,
        enable: true,
        iconColor: 'purple',
        expr: whole('dlog_is_leader{%} == 1 unless dlog_is_leader{%} offset 30s == 1'),
        step: '30s',
        titleFormat: '{{instance}} leads',
      },
    ],
  },
  panels: placed(panels),
};

process.stdout.write(`${JSON.stringify(dashboard, null, 2)}\n`);
