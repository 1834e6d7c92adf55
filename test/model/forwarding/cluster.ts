/**
 * What the cluster below the forwarding does, as simple as it may be: an election is one step, whose winner has the best
 * log of a majority (R1-R6 are the other model's business); entries are copied and committed one by one.
 */
import { comparePositions, nextEpoch, reachedByMajority, roundOf } from '../../../actors/protocol/epoch.ts';
import type { Take } from '../checker.ts';
import { gateway, name, type Setting } from './setting.ts';
import {
  bootOf,
  draining,
  following,
  forgotten,
  leading,
  nOf,
  pending,
  type Submission,
  taggedValue,
  type World,
} from './state.ts';

export function clusterSteps(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { role, queue } = world.node(i);
  if (!setting.calm) trouble(setting, world, i, next);
  if (role === draining) {
    const after = world.copy();
    after.changeNode(i).role = leading;
    next(after, () => `${name(i)} appends again`);
  }
  if (role !== following) lead(setting, world, i, next);
  if (queue.length > 0) takeFromQueue(setting, world, i, next);
}

function trouble(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { size } = setting;
  const { role } = world.node(i);
  if (world.epochs.length < size.epochs)
    for (let other = 0; other < world.nodes.length; other++) if (other !== i) elect(setting, world, i, other, next);
  if (role !== following && world.counts.resignations < size.resignations) resign(setting, world, i, next);
  if (role === leading && world.counts.drains < size.drains) {
    const after = world.copy();
    after.changeNode(i).role = draining;
    after.count('drains');
    next(after, () => `${name(i)} stops to append`);
  }
  if (world.counts.crashes < size.crashes) {
    const after = world.copy();
    crash(after, i);
    next(after, () => `${name(i)} crashes and comes back`);
  }
}

function elect(setting: Setting, world: World, i: number, other: number, next: Take<World>): void {
  const { logs } = setting;
  const epoch = nextEpoch(i + 1, world.newest);
  const after = world.copy();
  const [winner, voter] = [after.changeNode(i), after.changeNode(other)];
  const best = comparePositions(logs.last(voter.log), logs.last(winner.log)) > 0 ? voter.log : winner.log;
  after.epochs = [...world.epochs, epoch];
  winner.promised = epoch;
  voter.promised = epoch;
  winner.role = leading;
  voter.role = following;
  winner.log = logs.append(best, { epoch, lamport: logs.length(best) + 1, value: 0 });
  winner.match = [0, 1, 2].map((j) => (j === i ? logs.length(winner.log) : 0));
  voter.match = [0, 0, 0];
  winner.appended = 0;
  winner.appendedBoot = 0;
  next(after, () => `${name(i)} is elected with ${name(other)} in round ${roundOf(epoch)}`);
}

function resign(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log } = world.node(i);
  const after = world.copy();
  after.changeNode(i).role = following;
  after.count('resignations');
  if (!setting.rules.certainIsTrue && i !== gateway)
    for (let index = 1; index <= setting.logs.length(log); index++) {
      const { epoch, value } = setting.logs.entry(log, index);
      if (value > 0 && epoch === promised) setting.reply(after, i, { kind: 'no', n: nOf(value) });
    }
  next(after, () => `${name(i)} steps down`);
}

/** Disks are fast here: only what is in memory goes. */
function crash(world: World, i: number): void {
  const node = world.changeNode(i);
  node.role = following;
  node.commit = 0;
  node.match = [0, 0, 0];
  node.queue = [];
  node.appended = 0;
  node.appendedBoot = 0;
  world.count('crashes');
  if (i === gateway) forgetGateway(world);
  else world.changeLine(i).far = 0;
}

/** A write that it never sent anywhere may as well come after the crash. */
function forgetGateway(world: World): void {
  world.boot++;
  world.n = 0;
  for (let i = 1; i < world.nodes.length; i++) {
    const line = world.changeLine(i);
    line.near = 0;
    line.greeted = false;
  }
  for (const [w, { outcome, lastN }] of world.writes.entries())
    if (outcome === pending && lastN > 0) world.changeWrite(w, { outcome: forgotten, sends: [] });
}

