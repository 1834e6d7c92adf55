/** The pure parts of `npm run bench`: arguments, figures, table, picture. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Book, median, type Row } from './book.ts';
import { type Choice, understand, usage } from './commandLine.ts';
import { Histogram } from './histogram.ts';
import { keptTheLead, keyed, loads, rowsOf } from './keyed.ts';
import { ours } from './ours.ts';
import { pictureOf, scaleOf } from './picture.ts';
import { comparedSystems } from './registry.ts';
import type { BenchResult } from './result.ts';
import { figureWords, tableOf } from './table.ts';

const choice: Choice = {
  scenarios: [
    { name: 'single', words: 'one each' },
    { name: 'peaks', words: 'the most' },
    { name: 'soak', words: 'for long', isLong: true },
  ],
  systems: ['ours', 'etcd', 'redis'],
};
const understood = (...args: string[]) => understand(args, choice);
const wantedOf = (...args: string[]) => {
  const found = understood(...args);
  if (found.kind !== 'wanted') throw new Error(JSON.stringify(found));
  return found.wanted;
};

const Arguments = suite('bench: arguments');

Arguments('by default measure everything that is not long, three times', () => {
  const wanted = wantedOf();
  assert.equal(wanted.scenarios, ['single', 'peaks']);
  assert.equal(wanted.systems, ['ours', 'etcd', 'redis']);
  assert.is(wanted.runs, 3);
  assert.equal(wanted.clients, [1, 16, 64, 256]);
  assert.equal(wantedOf('--clients', '2,64').clients, [2, 64]);
  assert.is(wanted.out, 'results');
  assert.is(wanted.dir, 'results');
});
Arguments('choose by name, in the order in which things are measured', () => {
  const wanted = wantedOf('--only', 'soak, single', '--systems', 'redis,ours', '--out', 'here', '--dir', 'there');
  assert.equal(wanted.scenarios, ['single', 'soak']);
  assert.equal(wanted.systems, ['ours', 'redis']);
  assert.is(wanted.out, 'here');
  assert.is(wanted.dir, 'there');
});
Arguments('take a quick look at this log alone, unless others are named', () => {
  assert.equal(wantedOf('--quick').systems, ['ours']);
  assert.equal(wantedOf('--quick', '--systems', 'etcd').systems, ['etcd']);
  assert.is(wantedOf('--quick').runs, 1);
  assert.is(wantedOf('--quick', '--runs', '5').runs, 5);
  assert.ok(wantedOf('--quick').seconds < wantedOf().seconds);
});
Arguments('that are wrong are told all at once', () => {
  const found = understood(
    '--only',
    'single,nope',
    '--systems',
    '',
    '--runs',
    '0',
    '--clients',
    '1,x',
    '--seconds',
    'x',
    '--messages',
    '9',
    '--out',
    '',
  );
  assert.equal(found, {
    kind: 'faulty',
    faults: [
      '--only nope: wants some of single, peaks, soak',
      "--systems '': wants some of ours, etcd, redis",
      '--runs 0: wants a whole number from 1 to 100',
      '--seconds x: wants a number from 0.1 to 3600',
      '--messages 9: wants a whole number from 10000',
      '--clients 1,x: wants whole numbers from 1 to 10000',
      "--out '': wants a folder",
    ],
  });
});
Arguments('that nobody knows are refused, and help and list asked for', () => {
  assert.is(understood('--nope').kind, 'faulty');
  assert.is(understood('word').kind, 'faulty');
  assert.is(understood('--help').kind, 'help');
  assert.is(understood('-h').kind, 'help');
  assert.is(understood('--list').kind, 'list');
  assert.match(usage(choice), 'ours, etcd, redis');
});

const Figures = suite('bench: figures');

const row = (id: string, unit = 'messages/s', best: Row['best'] = 'high'): Row => ({
  id,
  scenario: 'single',
  words: `row <${id}>`,
  unit,
  best,
});

Figures('the median is the middle one, or between the middle two', () => {
  assert.is(median([5, 1, 100]), 5);
  assert.is(median([4, 1, 100, 2]), 3);
  assert.is(median([7]), 7);
  assert.throws(() => median([]));
});
Figures('a book keeps every sample, with its extremes', () => {
  const book = new Book();
  for (const sample of [3, 1, 2]) book.add(row('a'), 'ours', sample, 'so');
  book.add(row('a'), 'etcd', 9);
  assert.equal(book.measured().figures, [
    { row: 'a', system: 'ours', median: 2, min: 1, max: 3, samples: [3, 1, 2], note: 'so' },
    { row: 'a', system: 'etcd', median: 9, min: 9, max: 9, samples: [9] },
  ]);
  assert.is(book.measured().rows.length, 1);
  assert.throws(() => book.add(row('a'), 'ours', Number.NaN));
});
Figures('a histogram knows percentiles to within its steps', () => {
  const histogram = new Histogram();
  assert.is(histogram.percentiles().p99, 0);
  for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);
  const { count, p50, p95, p99, max } = histogram.percentiles();
  assert.is(count, 1000);
  assert.is(max, 1000);
  for (const [found, right] of [
    [p50, 500],
    [p95, 950],
    [p99, 990],
  ] as const)
    assert.ok(Math.abs(found / right - 1) < 0.03, `${found} for ${right}`);
  histogram.clear();
  histogram.add(0);
  assert.is(histogram.percentiles().count, 1);
  assert.is(histogram.percentiles().max, 0);
});
Figures('are written with as many digits as mean something', () => {
  assert.is(figureWords(123_456.7, 'messages/s'), '123,457');
  assert.is(figureWords(0.834, 'ms'), '0.83');
  assert.is(figureWords(34.56, 'ms'), '34.6');
  assert.is(figureWords(1_640.2, 'ms'), '1,640');
  assert.is(figureWords(0, ''), '0');
  assert.is(figureWords(1.5, ''), '1.5');
});

const book = new Book();
for (const [system, sample] of [
  ['ours', 20_000],
  ['etcd', 7_000],
  ['koa', 40_000],
] as const)
  for (const part of [0.9, 1, 1.1]) book.add(row('sixty-four'), system, sample * part);
book.add(row('gap', 'ms', 'low'), 'ours', 130);
book.add(row('gap', 'ms', 'low'), 'etcd', 6_100);
const result: BenchResult = {
  began: '2026-01-02T03:04:05.000Z',
  seconds: 60,
  wanted: wantedOf(),
  machine: {
    cpu: 'A & B',
    cores: 2,
    memoryGiB: 4,
    kernel: 'Linux 6',
    node: 'v20.15.0',
    fileSystem: 'ext4',
    disk: 'sda',
    loadAverage: 0,
  },
  systems: [],
  limits: ['koa'],
  missing: { redis: 'not installed' },
  ...book.measured(),
};

Figures('stand in a table, the systems side by side', () => {
  assert.equal(tableOf(result).split('\n'), [
    '                  unit          ours   etcd     koa',
    '---------------------------------------------------',
    'row <sixty-four>  messages/s  20,000  7,000  40,000',
    'row <gap>         ms             130  6,100',
  ]);
});

const Keyed = suite('bench: keyed streams');

Keyed('are measured with and without keys, in turn, each as often as was asked', () => {
  assert.equal(
    loads.map(({ window, isKeyed }) => `${window} ${isKeyed}`),
    ['512 true', '512 false', '4096 true', '4096 false'],
  );
  assert.is('runsOf' in keyed && keyed.runsOf(wantedOf('--runs', '3')).length, 12);
});
Keyed('have a row of their own for each load and each figure', () => {
  const rows = loads.flatMap((load) => Object.values(rowsOf(load)));
  assert.is(rows.length, 20);
  assert.is(new Set(rows.map(({ id }) => id)).size, rows.length);
  assert.is(new Set(rows.map(({ words }) => words)).size, rows.length);
});
Keyed('are asked of this log alone', () => {
  assert.equal(
    comparedSystems.filter((system) => keyed.unfit(system) === null),
    [ours],
  );
});
Keyed('tell of a lead that was lost in one run of many, though the median tells nothing', () => {
  const found = new Book();
  const [calm, lost] = loads.map(rowsOf);
  for (const elections of [0, 0, 0]) found.add(calm!.elections, 'ours', elections);
  assert.is(keptTheLead(found.measured(), 'ours').held, true);
  for (const elections of [0, 1, 0]) found.add(lost!.elections, 'ours', elections);
  assert.is(found.measured().figures[1]!.median, 0);
  const { held, lines } = keptTheLead(found.measured(), 'ours');
  assert.is(held, false);
  assert.equal(lines, [
    'held: 8 streams x 512 under way, with keys: elections in each run 0, 0, 0',
    'NOT HELD: 8 streams x 512 under way, without keys: elections in each run 0, 1, 0',
  ]);
});

const Picture = suite('bench: picture');

Picture('a scale is linear, and logarithmic where values differ by a lot', () => {
  const linear = scaleOf([10, 40], 100);
  assert.not(linear.isLogarithmic);
  assert.is(linear.at(40), 100);
  assert.is(linear.at(10), 25);
  assert.equal(linear.ticks, [0, 10, 20, 30, 40]);
  const logarithmic = scaleOf([20, 2_000, 20_000], 300);
  assert.ok(logarithmic.isLogarithmic);
  assert.is(logarithmic.from, 10);
  assert.equal(logarithmic.ticks, [10, 100, 1_000, 10_000]);
  assert.ok(
    Math.abs(logarithmic.at(2_000) - logarithmic.at(20) - (logarithmic.at(200_000) - logarithmic.at(2_000))) < 1e-6,
  );
  assert.ok(scaleOf([10, 5_000], 100).at(10) > 0, 'the smallest has a bar too');
  assert.not(Number.isNaN(scaleOf([0], 100).at(0)));
});
Picture('has a bar for each figure, long as its value, and all words as text', () => {
  const svg = pictureOf(result);
  const bars = [
    ...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="12" class="s(\d)" rx="1.5"><title>/g),
  ];
  assert.equal(
    bars.map(([, , system]) => system),
    ['0', '1', '2', '0', '1'],
  );
  const [ours, etcd, koa] = bars.map(([, width]) => Number(width));
  assert.ok(Math.abs(koa! / ours! - 2) < 0.01);
  assert.ok(Math.abs(ours! / etcd! - 20 / 7) < 0.01);
  for (const words of ['row &lt;sixty-four&gt;', '20,000', '6,100', 'A &amp; B', 'ms, logarithmic; shorter is better'])
    assert.match(svg, words);
  assert.match(svg, 'prefers-color-scheme:dark');
  assert.not.match(svg, 'NaN');
});
Picture('a limit is grey, a system is not', () => {
  const fills = [...pictureOf(result).matchAll(/\.s(\d)\{fill:#(..)(..)(..)\}/g)].slice(0, 3);
  const isGrey = fills.map(([, , ...parts]) => {
    const values = parts.map((part) => Number.parseInt(part, 16));
    return Math.max(...values) - Math.min(...values) < 32;
  });
  assert.equal(isGrey, [false, false, true]);
});

Arguments.run();
Figures.run();
Keyed.run();
Picture.run();
