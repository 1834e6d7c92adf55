/** The dashboard in a real browser, in front of a node that says what the test wants: its states, and what people do. */
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { accessFaults, hasBrowser, inBrowser, type Visit, type VisitOptions, visitOf } from '../support/browser.ts';
import { aHello, aMessage, aView, type FakeFeed, fakeFeed, seen, voters } from '../support/fakeFeed.ts';

const Dashboard = suite('dashboard');
const test = hasBrowser() ? Dashboard : Dashboard.skip;

interface World extends Visit {
  readonly feed: FakeFeed;
}
/** `hash` is the page; the language is English unless the address says otherwise. */
async function onPage(
  feed: FakeFeed,
  body: (world: World) => Promise<void>,
  { hash = 'overview', ...options }: VisitOptions & { readonly hash?: string } = {},
): Promise<void> {
  try {
    await inBrowser(async (browser) => {
      const visit = await visitOf(browser, `${feed.url}?lang=en#${hash}`, options);
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
const see = (page: Page, text: string | RegExp): Promise<void> =>
  page.getByText(text).first().waitFor({ timeout: 15_000 });
const rowsOf = (page: Page): Promise<readonly string[]> => page.locator('.rows tbody .content').allInnerTexts();

test('is connecting, live, stale, reconnecting and back; nothing shown is lost or doubled', async () => {
  const feed = await fakeFeed(null);
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'Connecting…');
    await see(page, 'Messages sent');
    await see(page, 'No answer from the node yet');
    feed.hello = aHello({ history: { messages: [aMessage(1), aMessage(2)] } });
    feed.drop();
    await see(page, 'Live');
    assert.equal(await rowsOf(page), ['message 2', 'message 1']);
    assert.equal(feed.wants.at(-1), {
      type: 'want',
      trace: false,
      actors: false,
      oneOf: 1,
      everyMs: 200,
      messages: true,
    });

    await see(page, /No data for 3/);
    assert.is(await page.locator('.card .figure').first().innerText(), '38,113');
    feed.tick({ views: all({ messages: [aMessage(3)] }) });
    await see(page, 'Live');

    feed.isDown = true;
    feed.drop();
    await see(page, /Connection lost/);
    await see(page, 'Not connected: sending is off until the node is back.');
    assert.is((await rowsOf(page)).length, 3);
    feed.hello = aHello({ history: { messages: [aMessage(2), aMessage(3), aMessage(4)] } });
    feed.isDown = false;
    await see(page, 'Live');
    await see(page, 'message 4');
    assert.equal(await rowsOf(page), ['message 4', 'message 3', 'message 2', 'message 1']);
    await page.locator('[aria-live]').getByText('Connection to the node is back').waitFor();
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
  feed.log = [line(249), line(250)];
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'old 249');
    assert.equal(await rowsOf(page), ['old 250', 'old 249']);
    feed.hello = aHello({ views: views(252) });
    feed.log = [line(251), line(252)];
    await page.waitForTimeout(100);
    feed.drop();
    await see(page, 'old 252');
    assert.equal(await rowsOf(page), ['old 252', 'old 251', 'old 250', 'old 249']);
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
    await page.locator('[aria-live]').getByText('Node 8001 leads').waitFor();

    const cut = [{ peer: 8002, up: false, link: 'waiting', error: 'connection refused' }] as const;
    const beat = setInterval(() => feed.tick({ views: [seen(aView(8001, { links: cut })), seen(aView(8003))] }), 200);
    await see(page, /Node 8002 is down, last heard/);
    clearInterval(beat);

    feed.tick({ views: all({ status: { leader: null, role: 'probing' } }) });
    await see(page, /Writes wait up to ten seconds/);
    feed.tick({ views: [seen(aView(8001)), seen(aView(8002, { status: { leader: 8002 } })), seen(aView(8003))] });
    await see(page, 'The nodes disagree about who leads');
    await see(page, 'node 8002 says 8002, epoch 5');
    feed.tick({ views: all({ metrics: { violations: 2 } }) });
    await page.locator('[aria-live]').getByText('2 causality violations').waitFor();
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
    await see(page, 'message');
    await page.getByLabel('Message', { exact: true }).fill(hostile[0] as string);
    await page.keyboard.press('Enter');
    await see(page, /Not sent/);
    const texts = (await rowsOf(page)).join('\n');
    for (const content of hostile.slice(0, 6)) assert.ok(texts.includes(content), content);
    assert.ok(texts.includes('⟨U+202E⟩evil⟨U+202C⟩'));
    await page.goto(`${feed.url}?lang=en#network`);
    await see(page, 'What happened').catch(() => undefined);
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
    for (let tries = 0; tries < 100 && (await rowsOf(page)).at(-1) !== 'old 1'; tries++) {
      await page.evaluate(`document.querySelector('.rows').scrollTop = 1e6`);
      await page.waitForTimeout(100);
    }
    assert.is((await rowsOf(page)).at(-1), 'old 1');
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

test('shows only violations, by keyboard and in both languages, also from the whole log', async () => {
  const messages = Array.from({ length: 50 }, (_, i) => aMessage(251 + i, { violation: i === 40 }));
  const status = { lastId: 300, lamport: 3000 };
  const feed = await fakeFeed(aHello({ views: [seen(aView(8001, { status }))], history: { messages } }));
  feed.log = Array.from({ length: 300 }, (_, i) => ({
    id: i + 1,
    content: `old ${i + 1}`,
    lamport_timestamp: i + 1 === 42 ? 7 : (i + 1) * 10,
    node_id: 8001,
    seen: i,
    physical_timestamp: 1_795_418_878,
  }));
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'message 300');
    for (const [lang, name, only, button, done] of [
      ['en', 'Show', 'only violations', 'Search all 300 in the log', 'Searched the log, ids 1 to 300. Found: 1.'],
      [
        'es',
        'Mostrar',
        'solo violaciones',
        'Buscar en los 300 del registro',
        'Se buscó en el registro, ids 1 a 300. Encontrados: 1.',
      ],
    ] as const) {
      await page.goto('about:blank');
      await page.goto(`${feed.url}?lang=${lang}`);
      await see(page, 'message 300');
      await page.getByRole('searchbox').focus();
      await page.keyboard.press('Tab');
      const filter = page.getByRole('combobox', { name, exact: true });
      assert.ok(await filter.evaluate((element) => element.matches(':focus')), 'it is the next stop of the keyboard');
      await page.keyboard.press('ArrowDown');
      assert.is(await filter.locator('option:checked').innerText(), only);
      assert.equal(await rowsOf(page), ['message 291']);
      const search = page.getByRole('button', { name: button });
      await search.focus();
      await page.keyboard.press('Enter');
      await see(page, done);
      assert.equal(await rowsOf(page), ['old 42']);
      assert.is(await page.locator('.rows tr.violation').count(), 1);
      assert.equal(await accessFaults(page, '.messages'), []);
      assert.equal(faults, []);
    }
  });
});

test('stays smooth while a cluster takes 50,000 messages a second, and its memory does not grow with them', async () => {
  const feed = await fakeFeed();
  await onPage(feed, async ({ page, faults }) => {
    await see(page, 'Live');
    await page.evaluate(`{
      window.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
      }).observe({ type: 'longtask' });
    }`);
    const step = 10_000 / 50; // 50,000 a second, five ticks a second, fifty shown of each.
    for (let tick = 0; tick < 40; tick++) {
      const messages = Array.from({ length: 50 }, (_, i) => aMessage(1 + (tick * 50 + i) * step));
      feed.tick({ views: all({ messages, metrics: { perSecond: 50_000 } }) });
      await page.waitForTimeout(50);
    }
    await see(page, /sample: 1 of 200/);
    assert.ok((await page.locator('.rows tbody tr').count()) < 60);
    const longest = await page.evaluate<number>('window.longest');
    assert.ok(longest < 1000, `a task took ${longest} ms`); // Generous: the machine may be busy with others.
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
      await page.waitForTimeout(100);
      assert.is(feed.posts[0]?.path, '/chaos/cut');
      assert.equal(JSON.parse(feed.posts[0]?.body ?? ''), { node: 8003, peer: 8001, ms: 30_000 });
      const fault = { id: 'c1', what: 'cut', node: 8003, peer: 8001, healsAtWallMs: Date.now() + 29_000 } as const;
      feed.tick({ chaos: [fault] });
      await page
        .locator('header')
        .getByText(/8003 ✕ 8001, heals in 2\d sec/)
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
    await page.waitForTimeout(200);
    assert.is(feed.wants.at(-1)?.everyMs, 0);
    assert.equal(faults, []);
  });
});

Dashboard.run();
