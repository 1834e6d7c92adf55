/** Counters, samples and the causality check. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MetricsEvent, Violation } from '../../actors/events.ts';
import { Metrics } from '../../actors/metrics.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import { aBatch, aLog, aScope, aWrite, e, nothingBefore } from '../support/actorWorld.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const Numbers = suite('metrics');

function aMetrics(violations: readonly Violation[] = [], wantsDebug = false) {
  const clock = new VirtualClock(10_000);
  const log = aLog(wantsDebug);
  const { scope, ear } = aScope();
  const metrics = new Metrics({ self: 1, clock, log, violations }, scope);
  let seen = 0;
  const advance = (ms: number): void => {
    const end = clock.now() + ms;
    while (clock.nextAt <= end) {
      clock.runNext();
      for (; seen < ear.told.length; seen++) metrics.receive(ear.told[seen]?.event as MetricsEvent);
    }
    clock.runUntil(end);
  };
  let before: Batch | typeof nothingBefore = nothingBefore;
  const commit = (messages: number): void => {
    const contents = Array<string>(messages).fill('m');
    const batch = aBatch(before, e(1, 1), messages === 0 ? 'barrier' : [aWrite({ contents })]);
    before = batch;
    const lastId = batch.nextId - 1;
    metrics.receive({
      type: 'commit.advanced',
      commit: batch.endIndex,
      lamport: batch.endLamport,
      lastId,
      batches: [batch],
    });
  };
  return { clock, log, metrics, advance, commit, infos: () => log.lines.filter(({ level }) => level === 'info') };
}
const store = (metrics: Metrics, lamport: number, previousLamport: number): void =>
  metrics.receive({
    type: 'batch.stored',
    batch: aBatch(nothingBefore, e(1, 1), [aWrite()], lamport),
    previousLamport,
  });

Numbers('the causality check finds a batch that does not begin above what stands before it (A1)', () => {
  const { metrics, log } = aMetrics();
  store(metrics, 5, 4);
  store(metrics, 900, 5);
  assert.is(metrics.read().causalityViolations, 0);
  store(metrics, 900, 900);
  assert.is(metrics.read().causalityViolations, 1);
  store(metrics, 3, 900);
  assert.is(metrics.read().causalityViolations, 2);
  assert.equal(
    log.lines.map(({ level, event }) => [level, event]),
    [
      ['error', 'causality_violation'],
      ['error', 'causality_violation'],
    ],
  );
});

Numbers('what recovery found counts as well', () => {
  const batch = aBatch(nothingBefore, e(1, 1), [aWrite()]);
  const violation = { batch, previousLamport: 77 };
  const { metrics, log } = aMetrics([violation, violation]);
  assert.is(metrics.read().causalityViolations, 2);
  assert.equal(
    log.lines.map(({ fields }) => fields?.previous_lamport),
    [77, 77],
  );
});

Numbers('messages that this node took and those that came from others', () => {
  const { metrics, commit } = aMetrics();
  metrics.receive({ type: 'messages.taken', count: 4 });
  commit(10);
  commit(0);
  const { messagesSent, messagesReceived } = metrics.read();
  assert.equal([messagesSent, messagesReceived], [4, 6]);
});

Numbers('messages a second are those of the last ten', () => {
  const { metrics, commit, advance } = aMetrics();
  advance(20_000);
  commit(100);
  assert.is(metrics.read().messagesPerSecond, 10);
  advance(5000);
  commit(100);
  assert.is(metrics.read().messagesPerSecond, 20);
  advance(6000);
  assert.is(metrics.read().messagesPerSecond, 10);
  advance(60_000);
  assert.is(metrics.read().messagesPerSecond, 0);
});

Numbers('latencies are averaged over a minute, and bounded in number (A2)', () => {
  const { metrics, advance } = aMetrics();
  for (let i = 1; i <= 100; i++) metrics.receive({ type: 'batch.acknowledged', peer: 2, ms: i });
  const reading = metrics.read();
  assert.is(reading.averageLatencyMs, 50.5);
  assert.is(reading.p95LatencyMs, 95);
  assert.equal(reading.latencyMeasurements[0], { source: 1, target: 2, ms: 1 });
  for (let i = 0; i < 5000; i++) metrics.receive({ type: 'batch.acknowledged', peer: 3, ms: 1 });
  assert.is(metrics.read().latencyMeasurements.length, 2048);
  advance(60_001);
  assert.equal([metrics.read().latencyMeasurements, metrics.read().averageLatencyMs], [[], 0]);
});

Numbers('histograms are cumulative, and take the longest time there is', () => {
  const { metrics } = aMetrics();
  for (const ms of [0, 0.5, 3, 1e9]) metrics.receive({ type: 'fsync.measured', ms });
  const { boundsSeconds, counts, sumSeconds } = metrics.read().histograms.fsync;
  assert.is(boundsSeconds.at(-1), Number.POSITIVE_INFINITY);
  assert.is(counts[0], 2);
  assert.is(counts.at(-1), 4);
  for (let i = 1; i < counts.length; i++) assert.ok((counts[i] as number) >= (counts[i - 1] as number));
  assert.ok(sumSeconds > 1e6);
});

Numbers('time without a leader is measured from the first that missed it, and not at the start', () => {
  const { metrics, advance } = aMetrics();
  metrics.receive({ type: 'leader.counted', self: false });
  assert.is(metrics.read().histograms.election.counts.at(-1), 0);
  metrics.receive({ type: 'leader.missed' });
  advance(200);
  metrics.receive({ type: 'leader.missed' });
  advance(100);
  metrics.receive({ type: 'leader.counted', self: true });
  const { counts, sumSeconds } = metrics.read().histograms.election;
  assert.equal([counts.at(-1), sumSeconds], [1, 0.3]);
});

Numbers('lines about messages come at most ten times a second, and leave none out (A2)', () => {
  const { commit, advance, infos } = aMetrics();
  for (let i = 0; i < 1000; i++) {
    commit(2);
    advance(1);
  }
  advance(200);
  const lines = infos();
  assert.ok(lines.length >= 9 && lines.length <= 12, String(lines.length));
  let next = 1;
  for (const { fields } of lines) {
    assert.is(fields.first_id, next);
    next = (fields.last_id as number) + 1;
  }
  assert.is(next, 2001);
});

Numbers('each message has a line of its own for who wants every detail', () => {
  const { log, commit } = aMetrics([], true);
  commit(3);
  const ids = log.lines.filter(({ level }) => level === 'debug').map(({ fields }) => fields.id);
  assert.equal(ids, [1, 2, 3]);
});

Numbers('a reset empties all but the uptime', () => {
  const { metrics, commit, advance } = aMetrics();
  commit(3);
  store(metrics, 1, 9);
  metrics.receive({ type: 'leader.counted', self: true });
  metrics.receive({ type: 'frames.counted', framesIn: 1, bytesIn: 9, framesOut: 0, bytesOut: 0 });
  metrics.receive({ type: 'batch.acknowledged', peer: 2, ms: 5 });
  advance(2000);
  metrics.receive({ type: 'metrics.reset' });
  const reading = metrics.read();
  assert.is(reading.uptimeSeconds, 2);
  assert.equal(
    [reading.messagesReceived, reading.causalityViolations, reading.leaderElections, reading.messagesPerSecond],
    [0, 0, 0, 0],
  );
  assert.equal([reading.counters, reading.latencyMeasurements], [{}, []]);
});

Numbers.run();
