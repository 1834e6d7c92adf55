import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { SeededDice } from '../support/dice.ts';
import { Scenario } from '../support/scenario.ts';
import { assertHeals, busy, three } from '../support/scenes.ts';

/** Timers that are wrong, clocks that lie, links that are far: no time decides what is committed (PROTOCOL §1, §5). */
const Timers = suite('timers');

Timers('keeps every promise when all timers are 0 (no timer decides what is committed, PROTOCOL §1)', () => {
  for (let seed = 1; seed <= 5; seed++) {
    // A heartbeat of 0 would let virtual time stand still.
    const timing = { heartbeatMs: 1, suspectMs: 0, staggerMs: 0, handoverMs: 0, stableMs: 0 };
    const scenario = new Scenario({ seed, timing });
    const { cluster } = scenario;
    cluster.start();
    scenario.writeAlways(10, { timeoutMs: 200 });
    scenario.run(700);
    cluster.crash(3);
    scenario.run(200);
    cluster.start(3);
    scenario.run(500);
    scenario.stopWriting();
    scenario.run(300);
    assert.equal(cluster.violations, []);
    assert.equal(cluster.failures, []);
    // With timers that mean something the same disks agree.
    const logs = three.map((id) => cluster.messages(id).map(({ text }) => text));
    const longest = logs.reduce((a, b) => (a.length >= b.length ? a : b));
    for (const log of logs) assert.equal(log, longest.slice(0, log.length), `seed ${seed}`);
    for (const { texts } of scenario.done())
      assert.ok(longest.includes(texts[0] as string), `lost ${texts[0]}, seed ${seed}`);
  }
});

Timers('keeps every promise with random timers, other ones at each node (PROTOCOL §1)', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const dice = new SeededDice(`timers ${seed}`);
    const timings = new Map(
      three.map((id) => [
        id,
        {
          heartbeatMs: dice.between(1, 120),
          suspectMs: dice.between(1, 400),
          staggerMs: dice.between(0, 80),
          handoverMs: dice.between(0, 400),
          stableMs: dice.between(0, 1500),
        },
      ]),
    );
    const clockRates = new Map(three.map((id) => [id, dice.between(0.5, 2)]));
    const scenario = new Scenario({ seed, timings, clockRates, jitterMs: 3 });
    const { cluster } = scenario;
    cluster.start();
    scenario.writeAlways(10, { timeoutMs: 500 });
    for (let i = 0; i < 8; i++) {
      scenario.run(dice.between(50, 600));
      const id = dice.pick(three);
      const what = dice.int(4);
      if (what === 0 && cluster.isUp(id)) cluster.crash(id);
      else if (what === 1) cluster.network.isolate(id);
      else if (what === 2) cluster.pause(id);
      else {
        cluster.network.heal();
        for (const one of three) {
          cluster.resume(one);
          if (!cluster.isUp(one)) cluster.start(one);
        }
      }
    }
    scenario.stopWriting();
    assert.equal(cluster.violations, [], `seed ${seed}`);
    // With the timers that we deliver it also comes to rest again.
    for (const id of three) {
      cluster.resume(id);
      if (cluster.isUp(id)) cluster.kill(id);
      timings.set(id, defaultTiming);
      clockRates.set(id, 1);
    }
    scenario.run(100);
    assertHeals(scenario, `seed ${seed}`);
  }
});

Timers('is moved by no jump of any wall clock (PROTOCOL §1)', () => {
  const scenario = busy();
  const { cluster } = scenario;
  const at = scenario.now;
  for (const [id, ms] of [
    [3, 3_600_000],
    [1, -86_400_000],
    [2, 1e11],
    [3, -1e11],
  ] as const) {
    cluster.jumpWall(id, ms);
    scenario.run(700);
  }
  assert.equal(scenario.leaderships(at), []);
  assert.ok(scenario.longestPauseMs(at) < 110);
  assertHeals(scenario);
});

Timers('lives with clocks that run at half and at double speed (PROTOCOL §1)', () => {
  for (const rates of [
    [1, 1, 2],
    [0.5, 2, 1],
    [2, 0.5, 1],
  ]) {
    const clockRates = new Map(three.map((id, i) => [id, rates[i] as number]));
    const scenario = busy({ clockRates });
    const at = scenario.now;
    scenario.settled(10_000, three);
    assert.equal(scenario.leaderships(at), [], scenario.because(`rates ${rates}`));
    scenario.cluster.kill(3);
    scenario.settled(5000, [1, 2]);
    assertHeals(scenario, `rates ${rates}`);
  }
});

Timers('elects across oceans, and does not suspect what is merely far (H, TS and D follow the round trip)', () => {
  for (let seed = 1; seed <= 2; seed++) {
    const scenario = new Scenario({ seed, latencyMs: 60 + 60 * seed, jitterMs: 30 });
    const { cluster } = scenario;
    cluster.start();
    assert.ok(cluster.settleLeader(3, 20_000) === 3, scenario.because('no leader'));
    scenario.writeAlways();
    scenario.run(5000);
    const at = scenario.now;
    scenario.settled(10_000, [3]);
    assert.equal(scenario.leaderships(at), [], scenario.because(`seed ${seed}`));
    const killedAt = scenario.now;
    cluster.kill(3);
    scenario.settled(8000, [2]);
    assert.ok(scenario.longestPauseMs(killedAt) < 3500, `${scenario.longestPauseMs(killedAt)} ms without a write`);
    assertHeals(scenario, `seed ${seed}`);
  }
});

Timers.run();
