/** The pipeline alone, office by office: R5-R11, R24, R-D3, PROTOCOL §6 and §8. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch, EncodedWrite } from '../../actors/protocol/batch.ts';
import { start } from '../../actors/protocol/epoch.ts';
import { InvariantViolation } from '../../actors/protocol/logicalLog.ts';
import { aBatch, aLogOf, at, aWrite, e, nothingBefore, type WriteOptions } from '../support/actorWorld.ts';
import { aPing, type PipelineOptions, PipelineWorld, timing } from '../support/pipelineWorld.ts';

const e1 = e(1, 1);
const e2 = e(2, 2);
const e3 = e(3, 3);

// ------------------------------------------------------------------------------------------------------- following

const Following = suite('pipeline, following (R7, R8)');

/** Node 3 follows node 2 in `e2`; its log has an entry of `e1` and two that only it holds. */
function aFollower(options: PipelineOptions = {}): PipelineWorld {
  const world = new PipelineWorld({ self: 3, batches: aLogOf([e1, 0], [e1, 1], [e1, 2]), commit: 1, ...options });
  world.connect(2);
  world.forget();
  world.follow(e2);
  return world;
}
const acks = (world: PipelineWorld): number[] => world.ear.framesOf('ack', 2).map(({ match }) => match);

Following('appends behind what both logs hold, and says so only when it is durable', () => {
  const world = aFollower();
  const batch = aBatch(aLogOf([e1, 0], [e1, 1], [e1, 2])[2] as Batch, e2, 'barrier');
  world.append(e2, at(e1, 4), batch);
  assert.is(world.written.length, 1);
  assert.equal(acks(world), []);
  world.persist();
  assert.equal(acks(world), [5]);
});

Following('replaces entries of another epoch', () => {
  const world = aFollower();
  const [, second] = aLogOf([e1, 0], [e1, 1]) as [Batch, Batch];
  const batch = aBatch(second, e2, [aWrite({ contents: ['new'] })]);
  world.append(e2, at(e1, 2), batch);
  assert.equal(world.log.last, at(e2, 3));
  assert.equal(world.written[0]?.previous, second.end);
});

Following('keeps entries of the same epoch, and whatever stands behind them', () => {
  const batches = [aBatch(nothingBefore, e2, 'barrier')];
  for (let i = 0; i < 4; i++) batches.push(aBatch(batches.at(-1) as Batch, e2, [aWrite({ n: i + 1 })]));
  const other = new PipelineWorld({ self: 3, batches });
  other.follow(e2);
  other.append(e2, at(e2, 1), batches[1] as Batch); // Sent long ago.
  assert.equal(other.log.last, at(e2, 5));
  assert.equal(other.written, []);
  assert.equal(acks(other), [2], 'the end of the batch of this message, not of the log');
});

Following('refuses what does not join, with a hint where to look', () => {
  const world = aFollower();
  world.append(e2, at(e(1, 3), 4), null);
  assert.equal(world.ear.framesOf('reject', 2), [{ kind: 'reject', epoch: e2, hint: at(e1, 4) }]);
  world.append(e2, at(e2, 9), null);
  assert.equal(world.ear.framesOf('reject', 2).at(-1)?.hint, at(e1, 4));
  assert.equal(acks(world), []);
});

Following('stops the node rather than replace what is committed', () => {
  const world = aFollower({ commit: 4 });
  const [, second] = aLogOf([e1, 0], [e1, 1]) as [Batch, Batch];
  assert.throws(
    () => world.append(e2, at(e1, 2), aBatch(second, e2, 'barrier')),
    (error: unknown) => error instanceof InvariantViolation && error.message.startsWith('R7'),
  );
});

Following('gives an APPEND of any other epoch to the election, and touches nothing', () => {
  const world = aFollower();
  for (const epoch of [e1, e3]) world.append(epoch, at(e1, 4), null);
  assert.is(world.ear.named('election', 'append.strange').length, 2);
  assert.equal(world.ear.frames(), []);
  world.halt(e3);
  world.append(e2, at(e1, 4), null);
  assert.is(world.ear.named('election', 'append.strange').length, 3);
});

Following('answers in the order in which it was asked, also what was durable before', () => {
  const world = aFollower();
  const tail = aLogOf([e1, 0], [e1, 1], [e1, 2]);
  const first = aBatch(tail[2] as Batch, e2, 'barrier');
  world.append(e2, at(e1, 4), first);
  world.append(e2, at(e1, 4), null); // Durable, but behind one that is not.
  const second = aBatch(first, e2, [aWrite()]);
  world.append(e2, first.end, second);
  assert.equal(acks(world), []);
  world.persist(1);
  assert.equal(acks(world), [5, 4]);
  world.persist(2);
  assert.equal(acks(world), [5, 4, 6]);
});

Following('news without an answer is not answered', () => {
  const world = aFollower();
  world.append(e2, at(e1, 4), null, { quiet: true, commit: 4 });
  assert.equal(acks(world), []);
  assert.is(world.log.commit, 1, 'nothing was acknowledged yet');
  world.append(e2, at(e1, 4), null);
  assert.is(world.log.commit, 4);
});

Following('says nothing any more once a higher epoch was promised (R3, R3a)', () => {
  const world = aFollower();
  world.append(e2, at(e1, 4), aBatch(aLogOf([e1, 0], [e1, 1], [e1, 2])[2] as Batch, e2, 'barrier'));
  world.halt(e3);
  assert.equal(world.ear.named('store', 'promise.persist'), [{ type: 'promise.persist', epoch: e3 }]);
  world.persist();
  assert.equal(acks(world), []);
  assert.is(world.log.commit, 1);
});

