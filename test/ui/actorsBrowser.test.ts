/** The page of the actors in a real browser: every machine at every node. */
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasBrowser, inBrowser, visitOf } from '../support/browser.ts';
import { aHello, fakeFeed } from '../support/fakeFeed.ts';
import { untilTrue } from '../support/waiting.ts';
import { anActorsHello, charts } from './actorsWorld.ts';

const Actors = suite('actors in a browser');
const test = hasBrowser() ? Actors : Actors.skip;

const see = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor();

/** Of the drawings on the page: which states are lit, and texts that reach out of what they stand in. */
const litStates = (page: Page): Promise<readonly string[]> =>
  page.evaluate(
    `[...document.querySelectorAll('.at-node')].map((one) => [...one.querySelectorAll('.state.active')].map((state) => state.dataset.state).join())`,
  );
const tightTexts = (page: Page): Promise<readonly string[]> =>
  page.evaluate(`[...document.querySelectorAll('.chart .state, .chart .label')].flatMap((group) => {
    const box = group.querySelector('rect').getBoundingClientRect();
    return [...group.querySelectorAll('text')].filter((text) => {
      const own = text.getBoundingClientRect();
      return own.left < box.left - 0.5 || own.right > box.right + 0.5 || own.top < box.top - 2 || own.bottom > box.bottom + 2;
    }).map((text) => text.textContent);
  })`);

test('show each machine at every node, with its states lit and every word within its place', async () => {
  const feed = await fakeFeed(anActorsHello());
  try {
    await inBrowser(async (browser) => {
      const { page, faults, close } = await visitOf(browser, `${feed.url}?lang=en#actors`);
      await page.locator('.at-node svg').nth(2).waitFor(); // One node a frame.
      await untilTrue('actors to be wanted', () => feed.wants.at(-1)?.actors === true);
      const rest = { type: 'want', trace: false, oneOf: 1, everyMs: 250, messages: false };
      assert.equal(feed.wants.at(-1), { ...rest, actors: true });
      const office = 'election.inOffice,election.inOffice.leading';
      assert.equal(await litStates(page), ['election.follower', 'election.follower', office]);
      await page.getByRole('img', { name: 'Statechart of election at node 8003; active: inOffice.leading' }).waitFor();
      for (const [actor, chart] of [['election'], ['store'], ['link:8003', 'link']] as const) {
        await page.locator('.actor-tree').getByRole('link', { name: actor, exact: true }).click();
        await page.getByRole('heading', { name: `Statechart: ${actor}` }).waitFor();
        const edges = charts.find(({ id }) => id === (chart ?? actor))?.edges.length ?? 0;
        await page
          .locator('.transitions tbody tr')
          .nth(edges - 1)
          .waitFor();
        assert.is(await page.locator('.transitions tbody tr').count(), edges);
        assert.equal(await tightTexts(page), [], actor);
      }
      await see(page, 'not here');
      await page.locator('.actor-tree').getByRole('link', { name: 'pipeline' }).click();
      await see(page, 'Service: pipeline');
      await page.locator('header').getByRole('link', { name: 'Overview' }).click();
      await page.locator('.card').first().waitFor();
      await untilTrue('actors to be wanted only while they are shown', () => feed.wants.at(-1)?.actors === false);
      assert.equal(faults, []);
      await close();

      feed.hello = { ...anActorsHello(), charts: charts.map((chart) => ({ ...chart, hash: 'another' })) };
      const strange = await visitOf(browser, `${feed.url}?lang=en#actors`);
      await see(strange.page, 'There is no drawing for this version of the machine');
      await strange.page.locator('.transitions tbody tr').first().waitFor();
      await strange.close();
      feed.hello = aHello({ inspect: false });
      const off = await visitOf(browser, `${feed.url}?lang=en#actors`);
      await see(off.page, /Inspection is off/);
      await off.close();
    });
  } finally {
    await feed.close();
  }
});

Actors.run();
