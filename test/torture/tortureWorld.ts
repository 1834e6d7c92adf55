/** The world of a torture: who is broken by whom, how each node is, who leads; sampled and written down. */

import type { SeededDice } from '../support/dice.ts';
import { now } from '../support/loadClient.ts';
import { pause, type RealCluster } from '../support/realCluster.ts';
import type { NodeState, World } from './fault.ts';

export interface Mark {
  readonly node: number;
  readonly state: NodeState;
  readonly at: number;
}
/** Whether the node says that it is healthy. */
export interface Readiness {
  readonly node: number;
  readonly ready: boolean;
  readonly at: number;
}
/** Null: no majority names the same leader. */
export interface Reign {
  readonly leader: number | null;
  readonly at: number;
}

const lookEveryMs = 100;
/** A look at the counters costs more. */
const countEveryMs = 1_000;

export class TortureWorld implements World {
  readonly cluster: RealCluster;
  readonly marks: Mark[] = [];
  readonly reigns: Reign[] = [];
  readonly readiness: Readiness[] = [];
  readonly skipped: { readonly name: string; readonly reason: string }[] = [];
  /** Highest counter of messages against the order that a node has shown. */
  causalityViolations = 0;
  readonly #held = new Set<number>();
  readonly #undos: (() => void | Promise<void>)[] = [];
  readonly #named = new Map<number, number | null>();
  #lastLeader = 0;
  #watching: Promise<unknown> | undefined;
  #ended = false;

  constructor(cluster: RealCluster) {
    this.cluster = cluster;
  }

  take(dice: SeededDice, wanted?: number): number {
    const free = this.cluster.ids.filter((id) => !this.#held.has(id));
    if (free.length === 0) throw new Error('every node is broken already');
    const drawn = dice.pick(free);
    const id = wanted !== undefined && free.includes(wanted) ? wanted : drawn;
    this.#held.add(id);
    return id;
  }
  giveBack(id: number): void {
    this.#held.delete(id);
  }
  leader(): number {
    return this.#lastLeader;
  }
  mark(node: number, state: NodeState): void {
    this.marks.push({ node, state, at: now() });
  }
  pause(ms: number): Promise<void> {
    return pause(ms);
  }
  skip(reason: string, name = 'part of a fault'): void {
    this.skipped.push({ name, reason });
  }
  atEnd(undo: () => void | Promise<void>): void {
    this.#undos.push(undo);
  }

  /** When no node runs any more. */
  async takeDown(): Promise<void> {
    for (const undo of this.#undos.splice(0).reverse()) await undo();
  }

  /** Asks every node again and again who leads, until `stopWatching`. */
  watch(): void {
    this.#watching = Promise.all(this.cluster.ids.map((id) => this.#watchNode(id)));
  }
  async stopWatching(): Promise<void> {
    this.#ended = true;
    await this.#watching;
  }

  async #watchNode(id: number): Promise<void> {
    const node = this.cluster.node(id);
    let countAt = 0;
    let wasReady: boolean | undefined;
    while (!this.#ended) {
      const health = node.running ? await node.health() : undefined;
      this.#note(id, health && typeof health.json.leader_id === 'number' ? health.json.leader_id : null);
      const ready = health?.status === 200;
      if (ready !== wasReady) this.readiness.push({ node: id, ready, at: now() });
      wasReady = ready;
      if (health && now() >= countAt) {
        countAt = now() + countEveryMs;
        await this.count(id);
      }
      await pause(lookEveryMs);
    }
  }

  async count(id: number): Promise<void> {
    try {
      const { causality_violations: found } = await this.cluster.node(id).metrics();
      this.causalityViolations = Math.max(this.causalityViolations, found as number);
    } catch {
      // Gone meanwhile.
    }
  }

  #note(id: number, named: number | null): void {
    this.#named.set(id, named);
    const leader = this.#namedByMost();
    if (leader !== null) this.#lastLeader = leader;
    if (this.reigns.at(-1)?.leader !== leader) this.reigns.push({ leader, at: now() });
  }
  #namedByMost(): number | null {
    const counts = new Map<number, number>();
    for (const named of this.#named.values()) if (named !== null) counts.set(named, (counts.get(named) ?? 0) + 1);
    for (const [leader, count] of counts) if (count * 2 > this.cluster.ids.length) return leader;
    return null;
  }
}
