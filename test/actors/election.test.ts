/** The election's statechart, with a fake clock and neighbours that only listen: R1-R3a, R12-R20. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ElectionInput, election } from '../../actors/election.ts';
import { start } from '../../actors/protocol/epoch.ts';
import type { Frame, FrameKind, FrameOf, Ping } from '../../actors/protocol/frames.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { aLog, aMachine, at, e, type MachineWorld, noFailpoints } from '../support/actorWorld.ts';
import { aPing } from '../support/pipelineWorld.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const { suspectMs: TS, staggerMs: D, heartbeatMs: H, handoverMs: HO, stableMs } = defaultTiming;

class Voter {
  readonly world: MachineWorld<typeof election>;
  /** Who answers its pings. */
  answering: readonly number[] = [];
  /** What those say of themselves. */
  ping: Partial<Ping> = {};

  constructor(input: Partial<ElectionInput> = {}) {
    const clock = new VirtualClock(1000);
    this.world = aMachine(
      election,
      'election',
      {
        self: 2,
        voters: [1, 2, 3],
        priority: 0,
        timing: defaultTiming,
        promised: 0,
        position: start,
        bound: true,
        damaged: false,
        clock,
        dice: { next: () => 0.5 },
        failpoints: noFailpoints,
        log: aLog(),
        ...input,
      },
      clock,
    );
    this.answering = this.world.snapshot().context.voters.filter((id) => id !== this.self);
  }
  get self(): number {
    return this.world.snapshot().context.self;
  }
  get ear() {
    return this.world.ear;
  }
  get ballot() {
    return this.world.snapshot().context.ballot;
  }
  get state(): string {
    const { value } = this.world.snapshot();
    return typeof value === 'string' ? value : String((value as { inOffice: string }).inOffice);
  }
  receive(peer: number, frame: Frame): void {
    this.world.send({
      type: `${frame.kind}.received`,
      peer,
      connection: 1,
      frame,
      roundTripSentAt: this.world.clock.now(),
      rttMs: 0,
    } as never);
  }
  /** Time goes by, and who answers pings does so every few milliseconds. */
  advance(ms: number): void {
    const end = this.world.clock.now() + ms;
    for (;;) {
      for (const peer of this.answering) this.receive(peer, aPing(this.ping));
      const step = Math.min(5, end - this.world.clock.now());
      if (step <= 0) return;
      this.world.clock.advance(step);
    }
  }
  until(state: string, ms = 3000): void {
    for (let i = 0; i < ms && this.state !== state; i++) this.advance(1);
    assert.is(this.state, state);
  }
  persisted(epoch = this.ballot.promised, position = start): void {
    this.world.send({ type: 'promise.persisted', epoch, position, ms: 0 } as never);
  }
  /** Frames of one kind, as [peer, frame]. */
  sent<K extends FrameKind>(kind: K) {
    return this.ear
      .named('clock', 'frame.send')
      .filter(({ frame }) => frame.kind === kind)
      .map(({ peer, frame }) => [peer, frame as FrameOf<K>] as const);
  }
  get offices(): string[] {
    return this.ear.to('replicator').map(({ type }) => type);
  }

  /** Granted by its peers, promised by itself durably, and by node 1. */
  elect(): void {
    this.until('probing');
    for (const peer of this.answering) this.receive(peer, { kind: 'probeOk', nonce: this.ballot.nonce, seenEpoch: 0 });
    assert.is(this.state, 'candidate');
    this.persisted();
    this.receive(this.answering[0] as number, { kind: 'promise', epoch: this.ballot.promised, position: start });
    assert.is(this.state, 'establishing');
  }
  establish(): void {
    this.elect();
    this.world.send({ type: 'barrier.committed', epoch: this.ballot.promised } as never);
    assert.is(this.state, 'leading');
  }
}

const Start = suite('election: when a node probes (R13, R15, R19-R21)');

