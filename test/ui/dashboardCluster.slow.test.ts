/** Three dashboards of three real nodes: what is written at one is seen at all, and so is the death of a leader. */
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { accessFaults, clippedTexts, hasBrowser, hasSaid, inBrowser, type Visit, visitOf } from '../support/browser.ts';
import { builtPage } from '../support/fakeFeed.ts';
import { startLoad } from '../support/loadClient.ts';
import { byDefault, type RealNode, until, untilTrue, withRunningCluster } from '../support/realCluster.ts';

const Cluster = suite('dashboards of a real cluster');
const test = hasBrowser() ? Cluster : Cluster.skip;

const pageOf = ({ port }: RealNode): string => `http://127.0.0.1:${port}/dashboard?lang=en`;
const open = (browser: Browser, node: RealNode): Promise<Visit> => visitOf(browser, pageOf(node));
/**
 * What a page loses when its node dies is an error of its console. And Chromium calls a `no-store` answer aborted that a page
 * has read to its end by the stream, if it came in two pieces: https://github.com/microsoft/playwright/issues/42742.
 */
const besidesLive = ({ faults }: Visit): readonly string[] =>
  faults.filter(
    (fault) => !/\/live|\/session net::|load resource: net::|\/messages\?\S* net::ERR_ABORTED$/.test(fault),
  );
/** A page that comes back too early is told so by its node: that it starts, or that nobody leads yet. */
const besidesStart = (visit: Visit): readonly string[] =>
  besidesLive(visit).filter((fault) => !/load resource: .* status of 503/.test(fault));
const withinMs = 60_000;

/** Whose page, and no other's, says that it is the leader's: at any moment none or two may. */
const leaderShown = (visits: readonly Visit[]): Promise<number> =>
  until(
    'one page to be that of the leader',
    async () => {
      const badges = await Promise.all(visits.map(({ page }) => page.locator('header .badge').count()));
      return badges.filter((count) => count > 0).length === 1 ? badges.findIndex((count) => count > 0) : undefined;
    },
    withinMs,
    100,
  );

/** Asked again, with the same key, while the leader changes: it gets in once. */
const write = (node: RealNode, text: string): Promise<void> =>
  untilTrue(`"${text}" to be written`, async () => (await node.post(text, { key: text })).status === 200, withinMs);

test('show what is written anywhere, as text; who leads after a death; and come back with their node', async () => {
  builtPage();
  await withRunningCluster({ env: byDefault }, (cluster) =>
    inBrowser(async (browser) => {
      const visits: Visit[] = [];
      for (const node of cluster.nodes) visits.push(await open(browser, node));
      const see = (visit: Visit, text: string | RegExp): Promise<void> =>
        visit.page.getByText(text).first().waitFor({ timeout: withinMs });
      for (const visit of visits) await see(visit, 'Live');

      const written = ['from the first', '<img src=x onerror="document.title=1">', '{"json": true}'];
      for (const [i, node] of cluster.nodes.entries()) await write(node, written[i] as string);
      for (const visit of visits) {
        for (const text of written) await see(visit, text);
        assert.is(await visit.page.locator('main img').count(), 0);
        assert.ok(await visit.page.locator('.rows').getByText('OK').first().isVisible());
      }

      // Whoever leads now; that the highest id does is for other tests.
      const led = await leaderShown(visits);
      const leader = cluster.nodes[led] as RealNode;
      const ofLeader = visits[led] as Visit;
      const survivors = visits.filter((visit) => visit !== ofLeader);
      const [first, second] = survivors as [Visit, Visit];
      await first.page.getByLabel('Message', { exact: true }).fill('from the page');
      await first.page.keyboard.press('Enter');
      await see(first, /Committed as id 4/);
      for (const visit of visits) await see(visit, 'from the page');

      await leader.kill();
      await see(ofLeader, /Connection lost/);
      await leaderShown(survivors);
      await see(first, new RegExp(`Node ${leader.id} is down`));
      await write(cluster.nodes[visits.indexOf(first)] as RealNode, 'without the leader');
      await see(second, 'without the leader');

      leader.start();
      await cluster.ready(leader.id);
      await hasSaid(ofLeader.page, 'Connection lost', 'Live');
      await see(ofLeader, 'without the leader');
      await hasSaid(first.page, `Node ${leader.id} is down`, `Node ${leader.id} is up again`);

      for (const visit of visits) {
        for (const hash of ['network', 'trace', 'actors', 'overview']) {
          await visit.page.evaluate(`location.hash = '${hash}'`);
          await visit.page.locator('main .panel').first().waitFor();
          await visit.page.waitForTimeout(500);
          if (visit === first) assert.equal(await accessFaults(visit.page), [], hash);
          // A message has one line; what does not fit is cut on purpose.
          const clipped = (await clippedTexts(visit.page)).filter((text) => !text.includes('<img'));
          assert.equal(clipped, [], hash);
        }
        assert.equal(visit === ofLeader ? besidesStart(visit) : besidesLive(visit), []);
        const ids = await visit.page.locator('.rows tbody .id').allInnerTexts();
        assert.equal(ids, ['5', '4', '3', '2', '1']);
      }
      await first.page.evaluate(`location.hash = 'network'`);
      await first.page.locator('.lane .span').nth(1).waitFor({ state: 'attached' });
      for (const visit of visits) await visit.close();
    }),
  );
});

