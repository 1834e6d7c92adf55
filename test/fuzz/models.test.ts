/** Pure parts against a naive model of each: any row of steps, and after each step both say the same. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../actors/protocol/batch.ts';
import { type NodeId, start } from '../../actors/protocol/epoch.ts';
import { type Ping, unelectableReasons } from '../../actors/protocol/frames.ts';
import { KeyTable } from '../../actors/protocol/keyTable.ts';
import { InvariantViolation, LogicalLog } from '../../actors/protocol/logicalLog.ts';
import { PeerTable } from '../../actors/protocol/peerTable.ts';
import { Progress } from '../../actors/protocol/progress.ts';
import { firstWindowBytes } from '../../actors/protocol/window.ts';
import { aBatch, aWrite, e, emptyLog, nothingBefore } from '../support/actorWorld.ts';
import { aPing } from '../support/pipelineWorld.ts';
import { holds, record } from './property.ts';

const steps = <T>(step: fc.Arbitrary<T>, maxLength = 60): fc.Arbitrary<T[]> => fc.array(step, { maxLength });
const constant = <const T extends string>(kind: T): fc.Arbitrary<T> => fc.constant(kind);

// -------------------------------------------------------------------------------------------------- idempotency keys

const Keys = suite('model: idempotency keys');

Keys('are those of the last entries, each with its newest write', () => {
  const write = record({ key: fc.option(fc.nat(12)), messages: fc.integer({ min: 1, max: 3 }) });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: record({ kind: constant('commit'), writes: fc.array(write, { minLength: 1, maxLength: 3 }) }),
    },
    { weight: 1, arbitrary: record({ kind: constant('barrier') }) },
  );
  holds(
    fc.property(
      fc.integer({ min: 1, max: 15 }),
      fc.integer({ min: 1, max: 15 }),
      steps(step),
      (kept, keptKeys, taken) => {
        const table = new KeyTable({ keptEntries: kept, keptKeys });
        let floor = 0;
        /** Every keyed write of the log, oldest first. */
        let model: { readonly key: string; readonly index: number; readonly count: number }[] = [];
        let before = nothingBefore;
        let n = 0;
        for (const each of taken) {
          const writes =
            each.kind === 'barrier'
              ? ('barrier' as const)
              : each.writes.map(({ key, messages }) =>
                  aWrite({
                    n: ++n,
                    contents: Array<string>(messages).fill('m'),
                    ...(key !== null && { key: `${key}` }),
                  }),
                );
          const batch = aBatch(before, e(1, 1), writes);
          before = batch;
          table.commit(batch);
          let index = batch.baseIndex;
          for (const { key, count } of writes === 'barrier' ? [] : writes) {
            if (key) model = [...model.filter((old) => old.key !== key.key), { key: key.key, index, count }];
            index += count;
          }
          floor = Math.max(floor, batch.endIndex - kept, model.at(-1 - keptKeys)?.index ?? 0);
          model = model.filter((old) => old.index > floor);
          assert.is(table.floor, floor);
          assert.is(table.size, model.length);
          for (let key = 0; key <= 12; key++) {
            const { index: place, count } = table.get(`${key}`) ?? {};
            const wanted = model.find((old) => old.key === `${key}`);
            assert.equal({ place, count }, { place: wanted?.index, count: wanted?.count }, `key ${key}`);
          }
        }
      },
    ),
  );
});
Keys.run();

// ------------------------------------------------------------------------------------------------------- the log

const Log = suite('model: the logical log');

