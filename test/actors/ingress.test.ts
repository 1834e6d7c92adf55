/** The desk for client writes: R10, R24. When one is sent again: ingress/sends.test.ts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Appended, Trouble } from '../../actors/facade.ts';
import { readWrite } from '../../actors/protocol/batch.ts';
import { ByteReader } from '../../actors/protocol/bytes.ts';
import { lamportGuard } from '../../actors/token.ts';
import { e } from '../support/actorWorld.ts';
import { aDesk, e1, WriteDesk } from '../support/writeDesk.ts';

const Sending = suite('ingress: to whom a write goes, and when (R24)');

Sending('nowhere before the leader has greeted on this connection', () => {
  const desk = new WriteDesk();
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
  const desk = new WriteDesk();
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

Sending('more at once to a leader whose pings come back promptly although its window is full', () => {
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
  const desk = new WriteDesk();
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
  const desk = new WriteDesk();
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

Waiting('a token beyond the guard is refused (§8)', () => {
  const desk = aDesk();
  assert.is(desk.ask({ lamportTime: lamportGuard + 1 }).outcome, 'LAMPORT_TIME_ABSURD not_done');
  assert.is(desk.ask({ lamportTime: lamportGuard }).outcome, 'waits');
  assert.is(desk.ask({ lamportTime: Number.MAX_SAFE_INTEGER }).outcome, 'LAMPORT_TIME_ABSURD not_done');
});

Waiting('a shedding gate refuses all, a throttled one what is bulky, a full disk everything', () => {
  const desk = new WriteDesk();
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
  const desk = new WriteDesk();
  const flows = (): string[] => desk.ear.to('gateway').map(({ type }) => type);
  const text = 'x'.repeat(2 * 1024 * 1024);
  for (let i = 0; i < 4; i++) desk.ask({ text, timeoutMs: 100 });
  assert.equal(flows(), ['flow.high']);
  for (let i = 0; i < 2; i++) desk.receive({ type: 'gate.changed', gate: 'open' });
  desk.advance(120);
  assert.equal(flows(), ['flow.high', 'flow.low']);
});

Waiting('is bounded in bytes whatever the gate says, until the low mark is reached again', () => {
  const desk = new WriteDesk();
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
  const desk = new WriteDesk();
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
  const desk = new WriteDesk();
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
