/**
 * The faults that need no privileges: ends of processes, pauses, a busy machine, and troubles of the cables.
 *
 * See fault.ts for the rules. `broken` keeps F1: whatever happens in between, what was broken is mended.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Trouble } from '../../scripts/cable.ts';
import type { SeededDice } from '../support/dice.ts';
import type { NodeEnd } from '../support/realCluster.ts';
import { broken, type Fault, type NodeState, seconds, type World } from './fault.ts';
import { rootFaults } from './root/faults.ts';
import { packetFaults } from './root/packetFaults.ts';

const majorityOf = (world: World): number => Math.floor(world.cluster.ids.length / 2) + 1;

const takeSome = (world: World, dice: SeededDice, count: number, first?: number): number[] =>
  Array.from({ length: count }, (_, i) => world.take(dice, i === 0 ? first : undefined));

// ------------------------------------------------------------------------------------------------------- processes

/** How long a node stays away: often hardly, sometimes long enough for the others to go on without it. */
const away = (dice: SeededDice): number => (dice.chance(0.4) ? dice.between(0, 300) : dice.between(300, 2_500));

interface EndOfNodes {
  readonly name: string;
  readonly pick: (world: World, dice: SeededDice) => readonly number[];
  readonly signal: NodeJS.Signals;
  readonly alone?: boolean;
}

/** With exit code 0, or late, and then it says so. One that has only just been started does not hear the order yet. */
function endedInPeace(world: World, id: number, end: NodeEnd | undefined): void {
  if (end?.code === 0) return;
  const node = world.cluster.node(id);
  const lines = node.logLines();
  if (lines.at(-1)?.event === 'stop_late') return;
  if (end?.signal === 'SIGTERM' && !lines.some(({ pid }) => pid === node.process?.pid)) return;
  throw new Error(`node ${id} was told to stop and ended with ${end?.code ?? end?.signal}`);
}

const endOf = ({ name, pick, signal, alone = false }: EndOfNodes): Fault => ({
  name,
  alone,
  run: async (world, dice) => {
    const ids = pick(world, dice);
    const ms = away(dice);
    await broken(world, ids, 'down', {
      during: async () => {
        const ends = await Promise.all(ids.map((id) => world.cluster.kill(id, signal)));
        if (signal === 'SIGTERM') for (const [i, id] of ids.entries()) endedInPeace(world, id, ends[i]);
        await world.pause(ms);
      },
      mend: () => {
        for (const id of ids) if (!world.cluster.node(id).running) world.cluster.node(id).start();
      },
    });
    return `${name}: ${ids.join(', ')} for ${seconds(ms)}`;
  },
});

/** Killed again while it reads its log, greets its peers or catches up. */
const killTwice: Fault = {
  name: 'kill twice',
  run: async (world, dice) => {
    const id = world.take(dice);
    const node = world.cluster.node(id);
    const ms = dice.between(20, 900);
    await broken(world, [id], 'down', {
      during: async () => {
        await node.kill();
        node.start();
        await world.pause(ms);
        await node.kill();
      },
      mend: () => {
        if (!node.running) node.start();
      },
    });
    return `kill ${id}, and again ${seconds(ms)} after its start`;
  },
};

const pauseOf = (name: string, pick: EndOfNodes['pick'], alone = false): Fault => ({
  name,
  alone,
  run: async (world, dice) => {
    const ids = pick(world, dice);
    const ms = dice.chance(0.5) ? dice.between(200, 1_000) : dice.between(1_000, 5_000);
    await broken(world, ids, 'paused', {
      during: async () => {
        for (const id of ids) world.cluster.pause(id);
        await world.pause(ms);
      },
      mend: () => {
        for (const id of ids) world.cluster.resume(id);
      },
    });
    return `${name}: ${ids.join(', ')} for ${seconds(ms)}`;
  },
});

