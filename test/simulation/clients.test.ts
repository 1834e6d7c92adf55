import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Appended, ReadPoint, Trouble } from '../../actors/facade.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { SeededDice } from '../support/dice.ts';
import { Scenario, type Told } from '../support/scenario.ts';
import type { SimulatedCluster } from '../support/simulatedCluster.ts';

const Clients = suite('clients');

const three: readonly NodeId[] = [1, 2, 3];
const calm = { ...defaultTiming, stableMs: 60_000 };
const hash = (byte: number): Buffer => Buffer.alloc(16, byte);

function doneOf(answer: Appended | Trouble | null): Appended {
  if (answer?.kind !== 'done') throw new Error(`not done: ${JSON.stringify(answer)}`);
  return answer;
}
const codeOf = (answer: Appended | ReadPoint | Trouble | null): string =>
  answer?.kind === 'trouble' ? answer.code : String(answer?.kind);
function restart(scenario: Scenario): void {
  scenario.healAll();
  const { cluster } = scenario;
  const serve = (): boolean => three.every((id) => cluster.node(id).facade.status().serving);
  assert.ok(cluster.runUntil(serve, 5000));
  assert.is.not(cluster.settleLeader(undefined, 20_000), null, scenario.because('no leader'));
}

Clients('of 64 at the followers few are left in doubt and none is doubled when the leader dies (R10a, R24)', () => {
  let unknown = 0;
  let done = 0;
  for (let seed = 1; seed <= 12; seed++)
    for (const kind of ['kill', 'power'] as const) {
      const dice = new SeededDice(`forward ${seed}`);
      const scenario = Scenario.up({ seed, timing: calm });
      const { cluster } = scenario;
      for (let i = 0; i < 64; i++) {
        cluster.clock.setTimeout(() => scenario.write(1 + (i % 2), { timeoutMs: 8000 }), dice.between(0, 6));
      }
      // In the middle of it: between its commit and its answers too.
      if (seed % 2) cluster.doom(3, seed % 4 === 1 ? 'commit.advanced' : 'batch.sent', dice.int(5) + 1);
      scenario.run(dice.between(1, 6));
      if (kind === 'kill') cluster.kill(3);
      else cluster.crash(3);
      scenario.run(9000);
      assert.equal(scenario.verdict([1, 2]), [], `seed ${seed}, ${kind}`);
      assert.ok(scenario.told.every(({ answer }) => answer !== null));
      unknown += scenario.told.filter(({ answer }) => answer?.kind === 'trouble').length;
      done += scenario.done().length;
      restart(scenario);
      assert.equal(scenario.verdict(), [], `seed ${seed}, ${kind}, with node 3 again`);
    }
  // Their own log tells them: the barrier of the next leader is committed with or without what they sent.
  assert.is(unknown, 0, `${unknown} unknown, ${done} done`);
});

Clients('learn by a greeting what became of their writes when only their connection broke (R10a c, R24)', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const dice = new SeededDice(`greeting ${seed}`);
    const scenario = Scenario.up({ seed, jitterMs: 2 });
    const { cluster } = scenario;
    for (let i = 0; i < 60; i++) {
      scenario.write(1 + (i % 2), { timeoutMs: 5000 });
      scenario.run(dice.between(0, 4));
      if (dice.chance(0.2)) {
        const id = 1 + dice.int(2);
        if (dice.chance(0.5)) cluster.network.strand(id, 3, dice.between(1, 60));
        if (dice.chance(0.5)) cluster.network.strand(3, id, dice.between(1, 60));
        cluster.network.reset(id, 3);
      }
    }
    scenario.run(6000);
    assert.equal(
      scenario.told.filter(({ answer }) => answer?.kind !== 'done'),
      [],
      scenario.because(`seed ${seed}: with a leader all the time everything can be done`),
    );
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
});