function lead(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, match, commit } = world.node(i);
  for (let j = 0; j < world.nodes.length; j++) {
    if (j === i || world.node(j).promised > promised) continue;
    copyTo(setting, world, i, j, next);
    const follower = world.node(j);
    const known = Math.min(commit, match[j] as number);
    if (follower.promised !== promised || follower.role !== following || known <= follower.commit) continue;
    const after = world.copy();
    after.changeNode(j).commit = known;
    next(after, () => `${name(j)} learns the commit ${known}`);
  }
  advanceCommit(setting, world, i, next);
}

function copyTo(setting: Setting, world: World, i: number, j: number, next: Take<World>): void {
  const { logs } = setting;
  const { promised, log, match } = world.node(i);
  const its = world.node(j);
  const common = logs.common(log, its.log);
  const isMore = common < logs.length(log);
  if (!isMore && its.promised === promised && (match[j] as number) >= common) return;
  const after = world.copy();
  const follower = after.changeNode(j);
  if (its.promised < promised) follower.role = following;
  follower.promised = promised;
  if (isMore && its.commit > common) after.broken = 'R7: a committed entry is replaced';
  if (isMore) follower.log = logs.replace(its.log, log, common + 1);
  const reached = isMore ? common + 1 : common;
  after.changeNode(i).match = match.map((old, at) => (at === j ? reached : old));
  next(after, () =>
    isMore ? `${name(i)} copies entry ${reached} to ${name(j)}` : `${name(j)} agrees with ${name(i)}`,
  );
}

function advanceCommit(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { logs, rules } = setting;
  const { promised, log, match, commit } = world.node(i);
  const index = reachedByMajority(match);
  if (index <= commit || logs.epochAt(log, index) !== promised) return;
  const after = world.copy();
  const leader = after.changeNode(i);
  leader.commit = index;
  const its = logs.prefix(log, index);
  if (logs.startsWith(its, world.committed)) after.committed = its;
  else if (!logs.startsWith(world.committed, its)) after.broken = 'L4: two different entries are committed';
  for (let at = commit + 1; at <= index; at++) {
    const { epoch, value } = logs.entry(log, at);
    if (value === 0 || epoch !== promised) continue;
    if (!rules.countsEveryAppend) noteAppended(after, i, bootOf(value), nOf(value));
    if (i !== gateway && rules.answersWhenCommitted && bootOf(value) === world.line(i).farBoot)
      setting.reply(after, i, { kind: 'ok', n: nOf(value), id: setting.idAt(log, at) });
  }
  next(after, () => `${name(i)} commits up to ${index}`);
}

function noteAppended(world: World, i: number, boot: number, n: number): void {
  const leader = world.changeNode(i);
  leader.appended = leader.appendedBoot === boot ? Math.max(leader.appended, n) : n;
  leader.appendedBoot = boot;
}

/** R24: the first of the queue is appended, waits while the leader drains, or is refused. */
function takeFromQueue(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { role, promised, queue } = world.node(i);
  const first = queue[0] as Submission;
  if (role === leading && (first.epoch === promised || !setting.rules.stampsEpoch))
    append(setting, world, i, first, next);
  else if (role !== draining) refuse(setting, world, i, first, next);
  if (setting.calm || world.counts.refusals >= setting.size.refusals) return;
  refuse(setting, world, i, first, (after, words) => {
    after.count('refusals');
    next(after, words);
  });
}

function append(setting: Setting, world: World, i: number, first: Submission, next: Take<World>): void {
  const { logs, rules } = setting;
  const after = world.copy();
  const leader = after.changeNode(i);
  const lamport = logs.length(leader.log) + 1;
  leader.queue = leader.queue.slice(1);
  leader.log = logs.append(leader.log, {
    epoch: leader.promised,
    lamport,
    value: taggedValue(first.boot, first.n, first.write),
  });
  leader.match = leader.match.map((old, at) => (at === i ? lamport : old));
  if (rules.countsEveryAppend) noteAppended(after, i, first.boot, first.n);
  if (!rules.answersWhenCommitted && i !== gateway && world.line(i).far === first.connection)
    setting.reply(after, i, { kind: 'ok', n: first.n, id: setting.idAt(leader.log, lamport) });
  next(after, () => `${name(i)} appends send ${first.n}`);
}

function refuse(setting: Setting, world: World, i: number, first: Submission, next: Take<World>): void {
  const after = world.copy();
  const node = after.changeNode(i);
  node.queue = node.queue.slice(1);
  setting.refuse(after, i, first.connection, first.n);
  next(after, () => `${name(i)} refuses send ${first.n}: certainly not done`);
}
