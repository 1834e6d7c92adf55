/** Many viewers, and some that never read: what they may cost. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inWorld, RawClient, until } from '../support/httpWorld.ts';
import { aMessage, aView, LiveClient } from '../support/liveClient.ts';
import { frameOf, handshake } from '../support/streamClient.ts';

const Flood = suite('live feed under pressure');

const text = 'x'.repeat(200);
const aStory = (lamport: number) => ({
  wallMs: lamport,
  lamport,
  event: 'leads' as const,
  words: text.repeat(5),
  epoch: 1,
  leader: 8001,
});
/** About 128 KiB, and nothing of it was said before. */
const bigView = (seq: number) => ({
  ageMs: 0,
  view: aView({
    seq,
    story: Array.from({ length: 100 }, (_, i) => aStory(100 * seq + i)),
    messages: { count: 50, shown: Array.from({ length: 50 }, (_, i) => aMessage(50 * seq + i, text)) },
  }),
});

Flood(
  'skips a viewer that never reads, tells it what it missed, and serves the others all the while',
  inWorld(
    async ({ port, node, url }) => {
      const good = (await new LiveClient(port).opened()).want();
      const lazy = await new LiveClient(port).opened();
      lazy.want().socket.pause();
      await until(() => node.watchers.size === 1, 'a watch');
      let seq = 0;
      const showing = setInterval(() => node.show(bigView(++seq)), 20);
      const skipped = async (): Promise<number> => {
        const said = await (await fetch(`${url}/metrics`, { headers: { Accept: 'text/plain' } })).text();
        return Number(/dlog_http_ticks_skipped_total\S* (\d+)/.exec(said)?.[1]);
      };
      const giveUpAt = performance.now() + 30_000;
      while ((await skipped()) < 5 && performance.now() < giveUpAt)
        await new Promise((resolve) => setTimeout(resolve, 50));
      assert.ok((await skipped()) >= 5, 'what is not taken is not piled up');
      clearInterval(showing);
      assert.ok(good.ticks.every(({ missed }) => missed === 0));
      lazy.socket.resume();
      await lazy.hears('what it missed', () => lazy.ticks.some(({ missed }) => missed >= 5));
      good.hangUp();
      lazy.hangUp();
    },
    { limits: { maxViewerBytes: 256 * 1024 } },
  ),
);
Flood(
  'drops a viewer that takes nothing for long',
  inWorld(
    async ({ port, node, lines }) => {
      const client = await new RawClient(port).opened();
      client.say(handshake('/live', ''));
      await client.hears(/^HTTP\/1.1 101/);
      client.say(frameOf('{"type":"want","everyMs":100,"trace":false,"actors":false,"oneOf":1}'));
      await until(() => node.watchers.size === 1, 'a watch');
      client.socket.pause();
      let seq = 0;
      const showing = setInterval(() => node.show(bigView(++seq)), 20);
      await until(() => node.watchers.size === 0, 'its end');
      clearInterval(showing);
      await until(() => lines.some(({ message }) => /408|taken/.test(message)), 'a line in the log');
      client.hangUp();
    },
    { limits: { maxViewerBytes: 256 * 1024, stallMs: 500 } },
  ),
);
Flood(
  'keeps its memory within bounds with fifty viewers, ten of which never read, while writes go on',
  inWorld(async ({ port, node, url }) => {
    const viewers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => (await new LiveClient(port).opened()).want({ trace: i % 2 === 0 })),
    );
    const [lazy, good] = [viewers.slice(0, 10), viewers.slice(10)];
    for (const viewer of lazy) viewer.socket.pause();
    await until(() => node.watchers.size === 1, 'a watch');
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let seq = 0;
    const showing = setInterval(() => node.show(bigView(++seq)), 100);
    let writes = 0;
    const begun = performance.now();
    const lasted = (ms: number): boolean => performance.now() - begun >= ms;
    // As long as it takes for both: ticks without end, and writes between them.
    while (!lasted(30_000) && !(lasted(2_500) && writes > 20)) {
      const { status } = await fetch(`${url}/?message=x`, { method: 'POST' });
      assert.is(status, 200);
      writes++;
      for (const viewer of good) viewer.ticks.length = 0;
    }
    clearInterval(showing);
    const grownMib = (process.memoryUsage().rss - before) / 1024 / 1024;
    assert.ok(writes > 20, `${writes} writes`);
    // Both ends are in this process. Ten that take nothing may have a megabyte each, and kernels their buffers.
    assert.ok(grownMib < 250, `${Math.round(grownMib)} MiB more`);
    for (const viewer of viewers) viewer.hangUp();
    await until(() => node.watchers.size === 0, 'the end of the watch');
  }, {}),
);
Flood.run();