Start('waits out the boot grace, then its rank', () => {
  const highest = new Voter({ self: 3 });
  highest.advance(TS - 1);
  assert.is(highest.state, 'follower');
  highest.advance(10);
  assert.is(highest.state, 'probing');
  assert.equal(
    highest.sent('probe').map(([peer]) => peer),
    [1, 2],
  );
  const lowest = new Voter({ self: 1 });
  lowest.advance(TS + 2 * D - 5);
  assert.equal(lowest.sent('probe'), []);
  lowest.advance(10);
  assert.is(lowest.sent('probe').length, 2);
});

Start('does not probe without a majority that answers it', () => {
  const voter = new Voter();
  voter.answering = [];
  voter.advance(20 * TS);
  assert.equal(voter.sent('probe'), []);
  assert.is(voter.state, 'follower');
});

Start('does not probe while a leader pings', () => {
  const voter = new Voter({ promised: e(1, 3) });
  voter.ping = { leading: e(1, 3), promised: e(1, 3) };
  voter.advance(20 * TS);
  assert.equal(voter.sent('probe'), []);
  assert.equal(
    voter.ear.named('ingress', 'leader.changed').map(({ leader }) => leader),
    [3],
  );
});

Start('loses a silent leader after TS, not before, and says so', () => {
  const voter = new Voter({ promised: e(1, 3) });
  voter.answering = [1];
  voter.receive(3, aPing({ leading: e(1, 3) }));
  voter.advance(TS);
  assert.is(voter.ballot.leader?.id, 3);
  voter.advance(10);
  assert.is(voter.ballot.leader, null);
  assert.is(voter.ear.named('ingress', 'leader.changed').at(-1)?.leader, null);
});

Start('knows at once when the leader’s connection was closed by the other side (R19)', () => {
  const voter = new Voter({ promised: e(1, 3) });
  voter.receive(3, aPing({ leading: e(1, 3) }));
  voter.world.send({ type: 'peer.disconnected', peer: 3, byThisSide: true } as never);
  assert.is(voter.ballot.leader?.id, 3);
  voter.world.send({ type: 'peer.disconnected', peer: 1, byThisSide: false } as never);
  assert.is(voter.ballot.leader?.id, 3);
  voter.world.send({ type: 'peer.disconnected', peer: 3, byThisSide: false } as never);
  assert.is(voter.ballot.leader, null);
});

Start('suspects nobody after it was asleep itself (R20)', () => {
  const clock = new VirtualClock(1000);
  const due: (() => void)[] = [];
  let sleeping = false;
  const sleepy = {
    now: () => clock.now(),
    setTimeout: (callback: () => void, ms: number) =>
      clock.setTimeout(() => (sleeping ? void due.push(callback) : callback()), ms),
    clearTimeout: (id: unknown) => clock.clearTimeout(id),
  };
  const voter = new Voter({ promised: e(1, 3), clock: sleepy });
  const world = aMachine(
    election,
    'election',
    { ...voter.world.snapshot().context, clock: sleepy },
    sleepy as VirtualClock,
  );
  const hear = (): void =>
    world.send({
      type: 'ping.received',
      peer: 3,
      connection: 1,
      frame: aPing({ leading: e(1, 3) }),
      roundTripSentAt: clock.now(),
    } as never);
  hear();
  clock.advance(100);
  sleeping = true;
  clock.advance(5000);
  sleeping = false;
  for (const callback of due.splice(0)) callback();
  assert.is(world.snapshot().context.ballot.leader?.id, 3, 'its sockets may hold a ping');
  clock.advance(H - 5);
  assert.is(world.snapshot().context.ballot.leader?.id, 3);
  clock.advance(H);
  assert.is(world.snapshot().context.ballot.leader, null);
});

Start('a probe that nobody answers is made again, with a new nonce', () => {
  const voter = new Voter({ self: 3 });
  voter.until('probing');
  const first = voter.ballot.nonce;
  voter.advance(voter.ballot.timing.probingMs);
  assert.is(voter.state, 'follower');
  voter.until('probing');
  assert.ok(voter.ballot.nonce > first);
  voter.receive(1, { kind: 'probeOk', nonce: first, seenEpoch: 0 });
  assert.is(voter.state, 'probing', 'an answer to the first counts for nothing');
});

