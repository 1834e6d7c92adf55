/** The built dashboard: how big it is, what it names, and that it opens. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasBrowser, inBrowser, visitOf } from '../support/browser.ts';
import { aHello, aMessage, builtPage, fakeFeed } from '../support/fakeFeed.ts';

const folder = builtPage();
const page = readFileSync(join(folder, 'index.html'), 'utf8');
const assets = readdirSync(join(folder, 'assets'));
const zipped = (path: string): number => gzipSync(readFileSync(join(folder, path))).length;

/** What the browser fetches for a page: the named files, and all that they import, at once or when the page is shown. */
function filesOf(names: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const source = readFileSync(join(folder, 'assets', name), 'utf8');
    for (const [, next = ''] of source.matchAll(/\b(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) visit(next);
  };
  for (const name of names) visit(name);
  return [...found];
}

const Built = suite('built dashboard');

Built('needs at most 60 kB for its first page, compressed', () => {
  const named = [...page.matchAll(/\/dashboard\/assets\/([\w.-]+)/g)].map(([, name = '']) => name);
  const main = named.find((name) => name.startsWith('main-')) as string;
  assert.equal(
    [...named].sort(),
    [...filesOf([main]), named.find((name) => name.endsWith('.css'))].sort(),
    'all at once',
  );
  const overview = assets.find((name) => {
    const source = readFileSync(join(folder, 'assets', name), 'utf8');
    return name.endsWith('.js') && source.includes('OverviewPage') && source.includes('uPlot');
  });
  assert.ok(overview);
  const chart = assets.find((name) => name.startsWith('uPlot')) as string;
  const first = filesOf([...named, overview as string, chart]);
  const bytes =
    zipped('index.html') + zipped('icon.svg') + first.reduce((sum, name) => sum + zipped(`assets/${name}`), 0);
  assert.ok(bytes > 20_000 && bytes <= 60_000, `${bytes} bytes: ${first}`);
});

Built('has no file that may change under its name, and names no other place', () => {
  for (const name of assets) assert.match(name, /-[A-Z0-9]{8}\.(?:js|css)$/);
  assert.not.match(page, /https?:|\bsrc="\/\//);
  for (const name of assets.filter((one) => one.endsWith('.css'))) {
    assert.not.match(readFileSync(join(folder, 'assets', name), 'utf8'), /url\((?!["']?data:)/);
  }
});

const opens = hasBrowser() ? Built : Built.skip;
opens('opens in a browser, and shows a message as the text that it is', async () => {
  const content = '<img src=x onerror="document.title=1">';
  const nodeUrls = { 8002: 'http://two.example:8002' };
  const feed = await fakeFeed(
    aHello({ nodeUrls, history: { messages: [aMessage(1, { content })], points: [[1, 2, 3, 4]] } }),
  );
  try {
    await inBrowser(async (browser) => {
      const visit = await visitOf(browser, `${feed.url}?lang=en`);
      await visit.page.getByText(content).waitFor();
      const others = visit.page.locator('.nodes a');
      assert.equal(await others.allInnerTexts(), ['8002'], 'a node whose address is not known is no link');
      assert.is(await others.getAttribute('href'), 'http://two.example:8002/dashboard#overview');
      await visit.page.locator('.picture canvas').first().waitFor();
      assert.is(await visit.page.title(), 'distributed-log');
      assert.equal(visit.faults, []);
      await visit.close();
    });
  } finally {
    await feed.close();
  }
});

Built.run();
