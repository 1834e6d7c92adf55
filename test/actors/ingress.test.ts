/** The desk for client writes: R10, R10a, R24. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IngressEvent } from '../../actors/events.ts';
import type { Appended, AppendRequest, Trouble } from '../../actors/facade.ts';
import { Ingress, lamportGuard } from '../../actors/ingress.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import { readWrite } from '../../actors/protocol/batch.ts';
import { ByteReader } from '../../actors/protocol/bytes.ts';
import type { Epoch, NodeId } from '../../actors/protocol/epoch.ts';
import { aBatch, aScope, aWrite, type Before, type Ear, e, nothingBefore } from '../support/actorWorld.ts';
import { SeededDice } from '../support/dice.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const e1 = e(1, 3);
const e2 = e(2, 2);

interface Asked {
  readonly answers: (Appended | Trouble)[];
  /** 'waits', 'done', or the code and the outcome of the trouble. */
  readonly outcome: string;
}

/** Node 1 and its clients. Sends and deadlines are delivered as their timers fire. */
class Desk {
  readonly clock = new VirtualClock(1000);
  readonly ear: Ear;
  readonly ingress: Ingress;
  before: Before = nothingBefore;
  #seen = 0;

  constructor() {
    const { scope, ear } = aScope();
    this.ear = ear;
    this.ingress = new Ingress(
      { self: 1, boot: 1, clock: this.clock, wallClock: { now: () => 5000 }, commit: 0, commitLamport: 0, lastId: 0 },
      scope,
    );
    this.receive({ type: 'gate.changed', gate: 'open' });
  }

  receive(event: IngressEvent): void {
    this.ingress.receive(event);
    this.#play();
  }
  #play(): void {
    for (; this.#seen < this.ear.told.length; this.#seen++) {
      const told = this.ear.told[this.#seen];
      if (told?.to === 'ingress') this.ingress.receive(told.event as IngressEvent);
    }
  }
  advance(ms: number): void {
    const end = this.clock.now() + ms;
    while (this.clock.nextAt <= end) {
      this.clock.runNext();
      this.#play();
    }
    this.clock.runUntil(end);
  }

  ask(more: Partial<AppendRequest> & { readonly text?: string } = {}): Asked {
    const answers: (Appended | Trouble)[] = [];
    const request = { contents: [Buffer.from(more.text ?? 'text')], timeoutMs: 1000, ...more };
    this.receive({ type: 'write.requested', request, settle: (outcome) => answers.push(outcome) });
    this.advance(0);
    return {
      answers,
      get outcome() {
        const [answer] = answers;
        if (!answer) return 'waits';
        return answer.kind === 'done' ? 'done' : `${answer.code} ${answer.outcome}`;
      },
    };
  }

  lead(leader: NodeId | null, epoch: Epoch): void {
    this.receive({ type: 'leader.changed', leader, epoch, established: true });
    this.advance(0);
  }
  greet(peer: NodeId, key: number, epoch: Epoch = 0, appended = 0, last = 0): void {
    this.receive({ type: 'peer.greeted', peer, key, greeted: { kind: 'greeted', epoch, appended, last } });
    this.advance(0);
  }
  gone(peer: NodeId): void {
    this.receive({ type: 'peer.disconnected', peer, byThisSide: false });
  }
  no(n: number, certain: boolean, reason: 'notLeader' | 'overloaded' = 'notLeader', peer = 3): void {
    const frame = { kind: 'forwardNo', ns: [n], certain, reason } as const;
    this.receive({ type: 'forwardNo.received', peer, connection: 1, frame });
  }
  ok(n: number, firstId = 10, peer = 3): void {
    const frame = { kind: 'forwardOk', results: [{ n, firstId, firstLamport: 20, earlier: null }] } as const;
    this.receive({ type: 'forwardOk.received', peer, connection: 1, frame });
  }
  /** A batch became committed: a barrier, or these sends of this node. */
  commit(
    epoch: Epoch,
    what: 'barrier' | readonly { readonly n: number; readonly boot?: number; readonly origin?: number }[],
  ): Batch {
    const batch = aBatch(this.before, epoch, what === 'barrier' ? what : what.map((tag) => aWrite(tag)));
    this.before = batch;
    this.receive({
      type: 'commit.advanced',
      commit: batch.endIndex,
      lamport: batch.endLamport,
      lastId: batch.nextId - 1,
      batches: [batch],
    });
    this.advance(0);
    return batch;
  }

