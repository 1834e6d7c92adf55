/** The ports of a cluster on this machine: which are taken, and by what; and whether a node answers on one. */
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { ClusterOptions, Plan } from './clusterPlan.ts';

/** For a server of this machine alone. */
export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });

interface Health {
  readonly status: number;
  readonly nodeId: number | null;
}

/** What answers /health there; null when nothing does. */
export const healthOf = (port: number, timeoutMs: number): Promise<Health | null> =>
  new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/health', timeout: timeoutMs, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        if (body.length < 65_536) body += text;
      });
      response.on('error', () => resolve(null));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, nodeId: nodeIdIn(body) }));
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(null));
    call.end();
  });

function nodeIdIn(body: string): number | null {
  try {
    const parsed: unknown = JSON.parse(body);
    const found = typeof parsed === 'object' && parsed !== null && 'node_id' in parsed ? parsed.node_id : null;
    return typeof found === 'number' ? found : null;
  } catch {
    return null;
  }
}

/** Which ports are taken, and what to do: nothing when all are free. */
export async function takenPorts(
  plan: Plan,
  options: ClusterOptions,
  links: readonly number[],
): Promise<readonly string[]> {
  const lines: string[] = [];
  let ours = false;
  for (const { id, port, peerPort } of plan.started) {
    if (!(await isFree(port))) {
      const running = (await healthOf(port, 2_000))?.nodeId === id;
      ours ||= running;
      lines.push(`port ${port} (clients of node ${id}) is taken${running ? `: a node ${id} runs there already` : ''}`);
    }
    if (!(await isFree(peerPort))) lines.push(`port ${peerPort} (peers of node ${id}) is taken`);
  }
  for (const port of links) if (!(await isFree(port))) lines.push(`port ${port} (of a link) is taken`);
  if (lines.length > 0) {
    const other = options.firstPort + 100;
    lines.push(
      options.only !== null
        ? 'Stop what uses it, then try again.'
        : `${ours ? 'Stop that cluster (Ctrl-C in its terminal)' : 'Stop what uses it'}, or take other ports: ${plan.launcher.command} -- --port ${other}`,
    );
  }
  return lines;
}