Following('hands the promise to the log store behind everything that it has written (R3)', () => {
  const world = aFollower();
  world.append(e2, at(e1, 4), aBatch(aLogOf([e1, 0], [e1, 1], [e1, 2])[2] as Batch, e2, 'barrier'));
  world.halt(e3);
  const orders = world.ear.to('store').map(({ type }) => type);
  assert.equal(orders, ['log.write', 'promise.persist']);
});

Following('commits what the leader has committed, as far as it has acknowledged in this epoch (R8)', () => {
  const world = aFollower();
  world.append(e2, at(e1, 2), null, { commit: 4 });
  assert.is(world.log.commit, 2);
  world.append(e2, at(e1, 4), null, { commit: 2 });
  assert.is(world.log.commit, 4, 'the leader’s commit does not go back');
});

Following('believes a ping only of its leader in its epoch (R8)', () => {
  const world = aFollower();
  world.append(e2, at(e1, 4), null);
  const pings = [
    { peer: 1, ping: aPing({ leading: e2, commit: 4 }) },
    { peer: 2, ping: aPing({ leading: e3, commit: 4 }) },
    { peer: 2, ping: aPing({ leading: 0, commit: 4 }) },
  ];
  for (const { peer, ping } of pings) world.receive({ type: 'ping.noted', peer, ping, rttMs: -1 });
  assert.is(world.log.commit, 1);
  world.receive({ type: 'ping.noted', peer: 2, ping: aPing({ leading: e2, commit: 4 }), rttMs: -1 });
  assert.is(world.log.commit, 4);
});

Following('confirms read rounds of its leader in its pings, and nothing while it is halted (§6)', () => {
  const world = aFollower();
  const confirms = (): (readonly [number, number] | undefined)[] => {
    world.forget();
    world.beat();
    const ping = world.ear.framesOf('ping', 2)[0];
    return [ping && [ping.confirmEpoch, ping.confirmRound]];
  };
  world.append(e2, at(e1, 4), null, { readRound: 7 });
  world.receive({ type: 'ping.noted', peer: 2, ping: aPing({ leading: e2, readRound: 6 }), rttMs: -1 });
  assert.equal(confirms(), [[e2, 7]]);
  world.receive({ type: 'ping.noted', peer: 1, ping: aPing({ leading: e3, readRound: 99 }), rttMs: -1 });
  assert.equal(confirms(), [[e2, 7]]);
  world.append(e2, at(e3, 9), null, { readRound: 8 }); // Refused.
  assert.equal(confirms(), [[e2, 7]]);
  world.halt(e3);
  assert.equal(confirms(), [[0, 0]]);
});

Following('takes in what came while its promise was on the way', () => {
  const world = new PipelineWorld({ self: 3, batches: aLogOf([e1, 0]) });
  const frame = {
    kind: 'append',
    epoch: e2,
    previous: at(e1, 1),
    commit: 0,
    readRound: 0,
    quiet: false,
    batch: null,
  } as const;
  world.follow(e2, [frame]);
  assert.equal(acks(world), [1]);
});

Following.run();

const Damaged = suite('pipeline, damaged (R-D3)');

Damaged('acknowledges as a learner, and confirms no read', () => {
  const world = aFollower({ damaged: true });
  world.append(e2, at(e1, 4), null, { readRound: 3 });
  assert.equal(
    world.ear.framesOf('ack', 2).map(({ learner }) => learner),
    [true],
  );
  world.beat();
  assert.is(world.ear.framesOf('ping', 2)[0]?.confirmEpoch, 0);
});

Damaged('is healed by a leader whose barrier was committed without it, up to where that leader’s log ended', () => {
  const world = aFollower({ damaged: true });
  const heals = (): number => world.ear.named('store', 'damage.clear').length;
  const tail = aLogOf([e1, 0], [e1, 1], [e1, 2]);
  const barrier = aBatch(tail[2] as Batch, e2, 'barrier');
  const more = aBatch(barrier, e2, [aWrite()]);
  world.receive({
    type: 'ping.noted',
    peer: 2,
    ping: aPing({ leading: e2, position: more.end, commit: 4 }),
    rttMs: -1,
  });
  world.append(e2, at(e1, 4), barrier, { commit: 4 });
  world.persist();
  assert.is(heals(), 0, 'the barrier is not committed');
  world.append(e2, barrier.end, null, { commit: 5 });
  assert.is(heals(), 0, 'not up to where the leader’s log ended');
  world.append(e2, barrier.end, more, { commit: 6 });
  assert.is(heals(), 0, 'not durable');
  world.persist();
  assert.is(heals(), 1);
  world.append(e2, more.end, null, { commit: 6 });
  assert.is(heals(), 1, 'once');
  world.receive({ type: 'damage.cleared' });
  world.append(e2, more.end, null, { commit: 6 });
  assert.is(world.ear.framesOf('ack', 2).at(-1)?.learner, false);
});

Damaged('serves its log to nobody', () => {
  const world = aFollower({ damaged: true });
  world.halt(e3);
  world.receive({ type: 'fetch.received', peer: 3, connection: 1, frame: { kind: 'fetch', epoch: e3, after: start } });
  assert.equal(world.ear.frames(3), [{ kind: 'gone', epoch: e3 }]);
});

Damaged.run();

// --------------------------------------------------------------------------------------------------------- adopting

const Adopting = suite('pipeline, adopting (R5)');

const donorLog = aLogOf([e1, 0], [e1, 1], [e(2, 3), 0], [e(2, 3), 2]);
const target = at(e(2, 3), 5);
const mine = e(4, 1);

