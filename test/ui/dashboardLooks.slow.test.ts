/**
 * How the dashboard looks: every page in both languages and themes, on a phone and a wide screen, and in each state. It is
 * accessible (axe), nothing is cut off or reaches out of the page, and what a canvas draws can be told from its ground.
 *
 * DASHBOARD_PICTURES=<folder> keeps a picture of each, for a person to look at.
 */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { accessFaults, clippedTexts, hasBrowser, inBrowser, visitOf } from '../support/browser.ts';
import {
  aHello,
  aMessage,
  aView,
  type FakeFeed,
  fakeFeed,
  type HelloParts,
  seen,
  voters,
} from '../support/fakeFeed.ts';
import { untilTrue } from '../support/waiting.ts';

const Looks = suite('looks of the dashboard');
const test = hasBrowser() ? Looks : Looks.skip;

const longText = 'a message that is longer than any table is wide, and goes on and on '.repeat(3);
const cutContent = /: a message that is longer/;

function aBusyHello(parts: HelloParts = {}): ReturnType<typeof aHello> {
  const now = Date.now();
  const story = (wallMs: number, leader: number | null, round: number) => ({
    wallMs,
    lamport: Math.round(wallMs / 1000) % 100_000,
    event: leader === null ? 'lost the leader' : 'follows',
    words: leader === null ? 'nothing heard for 250 ms' : `node ${leader} was promised by a majority`,
    epoch: round * 65_536 + 8003,
    leader,
  });
  return aHello({
    ...parts,
    history: {
      messages: Array.from({ length: 80 }, (_, i) =>
        aMessage(1000 + i * 17, i % 9 === 3 ? { violation: true } : i % 5 === 0 ? { content: longText } : {}),
      ),
      points: Array.from({ length: 300 }, (_, i) => [
        now - (300 - i) * 1000,
        1000 + 400 * Math.sin(i / 20),
        1.2 + 0.3 * Math.sin(i / 9),
        3 + Math.sin(i / 3),
      ]),
      stories: voters.map((node) => [
        node,
        [story(now - 280_000, 8002, 4), story(now - 100_000, null, 4), story(now - 97_000, 8003, 5)],
      ]),
    },
  });
}

/** Of each canvas: the strongest contrast of a pixel against the panel behind it. */
const canvasContrasts = (page: Page): Promise<readonly number[]> =>
  page.evaluate<readonly number[]>(`(() => {
    const parse = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = (rgb) => {
      const [r, g, b] = rgb.map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    return [...document.querySelectorAll('main canvas')].map((canvas) => {
      const ground = light(parse(getComputedStyle(canvas.closest('.panel')).backgroundColor));
      // A copy: Chromium warns of whoever reads a canvas of the page's own more than once.
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let strongest = 1;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] < 250) continue;
        const ink = light([data[i], data[i + 1], data[i + 2]]);
        const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
        if (contrast > strongest) strongest = contrast;
      }
      return strongest;
    });
  })()`);

async function judge(page: Page, label: string): Promise<void> {
  const folder = process.env.DASHBOARD_PICTURES;
  if (folder) await page.screenshot({ path: join(folder, `${label.replaceAll(' ', '-')}.png`), fullPage: true });
  assert.equal(await accessFaults(page), [], label);
  // The text of a message is cut to one line on purpose; its beginning is what a list is for.
  const clipped = (await clippedTexts(page)).filter((text) => !cutContent.test(text));
  assert.equal(clipped, [], label);
  const [wide, room] = await page.evaluate<[number, number]>('[document.documentElement.scrollWidth, innerWidth]');
  assert.ok(wide <= room, `${label}: the page is ${wide} wide, there is room for ${room}`);
}

async function withFeed(feed: FakeFeed, body: (feed: FakeFeed) => Promise<void>): Promise<void> {
  try {
    await body(feed);
  } finally {
    await feed.close();
  }
}

const readers = [
  { width: 360, colorScheme: 'light', locale: 'es-ES' },
  { width: 390, colorScheme: 'dark', locale: 'en-GB' },
  { width: 1280, colorScheme: 'light', locale: 'en-GB' },
  { width: 1280, colorScheme: 'dark', locale: 'es-ES' },
] as const;

