/** The stream of inspection: whom it is for, what it costs when nobody listens, and what it drops. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { inWorld, until } from '../support/httpWorld.ts';

const Inspect = suite('inspect stream');

type Said = Readonly<Record<string, unknown>>;
function aListener(port: number, headers: Record<string, string> = {}) {
  const said: Said[] = [];
  let ended: number | undefined;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/inspect`, { headers });
  socket.on('message', (data) => said.push(JSON.parse(String(data)) as Said));
  socket.on('error', () => {});
  socket.on('unexpected-response', (request, { statusCode }) => {
    ended = statusCode;
    request.destroy();
  });
  socket.on('close', (code) => {
    ended ??= code;
  });
  return { socket, said, ended: () => ended };
}

/** Actors that do something when they are told to. */
class ByHand {
  readonly takers = new Set<(make: () => object) => void>();
  made = 0;
  readonly inspect = (take: (make: () => object) => void): (() => void) => {
    this.takers.add(take);
    take(() => ({ type: '@xstate.actor', sessionId: 'x:0' }));
    return () => this.takers.delete(take);
  };
  happen(more: object = {}): void {
    for (const take of this.takers)
      take(() => {
        this.made++;
        return { type: '@xstate.event', sessionId: 'x:0', ...more };
      });
  }
}

Inspect(
  'is not there where it is not switched on',
  inWorld(async ({ port }) => {
    const listener = aListener(port);
    await until(() => listener.ended() !== undefined, 'a refusal');
    assert.is(listener.ended(), 404);
  }),
);

const actors = new ByHand();
Inspect(
  'is for this machine and no page of another site; attached only while somebody listens',
  inWorld(
    async ({ port, url }) => {
      for (const [headers, status] of [
        [{ 'X-Forwarded-For': '10.0.0.1' }, 404],
        [{ Origin: 'https://evil.example' }, 403],
      ] as const) {
        const stranger = aListener(port, headers);
        await until(() => stranger.ended() !== undefined, 'a refusal');
        assert.is(stranger.ended(), status);
      }
      assert.is((await fetch(`${url}/inspect`)).status, 426);
      assert.is(actors.takers.size, 0);
      const listener = aListener(port);
      await until(() => listener.said.length === 1, 'the actors');
      actors.happen({ event: { type: 'a' } });
      await until(() => listener.said.length === 2, 'an event');
      const { createdAt, ...event } = listener.said[1] as Said;
      assert.equal(event, {
        type: '@xstate.event',
        sessionId: 'x:0',
        event: { type: 'a' },
        id: '2',
        _version: '0.4.0',
      });
      assert.ok(Math.abs(Number(createdAt) - Date.now()) < 60_000);
      listener.socket.close();
      await until(() => actors.takers.size === 0, 'nothing is attached');
    },
    { inspect: actors.inspect },
  ),
);

Inspect(
  'drops what is too much unmade, and says how many',
  inWorld(
    async ({ port }) => {
      const listener = aListener(port);
      await until(() => listener.said.length === 1, 'the actors');
      actors.made = 0;
      for (let i = 0; i < 50_000; i++) actors.happen();
      assert.ok(actors.made <= 3000, `${actors.made} were made`);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      actors.happen();
      await until(() => listener.said.some(({ dropped }) => Number(dropped) > 40_000), 'how many');
      listener.socket.pause();
      const big = 'x'.repeat(64 * 1024);
      const before = actors.made;
      for (let i = 0; i < 900; i++) actors.happen({ big });
      assert.ok(actors.made - before < 900, 'who does not read gets no queue');
      listener.socket.terminate();
    },
    { inspect: actors.inspect },
  ),
);

Inspect('lets few in, and ends with the node', async () => {
  const { anHttpWorld } = await import('../support/httpWorld.ts');
  const world = await anHttpWorld({ inspect: actors.inspect });
  const all = Array.from({ length: 4 }, () => aListener(world.port));
  await until(() => all.every(({ said }) => said.length > 0), 'four');
  const fifth = aListener(world.port);
  await until(() => fifth.ended() !== undefined, 'a refusal');
  assert.is(fifth.ended(), 503);
  await world.stop();
  await until(() => all.every(({ ended }) => ended() === 1001), 'the end');
  assert.is(actors.takers.size, 0);
});
Inspect.run();