/** Node 1 was promised `mine`; the best log is node 3's. */
function anAdopter(batches = aLogOf([e1, 0], [e1, 1], [e1, 2])): PipelineWorld {
  const world = new PipelineWorld({ self: 1, batches, commit: 1 });
  world.halt(mine);
  world.forget();
  world.receive({ type: 'office.adopting', epoch: mine, donor: 3, target });
  return world;
}
const asked = (world: PipelineWorld) => world.ear.framesOf('fetch', 3).map(({ after }) => after);
const data = (world: PipelineWorld, batch: Batch, more = false, epoch = mine): void => {
  const after = at(donorLog.find(({ endIndex }) => endIndex === batch.baseIndex - 1)?.epoch ?? 0, batch.baseIndex - 1);
  world.receive({ type: 'data.received', peer: 3, connection: 1, frame: { kind: 'data', epoch, after, more, batch } });
};

Adopting('asks behind where the logs may agree, and again where the donor says', () => {
  const world = anAdopter();
  assert.equal(asked(world), [at(e1, 4)]);
  world.receive({
    type: 'fetchBack.received',
    peer: 3,
    connection: 1,
    frame: { kind: 'fetchBack', epoch: mine, hint: at(e1, 2) },
  });
  assert.equal(asked(world), [at(e1, 4), at(e1, 2)]);
});

Adopting('is done when its durable log ends at exactly what was promised', () => {
  const world = anAdopter();
  const adopted = (): number => world.ear.named('election', 'log.adopted').length;
  data(world, donorLog[2] as Batch, true);
  assert.equal(world.log.last, at(e(2, 3), 3));
  world.persist();
  assert.is(adopted(), 0);
  data(world, donorLog[3] as Batch);
  assert.equal(world.log.last, target);
  assert.is(adopted(), 0, 'not durable');
  world.persist();
  assert.is(adopted(), 1);
  assert.is(world.ear.named('election', 'adoption.renewed').length, 2);
});

Adopting('asks for more when the donor stopped short', () => {
  const world = anAdopter();
  data(world, donorLog[2] as Batch, false);
  assert.equal(asked(world).at(-1), at(e(2, 3), 3));
});

Adopting('keeps what it has already, and writes it once', () => {
  const world = anAdopter(donorLog.slice(0, 3));
  data(world, donorLog[1] as Batch, true);
  data(world, donorLog[2] as Batch, true);
  assert.equal(world.written, []);
  data(world, donorLog[3] as Batch);
  data(world, donorLog[3] as Batch);
  assert.is(world.written.length, 1);
});

Adopting('heeds nobody else, and no other epoch', () => {
  const world = anAdopter();
  const frame = { kind: 'data', epoch: mine, after: at(e1, 2), more: false, batch: donorLog[2] as Batch } as const;
  world.receive({ type: 'data.received', peer: 2, connection: 1, frame });
  data(world, donorLog[2] as Batch, false, e(3, 1));
  assert.equal(world.written, []);
  world.receive({ type: 'gone.received', peer: 2, connection: 1, frame: { kind: 'gone', epoch: mine } });
  world.receive({ type: 'gone.received', peer: 3, connection: 1, frame: { kind: 'gone', epoch: e(3, 1) } });
  assert.equal(world.ear.named('election', 'adoption.failed'), []);
});

Adopting('fails when the donor no longer serves, or is gone', () => {
  const world = anAdopter();
  world.receive({ type: 'gone.received', peer: 3, connection: 1, frame: { kind: 'gone', epoch: mine } });
  world.disconnect(3);
  assert.equal(world.ear.named('election', 'adoption.failed'), [{ type: 'adoption.failed', epoch: mine }]);
  const other = anAdopter();
  other.disconnect(3);
  assert.is(other.ear.named('election', 'adoption.failed').length, 1);
});

Adopting('takes nothing behind what was promised', () => {
  const world = anAdopter(donorLog);
  const beyond = aBatch(donorLog[3] as Batch, e(2, 3), [aWrite()]);
  world.receive({
    type: 'data.received',
    peer: 3,
    connection: 1,
    frame: { kind: 'data', epoch: mine, after: target, more: false, batch: beyond },
  });
  assert.equal(world.log.last, target);
});

Adopting('a donor serves the epoch that it promised last, and only while nobody writes to its log', () => {
  const world = new PipelineWorld({ self: 3, batches: donorLog, commit: 1 });
  const fetch = (epoch: number, after = start): void => {
    world.forget();
    world.receive({ type: 'fetch.received', peer: 1, connection: 1, frame: { kind: 'fetch', epoch, after } });
  };
  world.halt(mine);
  fetch(mine);
  const frames = world.ear.framesOf('data', 1);
  assert.equal(
    frames.map(({ more }) => more),
    [true, true, true, false],
  );
  assert.equal(
    frames.map(({ batch }) => batch),
    donorLog,
  );
  assert.equal(
    frames.map(({ after }) => after.index),
    [0, 1, 2, 3],
  );
  fetch(mine, at(e1, 4));
  assert.equal(world.ear.framesOf('fetchBack', 1), [{ kind: 'fetchBack', epoch: mine, hint: at(e1, 2) }]);
  fetch(mine, target);
  assert.is(world.ear.framesOf('gone', 1).length, 1, 'nothing stands behind the end');
  fetch(e(3, 1));
  assert.is(world.ear.framesOf('gone', 1).length, 1);
  fetch(e(3, 1), at(e1, 4));
  assert.is(world.ear.framesOf('gone', 1).length, 1, 'not even a hint');
  world.halt(e(5, 2));
  fetch(mine);
  assert.is(world.ear.framesOf('gone', 1).length, 1, 'it promised another');
  world.follow(e(5, 2));
  fetch(e(5, 2));
  assert.is(world.ear.framesOf('gone', 1).length, 1, 'the leader writes to it now');
});

Adopting.run();

// ---------------------------------------------------------------------------------------------------------- leading

const Leading = suite('pipeline, leading (R6, R9, R10)');