Start('who hears of a live leader gives up, who hears of a bully does not (R14)', () => {
  const voter = new Voter();
  voter.until('probing');
  const { nonce } = voter.ballot;
  voter.receive(3, { kind: 'probeNo', nonce, reason: 'bully', seenEpoch: 0 });
  assert.is(voter.state, 'probing');
  voter.receive(3, { kind: 'probeNo', nonce, reason: 'leader', seenEpoch: e(7, 1) });
  assert.is(voter.state, 'follower');
  assert.is(voter.ballot.seen, e(7, 1));
});

Start('probing changes no epoch (R13)', () => {
  const voter = new Voter({ promised: e(4, 1) });
  voter.until('probing');
  voter.advance(10);
  assert.is(voter.ballot.promised, e(4, 1));
});

Start.run();

const Campaign = suite('election: a campaign (R1-R5)');

Campaign('sends PREPARE only when its own promise is durable (R1, R2)', () => {
  const voter = new Voter({ promised: e(4, 1) });
  voter.until('probing');
  voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: e(9, 3) });
  assert.is(voter.state, 'candidate');
  assert.is(voter.ballot.promised, e(10, 2), 'above everything seen');
  assert.equal(voter.ear.named('replicator', 'office.halted').at(-1), {
    type: 'office.halted',
    promised: e(10, 2),
    isNew: true,
  });
  assert.equal(voter.sent('prepare'), []);
  voter.persisted(e(4, 1));
  assert.equal(voter.sent('prepare'), [], 'an older promise');
  voter.persisted();
  const prepare = { kind: 'prepare', epoch: e(10, 2), handover: null };
  assert.equal(voter.sent('prepare'), [
    [1, prepare],
    [3, prepare],
  ]);
});

Campaign('does not win by the promises of others before its own is durable (R4)', () => {
  const voter = new Voter();
  voter.until('probing');
  voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: 0 });
  for (const peer of [1, 3]) voter.receive(peer, { kind: 'promise', epoch: voter.ballot.promised, position: start });
  assert.is(voter.state, 'candidate');
  voter.persisted();
  assert.is(voter.state, 'establishing');
});

Campaign('wins with a majority, and begins with its own log when that is the best', () => {
  const voter = new Voter();
  voter.elect();
  assert.equal(voter.offices.slice(-1), ['office.leading']);
  assert.equal(voter.ear.named('ingress', 'leader.changed').at(-1), {
    type: 'leader.changed',
    leader: 2,
    epoch: voter.ballot.promised,
    established: false,
  });
});

Campaign('counts no promise of another epoch', () => {
  const voter = new Voter();
  voter.until('probing');
  voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: 0 });
  voter.persisted();
  for (const epoch of [e(0, 2), e(9, 2)]) voter.receive(1, { kind: 'promise', epoch, position: start });
  assert.is(voter.state, 'candidate');
});

Campaign('first adopts the most complete log (R5), and leads when that is done', () => {
  const voter = new Voter({ position: at(e(1, 1), 900) });
  voter.until('probing');
  voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: 0 });
  voter.persisted(voter.ballot.promised, at(e(1, 1), 900));
  voter.receive(3, { kind: 'promise', epoch: voter.ballot.promised, position: at(e(2, 3), 7) });
  assert.is(voter.state, 'adopting');
  assert.equal(voter.ear.to('replicator').at(-1), {
    type: 'office.adopting',
    epoch: voter.ballot.promised,
    donor: 3,
    target: at(e(2, 3), 7),
  });
  voter.world.send({ type: 'log.adopted', epoch: e(1, 2) - 65_536 } as never);
  assert.is(voter.state, 'adopting', 'that was of another epoch');
  voter.world.send({ type: 'log.adopted', epoch: voter.ballot.promised } as never);
  assert.is(voter.state, 'establishing');
});

