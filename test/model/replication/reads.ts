/**
 * Linearizable reads by read index (PROTOCOL §6): the commit at arrival, and then a round that a majority confirms.
 */
import { ReadRounds } from '../../../actors/pipeline/readRounds.ts';
import { ownerOf } from '../../../actors/protocol/epoch.ts';
import type { Take } from '../checker.ts';
import { showEpoch } from '../logs.ts';
import { name, type Setting } from './setting.ts';
import { leading, noRead, type Read, readWaits, roundBegun, settledRead, type World } from './state.ts';

export function readSteps(setting: Setting, world: World, i: number, next: Take<World>): void {
  if (world.node(i).role === leading) serveRead(setting, world, i, next);
  confirmRead(setting, world, i, next);
}

function serveRead(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { promised, log, commit } = world.node(i);
  const { read } = world;
  const mustSee = setting.logs.length(world.committed);
  const arrived: Read = { stage: readWaits, epoch: promised, index: commit, mustSee, confirmed: 0 };
  const mayRead = !setting.rules.readsAfterBarrier || setting.logs.epochAt(log, commit) === promised;
  if (read.stage === noRead && mayRead) {
    if (!setting.rules.readNeedsRound) next(served(world, arrived), () => `${name(i)} serves a read at once`);
    else next(withRead(world, arrived), () => `a read arrives at ${name(i)}, which begins a round`);
    const early = { ...arrived, stage: roundBegun, index: 0, mustSee: 0 };
    if (!setting.rules.roundBeginsAfterRead) next(withRead(world, early), () => `${name(i)} begins a round`);
  }
  if (read.epoch !== promised) return;
  if (read.stage === roundBegun)
    next(withRead(world, { ...arrived, confirmed: read.confirmed }), () => `a read arrives at ${name(i)}`);
  if (read.stage === readWaits && isConfirmed(setting, read.confirmed))
    next(served(world, read), () => `${name(i)} serves the read`);
}

function isConfirmed(setting: Setting, confirmed: number): boolean {
  const rounds = new ReadRounds(setting.voters.length);
  rounds.ask(0, 0, 0);
  if (rounds.settle().length > 0) return true;
  return setting.voters.some((id) => confirmed & (1 << id) && rounds.confirm(id, rounds.round).length > 0);
}

function served(world: World, { index, mustSee }: Read): World {
  const after = withRead(world, settledRead);
  if (index < mustSee) after.broken = `a linearizable read shows ${index} entries, ${mustSee} were committed before it`;
  return after;
}

function confirmRead(setting: Setting, world: World, i: number, next: Take<World>): void {
  const node = world.node(i);
  const { stage, epoch, confirmed } = world.read;
  if (stage !== roundBegun && stage !== readWaits) return;
  if (!setting.mayVote(node) || ownerOf(epoch) === i + 1 || confirmed & (1 << (i + 1))) return;
  if (epoch < node.promised && setting.rules.confirmationNamesEpoch) return;
  const isNews = epoch > node.promised;
  if (isNews ? setting.size.slowPromise : !setting.promiseIsSaved(node)) return;
  const after = withRead(world, { ...world.read, confirmed: confirmed | (1 << (i + 1)) });
  if (isNews) setting.promise(after.changeNode(i), epoch);
  next(after, () => `${name(i)} confirms the leader of ${showEpoch(epoch)}`);
}

function withRead(world: World, read: Read): World {
  const after = world.copy();
  after.read = read;
  return after;
}
