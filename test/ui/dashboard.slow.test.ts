/** The dashboard in a real browser, in front of a node that says what the test wants: its states, and what people do. */
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accessFaults,
  hasBrowser,
  hasSaid,
  inBrowser,
  type Visit,
  type VisitOptions,
  visitOf,
} from '../support/browser.ts';
import { aHello, aMessage, aView, type FakeFeed, fakeFeed, seen, voters } from '../support/fakeFeed.ts';
import { until, untilTrue } from '../support/waiting.ts';

const Dashboard = suite('dashboard');
const test = hasBrowser() ? Dashboard : Dashboard.skip;

interface World extends Visit {
  readonly feed: FakeFeed;
}
/** `hash` is the page. */
async function onPage(
  feed: FakeFeed,
  body: (world: World) => Promise<void>,
  {
    hash = 'overview',
    lang = 'en',
    ...options
  }: VisitOptions & { readonly hash?: string; readonly lang?: string } = {},
): Promise<void> {
  try {
    await inBrowser(async (browser) => {
      const visit = await visitOf(browser, `${feed.url}?lang=${lang}#${hash}`, options);
      await body({ ...visit, feed });
      await visit.close();
    });
  } finally {
    await feed.close();
  }
}

const all = (parts: Parameters<typeof aView>[1] = {}) => voters.map((node) => seen(aView(node, parts)));
/** A socket that is refused is an error of the console, and here it is meant. */
const besidesLive = (faults: readonly string[]): readonly string[] =>
  faults.filter((fault) => !fault.includes('/live'));
const see = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor();
const rowsOf = (page: Page): Promise<readonly string[]> => page.locator('.rows tbody .content').allInnerTexts();
/** They are drawn a frame after the words beside them. */
async function showsRows(page: Page, rows: readonly string[]): Promise<void> {
  const wanted = rows.join('\n');
  const areShown = async (): Promise<true | undefined> =>
    (await rowsOf(page)).join('\n') === wanted ? true : undefined;
  await until('the rows', areShown, 30_000, 50).catch(() => {});
  assert.equal(await rowsOf(page), rows);
}

test('is connecting, live, stale, reconnecting and back; nothing shown is lost or doubled', async () => {
  const feed = await fakeFeed(null);
  feed.isSilent = true;
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'Messages sent');
    await hasSaid(page, 'Connecting…', 'No answer from the node yet');
    feed.hello = aHello({ history: { messages: [aMessage(1), aMessage(2)] } });
    feed.drop();
    const told = ['Live'];
    await hasSaid(page, ...told);
    await showsRows(page, ['message 2', 'message 1']);
    const want = await until('what the page wants', () => feed.wants.at(-1));
    assert.equal(want, { type: 'want', trace: false, actors: false, oneOf: 1, everyMs: 200, messages: true });

    told.push('No data for');
    await hasSaid(page, ...told);
    assert.is(await page.locator('.card .figure').first().innerText(), '38,113');
    feed.isSilent = false;
    feed.tick({ views: all({ messages: [aMessage(3)] }) });
    told.push('Live');
    await hasSaid(page, ...told);
    await showsRows(page, ['message 3', 'message 2', 'message 1']);

    feed.isDown = true;
    feed.drop();
    await see(page, 'Not connected: sending is off until the node is back.');
    told.push('Connection lost');
    await hasSaid(page, ...told);
    assert.is((await rowsOf(page)).length, 3);
    feed.hello = aHello({ history: { messages: [aMessage(2), aMessage(3), aMessage(4)] } });
    feed.isDown = false;
    await hasSaid(page, ...told, 'Live');
    await showsRows(page, ['message 4', 'message 3', 'message 2', 'message 1']);
    await hasSaid(page, ...told, 'Connection to the node is back');
    assert.equal(besidesLive(faults), []);
  });
});