Campaign('an adoption may take long while batches come, and ends when they stop or it failed', () => {
  const adopting = (): Voter => {
    const voter = new Voter();
    voter.until('probing');
    voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: 0 });
    voter.persisted();
    voter.receive(3, { kind: 'promise', epoch: voter.ballot.promised, position: at(e(2, 3), 7) });
    return voter;
  };
  const slow = adopting();
  for (let i = 0; i < 20; i++) {
    slow.advance(90);
    slow.world.send({ type: 'adoption.renewed' } as never);
  }
  assert.is(slow.state, 'adopting');
  slow.advance(slow.ballot.timing.adoptingMs);
  assert.is(slow.state, 'follower');
  assert.is(slow.offices.at(-1), 'office.halted');
  const failed = adopting();
  failed.world.send({ type: 'adoption.failed', epoch: failed.ballot.promised } as never);
  assert.is(failed.state, 'follower');
});

Campaign('a candidate that nobody promises tries again, with a higher epoch', () => {
  const voter = new Voter();
  voter.until('probing');
  voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: 0 });
  const first = voter.ballot.promised;
  voter.persisted();
  voter.advance(voter.ballot.timing.candidateMs);
  assert.is(voter.state, 'follower');
  voter.until('probing');
  voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: 0 });
  assert.ok(voter.ballot.promised > first);
});

Campaign('ends when another one is further on, or a leader is there', () => {
  const candidate = (): Voter => {
    const voter = new Voter();
    voter.until('probing');
    voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: 0 });
    voter.persisted();
    return voter;
  };
  const preempted = candidate();
  const { promised } = preempted.ballot;
  preempted.receive(1, { kind: 'nack', refused: promised - 1, seenEpoch: promised + 65_536, leaderEpoch: 0 });
  assert.is(preempted.state, 'candidate', 'that refused another epoch');
  preempted.receive(1, { kind: 'nack', refused: promised, seenEpoch: promised + 131_072, leaderEpoch: 0 });
  assert.is(preempted.state, 'follower');
  const late = candidate();
  late.receive(3, aPing({ leading: e(8, 3) }));
  assert.is(late.state, 'follower');
  assert.is(late.ballot.leader?.epoch, e(8, 3));
  const old = candidate();
  old.receive(3, aPing({ leading: e(0, 3) }));
  assert.is(old.state, 'candidate', 'a leader of a lower epoch is none');
});

Campaign('a lone voter elects itself', () => {
  const voter = new Voter({ voters: [2] });
  voter.until('candidate');
  voter.persisted();
  assert.is(voter.state, 'establishing');
});

Campaign.run();

const Voting = suite('election: promises to others (R1, R3, R3a, R7)');

const prepare = (epoch: number, handover: { epoch: number; by: number } | null = null): Frame => ({
  kind: 'prepare',
  epoch,
  handover,
});

Voting('a promise is sent when it is durable, with the log’s end at that time', () => {
  const voter = new Voter();
  voter.receive(3, prepare(e(5, 3)));
  assert.is(voter.ballot.promised, e(5, 3), 'in memory at once');
  assert.equal(voter.ear.to('replicator').at(-1), { type: 'office.halted', promised: e(5, 3), isNew: true });
  assert.equal(voter.sent('promise'), []);
  voter.persisted(e(5, 3), at(e(4, 1), 77));
  assert.equal(voter.sent('promise'), [[3, { kind: 'promise', epoch: e(5, 3), position: at(e(4, 1), 77) }]]);
});

Voting('not when a higher one came meanwhile (R3a)', () => {
  const voter = new Voter();
  voter.receive(3, prepare(e(5, 3)));
  voter.receive(1, prepare(e(6, 1)));
  voter.persisted(e(5, 3));
  assert.equal(voter.sent('promise'), []);
  voter.persisted(e(6, 1));
  assert.equal(
    voter.sent('promise').map(([peer]) => peer),
    [1],
  );
});

