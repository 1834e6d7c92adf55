/**
 * What all steps of the forwarding model share: its size, its rules, all logs, and how answers go back.
 */
import { type LogId, Logs } from '../logs.ts';
import { allForwardingRules, type ForwardingRules, type ForwardingWorld, smallForwardingWorld } from './rules.ts';
import { bootOf, nOf, pending, type ToGateway, type ToLeader, type World } from './state.ts';

/** The gateway is n1. */
export const gateway = 0;
export const name = (i: number): string => `n${i + 1}`;
const noReply: ToGateway = { kind: 'greeted', connection: 0, epoch: 0, appended: 0, last: 0, n: 0, id: 0 };

export class Setting {
  readonly size: ForwardingWorld;
  readonly rules: ForwardingRules;
  readonly logs = new Logs();
  /** Nothing fails and nobody sends any more: what is under way comes to rest. */
  readonly calm: boolean;

  constructor(size: Partial<ForwardingWorld>, rules: Partial<ForwardingRules>, calm = false, logs = new Logs()) {
    this.size = { ...smallForwardingWorld, ...size };
    this.rules = { ...allForwardingRules, ...rules };
    this.calm = calm;
    this.logs = logs;
  }

  /** The id of the message at `index`: barriers do not count. */
  idAt(log: LogId, index: number): number {
    let id = 0;
    for (let i = 1; i <= index; i++) if (this.logs.entry(log, i).value > 0) id++;
    return id;
  }
  isOwn(value: number, boot: number, n: number): boolean {
    return value > 0 && nOf(value) === n && (bootOf(value) === boot || !this.rules.tagNamesBoot);
  }

  /** `world` is a copy. A closed connection takes nothing. */
  reply(world: World, from: number, reply: Partial<ToGateway>): void {
    const line = world.changeLine(from);
    if (line.far !== 0) line.toGateway = [...line.toGateway, { ...noReply, connection: line.far, ...reply }];
  }

  /** "Certainly not": the write may be sent again. */
  refuse(world: World, node: number, connection: number, n: number): void {
    if (node === gateway) forget(world, (send) => send.n === n);
    else if (world.line(node).far === connection) this.reply(world, node, { kind: 'no', n });
  }
}

/** These sends are certainly in no log. */
export function forget(world: World, which: (send: World['writes'][number]['sends'][number]) => boolean): void {
  for (const [w, write] of world.writes.entries())
    if (write.outcome === pending && write.sends.some(which))
      world.changeWrite(w, { sends: write.sends.filter((send) => !which(send)) });
}

/** What a connection brings after it is gone at the receiving end is never read; frames of one stay in order. */
export function dropUnreadable(world: World): void {
  for (let i = 1; i < world.nodes.length; i++) {
    const { far, near, toLeader, toGateway } = world.line(i);
    const announced = (c: number): boolean =>
      toLeader.some(({ kind, connection }) => kind === 'hello' && connection === c);
    const read = (frame: ToLeader): boolean =>
      frame.connection === far || (frame.connection > far && announced(frame.connection));
    const isClean = toLeader.every(read) && toGateway.every(({ connection }) => connection === near);
    if (isClean) continue;
    const line = world.changeLine(i);
    line.toLeader = toLeader.filter(read);
    line.toGateway = toGateway.filter(({ connection }) => connection === near);
  }
}
