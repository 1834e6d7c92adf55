import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { firstWindowBytes, Window } from '../../actors/protocol/window.ts';

const Windows = suite('the window of what is under way to a peer (A1)');

/** So many round trips, all with a full window. */
function used(window: Window, rttMs: number, times: number): Window {
  for (let i = 0; i < times; i++) {
    window.noteFull();
    window.noteRoundTrip(rttMs);
  }
  return window;
}

Windows('widens while it is full and round trips are prompt, also where they are long; to a bound', () => {
  for (const rttMs of [1, 252]) {
    assert.is(used(new Window(), rttMs, 1).bytes, 2 * firstWindowBytes);
    assert.is(used(new Window(), rttMs, 100).bytes, 4 * 1024 * 1024);
  }
});

Windows('stays as it is while it is not full', () => {
  const window = new Window();
  for (let i = 0; i < 10; i++) window.noteRoundTrip(100);
  assert.is(window.bytes, firstWindowBytes);
});

Windows('narrows when round trips take much longer than the quickest did; to a bound', () => {
  const window = used(new Window(), 100, 10);
  window.noteRoundTrip(250);
  assert.is(window.bytes, 4 * 1024 * 1024, 'a little longer is no queue');
  window.noteRoundTrip(261);
  assert.is(window.bytes, 2 * 1024 * 1024);
  for (let i = 0; i < 100; i++) window.noteRoundTrip(1000);
  assert.is(window.bytes, 128 * 1024);
});

Windows.run();
