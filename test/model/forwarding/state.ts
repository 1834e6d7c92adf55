/**
 * What the forwarding model remembers at one moment, and as numbers for the checker. A step takes a copy of a world, and
 * of that copy it changes only parts that it has copied too; lists are replaced, never changed.
 */
import { type Epoch, epochOf, nextEpoch, ownerOf, roundOf } from '../../../actors/protocol/epoch.ts';
import { emptyLogId, type LogId, type Logs, showEpoch } from '../logs.ts';
import type { StateReader, StateWriter } from '../stateStore.ts';

export const following = 0;
export const leading = 1;
export const draining = 2;
const roleNames = ['follows', 'leads', 'drains'];

/** A write on its way into a leader's log. Connection 0 = from the leader's own clients. */
export interface Submission {
  readonly epoch: Epoch;
  readonly connection: number;
  readonly boot: number;
  readonly n: number;
  readonly write: number;
}

export class NodeState {
  promised: Epoch = 0;
  role = following;
  log: LogId = emptyLogId;
  commit = 0;
  match: readonly number[] = [0, 0, 0];
  queue: readonly Submission[] = [];
  /** The highest n that it appended in its epoch for the gateway, and in which boot of the gateway. */
  appended = 0;
  appendedBoot = 0;

  copy(): NodeState {
    const copy = new NodeState();
    copy.promised = this.promised;
    copy.role = this.role;
    copy.log = this.log;
    copy.commit = this.commit;
    copy.match = this.match;
    copy.queue = this.queue;
    copy.appended = this.appended;
    copy.appendedBoot = this.appendedBoot;
    return copy;
  }
}

/** HELLO or FORWARD. */
export interface ToLeader extends Submission {
  readonly kind: 'hello' | 'forward';
}
/** GREETED, FORWARD_OK, or FORWARD_NO that is certain. */
export interface ToGateway {
  readonly kind: 'greeted' | 'ok' | 'no';
  readonly connection: number;
  readonly epoch: Epoch;
  readonly appended: number;
  readonly last: number;
  readonly n: number;
  readonly id: number;
}

/** All connections between the gateway and one other node, which follow one another. */
export class Line {
  /** The connection that the gateway takes for open, or 0; and whether it was greeted. */
  near = 1;
  greeted = true;
  /** The same at the other end, and the boot of the gateway that it was told. */
  far = 1;
  farBoot = 1;
  opened = 1;
  /** Only for a gateway that counts its sends anew on each connection. */
  n = 0;
  toLeader: readonly ToLeader[] = [];
  toGateway: readonly ToGateway[] = [];

  copy(): Line {
    const copy = new Line();
    copy.near = this.near;
    copy.greeted = this.greeted;
    copy.far = this.far;
    copy.farBoot = this.farBoot;
    copy.opened = this.opened;
    copy.n = this.n;
    copy.toLeader = this.toLeader;
    copy.toGateway = this.toGateway;
    return copy;
  }
}

export const pending = 0;
export const done = 1;
export const notDone = 2;
export const unknown = 3;
/** Its gateway crashed: nobody waits for an answer. */
export const forgotten = 4;
const outcomes = ['pending', 'done', 'not done', 'unknown', 'forgotten'];

export interface Send {
  readonly n: number;
  readonly epoch: Epoch;
  /** 0 = to itself. */
  readonly to: number;
  readonly connection: number;
  /** Where the leader's log ended when it greeted anew; 0 = it has not. */
  readonly provenAt: number;
}

export interface ClientWrite {
  readonly outcome: number;
  readonly id: number;
  readonly lastN: number;
  /** Unresolved; never more than one, if all rules hold. */
  readonly sends: readonly Send[];
}

export interface Counts {
  readonly sends: number;
  readonly closes: number;
  readonly crashes: number;
  readonly refusals: number;
  readonly drains: number;
  readonly resignations: number;
}
const countNames = ['sends', 'closes', 'crashes', 'refusals', 'drains', 'resignations'] as const;

export class World {
  /** Of the rounds in their order, who led: there is one election a round here. */
  epochs: readonly Epoch[] = [];
  nodes: NodeState[] = [];
  /** To n2 and n3; the gateway is n1. */
  lines: Line[] = [];
  writes: readonly ClientWrite[] = [];
  /** Of the gateway. */
  boot = 1;
  n = 0;
  committed: LogId = emptyLogId;
  counts: Counts = { sends: 0, closes: 0, crashes: 0, refusals: 0, drains: 0, resignations: 0 };
  broken = '';

