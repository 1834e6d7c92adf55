import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { SeededDice } from '../support/dice.ts';
import { Scenario } from '../support/scenario.ts';
import { assertAgrees, busyDisks, serves, three, troubleOf } from '../support/scenes.ts';

/** Logs that are kept in memory: a restart is the loss of one (--memory, R-D3). */
const Memory = suite('memory');

Memory('learns its log anew when it was kept in memory: one node after the other (--memory, R-D3)', () => {
  const scenario = busyDisks({ memory: true });
  const { cluster } = scenario;
  for (const id of [1, 3, 2]) {
    cluster.kill(id);
    scenario.run(300);
    cluster.start(id);
    serves(scenario, id);
    assert.is(troubleOf(scenario, id), 'DAMAGED');
    const healed = cluster.runUntil(() => troubleOf(scenario, id) === null, 20_000);
    assert.ok(healed, scenario.because(`node ${id} does not heal`));
    scenario.run(1000);
  }
  assertAgrees(scenario, 'all were restarted');
  assert.ok(cluster.messages(2).length > 100);
});

Memory('loses nothing with two of three logs in memory gone, and stands still (--memory, R-D3)', () => {
  const scenario = busyDisks({ memory: true });
  const { cluster } = scenario;
  scenario.stopWriting();
  scenario.run(200);
  for (const id of [1, 2]) cluster.kill(id);
  for (const id of [1, 2]) cluster.start(id);
  scenario.run(20_000);
  assert.is(cluster.leader, null);
  assert.is(cluster.messages(3).length, scenario.done().length);
});

Memory('starts afresh, and says so, when all logs in memory are gone (--memory)', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const dice = new SeededDice(`memory ${seed}`);
    const scenario = busyDisks({ memory: true, seed });
    const { cluster } = scenario;
    scenario.stopWriting();
    for (const id of three) cluster.kill(id);
    const since = scenario.now;
    for (const id of dice.shuffle(three)) {
      cluster.start(id);
      scenario.run(dice.between(0, 300));
    }
    assert.is(cluster.settleLeader(3, 20_000), 3, scenario.because(`seed ${seed}`));
    assert.ok(scenario.lines('memory_lost_everywhere', since).length > 0);
    assert.is(scenario.written(1).kind, 'done');
    scenario.run(500);
    for (const id of three) assert.is(cluster.messages(id).length, 1, `node ${id}`);
  }
});

/** All are killed and start again at about the same time, with nothing in memory. */
function restartAll(scenario: Scenario): void {
  const { cluster } = scenario;
  scenario.stopWriting();
  for (const id of three) cluster.kill(id);
  scenario.run(50);
  cluster.start();
}
function assertBeginsAnew(scenario: Scenario, what: string): void {
  const { cluster } = scenario;
  cluster.network.heal();
  assert.is.not(cluster.settleLeader(undefined, 20_000), null, scenario.because(`${what}: no leader for ever`));
  const areWell = (): boolean => three.every((id) => troubleOf(scenario, id) === null);
  assert.ok(cluster.runUntil(areWell, 10_000), scenario.because(`${what}: a node stays damaged`));
  assert.is(scenario.written(1).kind, 'done', what);
}

Memory('comes back from a restart of all although connections break at any moment of it', () => {
  for (let at = 0; at < 120; at += 2) {
    const scenario = Scenario.up({ memory: true, seed: at });
    const { cluster } = scenario;
    restartAll(scenario);
    scenario.run(at);
    // Two of three links, or all, once or several times.
    const dice = new SeededDice(`resets ${at}`);
    for (let i = 1 + dice.int(3); i > 0; i--) {
      const pairs = dice.shuffle([
        [1, 2],
        [1, 3],
        [2, 3],
      ] as const);
      for (const [a, b] of pairs.slice(0, 2 + dice.int(2))) cluster.network.reset(a, b);
      scenario.run(dice.between(0, 60));
    }
    assertBeginsAnew(scenario, `resets at ${at} ms`);
  }
});

Memory('comes back from a restart of all although one of them knew it long before the others', () => {
  for (const early of three)
    for (const afterMs of [60, 200, 1000, 5000]) {
      const [a, b] = three.filter((id) => id !== early) as [NodeId, NodeId];
      const scenario = Scenario.up({ memory: true, seed: early });
      const { cluster } = scenario;
      const since = scenario.now;
      // The other two do not meet, so that one alone has heard of everybody's loss; then its connections break.
      cluster.network.cut(a, b);
      restartAll(scenario);
      scenario.run(afterMs);
      for (const id of [a, b]) cluster.network.reset(early, id);
      scenario.run(100);
      const what = `node ${early}, ${afterMs} ms`;
      const knew = scenario.lines('memory_lost_everywhere', since).map(({ node }) => node);
      assert.ok(knew.length > 0 && knew.every((id) => id === early), scenario.because(what));
      assertBeginsAnew(scenario, what);
    }
});

Memory('forgets nothing that was written after a restart of all when one of them restarts again (R-D3)', () => {
  for (const again of three) {
    const scenario = Scenario.up({ memory: true, seed: again });
    const { cluster } = scenario;
    restartAll(scenario);
    assertBeginsAnew(scenario, 'all were restarted');
    const third = again === 1 ? 2 : 1;
    const kept = three.find((id) => id !== again && id !== third) as NodeId;
    // Written with the one that goes; the third one has not got it.
    cluster.network.isolate(third);
    assert.ok(cluster.runUntil(() => cluster.leader !== null && cluster.leader !== third, 10_000));
    scenario.run(1000);
    assert.is(scenario.written(kept, { timeoutMs: 20_000 }).kind, 'done', scenario.because(`node ${again}`));
    const written = scenario.done().at(-1);
    cluster.kill(again);
    cluster.start(again);
    scenario.run(20);
    cluster.network.heal();
    cluster.network.isolate(kept);
    // Node `again` has lost it, and the third one never had it: together they must not begin anew.
    scenario.run(5000);
    assert.ok(cluster.leader === null || cluster.leader === kept, scenario.because(`node ${again}`));
    cluster.network.heal();
    assert.is.not(cluster.settleLeader(undefined, 20_000), null);
    scenario.run(2000);
    for (const id of three)
      assert.ok(
        cluster.messages(id).some(({ text }) => text === written?.texts[0]),
        scenario.because(`node ${id}`),
      );
  }
});

Memory.run();
