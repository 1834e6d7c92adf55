/** Everything at once: a minute and a half of kills, stops, cuts and lost packets under load, and then the accounts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SeededDice } from '../support/dice.ts';
import { longestGap, staleReads } from '../support/history.ts';
import { now, startLoad } from '../support/loadClient.ts';
import { startReading } from '../support/readers.ts';
import { pause, type RealCluster, tell, until, withRunningCluster } from '../support/realCluster.ts';

const Chaos = suite('chaos on real processes');

const forMs = Number(process.env.CHAOS_MS ?? 90_000);
const seed = process.env.SEED ?? `${Date.now()}`;

/** One trouble, and how it ends. */
type Trouble = (cluster: RealCluster, dice: SeededDice) => Promise<string>;

const someNode = (cluster: RealCluster, dice: SeededDice): number =>
  cluster.ids[Math.floor(dice.next() * cluster.ids.length)] ?? 1;
const someTime = (dice: SeededDice, most = 2_500): Promise<void> => pause(dice.next() * most);

const troubles: readonly Trouble[] = [
  async (cluster, dice) => {
    const id = someNode(cluster, dice);
    await cluster.kill(id);
    await someTime(dice);
    cluster.start(id);
    return `kill ${id}`;
  },
  async (cluster, dice) => {
    const { id } = await cluster.leader();
    await cluster.kill(id);
    await someTime(dice, 500);
    cluster.start(id);
    return `kill the leader, ${id}`;
  },
  async (cluster, dice) => {
    const id = someNode(cluster, dice);
    cluster.pause(id);
    await someTime(dice);
    cluster.resume(id);
    return `stop ${id}`;
  },
  async (cluster, dice) => {
    const id = someNode(cluster, dice);
    await cluster.kill(id, 'SIGTERM');
    await someTime(dice, 500);
    cluster.start(id);
    return `end ${id}`;
  },
  async (cluster, dice) => {
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    cluster.start();
    await someTime(dice, 500);
    return 'kill all';
  },
  async (cluster, dice) => {
    const id = someNode(cluster, dice);
    cluster.cut(id);
    await someTime(dice);
    cluster.heal();
    return `cut ${id} off`;
  },
  async (cluster, dice) => {
    const id = someNode(cluster, dice);
    cluster.dropAll(id);
    await someTime(dice);
    cluster.heal();
    return `lose what ${id} says and hears`;
  },
  async (cluster, dice) => {
    const from = someNode(cluster, dice);
    const to = (from % 3) + 1;
    cluster.dropFrom(from, to);
    await someTime(dice);
    cluster.heal();
    return `lose what ${from} says to ${to}`;
  },
  async (cluster, dice) => {
    cluster.delay(5 + dice.next() * 60);
    await someTime(dice);
    cluster.heal();
    return 'slow cables';
  },
];

Chaos('loses nothing, doubles nothing, shows nothing stale, and heals each time', async () => {
  const dice = new SeededDice(seed);
  tell(`SEED=${seed}`);
  await withRunningCluster({ cables: true }, async (cluster) => {
    const load = startLoad({
      targets: cluster.targets,
      connections: 24,
      timeoutMs: 2_000,
      patienceMs: 3_000,
      thinkMs: 5,
    });
    const reading = startReading(cluster.nodes, load);
    const beganAt = now();
    const done: string[] = [];
    const begun: number[] = [];
    while (now() - beganAt < forMs) {
      const trouble = troubles[Math.floor(dice.next() * troubles.length)];
      begun.push(now());
      if (trouble) done.push(await trouble(cluster, dice));
      // Two troubles may overlap; the third finds a cluster that works.
      if (dice.next() < 0.5) continue;
      await until(
        `a cluster that works after ${done.slice(-3).join('; ')}`,
        async () => {
          const answers = await Promise.all(cluster.nodes.map((node) => node.health()));
          return answers.every((answer) => answer?.status === 200) ? true : undefined;
        },
        20_000,
        50,
      );
      await load.progress(50);
    }
    await cluster.ready();
    await load.progress(200);
    const operations = await load.stop();
    const reads = await reading.stop();
    tell(`${done.length} troubles: ${done.join('; ')}`);
    tell(`${operations.length} writes: ${JSON.stringify(load.counts)}; ${reads.length} linearizable reads`);
    const gaps = done.map((name, i) => {
      const { ms } = longestGap(operations, begun[i] ?? 0, begun[i + 1] ?? now());
      return { ms, during: `${ms.toFixed(0)} ms during: ${name}, after: ${done[i - 1]}` };
    });
    const worst = gaps.sort((a, b) => b.ms - a.ms).slice(0, 5);
    tell(`longest gaps:\n      ${worst.map(({ during }) => during).join('\n      ')}`);
    assert.equal(await cluster.faults(operations), []);
    assert.equal(staleReads(operations, reads), []);
    assert.is(await cluster.violations(), 0);
  });
});

Chaos.run();
