import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FailpointName } from '../../actors/ports.ts';
import { type Epoch, type NodeId, ownerOf } from '../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { Scenario } from '../support/scenario.ts';
import type { ClusterOptions } from '../support/simulatedCluster.ts';

/** A promise is what a commit hangs on: it must outlast crashes, slow disks and everything that comes late (R1, R3, R12). */
const Promises = suite('promises');

const calm = { ...defaultTiming, stableMs: 60_000 };

interface Spoken {
  readonly from: NodeId;
  readonly what: string;
  readonly epoch: Epoch;
  /** What the speaker had promised by then, in memory. */
  readonly promised: Epoch;
}
/** A cluster whose promises and acknowledgements are listened to. */
function overheard(options: ClusterOptions = {}): { scenario: Scenario; spoken: Spoken[] } {
  const spoken: Spoken[] = [];
  const promisedBy = (id: NodeId): Epoch => ballotOf(scenario, id).promised;
  const scenario: Scenario = new Scenario({
    timing: calm,
    ...options,
    watch: { spoke: (from, _, what, epoch) => void spoken.push({ from, what, epoch, promised: promisedBy(from) }) },
  });
  scenario.cluster.start();
  const best = Math.max(...scenario.cluster.voters);
  assert.is(scenario.cluster.settleLeader(best), best);
  return { scenario, spoken };
}
const electionOf = ({ cluster }: Scenario, id: NodeId) => cluster.node(id).root.system.get('election').getSnapshot();
const ballotOf = (scenario: Scenario, id: NodeId): { readonly promised: Epoch } =>
  electionOf(scenario, id).context.ballot;
const holdsOffice = (scenario: Scenario, id: NodeId): boolean => typeof electionOf(scenario, id).value === 'object';

/** Node 3 leads and hears node 1, but nobody hears it; node 2 wins the next epoch by node 1's promise. */
function deposedUnknowingly(scenario: Scenario): void {
  const { cluster } = scenario;
  for (let i = 0; i < 5; i++) assert.is(scenario.written(1).kind, 'done');
  cluster.network.cut(2, 3);
  cluster.network.cut(3, 1, { oneWay: true });
}
/** Node 2 cannot reach node 1 any more, node 3 can: what it appends must not be committed with node 1's vote. */
function tempt(scenario: Scenario): void {
  const { cluster } = scenario;
  cluster.network.cut(1, 2);
  cluster.network.heal(1, 3);
  for (let i = 0; i < 3; i++) scenario.write(3, { timeoutMs: 60_000 });
  scenario.run(150);
}
/** Now node 2 goes on with its epoch, and node 3 is away. */
function goOn(scenario: Scenario, what: string): void {
  const { cluster } = scenario;
  cluster.network.isolate(3);
  cluster.network.heal(1, 2);
  if (!cluster.isUp(1)) cluster.start(1);
  const isLed = (): boolean => cluster.leader === 1 || cluster.leader === 2;
  assert.ok(cluster.runUntil(isLed, 10_000), scenario.because(what));
  assert.is(scenario.written(1).kind, 'done', scenario.because(what));
  scenario.healAll();
  assert.is.not(cluster.settleLeader(undefined, 20_000), null, scenario.because(what));
  scenario.run(1000);
  assert.equal(scenario.verdict(), [], what);
}

Promises('outlast a power cut: the old leader commits nothing with a voter that promised another one (R1)', () => {
  const moments: readonly (FailpointName | 'told')[] = ['told', 'promise.persisted', 'promise.written'];
  for (const moment of moments)
    for (let seed = 1; seed <= 2; seed++) {
      const { scenario } = overheard({ seed });
      const { cluster } = scenario;
      deposedUnknowingly(scenario);
      if (moment !== 'told') cluster.doom(1, moment);
      const isDead = (): boolean => !cluster.isUp(1);
      const isWon = (): boolean => holdsOffice(scenario, 2);
      assert.ok(cluster.runUntil(moment === 'told' ? isWon : isDead, 450), scenario.because(moment));
      cluster.crash(1);
      cluster.start(1);
      tempt(scenario);
      goOn(scenario, `${moment}, seed ${seed}`);
    }
});

Promises('bind at once: an APPEND of a lower epoch that comes behind one is refused (R3, R7)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { scenario, spoken } = overheard({ seed });
    const { cluster } = scenario;
    deposedUnknowingly(scenario);
    assert.ok(
      cluster.runUntil(() => holdsOffice(scenario, 2), 450),
      scenario.because('not elected'),
    );
    tempt(scenario);
    goOn(scenario, `seed ${seed}`);
    assert.equal(
      spoken.filter(({ what, epoch, promised }) => what === 'ack' && epoch < promised),
      [],
    );
  }
});

