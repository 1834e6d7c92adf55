import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Appended, ReadPoint, Trouble } from '../../actors/facade.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { Scenario, type Told } from '../support/scenario.ts';

/** What comes too late or too early: frames of the past, answers of another life, reads before the barrier. */
const Late = suite('late and early');

const calm = { ...defaultTiming, stableMs: 60_000 };

function doneOf(answer: Appended | Trouble | null): Appended {
  if (answer?.kind !== 'done') throw new Error(`not done: ${JSON.stringify(answer)}`);
  return answer;
}
const isDone = (told: Told) => (): boolean => told.answer?.kind === 'done';
const roleOf = ({ cluster }: Scenario, id: NodeId): string => cluster.node(id).facade.status().role;
const logEnd = ({ cluster }: Scenario, id: NodeId): number =>
  cluster.node(id).root.system.get('pipeline').getSnapshot().context.core.log.last.index;

Late('a delayed older APPEND of the same epoch cuts nothing that was acknowledged (R7)', () => {
  for (let replayed = 0; replayed < 3; replayed++) {
    const recorded: { readonly type: string }[] = [];
    const scenario = Scenario.up({
      timing: calm,
      seed: replayed + 1,
      watch: {
        event: (id, target, event) => {
          const frame = 'frame' in event ? (event.frame as { batch?: { type: string } | null }) : {};
          if (id === 1 && target === 'pipeline' && event.type === 'append.received' && frame.batch?.type === 'data')
            recorded.push(event);
        },
      },
    });
    const { cluster } = scenario;
    cluster.network.isolate(2);
    // Nodes 3 and 1 commit one after the other. Of the last ones node 1 does not hear that they are committed.
    const told = [0, 1, 2, 3].map((i) => {
      if (i === 1) cluster.network.shape(3, 1, { latencyMs: 20 });
      const one = scenario.write(3, { timeoutMs: 60_000 });
      assert.ok(cluster.runUntil(isDone(one), 1000), scenario.because(`write ${i}`));
      return one;
    });
    cluster.network.cut(3, 1, { oneWay: true });
    const end = logEnd(scenario, 1);
    assert.is(recorded.length, 4);
    cluster.node(1).root.system.get('pipeline').send(recorded[replayed]);
    scenario.run(20);
    assert.is(logEnd(scenario, 1), end, 'it was cut');
    // Whoever leads next has nothing but node 1's log.
    cluster.crash(3);
    cluster.network.heal();
    assert.is(cluster.settleLeader(2, 10_000), 2, scenario.because(`append ${replayed}`));
    assert.ok(told.every(({ texts }) => cluster.messages(2).some(({ text }) => text === texts[0])));
    cluster.start(3);
    scenario.run(1000);
    assert.equal(scenario.verdict(), [], `append ${replayed}`);
  }
});

Late('what a follower acknowledged in an earlier life does not count in this one (R9)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const scenario = Scenario.up({ voters: [1, 2, 3, 4, 5], timing: calm, memory: true, seed });
    const { cluster } = scenario;
    const { network } = cluster;
    for (let i = 0; i < 5; i++) assert.is(scenario.written(5).kind, 'done');
    scenario.run(100);
    // Only node 1 gets it, and loses it with its memory.
    for (const id of [2, 3, 4]) network.cut(5, id, { oneWay: true });
    const told = scenario.write(5, { timeoutMs: 60_000 });
    scenario.run(10);
    const end = logEnd(scenario, 1);
    assert.is(end, logEnd(scenario, 5), 'node 1 had it');
    cluster.kill(1);
    cluster.start(1);
    const at = scenario.now;
    const isBack = (): boolean => scenario.lines('peer_connected', at).some(({ node }) => node === 5);
    assert.ok(cluster.runUntil(isBack, 300), scenario.because('node 1 is not back'));
    // Node 2 gets it: that makes two of five; the third is node 1 only when it has learned all anew, and healed.
    network.heal(5, 2);
    assert.ok(cluster.runUntil(isDone(told), 400), scenario.because('not committed'));
    assert.is(scenario.lines('log_healed', at).length, 1, scenario.because('committed with a copy that is gone'));
    network.heal();
    assert.is.not(cluster.settleLeader(undefined, 20_000), null);
    scenario.run(3000);
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
});