  /** The n of everything that was forwarded or submitted, in order. */
  get sends(): number[] {
    const forwarded = this.ear.framesOf('forward').flatMap(({ writes }) => writes);
    const submitted = this.ear.named('pipeline', 'write.submitted').flatMap(({ writes }) => writes);
    return [...forwarded, ...submitted].map(({ write }) => write.tag.n);
  }
}

/** Node 3 leads in `e1` and was greeted on connection 5. */
function aDesk(): Desk {
  const desk = new Desk();
  desk.greet(3, 5);
  desk.lead(3, e1);
  return desk;
}

const Resolving = suite('ingress: when a send is resolved (R10a)');

Resolving('done by the answer', () => {
  const desk = aDesk();
  const asked = desk.ask();
  assert.equal(desk.sends, [1]);
  desk.ok(1, 33);
  assert.equal(asked.answers, [
    { kind: 'done', firstId: 33, firstLamport: 20, count: 1, nodeId: 1, seen: 0, physicalSeconds: 5, repeated: false },
  ]);
  desk.ok(1, 44);
  assert.is(asked.answers.length, 1);
});

Resolving('done by its own tag in the committed log, whoever leads by then', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.lead(2, e2);
  desk.commit(e1, [{ n: 1 }]);
  assert.is(asked.outcome, 'done');
});

Resolving('not by the same n of another origin or of an earlier boot', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.commit(e1, [{ n: 1, boot: 0 }]);
  desk.commit(e1, [{ n: 1, origin: 2 }]);
  assert.is(asked.outcome, 'waits');
});

Resolving('not done (a): the leader says so with certainty; then it is sent again with a fresh n', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.no(1, true);
  assert.equal(desk.sends, [1]);
  desk.advance(20);
  assert.equal(desk.sends, [1, 2]);
  desk.ok(1);
  assert.is(asked.outcome, 'waits', 'an answer to the first send means nothing any more');
  desk.ok(2);
  assert.is(asked.outcome, 'done');
});

Resolving('unknown when the leader is not certain', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.no(1, false);
  desk.advance(999);
  assert.equal(desk.sends, [1]);
  desk.advance(1);
  assert.is(asked.outcome, 'OUTCOME_UNKNOWN unknown');
});

Resolving('not done (b): a later leader’s barrier is committed without it', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.greet(2, 6);
  desk.lead(2, e2);
  assert.equal(desk.sends, [1], 'a new leader proves nothing yet');
  desk.commit(e2, 'barrier');
  assert.equal(desk.sends, [1, 2]);
  desk.ok(2, 1, 2);
  assert.is(asked.outcome, 'done');
});

Resolving('not (b) by the barrier of its own epoch', () => {
  const desk = aDesk();
  desk.ask();
  desk.commit(e1, 'barrier');
  assert.equal(desk.sends, [1]);
});

Resolving('done, when its tag stands below that barrier', () => {
  const desk = aDesk();
  const asked = desk.ask();
  const first = aBatch(nothingBefore, e1, [aWrite({ n: 1 })]);
  const barrier = aBatch(first, e2, 'barrier');
  desk.receive({ type: 'commit.advanced', commit: 2, lamport: 2, lastId: 1, batches: [first, barrier] });
  desk.advance(0);
  assert.is(asked.outcome, 'done');
  assert.equal(desk.sends, [1]);
});

Resolving('not done (c): the leader’s greeting on a newer connection never saw that n', () => {
  const desk = aDesk();
  desk.ask();
  desk.gone(3);
  desk.greet(3, 6, e1, 0, 50);
  assert.equal(desk.sends, [1, 2]);
});

Resolving('not (c) when that n was appended: it waits for the greeting’s `last`', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.gone(3);
  desk.greet(3, 6, e1, 1, 2);
  assert.equal(desk.sends, [1]);
  desk.commit(e1, 'barrier');
  assert.equal(desk.sends, [1], 'the own commit has not reached it');
  desk.commit(e1, [{ n: 9, origin: 2 }]);
  assert.equal(desk.sends, [1, 2], 'it has, and the tag is absent');
  assert.is(asked.outcome, 'waits');
});

