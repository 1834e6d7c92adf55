/**
 * Faults: one table of all that may break in a run, and how it mends.
 *
 * What happens stays within what the log promises to survive, and these are the limits:
 *
 * A1. Logs rot, and disks are wiped, in a minority that is drawn once a run: R-D3 and R-D4 promise no more. Both count
 *     together, since either takes acknowledged entries from a node.
 * A2. A log rots where later writes prove that something was there. In its last write rot is not to be told from a power
 *     cut, and no log of one copy can help that.
 * A3. One slot of an identity rots, while both are whole and nothing is being written: R-D1a promises that one may be lost.
 * A4. Fsync fails, but what was confirmed earlier stays; a full disk refuses new files before anything is written.
 * A5. Clocks that must be monotonic run fast or slow; only wall clocks jump.
 * A6. A link loses, holds and cuts, but never changes a frame: those are authenticated and summed.
 */
import type { FailpointName } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { SeededDice } from '../support/dice.ts';
import type { SimulatedCluster } from '../support/simulatedCluster.ts';

/** What a fault may act on. */
export interface Place {
  readonly cluster: SimulatedCluster;
  readonly dice: SeededDice;
  readonly fragile: readonly NodeId[];
  /** Whose log has rotted, and whose disk was wiped. */
  readonly rotten: Set<NodeId>;
  readonly wiped: Set<NodeId>;
  /** Whose disk has failed, or was full: such a node may end, or not start. */
  readonly failing: Set<NodeId>;
  /** Cuts these wires, and heals them after a while. */
  cut(wires: readonly Wire[], ms: number): void;
  /** Changes wires for a while. */
  clog(wires: readonly Wire[], ms: number): void;
  fill(id: NodeId, ms: number): void;
  later(ms: number, act: () => void): void;
  /** Starts a node that a fault ended, at once. */
  start(id: NodeId): void;
}
export type Wire = readonly [from: NodeId, to: NodeId];

/** Breaks something and says what; null when there was nothing to break. */
type Fault = (place: Place) => string | null;

/** All there are, and whether few nodes pass them, and seldom. */
const isRare: Readonly<Record<FailpointName, boolean>> = {
  'promise.written': false,
  'promise.persisted': false,
  'batch.encoded': false,
  'batch.sent': false,
  'batch.persisted': false,
  'commit.advanced': false,
  'adoption.batch': true,
  'barrier.appended': true,
  'handover.sent': true,
  'roster.persisted': false,
  'damage.recorded': false,
};
export const failpoints = Object.keys(isRare) as readonly FailpointName[];

const running = ({ cluster }: Place): readonly NodeId[] => cluster.voters.filter((id) => cluster.isUp(id));
const someone = (place: Place): NodeId => place.dice.pick(place.cluster.voters);
const twoOf = ({ cluster, dice }: Place): Wire => {
  const [a, b] = dice.shuffle(cluster.voters);
  return [a as NodeId, b as NodeId];
};
const bothWays = (wires: readonly Wire[]): readonly Wire[] =>
  wires.flatMap(([a, b]): Wire[] => [
    [a, b],
    [b, a],
  ]);
/** For long enough to be noticed, or for an eye's blink. */
const aWhile = (dice: SeededDice): number => (dice.chance(0.7) ? dice.between(50, 2500) : dice.between(2500, 8000));

/** All pairs that are not neighbours in this shape. */
function shaped(place: Place, name: string, areNeighbours: (i: number, j: number, n: number) => boolean): string {
  const order = place.dice.shuffle(place.cluster.voters);
  const wires = order.flatMap((a, i) =>
    order.slice(i + 1).flatMap((b, j): Wire[] => (areNeighbours(i, i + 1 + j, order.length) ? [] : [[a, b]])),
  );
  place.cut(bothWays(wires), aWhile(place.dice));
  return `${name} ${order.join('-')}`;
}

const onSomeone =
  (act: (id: NodeId, place: Place) => string | null): Fault =>
  (place) => {
    const up = running(place);
    return up.length === 0 ? null : act(place.dice.pick(up), place);
  };