Voting('who gave it waits before it stands itself: its probe would take the vote away again (R15)', () => {
  const voter = new Voter();
  voter.ping = { unelectable: 'grey' }; // It need wait for nobody else.
  voter.until('probing'); // Its own turn has come; the other one was quicker.
  const probes = voter.sent('probe').length;
  voter.receive(3, prepare(e(5, 3)));
  voter.persisted(e(5, 3));
  assert.is(voter.sent('promise').length, 1);
  voter.advance(voter.ballot.timing.candidateMs - 2);
  assert.is(voter.state, 'follower');
  assert.is(voter.sent('probe').length, probes);
  voter.advance(20);
  assert.is(voter.state, 'probing', 'for a candidate that died nobody waits for ever');
});

Voting('the same epoch is answered again, through the disk', () => {
  const voter = new Voter();
  voter.receive(3, prepare(e(5, 3)));
  voter.persisted();
  voter.receive(3, prepare(e(5, 3)));
  assert.is(voter.sent('promise').length, 1);
  assert.equal(voter.ear.named('store', 'promise.persist'), [{ type: 'promise.persist', epoch: e(5, 3) }]);
  voter.persisted();
  assert.is(voter.sent('promise').length, 2);
});

Voting('a lower epoch gets a NACK with what was seen', () => {
  const voter = new Voter({ promised: e(9, 1) });
  voter.receive(3, prepare(e(5, 3)));
  assert.equal(voter.sent('nack'), [[3, { kind: 'nack', refused: e(5, 3), seenEpoch: e(9, 1), leaderEpoch: 0 }]]);
});

Voting('while a leader is heard nobody else gets a promise, and the epoch stands still (R12)', () => {
  const voter = new Voter({ promised: e(1, 3) });
  voter.receive(3, aPing({ leading: e(1, 3) }));
  voter.receive(1, prepare(e(5, 1)));
  assert.is(voter.ballot.promised, e(1, 3));
  assert.is(voter.sent('nack')[0]?.[1].leaderEpoch, e(1, 3));
  voter.receive(1, { kind: 'probe', nonce: 4 });
  assert.equal(
    voter.sent('probeNo').map(([, frame]) => frame.reason),
    ['leader'],
  );
});

Voting('an APPEND of a higher epoch is held until the promise to it is durable (R7)', () => {
  const voter = new Voter({ promised: e(1, 1) });
  const append = (epoch: number): void =>
    voter.world.send({
      type: 'append.strange',
      received: {
        type: 'append.received',
        peer: 3,
        connection: 1,
        frame: { kind: 'append', epoch, previous: start, commit: 0, readRound: 0, quiet: false, batch: null },
      },
    } as never);
  append(e(5, 3));
  append(e(5, 3));
  assert.is(voter.ballot.promised, e(5, 3));
  assert.not.ok(voter.offices.includes('office.following'));
  voter.persisted();
  const order = voter.ear.named('replicator', 'office.following');
  assert.equal(
    order.map(({ epoch, leader, appends }) => [epoch, leader, appends.length]),
    [[e(5, 3), 3, 2]],
  );
  assert.is(voter.ballot.leader?.id, 3);
  assert.equal(voter.sent('promise'), [], 'it is answered by ACKs');
  append(e(2, 3));
  assert.is(voter.sent('nack').length, 1);
});

Voting('a PREPARE is not lost on a candidate: the higher epoch wins', () => {
  const voter = new Voter();
  voter.until('probing');
  voter.receive(1, { kind: 'probeOk', nonce: voter.ballot.nonce, seenEpoch: 0 });
  voter.receive(3, prepare(e(50, 3)));
  assert.is(voter.state, 'follower');
  voter.persisted(e(50, 3));
  assert.equal(voter.sent('prepare'), []);
  assert.is(voter.sent('promise').length, 1);
});

