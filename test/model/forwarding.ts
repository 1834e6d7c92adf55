/**
 * The forwarding model: a gateway, its clients' writes, the connections to two other nodes, and who leads when; under
 * R10, R10a and R24.
 *
 * P1. A write that was "not done" is never committed.       P2. No write is committed twice.
 * P3. A write that is done is committed, with that id.
 * P4. If nothing fails any more, every send is resolved (asked only with `settles`).
 */
import { ownerOf } from '../../actors/protocol/epoch.ts';
import type { Model, Take } from './checker.ts';
import { clusterSteps } from './forwarding/cluster.ts';
import { gatewaySteps } from './forwarding/gateway.ts';
import { lineSteps } from './forwarding/lines.ts';
import type { ForwardingRules, ForwardingWorld } from './forwarding/rules.ts';
import { dropUnreadable, Setting } from './forwarding/setting.ts';
import {
  type ClientWrite,
  decodeWorld,
  done,
  encodeWorld,
  firstWorld,
  following,
  notDone,
  pending,
  showWorld,
  type World,
  writeOf,
} from './forwarding/state.ts';
import type { StateReader, StateWriter } from './stateStore.ts';

/** More than any world of this size can need to come to rest. */
const restingSteps = 500;

export class ForwardingModel implements Model<World> {
  readonly initial: World;
  readonly #setting: Setting;
  readonly #calm: Setting;

  constructor(size: Partial<ForwardingWorld> = {}, rules: Partial<ForwardingRules> = {}) {
    this.#setting = new Setting(size, rules);
    this.#calm = new Setting(size, rules, true, this.#setting.logs);
    const { leader, writes } = this.#setting.size;
    this.initial = firstWorld(this.#setting.logs, leader, writes);
  }

  steps(world: World, take: Take<World>): void {
    stepsOf(this.#setting, world, take);
  }
  encode(world: World, to: StateWriter): void {
    encodeWorld(world, to);
  }
  decode(from: StateReader): World {
    return decodeWorld(from, this.initial);
  }
  show(world: World): readonly string[] {
    return showWorld(world, this.#setting.logs);
  }

  violation(world: World): string | undefined {
    if (world.broken !== '') return world.broken;
    for (const [w, write] of world.writes.entries()) {
      const wrong = this.#wrongAnswer(world, w, write);
      if (wrong !== undefined) return wrong;
    }
    return this.#setting.size.settles ? this.#unresolved(world) : undefined;
  }

  #wrongAnswer({ committed }: World, w: number, { outcome, id }: ClientWrite): string | undefined {
    const { logs } = this.#setting;
    const places: number[] = [];
    for (let index = 1; index <= logs.length(committed); index++) {
      const { value } = logs.entry(committed, index);
      if (value > 0 && writeOf(value) === w) places.push(index);
    }
    if (places.length > 1) return `P2: write ${w + 1} is committed twice`;
    if (outcome === notDone && places.length > 0) return `P1: write ${w + 1} was not done, and is committed`;
    if (outcome !== done) return undefined;
    const place = places[0];
    if (place === undefined) return `P3: write ${w + 1} is done, and is not committed`;
    return this.#setting.idAt(committed, place) === id ? undefined : `P3: write ${w + 1} is done with a wrong id`;
  }

  /** P4, from a state with a leader of the newest epoch, along one of the ways to rest. */
  #unresolved(world: World): string | undefined {
    const isOpen = ({ outcome, sends }: ClientWrite): boolean => outcome === pending && sends.length > 0;
    if (world.node(ownerOf(world.newest) - 1).role === following || !world.writes.some(isOpen)) return undefined;
    let at = world;
    for (let steps = 0; steps < restingSteps; steps++) {
      let next: World | undefined;
      stepsOf(this.#calm, at, (after) => {
        next ??= after;
      });
      if (next === undefined) return at.writes.some(isOpen) ? 'P4: a send is never resolved' : undefined;
      at = next;
    }
    return 'P4: the world does not come to rest';
  }
}

function stepsOf(setting: Setting, world: World, take: Take<World>): void {
  const next: Take<World> = (after, words) => {
    dropUnreadable(after);
    take(after, words);
  };
  for (let i = 0; i < world.nodes.length; i++) clusterSteps(setting, world, i, next);
  for (let i = 1; i < world.nodes.length; i++) lineSteps(setting, world, i, next);
  gatewaySteps(setting, world, next);
}
