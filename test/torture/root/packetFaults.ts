/**
 * Faults of the network in the kernel: packets that get lost, while no proxy stands between the nodes.
 *
 * The first of them moves the cluster into namespaces (namespaces.ts). Then no cable joins the nodes any more, so these and
 * the faults of cables are for different runs: a cable fault would break nothing, and says so.
 */
import type { SeededDice } from '../../support/dice.ts';
import { broken, type Fault, seconds, type World } from '../fault.ts';
import { once } from './faults.ts';
import { type Lift, Namespaces, reasonAgainstNamespaces, reasonAgainstNarrowLinks } from './namespaces.ts';

const noNamespaces = once(reasonAgainstNamespaces);
const noNarrowLinks = once(() => noNamespaces() ?? reasonAgainstNarrowLinks());

const networkOf = new WeakMap<object, Namespaces>();

async function prepareNetwork(world: World): Promise<void> {
  const { cluster } = world;
  if (networkOf.has(cluster)) return;
  const network = await Namespaces.around(cluster);
  networkOf.set(cluster, network);
  world.atEnd(() => network.end());
  const refuse = (): never => {
    throw new Error('no cables join nodes that are in namespaces');
  };
  cluster.trouble = refuse;
  cluster.silence = refuse;
  cluster.reset = refuse;
}

const theNetwork = ({ cluster }: World): Namespaces => {
  const network = networkOf.get(cluster);
  if (!network) throw new Error('the nodes were started without namespaces');
  return network;
};

/** Often hardly noticed, sometimes so long that TCP tries again only now and then. */
const time = (dice: SeededDice): number => (dice.chance(0.4) ? dice.between(100, 500) : dice.between(500, 5_000));
const one = (world: World, dice: SeededDice): number[] => [world.take(dice)];
const theLeader = (world: World, dice: SeededDice): number[] => [world.take(dice, world.leader())];
const nobody = (): number[] => [];

interface PacketFault {
  readonly name: string;
  /** Nobody: the whole network. */
  readonly pick?: (world: World, dice: SeededDice) => number[];
  readonly needs?: () => string | undefined;
  /** Returns what lifts it, and what it is in words. */
  readonly begin: (at: {
    readonly network: Namespaces;
    readonly id: number;
    readonly others: readonly number[];
    readonly dice: SeededDice;
  }) => readonly [lift: Lift, words?: string];
}

const packetFault = ({ name, pick = one, needs = noNamespaces, begin }: PacketFault): Fault => ({
  name: `packets ${name}`,
  alone: pick === nobody,
  get needs() {
    return needs();
  },
  prepare: prepareNetwork,
  run: async (world, dice) => {
    const ids = pick(world, dice);
    const [id = 0] = ids;
    const network = theNetwork(world);
    const others = world.cluster.ids.filter((other) => other !== id);
    const ms = time(dice);
    let lift: Lift = () => {};
    let words: string | undefined;
    await broken(world, ids, 'cut', {
      during: async () => {
        [lift, words = ''] = begin({ network, id, others, dice });
        await world.pause(ms);
      },
      mend: () => lift(),
    });
    return `packets ${name}: ${[ids.length === 0 ? 'all' : id, words].filter(Boolean).join(' ')} for ${seconds(ms)}`;
  },
});

const all =
  (lifts: readonly Lift[]): Lift =>
  () => {
    for (const lift of lifts) lift();
  };

export const packetFaults: readonly Fault[] = [
  packetFault({ name: 'lost both ways', begin: ({ network, id }) => [network.isolate(id)] }),
  packetFault({ name: 'of the leader lost', pick: theLeader, begin: ({ network, id }) => [network.isolate(id)] }),
  packetFault({
    name: 'not heard',
    begin: ({ network, id, others }) => [all(others.map((other) => network.drop(other, id)))],
  }),
  packetFault({
    name: 'not said',
    begin: ({ network, id, others }) => [all(others.map((other) => network.drop(id, other)))],
  }),
  packetFault({
    name: 'lost one way',
    begin: ({ network, id, others, dice }) => {
      const to = dice.pick(others);
      return [network.drop(id, to), `to ${to}`];
    },
  }),
  packetFault({ name: 'answered with resets', begin: ({ network, id }) => [network.cut(id)] }),
  packetFault({
    name: 'lost at random',
    begin: ({ network, id, dice }) => {
      const percent = 1 + dice.int(40);
      return [network.lose(percent, id), `${percent} %`];
    },
  }),
  packetFault({
    name: 'lost everywhere',
    pick: nobody,
    begin: ({ network, dice }) => {
      const percent = 1 + dice.int(15);
      return [network.lose(percent), `${percent} %`];
    },
  }),
  packetFault({
    name: 'on narrow links',
    pick: nobody,
    needs: noNarrowLinks,
    begin: ({ network, dice }) => {
      const mbit = 1 + dice.int(10);
      network.narrow(mbit);
      return [() => network.heal(), `${mbit} Mbit/s`];
    },
  }),
];