Voting('a damaged or unbound node promises nothing, and probes nobody (R-D3, R25)', () => {
  for (const input of [{ damaged: true }, { bound: false }]) {
    const voter = new Voter(input);
    voter.receive(3, prepare(e(5, 3)));
    voter.receive(3, { kind: 'probe', nonce: 1 });
    voter.advance(5 * TS);
    assert.is(voter.ballot.promised, 0);
    assert.is(voter.sent('nack').length, 1);
    assert.equal(
      voter.sent('probeNo').map(([, frame]) => frame.reason),
      ['abstain'],
    );
    assert.equal(voter.sent('probe'), []);
  }
});

Voting('a bully’s answer makes the higher node probe at once (R14)', () => {
  const voter = new Voter({ self: 3 });
  voter.advance(TS + 1);
  voter.until('probing');
  voter.advance(voter.ballot.timing.probingMs);
  assert.is(voter.state, 'follower');
  voter.receive(1, { kind: 'probe', nonce: 9 });
  assert.equal(
    voter.sent('probeNo').map(([, frame]) => frame.reason),
    ['bully'],
  );
  voter.advance(10);
  assert.is(voter.state, 'probing');
});

Voting.run();

const Office = suite('election: in office (R6, R16-R18)');

Office('it leads when its barrier is committed, and of its own epoch (R6)', () => {
  const voter = new Voter();
  voter.elect();
  voter.world.send({ type: 'barrier.committed', epoch: e(99, 2) } as never);
  assert.is(voter.state, 'establishing');
  voter.world.send({ type: 'barrier.committed', epoch: voter.ballot.promised } as never);
  assert.is(voter.state, 'leading');
  assert.is(voter.ear.named('ingress', 'leader.changed').at(-1)?.established, true);
});

Office('its pings name the epoch in which it leads, and no longer when it does not', () => {
  const voter = new Voter();
  voter.establish();
  voter.ear.forget();
  voter.advance(2 * H);
  const leading = (): number[] => voter.ear.named('pipeline', 'ping.fill').map(({ ping }) => ping.leading);
  assert.ok(leading().length >= 1 && leading().every((epoch) => epoch === voter.ballot.promised));
  voter.answering = [];
  voter.advance(3 * TS);
  voter.ear.forget();
  voter.advance(2 * H);
  assert.ok(leading().every((epoch) => epoch === 0));
});

Office('without a majority’s answers it steps down after 2·TS, not after TS (R16)', () => {
  const voter = new Voter();
  voter.establish();
  voter.advance(TS + 20);
  voter.answering = [];
  voter.advance(2 * TS);
  assert.is(voter.state, 'leading');
  voter.advance(2 * H);
  assert.is(voter.state, 'follower');
  assert.is(voter.offices.at(-1), 'office.halted');
  assert.is(voter.ear.named('ingress', 'leader.changed').at(-1)?.leader, null);
});

Office('it answers probes and PREPAREs with a NO while it leads (R12)', () => {
  const voter = new Voter();
  voter.establish();
  const { promised } = voter.ballot;
  voter.receive(3, { kind: 'probe', nonce: 1 });
  voter.receive(3, prepare(e(40, 3)));
  assert.is(voter.state, 'leading');
  assert.is(voter.ballot.promised, promised);
  assert.is(voter.sent('nack')[0]?.[1].leaderEpoch, promised);
});

