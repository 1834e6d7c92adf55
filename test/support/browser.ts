/**
 * A real browser for tests of pages: Debian's chromium, without a window, spoken to by playwright-core.
 *
 *   const test = hasBrowser ? Page : Page.skip;
 *   await inBrowser(async (browser) => { const visit = await visitOf(browser, url, { width: 390 }); … });
 *
 * A page is watched while it is open: what it asked of others, and what it complained of, is in its `faults`; what it has
 * said of its connection, and to those who do not see it, is kept for `hasSaid`.
 */
import { spawnSync } from 'node:child_process';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { needs } from './needs.ts';
import { pause, until } from './waiting.ts';

const launchArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A hang, not a measure: the machine may have much else to do. */
const patienceMs = 60_000;

/** False, with a word, where there is no chromium; where CI is set that is a failure (needs.ts). */
export const hasBrowser = (): boolean => needs('chromium');

const findChromium = (): string => spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();

/** Ends the browser in any case. */
export async function inBrowser(body: (browser: Browser) => Promise<void>): Promise<void> {
  const options = { executablePath: findChromium(), args: launchArguments, timeout: patienceMs };
  const browser = await chromium.launch(options);
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

/** Such sentences stand there for a moment; whoever asks from outside now and then would miss them on a busy machine. */
const keepWhatIsSaid = `(() => {
  const said = (window.saidSoFar = []);
  const last = new Map();
  new MutationObserver(() => {
    for (const place of document.querySelectorAll('.connection, [aria-live]')) {
      const text = place.textContent.trim();
      if (text !== '' && text !== last.get(place)) said.push(text);
      last.set(place, text);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true });
})()`;

/** Until the page has said these, in this order, whatever it said between them. */
export async function hasSaid(page: Page, ...sentences: readonly (string | RegExp)[]): Promise<void> {
  let said: readonly string[] = [];
  const isSaid = async (): Promise<true | undefined> => {
    said = await page.evaluate<readonly string[]>('saidSoFar');
    let at = 0;
    for (const text of said) {
      const wanted = sentences[at];
      if (wanted !== undefined && (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text))) at++;
    }
    return at === sentences.length ? true : undefined;
  };
  await until(`the page to say ${sentences.join(', ')}`, isSaid, patienceMs, 50).catch((error: Error) => {
    throw new Error(`${error.message}; it said: ${said.join(' | ')}`);
  });
}

/** Opens `url` in a context of its own: nothing is shared with other visits. */
export async function visitOf(
  browser: Browser,
  url: string,
  { width = 1280, height = 900, ...options }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  await page.addInitScript(keepWhatIsSaid);
  const faults: string[] = [];
  let isOpen = true;
  /** What a page was in the middle of when it was closed is none. */
  const note = (fault: string): void => {
    if (isOpen) faults.push(fault);
  };
  const home = new URL(url).host;
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') note(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => note(`script: ${error.message}`));
  page.on('requestfailed', (request) => note(`failed: ${request.url()} ${request.failure()?.errorText}`));
  context.on('request', (request) => {
    const { host, protocol } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && host !== home) note(`foreign: ${request.url()}`);
  });
  await page.goto(url);
  const close = async (): Promise<void> => {
    isOpen = false;
    await context.close();
  };
  return { page, faults, close };
}

const looks = 3;
const betweenLooksMs = 400;
/** What is still found after a while: a page may have been met in the middle of a change. */
async function lasting(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  let found = await look();
  for (let again = 1; found.length > 0 && again < looks; again++) {
    await pause(betweenLooksMs);
    found = await look();
  }
  return found;
}

/**
 * What axe finds wrong for readers with other senses and tools: the rule and the element. In the page itself and without
 * what is right, which for some thousand elements takes a third of the time. `within` is a selector.
 */
export const accessFaults = (page: Page, within?: string): Promise<readonly string[]> =>
  lasting(async () => {
    const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ['violations'] });
    const { violations } = await (within === undefined ? axe : axe.include(within)).analyze();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    );
  });

/**
 * Texts that a reader cannot see whole: wider than the box that hides the rest, or reaching out of the page. Words for
 * each; what may be scrolled is not clipped.
 */
export const clippedTexts = (page: Page): Promise<readonly string[]> =>
  lasting(() => page.evaluate<readonly string[]>(findClipped));
const findClipped = `(() => {
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
  })()`;