interface Paint {
  /** Since the address was entered. */
  readonly firstMs: number;
  readonly largestMs: number;
  /** Longer than 50 ms, the waiting for the page's files included. */
  readonly longTasks: readonly number[];
}
const paintOf = ({ page }: Visit): Promise<Paint> =>
  page.evaluate<Paint>(`new Promise((resolve) => {
    const entries = (type, withinMs) => new Promise((told) => {
      new PerformanceObserver((list) => told(list.getEntries())).observe({ type, buffered: true });
      setTimeout(() => told([]), withinMs);
    });
    // There may have been no long task; a paint there was.
    const soonMs = 30_000;
    Promise.all([entries('paint', soonMs), entries('largest-contentful-paint', soonMs), entries('longtask', 200)]).then(
      ([paints, largest, tasks]) => resolve({
        firstMs: Math.round(paints.find(({ name }) => name === 'first-contentful-paint')?.startTime ?? -1),
        largestMs: Math.round(largest.at(-1)?.startTime ?? -1),
        longTasks: tasks.map(({ duration }) => Math.round(duration)),
      }),
    );
  })`);

/** Counts what the feed brings to a page from now on, in bytes. */
async function feedOf({ page }: Visit): Promise<() => number> {
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  session.on('Network.webSocketFrameReceived', ({ response }) => {
    bytes += Buffer.byteLength(response.payloadData);
  });
  await session.send('Network.enable');
  return () => bytes;
}

test('paint each page, calm and under load; how soon, with what long tasks and how large a feed is told', async () => {
  builtPage();
  const watchedMs = 2000;
  const lines: string[] = [];
  await withRunningCluster({ env: byDefault }, (cluster) =>
    inBrowser(async (browser) => {
      await (await open(browser, cluster.nodes[0] as RealNode)).close(); // The browser itself is warm.
      for (const connections of [0, 64]) {
        const load =
          connections > 0 ? startLoad({ targets: cluster.targets, connections, bytes: 100, keep: false }) : null;
        for (const hash of ['overview', 'trace', 'actors', 'network']) {
          const before = load?.doneCount ?? 0;
          const visit = await visitOf(browser, `${pageOf(cluster.nodes[0] as RealNode)}#${hash}`);
          await visit.page.locator('main .panel').first().waitFor();
          const fed = await feedOf(visit);
          await visit.page.waitForTimeout(watchedMs);
          const kilobytes = (fed() / watchedMs).toFixed(1);
          const { firstMs, largestMs, longTasks } = await paintOf(visit);
          assert.ok(firstMs > 0 && largestMs > 0, `${hash}: first paint ${firstMs}, largest ${largestMs}`);
          assert.equal(besidesLive(visit), [], hash);
          const rate = Math.round(((load?.doneCount ?? 0) - before) / (watchedMs / 1000));
          const tasks = longTasks.length === 0 ? 'no long task' : `long tasks ${longTasks.join(', ')} ms`;
          const paint = `first paint ${firstMs} ms, largest ${largestMs} ms, ${tasks}`;
          lines.push(`${hash}, ${rate} messages/s: ${paint}, feed ${kilobytes} kB/s`);
          await visit.close();
        }
        await load?.stop();
      }
    }),
  );
  process.stdout.write(`\n    ${lines.join('\n    ')}\n`);
});

Cluster.run();