Late('a new leader answers no linearizable read before its barrier is committed (R6, §6)', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const scenario = Scenario.up({ timing: calm, seed, latencyMs: 2 });
    const { cluster } = scenario;
    for (let i = 0; i < 3; i++) assert.is(scenario.written(3).kind, 'done');
    // Acknowledged this very moment; that it is committed nobody but node 3 knows, and nobody hears of it.
    const told = scenario.write(3);
    assert.ok(cluster.runUntil(isDone(told), 1000));
    cluster.network.isolate(3);
    const newest = doneOf(told.answer).firstId;
    // The barrier takes long on node 2's disk, much longer than a round to node 1.
    const isPrepared = (): boolean => {
      const { value, context } = cluster.node(2).root.system.get('election').getSnapshot();
      return value === 'candidate' && context.ballot.durable === context.ballot.promised;
    };
    assert.ok(cluster.runUntil(isPrepared, 5000));
    cluster.disk(2).faults.slowFsyncMs = 200;
    assert.ok(
      cluster.runUntil(() => roleOf(scenario, 2) === 'establishing', 5000),
      scenario.because('no election'),
    );
    assert.ok(cluster.node(2).facade.status().lastId < newest, 'it knows already that this is committed');
    const answers: (ReadPoint | Trouble)[] = [];
    // At the leader itself, and by way of the follower as soon as that knows whom to ask.
    for (const at of [2, 1])
      for (const laterMs of [0, 5, 30, 100])
        cluster.clock.setTimeout(
          () => cluster.readPoint(at, { linearizable: true, timeoutMs: 3000 }, (answer) => void answers.push(answer)),
          laterMs,
        );
    assert.ok(cluster.runUntil(() => answers.length === 8, 5000));
    cluster.disk(2).faults.slowFsyncMs = 0;
    for (const answer of answers)
      assert.ok(answer.kind === 'ready' && answer.lastId >= newest, scenario.because(JSON.stringify(answer)));
    cluster.network.heal();
    scenario.run(1000);
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
});

Late('answers that were sent before a read was asked confirm nothing (§6: rounds)', () => {
  for (const untilMs of [440, 460, 480]) {
    const scenario = Scenario.up({ timing: calm, seed: untilMs });
    const { cluster } = scenario;
    const { network } = cluster;
    for (let i = 0; i < 3; i++) assert.is(scenario.read(3, { linearizable: true }).kind, 'ready');
    const t0 = scenario.now;
    // Nobody hears node 3; what the others sent while they still followed it comes after they have another leader.
    for (const id of [1, 2]) {
      network.strand(id, 3, untilMs);
      network.cut(3, id, { oneWay: true });
    }
    assert.is(cluster.settleLeader(2, 420), 2, scenario.because('no election in time'));
    const told = scenario.write(2);
    assert.ok(cluster.runUntil(isDone(told), t0 + untilMs - 5 - scenario.now), scenario.because('not written in time'));
    assert.is(roleOf(scenario, 3), 'leading', 'it does not know yet that it is deposed');
    let answer: ReadPoint | Trouble | null = null;
    cluster.readPoint(3, { linearizable: true, timeoutMs: 900 }, (given) => {
      answer = given;
    });
    // A leader hears in the confirmations of its own rounds alone that it still leads.
    cluster.runUntil(() => answer !== null, 2000);
    const got = answer as ReadPoint | Trouble | null;
    assert.is(got?.kind, 'trouble', scenario.because(`${untilMs} ms: ${JSON.stringify(got)}`));
    network.heal();
    scenario.run(1000);
    assert.equal(scenario.verdict(), []);
  }
});

Late('a key that the dead leader had appended is known to the next one before that is committed (§8)', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const scenario = Scenario.up({ timing: calm, seed });
    const { cluster } = scenario;
    const { network } = cluster;
    const more = { key: { key: 'k', bodyHash: Buffer.alloc(16, 1) }, timeoutMs: 20_000 };
    for (let i = 0; i < 3; i++) assert.is(scenario.written(2).kind, 'done');
    // It reaches node 2 alone, whose answer is lost, and node 3 dies.
    network.cut(3, 1);
    network.cut(2, 3, { oneWay: true });
    const first = scenario.writeText(3, ['keyed'], more);
    scenario.run(10);
    assert.is(first.answer, null);
    cluster.crash(3);
    network.heal();
    // Its client asks the others, which miss the leader by now: the next one gets the tries before its barrier is committed.
    const at = scenario.now;
    const isMissed = (): boolean => scenario.lines('leader_lost', at).some(({ node }) => node === 2);
    assert.ok(cluster.runUntil(isMissed, 2000));
    const again = [2, 1, 2].map((id) => scenario.writeText(id, ['keyed'], more));
    assert.ok(cluster.runUntil(() => roleOf(scenario, 2) === 'establishing', 5000));
    cluster.disk(1).faults.slowFsyncMs = 60; // The barrier is not committed for a while.
    scenario.run(40);
    assert.is(roleOf(scenario, 2), 'establishing');
    cluster.disk(1).faults.slowFsyncMs = 0;
    assert.is(cluster.settleLeader(2, 10_000), 2);
    assert.ok(cluster.runUntil(() => again.every(({ answer }) => answer !== null), 10_000));
    const ids = again.map(({ answer }) => doneOf(answer).firstId);
    assert.equal(ids, [4, 4, 4], scenario.because(`seed ${seed}`));
    assert.ok(again.every(({ answer }) => doneOf(answer).repeated));
    assert.is(cluster.messages(2).filter(({ text }) => text === 'keyed').length, 1, 'appended twice');
    cluster.start(3);
    scenario.run(1000);
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
});

Late.run();
