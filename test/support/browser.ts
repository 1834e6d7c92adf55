/**
 * A real browser for tests of pages: Debian's chromium, without a window, spoken to by playwright-core.
 *
 *   const test = hasBrowser ? Page : Page.skip;
 *   await inBrowser(async (browser) => { const visit = await visitOf(browser, url, { width: 390 }); … });
 *
 * A page is watched while it is open: what it asked of others, and what it complained of, is in its `faults`.
 */
import { spawnSync } from 'node:child_process';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { needs } from './needs.ts';

const launchArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** False, with a word, where there is no chromium; where CI is set that is a failure (needs.ts). */
export const hasBrowser = (): boolean => needs('chromium');

const findChromium = (): string => spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();

/** Ends the browser in any case. */
export async function inBrowser(body: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({ executablePath: findChromium(), args: launchArguments });
  try {
    await body(browser);
  } finally {
    await browser.close();
  }
}

export interface Visit {
  readonly page: Page;
  /** Errors of the console and of scripts, failed requests, requests to other hosts; to be empty at the end. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

export interface VisitOptions extends Omit<BrowserContextOptions, 'viewport'> {
  readonly width?: number;
  readonly height?: number;
}

/** Opens `url` in a context of its own: nothing is shared with other visits. */
export async function visitOf(
  browser: Browser,
  url: string,
  { width = 1280, height = 900, ...options }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  const home = new URL(url).host;
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
  page.on('requestfailed', (request) => faults.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  context.on('request', (request) => {
    const { host, protocol } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && host !== home) faults.push(`foreign: ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults, close: () => context.close() };
}

/**
 * What axe finds wrong for readers with other senses and tools: the rule and the element. In the page itself and without
 * what is right, which for some thousand elements takes a third of the time. `within` is a selector.
 */
export async function accessFaults(page: Page, within?: string): Promise<readonly string[]> {
  const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ['violations'] });
  const { violations } = await (within === undefined ? axe : axe.include(within)).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
  );
}

/**
 * Texts that a reader cannot see whole: wider than the box that hides the rest, or reaching out of the page. Words for
 * each; what may be scrolled is not clipped.
 */
export const clippedTexts = (page: Page): Promise<readonly string[]> =>
  page.evaluate<readonly string[]>(`(() => {
    const found = [];
    const hides = (style) => /hidden|clip/.test(style.overflowX) || /hidden|clip/.test(style.overflowY);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const text = node.textContent.trim();
      const parent = node.parentElement;
      if (text === '' || !parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      let isMeantToHide = false;
      let scrolls = false;
      for (let at = parent; at !== document.documentElement; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.clipPath !== 'none') isMeantToHide = true;
        if (/auto|scroll/.test(style.overflowX)) scrolls = true;
        if (!hides(style) || scrolls) continue;
        const outer = at.getBoundingClientRect();
        if (box.right > outer.right + 1 || box.bottom > outer.bottom + 1 || box.left < outer.left - 1 || box.top < outer.top - 1) {
          if (!isMeantToHide) found.push('hidden by <' + at.localName + '>: ' + text.slice(0, 60));
          break;
        }
      }
      if (isMeantToHide || scrolls) continue;
      if (box.right > innerWidth + 1 || box.left < -1) found.push('out of the page: ' + text.slice(0, 60));
    }
    return found;
  })()`);