export const faults = {
  kill: onSomeone((id, { cluster }) => {
    cluster.kill(id);
    return `kill ${id}`;
  }),
  power: onSomeone((id, { cluster, dice }) => {
    cluster.crash(id, { silent: dice.chance(0.5) });
    return `power cut ${id}`;
  }),
  blackout: (place) => {
    const all = running(place);
    for (const id of all) place.cluster.crash(id);
    return all.length > 0 ? `power cut of all: ${all}` : null;
  },
  failpoint: ({ cluster, dice }) => {
    const point = dice.pick(failpoints);
    const doomed = isRare[point] || dice.chance(0.3) ? cluster.voters : [dice.pick(cluster.voters)];
    for (const id of doomed) cluster.doom(id, point, isRare[point] ? 1 : 1 + dice.int(3));
    return `crash of ${doomed} at ${point}`;
  },
  stop: onSomeone((id, { cluster }) => {
    cluster.stop(id);
    return `SIGTERM ${id}`;
  }),
  pause: onSomeone((id, place) => {
    const { cluster } = place;
    const ms = place.dice.between(20, 3000);
    cluster.pause(id);
    place.later(ms, () => cluster.resume(id));
    return `pause ${id} for ${ms.toFixed(0)} ms`;
  }),
  cut: (place) => {
    const wire = twoOf(place);
    place.cut(bothWays([wire]), aWhile(place.dice));
    return `cut ${wire.join('-')}`;
  },
  'one-way cut': (place) => {
    const wire = twoOf(place);
    place.cut([wire], aWhile(place.dice));
    return `cut ${wire.join(' to ')}`;
  },
  deaf: (place) => {
    const id = someone(place);
    const others = place.cluster.voters.filter((other) => other !== id);
    const hears = place.dice.chance(0.5);
    place.cut(
      others.map((other): Wire => (hears ? [id, other] : [other, id])),
      aWhile(place.dice),
    );
    return `${id} ${hears ? 'is heard by nobody' : 'hears nobody'}`;
  },
  isolate: (place) => {
    const id = someone(place);
    const others = place.cluster.voters.filter((other) => other !== id);
    place.cut(bothWays(others.map((other): Wire => [id, other])), aWhile(place.dice));
    return `isolate ${id}`;
  },
  flap: (place) => {
    const id = someone(place);
    const wires = bothWays(place.cluster.voters.filter((other) => other !== id).map((other): Wire => [id, other]));
    const everyMs = place.dice.between(200, 1500);
    for (let i = 0; i < 5; i++) place.later(i * everyMs, () => place.cut(wires, everyMs / 2));
    return `${id} comes and goes every ${everyMs.toFixed(0)} ms`;
  },
  chain: (place) => shaped(place, 'chain', (i, j) => j === i + 1),
  hub: (place) => shaped(place, 'hub', (i) => i === 0),
  ring: (place) => shaped(place, 'ring', (i, j, n) => j === i + 1 || (i === 0 && j === n - 1)),
  split: (place) => {
    const { cluster, dice } = place;
    const groups = cluster.voters.map(() => dice.int(3));
    const wires = cluster.voters.flatMap((a, i) =>
      cluster.voters.flatMap((b, j): Wire[] => (groups[i] === groups[j] ? [] : [[a, b]])),
    );
    place.cut(wires, aWhile(dice));
    return `split into groups ${groups.join(' ')}`;
  },
  /** As at Cloudflare in 2020: some pairs cannot talk, and everybody can talk with somebody. */
  partial: (place) => {
    const { cluster, dice } = place;
    const wires = cluster.voters.flatMap((a) =>
      cluster.voters.flatMap((b): Wire[] => (a < b && dice.chance(0.35) ? [[a, b]] : [])),
    );
    if (wires.length === 0) return null;
    place.cut(bothWays(wires), aWhile(dice));
    return `no link ${wires.map((wire) => wire.join('-')).join(' ')}`;
  },
  reset: (place) => {
    const [a, b] = twoOf(place);
    place.cluster.network.reset(a, b);
    return `reset ${a}-${b}`;
  },
  stall: (place) => {
    const [from, to] = twoOf(place);
    const ms = place.dice.between(20, 2000);
    place.cluster.network.stall(from, to, ms);
    return `stall ${from} to ${to} for ${ms.toFixed(0)} ms`;
  },
  /** What an old connection carries comes after newer ones were opened: late, and a second time. */
  strand: (place) => {
    const [a, b] = twoOf(place);
    const { network } = place.cluster;
    network.strand(a, b, place.dice.between(5, 1000));
    if (place.dice.chance(0.5)) network.strand(b, a, place.dice.between(5, 1000));
    network.reset(a, b);
    return `strand ${a} to ${b}`;
  },
  'half-open': (place) => {
    const [a, b] = twoOf(place);
    const swallows = place.dice.chance(0.5);
    place.cluster.network.forget(a, b, { swallows });
    return `${a} forgets its connection with ${b}${swallows ? ', which hears nothing' : ''}`;
  },
  clog: (place) => {
    const { cluster, dice } = place;
    const id = someone(place);
    const wire = twoOf(place);
    const all = cluster.voters.filter((other) => other !== id).map((other): Wire => [id, other]);
    const wires = dice.pick([[wire], bothWays([wire]), all, bothWays(all)]);
    place.clog(wires, aWhile(dice));
    return `clog ${wires.map(([from, to]) => `${from}>${to}`).join(' ')}`;
  },
  'slow disk': (place) => {
    const id = someone(place);
    const { faults: disk } = place.cluster.disk(id);
    const ms = place.dice.pick([5, 60, 400, 3000]);
    disk.slowFsyncMs = ms;
    place.later(aWhile(place.dice), () => {
      disk.slowFsyncMs = 0;
    });
    return `disk of ${id} needs ${ms} ms more`;
  },
  'failing fsync': (place) => {
    const id = someone(place);
    const { faults: disk } = place.cluster.disk(id);
    disk.failingFsync = true;
    place.failing.add(id);
    place.later(place.dice.between(10, 1000), () => {
      disk.failingFsync = false;
    });
    return `disk of ${id} fails`;
  },
  'full disk': (place) => {
    const id = someone(place);
    place.failing.add(id);
    place.fill(id, aWhile(place.dice));
    return `disk of ${id} is full`;
  },
  /** A1, A2. The node finds it when it starts the next time, or when it reads there. */
  rot: (place) => {
    const { cluster, dice, fragile, wiped, rotten } = place;
    const id = dice.pick(fragile);
    if (wiped.has(id)) return null;
    const disk = cluster.disk(id);
    const segments = disk.names.filter((name) => name.startsWith('segment-')).slice(0, -2);
    if (segments.length === 0) return null;
    const name = dice.pick(segments);
    const used = disk.content(name).findLastIndex((byte) => byte !== 0) + 1;
    const goesOn = dice.chance(0.4);
    if (!goesOn) cluster.kill(id);
    disk.flip(name, dice.int(used), dice.int(8));
    rotten.add(id);
    if (!goesOn) {
      if (dice.chance(0.4)) cluster.doom(id, 'damage.recorded');
      place.start(id);
    }
    return `a bit in ${name} of ${id} turns${goesOn ? '' : ', it starts again'}`;
  },
  /** A3. */
  'rotten slot': (place) => {
    const { cluster, dice } = place;
    const id = someone(place);
    const disk = cluster.disk(id);
    cluster.kill(id);
    const [first, second] = cluster.slots(id);
    const isQuiet = disk.has('identity') && disk.durable('identity', 0, disk.content('identity').length) !== null;
    const isWhole = isQuiet && first && second && first.sequence === second.sequence;
    if (isWhole) disk.flip('identity', dice.int(2) * 4096 + dice.int(200), dice.int(8));
    place.start(id);
    return isWhole ? `a bit in a slot of the identity of ${id} turns` : null;
  },
  /** A1. Its identity is gone: it must be refused as a voter from now on. */
  wipe: (place) => {
    const { cluster, dice, fragile, wiped } = place;
    const id = dice.pick(fragile);
    if (wiped.has(id) || cluster.invariants.toldBy(id) === 0) return null;
    cluster.kill(id);
    cluster.disk(id).wipe();
    wiped.add(id);
    place.start(id);
    return `the disk of ${id} is wiped`;
  },
  'wall clock': (place) => {
    const id = someone(place);
    const ms = place.dice.between(-1e8, 1e8);
    place.cluster.jumpWall(id, ms);
    return `wall clock of ${id} jumps by ${(ms / 1000).toFixed(0)} s`;
  },
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;
export const faultNames = Object.keys(faults) as readonly FaultName[];
/** What parts the nodes of a cluster. */
export const partitions: readonly FaultName[] = [
  'cut',
  'one-way cut',
  'deaf',
  'isolate',
  'flap',
  'chain',
  'hub',
  'ring',
  'split',
  'partial',
];