Resolving('done, when it is found before the greeting’s `last`', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.gone(3);
  desk.greet(3, 6, e1, 1, 2);
  desk.commit(e1, [{ n: 1 }]);
  assert.is(asked.outcome, 'done');
  desk.commit(e1, 'barrier');
  assert.equal(desk.sends, [1]);
});

Resolving('not (c) by a greeting of another node, of another epoch, of none, or on the same connection', () => {
  const desk = aDesk();
  desk.ask();
  desk.greet(2, 7, e1, 0, 0);
  desk.greet(3, 8, e2, 0, 0);
  desk.greet(3, 9, 0, 0, 0);
  desk.greet(3, 5, e1, 0, 0);
  assert.equal(desk.sends, [1]);
});

Resolving('not done at the leader itself, when its own office ends before it was appended', () => {
  const desk = new Desk();
  desk.lead(1, e(1, 1));
  desk.ask();
  assert.equal(desk.sends, [1]);
  const answer = { kind: 'forwardNo', ns: [1], certain: true, reason: 'notLeader' } as const;
  desk.receive({ type: 'write.refused', answer });
  desk.advance(20);
  assert.equal(desk.sends, [1, 2]);
});

Resolving('there are never two unresolved sends of a write, and no n comes twice', () => {
  for (let seed = 0; seed < 60; seed++) {
    const dice = new SeededDice(`ingress ${seed}`);
    const desk = new Desk();
    const asked: Asked[] = [];
    /** What the world has done with each n: the test's own account. */
    const unresolved = new Set<number>();
    let round = 1;
    let key = 10;
    let leader = 0;
    let counted = 0;
    const epochOf = new Map<number, number>();
    for (let step = 0; step < 120; step++) {
      const what = dice.next();
      if (what < 0.25) asked.push(desk.ask({ timeoutMs: 100_000 }));
      else if (what < 0.4) {
        round++;
        leader = dice.pick([1, 2, 3]);
        desk.lead(leader, e(round, leader));
      } else if (what < 0.6) desk.greet(dice.pick([2, 3]), ++key);
      else if (what < 0.75 && unresolved.size > 0) {
        const n = dice.pick([...unresolved]);
        unresolved.delete(n);
        if (dice.chance(0.5)) desk.ok(n);
        else desk.no(n, true);
      } else if (what < 0.85) {
        desk.commit(e(round, leader || 1), 'barrier');
        for (const n of unresolved) if ((epochOf.get(n) ?? 0) < e(round, leader || 1)) unresolved.delete(n);
      } else desk.advance(dice.int(40));
      const { sends } = desk;
      assert.is(new Set(sends).size, sends.length, `seed ${seed}: an n came twice`);
      for (; counted < sends.length; counted++) {
        unresolved.add(sends[counted] as number);
        epochOf.set(sends[counted] as number, e(round, leader || 1));
      }
      const open = asked.filter(({ outcome }) => outcome === 'waits').length;
      assert.ok(unresolved.size <= open, `seed ${seed}, step ${step}: ${unresolved.size} sends of ${open} writes`);
      assert.ok(asked.every(({ answers }) => answers.length <= 1));
    }
  }
});

const Lanes = suite('ingress: writes of one lane keep their order');

const textsOf = (desk: Desk): string[] =>
  desk.ear
    .framesOf('forward')
    .flatMap(({ writes }) => writes)
    .map(({ write }) => readWrite(new ByteReader(write.bytes)).contents.join());

Lanes('what was taken back goes before what came later', () => {
  const desk = aDesk();
  const lane = {};
  desk.ask({ lane, text: 'a' });
  desk.ask({ lane, text: 'b' });
  desk.lead(2, e2);
  desk.ask({ lane, text: 'c' });
  desk.greet(2, 6);
  assert.equal(textsOf(desk), ['a', 'b'], 'c waits until it is known what became of a and b');
  desk.commit(e2, 'barrier');
  assert.equal(textsOf(desk), ['a', 'b', 'a', 'b', 'c']);
});