Log('is a list of batches with a committed beginning, whatever has left its memory', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: record({ kind: constant('append'), messages: fc.nat(3), bytes: fc.nat(60) }) },
    { weight: 1, arbitrary: record({ kind: constant('newEpoch') }) },
    { weight: 2, arbitrary: record({ kind: constant('commit'), share: fc.nat(100) }) },
    { weight: 2, arbitrary: record({ kind: constant('cut'), share: fc.nat(100) }) },
    { weight: 1, arbitrary: record({ kind: constant('durable'), share: fc.nat(100) }) },
    { weight: 1, arbitrary: record({ kind: constant('split'), back: fc.integer({ min: 1, max: 9 }) }) },
  );
  holds(
    fc.property(fc.integer({ min: 0, max: 2000 }), steps(step), (tailBytes, taken) => {
      const log = new LogicalLog(emptyLog, tailBytes);
      let model: Batch[] = [];
      let commit = 0;
      let round = 1;
      const end = (): number => model.at(-1)?.endIndex ?? 0;
      for (const each of taken) {
        switch (each.kind) {
          case 'append': {
            const contents = Array<string>(each.messages).fill('x'.repeat(each.bytes));
            const batch = aBatch(
              model.at(-1) ?? nothingBefore,
              e(round, 1),
              contents.length ? [aWrite({ contents })] : 'barrier',
            );
            model.push(batch);
            log.append(batch);
            break;
          }
          case 'newEpoch':
            round++;
            break;
          case 'commit': {
            const open = model.filter(({ endIndex }) => endIndex > commit);
            const upTo = open[Math.floor((each.share / 101) * open.length)];
            if (!upTo) break;
            const moved = log.commitTo(upTo.endIndex);
            assert.equal(
              moved.map((batch) => batch.baseIndex),
              open.slice(0, open.indexOf(upTo) + 1).map((batch) => batch.baseIndex),
            );
            commit = upTo.endIndex;
            break;
          }
          case 'cut': {
            const ends = [commit, ...model.map(({ endIndex }) => endIndex).filter((index) => index > commit)];
            const after = ends[Math.floor((each.share / 101) * ends.length)] as number;
            log.cutAfter(after);
            log.durable = Math.min(log.durable, after);
            model = model.filter(({ endIndex }) => endIndex <= after);
            round++; // Another leader replaces them.
            break;
          }
          case 'durable':
            log.durable = Math.floor((each.share / 100) * end());
            break;
          case 'split': {
            // Inside a batch, or at or below the commit: an order that must never be obeyed.
            const index = end() - each.back;
            const isEnd = index === 0 || model.some(({ endIndex }) => endIndex === index);
            if (index >= 0 && (!isEnd || index < commit)) assert.throws(() => log.cutAfter(index), isViolation);
            return; // A node that hears of a violation has ended.
          }
        }
        agrees(log, model, commit);
      }
    }),
  );
});
const isViolation = (error: Error): boolean => error instanceof InvariantViolation;

function agrees(log: LogicalLog, model: readonly Batch[], commit: number): void {
  const newest = model.at(-1);
  const committed = model.filter(({ endIndex }) => endIndex <= commit);
  assert.equal(log.last, newest?.end ?? start);
  assert.is(log.lastLamport, newest?.endLamport ?? 0);
  assert.is(log.nextId, newest?.nextId ?? 1);
  assert.is(log.commit, commit);
  assert.is(log.commitLamport, committed.at(-1)?.endLamport ?? 0);
  assert.is(log.lastCommittedId, (committed.at(-1)?.nextId ?? 1) - 1);
  for (let index = 0; index <= (newest?.endIndex ?? 0) + 1; index++) {
    const holder = model.find((batch) => batch.baseIndex <= index && index <= batch.endIndex);
    assert.is(log.epochAt(index), holder?.epoch ?? 0);
    const following = log.batchesAfter(index, 200);
    const wanted = model.filter((batch) => batch.endIndex > index);
    if (following === 'cold') assert.ok(index < commit, 'only what is committed leaves the memory');
    else agreeOn(following, wanted, 200);
    if (!holder) continue;
    assert.ok(log.holds({ epoch: holder.epoch, index }));
    assert.not.ok(log.holds({ epoch: holder.epoch + 1, index }));
    for (const epoch of [holder.epoch - 1, holder.epoch, holder.epoch + 65_536]) {
      const below = model.findLast((batch) => batch.epoch <= epoch && batch.baseIndex <= index);
      const wanted = below ? { epoch: below.epoch, index: Math.min(below.endIndex, index) } : start;
      assert.equal(log.hintBelow({ epoch, index }), wanted, `a hint for ${index} of epoch ${epoch}`);
    }
  }
  for (let id = 0; id <= log.lastCommittedId + 1; id++) {
    const shown = log.committedAfterId(id, 200);
    if (shown !== 'cold')
      agreeOn(
        shown,
        committed.filter((batch) => batch.nextId > id + 1),
        200,
      );
  }
}
/** The first of these, in order, as many as fit, at least one. */
function agreeOn(found: readonly Batch[], wanted: readonly Batch[], maxBytes: number): void {
  let bytes = 0;
  const fitting = wanted.filter((batch, i) => {
    bytes += batch.bytes.length;
    return i === 0 || bytes <= maxBytes;
  });
  assert.equal(
    found.map(({ baseIndex, crc }) => [baseIndex, crc]),
    fitting.map(({ baseIndex, crc }) => [baseIndex, crc]),
  );
}
Log.run();

