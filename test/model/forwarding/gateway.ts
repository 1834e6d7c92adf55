/**
 * The gateway: it sends its clients' writes to whom it takes for the leader, again when the last send is certainly not
 * done, and tells the client what became of them (R10, R10a).
 */
import { ownerOf } from '../../../actors/protocol/epoch.ts';
import type { Take } from '../checker.ts';
import { gateway, name, type Setting } from './setting.ts';
import { type ClientWrite, done, leading, notDone, pending, type Send, unknown, type World } from './state.ts';

export function gatewaySteps(setting: Setting, world: World, next: Take<World>): void {
  for (const [w, write] of world.writes.entries()) {
    if (write.outcome !== pending) continue;
    if (!setting.calm && maySend(setting, world, write)) send(setting, world, w, next);
    if (!setting.calm) {
      const after = world.copy();
      after.changeWrite(w, { outcome: write.sends.length > 0 ? unknown : notDone, sends: [] });
      next(after, () => `the deadline of write ${w + 1} passes: ${write.sends.length > 0 ? 'unknown' : 'not done'}`);
    }
    if (write.sends.length > 0) resolve(setting, world, w, next);
  }
}

function maySend(setting: Setting, world: World, { sends }: ClientWrite): boolean {
  if (world.counts.sends >= setting.size.sends) return false;
  if (sends.length === 0) return true;
  return (
    !setting.rules.oneUnresolvedSend && sends.some(({ to, connection }) => to > 0 && world.line(to).near !== connection)
  );
}

function send(setting: Setting, world: World, w: number, next: Take<World>): void {
  const { role, promised } = world.node(gateway);
  if (role === leading) {
    const after = world.copy();
    const n = noteSend(setting, after, w, { epoch: promised, to: gateway, connection: 0 });
    const node = after.changeNode(gateway);
    node.queue = [...node.queue, { epoch: promised, connection: 0, boot: world.boot, n, write: w }];
    next(after, () => `the gateway, leading, takes write ${w + 1} as send ${n}`);
  }
  // It may take any leader for the present one that is not older than its own promise.
  for (const epoch of world.epochs) {
    const to = ownerOf(epoch) - 1;
    if (to === gateway || epoch < promised) continue;
    const { near, greeted } = world.line(to);
    if (near === 0 || !greeted) continue;
    const after = world.copy();
    const n = noteSend(setting, after, w, { epoch, to, connection: near });
    const line = after.changeLine(to);
    line.toLeader = [...line.toLeader, { kind: 'forward', epoch, connection: near, boot: world.boot, n, write: w }];
    next(after, () => `the gateway sends write ${w + 1} to ${name(to)} as send ${n}`);
  }
}

function noteSend(setting: Setting, world: World, w: number, about: Pick<Send, 'epoch' | 'to' | 'connection'>): number {
  const { rules } = setting;
  const { lastN, sends } = world.writes[w] as ClientWrite;
  const again = lastN > 0 && !rules.freshNumber;
  const n = again ? lastN : nextNumber(setting, world, about.to);
  world.count('sends');
  world.changeWrite(w, { lastN: n, sends: [...sends, { ...about, n, provenAt: 0 }] });
  return n;
}

function nextNumber(setting: Setting, world: World, to: number): number {
  if (setting.rules.numbersSpanPeers || to === gateway) return ++world.n;
  return ++world.changeLine(to).n;
}

/** By the own committed log: the tag is there, or a barrier or an end of the log proves that it never will be. */
function resolve(setting: Setting, world: World, w: number, next: Take<World>): void {
  const { sends } = world.writes[w] as ClientWrite;
  const { commit } = world.node(gateway);
  for (const { n } of sends) {
    const index = findOwn(setting, world, n, commit);
    if (index === 0) continue;
    const after = world.copy();
    after.changeWrite(w, { outcome: done, id: setting.idAt(world.node(gateway).log, index), sends: [] });
    return next(after, () => `the gateway finds send ${n} in its committed log`);
  }
  const left = sends.filter((unresolved) => !isAbsent(setting, world, unresolved));
  if (left.length === sends.length) return;
  const after = world.copy();
  after.changeWrite(w, { sends: left });
  next(after, () => `the gateway sees that write ${w + 1} is in no log`);
}

/** Where the own log has the tag of this send, up to `end`; 0 = nowhere. */
function findOwn(setting: Setting, world: World, n: number, end: number): number {
  const { log } = world.node(gateway);
  for (let index = 1; index <= end; index++)
    if (setting.isOwn(setting.logs.entry(log, index).value, world.boot, n)) return index;
  return 0;
}

function isAbsent(setting: Setting, world: World, { n, epoch, provenAt }: Send): boolean {
  const { logs, rules } = setting;
  const { log, commit } = world.node(gateway);
  const end = rules.committedBarrier ? commit : logs.length(log);
  let barrier = 0;
  for (let index = 1; index <= end; index++) {
    const entry = logs.entry(log, index);
    if (entry.value === 0) barrier = entry.epoch;
  }
  const isLater = barrier > (rules.laterBarrier ? epoch : 0) && findOwn(setting, world, n, end) === 0;
  return isLater || (provenAt > 0 && commit >= provenAt);
}
