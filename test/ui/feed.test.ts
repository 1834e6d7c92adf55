/** The connection of the page, in its own time: no socket, no timer. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Connection, Feed, type SocketListener, understoodVersion } from '../../ui/feed.ts';
import { aHello } from '../support/fakeFeed.ts';

interface World {
  readonly feed: Feed;
  readonly said: string[];
  readonly states: Connection[];
  readonly received: string[];
  readonly sockets: SocketListener[];
  closed: number;
  advance(ms: number): void;
  hello(version?: number): void;
  tick(): void;
  readonly kind: Connection['kind'] | undefined;
}

function aFeed(dice = 1): World {
  let now = 0;
  let tasks: { readonly at: number; readonly task: () => void }[] = [];
  const said: string[] = [];
  const states: Connection[] = [];
  const received: string[] = [];
  const sockets: SocketListener[] = [];
  const say = (message: unknown): void => sockets.at(-1)?.received(JSON.stringify(message));
  const world: World = {
    feed: new Feed(
      {
        open: (listener) => {
          sockets.push(listener);
          return { send: (text) => said.push(text), close: () => world.closed++ };
        },
        now: () => now,
        dice: () => dice,
        later: (delayMs, task) => {
          const entry = { at: now + delayMs, task };
          tasks.push(entry);
          return () => {
            tasks = tasks.filter((one) => one !== entry);
          };
        },
      },
      { changed: (state) => states.push(state), received: ({ type }) => received.push(type) },
    ),
    said,
    states,
    received,
    sockets,
    closed: 0,
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const next = tasks.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        tasks = tasks.filter((one) => one !== next);
        now = next.at;
        next.task();
      }
      now = end;
    },
    hello: (version: number = understoodVersion) => say({ ...aHello(), version }),
    tick: () => say({ type: 'tick', wallMs: now, missed: 0, views: [] }),
    get kind() {
      return states.at(-1)?.kind;
    },
  };
  world.feed.want({ trace: false, actors: false, oneOf: 1, everyMs: 200 });
  world.feed.start();
  return world;
}
const wanted = ({ said }: World): number => (JSON.parse(said.at(-1) ?? '{}') as { everyMs: number }).everyMs;

const Connecting = suite('feed');

Connecting('is connecting until the greeting, then live', () => {
  const world = aFeed();
  assert.is(world.kind, 'connecting');
  world.sockets[0]?.opened();
  assert.is(world.kind, 'connecting');
  assert.equal(world.said, []);
  world.hello();
  assert.is(world.kind, 'live');
  assert.is(wanted(world), 200);
  assert.equal(world.received, ['hello']);
});

Connecting('is stale after three seconds of silence, and live again with the next tick', () => {
  const world = aFeed();
  world.hello();
  world.advance(2500);
  assert.is(world.kind, 'live');
  world.advance(1000);
  assert.equal(world.states.at(-1), { kind: 'stale', sinceMs: 0 });
  world.tick();
  assert.is(world.kind, 'live');
});

Connecting('gives up a socket that says nothing for long (F3)', () => {
  const world = aFeed();
  world.hello();
  world.advance(10_500);
  assert.is(world.closed, 1);
  assert.is(world.kind, 'reconnecting');
});

Connecting('waits longer each time, up to ten seconds, and by chance (F1)', () => {
  const delaysOf = (dice: number): number[] => {
    const world = aFeed(dice);
    const delays: number[] = [];
    for (let i = 0; i < 8; i++) {
      const before = world.sockets.length;
      world.sockets.at(-1)?.closed();
      let waited = 0;
      while (world.sockets.length === before) {
        world.advance(25);
        waited += 25;
      }
      delays.push(waited);
    }
    return delays;
  };
  assert.equal(delaysOf(1), [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  assert.equal(delaysOf(0), [125, 250, 500, 1000, 2000, 4000, 5000, 5000]);
});

Connecting('begins with short waits again after a greeting, and says again what it wants', () => {
  const world = aFeed();
  for (let i = 0; i < 4; i++) {
    world.sockets.at(-1)?.closed();
    world.advance(10_000);
  }
  world.hello();
  world.said.length = 0;
  world.sockets.at(-1)?.closed();
  world.advance(250);
  world.hello();
  assert.is(world.kind, 'live');
  assert.is(wanted(world), 200);
});

Connecting('takes nothing from a socket that it has left', () => {
  const world = aFeed();
  world.hello();
  const old = world.sockets[0];
  old?.closed();
  world.advance(250);
  old?.received(JSON.stringify({ type: 'tick', wallMs: 0, missed: 0, views: [] }));
  old?.closed();
  assert.equal(world.received, ['hello']);
  assert.is(world.sockets.length, 2);
});

Connecting('wants nothing while the page is hidden, and is not stale then (F2)', () => {
  const world = aFeed();
  world.hello();
  world.feed.hide(true);
  assert.is(wanted(world), 0);
  world.advance(60_000);
  assert.is(world.kind, 'live');
  world.feed.hide(false);
  assert.is(wanted(world), 200);
  assert.is(world.kind, 'live');
  world.advance(3500);
  assert.is(world.kind, 'stale');
});

Connecting('stops for good at a node of another version', () => {
  const world = aFeed();
  world.hello(99);
  assert.equal(world.states.at(-1), { kind: 'mismatch', version: 99 });
  assert.is(world.closed, 1);
  world.sockets[0]?.closed();
  world.advance(60_000);
  assert.is(world.sockets.length, 1);
  assert.equal(world.received, []);
});

Connecting.run();
