/**
 * What a node's page may order: by the cluster script, where one has started this node, else of this node alone.
 *
 * C1. An order that the cluster script does not answer within `answerMs` is told as refused; it may have been done.
 */
import type { NodeId } from '../actors/protocol/epoch.ts';
import type { Chaos, ChaosOrder } from '../http/chaos.ts';
import type { ActiveFault } from '../http/live/protocol.ts';
import { isToNode, type ToCluster, type ToNode } from './chaosMessages.ts';
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

export class NodeChaos implements Chaos {
  /** The cluster script has said that it is there. Others may have given this process an IPC channel too. */
  supervised = false;
  readonly #options: NodeChaosOptions;
  readonly #own: Faults;
  readonly #listeners = new Set<() => void>();
  readonly #asked = new Map<number, (why: string | undefined) => void>();
  #active: readonly ActiveFault[] = [];
  #asks = 0;

  constructor(options: NodeChaosOptions) {
    this.#options = options;
    this.#own = this.#makeOwn();
    process.on('message', (message: unknown) => {
      if (isToNode(message)) this.#heard(message);
    });
  }

  active(): readonly ActiveFault[] {
    return this.#active;
  }
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async order(order: ChaosOrder): Promise<string | undefined> {
    return this.supervised ? this.#ask(order) : this.#own.order(order);
  }

  #ask(order: ChaosOrder): Promise<string | undefined> {
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

  #heard(message: ToNode): void {
    const { links, logger } = this.#options;
    switch (message.type) {
      case 'chaos.answer':
        return this.#asked.get(message.ask)?.(message.why ?? undefined);
      case 'chaos.active':
        this.supervised = true;
        return this.#tell(message.active);
      case 'chaos.cut': {
        const { peer, cut } = message;
        logger.write('warn', 'chaos_cut', `the link to ${peer} is cut, ${cut}`, { peer });
        return links.cut(peer, cut);
      }
      case 'chaos.mend': {
        const { peer } = message;
        logger.write('warn', 'chaos_mended', `the link to ${peer} is mended`, { peer });
        return links.mend(peer);
      }
    }
  }

  #tell(active: readonly ActiveFault[]): void {
    this.#active = active;
    for (const listener of this.#listeners) listener();
  }

  /** On its own it can end itself, stop for a while, and cut its own links. */
  #makeOwn(): Faults {
    const { nodeId, links, logger } = this.#options;
    const other = (node: NodeId): string | undefined =>
      node === nodeId ? undefined : `nobody here can do that to ${node}: only npm start can`;
    return new Faults({
      revives: false,
      kill: (node) => other(node) ?? soon(() => process.kill(process.pid, 'SIGKILL')),
      revive: (node) => other(node) ?? `${node} runs`,
      pause: (node, ms) => other(node) ?? soon(() => blockFor(ms)),
      resume: () => {},
      cut: (node, peer, oneWay) => {
        const isOwn = node === nodeId || (peer === nodeId && !oneWay);
        if (!isOwn) return other(node);
        links.cut(node === nodeId ? peer : node, oneWay ? 'outgoing' : 'both ways');
        return undefined;
      },
      mend: (node, peer) => links.mend(node === nodeId ? peer : node),
      changed: (active) => this.#tell(active),
      say: (line) => logger.write('warn', 'chaos', line),
    });
  }
}

const soon = (act: () => void): undefined => {
  setTimeout(act, beforeItMs);
};

/** A process that has stopped itself cannot continue itself: so it stops its event loop, which comes to the same. */
function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
