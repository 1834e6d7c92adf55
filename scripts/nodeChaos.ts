/**
 * What a node's page may order: by the cluster script, where one has started this node, else of this node alone.
 *
 * C1. An order that the cluster script does not answer within `answerMs` is told as refused; it may have been done.
 */
import type { NodeId } from '../actors/protocol/epoch.ts';
import type { Chaos, ChaosOrder } from '../http/chaos.ts';
import type { ActiveFault } from '../http/live/protocol.ts';
import { isToNode, type ToCluster } from './chaosMessages.ts';
import type { CuttableLinks } from './cuttableLinks.ts';
import { Faults } from './faults.ts';
import type { Logger } from './logger.ts';

const answerMs = 5_000;
/** So that the answer to the order still gets out. */
const beforeItMs = 50;

export interface NodeChaosOptions {
  readonly nodeId: NodeId;
  readonly links: CuttableLinks;
  readonly logger: Pick<Logger, 'write'>;
}

export const chaosOf = (options: NodeChaosOptions): Chaos =>
  process.send === undefined ? new OwnChaos(options) : new SupervisedChaos(options);

/** Tells who listens, and keeps what is active. */
abstract class Told {
  #active: readonly ActiveFault[] = [];
  readonly #listeners = new Set<() => void>();

  active(): readonly ActiveFault[] {
    return this.#active;
  }
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  protected tell(active: readonly ActiveFault[]): void {
    this.#active = active;
    for (const listener of this.#listeners) listener();
  }
}

class SupervisedChaos extends Told implements Chaos {
  readonly supervised = true;
  readonly #asked = new Map<number, (why: string | undefined) => void>();
  #asks = 0;

  constructor({ links, logger }: NodeChaosOptions) {
    super();
    process.on('message', (message: unknown) => {
      if (!isToNode(message)) return;
      switch (message.type) {
        case 'chaos.answer':
          return this.#asked.get(message.ask)?.(message.why ?? undefined);
        case 'chaos.active':
          return this.tell(message.active);
        case 'chaos.cut':
          logger.write('warn', 'chaos_cut', `the link to ${message.peer} is cut ${message.cut}`, {
            peer: message.peer,
          });
          return links.cut(message.peer, message.cut);
        case 'chaos.mend':
          logger.write('warn', 'chaos_mended', `the link to ${message.peer} is mended`, { peer: message.peer });
          return links.mend(message.peer);
      }
    });
  }

  order(order: ChaosOrder): Promise<string | undefined> {
    const ask = ++this.#asks;
    const message: ToCluster = { type: 'chaos.order', ask, order };
    return new Promise((resolve) => {
      const done = (why: string | undefined): void => {
        clearTimeout(late);
        this.#asked.delete(ask);
        resolve(why);
      };
      const late = setTimeout(() => done('the cluster script does not answer'), answerMs);
      this.#asked.set(ask, done);
      process.send?.(message, undefined, undefined, (error) => {
        if (error) done('the cluster script has gone');
      });
    });
  }
}

/** A node on its own: it can end itself, stop for a while, and cut its own links. */
class OwnChaos extends Told implements Chaos {
  readonly supervised = false;
  readonly #faults: Faults;

  constructor({ nodeId, links, logger }: NodeChaosOptions) {
    super();
    const other = (node: NodeId): string | undefined =>
      node === nodeId ? undefined : `nobody here can do that to ${node}: only npm start can`;
    this.#faults = new Faults({
      revives: false,
      kill: (node) => other(node) ?? soon(() => process.kill(process.pid, 'SIGKILL')),
      revive: (node) => (node === nodeId ? `${node} runs` : other(node)),
      pause: (node, ms) => other(node) ?? soon(() => blockFor(ms)),
      resume: () => {},
      cut: (node, peer, oneWay) => {
        if (oneWay) return other(node) ?? void links.cut(peer, 'outgoing');
        if (node !== nodeId && peer !== nodeId) return other(node);
        links.cut(node === nodeId ? peer : node, 'both ways');
        return undefined;
      },
      mend: (node, peer) => links.mend(node === nodeId ? peer : node),
      changed: (active) => this.tell(active),
      say: (line) => logger.write('warn', 'chaos', line),
    });
  }

  async order(order: ChaosOrder): Promise<string | undefined> {
    return this.#faults.order(order);
  }
}

const soon = (act: () => void): undefined => {
  setTimeout(act, beforeItMs);
};

/** A process that has stopped itself cannot continue itself: so it stops its event loop, which comes to the same. */
function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
