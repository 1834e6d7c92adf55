/** The Lamport clock of a node (Lamport 1978; PROTOCOL §9). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LamportClock, maxPeerLamport } from '../../actors/clock.ts';
import type { WireEvent } from '../../actors/events.ts';
import { Trace } from '../../actors/observer/trace.ts';
import type { Frame } from '../../actors/protocol/frames.ts';
import { aScope, type Ear } from '../support/actorWorld.ts';
import { SeededDice } from '../support/dice.ts';
import { aPing } from '../support/pipelineWorld.ts';

const Clock = suite('Lamport clock');

function aClock(lamport = 0): { clock: LamportClock; ear: Ear } {
  const { scope, ear } = aScope();
  const trace = new Trace(1, { now: () => 0 });
  return { clock: new LamportClock({ lamport, trace }, scope), ear };
}
const probe: Frame = { kind: 'probe', nonce: 1 };
const ping: Frame = aPing();
const hello = { kind: 'hello' } as Frame;
const greeted: Frame = { kind: 'greeted', epoch: 0, appended: 0, last: 0 };
const proposal: Frame = { kind: 'proposal', clusterId: 'c', roster: new Map() };
const watch: Frame = { kind: 'watch', wanted: { trace: true, actors: true, oneOf: 1 } };
const view: Frame = { kind: 'view', bytes: Buffer.from('{}') };

const sendIt = (clock: LamportClock, frame: Frame): void => clock.receive({ type: 'frame.send', peer: 2, frame });
const receiveIt = (clock: LamportClock, frame: Frame, lamport: number): void =>
  clock.receive({ type: 'frame.received', peer: 2, connection: 1, frame, lamport, roundTripSentAt: -1, rttMs: -1 });

Clock('work that is sent carries a time of its own (A2)', () => {
  const { clock, ear } = aClock(10);
  sendIt(clock, probe);
  sendIt(clock, probe);
  assert.equal(
    ear.told.map(({ to, event }) => [to, (event as Extract<WireEvent, { type: 'frame.out' }>).lamport]),
    [
      ['wire:2', 11],
      ['wire:2', 12],
    ],
  );
});

Clock('pings, greetings and looking are no event of the log: they carry the time and do not move it (A2)', () => {
  for (const frame of [ping, hello, greeted, proposal, watch, view]) {
    const { clock } = aClock(10);
    sendIt(clock, frame);
    assert.is(clock.time, 10, frame.kind);
    receiveIt(clock, frame, 15);
    assert.is(clock.time, 15, frame.kind);
    receiveIt(clock, frame, 3);
    assert.is(clock.time, 15, frame.kind);
  }
});

Clock('what is received is after what was sent, and after all that happened here (A2)', () => {
  const { clock } = aClock(10);
  receiveIt(clock, probe, 40);
  assert.is(clock.time, 41);
  receiveIt(clock, probe, 3);
  assert.is(clock.time, 42);
});

Clock('a batch gets one time an entry, behind the clock and behind the log', () => {
  const { clock, ear } = aClock(10);
  clock.receive({ type: 'batch.stamp', epoch: 5, count: 3, floor: 7 });
  assert.is(clock.time, 13);
  clock.receive({ type: 'batch.stamp', epoch: 5, count: 2, floor: 100 });
  assert.is(clock.time, 102);
  assert.equal(ear.named('pipeline', 'batch.stamped'), [
    { type: 'batch.stamped', epoch: 5, firstLamport: 11 },
    { type: 'batch.stamped', epoch: 5, firstLamport: 101 },
  ]);
});

Clock('no peer moves it beyond 2^52 (§9, guard)', () => {
  const { clock } = aClock(1);
  receiveIt(clock, ping, Number.MAX_SAFE_INTEGER);
  assert.is(clock.time, maxPeerLamport);
  receiveIt(clock, probe, Number.MAX_SAFE_INTEGER);
  assert.is(clock.time, maxPeerLamport + 1);
  assert.is(maxPeerLamport, 2 ** 52);
});

Clock('the number never goes back, and no two events of this node have the same (A1)', () => {
  const dice = new SeededDice('lamport');
  const { clock, ear } = aClock(5);
  let before = clock.time;
  for (let i = 0; i < 3000; i++) {
    const what = dice.int(4);
    const quiet = dice.chance(0.5);
    if (what < 2) sendIt(clock, quiet ? ping : probe);
    else if (what === 2) receiveIt(clock, quiet ? ping : probe, dice.int(i * 3 + 1));
    else clock.receive({ type: 'batch.stamp', epoch: 1, count: 1 + dice.int(5), floor: dice.int(i * 3 + 1) });
    assert.ok(clock.time >= before + (quiet && what < 3 ? 0 : 1));
    before = clock.time;
  }
  const firsts = ear.named('pipeline', 'batch.stamped').map(({ firstLamport }) => firstLamport);
  for (let i = 1; i < firsts.length; i++) assert.ok((firsts[i] as number) > (firsts[i - 1] as number));
});

Clock('hands each frame to the actor that deals with it', () => {
  const expected = {
    formation: ['hello', 'proposal'],
    election: ['ping', 'probe', 'probeOk', 'probeNo', 'prepare', 'promise', 'nack', 'handover'],
    pipeline: ['fetch', 'fetchBack', 'gone', 'data', 'append', 'ack', 'reject', 'forward', 'readIndex'],
    ingress: ['forwardOk', 'forwardNo'],
    sessions: ['readIndexOk', 'readIndexNo'],
    observer: ['watch', 'view'],
  };
  for (const [actor, kinds] of Object.entries(expected)) {
    for (const kind of kinds) {
      const { clock, ear } = aClock();
      receiveIt(clock, { kind } as Frame, 1);
      assert.equal(ear.story, [`${actor}:${kind}.received`]);
    }
  }
  const { clock, ear } = aClock();
  receiveIt(clock, greeted, 1);
  assert.equal(ear.story, [], 'the link has it already');
});

Clock.run();
