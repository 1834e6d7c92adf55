/**
 * The faults that only root can make, or a tracer: power cuts, full disks, and disks that fail or are slow.
 *
 * See fault.ts for the rules. All nodes get disks of their own (disks.ts) as soon as one of these faults needs them.
 */
import type { SeededDice } from '../../support/dice.ts';
import { until } from '../../support/realCluster.ts';
import { broken, type Fault, seconds, type World } from '../fault.ts';
import { Disks, reasonAgainstDisks } from './disks.ts';
import { failSyncs, reasonAgainstTracing, refuseRoom, slowSyncs, type Tracer } from './tracing.ts';

/** Asked once, and only when somebody wants to know. */
export function once<T>(ask: () => T): () => T {
  let found: { readonly value: T } | undefined;
  return () => {
    found ??= { value: ask() };
    return found.value;
  };
}
const noDisks = once(reasonAgainstDisks);
const noTracing = once(reasonAgainstTracing);

const takeAll = (world: World, dice: SeededDice): number[] => world.cluster.ids.map(() => world.take(dice));

// ----------------------------------------------------------------------------------------------------------- disks

const disksOf = new WeakMap<object, Disks>();

async function prepareDisks(world: World): Promise<void> {
  if (disksOf.has(world.cluster)) return;
  const disks = await Disks.under(world.cluster);
  disksOf.set(world.cluster, disks);
  world.atEnd(() => disks.end());
}

const theDisks = ({ cluster }: World): Disks => {
  const disks = disksOf.get(cluster);
  if (!disks) throw new Error('the nodes were started without disks of their own');
  return disks;
};

interface PowerCut {
  readonly name: string;
  readonly alone?: boolean;
  readonly pick: (world: World, dice: SeededDice) => readonly number[];
  /** How often more while they start again. */
  readonly again: (dice: SeededDice) => number;
}

const powerCut = ({ name, alone = false, pick, again }: PowerCut): Fault => ({
  name,
  alone,
  get needs() {
    return noDisks();
  },
  prepare: prepareDisks,
  run: async (world, dice) => {
    const ids = pick(world, dice);
    const disks = theDisks(world);
    const pauses = Array.from({ length: again(dice) }, () => dice.between(50, 1_500));
    const darkMs = dice.between(0, 1_000);
    const start = async (): Promise<void> => {
      await disks.restorePower(dice, ...ids);
      world.cluster.start(...ids);
    };
    await broken(world, ids, 'down', {
      during: async () => {
        await disks.cutPower(...ids);
        for (const ms of pauses) {
          await start();
          await world.pause(ms);
          await disks.cutPower(...ids);
        }
        await world.pause(darkMs);
      },
      mend: start,
    });
    const times = pauses.map((ms) => `, again after ${seconds(ms)}`).join('');
    return `${name}: ${ids.join(', ')}${times}, dark for ${seconds(darkMs)}`;
  },
});

const fullDisk: Fault = {
  name: 'full disk',
  get needs() {
    return noDisks();
  },
  prepare: prepareDisks,
  run: async (world, dice) => {
    const id = world.take(dice, dice.chance(0.5) ? world.leader() : undefined);
    const disks = theDisks(world);
    const ms = dice.between(2_000, 6_000);
    const saidBefore = timesFull(world, id);
    await broken(world, [id], 'disk', {
      during: async () => {
        await disks.fill(id);
        await world.pause(ms);
      },
      mend: () => disks.makeRoom(id),
    });
    const noticed = timesFull(world, id) > saidBefore ? 'it refused writes' : 'it needed no room meanwhile';
    return `full disk: ${id} for ${seconds(ms)}, ${noticed}`;
  },
};

const timesFull = (world: World, id: number): number =>
  world.cluster
    .node(id)
    .logLines()
    .filter(({ event }) => event === 'disk_full').length;

// ---------------------------------------------------------------------------------------------------------- fsyncs

/** It has to write as often as the fault lets it, while another fault may last, or all other disks be slow. */
const endsMs = 60_000;

/** R-D2: the node ends itself; nobody has to kill it. */
const failingSync: Fault = {
  name: 'failing fsync',
  get needs() {
    return noTracing();
  },
  run: async (world, dice) => {
    const id = world.take(dice, dice.chance(0.5) ? world.leader() : undefined);
    const node = world.cluster.node(id);
    const nth = 1 + dice.int(20);
    const darkMs = dice.between(0, 1_000);
    let tracer: Tracer | undefined;
    await broken(world, [id], 'disk', {
      during: async () => {
        tracer = await failSyncs(node.process?.pid ?? 0, nth);
        await until(`node ${id} to end after a failed fsync`, () => (node.running ? undefined : true), endsMs);
        world.mark(id, 'down');
        await world.pause(darkMs);
      },
      mend: async () => {
        await tracer?.detach();
        if (!node.running) node.start();
      },
    });
    return `failing fsync: ${id}, from number ${nth} of each thread on; it ended by itself`;
  },
};

/** R-D2: no room for messages is no failure. For a promise there must always be some: then the node ends. */
const noRoom: Fault = {
  name: 'no room to write',
  get needs() {
    return noTracing();
  },
  run: async (world, dice) => {
    const id = world.take(dice, dice.chance(0.5) ? world.leader() : undefined);
    const node = world.cluster.node(id);
    const ms = dice.between(500, 3_000);
    const saidBefore = timesFull(world, id);
    let tracer: Tracer | undefined;
    let ended = false;
    await broken(world, [id], 'disk', {
      during: async () => {
        tracer = await refuseRoom(node.process?.pid ?? 0);
        await world.pause(ms);
      },
      mend: async () => {
        await tracer?.detach();
        ended = !node.running;
        if (ended) node.start();
      },
    });
    const refused = timesFull(world, id) > saidBefore ? 'it refused writes' : 'it wrote nothing';
    return `no room to write: ${id} for ${seconds(ms)}, ${ended ? 'it had to save a promise, and ended' : refused}`;
  },
};

const slowSync = (name: string, pick: (world: World, dice: SeededDice) => number): Fault => ({
  name,
  get needs() {
    return noTracing();
  },
  run: async (world, dice) => {
    const id = pick(world, dice);
    const delayMs = Math.round(dice.chance(0.5) ? dice.between(20, 200) : dice.between(200, 2_000));
    const ms = dice.between(1_000, 5_000);
    let tracer: Tracer | undefined;
    await broken(world, [id], 'slow', {
      during: async () => {
        tracer = await slowSyncs(world.cluster.node(id).process?.pid ?? 0, delayMs);
        await world.pause(ms);
      },
      mend: () => tracer?.detach(),
    });
    return `${name}: ${id}, ${delayMs} ms each for ${seconds(ms)}`;
  },
});

export const rootFaults: readonly Fault[] = [
  powerCut({ name: 'power cut', pick: (world, dice) => [world.take(dice)], again: () => 0 }),
  powerCut({
    name: 'power cut of the leader',
    pick: (world, dice) => [world.take(dice, world.leader())],
    again: () => 0,
  }),
  powerCut({ name: 'power cut of all', alone: true, pick: takeAll, again: () => 0 }),
  powerCut({ name: 'power cuts in a row', alone: true, pick: takeAll, again: (dice) => 1 + dice.int(2) }),
  fullDisk,
  failingSync,
  noRoom,
  slowSync('slow fsync', (world, dice) => world.take(dice)),
  slowSync('slow fsync of the leader', (world, dice) => world.take(dice, world.leader())),
];
