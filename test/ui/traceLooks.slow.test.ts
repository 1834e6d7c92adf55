/** The space-time page and the page of the actors for everybody: axe, cut-off texts, phones, day and night, both languages. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { accessFaults, clippedTexts, hasBrowser, inBrowser, visitOf } from '../support/browser.ts';
import { fakeFeed } from '../support/fakeFeed.ts';
import { anActorsHello } from './actorsWorld.ts';
import { aTracedHello } from './traceWorld.ts';

const Looks = suite('looks of trace and actors');
const test = hasBrowser() ? Looks : Looks.skip;

const readers = [
  { width: 360, colorScheme: 'light', locale: 'es-MX', hash: '#trace' },
  { width: 1280, colorScheme: 'dark', locale: 'en-GB', hash: '#trace' },
  { width: 1280, colorScheme: 'light', locale: 'en-GB', hash: '#actors' },
  { width: 360, colorScheme: 'dark', locale: 'es-MX', hash: '#actors/store' },
  { width: 390, colorScheme: 'light', locale: 'es-MX', hash: '#actors/pipeline' },
] as const;

for (const { hash, ...reader } of readers) {
  const label = `${hash} ${Object.values(reader).join(' ')}`;
  test(`are accessible and whole: ${label}`, async () => {
    const feed = await fakeFeed(hash === '#trace' ? aTracedHello(11) : anActorsHello());
    try {
      await inBrowser(async (browser) => {
        const { page, faults, close } = await visitOf(browser, `${feed.url}${hash}`, reader);
        // Actors are drawn one node a frame.
        if (hash !== '#trace') await page.locator('.at-node').nth(2).waitFor();
        else {
          await page.locator('.events tbody tr').first().waitFor();
          await page.locator('.keyed').focus();
          await page.keyboard.press('[');
          await page.locator('tr[aria-current]').waitFor();
        }
        assert.equal(await accessFaults(page), []);
        assert.equal(await clippedTexts(page), []);
        const [wide, here] = await page.evaluate<[number, number]>(
          '[document.documentElement.scrollWidth, innerWidth]',
        );
        assert.ok(wide <= here, `the page is ${wide} wide`);
        assert.equal(faults, []);
        await close();
      });
    } finally {
      await feed.close();
    }
  });
}
Looks.run();