/** Node 1 was elected in `e1`; its barrier is stamped and not durable. Peers are connected. */
function anElected(options: PipelineOptions = {}, epoch = e1): PipelineWorld {
  const world = new PipelineWorld(options);
  for (const peer of world.pipeline.core.peers) world.connect(peer);
  world.forget();
  world.lead(epoch);
  return world;
}
/** With the barrier committed by the others and itself. */
function aLeader(options: PipelineOptions = {}, epoch = e1): PipelineWorld {
  const world = anElected(options, epoch);
  world.persist();
  for (const peer of world.pipeline.core.peers) world.ack(peer, epoch, world.log.last.index);
  assert.is(world.log.commit, world.log.last.index);
  world.forget();
  return world;
}
const submit = (world: PipelineWorld, write: WriteOptions | EncodedWrite, epoch = e1, firstTryCommit = 0): void =>
  world.receive({
    type: 'write.submitted',
    epoch,
    writes: [{ write: 'bytes' in write ? write : aWrite(write), firstTryCommit }],
  });
const forward = (world: PipelineWorld, peer: number, write: WriteOptions, epoch = e1, firstTryCommit = 0): void =>
  world.receive({
    type: 'forward.received',
    peer,
    connection: 1,
    frame: { kind: 'forward', epoch, writes: [{ write: aWrite({ origin: peer, ...write }), firstTryCommit }] },
  });
const done = (world: PipelineWorld) => world.ear.named('ingress', 'write.done').flatMap(({ answer }) => answer.results);
const refused = (world: PipelineWorld) => world.ear.named('ingress', 'write.refused').map(({ answer }) => answer);

Leading('begins with a barrier, and is established when that is committed (R6)', () => {
  const world = anElected();
  const [order] = world.written;
  assert.is(order?.batch.type, 'barrier');
  assert.is(order?.batch.epoch, e1);
  assert.equal(
    world.ear.framesOf('append', 2).map(({ previous, batch }) => [previous.index, batch?.type]),
    [[0, 'barrier']],
  );
  world.ack(2, e1, 1);
  assert.equal(world.ear.named('replicator', 'barrier.committed'), []);
  world.persist();
  assert.equal(world.ear.named('replicator', 'barrier.committed'), [{ type: 'barrier.committed', epoch: e1 }]);
});

Leading('counts itself only after its own fsync (R9)', () => {
  const alone = anElected({ voters: [1] });
  assert.is(alone.log.commit, 0);
  alone.persist();
  assert.is(alone.log.commit, 1);
  const world = anElected();
  world.ack(2, e1, 1);
  world.persist(0); // What it had written before it was elected.
  assert.is(world.log.commit, 0, 'one follower and a leader that has nothing on disk are no majority');
  world.ack(3, e1, 1);
  assert.is(world.log.commit, 1, 'two followers are');
});

Leading('commits nothing by counting entries of older epochs (R9, figure 8)', () => {
  // S1 is elected again: the entry of its first term is on a majority now, and must not be committed by that.
  const batches = aLogOf([e1, 0], [e1, 1]);
  const world = anElected({ batches, commit: 1 }, e(4, 1));
  world.persist(0);
  world.ack(2, e(4, 1), 2);
  world.ack(3, e(4, 1), 2);
  assert.is(world.log.commit, 1);
  world.ack(2, e(4, 1), 3);
  world.persist();
  assert.is(world.log.commit, 3, 'with the barrier, and all before it');
});

Leading('counts answers of this epoch alone, on the present connection (R9)', () => {
  const world = anElected({ voters: [1, 2, 3, 4, 5] });
  world.persist();
  world.ack(2, e(1, 2), 1);
  world.ack(2, e(0, 1), 1);
  world.ack(2, e1, 1);
  world.disconnect(2);
  world.ack(3, e1, 1);
  assert.is(world.log.commit, 0);
  world.ack(2, e1, 1); // Of the connection that has ended.
  assert.is(world.log.commit, 0);
  world.connect(2);
  world.ack(4, e1, 1);
  assert.is(world.log.commit, 1);
});

Leading('does not count a learner (R-D3)', () => {
  const world = anElected();
  world.persist();
  world.ack(2, e1, 1, { learner: true });
  assert.is(world.log.commit, 0);
  world.ack(2, e1, 1);
  assert.is(world.log.commit, 1);
});

Leading('tells of a commit at once, with the next batch or without one (R8)', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  world.persist();
  world.forget();
  world.ack(2, e1, 2);
  assert.equal(
    world.ear.framesOf('append', 2).map(({ commit, batch }) => [commit, batch]),
    [[2, null]],
  );
});

Leading('answers a write when it is committed, with ids and Lamport times (R10)', () => {
  const world = aLeader();
  submit(world, { n: 7, contents: ['a', 'b', 'c'] });
  assert.equal(done(world), []);
  world.persist();
  assert.equal(done(world), []);
  world.ack(3, e1, 4);
  assert.equal(done(world), [{ n: 7, firstId: 1, firstLamport: 2, earlier: null }]);
});

Leading('puts what comes during a write into the next batch', () => {
  const world = aLeader();
  for (let n = 1; n <= 4; n++) submit(world, { n });
  assert.equal(
    world.written.map(({ batch }) => batch.count),
    [1],
  );
  world.persist();
  assert.equal(
    world.written.map(({ batch }) => batch.count),
    [1, 3],
  );
});

Leading('puts a thousand writes into a batch at the most', () => {
  const world = aLeader();
  for (let n = 1; n <= 2_501; n++) submit(world, { n });
  for (let batches = 0; batches < 3; batches++) world.persist();
  assert.equal(
    world.written.map(({ batch }) => batch.count),
    [1, 1_000, 1_000, 500],
  );
});