test('reads once what was written before anybody looked, and again what came while it was away', async () => {
  const line = (id: number) => ({
    id,
    content: `old ${id}`,
    lamport_timestamp: id * 10,
    node_id: 8002,
    seen: 0,
    physical_timestamp: 1,
  });
  const views = (lastId: number) => [seen(aView(8001, { status: { lastId } }))];
  const feed = await fakeFeed(aHello({ views: views(250) }));
  feed.isSilent = true;
  feed.log = [line(249), line(250)];
  await onPage(feed, async ({ page, faults }) => {
    await showsRows(page, ['old 250', 'old 249']);
    feed.hello = aHello({ views: views(252) });
    feed.log = [line(251), line(252)];
    feed.drop();
    await showsRows(page, ['old 252', 'old 251', 'old 250', 'old 249']);
    // What was committed between a greeting and the first view behind it nobody else tells of.
    feed.log = [line(253)];
    feed.tick({ views: views(253) });
    await see(page, 'old 253');
    feed.tick({ views: views(254) });
    await page.waitForTimeout(300);
    assert.equal(
      feed.reads.map((query) => /after=(\d+)/.exec(query)?.[1]),
      ['150', '250', '252'],
    );
    assert.equal(besidesLive(faults), []);
  });
});

test('says what is wrong: a node down, no leader, nodes that disagree, violations, another version', async () => {
  const feed = await fakeFeed(aHello({ history: { messages: [aMessage(7, { violation: true, content: 'late' })] } }));
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'Live');
    const row = page.locator('.rows tr', { hasText: 'late' });
    assert.ok((await row.innerText()).includes('VIOLATION'));
    const [ground, plain] = await page.evaluate<[string, string]>(
      `[getComputedStyle(document.querySelector('.rows .violation')).backgroundColor, getComputedStyle(document.querySelector('.rows')).backgroundColor]`,
    );
    assert.is.not(ground, plain);

    const head = page.locator('header .identity');
    assert.not.ok((await head.innerText()).includes('ME'));
    feed.tick({ views: all({ status: { leader: 8001 } }) });
    await head.getByText('ME').waitFor();
    await hasSaid(page, 'Node 8001 leads');

    const cut = [{ peer: 8002, up: false, link: 'waiting', error: 'connection refused' }] as const;
    feed.tick({ views: [seen(aView(8001, { links: cut })), seen(aView(8003))] });
    await see(page, /Node 8002 is down, last heard/);

    feed.tick({ views: all({ status: { leader: null, role: 'probing' } }) });
    await see(page, /Writes wait up to ten seconds/);
    feed.tick({ views: [seen(aView(8001)), seen(aView(8002, { status: { leader: 8002 } })), seen(aView(8003))] });
    await see(page, 'The nodes disagree about who leads');
    await see(page, 'node 8002 says 8002, epoch 5');
    feed.tick({ views: all({ metrics: { violations: 2 } }) });
    await hasSaid(page, '2 causality violations');
    await page.getByRole('link', { name: 'see them' }).click();
    const chosen = page.getByLabel('Show', { exact: true }).locator('option:checked');
    await chosen.getByText('only violations').waitFor({ state: 'attached' });
    assert.equal(faults, []);

    feed.hello = aHello({ version: 99 });
    feed.drop();
    await page.getByRole('button', { name: 'Load again' }).waitFor();
    assert.equal(besidesLive(faults), []);
  });
});

const hostile = [
  '<img src=x onerror="document.title=`owned`">',
  '<script>document.title="owned"</script>',
  '"><svg onload=alert(1)>',
  '</td></tr></table><h1>owned</h1>',
  '{{constructor.constructor("alert(1)")()}}',
  'javascript:alert(1)',
  '\u202Eevil\u202C',
  '\u0000\u0007',
];

test('shows messages as text, whatever they are, wherever they stand', async () => {
  const messages = hostile.map((content, i) => aMessage(i + 1, { content }));
  const story = hostile.map((words, i) => ({ wallMs: i + 1, lamport: i, event: words, words, epoch: 1, leader: 8001 }));
  const views = [seen(aView(8001, { story, links: [{ peer: 8002, up: false, error: hostile[0] as string }] }))];
  const feed = await fakeFeed(aHello({ history: { messages }, views }));
  await onPage(feed, async ({ page, faults }) => {
    feed.onPost = () => ({
      status: 400,
      body: { error: hostile[0], code: hostile[1], hint: hostile[2], detail: hostile[3] },
    });
    await see(page, 'Live');
    await page.getByLabel('Message', { exact: true }).fill(hostile[0] as string);
    await page.keyboard.press('Enter');
    await see(page, /Not sent/);
    await page
      .locator('.rows tbody .content')
      .nth(hostile.length - 1)
      .waitFor();
    const texts = (await rowsOf(page)).join('\n');
    for (const content of hostile.slice(0, 6)) assert.ok(texts.includes(content), content);
    assert.ok(texts.includes('⟨U+202E⟩evil⟨U+202C⟩'));
    await page.goto(`${feed.url}?lang=en#network`);
    await page.locator('.stories tbody tr').first().waitFor();
    assert.is(await page.title(), 'distributed-log');
    assert.is(await page.locator('main img, main script, main h1').count(), 0);
    assert.equal(
      faults.filter((fault) => !fault.includes('400')),
      [],
    );
  });
});