Office('it steps down for a leader of a higher epoch: by ping, by APPEND, by a NACK that names it', () => {
  const byPing = new Voter();
  byPing.establish();
  byPing.receive(3, aPing({ leading: e(40, 3) }));
  assert.equal([byPing.state, byPing.ballot.leader?.id], ['follower', 3]);
  const byNack = new Voter();
  byNack.establish();
  byNack.receive(1, { kind: 'nack', refused: byNack.ballot.promised, seenEpoch: e(40, 3), leaderEpoch: e(40, 3) });
  assert.is(byNack.state, 'follower');
  const byAppend = new Voter();
  byAppend.establish();
  const frame = {
    kind: 'append',
    epoch: e(40, 3),
    previous: start,
    commit: 0,
    readRound: 0,
    quiet: false,
    batch: null,
  };
  byAppend.world.send({
    type: 'append.strange',
    received: { type: 'append.received', peer: 3, connection: 1, frame },
  } as never);
  assert.equal([byAppend.state, byAppend.ballot.promised], ['follower', e(40, 3)]);
  assert.equal(byAppend.ear.to('replicator').at(-1), { type: 'office.halted', promised: e(40, 3), isNew: true });
});

Office('it renews its epoch for a follower that promised a campaign that died (R18)', () => {
  const voter = new Voter();
  voter.establish();
  const { promised } = voter.ballot;
  const nack = (more: object = {}): void =>
    voter.receive(1, { kind: 'nack', refused: promised, seenEpoch: e(30, 3), leaderEpoch: 0, ...more } as Frame);
  nack();
  assert.is(voter.state, 'leading', 'not in its first TS');
  voter.advance(TS);
  nack({ refused: promised - 65_536 });
  assert.is(voter.state, 'leading', 'another epoch was refused');
  nack();
  assert.is(voter.state, 'candidate');
  assert.is(voter.ballot.promised, e(31, 2));
  voter.persisted();
  assert.is(voter.sent('prepare').length, 4, 'without probing');
});

Office('a leader that does not get on steps down and turns grey (R23)', () => {
  const voter = new Voter();
  voter.establish();
  voter.world.send({ type: 'office.stuck', epoch: e(0, 2), reason: 'late' } as never);
  assert.is(voter.state, 'leading', 'that was of another office');
  voter.world.send({ type: 'office.stuck', epoch: voter.ballot.promised, reason: 'stuck' } as never);
  assert.is(voter.state, 'follower');
  assert.is(voter.ballot.unelectable(voter.world.clock.now()), 'grey');
});

/** Node 2 leads; node 3 is up, near, and higher. */
function aWillingLeader(): Voter {
  const voter = new Voter();
  voter.establish();
  voter.world.send({ type: 'peer.near', peer: 3, near: true } as never);
  for (let ms = 0; ms < stableMs + 100 && voter.state === 'leading'; ms += 10) voter.advance(10);
  return voter;
}

Office('it drains for a higher one that was up and near for TSTABLE, and hands over when it is drained (R17)', () => {
  const voter = aWillingLeader();
  assert.is(voter.state, 'draining');
  assert.equal(voter.ear.named('replicator', 'office.draining'), [{ type: 'office.draining', peer: 3 }]);
  assert.equal(voter.sent('handover'), []);
  const drained = { type: 'office.drained', epoch: voter.ballot.promised, peer: 3 };
  voter.world.send({ ...drained, peer: 1 } as never);
  voter.world.send({ ...drained, epoch: e(0, 2) } as never);
  assert.equal(voter.sent('handover'), []);
  voter.world.send(drained as never);
  voter.world.send(drained as never);
  assert.equal(voter.sent('handover'), [[3, { kind: 'handover', epoch: voter.ballot.promised }]]);
  const token = { epoch: voter.ballot.promised, by: 2 };
  voter.receive(1, prepare(e(40, 1), token));
  assert.is(voter.state, 'draining', 'not for another one');
  voter.receive(3, prepare(e(40, 3), token));
  assert.is(voter.state, 'follower');
  voter.persisted();
  assert.equal(
    voter.sent('promise').map(([peer]) => peer),
    [3],
  );
});

Office('it resumes in its own epoch when nothing came of it, and waits longer the next time (R17)', () => {
  const voter = aWillingLeader();
  const { promised } = voter.ballot;
  voter.advance(HO);
  assert.is(voter.state, 'leading');
  assert.is(voter.ballot.promised, promised);
  assert.is(voter.offices.at(-1), 'office.resumed');
  voter.receive(3, prepare(e(40, 3), { epoch: promised, by: 2 }));
  assert.is(voter.state, 'leading', 'a late token');
  voter.advance(H);
  assert.is(voter.state, 'leading');
});

