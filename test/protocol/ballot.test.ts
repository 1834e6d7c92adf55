import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Ballot, type BallotInput, type Standing } from '../../actors/protocol/ballot.ts';
import { nextEpoch, start } from '../../actors/protocol/epoch.ts';
import type { Ping } from '../../actors/protocol/frames.ts';
import { InvariantViolation } from '../../actors/protocol/logicalLog.ts';
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { at, e } from '../support/actorWorld.ts';
import { aPing } from '../support/pipelineWorld.ts';

const { suspectMs: TS, staggerMs: D, stableMs } = defaultTiming;
const follows: Standing = { leads: false, drainingFor: null };
const leads: Standing = { leads: true, drainingFor: null };

function aBallot(input: Partial<BallotInput> = {}): Ballot {
  return new Ballot({
    self: 2,
    voters: [1, 2, 3],
    priority: 0,
    timing: defaultTiming,
    promised: 0,
    position: start,
    bound: true,
    damaged: false,
    now: 0,
    ...input,
  });
}
/** All these peers answered a ping just now. */
function see(
  ballot: Ballot,
  now: number,
  peers: readonly number[] = ballot.table.peers,
  ping: Partial<Ping> = {},
): void {
  for (const peer of peers) {
    ballot.noteRtt(peer, 0, now);
    ballot.pinged(peer, aPing(ping), now, now);
  }
  ballot.retime();
}
const prepare = (epoch: number, handover: { epoch: number; by: number } | null = null) =>
  ({ kind: 'prepare', epoch, handover }) as const;

const Promises = suite('promises (R1-R4)');

Promises('only rise', () => {
  const ballot = aBallot({ promised: e(2, 1) });
  for (const epoch of [0, e(1, 3), e(2, 1)])
    assert.throws(
      () => ballot.promise(epoch),
      (error: unknown) => error instanceof InvariantViolation,
    );
  ballot.promise(e(2, 2));
  assert.is(ballot.promised, e(2, 2));
  assert.is(ballot.seen, e(2, 2));
});

Promises('an own epoch is above the promise and everything seen (R2)', () => {
  const ballot = aBallot({ promised: e(2, 1) });
  ballot.see(e(7, 3));
  assert.is(ballot.openEpoch(), e(8, 2));
  assert.is(ballot.promised, e(8, 2));
  assert.is(ballot.openEpoch(), e(9, 2));
});

Promises('pings bring the epochs of others, and change no promise', () => {
  const ballot = aBallot();
  see(ballot, 0, [1], { promised: e(4, 3), seenEpoch: e(5, 1), leading: e(6, 3) });
  assert.is(ballot.seen, e(5, 1));
  assert.is(ballot.promised, 0);
});

Promises('of a majority win, the own durable one among them (R4)', () => {
  const ballot = aBallot({ voters: [1, 2, 3, 4, 5] });
  ballot.openEpoch();
  for (const peer of [1, 3, 4]) ballot.promises.set(peer, start);
  assert.not.ok(ballot.won, 'without its own');
  ballot.promises.set(2, start);
  assert.ok(ballot.won);
  ballot.promises.delete(1);
  assert.ok(ballot.won);
  ballot.promises.delete(3);
  assert.not.ok(ballot.won);
});

Promises('of an earlier campaign do not count in the next', () => {
  const ballot = aBallot();
  ballot.openEpoch();
  ballot.promises.set(1, start);
  ballot.promises.set(2, start);
  ballot.openEpoch();
  assert.not.ok(ballot.won);
});

Promises('the most complete log is the greatest position, the own one in a tie (R4)', () => {
  const ballot = aBallot();
  ballot.openEpoch();
  ballot.promises.set(1, at(e(1, 1), 900));
  ballot.promises.set(2, at(e(2, 1), 5));
  ballot.promises.set(3, at(e(2, 1), 5));
  assert.is(ballot.best().id, 2);
  ballot.promises.set(3, at(e(2, 1), 6));
  assert.equal(ballot.best(), { id: 3, position: at(e(2, 1), 6) });
});

Promises.run();

const Prepares = suite('verdicts on PREPARE (R3, R12, R17)');

