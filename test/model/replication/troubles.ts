/**
 * What goes wrong with one node: it crashes, its disk loses the end of the log, a promise slot, or everything (R-D1a,
 * R-D3, R-D4, R25); and how a damaged one is healed.
 */
import type { Take } from '../checker.ts';
import { emptyLogId } from '../logs.ts';
import { anyNumber } from './rules.ts';
import { name, type Setting } from './setting.ts';
import { damaged, NodeState, none, refused, replaced, type World, whole } from './state.ts';

export function troubleSteps(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { troubles } = world;
  const { crashes, damages, wipes, rots } = setting.size;
  const { disk, promised, older, saved, health } = world.node(i);
  if (troubles.crashes < crashes) {
    const after = world.copy();
    const node = after.changeNode(i);
    if (!setting.rules.damageIsRemembered) node.health = whole;
    restart(setting, node);
    if (crashes < anyNumber) after.troubles = { ...troubles, crashes: troubles.crashes + 1 };
    next(after, () => `${name(i)} crashes and comes back`);
  }
  if (troubles.damages < damages)
    for (let kept = 0; kept < setting.logs.length(disk); kept++) damage(setting, world, i, kept, next);
  if (troubles.wipes < wipes && (disk !== emptyLogId || promised > 0)) wipe(setting, world, i, next);
  if (health === damaged) heal(setting, world, i, next);
  if (troubles.rots < rots && older < saved) {
    const after = world.copy();
    const node = after.changeNode(i);
    node.saved = older;
    restart(setting, node);
    after.troubles = { ...troubles, rots: troubles.rots + 1 };
    next(after, () => `the newer promise slot of ${name(i)} rots, and it comes back`);
  }
}

/** What a restart finds: the disk. */
function restart(setting: Setting, node: NodeState): void {
  setting.promise(node, Math.max(node.saved, setting.logs.last(node.disk).epoch));
  setting.save(node);
  node.log = node.disk;
  node.commit = 0;
  node.clock = setting.size.clocks && setting.rules.lamportFollowsLog ? setting.logs.lamport(node.disk) : 0;
  node.ackEpoch = 0;
  node.ackIndex = 0;
}

function damage(setting: Setting, world: World, i: number, kept: number, next: Take<World>): void {
  const after = world.copy();
  const node = after.changeNode(i);
  node.disk = setting.logs.prefix(node.disk, kept);
  node.health = damaged;
  restart(setting, node);
  voidAcks(after, i);
  after.troubles = { ...world.troubles, damages: world.troubles.damages + 1 };
  next(after, () => `${name(i)} loses all behind entry ${kept} of its disk`);
}

function wipe(setting: Setting, world: World, i: number, next: Take<World>): void {
  const after = world.copy();
  const node = new NodeState();
  node.health = setting.rules.wipedIsRefused ? refused : setting.rules.wipedIsNoticed ? damaged : whole;
  after.nodes[i] = node;
  voidAcks(after, i);
  after.troubles = { ...world.troubles, wipes: world.troubles.wipes + 1 };
  next(after, () => `${name(i)} comes back with an empty disk`);
}

/** R9: another connection, so what was acknowledged before counts no more. */
function voidAcks(world: World, i: number): void {
  for (let t = 0; t < world.terms.length; t++) {
    const { acks } = world.term(t);
    if (acks[i] !== 0) world.changeTerm(t).acks = replaced(acks, i, 0);
  }
}

/** R-D3: it agrees with a leader whose barrier is committed, without its help. */
function heal(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log, healsAt, acknowledged, ackIndex } = world.node(i);
  if (setting.rules.healsByAgreement) {
    if (healsAt === none) return;
    const agreed = setting.rules.healsOnDisk ? acknowledged : Math.max(acknowledged, ackIndex);
    const { commit } = world.term(setting.termOf(promised));
    if (agreed < healsAt && setting.rules.healsUpToFirstEnd) return;
    if (setting.logs.epochAt(log, Math.min(commit, agreed)) !== promised && setting.rules.healsAfterBarrier) return;
  }
  const after = world.copy();
  const node = after.changeNode(i);
  node.health = whole;
  node.healsAt = none;
  next(after, () => `${name(i)} agrees with its leader, and votes again`);
}
