import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { publishedLinks, type Region, regions } from '../../scripts/wan/regions.ts';
import { SeededDice } from '../support/dice.ts';
import { Scenario, type Told } from '../support/scenario.ts';

/** Three regions of the world, as far apart as `npm run wan` and the cloud have them (PROTOCOL §5). */
const Regions = suite('three regions');

const nodeIn = (region: Region): NodeId => regions.indexOf(region) + 1;
const wires = publishedLinks.flatMap(({ from, to, rttMs }) => [
  { from: nodeIn(from), to: nodeIn(to), latencyMs: rttMs / 2 },
  { from: nodeIn(to), to: nodeIn(from), latencyMs: rttMs / 2 },
]);

/** The links are long from the beginning; `leader` has the highest priority. */
function apart(leader: Region, seed: number, jitterMs = 10, writeMs?: readonly [number, number]): Scenario {
  const priorities = new Map([[nodeIn(leader), 1]]);
  const scenario = new Scenario({ seed, segmentBytes: 8 * 1024 * 1024, priorities, ...(writeMs && { writeMs }) });
  const { cluster } = scenario;
  for (const { from, to, latencyMs } of wires) cluster.network.shape(from, to, { latencyMs, jitterMs });
  cluster.start();
  return scenario;
}
/** Now and then nothing comes over a wire for as long as TCP needs to send again what was lost. */
function stallsAlways(scenario: Scenario, everyMs: number, seed: number): void {
  const { cluster } = scenario;
  const dice = new SeededDice(`stalls ${seed}`);
  const next = (): void => {
    const { from, to } = dice.pick(wires);
    cluster.network.stall(from, to, dice.between(200, 600));
    cluster.clock.setTimeout(next, dice.between(0, 2 * everyMs));
  };
  next();
}

for (const leader of regions)
  Regions(`elect nobody by mistake in two minutes of writes, jitter and stalls, led from ${leader} (R12, R16)`, () => {
    for (const seed of [1]) {
      const scenario = apart(leader, seed);
      const { cluster } = scenario;
      assert.is(cluster.settleLeader(nodeIn(leader), 20_000), nodeIn(leader), scenario.because('nobody leads'));
      scenario.run(4000); // Time to measure how far the others are.
      const at = scenario.now;
      scenario.writeAlways(50);
      stallsAlways(scenario, 3000, seed);
      scenario.run(120_000);
      assert.equal(scenario.leaderships(at), [], scenario.because(`${leader}, seed ${seed}`));
      for (const event of ['election_started', 'leader_stepped_down', 'peer_disconnected'])
        assert.equal(scenario.lines(event, at), [], scenario.because(`${leader}, seed ${seed}: ${event}`));
      assert.ok(scenario.done(at).length > 2_200, `${scenario.done(at).length} writes`);
      assert.equal(scenario.verdict(), []);
    }
  });

Regions('take much at a node that is far from its leader: what is forwarded fills the way there (ingress A3)', () => {
  const scenario = apart('asia', 1, 0);
  const { cluster } = scenario;
  const [leader, far] = [nodeIn('asia'), nodeIn('eu')];
  assert.is(cluster.settleLeader(leader, 20_000), leader);
  scenario.run(4000);
  const at = scenario.now;
  const texts = (i: number): string[] => Array.from({ length: 8 }, (_, j) => `${i} ${j} `.padEnd(32_000, 'x'));
  const hasAtMost = (most: number) => (): boolean => told.filter(({ answer }) => answer === null).length <= most;
  const told: Told[] = [];
  for (let i = 0; i < 120; i++) {
    assert.ok(cluster.runUntil(hasAtMost(25), 60_000)); // More would be refused.
    told.push(scenario.writeText(far, texts(i), { timeoutMs: 60_000 }));
  }
  assert.ok(cluster.runUntil(hasAtMost(0), 60_000));
  assert.ok(told.every(({ answer }) => answer?.kind === 'done'));
  // 30 MB: with 1 MiB in each 406 ms, there, through the log and back, they would take 12 s.
  const tookMs = scenario.now - at;
  assert.ok(tookMs < 6000, `${tookMs} ms`);
  assert.equal(scenario.leaderships(at), []);
  assert.equal(scenario.verdict(), []);
});

Regions(
  'let many clients wait for one round trip each: what comes while many batches are out goes into bigger ones',
  () => {
    const scenario = apart('asia', 1, 2, [0.1, 0.3]);
    const { cluster } = scenario;
    const leader = nodeIn('asia');
    assert.is(cluster.settleLeader(leader, 20_000), leader);
    scenario.run(4000);
    const dice = new SeededDice('clients');
    let done = 0;
    const ask = (): void =>
      cluster.append(leader, 'x'.repeat(100), () => {
        done++;
        cluster.clock.setTimeout(ask, dice.between(0, 20));
      });
    for (let i = 0; i < 1000; i++) cluster.clock.setTimeout(ask, dice.between(0, 400));
    scenario.run(1000);
    done = 0;
    scenario.run(2000);
    // 1000 clients, each after 154 ms and 10 of its own: 6000 a second. One batch a message would leave 1700.
    assert.ok(done / 2 > 5000, `${done / 2} a second`);
    const lag = ({ commitIndex }: { commitIndex: number }): number =>
      cluster.node(leader).facade.status().commitIndex - commitIndex;
    assert.ok(lag(cluster.node(nodeIn('eu')).facade.status()) < 3000, 'the far one keeps up');
  },
);

Regions('hand the lead back to one that returned across an ocean while writes go on (R17)', () => {
  for (const leader of regions) {
    const scenario = apart(leader, 1);
    const { cluster } = scenario;
    const best = nodeIn(leader);
    assert.is(cluster.settleLeader(best, 20_000), best);
    scenario.writeAlways(10);
    scenario.run(3000);
    cluster.kill(best);
    scenario.run(5000);
    assert.is.not(cluster.leader, best);
    cluster.start(best);
    const at = scenario.now;
    assert.is(cluster.settleLeader(best, 12_000), best, scenario.because(`${leader} does not lead again`));
    scenario.run(3000);
    assert.is(scenario.leaderships(at).length, 1);
    assert.ok(scenario.longestPauseMs(at) < 1500, `${scenario.longestPauseMs(at)} ms without a write`);
    assert.equal(scenario.verdict(), []);
  }
});

Regions('are led by the one that is meant to from the first election on, however long the links are (R15, R21)', () => {
  for (const leader of regions)
    for (let seed = 1; seed <= 10; seed++) {
      const scenario = apart(leader, seed, 20);
      scenario.run(8000);
      assert.equal(
        scenario.leaderships().map(({ id }) => id),
        [nodeIn(leader)],
        scenario.because(`${leader}, seed ${seed}`),
      );
    }
});

Regions.run();