test('draws few rows of many, follows the newest, and stands still for whoever reads', async () => {
  const many = Array.from({ length: 3000 }, (_, i) => aMessage(1 + i * 20));
  const feed = await fakeFeed(aHello({ history: { messages: many } }));
  await onPage(feed, async ({ page, faults }) => {
    await see(page, '3,000 of 59,981 messages · sample: 1 of 20');
    assert.ok((await page.locator('.rows tbody tr').count()) < 60);
    const rows = page.locator('.rows');
    await rows.evaluate((box) => box.scrollTo(0, 3200));
    await see(page, 'Follow newest');
    const before = await rows.innerText();
    feed.tick({ views: all({ messages: [aMessage(70_000, { content: 'newest of all' })] }) });
    await see(page, 'Follow newest (1 new)');
    assert.is(await rows.innerText(), before);
    await page.getByRole('button', { name: /Follow newest/ }).click();
    await see(page, 'newest of all');
    await page.getByLabel('Search').fill('MESSAGE 5981');
    await see(page, '1 of 70,000 messages');
    assert.equal(await rowsOf(page), ['message 5981']);
    await page.getByLabel('Search').fill('nowhere');
    await see(page, 'None of the messages shown here matches.');
    assert.equal(faults, []);
  });
});

test('brings older messages to whoever scrolls back, and says what a search has looked at', async () => {
  const messages = Array.from({ length: 50 }, (_, i) => aMessage(251 + i));
  const status = { lastId: 300, lamport: 3000 };
  const feed = await fakeFeed(aHello({ views: [seen(aView(8001, { status }))], history: { messages } }));
  feed.log = Array.from({ length: 300 }, (_, i) => ({
    id: i + 1,
    content: i + 1 === 42 ? 'the needle' : `old ${i + 1}`,
    lamport_timestamp: (i + 1) * 10,
    node_id: 8001,
    seen: i,
    physical_timestamp: 1_795_418_878,
  }));
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'message 300');
    const isFirstShown = async (): Promise<true | undefined> => {
      await page.evaluate(`document.querySelector('.rows').scrollTop = 1e6`);
      return (await rowsOf(page)).at(-1) === 'old 1' ? true : undefined;
    };
    await until('the first message of the log', isFirstShown, 60_000, 100);
    await see(page, 'The log begins here.');
    assert.ok((await page.locator('.rows tbody tr').count()) < 60);
    await page.getByRole('button', { name: /Follow newest/ }).click();
    await see(page, 'message 300');
    await page.getByLabel('Search', { exact: true }).fill('needle');
    await see(page, 'Searched the 50 messages on this page, ids 251 to 300.');
    await page.getByRole('button', { name: 'Search all 300 in the log' }).click();
    await see(page, 'Searched the log, ids 1 to 300. Found: 1.');
    assert.equal(await rowsOf(page), ['the needle']);
    assert.equal(await accessFaults(page, '.messages'), []);
    assert.equal(faults, []);
  });
});

test('says of no figure that it is zero, or all, when it is not known or nearly so', async () => {
  const messages = Array.from({ length: 100 }, (_, i) => aMessage(i < 99 ? i + 1 : 101));
  const idle = { metrics: { averageMs: 0, p95Ms: 0 } };
  const feed = await fakeFeed(aHello({ views: all(idle), history: { messages, points: [[1, 2, null, null]] } }));
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'message 101');
    assert.is(await page.locator('.sample').innerText(), '100 of 101 messages · sample: 1 of 1.1');
    assert.is(await page.locator('.card', { hasText: 'Average latency' }).locator('.figure').innerText(), '–');
    assert.is(await page.getByText('0 ms').count(), 0);
    await see(page, 'Gaps: no writes went in, or another node led and nobody looked here.');
    assert.equal(faults, []);
  });
});