interface Case {
  readonly name: string;
  readonly promised?: number;
  readonly leader?: number;
  readonly silentMs?: number;
  readonly standing?: Standing;
  readonly from?: number;
  readonly epoch: number;
  readonly token?: { readonly epoch: number; readonly by: number };
  readonly damaged?: boolean;
  readonly bound?: boolean;
  readonly verdict: 'promise' | 'again' | 'nack';
}
const one = e(1, 1);
const cases: readonly Case[] = [
  { name: 'a higher epoch without a leader', promised: one, epoch: e(2, 3), verdict: 'promise' },
  { name: 'the same epoch from its owner', promised: e(2, 3), epoch: e(2, 3), verdict: 'again' },
  { name: 'a lower epoch', promised: e(3, 1), epoch: e(2, 3), verdict: 'nack' },
  { name: 'an epoch that is not the sender’s', promised: one, from: 3, epoch: e(2, 1), verdict: 'nack' },
  { name: 'a live leader is there (R12)', promised: one, leader: one, epoch: e(2, 3), verdict: 'nack' },
  {
    name: 'the leader has been silent for TS',
    promised: one,
    leader: one,
    silentMs: TS,
    epoch: e(2, 3),
    verdict: 'nack',
  },
  {
    name: 'the leader has been silent for longer',
    promised: one,
    leader: one,
    silentMs: TS + 1,
    epoch: e(2, 3),
    verdict: 'promise',
  },
  {
    name: 'the live leader itself, with a higher epoch (R18)',
    promised: one,
    leader: one,
    from: 1,
    epoch: e(2, 1),
    verdict: 'promise',
  },
  { name: 'it leads itself', promised: e(1, 2), standing: leads, epoch: e(2, 3), verdict: 'nack' },
  {
    name: 'a token of its leader (R17)',
    promised: one,
    leader: one,
    epoch: e(2, 3),
    token: { epoch: one, by: 1 },
    verdict: 'promise',
  },
  {
    name: 'a token of another leadership',
    promised: one,
    leader: one,
    epoch: e(3, 3),
    token: { epoch: e(2, 1), by: 1 },
    verdict: 'nack',
  },
  {
    name: 'a token of an earlier leadership, the present leader is another',
    promised: e(2, 1),
    leader: e(2, 1),
    epoch: e(3, 3),
    token: { epoch: one, by: 1 },
    verdict: 'nack',
  },
  {
    name: 'its own token, while it drains for the sender',
    promised: e(1, 2),
    standing: { leads: true, drainingFor: 3 },
    epoch: e(2, 3),
    token: { epoch: e(1, 2), by: 2 },
    verdict: 'promise',
  },
  {
    name: 'its own token, while it drains for another',
    promised: e(1, 2),
    standing: { leads: true, drainingFor: 1 },
    epoch: e(2, 3),
    token: { epoch: e(1, 2), by: 2 },
    verdict: 'nack',
  },
  {
    name: 'its own token, come late',
    promised: e(1, 2),
    standing: leads,
    epoch: e(2, 3),
    token: { epoch: e(1, 2), by: 2 },
    verdict: 'nack',
  },
  { name: 'a damaged node (R-D3)', promised: one, epoch: e(2, 3), damaged: true, verdict: 'nack' },
  { name: 'a damaged node, the same epoch', promised: e(2, 3), epoch: e(2, 3), damaged: true, verdict: 'nack' },
  { name: 'a node of no cluster (R25)', promised: one, epoch: e(2, 3), bound: false, verdict: 'nack' },
];
for (const {
  name,
  promised = 0,
  leader,
  silentMs = 0,
  standing = follows,
  from = 3,
  epoch,
  token,
  damaged,
  bound,
  verdict,
} of cases) {
  Prepares(`${name}: ${verdict}`, () => {
    const ballot = aBallot({ promised, damaged: damaged ?? false, bound: bound ?? true });
    if (leader !== undefined) ballot.hearLeader(leader, 1000);
    assert.is(ballot.judgePrepare(prepare(epoch, token ?? null), from, standing, 1000 + silentMs), verdict);
    assert.is(ballot.promised, promised, 'a question changes no promise');
  });
}

