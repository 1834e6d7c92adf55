/**
 * One actor alone: its neighbours are names that only remember what they were told. Time is virtual, chance is seeded.
 *
 *   aScope()      for a service (`new Pipeline(input, scope)`): nothing is delivered, everything is remembered
 *   aMachine()    for a statechart: what it sends to itself is delivered, what it tells others is remembered
 */
import { type AnyStateMachine, createActor, type EventObject, type InputFrom, type SnapshotFrom } from 'xstate';
import type { Mailboxes } from '../../actors/events.ts';
import type { LogFields, LogLines } from '../../actors/ports.ts';
import {
  type Batch,
  type BatchType,
  bodyHashBytes,
  defaultStream,
  type EncodedWrite,
  encodeBatch,
  encodeWrite,
  type Write,
} from '../../actors/protocol/batch.ts';
import { type Epoch, epochOf, type NodeId, type Position, start } from '../../actors/protocol/epoch.ts';
import type { Frame, FrameKind, FrameOf } from '../../actors/protocol/frames.ts';
import { logStart, type RecoveredLog } from '../../actors/protocol/logicalLog.ts';
import { deliverInOrder, type Scope } from '../../actors/system.ts';
import { VirtualClock } from './virtualClock.ts';

export interface Told {
  readonly to: string;
  readonly event: EventObject;
}

/** What an actor said, in order. `take` forgets, so that the next question is about what came since. */
export class Ear {
  told: Told[] = [];

  /** All events for one neighbour. */
  to<Name extends keyof Mailboxes>(name: Name): Mailboxes[Name][] {
    return this.told.filter(({ to }) => to === name).map(({ event }) => event as unknown as Mailboxes[Name]);
  }
  named<Name extends keyof Mailboxes, Type extends Mailboxes[Name]['type']>(
    name: Name,
    type: Type,
  ): Extract<Mailboxes[Name], { type: Type }>[] {
    const found = this.told.filter(({ to, event }) => to === name && event.type === type);
    return found.map(({ event }) => event as unknown as Extract<Mailboxes[Name], { type: Type }>);
  }
  /** Frames that were given to the clock for the peers. */
  frames(peer?: NodeId): Frame[] {
    return this.named('clock', 'frame.send')
      .filter((sent) => peer === undefined || sent.peer === peer)
      .map(({ frame }) => frame);
  }
  framesOf<K extends FrameKind>(kind: K, peer?: NodeId): FrameOf<K>[] {
    return this.frames(peer).filter((frame): frame is FrameOf<K> => frame.kind === kind);
  }
  /** Names of what was told, as 'name:event'; a frame as 'kind>peer'. */
  get story(): string[] {
    return this.told.map(({ to, event }) => {
      const { type } = event;
      if (type !== 'frame.send') return `${to}:${type}`;
      const { frame, peer } = event as Extract<Mailboxes['clock'], { type: 'frame.send' }>;
      return `${frame.kind}>${peer}`;
    });
  }
  forget(): void {
    this.told = [];
  }
}

export interface ScopedWorld {
  readonly scope: Scope;
  readonly ear: Ear;
}

export function aScope(): ScopedWorld {
  const ear = new Ear();
  const system = {
    get: (id: string) => ({ id }),
    _relay: (_: unknown, target: { readonly id: string }, event: EventObject) => {
      ear.told.push({ to: target.id, event });
    },
  };
  return { scope: { self: { id: 'under test' }, system }, ear };
}

export interface MachineWorld<Machine extends AnyStateMachine> {
  readonly clock: VirtualClock;
  readonly ear: Ear;
  readonly snapshot: () => SnapshotFrom<Machine>;
  /** Throws here when the actor failed. */
  readonly send: (event: EventObject) => void;
}

