/**
 * What the replication model remembers at one moment, as values that are never changed, and as numbers for the checker.
 */
import { type Epoch, epochOf, ownerOf, roundOf } from '../../../actors/protocol/epoch.ts';
import { emptyLogId, type LogId, type Logs, showEpoch } from '../logs.ts';
import type { StateReader, StateWriter } from '../stateStore.ts';

export const following = 0;
export const candidate = 1;
export const adopting = 2;
export const leading = 3;
const roleNames = ['follows', 'is candidate', 'adopts', 'leads'];

export const whole = 0;
export const damaged = 1;
/** With an empty disk, and refused for that: it is never heard again. */
export const refused = 2;

export const none = -1;

export class NodeState {
  promised: Epoch = 0;
  /** The newer and the older promise slot. */
  saved: Epoch = 0;
  older: Epoch = 0;
  role = following;
  log: LogId = emptyLogId;
  disk: LogId = emptyLogId;
  commit = 0;
  clock = 0;
  /** An ACK that waits for the disk; epoch 0 = none. */
  ackEpoch: Epoch = 0;
  ackIndex = 0;
  /** The highest match that it ACKed in its epoch. */
  acknowledged = 0;
  /** While adopting: which log, and whose. */
  target: LogId = emptyLogId;
  donor = 0;
  health = whole;
  /** Where its leader's log ended when a damaged node first heard it; -1 = not heard yet. */
  healsAt = none;

  copy(): NodeState {
    const copy = new NodeState();
    copy.promised = this.promised;
    copy.saved = this.saved;
    copy.older = this.older;
    copy.role = this.role;
    copy.log = this.log;
    copy.disk = this.disk;
    copy.commit = this.commit;
    copy.clock = this.clock;
    copy.ackEpoch = this.ackEpoch;
    copy.ackIndex = this.ackIndex;
    copy.acknowledged = this.acknowledged;
    copy.target = this.target;
    copy.donor = this.donor;
    copy.health = this.health;
    copy.healsAt = this.healsAt;
    return copy;
  }
}

/**
 * All that was ever said in one epoch: every message may still arrive, once, twice or never, in any order. What nobody
 * could use any more is forgotten.
 */
export class Term {
  /** 0 = nobody has opened this epoch; 1 = its owner has; 2 = and has sent PREPARE. */
  opened = 0;
  /** By node: the log that its PROMISE named, and its clock; -1 = it sent none. */
  promises: readonly LogId[];
  clocks: readonly number[];
  /** The log of this epoch's leader, hence every APPEND; -1 = it has none. */
  log: LogId = none;
  commit = 0;
  /** By node: the highest match that it ACKed. */
  acks: readonly number[];

  constructor(promises: readonly LogId[], clocks: readonly number[], acks: readonly number[]) {
    this.promises = promises;
    this.clocks = clocks;
    this.acks = acks;
  }
  copy(): Term {
    const copy = new Term(this.promises, this.clocks, this.acks);
    copy.opened = this.opened;
    copy.log = this.log;
    copy.commit = this.commit;
    return copy;
  }
}

export const noRead = 0;
/** The round is under way, but the read has not arrived. */
export const roundBegun = 1;
export const readWaits = 2;
const readDone = 3;

/** At most one linearizable read. */
export interface Read {
  readonly stage: number;
  readonly epoch: Epoch;
  /** The commit that it would be served at, and what was committed anywhere when it arrived. */
  readonly index: number;
  readonly mustSee: number;
  /** One bit a node. */
  readonly confirmed: number;
}
const restingRead: Read = { stage: noRead, epoch: 0, index: 0, mustSee: 0, confirmed: 0 };
export const settledRead: Read = { ...restingRead, stage: readDone };

/** Of each kind of trouble, how much there was. */
export interface Troubles {
  readonly crashes: number;
  readonly damages: number;
  readonly wipes: number;
  readonly rots: number;
}

/** A step takes a copy, and of that copy it changes only parts that it has copied too: worlds share the rest. */
export class World {
  nodes: NodeState[];
  terms: Term[];
  /** What was committed anywhere, at its longest: nobody in the model knows it. */
  committed: LogId = emptyLogId;
  read: Read = restingRead;
  writes = 0;
  troubles: Troubles = { crashes: 0, damages: 0, wipes: 0, rots: 0 };
  /** What a step did that no rule allows. */
  broken = '';

  constructor(nodes: NodeState[], terms: Term[]) {
    this.nodes = nodes;
    this.terms = terms;
  }
  copy(): World {
    const copy = new World(this.nodes.slice(), this.terms.slice());
    copy.committed = this.committed;
    copy.read = this.read;
    copy.writes = this.writes;
    copy.troubles = this.troubles;
    copy.broken = this.broken;
    return copy;
  }
  changeNode(i: number): NodeState {
    const node = this.node(i).copy();
    this.nodes[i] = node;
    return node;
  }
  changeTerm(t: number): Term {
    const term = this.term(t).copy();
    this.terms[t] = term;
    return term;
  }
  node(i: number): NodeState {
    return this.nodes[i] as NodeState;
  }
  term(t: number): Term {
    return this.terms[t] as Term;
  }
}