const violationWords = [
  ['en', 'Show', 'only violations', 'Search all 300 in the log', 'Searched the log, ids 1 to 300. Found: 1.'],
  [
    'es',
    'Mostrar',
    'solo violaciones',
    'Buscar en los 300 del registro',
    'Se buscó en el registro, ids 1 a 300. Encontrados: 1.',
  ],
] as const;

test('shows only violations, by keyboard and in both languages, also from the whole log', async () => {
  const messages = Array.from({ length: 50 }, (_, i) => aMessage(251 + i, { violation: i === 40 }));
  const status = { lastId: 300, lamport: 3000 };
  for (const [lang, name, only, button, done] of violationWords) {
    const feed = await fakeFeed(aHello({ views: [seen(aView(8001, { status }))], history: { messages } }));
    feed.log = Array.from({ length: 300 }, (_, i) => ({
      id: i + 1,
      content: `old ${i + 1}`,
      lamport_timestamp: i + 1 === 42 ? 7 : (i + 1) * 10,
      node_id: 8001,
      seen: i,
      physical_timestamp: 1_795_418_878,
    }));
    const onlyThem = async ({ page, faults }: World): Promise<void> => {
      await see(page, 'message 300');
      await page.getByRole('searchbox').focus();
      await page.keyboard.press('Tab');
      const filter = page.getByRole('combobox', { name, exact: true });
      assert.ok(await filter.evaluate((element) => element.matches(':focus')), 'it is the next stop of the keyboard');
      await page.keyboard.press('ArrowDown');
      await showsRows(page, ['message 291']);
      assert.is(await filter.locator('option:checked').innerText(), only);
      const search = page.getByRole('button', { name: button });
      await search.focus();
      await page.keyboard.press('Enter');
      await see(page, done);
      await showsRows(page, ['old 42']);
      assert.is(await page.locator('.rows tr.violation').count(), 1);
      assert.equal(await accessFaults(page, '.messages'), []);
      assert.equal(faults, []);
    };
    await onPage(feed, onlyThem, { lang });
  }
});

/** How long the page's main thread has kept a processor busy since; on a busy machine that is less than what a clock says. */
async function busyTimeOf(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spentMs = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const before = await spentMs();
  return async () => (await spentMs()) - before;
}

const ticks = 40;
const tickMs = 200;

test('stays smooth while a cluster takes 50,000 messages a second, and its memory does not grow with them', async () => {
  const feed = await fakeFeed();
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'Live');
    const busyMs = await busyTimeOf(page);
    const step = 10_000 / 50; // 50,000 a second, five ticks a second, fifty shown of each.
    for (let tick = 0; tick < ticks; tick++) {
      const messages = Array.from({ length: 50 }, (_, i) => aMessage(1 + (tick * 50 + i) * step));
      feed.tick({ views: all({ messages, metrics: { perSecond: 50_000 } }) });
      await page.waitForTimeout(50);
    }
    await see(page, /sample: 1 of 200/);
    assert.ok((await page.locator('.rows tbody tr').count()) < 60);
    const spentMs = (await busyMs()) / ticks;
    process.stdout.write(`\n    ${spentMs.toFixed(1)} ms of processor a tick\n`);
    assert.ok(
      spentMs < tickMs / 2,
      `a tick, which comes every ${tickMs} ms, took ${spentMs.toFixed(0)} ms of processor`,
    );
    assert.equal(faults, []);
  });
});

test('sends as any client does; an error keeps the text, and the same text gets in once', async () => {
  const feed = await fakeFeed(aHello({ needsToken: true }));
  await onPage(feed, async ({ page, faults }) => {
    const box = page.getByLabel('Message', { exact: true });
    await see(page, 'Live');
    await page.getByLabel('Token').fill('secret');
    await box.fill("it's");
    feed.onPost = () => ({
      status: 503,
      body: { error: 'Outcome unknown', code: 'OUTCOME_UNKNOWN', outcome: 'unknown' },
    });
    await page.keyboard.press('Enter');
    await see(page, /Outcome unknown/);
    await see(page, 'It may be in the log, or may yet come to be.');
    assert.is(await box.inputValue(), "it's");
    feed.onPost = () => ({ status: 200, body: { id: 12, lamport_timestamp: 1234 } });
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await see(page, 'Committed as id 12, Lamport 1,234');
    assert.is(await box.inputValue(), '');
    const [first, second] = feed.posts;
    assert.is(first?.path, '/');
    assert.equal(JSON.parse(first?.body ?? ''), { message: "it's" });
    assert.is(first?.headers.authorization, 'Bearer secret');
    assert.ok(first?.headers['idempotency-key']);
    assert.is(second?.headers['idempotency-key'], first?.headers['idempotency-key']);
    for (let i = 0; i < 11; i++) {
      feed.onPost = () => ({ status: 200, body: { id: 20 + i, lamport_timestamp: 1 } });
      await box.fill(`next ${i}`);
      await page.keyboard.press('Enter');
      await see(page, `Committed as id ${20 + i},`);
    }
    await see(page, 'Sent from here (10)');
    const keys = new Set(feed.posts.map(({ headers }) => headers['idempotency-key']));
    assert.is(keys.size, feed.posts.length - 1);
    assert.equal(
      faults.filter((fault) => !fault.includes('503')),
      [],
    );
  });
});

