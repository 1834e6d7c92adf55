/**
 * Connections between the gateway and the others: they close at one end first, frames of an old one may be read before
 * the HELLO of the next, and each end learns of it when it does (R24).
 */
import { ownerOf } from '../../../actors/protocol/epoch.ts';
import type { Take } from '../checker.ts';
import { forget, name, type Setting } from './setting.ts';
import { done, following, pending, type ToGateway, type ToLeader, type World } from './state.ts';

export function lineSteps(setting: Setting, world: World, i: number, next: Take<World>): void {
  close(setting, world, i, next);
  open(setting, world, i, next);
  readAtLeader(setting, world, i, next);
  readAtGateway(setting, world, i, next);
}

function close(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { near, far, toLeader } = world.line(i);
  const isStale = near !== far;
  const mayFail = !setting.calm && world.counts.closes < setting.size.closes;
  const greets = toLeader.some(({ kind, connection }) => kind === 'hello' && connection === near);
  // Its other end is gone, and nothing of it is on its way: the gateway notices in the end.
  const notices = near !== 0 && isStale && !toLeader.some(({ connection }) => connection === near);
  if (near !== 0 && (mayFail || (setting.calm ? isStale && !greets : notices))) {
    const after = world.copy();
    const line = after.changeLine(i);
    line.near = 0;
    line.greeted = false;
    if (mayFail && !notices) after.count('closes');
    next(after, () => `the gateway's end of the connection to ${name(i)} closes`);
  }
  if (far === 0 || !(isStale || mayFail)) return;
  const after = world.copy();
  const line = after.changeLine(i);
  line.far = 0;
  line.toLeader = toLeader.filter(({ connection }) => connection > far);
  if (!isStale) after.count('closes');
  if (setting.rules.dropsWithConnection) dropQueued(after, i, Number.POSITIVE_INFINITY);
  next(after, () => `${name(i)}'s end of the connection closes`);
}

/** What came over older connections, and is in no log. */
function dropQueued(world: World, i: number, newest: number): void {
  const node = world.changeNode(i);
  node.queue = node.queue.filter(({ connection }) => connection === 0 || connection >= newest);
}

function open(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { near, opened } = world.line(i);
  const { closes, crashes } = setting.size;
  if (near !== 0 || (!setting.calm && opened > closes + crashes)) return;
  const after = world.copy();
  const line = after.changeLine(i);
  const connection = opened + 1;
  const hello: ToLeader = { kind: 'hello', epoch: 0, connection, boot: world.boot, n: 0, write: 0 };
  line.opened = connection;
  line.near = connection;
  line.greeted = !setting.rules.waitsForGreeting;
  line.n = 0;
  line.toLeader = [...line.toLeader, hello];
  next(after, () => `the gateway opens connection ${connection} to ${name(i)}`);
}

/** Each connection keeps its order; two connections have none between them. */
function readAtLeader(setting: Setting, world: World, i: number, next: Take<World>): void {
  const { toLeader } = world.line(i);
  for (const frame of toLeader) {
    if (toLeader.find(({ connection }) => connection === frame.connection) !== frame) continue;
    const after = world.copy();
    after.changeLine(i).toLeader = toLeader.filter((other) => other !== frame);
    if (frame.kind === 'hello') greet(setting, after, i, frame);
    else {
      const node = after.changeNode(i);
      const { kind: _, ...submission } = frame;
      node.queue = [...node.queue, submission];
    }
    next(after, () =>
      frame.kind === 'hello'
        ? `${name(i)} greets connection ${frame.connection}`
        : `${name(i)} receives send ${frame.n} on connection ${frame.connection}`,
    );
  }
}

function greet(setting: Setting, world: World, i: number, { connection, boot }: ToLeader): void {
  const line = world.changeLine(i);
  line.far = connection;
  line.farBoot = boot;
  if (setting.rules.dropsWithConnection && setting.rules.dropsBeforeGreeting) dropQueued(world, i, connection);
  const { role, promised, log, appended, appendedBoot } = world.node(i);
  const leads = role !== following || (!setting.rules.greetsWhileLeading && ownerOf(promised) === i + 1);
  setting.reply(world, i, {
    kind: 'greeted',
    epoch: leads ? promised : 0,
    appended: appendedBoot === boot ? appended : 0,
    last: setting.logs.length(log),
  });
}

function readAtGateway(setting: Setting, world: World, i: number, next: Take<World>): void {
  const frame = world.line(i).toGateway[0];
  if (frame === undefined) return;
  const after = world.copy();
  const line = after.changeLine(i);
  line.toGateway = line.toGateway.slice(1);
  if (frame.kind === 'greeted') {
    line.greeted = true;
    if (frame.epoch > 0) judgeByGreeting(setting, after, i, frame);
  } else if (frame.kind === 'no') forget(after, ({ n }) => n === frame.n);
  else resolveAs(after, frame);
  next(after, () => `the gateway hears ${frame.kind}${frame.n > 0 ? ` about send ${frame.n}` : ''} from ${name(i)}`);
}

function resolveAs(world: World, { n, id }: ToGateway): void {
  for (const [w, { outcome, sends }] of world.writes.entries())
    if (outcome === pending && sends.some((send) => send.n === n))
      world.changeWrite(w, { outcome: done, id, sends: [] });
}

/** R10a (c). */
function judgeByGreeting(setting: Setting, world: World, i: number, greeted: ToGateway): void {
  const { connection: newest, epoch: its, appended, last } = greeted;
  for (const [w, { sends }] of world.writes.entries()) {
    const judged = sends.flatMap((send) => {
      const isOlder = send.connection < newest || !setting.rules.greetingJudgesOlder;
      if (send.to !== i || send.epoch !== its || !isOlder) return [send];
      if (send.n > appended) return [];
      return [send.provenAt > 0 ? send : { ...send, provenAt: last }];
    });
    if (sends.length > 0) world.changeWrite(w, { sends: judged });
  }
}