Leading('takes writes before its barrier is on disk, and answers none before it is committed', () => {
  const world = anElected();
  submit(world, { n: 1 });
  assert.is(world.written.length, 1);
  world.persist();
  assert.is(world.written.length, 2);
  world.persist();
  world.ack(2, e1, 1);
  assert.equal(done(world), []);
  world.ack(2, e1, 2);
  assert.is(done(world).length, 1);
});

Leading('gives each message the Lamport time after what stands before it', () => {
  const world = aLeader();
  world.lamport = 40; // Frames of others.
  submit(world, { n: 1, contents: ['a', 'b'] });
  world.persist();
  submit(world, { n: 2 });
  assert.equal(
    world.written.map(({ batch }) => batch.baseLamport),
    [41, 43],
  );
});

Leading('refuses with certainty what is meant for another leadership (R24)', () => {
  const world = aLeader();
  forward(world, 2, { n: 5 }, e(0, 1));
  submit(world, { n: 6 }, e3);
  const no = { kind: 'forwardNo', certain: true, reason: 'notLeader' } as const;
  assert.equal(world.ear.framesOf('forwardNo', 2), [{ ...no, ns: [5] }]);
  assert.equal(refused(world), [{ ...no, ns: [6] }]);
  assert.equal(world.written, []);
});

Leading('at its end refuses with certainty what waits, and says nothing of what it appended (R10, R24)', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  forward(world, 2, { n: 1 });
  submit(world, { n: 2 });
  world.halt(e2);
  assert.equal(
    refused(world).map(({ ns, certain }) => [ns, certain]),
    [[[2], true]],
  );
  assert.equal(
    world.ear.framesOf('forwardNo', 2).map(({ ns, certain }) => [ns, certain]),
    [[[1], true]],
  );
  world.persist();
  world.ack(2, e1, 2);
  assert.equal(done(world), []);
  assert.is(world.log.commit, 1);
});

Leading('writes nothing for times that come after its end', () => {
  const world = aLeader();
  world.holdsStamps = true;
  submit(world, { n: 1 });
  world.halt(e2);
  assert.equal(
    refused(world).map(({ ns, certain }) => [ns, certain]),
    [[[1], true]],
  );
  world.stamp();
  assert.equal(world.written, []);
});

Leading('drops what came over a connection that has ended, before the next one is greeted (R24)', () => {
  const world = aLeader();
  submit(world, { n: 1 }); // Keeps the log store busy.
  forward(world, 2, { n: 8 });
  forward(world, 3, { n: 9 });
  world.connect(2, 1, 77);
  const greeted = world.ear.framesOf('greeted', 2);
  assert.equal(greeted, [{ kind: 'greeted', epoch: e1, appended: 0, last: 2 }]);
  world.persist();
  const tags = world.written.flatMap(({ batch }) => [...batch.writes()].map(({ write }) => write.tag.n));
  assert.equal(tags, [1, 9]);
});

Leading('drops it also from the batch that waits for its times (R24)', () => {
  const world = aLeader();
  world.holdsStamps = true;
  forward(world, 2, { n: 8 });
  world.connect(2, 1, 77);
  assert.is(world.ear.framesOf('greeted', 2)[0]?.appended, 0);
  world.stamp();
  assert.equal(world.written, []);
});

Leading('greets with the highest n of that origin and boot, and where its log ends (R24)', () => {
  const world = aLeader();
  forward(world, 2, { n: 8 });
  world.persist();
  forward(world, 2, { n: 9, contents: ['a', 'b'] });
  world.forget();
  world.connect(2, 1, 10);
  world.connect(2, 2, 11);
  world.connect(3, 1, 12);
  assert.equal(
    world.ear.framesOf('greeted', 2).map(({ epoch, appended, last }) => [epoch, appended, last]),
    [
      [e1, 9, 4],
      [e1, 0, 4],
    ],
  );
  assert.is(world.ear.framesOf('greeted', 3)[0]?.appended, 0);
});

Leading('is greeted as no leader by who does not lead', () => {
  const world = new PipelineWorld({ self: 3, batches: aLogOf([e1, 0]) });
  world.connect(1);
  assert.equal(world.ear.framesOf('greeted', 1), [{ kind: 'greeted', epoch: 0, appended: 0, last: 1 }]);
  forward(world, 1, { n: 4 });
  assert.equal(
    world.ear.framesOf('forwardNo', 1).map(({ ns, certain }) => [ns, certain]),
    [[[4], true]],
  );
});

Leading('answers a forward only to the boot that asked', () => {
  const world = aLeader();
  forward(world, 2, { n: 1, boot: 1 });
  world.connect(2, 2, 50);
  world.persist();
  world.ack(3, e1, 2);
  assert.is(world.log.commit, 2);
  assert.equal(world.ear.framesOf('forwardOk', 2), []);
});

Leading('refuses beyond what may wait, with certainty', () => {
  const world = aLeader();
  submit(world, { n: 1 }); // Keeps the log store busy.
  const big = aWrite({ n: 2, contents: ['x'.repeat(4 * 1024 * 1024)] });
  for (let i = 0; i < 8; i++) submit(world, big);
  assert.equal(refused(world), []);
  submit(world, { n: 99 });
  assert.equal(
    refused(world).map(({ ns, certain, reason }) => [ns, certain, reason]),
    [[[99], true, 'overloaded']],
  );
});

Leading('stops appending when too much is not committed, and goes on when it is', () => {
  const world = aLeader();
  for (let n = 1; n <= 8; n++) {
    submit(world, aWrite({ n, contents: ['x'.repeat(4 * 1024 * 1024)] }));
    world.persist();
  }
  const appended = world.written.length;
  assert.ok(appended < 8, `${appended} batches`);
  world.ack(2, e1, world.log.last.index);
  assert.is(world.written.length, appended + 1);
});

