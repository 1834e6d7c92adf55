/**
 * The replication model: some voters, their disks and all messages between them, under R1-R9 and the rules of reads,
 * damage and identity. It knows no time: anybody may stand for election at any moment, so what it shows does not depend
 * on R12-R23, which only decide *when* somebody stands.
 *
 * Of the node's own code it uses the arithmetic of epochs, positions and majorities, the ballot (whether a PREPARE is
 * promised, who has won, which log is best), the logical log (does it hold the predecessor, cut and continue) and the
 * read rounds: a mistake there is found here.
 */
import { ownerOf } from '../../actors/protocol/epoch.ts';
import type { Model, Take } from './checker.ts';
import { copyingSteps } from './replication/copying.ts';
import { electionSteps } from './replication/elections.ts';
import { violationOf } from './replication/invariants.ts';
import { readSteps } from './replication/reads.ts';
import type { ReplicationRules, ReplicationWorld } from './replication/rules.ts';
import { Setting } from './replication/setting.ts';
import {
  candidate,
  decodeWorld,
  emptyWorld,
  encodeWorld,
  following,
  leading,
  readWaits,
  refused,
  roundBegun,
  settledRead,
  showWorld,
  type World,
} from './replication/state.ts';
import { troubleSteps } from './replication/troubles.ts';
import type { StateReader, StateWriter } from './stateStore.ts';

export class ReplicationModel implements Model<World> {
  readonly initial: World;
  readonly #setting: Setting;

  constructor(size: Partial<ReplicationWorld> = {}, rules: Partial<ReplicationRules> = {}) {
    this.#setting = new Setting(size, rules);
    this.initial = emptyWorld(this.#setting.size.nodes, this.#setting.size.rounds);
  }

  steps(world: World, take: Take<World>): void {
    const setting = this.#setting;
    const next: Take<World> = (after, words) => {
      this.#forgetUseless(after);
      take(after, words);
    };
    for (let i = 0; i < world.nodes.length; i++) {
      if (world.node(i).health === refused) continue;
      electionSteps(setting, world, i, next);
      copyingSteps(setting, world, i, next);
      if (setting.size.reads > 0) readSteps(setting, world, i, next);
      troubleSteps(setting, world, i, next);
    }
  }

  violation(world: World): string | undefined {
    return violationOf(this.#setting, world);
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

  /**
   * Messages that nobody can use any more: promises for one who is no longer candidate of that epoch, acknowledgements
   * and confirmations for one who no longer leads it. Without them there are far fewer different states.
   */
  #forgetUseless(world: World): void {
    for (let t = 0; t < world.terms.length; t++) {
      const { opened, promises, acks } = world.term(t);
      if (opened === 0) continue;
      const epoch = this.#setting.epochs[t] as number;
      const owner = world.node(ownerOf(epoch) - 1);
      const office = owner.promised === epoch ? owner.role : following;
      const empty = this.initial.term(t);
      // An owner that forgets its promise may open the same epoch again.
      const isOver = office !== candidate && this.#setting.rules.promiseIsDurable;
      const isOut = office !== leading;
      if ((!isOver || promises === empty.promises) && (!isOut || acks === empty.acks)) continue;
      const term = world.changeTerm(t);
      if (isOver) term.promises = empty.promises;
      if (isOver) term.clocks = empty.clocks;
      if (isOut) term.acks = empty.acks;
    }
    const { stage, epoch } = world.read;
    if (stage !== roundBegun && stage !== readWaits) return;
    const reader = world.node(ownerOf(epoch) - 1);
    if (reader.promised !== epoch || reader.role !== leading) world.read = settledRead;
  }
}