  copy(): World {
    const copy = new World();
    copy.epochs = this.epochs;
    copy.writes = this.writes;
    copy.boot = this.boot;
    copy.n = this.n;
    copy.committed = this.committed;
    copy.counts = this.counts;
    copy.broken = this.broken;
    copy.nodes = this.nodes.slice();
    copy.lines = this.lines.slice();
    return copy;
  }
  node(i: number): NodeState {
    return this.nodes[i] as NodeState;
  }
  changeNode(i: number): NodeState {
    const node = this.node(i).copy();
    this.nodes[i] = node;
    return node;
  }
  line(i: number): Line {
    return this.lines[i - 1] as Line;
  }
  changeLine(i: number): Line {
    const line = this.line(i).copy();
    this.lines[i - 1] = line;
    return line;
  }
  changeWrite(w: number, change: Partial<ClientWrite>): void {
    this.writes = this.writes.map((write, at) => (at === w ? { ...write, ...change } : write));
  }
  count(what: keyof Counts): void {
    this.counts = { ...this.counts, [what]: this.counts[what] + 1 };
  }
  get newest(): Epoch {
    return this.epochs[this.epochs.length - 1] as Epoch;
  }
}

export function firstWorld(logs: Logs, leader: number, writes: number): World {
  const world = new World();
  const epoch = nextEpoch(leader + 1, 0);
  const log = logs.append(emptyLogId, { epoch, lamport: 1, value: 0 });
  world.epochs = [epoch];
  world.committed = log;
  world.writes = Array.from({ length: writes }, () => ({ outcome: pending, id: 0, lastN: 0, sends: [] }));
  world.lines = [new Line(), new Line()];
  world.nodes = [0, 1, 2].map((i) => {
    const node = new NodeState();
    node.promised = epoch;
    node.role = i === leader ? leading : following;
    node.log = log;
    node.commit = 1;
    if (i === leader) node.match = [1, 1, 1];
    return node;
  });
  return world;
}

// ------------------------------------------------------------------------------------------- the tag as a log's value

/** What an entry of a write remembers of its send: boot and n of the gateway, and, for the invariants, which write. */
export const taggedValue = (boot: number, n: number, write: number): number => (boot * 16 + n) * 8 + write + 1;
export const bootOf = (value: number): number => value >> 7;
export const nOf = (value: number): number => (value >> 3) & 15;
export const writeOf = (value: number): number => (value & 7) - 1;

// -------------------------------------------------------------------------------------------------------- as numbers

const packed = (epoch: Epoch): number => roundOf(epoch) * 4 + ownerOf(epoch);
const unpacked = (number: number): Epoch => (number === 0 ? 0 : epochOf(number >> 2, number & 3));

function putList<T>(items: readonly T[], to: StateWriter, put: (item: T) => void): void {
  to.put(items.length);
  for (const item of items) put(item);
}
function takeList<T>(from: StateReader, take: () => T): T[] {
  const items: T[] = [];
  for (let left = from.take(); left > 0; left--) items.push(take());
  return items;
}

export function encodeWorld(world: World, to: StateWriter): void {
  putList(world.epochs, to, (epoch) => to.put(ownerOf(epoch)));
  for (const node of world.nodes) {
    to.put(packed(node.promised) * 3 + node.role);
    to.put(node.log);
    to.put(node.commit);
    for (const match of node.match) to.put(match);
    putList(node.queue, to, (submission) => putSubmission(submission, to));
    to.put(node.appended);
    to.put(node.appendedBoot);
  }
  for (const line of world.lines) encodeLine(line, to);
  for (const { outcome, id, lastN, sends } of world.writes) {
    to.put(outcome);
    to.put(id);
    to.put(lastN);
    putList(sends, to, ({ n, epoch, to: peer, connection, provenAt }) => {
      for (const number of [n, packed(epoch), peer, connection, provenAt]) to.put(number);
    });
  }
  to.put(world.boot);
  to.put(world.n);
  to.put(world.committed);
  for (const name of countNames) to.put(world.counts[name]);
  to.put(world.broken === '' ? 0 : 1);
}