Leading('refuses writes while its disk is full (R-D2)', () => {
  const world = aLeader();
  world.receive({ type: 'disk.filled' });
  submit(world, { n: 1 });
  assert.equal(
    refused(world).map(({ reason, certain }) => [reason, certain]),
    [['diskFull', true]],
  );
  world.receive({ type: 'disk.freed' });
  submit(world, { n: 2 });
  assert.is(world.written.length, 1);
});

Leading('finds where a follower’s log agrees, and sends from there', () => {
  const batches = aLogOf([e1, 0], [e1, 1], [e1, 1], [e(2, 1), 0]);
  const world = anElected({ batches, commit: 1 }, e(3, 1));
  world.forget();
  const reject = (hint = start): void =>
    world.receive({ type: 'reject.received', peer: 2, connection: 1, frame: { kind: 'reject', epoch: e(3, 1), hint } });
  reject(at(e1, 2));
  assert.equal(
    world.ear.framesOf('append', 2).map(({ previous, batch }) => [previous, batch?.baseIndex]),
    [[at(e1, 2), 3]],
  );
  world.ack(2, e(3, 1), 3);
  assert.equal(
    world.ear.framesOf('append', 2).map(({ batch }) => batch?.baseIndex),
    [3, 4, 5],
  );
});

Leading('reads what has left its memory from its disk, once at a time', () => {
  const batches = aLogOf([e1, 0], [e1, 1], [e1, 1], [e1, 1]);
  const world = new PipelineWorld({ batches, commit: 0, tailBytes: 0 });
  world.connect(2);
  world.connect(3);
  world.lead(e(2, 1));
  world.persist();
  world.ack(2, e(2, 1), 5);
  world.forget();
  world.receive({
    type: 'reject.received',
    peer: 3,
    connection: 1,
    frame: { kind: 'reject', epoch: e(2, 1), hint: at(e1, 1) },
  });
  const [order, ...others] = world.ear.named('store', 'log.read');
  assert.is(order?.after, 1);
  assert.equal(others, []);
  order?.reply(batches.slice(1));
  world.receive({ type: 'ping.noted', peer: 3, ping: aPing(), rttMs: 1 }); // What was sent meanwhile is delivered with it.
  assert.equal(
    world.ear.framesOf('append', 3).map(({ batch }) => batch?.baseIndex),
    [2],
    'one probe',
  );
  world.ack(3, e(2, 1), 2);
  assert.is(world.ear.named('store', 'log.read').at(-1)?.after, 2);
});

Leading('asks again when the answers stay away', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  world.forget();
  world.clock.advance(8 * timing.suspectMs + 1);
  world.beat(false);
  assert.equal(
    world.ear.framesOf('append', 2).map(({ batch }) => batch?.baseIndex),
    [2],
  );
});

Leading.run();

// ------------------------------------------------------------------------------------------------------------- keys

const Keys = suite('pipeline, idempotency keys (§8)');

/** A leader that has committed one write with the key 'k'. */
function withKey(): PipelineWorld {
  const world = aLeader();
  submit(world, { n: 1, key: 'k', contents: ['a', 'b'] });
  world.persist();
  world.ack(2, e1, 3);
  world.forget();
  return world;
}
const twice = { key: 'k', contents: ['a', 'b'] };

Keys('a key that is committed gives the first answer again, and appends nothing', () => {
  const world = withKey();
  forward(world, 2, { ...twice, n: 5 });
  assert.equal(world.ear.framesOf('forwardOk', 2), [
    {
      kind: 'forwardOk',
      results: [{ n: 5, firstId: 1, firstLamport: 2, earlier: { origin: 1, seen: 0, physicalSeconds: 1.5 } }],
    },
  ]);
  assert.equal(world.written, []);
});

Keys('with another body or another number of messages it is refused', () => {
  const world = withKey();
  submit(world, { ...twice, n: 5, body: 'other' });
  submit(world, { n: 6, key: 'k', contents: ['a'] });
  assert.equal(
    refused(world).map(({ reason, ns, certain }) => [reason, ns, certain]),
    [
      ['keyReused', [5], true],
      ['keyReused', [6], true],
    ],
  );
});

Keys('one that is on its way is joined: both are answered when it is committed', () => {
  const world = aLeader();
  submit(world, { ...twice, n: 1 });
  forward(world, 2, { ...twice, n: 9 });
  world.persist();
  assert.is(world.written.length, 1);
  world.ack(2, e1, 3);
  assert.equal(
    done(world).map(({ n, firstId }) => [n, firstId]),
    [[1, 1]],
  );
  const results = world.ear.framesOf('forwardOk', 2).flatMap((frame) => frame.results);
  assert.equal(
    results.map(({ n, firstId, earlier }) => [n, firstId, earlier?.origin]),
    [[9, 1, 1]],
  );
});

Keys('two in the same batch are one', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  forward(world, 2, { ...twice, n: 8 });
  forward(world, 3, { ...twice, n: 9 });
  world.persist();
  assert.equal(
    world.written.map(({ batch }) => batch.count),
    [1, 2],
  );
});

Keys('a leader knows the keys of what it took over uncommitted (overlay)', () => {
  const first = aBatch(nothingBefore, e1, 'barrier');
  const keyed = aBatch(first, e1, [aWrite({ n: 1, origin: 2, ...twice })]);
  const world = anElected({ batches: [first, keyed], commit: 1 }, e(3, 1));
  submit(world, { ...twice, n: 4 }, e(3, 1));
  world.persist();
  assert.equal(
    world.written.map(({ batch }) => batch.type),
    ['barrier'],
  );
  world.ack(2, e(3, 1), 4);
  assert.equal(
    done(world).map(({ n, firstId, earlier }) => [n, firstId, earlier?.origin]),
    [[4, 1, 2]],
  );
});