/** Other processes take every core: timers fire late on all nodes at once. */
const busyMachine: Fault = {
  name: 'busy machine',
  run: async (world, dice) => {
    const ms = dice.between(500, 1_500);
    const count = 2 * availableParallelism();
    const hogs = Array.from({ length: count }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    try {
      await world.pause(ms);
    } finally {
      for (const hog of hogs) hog.kill('SIGKILL');
    }
    return `${count} busy processes for ${seconds(ms)}`;
  },
};

const one = (world: World, dice: SeededDice): number[] => takeSome(world, dice, 1);
const theLeader = (world: World, dice: SeededDice): number[] => takeSome(world, dice, 1, world.leader());
const aMajority = (world: World, dice: SeededDice): number[] => takeSome(world, dice, majorityOf(world));
const everybody = (world: World, dice: SeededDice): number[] => takeSome(world, dice, world.cluster.ids.length);

const processFaults: readonly Fault[] = [
  endOf({ name: 'kill', pick: one, signal: 'SIGKILL' }),
  endOf({ name: 'kill leader', pick: theLeader, signal: 'SIGKILL' }),
  endOf({ name: 'kill majority', pick: aMajority, signal: 'SIGKILL', alone: true }),
  endOf({ name: 'kill all', pick: everybody, signal: 'SIGKILL', alone: true }),
  killTwice,
  endOf({ name: 'stop', pick: one, signal: 'SIGTERM' }),
  endOf({ name: 'stop leader', pick: theLeader, signal: 'SIGTERM' }),
  endOf({ name: 'stop all', pick: everybody, signal: 'SIGTERM', alone: true }),
  pauseOf('pause', one),
  pauseOf('pause leader', theLeader),
  pauseOf('pause majority', aMajority, true),
  pauseOf('pause all', everybody, true),
  busyMachine,
];

// ---------------------------------------------------------------------------------------------------------- cables

const cableTime = (dice: SeededDice): number => (dice.chance(0.4) ? dice.between(100, 400) : dice.between(400, 3_000));
const othersOf = (world: World, id: number): number[] => world.cluster.ids.filter((each) => each !== id);

/** One node's cables, or all but those inside of a part. */
interface CableFault {
  readonly name: string;
  readonly state: NodeState;
  readonly pick?: EndOfNodes['pick'];
  /** Breaks the cables of these nodes; returns what lifts it, and what it is in words. */
  readonly begin: (
    world: World,
    ids: readonly number[],
    dice: SeededDice,
  ) => { readonly lift: () => void; readonly words?: string };
}

const cableFault = ({ name, state, pick = one, begin }: CableFault): Fault => ({
  name,
  run: async (world, dice) => {
    const ids = pick(world, dice);
    const ms = cableTime(dice);
    let lift = (): void => {};
    let words = '';
    await broken(world, ids, state, {
      during: async () => {
        const begun = begin(world, ids, dice);
        lift = begun.lift;
        words = begun.words === undefined ? '' : ` ${begun.words}`;
        await world.pause(ms);
      },
      mend: () => lift(),
    });
    return `${name}: ${ids.length === 0 ? 'all' : ids.join(', ')}${words} for ${seconds(ms)}`;
  },
});

const all = (lifts: readonly (() => void)[]) => (): void => {
  for (const lift of lifts) lift();
};
/** The same trouble on all cables of these nodes to nodes outside of the group. */
const imposeOn = (world: World, ids: readonly number[], trouble: Trouble): (() => void) =>
  all(
    ids.map((id) =>
      world.cluster.trouble(
        trouble,
        id,
        ...(ids.length === 1 ? [] : othersOf(world, id).filter((to) => !ids.includes(to))),
      ),
    ),
  );
/** Nobody outside hears the first, or it hears nobody, or both. */
function silence(
  world: World,
  id: number,
  ways: readonly ('says' | 'hears')[],
  peers = othersOf(world, id),
): () => void {
  return all(
    peers.flatMap((peer) => [
      ...(ways.includes('says') ? [world.cluster.silence(id, peer)] : []),
      ...(ways.includes('hears') ? [world.cluster.silence(peer, id)] : []),
    ]),
  );
}

const cableFaults: readonly Fault[] = [
  cableFault({
    name: 'cut',
    state: 'cut',
    begin: (world, ids) => ({ lift: imposeOn(world, ids, { cut: true }) }),
  }),
  cableFault({
    name: 'cut leader',
    state: 'cut',
    pick: theLeader,
    begin: (world, ids) => ({ lift: imposeOn(world, ids, { cut: true }) }),
  }),
  // Less than a majority; with three nodes the same as one.
  cableFault({
    name: 'split',
    state: 'cut',
    pick: (world, dice) => takeSome(world, dice, majorityOf(world) - 1),
    begin: (world, ids) => ({ lift: imposeOn(world, ids, { cut: true }) }),
  }),
  cableFault({
    name: 'cut one cable',
    state: 'cut',
    begin: (world, [id = 0], dice) => {
      const peer = dice.pick(othersOf(world, id));
      return { lift: world.cluster.trouble({ cut: true }, id, peer), words: `from ${peer}` };
    },
  }),
  cableFault({
    name: 'silent',
    state: 'cut',
    begin: (world, [id = 0]) => ({ lift: silence(world, id, ['says', 'hears']) }),
  }),
  cableFault({
    name: 'silent leader',
    state: 'cut',
    pick: theLeader,
    begin: (world, [id = 0]) => ({ lift: silence(world, id, ['says', 'hears']) }),
  }),
  cableFault({
    name: 'deaf',
    state: 'cut',
    begin: (world, [id = 0]) => ({ lift: silence(world, id, ['hears']) }),
  }),
  cableFault({
    name: 'mute',
    state: 'cut',
    begin: (world, [id = 0]) => ({ lift: silence(world, id, ['says']) }),
  }),
  cableFault({
    name: 'silent one way',
    state: 'cut',
    begin: (world, [id = 0], dice) => {
      const peer = dice.pick(othersOf(world, id));
      return { lift: silence(world, id, ['says'], [peer]), words: `to ${peer}` };
    },
  }),
  // As when a firewall in between forgets: what was held back never comes.
  cableFault({
    name: 'silent and reset',
    state: 'cut',
    begin: (world, [id = 0]) => {
      const lift = silence(world, id, ['says', 'hears']);
      return {
        lift: () => {
          world.cluster.reset(id);
          lift();
        },
      };
    },
  }),
  cableFault({
    name: 'slow network',
    state: 'slow',
    pick: () => [],
    begin: (world, _, dice) => {
      const delayMs = Math.round(dice.between(5, 120));
      return {
        lift: all(world.cluster.ids.map((id) => world.cluster.trouble({ delayMs: delayMs / 2 }, id))),
        words: `${delayMs} ms`,
      };
    },
  }),
  cableFault({
    name: 'slow node',
    state: 'slow',
    begin: (world, ids, dice) => {
      const delayMs = Math.round(dice.between(20, 400));
      return { lift: imposeOn(world, ids, { delayMs }), words: `${delayMs} ms` };
    },
  }),
  cableFault({
    name: 'throttled',
    state: 'slow',
    begin: (world, ids, dice) => {
      const kib = Math.round(dice.between(10, 300));
      return { lift: imposeOn(world, ids, { bytesPerSecond: kib * 1024 }), words: `to ${kib} KiB/s` };
    },
  }),
  cableFault({
    name: 'stutter',
    state: 'slow',
    begin: (world, [id = 0], dice) => {
      let lift = (): void => {};
      let timer: NodeJS.Timeout | undefined;
      const stall = (): void => {
        lift = silence(world, id, ['says', 'hears']);
        timer = setTimeout(go, dice.between(20, 350));
      };
      const go = (): void => {
        lift();
        timer = setTimeout(stall, dice.between(20, 200));
      };
      stall();
      return {
        lift: () => {
          clearTimeout(timer);
          lift();
        },
      };
    },
  }),
  cableFault({
    name: 'resets',
    state: 'cut',
    begin: (world, ids, dice) => {
      const bytes = 200 + dice.int(30_000);
      return { lift: imposeOn(world, ids, { resetAfterBytes: bytes }), words: `after ${bytes} bytes each` };
    },
  }),
];

export const ordinaryFaults: readonly Fault[] = [...processFaults, ...cableFaults];
/** Nodes are joined by cables or by a network of packets, so these are for different runs. */
export const faultsWithCables: readonly Fault[] = [...ordinaryFaults, ...rootFaults];
export const faultsWithPackets: readonly Fault[] = [...processFaults, ...packetFaults, ...rootFaults];
export const allFaults: readonly Fault[] = [...faultsWithCables, ...packetFaults];
export const isOfCables = (fault: Fault): boolean => cableFaults.includes(fault);
export const isOfPackets = (fault: Fault): boolean => packetFaults.includes(fault);