Prepares('a NACK names what was seen, and the leader only while it is heard', () => {
  const ballot = aBallot({ promised: one });
  ballot.see(e(4, 3));
  assert.equal(ballot.nack(e(2, 3), follows, 0), {
    kind: 'nack',
    refused: e(2, 3),
    seenEpoch: e(4, 3),
    leaderEpoch: 0,
  });
  ballot.hearLeader(one, 0);
  assert.is(ballot.nack(e(2, 3), follows, TS).leaderEpoch, one);
  assert.is(ballot.nack(e(2, 3), follows, TS + 1).leaderEpoch, 0);
  assert.is(aBallot({ promised: e(1, 2) }).nack(e(2, 3), leads, 0).leaderEpoch, e(1, 2));
});

Prepares.run();

const Probes = suite('verdicts on PROBE (R12-R14)');

/** The boot grace is over, and no leader is known since `TS`. */
function aLonelyBallot(input: Partial<BallotInput> = {}): Ballot {
  const ballot = aBallot(input);
  see(ballot, TS);
  return ballot;
}

Probes('without a leader everybody is granted, whatever log or epoch it has (R13)', () => {
  const ballot = aLonelyBallot({ promised: e(9, 3), position: at(e(9, 3), 1000) });
  assert.is(ballot.judgeProbe(3, follows, TS), 'ok');
  assert.is(ballot.promised, e(9, 3));
});

Probes('a leader that is heard, or led by itself, is kept (R12)', () => {
  const ballot = aLonelyBallot({ promised: one });
  ballot.hearLeader(one, 1000);
  assert.is(ballot.judgeProbe(3, follows, 1000 + TS), 'leader');
  see(ballot, 1000 + TS, [], {});
  assert.is(ballot.judgeProbe(3, follows, 1001 + TS), 'ok');
  assert.is(ballot.judgeProbe(3, leads, 5000), 'leader');
});

Probes('the leader that asks itself has none any more', () => {
  const ballot = aLonelyBallot({ promised: e(1, 3) });
  ballot.hearLeader(e(1, 3), 1000);
  assert.is(ballot.judgeProbe(3, follows, 1000), 'ok');
});

Probes('a lower one is told that a higher one is there, at most four times (R14)', () => {
  const ballot = aLonelyBallot();
  const verdicts = Array.from({ length: 6 }, () => ballot.judgeProbe(1, follows, TS));
  assert.equal(verdicts, ['bully', 'bully', 'bully', 'bully', 'ok', 'ok']);
});

Probes('and only for (n+2)·D after the leader was lost (R14)', () => {
  const until = TS + 5 * D;
  const ballot = aLonelyBallot();
  see(ballot, until - 1);
  assert.is(ballot.judgeProbe(1, follows, until - 1), 'bully');
  see(ballot, until);
  assert.is(ballot.judgeProbe(1, follows, until), 'ok');
});

Probes('a higher one that could not win does not stand in the way (R14)', () => {
  const disconnected = aBallot();
  assert.is(disconnected.judgeProbe(1, follows, TS), 'ok');
  const grey = aLonelyBallot();
  grey.turnGrey(TS);
  assert.is(grey.judgeProbe(1, follows, TS), 'ok');
  const leaving = aLonelyBallot();
  leaving.leaving = true;
  assert.is(leaving.judgeProbe(1, follows, TS), 'ok');
  const behind = aBallot({ position: at(one, 10) });
  see(behind, 0, [1, 3], { position: at(one, 900_000) });
  see(behind, 1200, [1, 3], { position: at(one, 900_000) });
  behind.loseLeader(1200);
  assert.is(behind.judgeProbe(1, follows, 1200), 'ok');
});

Probes('a damaged or unbound node abstains', () => {
  assert.is(aLonelyBallot({ damaged: true }).judgeProbe(1, follows, TS), 'abstain');
  assert.is(aLonelyBallot({ bound: false }).judgeProbe(1, follows, TS), 'abstain');
});

Probes.run();

const Starts = suite('when a node probes (R15, R20, R21, R23)');

Starts('a booting node waits TS, and then its rank (R15, R21)', () => {
  const ballot = aBallot({ self: 1 });
  see(ballot, 0);
  assert.is(ballot.probeAt(0), TS + 2 * D);
  see(ballot, 0, [3], { unelectable: 'damaged' });
  assert.is(ballot.probeAt(0), TS + D);
  assert.is(aBallot({ self: 3 }).probeAt(0), TS);
});