Office('it resumes at once when the successor goes', () => {
  const voter = aWillingLeader();
  voter.world.send({ type: 'peer.disconnected', peer: 1, byThisSide: false } as never);
  assert.is(voter.state, 'draining');
  voter.world.send({ type: 'peer.disconnected', peer: 3, byThisSide: false } as never);
  assert.is(voter.state, 'leading');
});

Office('while it drains it does not renew against the one it hands over to (R18)', () => {
  const voter = aWillingLeader();
  voter.receive(3, { kind: 'nack', refused: voter.ballot.promised, seenEpoch: e(40, 3), leaderEpoch: 0 });
  assert.is(voter.state, 'draining');
});

Office('whoever is handed the lead campaigns with the token, without probing', () => {
  const voter = new Voter({ self: 3, promised: e(1, 2) });
  voter.receive(2, aPing({ leading: e(1, 2), promised: e(1, 2) }));
  voter.receive(1, { kind: 'handover', epoch: e(1, 2) });
  voter.receive(2, { kind: 'handover', epoch: e(0, 2) });
  assert.is(voter.state, 'follower', 'not by another, nor for another epoch');
  voter.receive(2, { kind: 'handover', epoch: e(1, 2) });
  assert.is(voter.state, 'candidate');
  assert.equal(voter.sent('prepare'), []);
  voter.persisted();
  assert.equal(
    voter.sent('prepare').map(([, frame]) => frame.handover),
    [
      { epoch: e(1, 2), by: 2 },
      { epoch: e(1, 2), by: 2 },
    ],
  );
});

Office('a campaign by hand-over has the time of the hand-over, and as long again for the votes (R17)', () => {
  const voter = new Voter({ self: 3, promised: e(1, 2) });
  voter.receive(2, aPing({ leading: e(1, 2), promised: e(1, 2) }));
  voter.receive(2, { kind: 'handover', epoch: e(1, 2) });
  voter.advance(HO);
  voter.persisted();
  voter.advance(HO - 1);
  assert.is(voter.state, 'candidate');
  voter.advance(2);
  assert.is(voter.state, 'follower', 'not for ever');
});

Office('who gave it a vote leaves it as much time as the leader does (R15, R17)', () => {
  const voter = new Voter({ promised: e(1, 3) });
  voter.receive(3, aPing({ leading: e(1, 3), promised: e(1, 3) }));
  voter.receive(1, prepare(e(2, 1), { epoch: e(1, 3), by: 3 }));
  voter.persisted(e(2, 1));
  assert.is(voter.sent('promise').length, 1);
  voter.advance(HO - 2);
  assert.equal(voter.sent('probe'), []);
  voter.advance(4 * H);
  assert.is(voter.state, 'probing', 'not for ever');
});

Office('who leaves says so, at once when it does not lead (R17b)', () => {
  const voter = new Voter();
  voter.world.send({ type: 'node.leave' } as never);
  assert.equal(
    voter.ear.to('node').map(({ type }) => type),
    ['office.left'],
  );
  voter.advance(10 * TS);
  assert.equal(voter.sent('probe'), []);
});

Office('a leader that leaves hands over first', () => {
  const voter = new Voter();
  voter.establish();
  voter.world.send({ type: 'peer.near', peer: 1, near: true } as never);
  voter.world.send({ type: 'node.leave' } as never);
  assert.is(voter.state, 'draining');
  assert.equal(voter.ear.to('node'), []);
  voter.receive(1, prepare(e(40, 1), { epoch: voter.ballot.promised, by: 2 }));
  assert.equal(voter.ear.to('node'), [], 'the promise is on its way');
  voter.persisted();
  assert.equal(
    voter.ear.to('node').map(({ type }) => type),
    ['office.left'],
  );
});

Office.run();
