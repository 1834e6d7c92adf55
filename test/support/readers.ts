/** Clients that read all the time, linearizably, and note what they were shown. */
import type { Read } from '../history/history.ts';
import { messagesIn } from '../history/messages.ts';
import { type Load, newClient, now } from './loadClient.ts';
import { pause, type RealNode } from './realCluster.ts';

export interface Reading {
  stop(): Promise<readonly Read[]>;
}

/** Three for each node. They ask for the newest message that is known to exist; a refusal shows nothing. */
export function startReading(nodes: readonly RealNode[], load: Load): Reading {
  const reads: Read[] = [];
  let stopping = false;
  const reader = async (node: RealNode): Promise<void> => {
    const client = newClient();
    while (!stopping) {
      const afterId = Math.max(0, load.newestId - 1);
      const beganAt = now();
      try {
        const answer = await node.call(`/messages?consistency=linearizable&timeout=2000&limit=1&after=${afterId}`, {
          headers: { Accept: 'application/x-ndjson' },
          withinMs: 10_000,
        });
        if (answer.status === 200) {
          const shown = messagesIn(answer.body);
          reads.push({
            kind: 'read',
            client,
            node: node.id,
            beganAt,
            endedAt: now(),
            linearizable: true,
            afterId,
            shown,
            complete: shown.length === 0,
          });
        }
      } catch {
        // Nothing was shown.
      }
      await pause(5);
    }
  };
  const readers = nodes.flatMap((node) => [reader(node), reader(node), reader(node)]);
  return {
    stop: async () => {
      stopping = true;
      await Promise.all(readers);
      return reads;
    },
  };
}