Keys('who joined a write that goes with its connection stands for itself', () => {
  const world = aLeader();
  world.holdsStamps = true;
  forward(world, 2, { ...twice, n: 8 });
  world.holdsStamps = false;
  submit(world, { ...twice, n: 1 });
  submit(world, { n: 2 });
  world.disconnect(2);
  world.stamp();
  world.persist();
  world.persist();
  const tags = world.written.flatMap(({ batch }) =>
    [...batch.writes()].map(({ write }) => [write.tag.origin, write.tag.n]),
  );
  assert.equal(tags.sort(), [
    [1, 1],
    [1, 2],
  ]);
});

/** A leader whose next batch, with one write of 3 and one of 2, waits for its times; another write of 2 has joined that of 3. */
function withJoined(): PipelineWorld {
  const world = aLeader();
  submit(world, { n: 1 });
  forward(world, 3, { ...twice, n: 9 });
  forward(world, 2, { ...twice, n: 3 });
  forward(world, 2, { n: 5 });
  world.holdsStamps = true;
  world.persist();
  world.holdsStamps = false;
  return world;
}
const tagsIn = (world: PipelineWorld): readonly (readonly [origin: number, n: number])[] =>
  world.written.flatMap(({ batch }) => [...batch.writes()].map(({ write: { tag } }) => [tag.origin, tag.n] as const));

Keys('who joined a write that goes takes its place, before what its own client sent later (R24)', () => {
  const world = withJoined();
  world.disconnect(3);
  world.stamp();
  world.persist();
  world.persist();
  assert.equal(tagsIn(world), [
    [1, 1],
    [2, 3],
    [2, 5],
  ]);
  world.disconnect(2);
  world.connect(2, 1, 22);
  assert.is(world.ear.framesOf('greeted', 2).at(-1)?.appended, 5);
});

Keys('who joined over a connection that has ended is not appended later (R24)', () => {
  const world = withJoined();
  world.disconnect(2);
  world.connect(2, 1, 22);
  assert.is(world.ear.framesOf('greeted', 2).at(-1)?.appended, 0);
  world.disconnect(3);
  world.stamp();
  world.persist();
  world.persist();
  assert.equal(tagsIn(world), [[1, 1]]);
});

Keys('a resend that is older than what is remembered is refused, as unknown', () => {
  const world = aLeader({ keptEntries: 3 });
  for (let n = 1; n <= 6; n++) {
    submit(world, { n });
    world.persist();
    world.ack(2, e1, world.log.last.index);
  }
  world.forget();
  submit(world, { n: 10, key: 'old' }, e1, 3);
  assert.equal(
    refused(world).map(({ reason, certain }) => [reason, certain]),
    [['keyExpired', false]],
  );
  submit(world, { n: 11, key: 'young' }, e1, 4);
  assert.is(world.written.length, 1);
});

Keys('at the end of the office those that joined are certainly not done themselves', () => {
  const world = aLeader();
  submit(world, { ...twice, n: 1 });
  world.persist();
  forward(world, 2, { ...twice, n: 9 });
  world.halt(e2);
  assert.equal(
    world.ear.framesOf('forwardNo', 2).map(({ ns, certain }) => [ns, certain]),
    [[[9], true]],
  );
  assert.equal(refused(world), []);
});

Keys.run();

// ------------------------------------------------------------------------------------------------- handing over

const Draining = suite('pipeline, draining (R17)');

const drained = (world: PipelineWorld): number => world.ear.named('election', 'office.drained').length;

Draining('appends nothing more, and says when everything is committed and the successor has it', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  world.receive({ type: 'office.draining', peer: 3 });
  submit(world, { n: 2 });
  world.persist();
  assert.is(world.written.length, 1);
  world.ack(2, e1, 2);
  assert.is(drained(world), 0, 'the successor lacks the last one');
  world.ack(3, e1, 2);
  assert.equal(world.ear.named('election', 'office.drained'), [{ type: 'office.drained', epoch: e1, peer: 3 }]);
  world.ack(3, e1, 2);
  assert.is(drained(world), 1, 'once');
});

Draining('says so at once when nothing is under way, and not while a batch is being made', () => {
  const idle = aLeader();
  idle.receive({ type: 'office.draining', peer: 3 });
  assert.is(drained(idle), 1);
  const busy = aLeader();
  busy.holdsStamps = true;
  submit(busy, { n: 1 });
  busy.receive({ type: 'office.draining', peer: 3 });
  assert.is(drained(busy), 0);
});

Draining('goes on where it stopped when the hand-over fails', () => {
  const world = aLeader();
  world.receive({ type: 'office.draining', peer: 3 });
  submit(world, { n: 2 });
  assert.equal(world.written, []);
  world.receive({ type: 'office.resumed' });
  assert.equal(
    world.written.map(({ batch }) => batch.epoch),
    [e1],
  );
});

Draining('a peer is near while it holds what the log held two heartbeats ago', () => {
  const world = aLeader();
  const near = () => world.ear.named('election', 'peer.near').map(({ peer, near: is }) => [peer, is]);
  world.beat();
  assert.equal(near(), [
    [2, true],
    [3, true],
  ]);
  submit(world, { n: 1 });
  world.ack(2, e1, 2);
  for (let i = 0; i < 4; i++) {
    world.clock.advance(timing.heartbeatMs);
    world.beat();
  }
  assert.equal(near().slice(2), [[3, false]]);
  world.disconnect(2);
  assert.equal(near().slice(3), [[2, false]]);
});

Draining.run();

// ------------------------------------------------------------------------------------------------------------ reads

const Reads = suite('pipeline, linearizable reads (§6)');

const confirmed = (world: PipelineWorld) =>
  world.ear.named('sessions', 'readIndex.confirmed').map(({ nonce, index }) => [nonce, index]);