Clients(
  'get one message, with the same ids, for a key that they send to several nodes while the leader dies (§8)',
  () => {
    for (let seed = 1; seed <= 20; seed++) {
      const dice = new SeededDice(`keys ${seed}`);
      const scenario = Scenario.up({ seed, timing: calm });
      const { cluster } = scenario;
      const tries: Told[][] = [];
      for (let k = 0; k < 12; k++) {
        const more = { key: { key: `key ${k}`, bodyHash: hash(k) }, timeoutMs: 9000 };
        const mine: Told[] = [];
        tries.push(mine);
        for (let i = 0; i < 3; i++)
          cluster.clock.setTimeout(
            () => {
              const at = three[(i + k) % 3] as NodeId;
              if (cluster.isUp(at)) mine.push(scenario.writeText(at, [`keyed ${k}`], more));
            },
            dice.between(0, 8) + 2 * k,
          );
      }
      if (seed % 3 === 0) cluster.doom(3, 'batch.persisted', 4 + dice.int(6));
      if (seed % 3 === 1) cluster.doom(3, 'commit.advanced', 1 + dice.int(6));
      scenario.run(30);
      cluster.crash(3, { silent: seed % 2 === 0 });
      scenario.run(10_000);
      restart(scenario);
      for (const [k, mine] of tries.entries()) {
        const done = mine.filter(({ answer }) => answer?.kind === 'done').map(({ answer }) => doneOf(answer));
        assert.is(new Set(done.map(({ firstId }) => firstId)).size <= 1, true, `seed ${seed}, key ${k}`);
        assert.ok(
          done.length > 0 || mine.every(({ at }) => at === 3),
          scenario.because(`seed ${seed}, key ${k} was not done`),
        );
        // And again, much later, at each node.
        for (const at of three) {
          const more = { key: { key: `key ${k}`, bodyHash: hash(k) } };
          const again = doneOf(scenario.writeText(at, [`keyed ${k}`], more).answer ?? waited(scenario));
          assert.ok(again.repeated || done.length === 0);
          if (done[0]) assert.is(again.firstId, done[0].firstId);
        }
      }
      assert.equal(scenario.verdict(), [], `seed ${seed}`);
    }
  },
);
function waited(scenario: Scenario): Appended | Trouble | null {
  const told = scenario.told[scenario.told.length - 1] as Told;
  scenario.cluster.runUntil(() => told.answer !== null, 15_000);
  return told.answer;
}

Clients('are told KEY_REUSED for a key with another body, in flight or long done, at every node (§8)', () => {
  const scenario = Scenario.up();
  const first = { key: { key: 'k', bodyHash: hash(1) } };
  const other = { key: { key: 'k', bodyHash: hash(2) } };
  const one = scenario.write(1, first);
  const two = scenario.write(2, other);
  scenario.cluster.runUntil(() => one.answer !== null && two.answer !== null);
  assert.equal([codeOf(one.answer), codeOf(two.answer)].sort(), ['KEY_REUSED', 'done']);
  const winner = one.answer?.kind === 'done' ? first : other;
  for (const at of three) {
    assert.is(codeOf(scenario.written(at, winner === first ? other : first)), 'KEY_REUSED');
    // The same key and hash with another number of messages is another body as well.
    assert.is(codeOf(scenario.written(at, winner, 2)), 'KEY_REUSED');
  }
  assert.is(scenario.cluster.messages(1).length, 1);
});

Clients('may use a key again when it has expired, and never get an old answer for it (§8 K1)', () => {
  const scenario = Scenario.up({ keptEntries: 30, timing: calm });
  const { cluster } = scenario;
  const more = { key: { key: 'k', bodyHash: hash(1) } };
  const first = doneOf(scenario.written(1, more));
  for (let i = 0; i < 10; i++) scenario.written(1);
  assert.is(doneOf(scenario.writeText(2, ['k'], more).answer ?? waited(scenario)).firstId, first.firstId);
  for (let i = 0; i < 40; i++) scenario.written(2);
  const again = doneOf(scenario.writeText(3, ['k again'], more).answer ?? waited(scenario));
  assert.not.ok(again.repeated);
  assert.is(again.firstId, 52);
  // The tables of all nodes are the same after a restart as well.
  for (const id of three) cluster.kill(id);
  restart(scenario);
  for (const id of three)
    assert.is(doneOf(scenario.writeText(id, ['k again'], more).answer ?? waited(scenario)).firstId, 52, `node ${id}`);
});

Clients('do not know what became of a write whose key expired while it was on its way (§8: KEY_EXPIRED)', () => {
  const scenario = Scenario.up({ keptEntries: 10, timing: calm });
  const { cluster } = scenario;
  cluster.network.cut(1, 3);
  cluster.network.cut(1, 2);
  const told = scenario.write(1, { key: { key: 'late', bodyHash: hash(1) }, timeoutMs: 20_000 });
  for (let i = 0; i < 30; i++) scenario.written(2);
  cluster.network.heal();
  cluster.runUntil(() => told.answer !== null, 20_000);
  assert.is(codeOf(told.answer), 'KEY_EXPIRED', scenario.because('its first try is older than the table'));
  assert.is(told.answer?.kind === 'trouble' && told.answer.outcome, 'unknown');
  assert.equal(scenario.verdict(), []);
});

