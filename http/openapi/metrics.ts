/** What a node has counted. */
import { schema } from './schemas.ts';
import { json, type Operation, type Schema, text } from './vocabulary.ts';

const openMetrics = 'application/openmetrics-text';
const exposition = (description: string, pattern: string): Schema => ({ type: 'string', description, pattern });
const lines = [
  '# HELP dlog_node_id Id of this node.',
  '# TYPE dlog_node_id gauge',
  'dlog_node_id 8001',
  '# HELP dlog_is_leader 1 when this node leads.',
  '# TYPE dlog_is_leader gauge',
  'dlog_is_leader 0',
];

const getMetrics: Operation = {
  id: 'getMetrics',
  method: 'GET',
  path: '/metrics',
  group: 'metrics',
  summary: { en: 'Counters and times', es: 'Contadores y tiempos' },
  description:
    'JSON has the most important ones; the text formats, for Prometheus, have more, all with the prefix `dlog_`.',
  answers: [
    {
      status: 200,
      description: 'By `Accept` as JSON, Prometheus text 0.0.4 or OpenMetrics 1.0.',
      content: {
        [json]: { schema: schema('Metrics') },
        [text]: { schema: exposition('Prometheus text format, version 0.0.4.', '^# HELP dlog_') },
        [openMetrics]: { schema: exposition('OpenMetrics, version 1.0.0.', '^# HELP dlog_[\\s\\S]*# EOF\\n$') },
      },
    },
  ],
  errors: ['NOT_ACCEPTABLE'],
  examples: [
    {
      path: '/metrics',
      status: 200,
      answer: {
        uptime_seconds: 4.925,
        messages_sent: 3,
        messages_received: 10,
        causality_violations: 0,
        leader_elections: 1,
        avg_latency_ms: 0,
        p95_latency_ms: 0,
        throughput_msg_per_sec: 2.639,
        latency_measurements: [],
      },
    },
    { path: '/metrics', headers: { Accept: text }, status: 200, type: text, answer: `${lines.join('\n')}\n` },
    {
      path: '/metrics',
      headers: { Accept: openMetrics },
      status: 200,
      type: openMetrics,
      answer: `${[...lines, '# EOF'].join('\n')}\n`,
    },
    {
      path: '/metrics',
      headers: { Accept: 'image/png' },
      status: 406,
      code: 'NOT_ACCEPTABLE',
      detail: 'application/json, text/plain, application/openmetrics-text',
    },
  ],
};

export const metricsOperations: readonly Operation[] = [getMetrics];
