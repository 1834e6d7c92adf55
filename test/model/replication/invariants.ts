/**
 * What must hold in every state of the replication model; the letters are those of the proof in docs/how-it-works.md.
 *
 * L1. An epoch has one leader.                 L2. Same index and epoch: the same log up to there.
 * L3. Whoever leads later has what was committed earlier; so all commits agree (L4).
 * R7. Nobody replaces what it knows as committed.
 * R8. What is committed is on the disks of a majority (unless a disk was damaged or wiped), and nobody takes anything
 *     else for committed.
 *
 * And: Lamport times rise along every log; a linearizable read shows what was committed before it came. L1, L4, R7 and
 * reads are judged by the step itself, which then leaves a sentence in `broken`.
 */
import { type Epoch, majorityOf } from '../../../actors/protocol/epoch.ts';
import { type LogId, showEpoch } from '../logs.ts';
import { name, type Setting } from './setting.ts';
import { none, type World } from './state.ts';

export function violationOf(setting: Setting, world: World): string | undefined {
  return world.broken || faultOfLogs(setting, world) || lostCommit(setting, world) || wrongCommit(setting, world);
}

function faultOfLogs(setting: Setting, world: World): string | undefined {
  for (let i = 0; i < world.nodes.length; i++) {
    const { log } = world.node(i);
    const fault = setting.logs.fault(log);
    if (fault !== undefined) return `the log of ${name(i)}: ${fault}`;
    for (let j = 0; j < i; j++)
      if (!match(setting, log, world.node(j).log))
        return `L2: the logs of ${name(j)} and ${name(i)} share an entry but not what precedes it`;
  }
  return undefined;
}

function match(setting: Setting, a: LogId, b: LogId): boolean {
  if (a === b) return true;
  for (let index = Math.min(setting.logs.length(a), setting.logs.length(b)); index > 0; index--)
    if (setting.logs.epochAt(a, index) === setting.logs.epochAt(b, index))
      return setting.logs.prefix(a, index) === setting.logs.prefix(b, index);
  return true;
}

function lostCommit(setting: Setting, world: World): string | undefined {
  for (let earlier = 0; earlier < world.terms.length; earlier++) {
    const { log, commit } = world.term(earlier);
    if (commit === 0) continue;
    for (let later = earlier + 1; later < world.terms.length; later++) {
      const its = world.term(later).log;
      if (its === none || setting.logs.startsWith(its, setting.logs.prefix(log, commit))) continue;
      const [first, second] = [earlier, later].map((t) => showEpoch(setting.epochs[t] as Epoch));
      return `L3: the leader of ${second} lacks what the leader of ${first} committed`;
    }
  }
  return undefined;
}

function wrongCommit(setting: Setting, { nodes, committed }: World): string | undefined {
  let holders = 0;
  for (const { log, disk, commit } of nodes) {
    if (setting.logs.startsWith(disk, committed)) holders++;
    if (commit > setting.logs.length(log)) return 'R8: a commit is beyond the end of the log';
    if (!setting.logs.startsWith(committed, setting.logs.prefix(log, commit)))
      return 'R8: a node takes for committed what is not';
  }
  if (setting.size.damages > 0 || setting.size.wipes > 0 || holders >= majorityOf(nodes.length)) return undefined;
  return 'R8: what is committed is not on the disks of a majority';
}
