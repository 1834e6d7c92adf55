import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Progress } from '../../actors/protocol/progress.ts';
import { firstWindowBytes } from '../../actors/protocol/window.ts';

const Sending = suite('progress of a follower (R8, R9)');

Sending('begins by probing: one frame, then none until its answer', () => {
  const progress = new Progress(11, 0);
  assert.ok(progress.probing);
  assert.is(progress.room, firstWindowBytes);
  progress.sent(12, 100, 1);
  assert.is(progress.room, 0);
  assert.is(progress.next, 13);
  assert.is(progress.match, 0);
  assert.is(progress.acknowledged(12, false, 5), 1);
  assert.not.ok(progress.probing);
  assert.is(progress.match, 12);
  assert.ok(progress.room > 0);
});

Sending('streams until the window is full, and goes on as answers come (A2)', () => {
  const progress = new Progress(1, 0);
  progress.acknowledged(0, false, 0);
  let end = 0;
  while (progress.room > 0) progress.sent(++end, 100_000, end);
  assert.is(end, Math.ceil(firstWindowBytes / 100_000));
  assert.is(progress.acknowledged(2, false, 50), 2);
  assert.is(progress.room, firstWindowBytes - (end - 2) * 100_000);
  progress.acknowledged(end, false, 60);
  assert.ok(progress.idle);
});

Sending('one batch larger than the window goes alone (A2)', () => {
  const progress = new Progress(1, 0);
  progress.acknowledged(0, false, 0);
  progress.sent(1, 10 * firstWindowBytes, 0);
  assert.is(progress.room, 0);
  progress.acknowledged(1, false, 0);
  assert.is(progress.room, firstWindowBytes);
});

Sending(
  'the window widens while it is full and pings come back promptly, and narrows when they are held up (A3)',
  () => {
    const progress = new Progress(1, 0);
    progress.acknowledged(0, false, 0);
    let end = 0;
    const fill = (): void => {
      while (progress.room > 0) progress.sent(++end, 64 * 1024, 0);
      progress.acknowledged(end, false, 1);
    };
    progress.noteRoundTrip(100);
    assert.is(progress.room, firstWindowBytes, 'it was not full: nothing was learned');
    for (let i = 0; i < 8; i++) {
      fill();
      progress.noteRoundTrip(110);
    }
    assert.is(progress.room, 4 * 1024 * 1024);
    progress.noteRoundTrip(200); // Neither.
    assert.is(progress.room, 4 * 1024 * 1024);
    for (let i = 0; i < 8; i++) progress.noteRoundTrip(300);
    assert.is(progress.room, 128 * 1024);
  },
);

Sending('frames without bytes are bounded in number', () => {
  const progress = new Progress(1, 0);
  progress.acknowledged(0, false, 0);
  let sent = 0;
  while (progress.room > 0 && sent < 10_000) {
    progress.sent(0, 0, 0);
    sent++;
  }
  assert.is(sent, 1024);
});

Sending('a learner is given more, and counts for nothing (R-D3)', () => {
  const progress = new Progress(1, 0);
  progress.sent(5, 10, 0);
  progress.acknowledged(5, true, 1);
  assert.ok(progress.learner);
  assert.is(progress.match, 0);
  assert.is(progress.next, 6);
});

Sending('match and next never go back on an answer', () => {
  const progress = new Progress(1, 0);
  progress.sent(9, 10, 0);
  progress.acknowledged(9, false, 1);
  progress.acknowledged(4, false, 2);
  assert.is(progress.match, 9);
  assert.is(progress.next, 10);
});

Sending('a REJECT begins anew where the logs may agree', () => {
  const progress = new Progress(101, 0);
  progress.sent(100, 0, 0);
  assert.ok(progress.rejected(40, 1));
  assert.is(progress.next, 41);
  assert.ok(progress.probing);
  assert.ok(progress.idle);
});

Sending('the REJECTs of frames that were sent before the first one are not obeyed', () => {
  const progress = new Progress(1, 0);
  progress.acknowledged(100, false, 0);
  for (let end = 101; end < 110; end++) progress.sent(end, 10, 0);
  assert.ok(progress.rejected(40, 1));
  progress.sent(45, 10, 1); // The probe.
  assert.not.ok(progress.rejected(90, 2));
  assert.is(progress.next, 46);
  assert.ok(progress.rejected(20, 3), 'the answer to the probe itself');
  assert.is(progress.next, 21);
});

Sending('a restart forgets what was in flight, not what was acknowledged', () => {
  const progress = new Progress(1, 0);
  progress.sent(5, 10, 0);
  progress.acknowledged(5, false, 0);
  progress.sent(9, 10, 0);
  progress.restart(6, 100);
  assert.is(progress.match, 5);
  assert.is(progress.next, 6);
  assert.ok(progress.idle);
  assert.is(progress.movedAt, 100);
  progress.restart(-3, 100);
  assert.is(progress.next, 1);
});

Sending('silence is counted from when the first unanswered frame was sent', () => {
  const progress = new Progress(1, 0);
  progress.sent(1, 10, 500);
  assert.is(progress.movedAt, 500);
  progress.sent(2, 10, 700);
  assert.is(progress.movedAt, 500);
});

Sending.run();
