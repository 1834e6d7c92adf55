/** What is told of the process: memory, CPU, event loop, and what was built. */
import { readFileSync } from 'node:fs';
import type { EventLoop } from './eventLoop.ts';
import { counter, type Family, gauge } from './prometheus.ts';

/** The built file stands one folder deeper than its source. */
const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string };

export function processFamilies(nodeId: number, eventLoop: EventLoop): Family[] {
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const labels = { version, node_version: process.versions.node, node: nodeId };
  return [
    {
      type: 'gauge',
      name: 'build_info',
      help: 'Always 1; its labels tell the version, that of Node.js, and the id of this node.',
      samples: [{ labels, value: 1 }],
    },
    gauge('process_resident_memory_bytes', 'Memory of the process.', rss),
    gauge('heap_used_bytes', 'Memory that JavaScript objects take.', heapUsed),
    gauge('external_memory_bytes', 'Memory of buffers and of what else lies outside the heap.', external),
    counter('process_cpu_seconds', 'Time that processors spent on this process.', (user + system) / 1e6),
    counter('event_loop_busy_seconds', 'Time in which the event loop did something.', eventLoop.busySeconds()),
    {
      type: 'histogram',
      name: 'event_loop_lag_seconds',
      help: 'By how much a timer of the process comes late.',
      histograms: [{ histogram: eventLoop.lag.read() }],
    },
  ];
}