// ------------------------------------------------------------------------------------------ a follower's progress

const Sending = suite('model: the progress of a follower');

Sending('never counts what was not acknowledged, and keeps its window', () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: record({ kind: constant('send'), entries: fc.integer({ min: 1, max: 5 }), bytes: fc.nat(300_000) }),
    },
    { weight: 4, arbitrary: record({ kind: constant('ack'), share: fc.nat(100), learner: fc.boolean() }) },
    { weight: 1, arbitrary: record({ kind: constant('reject'), share: fc.nat(100) }) },
    { weight: 1, arbitrary: record({ kind: constant('restart'), share: fc.nat(100) }) },
    { weight: 1, arbitrary: record({ kind: constant('rtt'), ms: fc.nat(500) }) },
  );
  holds(
    fc.property(steps(step, 100), (taken) => {
      const progress = new Progress(1, 0);
      let now = 0;
      let match = 0;
      let isProbing = true;
      /** Unanswered, oldest first. */
      let inFlight: { readonly end: number; readonly bytes: number }[] = [];
      for (const each of taken) {
        now++;
        const within = (share: number): number => Math.floor((share / 100) * (progress.next - 1));
        switch (each.kind) {
          case 'send': {
            if (progress.room === 0) break; // A2.
            assert.ok(!isProbing || inFlight.length === 0, 'one frame while it probes');
            const end = progress.next + each.entries - 1;
            progress.sent(end, each.bytes, now);
            inFlight.push({ end, bytes: each.bytes });
            assert.is(progress.next, end + 1);
            break;
          }
          case 'ack': {
            const index = within(each.share);
            progress.acknowledged(index, each.learner, now);
            if (!each.learner) match = Math.max(match, index);
            while (inFlight[0] && inFlight[0].end <= index) inFlight = inFlight.slice(1);
            isProbing = false;
            break;
          }
          case 'reject': {
            const next = within(each.share) + 1;
            if (!progress.rejected(next - 1, now)) break;
            inFlight = [];
            isProbing = true;
            assert.is(progress.next, next);
            break;
          }
          case 'restart':
            progress.restart(within(each.share), now);
            inFlight = [];
            isProbing = true;
            break;
          case 'rtt':
            progress.noteRoundTrip(each.ms);
        }
        const bytes = inFlight.reduce((sum, frame) => sum + frame.bytes, 0);
        assert.is(progress.match, match);
        assert.is(progress.probing, isProbing);
        assert.is(progress.idle, inFlight.length === 0);
        assert.ok(progress.next >= 1);
        assert.ok(progress.room >= 0 && progress.room <= 8 * firstWindowBytes);
        // One frame may be bigger than the window; with what stands before it that was not full.
        assert.ok(inFlight.length <= 1 || bytes <= 8 * firstWindowBytes + 300_000);
        if (inFlight.length > 0 && isProbing) assert.is(progress.room, 0);
      }
    }),
    2,
  );
});
Sending.run();

