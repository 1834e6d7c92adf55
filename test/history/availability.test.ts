/** The longest times without an acknowledgement. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { longestGap, unavailability } from './checkers.ts';
import { append, done } from './example.ts';
import type { Append, Event, FaultWindow } from './history.ts';

const Availability = suite('unavailability');

const acknowledgedAt = (...times: readonly number[]): Append[] =>
  times.map((time, i) => append(1, [time, time], `x${i}`, { outcome: done(i + 1) }));
const fault = (beganAt: number, endedAt: number): FaultWindow => ({ name: 'kill', beganAt, endedAt });
const gaps = (events: readonly Event[], faults: readonly FaultWindow[], graceMs?: number): string => {
  const { inside, outside } = unavailability({ events, faults }, 0, 100, graceMs);
  return `inside ${inside.ms} at ${inside.at}, outside ${outside.ms} at ${outside.at}`;
};

Availability('is the longest time without an acknowledgement', () => {
  assert.is(gaps(acknowledgedAt(10, 40, 90), []), 'inside 0 at 0, outside 50 at 40');
  assert.is(gaps([], []), 'inside 0 at 0, outside 100 at 0');
  assert.equal(longestGap(acknowledgedAt(10, 40, 90), 0, 100), { ms: 50, at: 40 });
  assert.equal(longestGap(acknowledgedAt(10, 40, 90), 50, 200), { ms: 110, at: 90 });
  assert.equal(longestGap([append(1, [0, 50], 'x', {})], 0, 100), { ms: 100, at: 0 }, 'unknown is no acknowledgement');
});

Availability('is cut at the borders of fault windows', () => {
  const events = acknowledgedAt(10, 40, 90);
  assert.is(gaps(events, [fault(45, 60)]), 'inside 15 at 45, outside 30 at 10');
  assert.is(gaps(events, [fault(30, 95)]), 'inside 50 at 40, outside 20 at 10');
});

Availability('counts the time to recover to the window', () => {
  const events = acknowledgedAt(10, 40, 90);
  assert.is(gaps(events, [fault(45, 60)], 20), 'inside 35 at 45, outside 30 at 10');
  assert.is(gaps(events, [fault(45, 60), fault(50, 55), fault(75, 80)], 20), 'inside 45 at 45, outside 30 at 10');
  assert.is(gaps(events, [fault(75, 80), fault(45, 60)]), 'inside 15 at 45, outside 30 at 10');
});

Availability.run();