/** Starts a statechart under the name that its neighbours know. */
export function aMachine<Machine extends AnyStateMachine>(
  machine: Machine,
  name: string,
  input: InputFrom<Machine>,
  clock = new VirtualClock(),
): MachineWorld<Machine> {
  const ear = new Ear();
  const actor = createActor(machine, { id: name, systemId: name, clock, input, logger: () => undefined } as never);
  const failures: unknown[] = [];
  actor.subscribe({ error: (error) => failures.push(error) });
  const system = actor.system as unknown as {
    _relay(source: unknown, target: { readonly id: string }, event: EventObject): void;
    get(id: string): unknown;
  };
  const deliver = system._relay;
  const known = system.get.bind(system);
  system.get = (id) => known(id) ?? { id, isNeighbour: true };
  system._relay = (source, target, event) => {
    if ('isNeighbour' in target) ear.told.push({ to: target.id, event });
    else deliver(source, target, event);
  };
  deliverInOrder(actor);
  actor.start();
  return {
    clock,
    ear,
    snapshot: () => actor.getSnapshot() as SnapshotFrom<Machine>,
    send: (event) => {
      actor.send(event as never);
      if (failures.length > 0) throw failures[0];
    },
  };
}

// ------------------------------------------------------------------------------------------------------ log lines

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}
export function aLog(wantsDebug = false): LogLines & { readonly lines: Line[] } {
  const lines: Line[] = [];
  return {
    lines,
    wantsDebug,
    write: (level, event, message, fields = {}) => {
      lines.push({ level, event, message, fields });
    },
  };
}

// -------------------------------------------------------------------------------------------------------- batches

export const e = (round: number, owner: NodeId): Epoch => epochOf(round, owner);
export const at = (epoch: Epoch, index: number): Position => ({ epoch, index });

export interface WriteOptions {
  readonly origin?: NodeId;
  readonly boot?: number;
  readonly n?: number;
  readonly key?: string;
  readonly body?: string;
  readonly contents?: readonly string[];
}

export function aWrite({
  origin = 1,
  boot = 1,
  n = 1,
  key,
  body = 'body',
  contents = ['text'],
}: WriteOptions = {}): EncodedWrite {
  const tag = { origin, boot, n };
  const withKey = key === undefined ? {} : { key: { key, bodyHash: Buffer.alloc(bodyHashBytes, body) } };
  const write: Write = {
    tag,
    stream: defaultStream,
    seen: 0,
    physicalSeconds: 1.5,
    contents: contents.map((content) => Buffer.from(content)),
    ...withKey,
  };
  return { bytes: encodeWrite(write), tag, count: contents.length, ...withKey };
}

/** What stands before a batch: another batch, or nothing. */
export interface Before {
  readonly end: Position;
  readonly endLamport: number;
  readonly nextId: number;
}
export const emptyLog: RecoveredLog = { runs: [], floor: logStart, messageLamport: 0, tail: [], commit: 0 };
export const nothingBefore: Before = { end: start, endLamport: 0, nextId: 1 };

export function aBatch(
  before: Before,
  epoch: Epoch,
  writes: readonly EncodedWrite[] | 'barrier',
  lamport?: number,
): Batch {
  const isBarrier = writes === 'barrier';
  const type: BatchType = isBarrier ? 'barrier' : 'data';
  const count = isBarrier ? 1 : writes.reduce((sum, write) => sum + write.count, 0);
  return encodeBatch(
    {
      epoch,
      type,
      baseIndex: before.end.index + 1,
      baseLamport: lamport ?? before.endLamport + 1,
      firstId: before.nextId,
      count,
    },
    isBarrier ? [] : writes,
  );
}

/** A log from its beginning: each step is an epoch and how many messages its batch has; 0 is a barrier. */
export function aLogOf(...steps: readonly (readonly [epoch: Epoch, messages: number])[]): Batch[] {
  const batches: Batch[] = [];
  for (const [i, [epoch, messages]] of steps.entries()) {
    const contents = Array.from({ length: messages }, (_, m) => `${epoch}/${i}/${m}`);
    const writes = messages === 0 ? ('barrier' as const) : [aWrite({ origin: 9, n: i + 1, contents })];
    batches.push(aBatch(batches.at(-1) ?? nothingBefore, epoch, writes));
  }
  return batches;
}

export const noFailpoints = { reach: (): void => undefined };
