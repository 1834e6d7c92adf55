/** The space-time page in a real browser: seen, read aloud, and walked by keyboard. */
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeView } from '../../actors/observation.ts';
import { hasBrowser, hasSaid, inBrowser, visitOf } from '../support/browser.ts';
import { aView, fakeFeed, seen, voters } from '../support/fakeFeed.ts';
import { until, untilTrue } from '../support/waiting.ts';
import { aTracedHello } from './traceWorld.ts';

const Trace = suite('space-time page in a browser');
const test = hasBrowser() ? Trace : Trace.skip;

const see = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor();

const readers = [
  { width: 360, colorScheme: 'light', locale: 'es-MX' },
  { width: 1280, colorScheme: 'dark', locale: 'en-GB' },
] as const;

/** Of every colour that covers some pixels the contrast against the ground, by the formula of WCAG; and how many pixels. */
const contrasts = (page: Page): Promise<readonly (readonly [contrast: number, pixels: number])[]> =>
  page.evaluate(`(() => {
    const canvas = document.querySelector('canvas.space-time');
    // A copy: Chromium warns of whoever reads a canvas of the page's own more than once.
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const counts = new Map();
    for (let i = 0; i < data.length; i += 4) {
      const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    const light = (colour) => {
      const [r, g, b] = [colour >> 16, (colour >> 8) & 255, colour & 255]
        .map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const sorted = [...counts].sort((a, b) => b[1] - a[1]);
    const ground = light(sorted[0][0]);
    return sorted.slice(1).map(([colour, pixels]) => {
      const [high, low] = [Math.max(light(colour), ground), Math.min(light(colour), ground)];
      return [(high + 0.05) / (low + 0.05), pixels];
    });
  })()`);

test('draws what stands out from its ground, by day and night', async () => {
  const feed = await fakeFeed(aTracedHello(11));
  try {
    await inBrowser(async (browser) => {
      for (const reader of readers) {
        const label = Object.values(reader).join(' ');
        const { page, faults, close } = await visitOf(browser, `${feed.url}#trace`, reader);
        await page.locator('.events tbody tr').first().waitFor();
        // Drawn a frame after the table.
        const found = await until('the picture', async () => {
          const drawn = await contrasts(page);
          return drawn.length > 0 ? drawn : undefined;
        });
        const strong = found.filter(([contrast, pixels]) => contrast >= 4.5 && pixels > 60);
        assert.ok(
          strong.length >= 3,
          `${label}: replication, election and words: ${JSON.stringify(found.slice(0, 12))}`,
        );
        assert.ok(strong.reduce((sum, [, pixels]) => sum + pixels, 0) > 1500, `${label}: something is drawn`);
        assert.equal(faults, [], label);
        await close();
      }
    });
  } finally {
    await feed.close();
  }
});

const chosen = (page: Page): Promise<string> => page.locator('tr[aria-current]').innerText();

test('is walked by keyboard: the table shows what is chosen, the address names it, and it is said aloud', async () => {
  const feed = await fakeFeed(aTracedHello(11));
  try {
    await inBrowser(async (browser) => {
      const { page, faults, close } = await visitOf(browser, `${feed.url}?lang=en#trace`);
      await page.locator('.events tbody tr').first().waitFor();
      await untilTrue('frames to be wanted', () => feed.wants.at(-1)?.trace === true);
      const rest = { type: 'want', actors: false, oneOf: 1, everyMs: 200, messages: false };
      assert.equal(feed.wants.at(-1), { ...rest, trace: true });
      const toldOfMessages = feed.wants.filter(({ messages }) => messages !== false).length;
      assert.equal([toldOfMessages, feed.reads.length], [0, 0], 'the overview alone shows messages');
      await page.locator('.keyed').focus();
      await page.keyboard.press('[');
      assert.match(await chosen(page), /VIOLATION/);
      const link = new URL(page.url()).hash;
      assert.match(link, /^#trace\/8001:\d+$/);
      await hasSaid(page, 'VIOLATION');
      await see(page, /Events before it: \d+/);
      const before = await page.locator('.events tbody tr').count();
      await page.keyboard.press('ArrowUp');
      assert.not.match(await chosen(page), /VIOLATION/);
      await page.keyboard.press('Home');
      await see(page, /events 1 to/);
      assert.is(await page.locator('.events tbody tr').count(), before);
      await page.keyboard.press('Escape');
      assert.is(await page.locator('tr[aria-current]').count(), 0);
      assert.is(new URL(page.url()).hash, '#trace');

      // The same keys in the table, and the pointer on the canvas.
      await page.locator('.sideways').focus();
      await page.keyboard.press('e');
      assert.match(await chosen(page), /epoch/);
      await page.getByRole('button', { name: /Follow newest/ }).click();
      await page.getByRole('button', { name: /Pause/ }).waitFor();
      await close();

      const again = await visitOf(browser, `${feed.url}?lang=en${link}`);
      await again.page.locator('tr[aria-current]').waitFor();
      assert.match(await chosen(again.page), /VIOLATION/);
      assert.equal([...faults, ...again.faults], []);
      await again.close();
      const lost = await visitOf(browser, `${feed.url}?lang=en#trace/8001:999999`);
      await see(lost.page, 'Event 8001:999999 is not in the record of this page.');
      await lost.close();
    });
  } finally {
    await feed.close();
  }
});

test('stands still while somebody looks, says what the nodes left out, and gives its record away', async () => {
  const feed = await fakeFeed(aTracedHello(11));
  const traceOf = (dropped: number): NodeView['trace'] => ({
    oneOf: 16,
    dropped,
    events: [
      { seq: 50_000 + dropped, lamport: 99_999, wallMs: Date.now(), kind: 'local', what: 'leads', group: 'election' },
    ],
  });
  const tell = (dropped: number): void =>
    feed.tick({ views: [seen(aView(voters[0]!, { rest: { trace: traceOf(dropped)! } }))] });
  try {
    await inBrowser(async (browser) => {
      const { page, faults, close } = await visitOf(browser, `${feed.url}?lang=en#trace`);
      await page.locator('.events tbody tr').first().waitFor();
      tell(7);
      await see(page, '99,999');
      await see(page, 'Sample: 1 of 16 frames about messages');
      await see(page, '7 events were left out by the nodes.');
      await page.getByRole('button', { name: /Pause/ }).click();
      const standing = await page.locator('.events').innerText();
      tell(9);
      await page.waitForTimeout(300);
      assert.is(await page.locator('.events').innerText(), standing);
      await page.getByRole('button', { name: /Follow newest/ }).click();
      await see(page, '16 events were left out by the nodes.');

      for (const [button, name, begins] of [
        ['ShiViz log', 'trace-shiviz.log', '(?<event>.*)'],
        ['JSON lines', 'trace.jsonl', '{"format":"distributed-log trace"'],
        ['Perfetto, Lamport', 'trace-lamport.json', '{"traceEvents":['],
      ] as const) {
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('button', { name: button }).click(),
        ]);
        assert.is(download.suggestedFilename(), name);
        let text = '';
        for await (const chunk of await download.createReadStream()) text += String(chunk);
        assert.ok(text.startsWith(begins), `${name}: ${text.slice(0, 60)}`);
      }
      assert.equal(faults, []);
      await close();
    });
  } finally {
    await feed.close();
  }
});

Trace.run();