test('breaks things only where the node offers it, and asks first', async () => {
  const feed = await fakeFeed(aHello({ chaos: { supervised: true, active: [] } }));
  await onPage(
    feed,
    async ({ page, faults }) => {
      await page.getByRole('button', { name: 'Kill' }).click();
      const dialog = page.getByRole('dialog', { name: 'Kill node 8003?' });
      await dialog.getByText('It leads now', { exact: false }).waitFor();
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      assert.is(await page.evaluate('document.activeElement.textContent'), 'Kill');
      assert.is(feed.posts.length, 0);
      await page.getByRole('button', { name: 'Cut link' }).click();
      await page.getByRole('button', { name: 'Do it' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await untilTrue('the order', () => feed.posts.length === 1);
      assert.is(feed.posts[0]?.path, '/chaos/cut');
      assert.equal(JSON.parse(feed.posts[0]?.body ?? ''), { node: 8003, peer: 8001, ms: 30_000 });
      const fault = { id: 'c1', what: 'cut', node: 8003, peer: 8001, healsAtWallMs: Date.now() + 29_000 } as const;
      feed.tick({ chaos: [fault] });
      await page
        .locator('header')
        .getByText(/8003 ✕ 8001, heals in \d+ sec/)
        .waitFor();
      feed.onPost = () => ({ status: 409, body: { error: 'Chaos refused', detail: 'it is dead already' } });
      await page.getByRole('button', { name: 'Freeze' }).click();
      await page.getByRole('button', { name: 'Do it' }).click();
      await see(page, 'Chaos refused: it is dead already');
      feed.hello = aHello();
      feed.drop();
      await page.getByRole('button', { name: 'Kill' }).waitFor({ state: 'detached' });
      assert.equal(
        besidesLive(faults).filter((one) => !one.includes('409')),
        [],
      );
    },
    { hash: 'network' },
  );
});

test('is walked by keyboard, wants nothing while hidden, and remembers language and colours', async () => {
  const feed = await fakeFeed(aHello({ history: { messages: [aMessage(1)] } }));
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'message 1');
    await page.keyboard.press('Tab');
    assert.is(await page.evaluate('document.activeElement.className'), 'skip');
    await page.keyboard.press('Enter');
    assert.is(await page.evaluate('document.activeElement.id'), 'main');
    for (const [name, heading] of [
      ['Network', 'Who led when'],
      ['Overview', 'Messages'],
    ] as const) {
      await page.getByRole('navigation').getByRole('link', { name }).click();
      await page.getByRole('heading', { name: heading, exact: true }).waitFor();
      assert.is(await page.getByRole('navigation').locator('[aria-current]').innerText(), name);
    }
    await page.getByLabel('Language').selectOption('es');
    await see(page, 'Mensajes enviados');
    assert.is(await page.getAttribute('html', 'lang'), 'es');
    await page.getByLabel('Colores').selectOption('dark');
    assert.is(await page.evaluate('getComputedStyle(document.documentElement).colorScheme'), 'dark');
    await page.goto(`${feed.url}#network`);
    await see(page, 'Quién lideró y cuándo');
    await page.evaluate(`{
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }`);
    await untilTrue('nothing to be wanted', () => feed.wants.at(-1)?.everyMs === 0);
    // What the page still waited for when it was left.
    const others = faults.filter((fault) => !fault.endsWith(' net::ERR_ABORTED'));
    assert.equal(others, []);
  });
});

Dashboard.run();