Starts('only who is quorumConnected, bound, whole and staying probes', () => {
  const ballot = aBallot({ self: 3 });
  assert.not.ok(ballot.mayProbe(TS), 'nobody answers');
  see(ballot, TS);
  assert.ok(ballot.mayProbe(TS));
  ballot.leaving = true;
  assert.not.ok(ballot.mayProbe(TS));
  for (const input of [{ bound: false }, { damaged: true }]) {
    const other = aBallot({ self: 3, ...input });
    see(other, TS);
    assert.not.ok(other.mayProbe(TS), JSON.stringify(input));
  }
  const led = aBallot({ self: 3 });
  see(led, TS);
  led.hearLeader(one, TS);
  assert.not.ok(led.mayProbe(TS + 1));
});

Starts(
  'who has not measured how long a majority takes to answer does not probe: it would not wait for the answers',
  () => {
    const ballot = aBallot({ self: 3 });
    for (const peer of [1, 2]) ballot.pinged(peer, aPing(), TS, TS);
    ballot.retime();
    assert.ok(ballot.quorumConnected(TS));
    assert.not.ok(ballot.mayProbe(TS));
    ballot.noteRtt(2, 252, TS);
    assert.not.ok(ballot.mayProbe(TS), 'its waits do not follow yet');
    ballot.retime();
    assert.ok(ballot.mayProbe(TS) && ballot.timing.probingMs > 252);
    // What was measured over a connection that this side has closed is forgotten; that the peer is up is not.
    ballot.forgetRtt(2);
    ballot.retime();
    assert.not.ok(ballot.mayProbe(TS));
  },
);

Starts(
  'the first leader of all waits for a higher one, also for one that is up and does not know its majority yet',
  () => {
    const ballot = aBallot({ self: 2, bound: false });
    ballot.bind(0);
    see(ballot, TS, [1, 3]);
    see(ballot, TS, [3], { quorumConnected: false });
    assert.is(ballot.probeAt(TS), 4 * TS);
    see(ballot, TS, [3], { quorumConnected: true });
    assert.is(ballot.probeAt(TS), TS + D, 'now it comes first by its rank');
  },
);

Starts('a round that led nowhere is tried again after a random half to three D', () => {
  const ballot = aBallot({ self: 3 });
  ballot.retryAfterFailure(1000, 0);
  assert.is(ballot.probeAt(1000), 1000 + D / 2);
  ballot.retryAfterFailure(1000, 1);
  assert.is(ballot.probeAt(1000), 1000 + 3 * D);
});

Starts('who is told of a leader backs off, doubling to TS (R14)', () => {
  const ballot = aBallot({ self: 3 });
  const waits = Array.from({ length: 8 }, () => {
    ballot.retryAfterRefusal(1000, 0.5);
    return ballot.probeAt(1000) - 1000;
  });
  assert.equal(waits, [10, 20, 40, 80, 160, 250, 250, 250]);
  ballot.hearLeader(one, 2000);
  ballot.loseLeader(2000);
  ballot.retryAfterRefusal(3000, 0.5);
  assert.is(ballot.probeAt(3000), 3010);
});

Starts('after a bully’s answer its own probe comes at once, but not before the boot grace ends (R14)', () => {
  const ballot = aBallot({ self: 3 });
  ballot.takeOver(10);
  assert.is(ballot.probeAt(10), TS);
  ballot.retryAfterFailure(TS, 1);
  ballot.takeOver(TS + 5);
  assert.is(ballot.probeAt(TS + 5), TS + 5);
});

Starts('who was asleep suspects nobody before it has read its sockets (R20)', () => {
  const ballot = aBallot();
  ballot.hearLeader(one, 1000);
  ballot.noteTimer(1050, 3000);
  assert.ok(ballot.leaderAlive(3000));
  assert.ok(ballot.leaderAlive(3000 + ballot.timing.heartbeatMs - 1));
  assert.not.ok(ballot.leaderAlive(3000 + ballot.timing.heartbeatMs));
  assert.is(ballot.measured.loopLagP99Ms, 0, 'a pause is no lag');
});

