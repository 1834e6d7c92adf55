/**
 * The stage in Chromium: opens it, tells it what to show, and finds the dashboards on it.
 *
 * G1. A node forbids its dashboard to be framed, so that no foreign page can lay something over it. This browser shows the
 *     demo's own page and nothing else: in it alone that word is left out. The nodes stay as they are.
 */
import { type Browser, type BrowserContext, chromium, type Frame, type Page } from 'playwright-core';
import { Unusable } from '../experiment/cluster.ts';
import { type Column, stagePage, stageSize } from './stagePage.ts';
import type { Language } from './words.ts';

/** On the address of the nodes: what comes from elsewhere may not speak with them. */
const stageUrl = 'http://127.0.0.1/stage';

/** Until the browser, or what is to be seen in it, is there. */
const patienceMs = 60_000;

export type Standing = 'leads' | 'follows' | 'chooses' | 'dead';
export type Route = 'overview' | 'trace' | 'actors';

const launchArguments = [
  // Only pages of this project are shown; root and most containers cannot have the sandbox.
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
  `--window-size=${stageSize.width},${stageSize.height + 90}`,
];

/** The signals are left to whoever ends all that was started. */
export async function openBrowser(chromiumPath: string, headed: boolean): Promise<Browser> {
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  const options = { ...signals, args: launchArguments, timeout: patienceMs };
  try {
    return await chromium.launch({ ...options, executablePath: chromiumPath, headless: !headed });
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    const advice = headed ? '; is there a screen? Without --headed none is needed' : '';
    throw new Unusable(`${chromiumPath} does not start (${why})${advice}`);
  }
}

async function allowFrames(context: BrowserContext): Promise<void> {
  await context.route('**/dashboard?*', async (route) => {
    try {
      const response = await route.fetch();
      const headers = { ...response.headers() };
      delete headers['content-security-policy']; // G1.
      await route.fulfill({ response, headers });
    } catch {
      await route.abort('connectionrefused');
    }
  });
}

export class Stage {
  readonly page: Page;
  private constructor(page: Page) {
    this.page = page;
  }

  /** `wideAt` is the node whose dashboard can be put over all. */
  static async open(
    browser: Browser,
    nodes: readonly { readonly id: number; readonly url: string }[],
    wideAt: string,
    language: Language,
  ): Promise<Stage> {
    const context = await browser.newContext({
      viewport: stageSize,
      colorScheme: 'light',
      locale: language,
      permissions: ['local-network-access'],
    });
    context.setDefaultTimeout(patienceMs);
    await allowFrames(context);
    const dashboard = (url: string, route: Route): string => `${url}/dashboard?lang=${language}#${route}`;
    const columns: Column[] = nodes.map(({ id, url }) => ({ node: id, url: dashboard(url, 'overview') }));
    const body = stagePage(columns, dashboard(wideAt, 'trace'));
    await context.route(stageUrl, (route) => route.fulfill({ contentType: 'text/html', body }));
    const page = await context.newPage();
    await page.goto(stageUrl); // Until all frames in it are there.
    const stage = new Stage(page);
    for (const { id } of nodes) await stage.dashboardOf(id).locator('header .connection.live').waitFor();
    await stage.wide.locator('main .panel').first().waitFor({ state: 'attached' });
    return stage;
  }

  async #tell(call: string, ...given: readonly unknown[]): Promise<void> {
    await this.page.evaluate(`stage.${call}(${given.map((each) => JSON.stringify(each)).join(', ')})`);
  }
  caption = (text: string): Promise<void> => this.#tell('caption', text);
  count = (text: string): Promise<void> => this.#tell('count', text);
  /** Large lines over everything; none takes them away. */
  card = (lines: readonly string[]): Promise<void> => this.#tell('card', lines);
  standing = (node: number, kind: Standing, words: string): Promise<void> => this.#tell('standing', node, kind, words);
  showWide = (isShown: boolean): Promise<void> => this.#tell('wide', isShown);

  dashboardOf(node: number): Frame {
    return this.#frame(`node-${node}`);
  }
  get wide(): Frame {
    return this.#frame('wide');
  }
  #frame(name: string): Frame {
    const found = this.page.frame({ name });
    if (found === null) throw new Error(`there is no frame ${name} on the stage`);
    return found;
  }
}

export const goTo = (dashboard: Frame, route: Route): Promise<void> =>
  dashboard.evaluate(`location.hash = '${route}'`).then(() => {});

/** Smoothly, and as far as the page goes; without the selector to its beginning. */
export const scrollTo = (dashboard: Frame, selector?: string, block: 'start' | 'end' = 'end'): Promise<void> =>
  dashboard
    .evaluate(
      selector === undefined
        ? `scrollTo({ top: 0, behavior: 'smooth' })`
        : `document.querySelector('${selector}')?.scrollIntoView({ block: '${block}', behavior: 'smooth' })`,
    )
    .then(() => {});