// --------------------------------------------------------------------------------------------------------- peers

const Peers = suite('model: what is known of peers');
const voters: readonly NodeId[] = [1, 2, 3, 4, 5];
const [self, suspectMs] = [3, 100];

interface View {
  readonly roundTripSentAt: number;
  readonly quorumConnected: boolean;
  readonly unelectable: Ping['unelectable'];
  readonly priority: number;
}
const unseen: View = {
  roundTripSentAt: Number.NEGATIVE_INFINITY,
  quorumConnected: false,
  unelectable: 'none',
  priority: 0,
};
Peers('are up by round trips alone, and ranked by priority, then id, among those that could lead', () => {
  const peer = fc.constantFrom(1, 2, 4, 5, 9);
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: record({
        kind: constant('ping'),
        peer,
        ageMs: fc.option(fc.nat(150)),
        quorumConnected: fc.boolean(),
        unelectable: fc.constantFrom('none' as const, ...unelectableReasons),
      }),
    },
    { weight: 2, arbitrary: record({ kind: constant('pass'), ms: fc.nat(80) }) },
    { weight: 1, arbitrary: record({ kind: constant('closed'), peer }) },
    { weight: 1, arbitrary: record({ kind: constant('greeted'), peer, priority: fc.integer({ min: -1, max: 1 }) }) },
  );
  holds(
    fc.property(fc.integer({ min: -1, max: 1 }), steps(step, 80), (priority, taken) => {
      const table = new PeerTable(self, priority, voters);
      const views = new Map<NodeId, View>(voters.filter((id) => id !== self).map((id) => [id, unseen]));
      let now = 1000;
      for (const each of taken) {
        const view = 'peer' in each ? views.get(each.peer) : undefined;
        switch (each.kind) {
          case 'ping': {
            const sentAt = typeof each.ageMs === 'number' ? now - each.ageMs : -1;
            const { quorumConnected, unelectable } = each;
            table.pinged(each.peer, aPing({ quorumConnected, unelectable }), sentAt, now, suspectMs);
            const roundTripSentAt = Math.max(view?.roundTripSentAt ?? 0, sentAt);
            if (view) views.set(each.peer, { ...view, roundTripSentAt, quorumConnected, unelectable });
            break;
          }
          case 'pass':
            now += each.ms;
            break;
          case 'closed':
            table.closed(each.peer);
            if (view) views.set(each.peer, { ...unseen, priority: view.priority });
            break;
          case 'greeted':
            table.greeted(each.peer, each.priority);
            if (view) views.set(each.peer, { ...view, priority: each.priority });
        }
        const isUp = (id: NodeId): boolean => now - (views.get(id) ?? unseen).roundTripSentAt <= suspectMs;
        const up = [...views.keys()].filter(isUp);
        assert.equal(
          table.peers.filter((id) => table.up(id, now, suspectMs)),
          up,
        );
        assert.not.ok(table.up(9, now, suspectMs), 'a stranger is never up');
        assert.is(table.quorumConnected(now, suspectMs), up.length + 1 >= 3);
        for (const id of up) assert.ok(table.upSince(id) <= now, `${id} is up since some time`);
        const rank = (id: NodeId): number => (id === self ? priority : (views.get(id)?.priority ?? 0)) * 1000 + id;
        const able = up
          .filter((id) => views.get(id)?.quorumConnected && views.get(id)?.unelectable === 'none')
          .sort((a, b) => rank(b) - rank(a));
        const better = able.filter((id) => rank(id) > rank(self));
        assert.equal(table.successors(start, now, suspectMs), able);
        assert.equal(table.betterLeaders(start, now, suspectMs), better);
        assert.is(table.rank(start, now, suspectMs), better.length);
      }
    }),
  );
});
Peers.run();