Clients('read what they wrote at every node by their token, which waits, and says when it waited in vain (§8)', () => {
  const scenario = Scenario.up({ timing: calm });
  const { cluster } = scenario;
  for (let i = 0; i < 20; i++) {
    const wrote = doneOf(scenario.written(((i * 2) % 3) + 1));
    for (const at of three) {
      const point = scenario.read(at, { lamportTime: wrote.firstLamport });
      assert.ok(point.kind === 'ready' && point.lastId >= wrote.firstId, `node ${at} does not show ${wrote.firstId}`);
      assert.ok(point.lastLamport >= wrote.firstLamport);
    }
  }
  cluster.network.isolate(1);
  const wrote = doneOf(scenario.written(2));
  const since = scenario.now;
  const late = scenario.read(1, { lamportTime: wrote.firstLamport, timeoutMs: 700 });
  assert.is(codeOf(late), 'LOG_NOT_CAUGHT_UP');
  assert.ok(scenario.now - since > 699 && scenario.now - since < 800, `after ${scenario.now - since} ms`);
  const early = scenario.written(1, { lamportTime: wrote.firstLamport, timeoutMs: 700 });
  assert.is(codeOf(early), 'LOG_NOT_CAUGHT_UP');
  assert.is(early.kind === 'trouble' && early.outcome, 'not_done');
  // Without a token it serves what it has.
  assert.is(scenario.read(1).kind, 'ready');
  const waiting = { answer: null as ReadPoint | Trouble | null };
  cluster.readPoint(1, { lamportTime: wrote.firstLamport }, (answer) => Object.assign(waiting, { answer }));
  scenario.run(200);
  cluster.network.heal();
  cluster.runUntil(() => waiting.answer !== null);
  assert.is(codeOf(waiting.answer), 'ready');
});

Clients('cannot move the clock with a token: a future one waits, an absurd one is refused (§8, §9)', () => {
  const scenario = Scenario.up();
  const { cluster } = scenario;
  const before = cluster.node(1).facade.status().lamportTime;
  for (const at of three) {
    assert.is(codeOf(scenario.read(at, { lamportTime: Number.MAX_SAFE_INTEGER })), 'LAMPORT_TIME_ABSURD');
    assert.is(codeOf(scenario.written(at, { lamportTime: 2 ** 52 })), 'LAMPORT_TIME_ABSURD');
    assert.is(codeOf(scenario.read(at, { lamportTime: 2 ** 31, timeoutMs: 100 })), 'LOG_NOT_CAUGHT_UP');
    assert.is(codeOf(scenario.written(at, { lamportTime: 2 ** 31, timeoutMs: 100 })), 'LOG_NOT_CAUGHT_UP');
  }
  const wrote = doneOf(scenario.written(1));
  assert.ok(wrote.firstLamport < before + 10_000, `Lamport time ${before} became ${wrote.firstLamport}`);
});

/**
 * Clients that read linearizably all the time at all nodes; each answer is compared with what had been acknowledged
 * to anybody before the read began.
 */
class Readers {
  readonly scenario: Scenario;
  answered = 0;
  refused = 0;
  readonly stale: string[] = [];
  #isOver = false;

  constructor(scenario: Scenario, dice: SeededDice, everyMs: number) {
    this.scenario = scenario;
    const next = (): void => {
      if (this.#isOver) return;
      this.#read(dice.pick(scenario.cluster.voters), dice.pick([100, 400, 2000]));
      scenario.cluster.clock.setTimeout(next, everyMs * 2 * dice.next());
    };
    next();
  }
  #read(at: NodeId, timeoutMs: number): void {
    const { scenario } = this;
    const { cluster } = scenario;
    if (!cluster.isUp(at) || !cluster.node(at).facade.status().serving) return;
    const acknowledged = scenario.told.reduce(
      (highest, { answer }) => (answer?.kind === 'done' ? Math.max(highest, answer.firstId) : highest),
      0,
    );
    const askedAt = scenario.now;
    cluster.readPoint(at, { linearizable: true, timeoutMs }, (answer) => {
      if (answer.kind === 'trouble') this.refused++;
      else this.answered++;
      if (answer.kind === 'ready' && answer.lastId < acknowledged)
        this.stale.push(`node ${at}, asked at ${askedAt.toFixed(1)}: ${answer.lastId} after ${acknowledged}`);
    });
  }
  stop(): void {
    this.#isOver = true;
  }
}

