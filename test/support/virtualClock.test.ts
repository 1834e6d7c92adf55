import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createActor, createMachine } from 'xstate';
import { SeededDice } from './dice.ts';
import { SimulatedProcess } from './simulatedProcess.ts';
import { VirtualClock } from './virtualClock.ts';

const Time = suite('virtual clock');

Time('fires timers by due time, and those of one instant in the order of setting', () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  for (const [name, delayMs] of [
    ['c', 20],
    ['a', 10],
    ['d', 20],
    ['b', 10],
    ['first', 0],
  ] as const) {
    clock.setTimeout(() => fired.push(name), delayMs);
  }
  clock.advance(20);
  assert.equal(fired, ['first', 'a', 'b', 'c', 'd']);
});

Time('agrees with a sorted list over many random settings and clearings', () => {
  const clock = new VirtualClock();
  const dice = new SeededDice('random settings');
  const fired: number[] = [];
  const expected: { readonly dueAt: number; readonly n: number }[] = [];
  const timers: unknown[] = [];
  for (let n = 0; n < 5_000; n++) {
    const delayMs = dice.int(500);
    timers.push(clock.setTimeout(() => fired.push(n), delayMs));
    expected.push({ dueAt: delayMs, n });
  }
  const cleared = new Set(dice.shuffle(timers.map((_, n) => n)).slice(0, 2_500));
  for (const n of cleared) clock.clearTimeout(timers[n]);
  assert.is(clock.pending, 2_500);
  clock.advance(500);
  const left = expected.filter(({ n }) => !cleared.has(n)).sort((a, b) => a.dueAt - b.dueAt || a.n - b.n);
  assert.equal(
    fired,
    left.map(({ n }) => n),
  );
});

Time('shows a timer its own due time, and the end of the stretch afterwards', () => {
  const clock = new VirtualClock(100);
  const seen: number[] = [];
  clock.setTimeout(() => seen.push(clock.now()), 7.5);
  clock.runUntil(200);
  assert.equal([...seen, clock.now()], [107.5, 200]);
  clock.runUntil(150);
  assert.is(clock.now(), 200, 'time never goes back');
});

Time('fires timers that are set on the way', () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  const again = (): void => {
    seen.push(clock.now());
    clock.setTimeout(again, 50);
  };
  clock.setTimeout(again, 50);
  clock.advance(175);
  assert.equal(seen, [50, 100, 150]);
});

Time('never fires a timer within the call that sets it, nor one that was cleared', () => {
  const clock = new VirtualClock();
  let fired = 0;
  const timer = clock.setTimeout(() => fired++, 0);
  assert.is(fired, 0);
  clock.clearTimeout(timer);
  clock.clearTimeout(timer);
  clock.clearTimeout(undefined);
  assert.not(clock.runNext());
  assert.is(fired, 0);
});

Time('lets a timer clear another one of the same instant', () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  clock.setTimeout(() => clock.clearTimeout(second), 5);
  const second = clock.setTimeout(() => fired.push('second'), 5);
  clock.setTimeout(() => fired.push('third'), 5);
  clock.advance(5);
  assert.equal(fired, ['third']);
});

Time('stays usable after a callback threw', () => {
  const clock = new VirtualClock();
  let fired = 0;
  clock.setTimeout(() => {
    throw new Error('broken invariant');
  }, 1);
  clock.setTimeout(() => fired++, 2);
  assert.throws(() => clock.advance(5), /broken invariant/);
  clock.advance(5);
  assert.is(fired, 1);
  assert.is(clock.pending, 0);
});

Time('refuses a delay that is no number', () => {
  const clock = new VirtualClock();
  assert.throws(() => clock.setTimeout(() => {}, Number.NaN), /finite delay/);
  assert.throws(() => clock.setTimeout(() => {}, Number.POSITIVE_INFINITY), /finite delay/);
});

Time('notices timers of no delay that set one another for ever', () => {
  const clock = new VirtualClock();
  const again = (): unknown => clock.setTimeout(again, 0);
  again();
  assert.throws(() => clock.advance(1), /time stands still/);
});

Time('drives the delayed transitions of an XState actor', () => {
  const clock = new VirtualClock();
  const machine = createMachine({
    initial: 'waiting',
    states: { waiting: { after: { 50: 'counting' } }, counting: { after: { 10: 'done' } }, done: {} },
  });
  const actor = createActor(machine, { clock }).start();
  clock.advance(59);
  assert.is(actor.getSnapshot().value, 'counting');
  clock.advance(1);
  assert.is(actor.getSnapshot().value, 'done');
  actor.stop();
});