const read = (world: PipelineWorld, nonce: number): void => world.receive({ type: 'readIndex.local', nonce });
const confirm = (world: PipelineWorld, peer: number, confirmRound: number, confirmEpoch = e1): void =>
  world.receive({ type: 'ping.noted', peer, ping: aPing({ confirmEpoch, confirmRound }), rttMs: -1 });

Reads('need a round that began after they came, and a majority', () => {
  const world = aLeader({ voters: [1, 2, 3, 4, 5] });
  confirm(world, 2, 0);
  read(world, 1);
  assert.is(world.ear.framesOf('append', 2)[0]?.readRound, 1);
  confirm(world, 2, 0);
  confirm(world, 3, 0);
  assert.equal(confirmed(world), [], 'by nothing from before');
  confirm(world, 2, 1);
  confirm(world, 2, 1);
  assert.equal(confirmed(world), [], 'two times one is not two');
  confirm(world, 3, 1, e(0, 1));
  assert.equal(confirmed(world), [], 'by nobody of another epoch');
  world.ack(4, e1, 1, { readRound: 1 });
  assert.equal(confirmed(world), [[1, 1]]);
});

Reads('give the commit at their arrival, not an earlier one', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  world.persist();
  world.ack(2, e1, 2);
  read(world, 1);
  submit(world, { n: 2 });
  world.persist();
  world.ack(2, e1, 3);
  confirm(world, 3, 1);
  assert.equal(confirmed(world), [[1, 2]]);
});

Reads('that come during a round wait for the next one', () => {
  const world = aLeader();
  read(world, 1);
  read(world, 2);
  read(world, 3);
  confirm(world, 2, 1);
  assert.equal(confirmed(world), [[1, 1]]);
  confirm(world, 2, 1);
  assert.equal(confirmed(world), [[1, 1]]);
  confirm(world, 3, 2);
  assert.equal(
    confirmed(world).map(([nonce]) => nonce),
    [1, 2, 3],
  );
});

Reads('are not confirmed by a learner (R-D3)', () => {
  const world = aLeader();
  world.ack(2, e1, 1, { learner: true });
  read(world, 1);
  world.ack(2, e1, 1, { learner: true, readRound: 1 });
  confirm(world, 2, 1);
  assert.equal(confirmed(world), []);
  confirm(world, 3, 1);
  assert.is(confirmed(world).length, 1);
});

Reads('are refused before the barrier is committed (R6), and by who does not lead', () => {
  const elected = anElected();
  read(elected, 1);
  const follower = new PipelineWorld({ self: 3 });
  read(follower, 2);
  for (const [world, nonce] of [
    [elected, 1],
    [follower, 2],
  ] as const)
    assert.equal(world.ear.named('sessions', 'readIndex.refused'), [{ type: 'readIndex.refused', nonce }]);
});

Reads('fail when the office ends', () => {
  const world = aLeader();
  read(world, 1);
  world.receive({ type: 'readIndex.received', peer: 3, connection: 1, frame: { kind: 'readIndex', nonce: 9 } });
  world.halt(e2);
  assert.is(world.ear.named('sessions', 'readIndex.refused').length, 1);
  assert.equal(world.ear.framesOf('readIndexNo', 3), [{ kind: 'readIndexNo', nonce: 9 }]);
  confirm(world, 2, 1);
  assert.equal(confirmed(world), []);
});

Reads('of a peer are answered with its own nonce and the epoch', () => {
  const world = aLeader();
  world.receive({ type: 'readIndex.received', peer: 3, connection: 1, frame: { kind: 'readIndex', nonce: 44 } });
  confirm(world, 2, 1);
  assert.equal(world.ear.framesOf('readIndexOk', 3), [{ kind: 'readIndexOk', nonce: 44, epoch: e1, index: 1 }]);
});

Reads('a node alone is its own majority', () => {
  const world = aLeader({ voters: [1] });
  read(world, 1);
  assert.equal(confirmed(world), [[1, 1]]);
});

Reads('messages are shown up to the commit only (R11)', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  world.persist();
  let shown: readonly Batch[] | null = null;
  const ask = (): void =>
    world.receive({
      type: 'messages.read',
      afterId: 0,
      maxBytes: 1000,
      reply: (batches) => {
        shown = batches;
      },
    });
  ask();
  assert.equal(shown, []);
  world.ack(2, e1, 2);
  ask();
  assert.is((shown as unknown as readonly Batch[]).length, 1);
});

Reads.run();

// ----------------------------------------------------------------------------------------------------- grey failure

const Grey = suite('pipeline: a leader that does not get on (R23)');

const stuck = (world: PipelineWorld): number => world.ear.named('election', 'office.stuck').length;

Grey('a write after a long silence is no sign of being stuck', () => {
  const world = aLeader();
  world.clock.advance(100 * timing.suspectMs);
  submit(world, { n: 1 });
  world.clock.advance(1);
  world.beat();
  assert.is(stuck(world), 0);
});

Grey('nothing acknowledged for 4·TS although a majority answers pings is one', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  world.persist();
  world.clock.advance(4 * timing.suspectMs);
  world.beat();
  assert.is(stuck(world), 0);
  world.clock.advance(1);
  world.beat(false);
  assert.is(stuck(world), 0, 'without a majority it is R16’s business');
  world.beat();
  assert.is(stuck(world), 1);
});

Grey('honest catching up is none: what a majority needs moves', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  world.persist();
  for (let i = 0; i < 10; i++) {
    world.clock.advance(timing.suspectMs);
    world.ack(2, e1, 1);
    world.beat();
  }
  assert.is(stuck(world), 0);
});

Grey('an own fsync that is pending for a second is one', () => {
  const world = aLeader();
  submit(world, { n: 1 });
  world.ack(2, e1, 2);
  world.ack(3, e1, 2);
  world.clock.advance(1001);
  world.beat();
  assert.is(stuck(world), 1);
});

Grey.run();
