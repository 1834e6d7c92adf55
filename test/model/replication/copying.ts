/**
 * Replication: R7-R9. Every APPEND that a leader ever sent may arrive at any moment, also long after.
 */
import { type Epoch, ownerOf, reachedByMajority } from '../../../actors/protocol/epoch.ts';
import type { Take } from '../checker.ts';
import { showEpoch } from '../logs.ts';
import { name, type Setting } from './setting.ts';
import { damaged, following, leading, none, replaced, type World } from './state.ts';

export function copyingSteps(setting: Setting, world: World, i: number, next: Take<World>): void {
  hearAppends(setting, world, i, next);
  if (setting.size.slowLog) finishWrite(setting, world, i, next);
  const { role } = world.node(i);
  if (role === leading) write(setting, world, i, next);
  if (role === leading) advanceCommit(setting, world, i, next);
  if (role === following && setting.size.followersCommit) learnCommit(setting, world, i, next);
}

function hearAppends(setting: Setting, world: World, i: number, next: Take<World>): void {
  const node = world.node(i);
  for (let t = 0; t < world.terms.length; t++) {
    const epoch = setting.epochs[t] as Epoch;
    if (world.term(t).log === none || ownerOf(epoch) === i + 1) continue;
    if (epoch < node.promised && setting.rules.lowerEpochsAreRefused) continue;
    if (setting.size.slowPromise && epoch > node.promised) {
      const after = world.copy();
      setting.promise(after.changeNode(i), epoch);
      next(after, () => `${name(i)} hears the leader of ${showEpoch(epoch)}, and promises it in memory`);
    } else if (setting.promiseIsSaved(node)) hearEntries(setting, world, i, t, next);
  }
}

/** R7. */
function hearEntries(setting: Setting, world: World, i: number, t: number, next: Take<World>): void {
  const { log } = world.node(i);
  const source = world.term(t).log;
  for (let index = 1; index <= setting.logs.length(source); index++) {
    const joins = setting.rules.appendNeedsPredecessor
      ? setting.logs.holds(log, setting.logs.positionAt(source, index - 1))
      : setting.logs.length(log) >= index - 1;
    if (!joins) continue;
    const after = world.copy();
    take(setting, after, i, t, index);
    next(after, () => `${name(i)} takes entry ${index} of ${showEpoch(setting.epochs[t] as Epoch)}`);
  }
}

function take(setting: Setting, world: World, i: number, t: number, index: number): void {
  const epoch = setting.epochs[t] as Epoch;
  const source = world.term(t).log;
  const node = world.changeNode(i);
  if (epoch > node.promised) setting.promise(node, epoch);
  const before = node.log;
  const isThere = setting.logs.epochAt(before, index) === setting.logs.epochAt(source, index);
  if (!isThere || !setting.rules.sameEntryIsKept) setting.setLog(node, setting.logs.replace(before, source, index));
  if (!setting.logs.startsWith(node.log, setting.logs.prefix(before, node.commit)))
    world.broken = 'R7: a committed entry is replaced';
  if (setting.size.clocks) node.clock = Math.max(node.clock, setting.logs.lamport(setting.logs.prefix(source, index)));
  if (node.health === damaged && node.healsAt === none) node.healsAt = setting.logs.length(source);
  if (setting.size.slowLog) {
    node.ackIndex = node.ackEpoch === epoch ? Math.max(node.ackIndex, index) : index;
    node.ackEpoch = epoch;
  }
  if (!setting.size.slowLog || !setting.rules.ackAfterFsync) setting.acknowledge(world, i, t, index);
}

/** The disk confirms all that was written; R3a. */
function finishWrite(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { log, disk, ackEpoch, ackIndex, promised } = world.node(i);
  if (disk === log && ackEpoch === 0) return;
  const after = world.copy();
  const node = after.changeNode(i);
  node.disk = log;
  node.ackEpoch = 0;
  node.ackIndex = 0;
  const isAnswered = ackEpoch > 0 && (ackEpoch === promised || !setting.rules.completionsAreChecked);
  if (isAnswered) setting.acknowledge(after, i, setting.termOf(ackEpoch), ackIndex);
  next(after, () => `the disk of ${name(i)} has its log${isAnswered ? `; it acknowledges ${ackIndex}` : ''}`);
}

function write(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log } = world.node(i);
  if (world.writes >= setting.size.writes || setting.logs.length(log) >= setting.size.entries) return;
  const after = world.copy();
  const node = after.changeNode(i);
  after.writes++;
  setting.append(node, after.writes);
  after.changeTerm(setting.termOf(promised)).log = node.log;
  next(after, () => `${name(i)} appends write ${after.writes}`);
}

/** R9. */
function advanceCommit(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log, disk, commit } = world.node(i);
  const t = setting.termOf(promised);
  const own = setting.logs.length(setting.rules.leaderCountsItsDisk ? disk : log);
  const index = reachedByMajority(replaced(world.term(t).acks, i, own));
  if (index <= commit || (setting.logs.epochAt(log, index) !== promised && setting.rules.commitsOwnEpoch)) return;
  const after = world.copy();
  after.changeNode(i).commit = index;
  after.changeTerm(t).commit = index;
  const its = setting.logs.prefix(log, index);
  if (setting.logs.startsWith(its, world.committed)) after.committed = its;
  else if (!setting.logs.startsWith(world.committed, its)) after.broken = 'L4: two different entries are committed';
  next(after, () => `${name(i)} commits up to ${index}`);
}

/** R8: by an APPEND or a ping of its leader. */
function learnCommit(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log, commit, acknowledged } = world.node(i);
  if (promised === 0 || ownerOf(promised) === i + 1) return;
  const limit = setting.rules.commitsWhatItAcknowledged ? acknowledged : setting.logs.length(log);
  const index = Math.min(world.term(setting.termOf(promised)).commit, limit);
  if (index <= commit) return;
  const after = world.copy();
  after.changeNode(i).commit = index;
  next(after, () => `${name(i)} learns the commit ${index}`);
}
