import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultTiming, type Measured, RecentMax, RoundTrips, timingFrom } from '../../actors/protocol/timing.ts';
import { SeededDice } from '../support/dice.ts';
import { nothingMeasured } from '../support/pipelineWorld.ts';

const Waits = suite('waits (PROTOCOL §5)');

Waits('are the defaults while nothing was measured', () => {
  const { heartbeatMs, suspectMs, staggerMs, handoverMs, stableMs } = timingFrom(defaultTiming, nothingMeasured);
  assert.equal({ heartbeatMs, suspectMs, staggerMs, handoverMs, stableMs }, defaultTiming);
});

Waits('are finite and in order for any configuration and any measurement, zeros too', () => {
  const dice = new SeededDice('timing');
  const some = (max: number): number => (dice.chance(0.3) ? 0 : dice.next() * max);
  for (let i = 0; i < 5000; i++) {
    const config = {
      heartbeatMs: some(500),
      suspectMs: some(3000),
      staggerMs: some(500),
      handoverMs: some(2000),
      stableMs: some(9000),
    };
    const measured: Measured = {
      srttMs: some(2000),
      rttvarMs: some(900),
      rttP99Ms: some(4000),
      nearestRttP99Ms: some(4000),
      fsyncP99Ms: some(3000),
      promiseMs: some(3000),
      loopLagP99Ms: some(3000),
    };
    const timing = timingFrom(config, measured);
    for (const [name, ms] of Object.entries(timing))
      assert.ok(Number.isFinite(ms) && ms >= 0, `${name}: ${ms} of ${JSON.stringify(config)}`);
    assert.ok(timing.heartbeatMs >= config.heartbeatMs);
    assert.ok(timing.suspectMs >= config.suspectMs);
    assert.ok(timing.staggerMs >= 2 * measured.rttP99Ms);
  }
});

Waits('grow with the distance: heartbeats at half the round trip, TS in proportion, at most two seconds', () => {
  const far: Measured = { ...nothingMeasured, srttMs: 240, rttvarMs: 15, rttP99Ms: 300, nearestRttP99Ms: 300 };
  const timing = timingFrom(defaultTiming, far);
  assert.is(timing.heartbeatMs, 150);
  assert.ok(timing.suspectMs >= 5 * timing.heartbeatMs);
  assert.is(timing.staggerMs, 600);
  assert.is(timing.handoverMs, 900);
  // A near peer expects its pings as often as ever, a far one is not suspected sooner for that.
  const mixed = timingFrom(defaultTiming, { ...far, nearestRttP99Ms: 1 });
  assert.is(mixed.heartbeatMs, 50);
  assert.is(mixed.suspectMs, timing.suspectMs);
  const absurd = timingFrom(defaultTiming, {
    ...far,
    srttMs: 60_000,
    rttP99Ms: 60_000,
    nearestRttP99Ms: 60_000,
    loopLagP99Ms: 60_000,
  });
  assert.is(absurd.heartbeatMs, 250);
  assert.is(absurd.suspectMs, 2000);
});

Waits('of a round allow for what it consists of', () => {
  const timing = timingFrom(defaultTiming, { ...nothingMeasured, rttP99Ms: 10, fsyncP99Ms: 7 });
  assert.is(timing.probingMs, 40);
  assert.is(timing.candidateMs, 91);
  assert.is(timing.adoptingMs, 168);
});

Waits('let a campaign take two promises, and nobody stand meanwhile, within bounds', () => {
  const slow = timingFrom(defaultTiming, { ...nothingMeasured, rttP99Ms: 1, promiseMs: 100 });
  assert.equal([slow.staggerMs, slow.candidateMs, slow.handoverMs], [202, 343, 303]);
  const full = timingFrom(defaultTiming, { ...nothingMeasured, promiseMs: 60_000 });
  assert.equal([full.staggerMs, full.candidateMs], [1000, 1540]);
});

Waits('know a round trip as TCP does (RFC 6298)', () => {
  const trips = new RoundTrips();
  assert.not.ok(trips.measured);
  assert.is(trips.srttMs, 0);
  trips.add(100);
  assert.equal([trips.srttMs, trips.rttvarMs], [100, 50]);
  trips.add(180);
  assert.equal([trips.srttMs, trips.rttvarMs], [110, 0.75 * 50 + 0.25 * 80]);
  for (let i = 0; i < 200; i++) trips.add(20);
  assert.ok(Math.abs(trips.srttMs - 20) < 0.1);
  assert.ok(trips.p99Ms < 21);
});

Waits('forget a slow fsync once so many faster ones have come', () => {
  const recent = new RecentMax(3);
  assert.is(recent.max, 0);
  for (const [value, max] of [
    [5, 5],
    [900, 900],
    [4, 900],
    [3, 900],
    [2, 4],
    [1, 3],
  ] as const) {
    recent.add(value);
    assert.is(recent.max, max);
  }
});

Waits.run();
