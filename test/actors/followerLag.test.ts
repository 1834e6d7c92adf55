/** How far followers are behind, as a leader knows it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FollowerLag } from '../../actors/pipeline/followerLag.ts';

const Lagging = suite('lag of followers');

Lagging('is not known before a follower was heard, and nothing once it has all', () => {
  const lag = new FollowerLag();
  lag.appended(5, 1000);
  assert.is(lag.of(2, 5, 2000), null);
  lag.acknowledged(2, 5);
  assert.equal(lag.of(2, 5, 2000), { entries: 0, ms: 0 });
});

Lagging('counts from the first entry that the follower lacks, also while it is away', () => {
  const lag = new FollowerLag();
  for (let second = 0; second < 10; second++) lag.appended(10 * (second + 1), 1000 * second);
  lag.acknowledged(2, 30);
  assert.equal(lag.of(2, 100, 9500), { entries: 70, ms: 6500 });
  assert.equal(lag.of(2, 100, 60_000), { entries: 70, ms: 57_000 });
  lag.acknowledged(2, 20);
  assert.is(lag.of(2, 100, 9500)?.entries, 70, 'what it had it keeps');
  lag.acknowledged(2, 95);
  assert.equal(lag.of(2, 100, 9500), { entries: 5, ms: 500 });
});

Lagging('keeps few marks of many appends: it is too small by a tenth of a second at most (A2)', () => {
  const lag = new FollowerLag();
  for (let ms = 0; ms < 2000; ms++) lag.appended(ms + 1, ms);
  lag.acknowledged(2, 950);
  const ms = lag.of(2, 2000, 2000)?.ms ?? 0;
  assert.ok(ms <= 1050 && ms >= 950, `${ms}`);
  lag.acknowledged(3, 1999);
  assert.is(lag.of(3, 2000, 2000)?.ms, 0, 'newer than any mark');
  for (let minute = 0; minute < 20; minute++)
    for (let at = 0; at < 60_000; at += 100)
      lag.appended(10_000 + minute * 600 + at / 100, 2000 + minute * 60_000 + at);
  assert.ok((lag.of(2, 30_000, 1_202_000)?.ms ?? 0) <= 601_000, 'as far as the marks reach');
});

Lagging.run();