export function emptyWorld(nodes: number, rounds: number): World {
  const row = (value: number): number[] => Array.from({ length: nodes }, () => value);
  const term = new Term(row(none), row(0), row(0));
  return new World(
    Array.from({ length: nodes }, () => new NodeState()),
    Array.from({ length: nodes * rounds }, () => term),
  );
}

export function replaced<T>(values: readonly T[], at: number, value: T): readonly T[] {
  const copy = values.slice();
  copy[at] = value;
  return copy;
}

// -------------------------------------------------------------------------------------------------------- as numbers

/** Ids go up to 7 here. */
const packed = (epoch: Epoch): number => roundOf(epoch) * 8 + ownerOf(epoch);
const unpacked = (number: number): Epoch => epochOf(number >> 3, number & 7);

export function encodeWorld(world: World, to: StateWriter): void {
  for (const node of world.nodes) encodeNode(node, to);
  for (const term of world.terms) encodeTerm(term, to);
  const { read, troubles } = world;
  to.put(read.stage);
  if (read.stage === roundBegun || read.stage === readWaits) {
    to.put(packed(read.epoch));
    to.put(read.index);
    to.put(read.mustSee);
    to.put(read.confirmed);
  }
  to.put(world.committed);
  to.put(world.writes);
  to.put(troubles.crashes);
  to.put(troubles.damages);
  to.put(troubles.wipes);
  to.put(troubles.rots);
  to.put(world.broken === '' ? 0 : 1);
}

export function decodeWorld(from: StateReader, empty: World): World {
  const nodes = empty.nodes.map(() => decodeNode(from));
  const terms = empty.terms.map((term) => decodeTerm(from, term));
  const world = new World(nodes, terms);
  world.read = decodeRead(from);
  world.committed = from.take();
  world.writes = from.take();
  world.troubles = { crashes: from.take(), damages: from.take(), wipes: from.take(), rots: from.take() };
  world.broken = from.take() === 0 ? '' : 'broken before';
  return world;
}

function decodeRead(from: StateReader): Read {
  const stage = from.take();
  if (stage === noRead) return restingRead;
  if (stage === readDone) return settledRead;
  return { stage, epoch: unpacked(from.take()), index: from.take(), mustSee: from.take(), confirmed: from.take() };
}

function encodeNode(node: NodeState, to: StateWriter): void {
  to.put(packed(node.promised));
  to.put(packed(node.saved));
  to.put(packed(node.older));
  to.put(node.role * 4 + node.health);
  to.put(node.log);
  to.put(node.disk);
  to.put(node.commit);
  to.put(node.clock);
  to.put(packed(node.ackEpoch));
  if (node.ackEpoch > 0) to.put(node.ackIndex);
  to.put(node.acknowledged);
  if (node.role === adopting) {
    to.put(node.target);
    to.put(node.donor);
  }
  if (node.health !== whole) to.put(node.healsAt + 1);
}

function decodeNode(from: StateReader): NodeState {
  const node = new NodeState();
  node.promised = unpacked(from.take());
  node.saved = unpacked(from.take());
  node.older = unpacked(from.take());
  const roleAndHealth = from.take();
  node.role = roleAndHealth >> 2;
  node.health = roleAndHealth & 3;
  node.log = from.take();
  node.disk = from.take();
  node.commit = from.take();
  node.clock = from.take();
  node.ackEpoch = unpacked(from.take());
  if (node.ackEpoch > 0) node.ackIndex = from.take();
  node.acknowledged = from.take();
  if (node.role === adopting) {
    node.target = from.take();
    node.donor = from.take();
  }
  if (node.health !== whole) node.healsAt = from.take() - 1;
  return node;
}

function encodeTerm(term: Term, to: StateWriter): void {
  to.put(term.opened);
  if (term.opened === 0) return;
  to.put(term.log + 1);
  to.put(term.commit);
  for (let i = 0; i < term.acks.length; i++) {
    to.put((term.promises[i] as number) + 1);
    to.put(term.clocks[i] as number);
    to.put(term.acks[i] as number);
  }
}

function decodeTerm(from: StateReader, empty: Term): Term {
  const opened = from.take();
  if (opened === 0) return empty;
  const log = from.take() - 1;
  const commit = from.take();
  const [promises, clocks, acks]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < empty.acks.length; i++) {
    promises.push(from.take() - 1);
    clocks.push(from.take());
    acks.push(from.take());
  }
  const term = new Term(promises, clocks, acks);
  term.opened = opened;
  term.log = log;
  term.commit = commit;
  return term;
}

// --------------------------------------------------------------------------------------------------------- for people

const healthNames = ['', ', damaged', ', refused'];

export function showWorld(world: World, logs: Logs): string[] {
  const nodes = world.nodes.map((node, i) => {
    const disk = node.disk === node.log ? '' : ` (disk ${logs.show(node.disk)})`;
    const promise = node.saved === node.promised ? '' : ` (saved ${showEpoch(node.saved)})`;
    const office = `${roleNames[node.role]}${healthNames[node.health]}, committed ${node.commit}`;
    return `n${i + 1} promised ${showEpoch(node.promised)}${promise}, ${office}, log ${logs.show(node.log)}${disk}`;
  });
  return [...nodes, `committed anywhere: ${logs.show(world.committed)}`];
}