Time('sets, clears and fires a million timers without getting slow', () => {
  const clock = new VirtualClock();
  const dice = new SeededDice(1);
  const started = process.hrtime.bigint();
  let fired = 0;
  for (let n = 0; n < 1_000_000; n++) {
    const timer = clock.setTimeout(() => fired++, dice.next() * 1_000);
    if (n % 2) clock.clearTimeout(timer);
  }
  clock.advance(1_000);
  assert.is(fired, 500_000);
  // A second or two; hours if the time of each grew with their number.
  assert.ok(Number(process.hrtime.bigint() - started) < 60e9);
});

Time.run();

const Process = suite('simulated process');

Process('runs overdue timers at resume, late, and what was delivered after them, in order', () => {
  const world = new VirtualClock();
  const node = new SimulatedProcess(world);
  const seen: string[] = [];
  node.clock.setTimeout(() => seen.push(`timer at ${node.clock.now()}`), 10);
  node.pause();
  world.setTimeout(() => node.deliver(() => seen.push('frame 1')), 5);
  world.setTimeout(() => node.deliver(() => seen.push('frame 2')), 15);
  world.advance(100);
  assert.equal(seen, []);
  node.resume();
  node.deliver(() => seen.push('frame 3'));
  world.advance(0);
  assert.equal(seen, ['timer at 100', 'frame 1', 'frame 2', 'frame 3']);
});

Process('holds the rest when it is paused again while it catches up', () => {
  const world = new VirtualClock();
  const node = new SimulatedProcess(world);
  const seen: number[] = [];
  node.pause();
  node.deliver(() => {
    seen.push(1);
    node.pause();
  });
  node.deliver(() => seen.push(2));
  node.resume();
  world.advance(10);
  assert.equal(seen, [1]);
  node.resume();
  world.advance(10);
  assert.equal(seen, [1, 2]);
});

Process('does not run an overdue timer that was cleared while it caught up', () => {
  const world = new VirtualClock();
  const node = new SimulatedProcess(world);
  const seen: string[] = [];
  node.clock.setTimeout(() => node.clock.clearTimeout(second), 1);
  const second = node.clock.setTimeout(() => seen.push('second'), 2);
  node.pause();
  world.advance(10);
  node.resume();
  world.advance(10);
  assert.equal(seen, []);
});

Process('runs nothing after it was killed', () => {
  const world = new VirtualClock();
  const node = new SimulatedProcess(world);
  let ran = 0;
  node.clock.setTimeout(() => ran++, 1);
  node.kill();
  node.clock.setTimeout(() => ran++, 1);
  node.deliver(() => ran++);
  world.advance(10);
  assert.is(ran, 0);
});

Process('keeps a clock that drifts, and never fires a timer before its time', () => {
  const world = new VirtualClock(1_000);
  const node = new SimulatedProcess(world, { rate: 1.1, startsAt: 0 });
  const early: number[] = [];
  for (let delayMs = 0; delayMs < 1_000; delayMs += 0.7) {
    const dueAt = node.clock.now() + delayMs;
    node.clock.setTimeout(() => {
      if (node.clock.now() < dueAt) early.push(dueAt);
    }, delayMs);
  }
  world.advance(1_000);
  assert.equal(early, []);
  assert.ok(Math.abs(node.clock.now() - 1_100) < 0.001);
});

Process.run();

const Luck = suite('seeded dice');

Luck('repeats itself from the same seed, and differs between close seeds', () => {
  const draw = (seed: number): number[] =>
    Array.from(
      { length: 5 },
      (
        (dice) => () =>
          dice.next()
      )(new SeededDice(seed)),
    );
  assert.equal(draw(7), draw(7));
  assert.not.equal(draw(7), draw(8));
});

Luck('gives a fork its own stream, whatever was drawn before', () => {
  const a = new SeededDice(7);
  const b = new SeededDice(7);
  b.next();
  assert.is(a.fork('net').next(), b.fork('net').next());
  assert.is.not(a.fork('net').next(), a.fork('disk').next());
});

Luck('spreads evenly over [0, 1)', () => {
  const dice = new SeededDice('even');
  const buckets = new Array<number>(20).fill(0);
  for (let n = 0; n < 100_000; n++) {
    const bucket = dice.int(20);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  assert.ok(Math.min(...buckets) > 4_700 && Math.max(...buckets) < 5_300, buckets.join(' '));
  assert.ok(dice.next() < 1);
  assert.equal(dice.shuffle([1, 2, 3, 4]).sort(), [1, 2, 3, 4]);
});

Luck.run();
