/** Older messages for whoever scrolls back, the search of the whole log, and the small lines beside figures. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MessageView } from '../../actors/observation.ts';
import { foundMost, LogSearch, OlderRows, olderMost } from '../../ui/overview/history.ts';
import { sparkline } from '../../ui/overview/sparkline.ts';
import { aMessage } from '../support/fakeFeed.ts';

/** A log whose answers wait until they are let go, unless it is told to answer at once. */
function aLog(content = (id: number): string => `message ${id}`, lamport = (id: number): number => id * 10) {
  const asked: (readonly [number, number])[] = [];
  const waiting: (() => void)[] = [];
  const log = {
    asked,
    fails: false,
    holds: false,
    release: () => {
      for (const go of waiting.splice(0)) go();
    },
    read: async (after: number, upTo: number): Promise<readonly MessageView[]> => {
      asked.push([after, upTo]);
      if (log.holds) await new Promise<void>((go) => waiting.push(go));
      if (log.fails) throw new Error('no');
      return Array.from({ length: upTo - after }, (_, i) => {
        const id = after + 1 + i;
        return aMessage(id, { content: content(id), lamport: lamport(id) });
      });
    },
  };
  return log;
}
const idsOf = (rows: readonly MessageView[]): readonly number[] => rows.map(({ id }) => id);

const Older = suite('older messages');

Older('come page by page, each before the one that is there, down to the first', async () => {
  const log = aLog();
  const older = new OlderRows(log.read);
  await older.more(251);
  assert.equal([log.asked, older.value.peek().state], [[[150, 250]], 'idle']);
  await older.more(251);
  await older.more(251);
  assert.equal(log.asked.slice(1), [[50, 150], [0, 50]]); // biome-ignore format: one line
  assert.equal(
    idsOf(older.value.peek().rows),
    Array.from({ length: 250 }, (_, i) => i + 1),
  );
  assert.is(older.value.peek().state, 'begun');
  await older.more(251);
  assert.is(log.asked.length, 3, 'there is nothing before the first');
});
Older('are asked for once at a time; a failure can be tried again; what is forgotten does not come back', async () => {
  const log = aLog();
  const older = new OlderRows(log.read);
  log.fails = true;
  await older.more(500);
  assert.is(older.value.peek().state, 'failed');
  log.fails = false;
  log.holds = true;
  const first = older.more(500);
  void older.more(500);
  assert.is(log.asked.length, 2);
  older.forget();
  log.release();
  await first;
  assert.equal(older.value.peek(), { rows: [], state: 'idle' });
});
Older('are bounded, and say so', async () => {
  const log = aLog();
  const older = new OlderRows(log.read);
  for (let page = 0; page < olderMost; page++) {
    if (older.value.peek().state === 'full') break;
    await older.more(1_000_000);
  }
  assert.equal([older.value.peek().rows.length, older.value.peek().state], [olderMost, 'full']);
});
Older.run();

const Searching = suite('search of the log');

Searching('goes from the newest to the first, says how far it came, and keeps what matches in order', async () => {
  const log = aLog((id) => (id % 1000 === 7 ? 'NEEDLE' : 'hay'));
  const search = new LogSearch(log.read);
  await search.search({ text: 'needle', onlyViolations: false }, 2500);
  const found = search.value.peek();
  assert.equal(log.asked, [[1500, 2500], [500, 1500], [0, 500]]); // biome-ignore format: one line
  assert.equal([found?.from, found?.to, found?.state], [1, 2500, 'done']);
  assert.equal(idsOf(found?.rows ?? []), [7, 1007, 2007]);
});
Searching('stops at a bound, at a failure and when told to, and never says more than it looked at', async () => {
  const log = aLog(() => 'needle');
  const search = new LogSearch(log.read);
  await search.search({ text: 'needle', onlyViolations: false }, 5000);
  assert.equal([search.value.peek()?.state, search.value.peek()?.from], ['full', 4001]);
  assert.equal(idsOf(search.value.peek()?.rows ?? []).length, foundMost);
  assert.is(search.value.peek()?.rows.at(-1)?.id, 5000);
  log.fails = true;
  await search.search({ text: 'needle', onlyViolations: false }, 5000);
  assert.equal([search.value.peek()?.state, search.value.peek()?.from], ['failed', 5001]);
  log.fails = false;
  log.holds = true;
  const going = search.search({ text: 'other', onlyViolations: false }, 5000);
  search.stop();
  log.release();
  await going;
  assert.equal([search.value.peek()?.state, search.value.peek()?.from], ['stopped', 5001]);
  search.forget();
  assert.is(search.value.peek(), null);
});
Searching('finds violations by what is before them, also on an earlier page, and says how far it came', async () => {
  // 1003 is written down as older than 999, and so, while it lasts, is 1004.
  const late = new Map([[1003, 9985], [1004, 9990], [2200, 40]]); // biome-ignore format: one line
  const log = aLog(
    (id) => `message ${id}`,
    (id) => late.get(id) ?? id * 10,
  );
  const search = new LogSearch(log.read);
  await search.search({ text: '', onlyViolations: true }, 2500);
  assert.equal(log.asked, [[0, 1000], [1000, 2000], [2000, 2500]]); // biome-ignore format: one line
  const found = search.value.peek();
  assert.equal([found?.from, found?.to, found?.state], [1, 2500, 'done']);
  assert.equal(idsOf(found?.rows ?? []), [1003, 1004, 2200]);
  assert.ok(found?.rows.every(({ violation }) => violation));
  await search.search({ text: 'MESSAGE 22', onlyViolations: true }, 2500);
  assert.equal(idsOf(search.value.peek()?.rows ?? []), [2200]);
  log.fails = true;
  await search.search({ text: '', onlyViolations: true }, 2500);
  assert.equal([search.value.peek()?.state, search.value.peek()?.to], ['failed', 0], 'it has looked at none');
});
Searching.run();

const Sparks = suite('small lines');
Sparks('end at the right edge and reach as high as the most; without anything behind there is none', () => {
  assert.is(sparkline([0, 0, 0], 60, 16), null);
  assert.is(sparkline([], 60, 16), null);
  const points = (sparkline([0, 5, 10], 59, 16) ?? '').split(' ').map((point) => point.split(',').map(Number));
  assert.equal(points, [[57, 15], [58, 8], [59, 1]]); // biome-ignore format: one line
});
Sparks.run();
