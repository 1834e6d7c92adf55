/** Clients that read all the time, linearizably, and note what they were shown. */
import { messagesIn, type ReadOperation } from './history.ts';
import { type Load, now } from './loadClient.ts';
import { pause, type RealNode } from './realCluster.ts';

export interface Reading {
  stop(): Promise<readonly ReadOperation[]>;
}

/** Three for each node. They ask for the newest message that is known to exist; a refusal shows nothing. */
export function startReading(nodes: readonly RealNode[], load: Load): Reading {
  const reads: ReadOperation[] = [];
  let stopping = false;
  const reader = async (node: RealNode): Promise<void> => {
    while (!stopping) {
      const newest = load.newestId;
      const beganAt = now();
      try {
        const answer = await node.call(
          `/messages?consistency=linearizable&timeout=2000&limit=1&after=${Math.max(0, newest - 1)}`,
          { headers: { Accept: 'application/x-ndjson' }, withinMs: 10_000 },
        );
        if (answer.status === 200) {
          reads.push({ node: node.id, beganAt, shownId: messagesIn(answer.body).at(-1)?.id ?? 0 });
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