export function decodeWorld(from: StateReader, first: World): World {
  const world = new World();
  let epoch = 0;
  world.epochs = takeList(from, () => {
    epoch = nextEpoch(from.take(), epoch);
    return epoch;
  });
  world.nodes = first.nodes.map(() => {
    const node = new NodeState();
    const promisedAndRole = from.take();
    node.promised = unpacked(Math.floor(promisedAndRole / 3));
    node.role = promisedAndRole % 3;
    node.log = from.take();
    node.commit = from.take();
    node.match = [from.take(), from.take(), from.take()];
    node.queue = takeList(from, () => takeSubmission(from));
    node.appended = from.take();
    node.appendedBoot = from.take();
    return node;
  });
  world.lines = first.lines.map(() => decodeLine(from));
  world.writes = first.writes.map(() => {
    const [outcome, id, lastN] = [from.take(), from.take(), from.take()];
    const sends = takeList(from, () => {
      const [n, stamp, to, connection, provenAt] = [from.take(), from.take(), from.take(), from.take(), from.take()];
      return { n, epoch: unpacked(stamp), to, connection, provenAt };
    });
    return { outcome, id, lastN, sends };
  });
  world.boot = from.take();
  world.n = from.take();
  world.committed = from.take();
  world.counts = Object.fromEntries(countNames.map((name) => [name, from.take()])) as unknown as Counts;
  world.broken = from.take() === 0 ? '' : 'broken before';
  return world;
}

function putSubmission({ epoch, connection, boot, n, write }: Submission, to: StateWriter): void {
  for (const number of [packed(epoch), connection, boot, n, write]) to.put(number);
}
function takeSubmission(from: StateReader): Submission {
  const [stamp, connection, boot, n, write] = [from.take(), from.take(), from.take(), from.take(), from.take()];
  return { epoch: unpacked(stamp), connection, boot, n, write };
}

const replies = ['greeted', 'ok', 'no'] as const;

function encodeLine(line: Line, to: StateWriter): void {
  to.put(line.near * 2 + (line.greeted ? 1 : 0));
  to.put(line.far);
  to.put(line.farBoot);
  to.put(line.opened);
  to.put(line.n);
  putList(line.toLeader, to, (frame) => {
    to.put(frame.kind === 'hello' ? 0 : 1);
    putSubmission(frame, to);
  });
  putList(line.toGateway, to, ({ kind, connection, epoch, appended, last, n, id }) => {
    for (const number of [replies.indexOf(kind), connection, packed(epoch), appended, last, n, id]) to.put(number);
  });
}

function decodeLine(from: StateReader): Line {
  const line = new Line();
  const nearAndGreeted = from.take();
  line.near = nearAndGreeted >> 1;
  line.greeted = (nearAndGreeted & 1) === 1;
  line.far = from.take();
  line.farBoot = from.take();
  line.opened = from.take();
  line.n = from.take();
  line.toLeader = takeList(from, () => ({
    kind: from.take() === 0 ? ('hello' as const) : ('forward' as const),
    ...takeSubmission(from),
  }));
  line.toGateway = takeList(from, () => {
    const kind = replies[from.take()] as ToGateway['kind'];
    const [connection, stamp, appended] = [from.take(), from.take(), from.take()];
    const [last, n, id] = [from.take(), from.take(), from.take()];
    return { kind, connection, epoch: unpacked(stamp), appended, last, n, id };
  });
  return line;
}

// --------------------------------------------------------------------------------------------------------- for people

export function showWorld(world: World, logs: Logs): string[] {
  const value = (v: number): string => `w${writeOf(v) + 1}/boot${bootOf(v)}/n${nOf(v)}`;
  const nodes = world.nodes.map(
    ({ promised, role, commit, log }, i) =>
      `n${i + 1} promised ${showEpoch(promised)}, ${roleNames[role]}, committed ${commit}, log ${logs.show(log, value)}`,
  );
  const writes = world.writes.map(({ outcome, id }, w) => {
    return `write ${w + 1} is ${outcomes[outcome]}${outcome === done ? ` as message ${id}` : ''}`;
  });
  return [...nodes, ...writes, `committed anywhere: ${logs.show(world.committed, value)}`];
}
