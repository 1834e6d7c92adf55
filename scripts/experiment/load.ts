/**
 * Clients that write one message after the other and note what they were told.
 *
 *   const load = new Load(context, { clients: [8001, 8002], … });  load.start();  …  const writes = await load.stop();
 *
 * L1. A text is written under one Idempotency-Key, so trying it again elsewhere never doubles it. A client that moves
 *     tries until the outcome is known, or in vain for long after it was to stop; one that stays goes on with its next text.
 * L2. Each attempt is a sample: what was refused or stayed unknown is not hidden by what came after.
 */
import { type Cluster, nodeOf, pause } from './cluster.ts';
import { Connections } from './node.ts';
import type { WriteSample } from './results.ts';
import { ms } from './statistics.ts';

export interface LoadOptions {
  /** Begins every text, so that no two loads write the same. */
  readonly name: string;
  /** The node that each client asks first. */
  readonly homes: readonly number[];
  /** To the next node when one does not answer. */
  readonly moves: boolean;
  readonly timeoutMs: number;
  /** Between two writes of a client. */
  readonly thinkMs: number;
  /** After how many texts a client stops; without it when it is told to. Clients count from 1. */
  readonly textsOf?: (client: number) => number;
  readonly onWrite?: (sample: WriteSample) => void;
}

/** Before a client tries again where nobody took its write. */
const againMs = 25;
/** After it was told to stop: a cluster that takes no write for so long is gone. */
const lastTriesMs = 60_000;

export class Load {
  readonly #cluster: Cluster;
  readonly #options: LoadOptions;
  readonly #now: () => number;
  readonly #writes: WriteSample[] = [];
  #clients: Promise<void>[] = [];
  #stopping = false;
  #givesUpAt = Number.POSITIVE_INFINITY;

  constructor(cluster: Cluster, now: () => number, options: LoadOptions) {
    this.#cluster = cluster;
    this.#now = now;
    this.#options = options;
  }

  get writes(): readonly WriteSample[] {
    return this.#writes;
  }

  start(): this {
    this.#clients = this.#options.homes.map((home, client) => this.#write(client + 1, home));
    return this;
  }

  /** When every client has written all its texts. */
  async finished(): Promise<readonly WriteSample[]> {
    await Promise.all(this.#clients);
    return this.#writes;
  }

  /** What is under way is waited for, but no longer than `patienceMs` where the cluster takes nothing. */
  stop(patienceMs = lastTriesMs): Promise<readonly WriteSample[]> {
    this.#stopping = true;
    this.#givesUpAt = this.#now() + patienceMs;
    return this.finished();
  }

  async #write(client: number, home: number): Promise<void> {
    const { name, thinkMs, textsOf } = this.#options;
    const textsMax = textsOf?.(client) ?? Number.POSITIVE_INFINITY;
    const connections = new Connections();
    let at = home;
    for (let text = 1; text <= textsMax && !this.#stopping; text++) {
      at = await this.#writeOne(client, at, `${name} ${client}.${text}`, connections);
      if (thinkMs > 0) await pause(thinkMs);
    }
    connections.close();
  }

  /** Returns the node that the client stays with. */
  async #writeOne(client: number, home: number, message: string, connections: Connections): Promise<number> {
    const { moves, timeoutMs, onWrite } = this.#options;
    const key = message.replaceAll(' ', '-');
    for (let [node, tries] = [home, 1]; ; tries++) {
      const atMs = this.#now();
      const written = await nodeOf(this.#cluster, node).write(message, { timeoutMs, key }, connections);
      const { outcome, id, lamport, code } = written;
      const sample: WriteSample = {
        client,
        node,
        message,
        atMs: ms(atMs),
        ms: ms(this.#now() - atMs),
        outcome,
        ...(id !== undefined && { id }),
        ...(lamport !== undefined && { lamport }),
        ...(code !== undefined && { code }),
      };
      this.#writes.push(sample);
      onWrite?.(sample);
      if (outcome === 'acknowledged' || this.#now() >= this.#givesUpAt) return node;
      if (!moves || tries % this.#cluster.nodes.length === 0) await pause(againMs);
      if (!moves) return node;
      node = this.#after(node); // L1.
    }
  }

  #after(node: number): number {
    const ids = this.#cluster.nodes.map(({ id }) => id);
    return ids[(ids.indexOf(node) + 1) % ids.length] ?? node;
  }
}

/** So many clients, spread over the nodes. */
export const spread = (clients: number, ids: readonly number[]): readonly number[] =>
  Array.from({ length: clients }, (_, i) => ids[i % ids.length] ?? 0);
