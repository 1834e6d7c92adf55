/** The page at /docs in a real browser: whole, readable and accessible, narrow and wide, light and dark. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { accessFaults, clippedTexts, hasBrowser, inBrowser, visitOf } from '../support/browser.ts';
import { anHttpWorld } from '../support/httpWorld.ts';
import { untilTrue } from '../support/waiting.ts';

const Browser = suite('docs in a browser');
const test = hasBrowser() ? Browser : Browser.skip;

/** Each width with each theme and each language, in pairs; for axe, which takes long, two are enough for each. */
const readers = [
  { width: 390, colorScheme: 'light', locale: 'en-GB', axe: false },
  { width: 390, colorScheme: 'dark', locale: 'es-MX', axe: true },
  { width: 1280, colorScheme: 'dark', locale: 'es-MX', axe: false },
  { width: 1280, colorScheme: 'light', locale: 'en-GB', axe: true },
] as const;

test('is accessible and whole for readers of both languages, on phones and wide screens, by day and night', async () => {
  const world = await anHttpWorld({ kill: () => {} });
  try {
    await inBrowser(async (browser) => {
      for (const reader of readers) {
        const label = Object.values(reader).join(' ');
        const { page, faults, close } = await visitOf(browser, `${world.url}/docs`, reader);
        assert.is(await page.getAttribute('html', 'lang'), reader.locale.slice(0, 2), label);
        if (reader.axe) assert.equal(await accessFaults(page), [], label);
        assert.equal(await clippedTexts(page), [], label);
        const tall = `[...document.querySelectorAll('td:nth-child(2)')].filter((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return range.getClientRects().length !== 1;
        }).length`;
        assert.is(await page.evaluate(tall), 0, `${label}: numbers of the table of errors go over several lines`);
        const [wide, seen] = await page.evaluate<[number, number]>(
          '[document.documentElement.scrollWidth, innerWidth]',
        );
        assert.ok(wide <= seen, `${label}: the page is ${wide} wide`);
        const [ground, ink] = await page.evaluate<[string, string]>(
          '[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]',
        );
        const light = (colour: string): number => Number(/\d+/.exec(colour)?.[0]);
        assert.is(light(ground) > light(ink), reader.colorScheme === 'light', `${label}: ${ink} on ${ground}`);
        assert.equal(faults, [], label);
        await close();
      }
    });
  } finally {
    await world.stop();
  }
});

test('is walked by keyboard: the first stop leads past the contents, links lead to their places', async () => {
  const world = await anHttpWorld();
  try {
    await inBrowser(async (browser) => {
      const { page, faults, close } = await visitOf(browser, `${world.url}/docs?lang=en`);
      await page.keyboard.press('Tab');
      const focus = `({ is: document.activeElement.className, top: document.activeElement.getBoundingClientRect().top })`;
      const { is, top } = await page.evaluate<{ is: string; top: number }>(focus);
      assert.is(is, 'skip');
      assert.ok(top >= 0);
      await page.keyboard.press('Enter');
      assert.is(await page.evaluate('document.activeElement.id'), 'calls');
      await page.getByRole('navigation', { name: 'Contents' }).getByRole('link', { name: 'Get one message' }).click();
      await page.waitForURL(/#getMessage$/);
      const place = await page.evaluate<number>("document.getElementById('getMessage').getBoundingClientRect().top");
      assert.ok(place >= 0 && place < 450, `it is at ${place}`);
      await page.getByRole('link', { name: 'Español' }).click();
      await page.waitForURL(/lang=es/);
      assert.is(await page.title(), 'API HTTP de distributed-log');
      assert.equal(faults, []);
      await close();
    });
  } finally {
    await world.stop();
  }
});

test('that is broken is found: clipped and overflowing text, foreign requests, errors of scripts', async () => {
  const world = await anHttpWorld();
  try {
    await inBrowser(async (browser) => {
      const { page, faults, close } = await visitOf(browser, `${world.url}/docs`, { width: 390, bypassCSP: true });
      await page.evaluate(`document.body.insertAdjacentHTML('beforeend',
        '<div style="width:3rem;overflow:hidden;white-space:nowrap">much too long for it</div><p style="white-space:nowrap;width:2000px;text-align:right">far out</p>')`);
      const found = await clippedTexts(page);
      assert.equal(found, ['hidden by <div>: much too long for it', 'out of the page: far out']);
      await page.evaluate(
        `new Promise((go) => { const image = new Image(); image.onerror = go; image.src = 'http://127.0.0.1:9/x.png'; })`,
      );
      await page.evaluate(`new Promise((go) => setTimeout(() => { setTimeout(go); throw new Error('planted'); }))`);
      for (const planted of ['foreign: http://127.0.0.1:9/x.png', 'script: planted'])
        await untilTrue(planted, () => faults.includes(planted)).catch(() => assert.unreachable(faults.join('; ')));
      await page.evaluate(
        `document.body.insertAdjacentHTML('beforeend', '<p id="pale" style="color:#999;background:#aaa">pale</p>')`,
      );
      assert.match((await accessFaults(page, '#pale')).join(), /^color-contrast: <p id="pale"/);
      await close();
    });
  } finally {
    await world.stop();
  }
});
Browser.run();