test('are right on every page, in both languages and themes, on a phone and a wide screen', async () => {
  await withFeed(await fakeFeed(aBusyHello({ chaos: { supervised: true, active: [] }, needsToken: true })), (feed) =>
    inBrowser(async (browser) => {
      for (const reader of readers) {
        for (const hash of ['overview', 'trace', 'actors', 'network']) {
          const label = `${hash} ${Object.values(reader).join(' ')}`;
          const { page, faults, close } = await visitOf(browser, `${feed.url}#${hash}`, reader);
          await page.locator('.connection.live').waitFor();
          await page.locator('main .panel').first().waitFor();
          if (hash === 'overview') await page.locator('.picture canvas').last().waitFor();
          feed.tick({ views: voters.map((node) => seen(aView(node))) });
          await page.waitForTimeout(400);
          await judge(page, label);
          if (hash === 'overview') {
            let contrasts: readonly number[] = [];
            const standOut = async (): Promise<boolean> => {
              contrasts = await canvasContrasts(page);
              return contrasts.length === 2 && Math.min(...contrasts) >= 3;
            };
            await untilTrue('both charts to be drawn', standOut).catch(() => {});
            assert.is(contrasts.length, 2);
            assert.ok(Math.min(...contrasts) >= 3, `${label}: contrasts of the charts ${contrasts}`);
          }
          assert.is(await page.getAttribute('html', 'lang'), reader.locale.slice(0, 2));
          assert.equal(faults, [], label);
          await close();
        }
      }
    }),
  );
});

interface State {
  readonly name: string;
  readonly hello: () => ReturnType<typeof aHello> | null;
  readonly happens?: (feed: FakeFeed, page: Page) => Promise<void>;
}
const besidesLive = (faults: readonly string[]): readonly string[] =>
  faults.filter((fault) => !fault.includes('/live'));
const states: readonly State[] = [
  { name: 'first load', hello: () => null },
  { name: 'empty', hello: () => aHello() },
  {
    name: 'stale',
    hello: aBusyHello,
    happens: async (feed, page) => {
      feed.isSilent = true;
      await page.locator('.connection.stale').waitFor();
    },
  },
  {
    name: 'reconnecting',
    hello: aBusyHello,
    happens: async (feed, page) => {
      feed.isDown = true;
      feed.drop();
      await page.locator('.connection.reconnecting').waitFor();
    },
  },
  {
    name: 'many troubles',
    hello: () => aBusyHello({ chaos: { supervised: true, active: [] } }),
    happens: async (feed, page) => {
      const links = [{ peer: 8002, up: false, link: 'waiting', error: 'connect ECONNREFUSED 127.0.0.1:9002' }] as const;
      const chaos = [
        { id: 'k', what: 'killed', node: 8002, healsAtWallMs: Date.now() + 20_000 },
        { id: 'c', what: 'cut', node: 8001, peer: 8003, healsAtWallMs: Date.now() + 30_000 },
      ] as const;
      feed.tick({
        chaos,
        views: [
          seen(aView(8001, { links, metrics: { violations: 3 }, status: { diskFull: true } })),
          seen(aView(8003, { status: { leader: 8001, trouble: 'IDENTITY_LOST' } })),
        ],
      });
      await page.locator('.banner.bad').waitFor(); // They disagree for longer than a moment.
      await page.locator('.banner.warn li').nth(2).waitFor();
    },
  },
  {
    name: 'another version',
    hello: () => aHello({ version: 9 }),
    happens: (_, page) => page.locator('.banner').waitFor(),
  },
];

test('are right in every state', async () => {
  for (const [i, { name, hello, happens }] of states.entries()) {
    await withFeed(await fakeFeed(hello()), (feed) =>
      inBrowser(async (browser) => {
        const reader = readers[i % readers.length] as (typeof readers)[number];
        for (const hash of name === 'many troubles' ? ['overview', 'network'] : ['overview']) {
          feed.isDown = false;
          const { page, faults, close } = await visitOf(browser, `${feed.url}#${hash}`, reader);
          await page.locator('main .panel').first().waitFor();
          await happens?.(feed, page);
          await page.waitForTimeout(300);
          await judge(page, `${name} ${hash}`);
          assert.equal(besidesLive(faults), [], name);
          await close();
        }
      }),
    );
  }
});

test('hold with text twice as large, with forced colours, and with the charts as tables', async () => {
  await withFeed(await fakeFeed(aBusyHello()), (feed) =>
    inBrowser(async (browser) => {
      const { page, faults, close } = await visitOf(browser, `${feed.url}?lang=es`, {
        width: 900,
        forcedColors: 'active',
      });
      await page.locator('.picture canvas').last().waitFor();
      for (let i = 0; i < 2; i++) await page.getByRole('button', { name: 'Como tabla' }).first().click();
      await page.evaluate(`document.documentElement.style.fontSize = '200%'`);
      await page.waitForTimeout(300);
      await page.locator('.twin').nth(1).waitFor();
      const rows = await page.locator('.twin tbody tr').count();
      assert.ok(rows >= 40 && rows <= 62, `${rows} rows`);
      await judge(page, 'large forced');
      assert.equal(faults, []);
      await close();
    }),
  );
});

Looks.run();
