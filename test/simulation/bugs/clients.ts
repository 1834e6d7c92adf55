/**
 * Clients that write and read at all nodes of a scenario, all the time. What a read must show at least is noted when it
 * begins: a linearizable one all that anybody was told of, a session read what its token stands for.
 */
import type { NodeId } from '../../../actors/protocol/epoch.ts';
import type { SeededDice } from '../../support/dice.ts';
import type { Scenario } from '../../support/scenario.ts';

export class Clients {
  readonly #scenario: Scenario;
  readonly #dice: SeededDice;
  #running = true;
  #count = 0;
  /** The highest id that anybody was told of, and the highest session token. */
  #told = 0;
  #token = { lamport: 0, id: 0 };

  constructor(scenario: Scenario, dice: SeededDice) {
    this.#scenario = scenario;
    this.#dice = dice;
    this.#next();
  }

  stop(): void {
    this.#running = false;
  }

  #next(): void {
    if (!this.#running) return;
    const { cluster } = this.#scenario;
    const at = this.#dice.pick(cluster.voters);
    if (cluster.isUp(at) && cluster.node(at).facade.status().serving) {
      if (this.#dice.chance(0.6)) this.#write(at);
      else this.#read(at);
    }
    cluster.clock.setTimeout(() => this.#next(), this.#dice.between(0.5, 12));
  }

  #write(at: NodeId): void {
    // Some fill several sectors of a disk.
    const more = 'x'.repeat(this.#dice.pick([0, 0, 0, 600, 2000]));
    const texts = Array.from({ length: 1 + this.#dice.int(3) }, () => `write ${++this.#count} ${more}`);
    const told = this.#scenario.writeText(at, texts, { timeoutMs: this.#dice.pick([200, 1000, 5000]) });
    const note = (): void => {
      const { answer } = told;
      if (answer?.kind === 'done') this.#see(answer.firstId + answer.count - 1, answer.firstLamport + answer.count - 1);
    };
    // The record is filled by the scenario; it is looked at soon after.
    const look = (): void => {
      if (told.answer) note();
      else if (this.#running) this.#scenario.cluster.clock.setTimeout(look, 2);
    };
    look();
  }

  #see(id: number, lamport: number): void {
    this.#told = Math.max(this.#told, id);
    if (id > this.#token.id) this.#token = { id, lamport };
  }

  #read(at: NodeId): void {
    const { cluster } = this.#scenario;
    const linearizable = this.#dice.chance(0.6);
    const least = linearizable ? this.#told : this.#token.id;
    const request = linearizable ? { linearizable } : { lamportTime: this.#token.lamport };
    cluster.readPoint(at, { ...request, timeoutMs: 1000 }, (answer) => {
      if (answer.kind !== 'ready') return;
      if (answer.lastId < least)
        cluster.violations.push(
          `§6: node ${at} shows ${answer.lastId}, ${least} was told before (${JSON.stringify(request)})`,
        );
      if (linearizable) this.#told = Math.max(this.#told, answer.lastId);
    });
  }
}
