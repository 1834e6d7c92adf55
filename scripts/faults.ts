/**
 * Faults on purpose, and their healing. What a fault does to a process is done by `FaultHands`; here is only what is
 * broken now and until when.
 *
 * F1. Every fault has an end, and heals then; a node that nobody here has killed waits for whoever revives it.
 * F2. At most one fault of a kind for a node, and for a pair of nodes: a new one takes the place of the old one.
 */
import type { NodeId } from '../actors/protocol/epoch.ts';
import type { ChaosOrder } from '../http/chaos.ts';
import type { ActiveFault } from '../http/live/protocol.ts';

/** Each returns why it cannot be done now, or undefined. */
export interface FaultHands {
  /** Whether somebody is there who can revive what is killed. */
  readonly revives: boolean;
  kill(node: NodeId): string | undefined;
  revive(node: NodeId): string | undefined;
  pause(node: NodeId, ms: number): string | undefined;
  resume(node: NodeId): void;
  cut(node: NodeId, peer: NodeId, oneWay: boolean): string | undefined;
  mend(node: NodeId, peer: NodeId): void;
  changed(active: readonly ActiveFault[]): void;
  /** A line for people. */
  say(line: string): void;
}

interface Fault {
  readonly fault: ActiveFault;
  readonly oneWay: boolean;
  readonly timer: NodeJS.Timeout | undefined;
}

export class Faults {
  readonly #hands: FaultHands;
  readonly #faults = new Map<string, Fault>();

  constructor(hands: FaultHands) {
    this.#hands = hands;
  }

  get active(): readonly ActiveFault[] {
    return [...this.#faults.values()].map(({ fault }) => fault);
  }

  /** Whether a node that is not there will come back by itself. */
  get willRevive(): boolean {
    return this.active.some(({ what, healsAtWallMs }) => what === 'killed' && healsAtWallMs !== null);
  }

  /** Cuts that this node must know of when it starts. */
  cutsOf(node: NodeId): readonly { readonly node: NodeId; readonly peer: NodeId; readonly oneWay: boolean }[] {
    return [...this.#faults.values()].flatMap(({ fault: { what, node: end, peer }, oneWay }) =>
      what === 'cut' && peer !== undefined && (end === node || peer === node) ? [{ node: end, peer, oneWay }] : [],
    );
  }

  order(order: ChaosOrder): string | undefined {
    switch (order.what) {
      case 'heal':
        return this.#healOrdered(order.id);
      case 'revive':
        return this.#revive(order.node);
      case 'kill':
        return this.#kill(order.node, order.ms);
      case 'pause':
        return this.#pause(order.node, order.ms);
      case 'cut':
        return this.#cut(order);
    }
  }

  /** Of itself, or by somebody else: whoever is not there cannot be paused, and can be revived. */
  ended(node: NodeId): void {
    this.#drop(`pause:${node}`);
    const id = `killed:${node}`;
    const killed = this.#faults.get(id)?.fault;
    if (killed === undefined) this.#add({ id, what: 'killed', node, healsAtWallMs: null });
    // On a busy machine its time to come back may be over before its end is noticed; then it still ran, and comes now.
    else if (killed.healsAtWallMs !== null && killed.healsAtWallMs <= Date.now()) this.#add(killed);
    this.#tell();
  }

  /** It runs (again), started here or elsewhere. */
  started(node: NodeId): void {
    if (this.#drop(`killed:${node}`)) this.#tell();
  }

  /** All that keeps a process from hearing a signal. */
  resumeAll(): void {
    for (const { fault, timer } of this.#faults.values()) {
      clearTimeout(timer);
      if (fault.what === 'pause') this.#hands.resume(fault.node);
    }
    this.#faults.clear();
  }

  #kill(node: NodeId, ms: number): string | undefined {
    const why = this.#hands.kill(node);
    if (why !== undefined) return why;
    this.#drop(`pause:${node}`);
    const { revives } = this.#hands;
    this.#add({ id: `killed:${node}`, what: 'killed', node, healsAtWallMs: revives ? Date.now() + ms : null });
    this.#hands.say(`chaos: ${node} is killed${revives ? `; it comes back in ${inWords(ms)}` : ''}`);
    this.#tell();
    return undefined;
  }

  #revive(node: NodeId): string | undefined {
    const why = this.#hands.revive(node);
    if (why !== undefined) return why;
    this.#drop(`killed:${node}`);
    this.#hands.say(`chaos: ${node} is started again`);
    this.#tell();
    return undefined;
  }

  #pause(node: NodeId, ms: number): string | undefined {
    const why = this.#hands.pause(node, ms);
    if (why !== undefined) return why;
    this.#add(healing({ id: `pause:${node}`, what: 'pause', node }, ms));
    this.#hands.say(`chaos: ${node} is paused for ${inWords(ms)}`);
    this.#tell();
    return undefined;
  }

  #cut({ node, peer, ms, oneWay }: Extract<ChaosOrder, { what: 'cut' }>): string | undefined {
    // Both ways it is the same cut from either end.
    const [from, to] = oneWay || node < peer ? [node, peer] : [peer, node];
    const id = oneWay ? `cut:${from}->${to}` : `cut:${from}-${to}`;
    this.#heal(`cut:${Math.min(node, peer)}-${Math.max(node, peer)}`);
    this.#heal(`cut:${node}->${peer}`);
    this.#heal(`cut:${peer}->${node}`);
    const why = this.#hands.cut(from, to, oneWay);
    if (why === undefined) {
      this.#add(healing({ id, what: 'cut', node: from, peer: to }, ms), oneWay);
      const way = oneWay ? `from ${from} to ${to}` : `between ${from} and ${to}`;
      this.#hands.say(`chaos: the link ${way} is cut for ${inWords(ms)}`);
    }
    this.#tell();
    return why;
  }

  #healOrdered(id: string | null): string | undefined {
    if (id !== null && !this.#faults.has(id)) return `there is no active fault ${id}`;
    const whys = (id === null ? [...this.#faults.keys()] : [id]).map((one) => this.#heal(one));
    this.#tell();
    return whys.find((why) => why !== undefined);
  }

  #heal(id: string): string | undefined {
    const found = this.#faults.get(id);
    if (!found) return undefined;
    const { what, node, peer } = found.fault;
    if (what === 'killed') return this.#revive(node);
    this.#drop(id);
    if (what === 'pause') this.#hands.resume(node);
    else if (peer !== undefined) this.#hands.mend(node, peer);
    this.#hands.say(what === 'pause' ? `chaos: ${node} goes on` : `chaos: the link of ${node} and ${peer} is mended`);
    return undefined;
  }

  #add(fault: ActiveFault, oneWay = false): void {
    this.#drop(fault.id); // F2.
    const { id, healsAtWallMs } = fault;
    const heal = (): void => {
      const why = this.#heal(id);
      if (why !== undefined) this.#hands.say(`chaos: ${id} does not heal: ${why}`);
      this.#tell();
    };
    const timer = healsAtWallMs === null ? undefined : setTimeout(heal, healsAtWallMs - Date.now());
    this.#faults.set(id, { fault, oneWay, timer });
  }

  #drop(id: string): boolean {
    clearTimeout(this.#faults.get(id)?.timer);
    return this.#faults.delete(id);
  }

  #tell(): void {
    this.#hands.changed(this.active);
  }
}

const healing = (fault: Omit<ActiveFault, 'healsAtWallMs'>, ms: number): ActiveFault => ({
  ...fault,
  healsAtWallMs: Date.now() + ms,
});

const inWords = (ms: number): string => `${ms / 1000} s`;