Clients('never get a stale answer to a linearizable read, whatever is paused, cut, killed or held up (§6)', () => {
  let answered = 0;
  let refused = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const dice = new SeededDice(`reads ${seed}`);
    const scenario = Scenario.up({ seed, timing: { ...defaultTiming, stableMs: 300 }, jitterMs: 1 });
    const { cluster } = scenario;
    scenario.writeAlways(7, { timeoutMs: 1000 });
    const readers = new Readers(scenario, dice.fork('readers'), 3);
    for (let i = 0; i < 14; i++) {
      scenario.run(dice.between(30, 300));
      const leader = cluster.leader ?? 3;
      const what = dice.int(7);
      if (what === 0) cluster.pause(leader);
      else if (what === 1) cluster.network.isolate(leader);
      else if (what === 2) {
        // Its followers' answers are late: they may be of a time before another leader was there.
        for (const id of three) if (id !== leader) cluster.network.strand(id, leader, dice.between(100, 900));
      } else if (what === 3 && cluster.isUp(leader)) cluster.crash(leader);
      else if (what === 4) cluster.network.cut(leader, dice.pick(three), { oneWay: true });
      else {
        cluster.network.heal();
        for (const id of three) {
          cluster.resume(id);
          if (!cluster.isUp(id)) cluster.start(id);
        }
      }
    }
    readers.stop();
    assert.equal(readers.stale, [], scenario.because(`seed ${seed}`));
    answered += readers.answered;
    refused += readers.refused;
    scenario.stopWriting();
    restart(scenario);
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
  }
  assert.ok(answered > 1500, `${answered} reads were answered, ${refused} refused`);
  assert.ok(refused > 20, `${refused} reads were refused: nothing was broken enough`);
});

Clients('get no linearizable answer from a leader that was paused or cut off while others wrote (§6, R16)', () => {
  for (const how of ['paused', 'cut off', 'unheard'] as const)
    for (let seed = 1; seed <= 3; seed++) {
      const scenario = Scenario.up({ seed, timing: calm });
      const { cluster } = scenario;
      scenario.written(1);
      if (how === 'paused') cluster.pause(3);
      else if (how === 'cut off') cluster.network.isolate(3);
      else for (const id of [1, 2]) cluster.network.cut(3, id, { oneWay: true });
      const answers: (ReadPoint | Trouble)[] = [];
      const ask = (): void =>
        cluster.readPoint(3, { linearizable: true, timeoutMs: 3000 }, (answer) => void answers.push(answer));
      ask();
      assert.is(cluster.settleLeader(2), 2, scenario.because(how));
      const newest = doneOf(scenario.written(1)).firstId;
      ask();
      scenario.run(100);
      if (how === 'paused') {
        cluster.resume(3);
        ask();
      }
      scenario.run(4000);
      for (const answer of answers)
        assert.ok(
          answer.kind === 'trouble' || answer.lastId >= newest,
          scenario.because(`${how}: ${JSON.stringify(answer)}`),
        );
      assert.is(answers.length, how === 'paused' ? 3 : 2);
    }
});

Clients(
  'get a linearizable read right after a failover as soon as the barrier is committed, with everything in it (R6, §6)',
  () => {
    for (let seed = 1; seed <= 4; seed++) {
      const scenario = Scenario.up({ seed, timing: calm });
      const { cluster } = scenario;
      for (let i = 0; i < 10; i++) scenario.write(1);
      scenario.run(50);
      cluster.kill(3);
      const newest = scenario.done().length;
      for (const at of [1, 2]) {
        const point = scenario.read(at, { linearizable: true, timeoutMs: 3000 });
        assert.ok(point.kind === 'ready' && point.lastId >= newest, scenario.because(`node ${at}: ${codeOf(point)}`));
      }
      cluster.kill(2);
      assert.is(codeOf(scenario.read(1, { linearizable: true, timeoutMs: 800 })), 'NO_LEADER');
    }
  },
);

/** Of each message its `seen`, as the log has it. */
function seenOf(
  cluster: SimulatedCluster,
  id: NodeId,
): readonly { id: number; seen: number; origin: NodeId; n: number }[] {
  const found: { id: number; seen: number; origin: NodeId; n: number }[] = [];
  const { root } = cluster.node(id);
  let batches: readonly Batch[] = [];
  root.system.get('pipeline').send({
    type: 'messages.read',
    afterId: 0,
    maxBytes: 1e9,
    reply: (read: readonly Batch[]) => {
      batches = read;
    },
  });
  cluster.run(100);
  for (const batch of batches)
    for (const { write, firstId } of batch.writes())
      for (const i of write.contents.keys())
        found.push({ id: firstId + i, seen: write.seen, origin: write.tag.origin, n: write.tag.n });
  return found;
}