Promises('silence the fsync of an older epoch that ends behind one: it acknowledges nothing (R3, R3a)', () => {
  for (const disks of [[1], [1, 3]])
    for (let seed = 1; seed <= 3; seed++) {
      const { scenario, spoken } = overheard({ seed });
      const { cluster } = scenario;
      for (let i = 0; i < 5; i++) assert.is(scenario.written(1).kind, 'done');
      scenario.run(300); // The marker is written: nothing else is under way.
      // What is written now takes until after the election; it reaches node 1, and node 3 is not heard any more.
      cluster.network.cut(2, 3);
      for (const id of disks) cluster.disk(id).faults.slowFsyncMs = 420;
      const old = ballotOf(scenario, 1).promised;
      scenario.write(3, { timeoutMs: 60_000 });
      scenario.run(2);
      for (const id of disks) cluster.disk(id).faults.slowFsyncMs = 0;
      cluster.network.cut(3, 1, { oneWay: true });
      assert.ok(
        cluster.runUntil(() => ballotOf(scenario, 1).promised > old, 415),
        scenario.because('node 1 promised nobody while its disk was busy'),
      );
      scenario.run(250); // Its fsync has ended now.
      assert.equal(
        spoken.filter(({ what, epoch, promised }) => what === 'ack' && epoch < promised),
        [],
        scenario.because('an ACK behind a promise'),
      );
      goOn(scenario, `seed ${seed}`);
    }
});

Promises('are given to no PREPARE that comes after the election that it was meant for (R3, R12)', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { scenario, spoken } = overheard({ seed, voters: [1, 2, 3, 4, 5] });
    const { cluster } = scenario;
    for (let i = 0; i < 5; i++) assert.is(scenario.written(1).kind, 'done');
    cluster.kill(5);
    const campaigns = (): boolean => electionOf(scenario, 4).value === 'candidate';
    assert.ok(cluster.runUntil(campaigns, 2000), scenario.because('node 4 does not campaign'));
    // Its PREPARE is on the way for more than a second; meanwhile node 3 is elected, in a lower epoch of the same round.
    for (const peer of [1, 2, 3]) cluster.network.strand(4, peer, 1300);
    assert.is(cluster.settleLeader(3, 1200), 3, scenario.because(`seed ${seed}`));
    const late = ballotOf(scenario, 4).promised;
    assert.ok(ownerOf(late) === 4 && late > ballotOf(scenario, 3).promised, 'it is the higher epoch');
    const at = scenario.now;
    scenario.writeAlways(20);
    scenario.run(2500);
    assert.equal(
      spoken.filter(({ from, what, epoch }) => from < 4 && what === 'promise' && epoch === late),
      [],
      scenario.because('a promise to a campaign that is over'),
    );
    // Node 4 has promised itself too much for this epoch: the leader renews it, without stepping down.
    assert.equal([...new Set(scenario.leaderships(at).map(({ id }) => id))], [3], scenario.because(`seed ${seed}`));
    assert.ok(scenario.longestPauseMs(at) < 400, `${scenario.longestPauseMs(at)} ms without a write`);
    cluster.start(5);
    scenario.run(1000);
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
});

Promises('are not given again for what an older connection said: every old PREPARE once more (R1, R3)', () => {
  const recorded: { readonly id: NodeId; readonly event: { readonly type: string } }[] = [];
  const scenario = Scenario.up({
    timing: calm,
    watch: {
      event: (id, target, event) => {
        if (target === 'election' && event.type === 'prepare.received') recorded.push({ id, event });
      },
    },
  });
  const { cluster } = scenario;
  scenario.writeAlways(20);
  for (const victim of [3, 2, 3]) {
    scenario.run(500);
    if (cluster.isUp(victim)) cluster.kill(victim);
    scenario.run(1000);
    for (const id of cluster.voters) if (!cluster.isUp(id)) cluster.start(id);
  }
  scenario.run(2000);
  const at = scenario.now;
  const before = cluster.voters.map((id) => ballotOf(scenario, id).promised);
  assert.ok(recorded.length >= 4, `${recorded.length} were recorded`);
  for (const { id, event } of [...recorded]) cluster.node(id).root.system.get('election').send(event);
  scenario.run(1500);
  assert.equal(
    cluster.voters.map((id) => ballotOf(scenario, id).promised),
    before,
  );
  assert.equal(scenario.leaderships(at), []);
  assert.ok(scenario.longestPauseMs(at) < 100);
  assert.equal(scenario.verdict(), []);
});

Promises.run();