Lanes('a later write waits while an earlier one pauses', () => {
  const desk = aDesk();
  const lane = {};
  desk.ask({ lane, text: 'a' });
  desk.no(1, true);
  desk.ask({ lane, text: 'b' });
  desk.ask({ text: 'another' });
  assert.equal(textsOf(desk), ['a', 'another']);
  desk.advance(20);
  assert.equal(textsOf(desk), ['a', 'another', 'a', 'b']);
});

Lanes('a later write waits until the earlier ones of an older connection are resolved', () => {
  const desk = aDesk();
  const lane = {};
  const asked = ['a', 'b'].map((text) => desk.ask({ lane, text }));
  desk.gone(3);
  desk.greet(3, 7, e1, 1, 5);
  desk.ask({ lane, text: 'c' });
  // a was appended, b never came: but b and c must not overtake a, of which nobody knows yet whether it stays.
  assert.equal(textsOf(desk), ['a', 'b']);
  desk.commit(e1, [{ n: 1 }]);
  assert.is(asked[0]?.outcome, 'done');
  assert.equal(textsOf(desk), ['a', 'b', 'b', 'c']);
});

Lanes('behind the first that fails nothing is done', () => {
  const desk = aDesk();
  const lane = {};
  const first = desk.ask({ lane, text: 'a', timeoutMs: 500 });
  desk.lead(2, e2);
  desk.greet(2, 6);
  const second = desk.ask({ lane, text: 'b', timeoutMs: 5000 });
  desk.advance(500);
  assert.is(first.outcome, 'OUTCOME_UNKNOWN unknown');
  assert.is(second.outcome, 'OUTCOME_UNKNOWN not_done');
  assert.is(desk.ask({ lane, text: 'c' }).outcome, 'OUTCOME_UNKNOWN not_done');
  assert.equal(textsOf(desk), ['a']);
  assert.is(desk.ask({ text: 'another' }).outcome, 'waits');
});

Resolving.run();

const Sending = suite('ingress: to whom a write goes, and when (R24)');

Sending('nowhere before the leader has greeted on this connection', () => {
  const desk = new Desk();
  desk.lead(3, e1);
  desk.ask();
  assert.equal(desk.sends, []);
  desk.greet(3, 5);
  assert.equal(desk.sends, [1]);
  desk.gone(3);
  desk.ask();
  assert.equal(desk.sends, [1]);
});

Sending('stamped with the leader’s epoch, with a tag of its own', () => {
  const desk = aDesk();
  desk.ask({ text: 'hello' });
  const [frame] = desk.ear.framesOf('forward', 3);
  assert.is(frame?.epoch, e1);
  const write = readWrite(new ByteReader(frame?.writes[0]?.write.bytes as Buffer));
  assert.equal(write.tag, { origin: 1, boot: 1, n: 1 });
  assert.equal(write.contents.map(String), ['hello']);
  assert.equal(write.tag, frame?.writes[0]?.write.tag);
});

Sending('to the own pipeline when this node leads', () => {
  const desk = new Desk();
  desk.lead(1, e(1, 1));
  desk.ask();
  assert.is(desk.ear.named('pipeline', 'write.submitted')[0]?.epoch, e(1, 1));
});

Sending('what came together goes together', () => {
  const desk = aDesk();
  for (let i = 0; i < 5; i++)
    desk.receive({
      type: 'write.requested',
      request: { contents: [Buffer.from('x')], timeoutMs: 100 },
      settle: () => undefined,
    });
  desk.advance(0);
  assert.equal(
    desk.ear.framesOf('forward').map(({ writes }) => writes.length),
    [5],
  );
});

Sending('no more than a window to a peer, and on as answers come', () => {
  const desk = aDesk();
  for (let i = 0; i < 10; i++) desk.ask({ text: 'x'.repeat(200_000), timeoutMs: 60_000 });
  assert.is(desk.sends.length, 2, '512 KiB');
  desk.ok(1);
  desk.ok(2);
  desk.advance(0);
  assert.is(desk.sends.length, 4);
});