Clients('find in `seen` what came before what: never itself, and everything that its writer had read (§8)', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const dice = new SeededDice(`seen ${seed}`);
    const scenario = Scenario.up({ seed, timing: { ...defaultTiming, stableMs: 300 } });
    const { cluster } = scenario;
    const known: { readonly told: Told; readonly read: number }[] = [];
    for (let i = 0; i < 150; i++) {
      const at = dice.pick(three);
      if (cluster.isUp(at) && cluster.node(at).facade.status().serving) {
        const point = cluster.node(at).facade.status().lastId;
        known.push({ told: scenario.write(at, {}, 1 + dice.int(3)), read: point });
        // A reader of node `at` writes at another one, with its token.
        const { firstLamport, firstId } = latest(scenario);
        const other = dice.pick(three);
        if (firstId && cluster.isUp(other) && cluster.node(other).facade.status().serving)
          known.push({ told: scenario.write(other, { lamportTime: firstLamport }), read: firstId });
      }
      scenario.run(dice.between(0, 15));
      if (i === 60) cluster.crash(3);
      if (i === 90) cluster.start(3);
    }
    scenario.run(12_000);
    assert.equal(scenario.verdict(), [], `seed ${seed}`);
    const log = seenOf(cluster, 1);
    const byId = new Map(log.map((message) => [message.id, message]));
    assert.ok(log.length > 200);
    for (const { id, seen } of log) assert.ok(seen < id, `message ${id} has seen ${seen}`);
    for (const { told, read } of known) {
      if (told.answer?.kind !== 'done') continue;
      const message = byId.get(told.answer.firstId);
      assert.ok(
        message && message.seen >= read,
        `message ${message?.id} has seen ${message?.seen}, its writer ${read}`,
      );
      assert.is(message?.seen, told.answer.seen, 'the answer says what the log says');
    }
  }
});
function latest(scenario: Scenario): { readonly firstId: number; readonly firstLamport: number } {
  const done = scenario.done();
  return done.length === 0 ? { firstId: 0, firstLamport: 0 } : doneOf((done[done.length - 1] as Told).answer);
}

Clients('can read at a minority, and write nothing there (§6, R10)', () => {
  const scenario = Scenario.up({ timing: calm });
  const { cluster } = scenario;
  for (let i = 0; i < 10; i++) scenario.written(1);
  scenario.run(100);
  cluster.network.isolate(1);
  scenario.run(1000);
  assert.is(cluster.messages(1).length, 10);
  assert.is(scenario.read(1).kind, 'ready');
  assert.is(codeOf(scenario.read(1, { linearizable: true, timeoutMs: 500 })), 'NO_LEADER');
  const refused = scenario.written(1, { timeoutMs: 500 });
  assert.is(codeOf(refused), 'NO_LEADER');
  assert.is(refused.kind === 'trouble' && refused.outcome, 'not_done');
  cluster.kill(2);
  scenario.run(2000);
  for (const id of [1, 3]) {
    assert.is(cluster.messages(id).length, 10, `node ${id}`);
    assert.is(codeOf(scenario.written(id, { timeoutMs: 300 })), 'NO_LEADER');
  }
});

Clients('still see at a restarted minority node what it had shown (PROTOCOL §2: the commit is in the frames)', () => {
  for (const left of three)
    for (const how of ['kill', 'power'] as const) {
      const scenario = Scenario.up({ timing: calm });
      const { cluster } = scenario;
      for (let i = 0; i < 30; i++) scenario.written(1 + (i % 3));
      scenario.run(500); // Quiet: the marker with the newest commit gets written.
      for (const id of three) {
        if (how === 'kill') cluster.kill(id);
        else cluster.crash(id);
      }
      cluster.start(left);
      scenario.run(3000);
      assert.is(cluster.messages(left).length, 30, scenario.because(`node ${left}, ${how}`));
      assert.is(scenario.read(left).kind, 'ready');
    }
});

Clients('what no reader of the log would take back is no write', () => {
  const { cluster } = Scenario.up({ seed: 1 });
  const { facade } = cluster.node(2);
  const contents = [Buffer.from('a')];
  const key = (text: string) => ({ contents, timeoutMs: 1000, key: { key: text, bodyHash: hash(1) } });
  for (const request of [
    { contents: [], timeoutMs: 1000 },
    { contents: Array.from({ length: 10_001 }, () => Buffer.from('a')), timeoutMs: 1000 },
    key(''),
    key('é'.repeat(65)),
  ])
    assert.throws(
      () => facade.append(request),
      (error: unknown) => error instanceof RangeError,
    );
});

Clients.run();