Starts('a timer that is a little late is only measured', () => {
  const ballot = aBallot();
  ballot.hearLeader(one, 1000);
  ballot.noteTimer(1240, 1260);
  assert.not.ok(ballot.leaderAlive(1260));
  assert.is(ballot.measured.loopLagP99Ms, 20);
});

Starts('a grey node waits n·D more, and for longer each time (R23)', () => {
  const ballot = aBallot({ self: 3 });
  ballot.turnGrey(1000);
  assert.is(ballot.unelectable(1000), 'grey');
  assert.is(ballot.probeAt(1000), TS + 3 * D);
  assert.not.equal(ballot.unelectable(1000 + 10 * TS), 'grey');
  ballot.turnGrey(10_000);
  assert.is(ballot.unelectable(10_000 + 20 * TS - 1), 'grey');
  const late = 10_000 + 20 * TS + 640 * TS + 1; // It has been well for long: counted anew.
  ballot.turnGrey(late);
  assert.is(ballot.unelectable(late + 10 * TS - 1), 'grey');
  assert.not.equal(ballot.unelectable(late + 10 * TS), 'grey');
});

Starts('a node whose disk is full does not stand: its promise would wait for room (R18)', () => {
  const ballot = aBallot({ self: 3, voters: [3] });
  assert.ok(ballot.mayProbe(10_000));
  ballot.diskFull = true;
  assert.not.ok(ballot.mayProbe(10_000));
  ballot.diskFull = false;
  assert.ok(ballot.mayProbe(10_000));
});

Starts('the grace begins anew for a node that is bound, once (R25)', () => {
  const ballot = aBallot({ self: 3, bound: false });
  ballot.bind(5000);
  assert.is(ballot.probeAt(5000), 5000 + TS);
  ballot.bind(9000);
  assert.is(ballot.probeAt(9000), 5000 + TS);
});

Starts.run();

const Signs = suite('data as a sign of life (R12, R16)');

Signs('a leader is heard and a peer is up while their data comes in, though their pings wait behind it', () => {
  const ballot = aBallot({ self: 1 });
  see(ballot, 1000);
  ballot.hearLeader(e(1, 3), 1000);
  for (let now = 1200; now <= 9000; now += 200) ballot.receiving(3, now);
  assert.ok(ballot.leaderAlive(9000 + TS));
  assert.not.ok(ballot.leaderAlive(9001 + TS));
  assert.ok(ballot.table.up(3, 9000, TS));
  assert.not.ok(ballot.table.up(2, 9000, TS), 'its data says nothing of others');
});

Signs('the data of a leader that said it resigned, or was silent too long, is no reason to wait for it', () => {
  const ballot = aBallot({ self: 1 });
  see(ballot, 1000);
  ballot.hearLeader(e(1, 3), 1000);
  see(ballot, 1100, [3], { leading: 0 });
  ballot.receiving(3, 1200);
  assert.not.ok(ballot.leaderAlive(1001 + TS));
  ballot.hearLeader(e(1, 3), 2000);
  ballot.receiving(3, 2001 + TS);
  assert.not.ok(ballot.leaderAlive(2001 + TS));
});

Signs('a peer that never answered is not up by its data', () => {
  const ballot = aBallot({ self: 1 });
  ballot.receiving(3, 1000);
  assert.not.ok(ballot.table.up(3, 1000, TS));
});

Signs.run();

const Leaders = suite('keeping and losing the lead (R16-R18)');

function aLeader(voters = [1, 2, 3]): Ballot {
  const ballot = aBallot({ voters });
  ballot.openEpoch();
  ballot.beginLeading(1000);
  see(ballot, 1000);
  return ballot;
}

Leaders('a leader steps down when no majority has answered for 2·TS (R16)', () => {
  const ballot = aLeader();
  assert.not.ok(ballot.lostQuorum(1000 + 2 * TS));
  assert.ok(ballot.lostQuorum(1001 + 2 * TS));
  see(ballot, 1001 + 2 * TS, [3]);
  assert.not.ok(ballot.lostQuorum(1001 + 2 * TS));
});