Sending('more at once to a leader whose pings come back promptly although its window is full (A3)', () => {
  const desk = aDesk();
  for (let i = 0; i < 20; i++) desk.ask({ text: 'x'.repeat(200_000), timeoutMs: 60_000 });
  desk.receive({ type: 'leader.measured', rttMs: 154 });
  desk.ok(1);
  desk.advance(0);
  assert.is(desk.sends.length - 1, 5, '1 MiB is under way');
  for (let i = 0; i < 3; i++) desk.receive({ type: 'leader.measured', rttMs: 500 });
  desk.ok(2);
  desk.advance(0);
  assert.is(desk.sends.length - 2, 4, 'held up: no more until less is under way');
});

Sending('one larger than the window goes alone', () => {
  const desk = aDesk();
  desk.ask({ text: 'x'.repeat(3 * 1024 * 1024), timeoutMs: 60_000 });
  desk.ask();
  assert.equal(desk.sends, [1]);
  desk.ok(1);
  desk.advance(0);
  assert.equal(desk.sends, [1, 2]);
});

Sending('`seen` and the first try’s commit stay what they were over resends', () => {
  const desk = aDesk();
  desk.commit(e1, [{ n: 100, origin: 2 }]);
  desk.ask();
  desk.commit(e1, [{ n: 101, origin: 2 }]);
  desk.no(1, true);
  desk.advance(20);
  const writes = desk.ear.framesOf('forward').flatMap((frame) => frame.writes);
  assert.equal(
    writes.map(({ firstTryCommit }) => firstTryCommit),
    [1, 1],
  );
  assert.equal(
    writes.map(({ write }) => readWrite(new ByteReader(write.bytes)).seen),
    [1, 1],
  );
});

Sending.run();

const Waiting = suite('ingress: what waits, for how long, and how much');

Waiting('at its deadline a write that was never sent is not done', () => {
  const desk = new Desk();
  const asked = desk.ask({ timeoutMs: 300 });
  desk.advance(299);
  assert.is(asked.outcome, 'waits');
  desk.advance(1);
  assert.is(asked.outcome, 'NO_LEADER not_done');
  desk.lead(3, e1);
  desk.greet(3, 5);
  desk.advance(100);
  assert.equal(desk.sends, []);
});

Waiting('at its deadline one with an unresolved send is unknown', () => {
  const desk = aDesk();
  const asked = desk.ask({ timeoutMs: 300 });
  desk.advance(300);
  assert.is(asked.outcome, 'OUTCOME_UNKNOWN unknown');
  desk.ok(1);
  desk.commit(e1, [{ n: 1 }]);
  assert.is(asked.answers.length, 1);
});

Waiting('one whose only send was certainly not done is not done', () => {
  const desk = aDesk();
  const asked = desk.ask({ timeoutMs: 10 });
  desk.no(1, true);
  desk.advance(10);
  assert.is(asked.outcome, 'LEADER_UNREACHABLE not_done');
});

Waiting('each has a deadline of its own', () => {
  const desk = new Desk();
  const [late, soon] = [desk.ask({ timeoutMs: 500 }), desk.ask({ timeoutMs: 100 })];
  desk.advance(120);
  assert.equal([late.outcome, soon.outcome], ['waits', 'NO_LEADER not_done']);
  desk.advance(400);
  assert.is(late.outcome, 'NO_LEADER not_done');
});

Waiting('a token holds a write back until the commit has reached it, barriers included', () => {
  const desk = aDesk();
  desk.ask({ lamportTime: 3 });
  assert.equal(desk.sends, []);
  desk.commit(e1, [
    { n: 100, origin: 2 },
    { n: 101, origin: 2 },
  ]);
  assert.equal(desk.sends, []);
  desk.commit(e1, 'barrier');
  assert.equal(desk.sends, [1]);
  const [write] = desk.ear.framesOf('forward').flatMap((frame) => frame.writes);
  assert.is(
    readWrite(new ByteReader(write?.write.bytes as Buffer)).seen,
    2,
    'what its client has seen is here as well',
  );
});

Waiting('a token that is never reached: not done', () => {
  const desk = aDesk();
  const asked = desk.ask({ lamportTime: 3, timeoutMs: 100 });
  desk.advance(100);
  assert.is(asked.outcome, 'LOG_NOT_CAUGHT_UP not_done');
});

