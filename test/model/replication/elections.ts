/**
 * Elections: R1-R6. Anybody may stand at any moment.
 */
import { nextEpoch, ownerOf, roundOf } from '../../../actors/protocol/epoch.ts';
import type { Take } from '../checker.ts';
import { emptyLogId, type LogId, showEpoch } from '../logs.ts';
import { name, type Setting } from './setting.ts';
import { adopting, candidate, leading, none, type World } from './state.ts';

/** Nobody hears a leader or leads, so stickiness (R12) refuses nothing. */
const noOffice = { leads: false, drainingFor: null } as const;

export function electionSteps(setting: Setting, world: World, i: number, next: Take<World>): void {
  stand(setting, world, i, next);
  hearPrepare(setting, world, i, next);
  if (setting.size.slowPromise) savePromise(setting, world, i, next);
  const { role } = world.node(i);
  if (role === candidate) win(setting, world, i, next);
  if (role === adopting) adopt(setting, world, i, next);
}

/** R2: above any epoch that it may have seen. */
function stand(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log } = world.node(i);
  const { elections, entries, rounds, slowPromise } = setting.size;
  if (!setting.mayVote(world.node(i)) || setting.logs.length(log) >= entries) return;
  if (setting.openedAbove(world, 0).length >= elections) return;
  let tried = 0;
  for (const seen of [promised, ...setting.openedAbove(world, promised)]) {
    const epoch = nextEpoch(i + 1, seen);
    if (epoch === tried || roundOf(epoch) > rounds) continue;
    tried = epoch;
    const after = world.copy();
    const node = after.changeNode(i);
    setting.promise(node, epoch);
    node.role = candidate;
    if (slowPromise && setting.rules.promiseIsDurable) after.changeTerm(setting.termOf(epoch)).opened = 1;
    else setting.sendPromise(after, i, epoch);
    next(after, () => `${name(i)} opens epoch ${showEpoch(epoch)}`);
  }
}

/** R3. */
function hearPrepare(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised } = world.node(i);
  if (!setting.mayVote(world.node(i))) return;
  for (const epoch of setting.openedAbove(world, 0)) {
    if (ownerOf(epoch) === i + 1 || world.term(setting.termOf(epoch)).opened < 2) continue;
    const prepare = { kind: 'prepare', epoch, handover: null } as const;
    const ballot = setting.ballot(i, promised);
    if (ballot.judgePrepare(prepare, ownerOf(epoch), noOffice, Number.MAX_SAFE_INTEGER) !== 'promise') continue;
    const after = world.copy();
    setting.promise(after.changeNode(i), epoch);
    const isSent = !setting.size.slowPromise || !setting.rules.promiseIsDurable;
    if (isSent) setting.sendPromise(after, i, epoch);
    next(after, () => `${name(i)} promises ${showEpoch(epoch)}${isSent ? '' : ' in memory'}`);
  }
}

/** A slot is written; the last one lets PREPARE or PROMISE go. */
function savePromise(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, saved } = world.node(i);
  if (setting.promiseIsSaved(world.node(i))) return;
  const after = world.copy();
  const node = after.changeNode(i);
  if (saved < promised && setting.size.rots > 0 && setting.rules.promiseInBothSlots) {
    node.older = saved;
    node.saved = promised;
    return next(after, () => `${name(i)} has written its promise into the first slot`);
  }
  setting.save(node);
  setting.sendPromise(after, i, promised);
  next(after, () => `${name(i)} has saved its promise, and sends it`);
}

/** R4: by any promises that make a majority. */
function win(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log } = world.node(i);
  if (!setting.promiseIsSaved(world.node(i))) return;
  const { promises, clocks } = world.term(setting.termOf(promised));
  const others = promises.flatMap((its, q) => (its !== none && q !== i ? [q] : []));
  const ballot = setting.ballot(i, promised);
  for (let subset = 0; subset < 1 << others.length; subset++) {
    const promisers = others.filter((_, bit) => subset & (1 << bit));
    ballot.promises.clear();
    ballot.promises.set(i + 1, setting.logs.last(log));
    for (const q of promisers) ballot.promises.set(q + 1, setting.logs.last(promises[q] as LogId));
    if (!ballot.won) continue;
    const donor = setting.rules.bestByPosition ? ballot.best().id - 1 : longest(setting, log, i, promises, promisers);
    const best = donor === i || !setting.rules.winnerAdopts ? log : (promises[donor] as LogId);
    const after = world.copy();
    const node = after.changeNode(i);
    for (const q of promisers) node.clock = Math.max(node.clock, clocks[q] as number);
    if (best === log) establish(setting, after, i);
    else {
      node.role = adopting;
      node.target = best;
      if (!setting.rules.adoptsWhatWasPromised) node.donor = donor;
    }
    next(after, () => `${name(i)} wins ${showEpoch(promised)} by the promises of ${[i, ...promisers].map(name)}`);
  }
}

function longest(
  setting: Setting,
  own: LogId,
  i: number,
  promises: readonly LogId[],
  promisers: readonly number[],
): number {
  const lengthOf = (q: number): number => setting.logs.length(q === i ? own : (promises[q] as LogId));
  return promisers.reduce((best, q) => (lengthOf(q) > lengthOf(best) ? q : best), i);
}

/** R5, entry by entry. */
function adopt(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log, disk, target: named, donor } = world.node(i);
  if (!setting.rules.adoptsWhatWasPromised && world.node(donor).promised !== promised) return;
  const target = setting.rules.adoptsWhatWasPromised ? named : world.node(donor).log;
  if (log === target && disk !== target) return;
  const after = world.copy();
  const node = after.changeNode(i);
  if (log !== target) setting.setLog(node, nearer(setting, log, target));
  const isDone = node.disk === target;
  if (isDone) establish(setting, after, i);
  next(after, () => (isDone ? `${name(i)} has adopted all, and begins to lead` : `${name(i)} adopts one entry`));
}

function nearer(setting: Setting, log: LogId, target: LogId): LogId {
  const common = setting.logs.common(log, target);
  return common === setting.logs.length(target)
    ? setting.logs.prefix(log, common)
    : setting.logs.replace(log, target, common + 1);
}

/** R6. `world` and its node i are copies. */
function establish(setting: Setting, world: World, i: number): void {
  const node = world.node(i);
  const term = world.changeTerm(setting.termOf(node.promised));
  if (term.log !== none) world.broken = `L1: epoch ${showEpoch(node.promised)} has two leaders`;
  node.role = leading;
  node.target = emptyLogId;
  node.donor = 0;
  setting.append(node, 0);
  term.log = node.log;
}