Leaders('not in its first TS, and not just after it was asleep itself (R20)', () => {
  const fresh = aBallot();
  fresh.openEpoch();
  fresh.beginLeading(1000);
  assert.not.ok(fresh.lostQuorum(1000 + TS));
  assert.ok(fresh.lostQuorum(1001 + TS));
  const asleep = aLeader();
  asleep.noteTimer(1050, 5000);
  assert.not.ok(asleep.lostQuorum(5000));
  assert.ok(asleep.lostQuorum(5000 + asleep.timing.heartbeatMs));
});

Leaders('renews its epoch only when it leads for TS, is connected, and nobody leads the higher one (R18)', () => {
  const ballot = aLeader();
  const higher = nextEpoch(3, ballot.promised);
  const later = 1000 + TS;
  see(ballot, later);
  assert.ok(ballot.mustRenew(higher, 0, later));
  assert.not.ok(ballot.mustRenew(ballot.promised, 0, later));
  assert.not.ok(ballot.mustRenew(higher, higher, later));
  assert.not.ok(ballot.mustRenew(higher, 0, later - 1));
  assert.not.ok(ballot.mustRenew(higher, 0, later + TS + 1), 'nobody has answered');
});

Leaders('a ping names a leader from the own promise on, and never this node', () => {
  const ballot = aBallot({ promised: e(2, 1) });
  const names = (leading: number): boolean => ballot.namesLeader(aPing({ leading }));
  assert.equal([0, e(1, 3), e(2, 1), e(2, 3), e(2, 2)].map(names), [false, false, true, true, false]);
});

Leaders('a higher one that came back now, or is not near, is not handed the lead (R17)', () => {
  const ballot = aLeader();
  for (let now = 1000; now < 1000 + 10 * stableMs; now += 50) see(ballot, now);
  assert.is(ballot.successor(1000 + 10 * stableMs), null, 'never near');
  const late = aLeader();
  late.noteNear(3, true, 1100);
  see(late, 30_000);
  assert.is(late.successor(30_000), null, 'up since just now');
});

Leaders('one that was up and near for TSTABLE is (R17)', () => {
  const ballot = aLeader();
  ballot.noteNear(3, true, 1100);
  ballot.noteNear(1, true, 1100);
  for (let now = 1000; now < 1100 + stableMs; now += 50) {
    see(ballot, now);
    assert.is(ballot.successor(now), null, `at ${now}`);
  }
  see(ballot, 1100 + stableMs);
  assert.is(ballot.successor(1100 + stableMs), 3);
  ballot.noteNear(3, false, 4000);
  assert.is(ballot.successor(1100 + stableMs), null, 'not to the lower one, which is near');
});

Leaders('waits twice as long after each failed hand-over, up to 16 times (R17)', () => {
  const ballot = aLeader();
  ballot.noteNear(3, true, 1000);
  for (let failures = 0, begin = 1000; failures < 7; failures++) {
    const due = begin + Math.min(16, 2 ** failures) * stableMs;
    for (let now = begin; now < due; now += 200) see(ballot, now);
    see(ballot, due - 1);
    assert.is(ballot.successor(due - 1), null, `${failures} failures`);
    see(ballot, due);
    assert.is(ballot.successor(due), 3, `${failures} failures`);
    ballot.noteFailedHandover(3);
    ballot.table.closed(3); // It comes back, and its time begins anew.
    begin = due + 1;
  }
});

Leaders('who leaves takes the best that is near, higher or not (R17b)', () => {
  const ballot = aLeader();
  ballot.leaving = true;
  assert.is(ballot.successor(1000), null);
  ballot.noteNear(1, true, 1000);
  assert.is(ballot.successor(1000), 1);
  ballot.noteNear(3, true, 1000);
  assert.is(ballot.successor(1000), 3);
});

Leaders('who leaves hands nothing to nodes that promised a later epoch: it must renew first (R17b, R18)', () => {
  const ballot = aLeader();
  ballot.leaving = true;
  for (const peer of [1, 3]) ballot.noteNear(peer, true, 1000);
  see(ballot, 1000, [3], { promised: e(40, 3) });
  assert.is(ballot.successor(1000), null, 'nor to another one, against whom it may stand');
  see(ballot, 1050, [3], { promised: ballot.promised });
  assert.is(ballot.successor(1050), 3);
});

Leaders.run();