Waiting('a token beyond the guard is refused (§9)', () => {
  const desk = aDesk();
  assert.is(desk.ask({ lamportTime: lamportGuard + 1 }).outcome, 'LAMPORT_TIME_ABSURD not_done');
  assert.is(desk.ask({ lamportTime: lamportGuard }).outcome, 'waits');
  assert.is(desk.ask({ lamportTime: Number.MAX_SAFE_INTEGER }).outcome, 'LAMPORT_TIME_ABSURD not_done');
});

Waiting('a shedding gate refuses all, a throttled one what is bulky, a full disk everything', () => {
  const desk = new Desk();
  const big = { text: 'x'.repeat(70_000) };
  for (const [gate, small, bulky] of [
    ['open', 'waits', 'waits'],
    ['waiting', 'waits', 'waits'],
    ['throttled', 'waits', 'OVERLOADED not_done'],
    ['shedding', 'OVERLOADED not_done', 'OVERLOADED not_done'],
    ['diskFull', 'DISK_FULL not_done', 'DISK_FULL not_done'],
  ] as const) {
    desk.receive({ type: 'gate.changed', gate });
    assert.is(desk.ask().outcome, small, gate);
    assert.is(desk.ask(big).outcome, bulky, gate);
    const whoever = desk.ingress.refusal();
    assert.is(whoever ? `${whoever.code} ${whoever.outcome}` : 'waits', small, `${gate}, before the size is known`);
  }
});

Waiting('tells the gateway when much waits, when too much does, and when it is over', () => {
  const desk = new Desk();
  const flows = (): string[] => desk.ear.to('gateway').map(({ type }) => type);
  const text = 'x'.repeat(2 * 1024 * 1024);
  for (let i = 0; i < 4; i++) desk.ask({ text, timeoutMs: 100 });
  assert.equal(flows(), ['flow.high']);
  for (let i = 0; i < 2; i++) desk.receive({ type: 'gate.changed', gate: 'open' });
  desk.advance(120);
  assert.equal(flows(), ['flow.high', 'flow.low']);
});

Waiting('is bounded in bytes whatever the gate says, until the low mark is reached again', () => {
  const desk = new Desk();
  const text = 'x'.repeat(60_000);
  let taken = 0;
  while (desk.ask({ text, timeoutMs: 1000 + (taken % 2) * 1000 }).outcome === 'waits' && taken < 5000) taken++;
  assert.ok(taken * 60_000 < 34 * 1024 * 1024, `${taken} were taken`);
  assert.equal(
    desk.ear.to('gateway').map(({ type }) => type),
    ['flow.high', 'flow.full'],
  );
  desk.advance(1050);
  assert.is(desk.ask({ text }).outcome, 'OVERLOADED not_done', 'half of it still waits');
  desk.advance(1050);
  assert.is(desk.ask({ text }).outcome, 'waits');
});

Waiting('is bounded in number', () => {
  const desk = new Desk();
  const request = { contents: [Buffer.alloc(0)], timeoutMs: 60_000 };
  let refused: Appended | Trouble | null = null;
  for (let i = 0; i < 66_000 && !refused; i++)
    desk.receive({ type: 'write.requested', request, settle: (outcome) => (refused = outcome) });
  assert.is((refused as unknown as Trouble)?.code, 'OVERLOADED');
});

Waiting('refusals of the leader are passed on with their certainty', () => {
  const desk = aDesk();
  const asked = desk.ask();
  desk.no(1, true, 'overloaded');
  assert.is(asked.outcome, 'OVERLOADED not_done');
});

Waiting('a node that stops answers what it holds, and takes nothing more', () => {
  const desk = new Desk();
  const held = desk.ask();
  desk.receive({ type: 'node.stopping' });
  assert.is(held.outcome, 'STOPPING not_done');
  assert.is(desk.ask().outcome, 'STOPPING not_done');
  const other = aDesk();
  const sent = other.ask();
  other.receive({ type: 'node.stopping' });
  assert.is(sent.outcome, 'waits', 'its answer may still come');
  other.ingress.stop();
  assert.is(sent.outcome, 'STOPPING unknown');
  other.advance(10_000);
  assert.is(sent.answers.length, 1);
});

Waiting.run();
Lanes.run();
