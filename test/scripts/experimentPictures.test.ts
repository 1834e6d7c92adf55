import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { floorOf } from '../../scripts/experiment/concurrency.ts';
import { csvOf, newestRuns, savePictures, saveRun, stemOf, textOf } from '../../scripts/experiment/files.ts';
import { roundAxis } from '../../scripts/experiment/pictures/chart.ts';
import { picturesOf } from '../../scripts/experiment/pictures/draw.ts';
import { typicalRound } from '../../scripts/experiment/pictures/failover.ts';
import { pngOf } from '../../scripts/experiment/pictures/png.ts';
import { nearest } from '../../scripts/experiment/pictures/spaceTime.ts';
import { words } from '../../scripts/experiment/pictures/words.ts';
import { publish, summarise } from '../../scripts/experiment/publish.ts';
import type { ExperimentName, Experiments, Label, Run, Summary } from '../../scripts/experiment/results.ts';
import { spreadOf } from '../../scripts/experiment/statistics.ts';

const Pictures = suite('experiment pictures');
const Files = suite('experiment files');
const Table = suite('experiment table');

// ------------------------------------------------------------------------------------------------------- small runs

const spread = spreadOf([10, 20, 30]);
const write = {
  client: 1,
  node: 8001,
  message: 'm',
  atMs: 5,
  ms: 20,
  outcome: 'acknowledged',
  id: 1,
  lamport: 9,
} as const;
const refused = {
  client: 2,
  node: 8003,
  message: 'n',
  atMs: 600,
  ms: 300,
  outcome: 'refused',
  code: 'NO_LEADER',
} as const;
const leaders = [8001, 8002, 8003].flatMap((node) => [
  { node, fromMs: -2_000, toMs: 40, leader: 8003 },
  { node, fromMs: 40, toMs: 90, leader: null },
  { node, fromMs: 90, toMs: 1_000, leader: 'silent' as const },
  { node, fromMs: 1_000, toMs: 4_000, leader: 8002 },
]);
const story = [
  { node: 8001, atMs: 40, event: 'lost the leader', words: 'no leader' },
  { node: 8002, atMs: 60, event: 'campaigns', words: 'campaigns in epoch 2' },
  { node: 8002, atMs: 90, event: 'leads', words: 'node 8002 leads' },
];
const pair = { source: 8001, target: 8002, sourceRegion: 'us', targetRegion: 'eu', ms: spread, lightMs: 70.4 };
const said = (name: string, client: string, after: string[], sentAtMs: number) => ({
  name,
  client,
  node: 8001,
  id: 1,
  lamport: 5,
  seen: 0,
  sentAtMs,
  acknowledgedAtMs: sentAtMs + 20,
  after,
});
const messages = [said('a1', 'Ana', [], 0), said('c1', 'Cleo', [], 1), said('b1', 'Ben', ['a1'], 30)];

const own: Experiments = {
  concurrency: {
    parameters: { messages: 2, clients: 2, node: 8001 },
    samples: [write, refused],
    figures: {
      sent: 2,
      acknowledged: 1,
      latencyMs: spread,
      messagesPerSecond: 40,
      violations: 0,
      leader: 8003,
      node: 8001,
      floorMs: 15,
      lightMs: 9,
    },
  },
  'leader-failure': {
    parameters: { rounds: 1, clients: 2 },
    samples: [
      {
        killed: 8003,
        successor: 8002,
        stepsMs: { noticed: 40, agreed: 95, written: 110, back: 900 },
        gap: { fromMs: 10, ms: 98 },
        refused: 0,
        samples: [write, { ...write, client: 2, outcome: 'unknown', code: 'NO_ANSWER' }],
        leaders,
        story,
      },
    ],
    figures: {
      rounds: 1,
      agreedMs: spread,
      recoveredMs: spread,
      gapMs: spread,
      backMs: spread,
      acknowledged: 1,
      refused: 0,
      lost: 0,
    },
  },
  latency: {
    parameters: { samples: 2, everyMs: 50 },
    samples: [{ source: 8001, target: 8002, ping: 7, atMs: 1, ms: 100.5 }],
    figures: { pairs: [pair] },
  },
  partition: {
    parameters: { apartMs: 2_000, clients: 6, timeoutMs: 500 },
    samples: { writes: [write, refused], leaders, story },
    figures: {
      minority: [8003],
      majority: [8001, 8002],
      apartMs: 2_000,
      majorityResumedMs: 300,
      agreedAgainMs: 500,
      minorityResumedMs: 600,
      acknowledgedByMajority: 1,
      acknowledgedByMinority: 0,
      refusedByMinority: 1,
      refusals: { NO_LEADER: 1 },
      readByMinority: 4,
      lost: 0,
      doubled: 0,
    },
  },
  durability: {
    parameters: { loadMs: 2_000, downMs: 500, clients: 2 },
    samples: { writes: [write, { ...write, atMs: 2_000 }], leaders },
    figures: {
      allBackMs: 1_500,
      firstWriteMs: 2_020,
      acknowledgedBefore: 1,
      acknowledgedAfter: 1,
      lost: 0,
      moved: 0,
      doubled: 0,
    },
  },
  causality: {
    parameters: { rounds: 1 },
    samples: [
      {
        messages,
        relations: [
          { a: 'a1', b: 'b1', happened: 'before', relation: 'before' },
          { a: 'a1', b: 'c1', happened: 'side by side', relation: 'concurrent' },
        ],
      },
    ],
    figures: { messages: 3, dependent: 1, dependentFound: 1, sideBySide: 1, concurrentFound: 1, contradictions: 0 },
  },
};

const runOf = (experiment: ExperimentName, label: Label = 'wan', began = '2026-11-23T12:00:00.000Z'): Run =>
  ({
    format: 1,
    experiment,
    label,
    began,
    durationMs: 1_000,
    stallMsMax: 1,
    command: 'npm run experiment',
    version: { release: '0', commit: 'x' },
    machine: { cpu: 'x', cores: 1, memoryGiB: 1, kernel: 'x', node: 'x', loadAverage: 0 },
    cluster: {
      nodes: ['us', 'eu', 'asia'].map((region, i) => ({ id: 8001 + i, url: 'http://x', region })),
      leader: 8003,
      own: true,
      links: null,
    },
    ...own[experiment],
    promises: [],
    held: true,
  }) as Run;
const names = Object.keys(own) as ExperimentName[];

// --------------------------------------------------------------------------------------------------------- pictures

const textsIn = (svg: string): string => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text).join(' | ');
const drawn = (name: ExperimentName, language: 'en' | 'es' = 'en'): Record<string, string> =>
  Object.fromEntries(picturesOf(runOf(name), language).map((picture) => [picture.name, picture.svg]));

Pictures('are whole: SVG without holes, on white', () => {
  for (const name of names) {
    const pictures = picturesOf(runOf(name), 'en');
    assert.ok(pictures.length > 0, name);
    for (const { name: own, svg } of pictures) {
      assert.match(svg, /^<svg [^>]*viewBox="0 0 504 \d+"/, own);
      assert.match(svg, /<\/svg>\n$/, own);
      assert.not.match(svg, /NaN|undefined|Infinity|dominant-baseline|zr\d/, own);
      assert.match(svg, '#ffffff', own);
    }
  }
});

Pictures('are sharp as pixels: three for one', () => {
  const png = pngOf(drawn('causality')['space-time'] ?? '');
  const view = new DataView(png.buffer, png.byteOffset);
  assert.is(view.getUint32(0), 0x89504e47);
  assert.is(view.getUint32(16), 3 * 504);
  assert.throws(() => pngOf('<svg'), /parsing failed/);
});

Pictures('say what they show, with units', () => {
  const overTime = textsIn(drawn('concurrency')['latency-over-time'] ?? '');
  for (const found of ['latency (ms)', 'time since the first message (ms)', 'average 20 ms', 'network alone 15 ms'])
    assert.match(overTime, found);
  assert.match(overTime, 'refused'); // There are two outcomes to tell apart.
  const failover = textsIn(drawn('leader-failure').failover ?? '');
  for (const found of ['no acknowledgement for 98 ms', 'leader killed', 'majority agrees 95 ms', 'client 1'])
    assert.match(failover, found);
  const timeline = textsIn(drawn('leader-failure')['election-timeline'] ?? '');
  for (const found of ['8001 us', 'stands', 'leads', 'dead', 'no leader']) assert.match(timeline, found);
  assert.match(textsIn(drawn('latency')['heat-map'] ?? ''), /20\.0.*± 10\.0.*10\.0–30\.0/);
  assert.match(textsIn(drawn('partition').partition ?? ''), 'minority: refused');
  assert.match(textsIn(drawn('durability').durability ?? ''), 'write acknowledged 2 s');
  assert.match(textsIn(drawn('causality')['space-time'] ?? ''), /Ana.*concurrent|concurrent.*Ana/);
});

Pictures('speak Spanish, with decimal commas', () => {
  assert.match(textsIn(drawn('latency', 'es')['heat-map'] ?? ''), /20,0.*± 10,0.*10,0–30,0/);
  assert.match(textsIn(drawn('leader-failure', 'es').failover ?? ''), 'caída del líder');
  const [english, spanish] = [words('en'), words('es')];
  const same = Object.keys(english).filter((key) => english[key as 'from'] === spanish[key as 'from']);
  assert.equal(same, []);
});

Pictures('mark the time without acknowledgements where it was', () => {
  const svg = drawn('leader-failure').failover ?? '';
  const band = /<polygon points="([\d.]+) [^"]*" fill="rgb\(213,94,0\)" fill-opacity="0\.18"/.exec(svg);
  const kill = /<path d="M([\d.]+) [\d.]+L[\d.]+ [\d.]+" fill="none" stroke="#D55E00" stroke-width="1\.8"/.exec(svg);
  assert.ok(band && kill, 'both are drawn');
  assert.ok(Number(band?.[1]) > Number(kill?.[1]), 'it begins 10 ms after the kill');
});

Pictures('of a run in which nothing worked are drawn all the same', () => {
  const nothing = { ...own.concurrency, samples: [], figures: { ...own.concurrency.figures, latencyMs: spreadOf([]) } };
  const run = { ...runOf('concurrency'), ...nothing } as Run;
  for (const { svg } of picturesOf(run, 'en')) assert.not.match(svg, /NaN|Infinity/);
  assert.is(picturesOf({ ...runOf('causality'), samples: [] } as Run, 'en').length, 0);
});

Pictures('begin and end their axes with a round number', () => {
  assert.equal(roundAxis(-61, 163), { min: -100, max: 200, interval: 50 });
  assert.equal(roundAxis(0, 6), { min: 0, max: 6, interval: 1 });
});

Pictures('show the round in the middle', () => {
  const [round] = own['leader-failure'].samples;
  assert.ok(round);
  const rounds = [5, 1, 3].map((gap) => ({ ...round, gap: { fromMs: 0, ms: gap } }));
  assert.is(typicalRound(rounds)?.gap.ms, 3);
  assert.is(typicalRound([]), undefined);
});

Pictures('leave out what follows from nearer arrows', () => {
  const last = said('c2', 'Cleo', ['a1', 'b1', 'c1'], 60);
  assert.equal(nearest(last, [...messages, last]), ['b1', 'c1']);
});

// ------------------------------------------------------------------------------------------------------------ files

const folder = (): string => mkdtempSync(join(tmpdir(), 'experiment-'));

Files('hold the whole run, a sample a line', () => {
  for (const name of names) {
    const run = runOf(name);
    assert.equal(JSON.parse(textOf(run)), JSON.parse(JSON.stringify(run)), name);
  }
  const lines = textOf(runOf('concurrency')).split('\n');
  assert.is(lines.filter((line) => line.includes('"outcome"')).length, 2);
});

Files('of latencies are a table too', () => {
  const run = runOf('latency');
  assert.ok(run.experiment === 'latency');
  assert.is(
    csvOf(run),
    'source,source_region,target,target_region,ping,at_ms,round_trip_ms\n8001,us,8002,eu,7,1,100.5\n',
  );
});

Files('are read again: of each experiment and label the newest, and nothing else', () => {
  const out = folder();
  for (const run of [
    runOf('latency', 'wan', '2026-11-23T12:00:00.000Z'),
    runOf('latency', 'wan', '2026-11-24T12:00:00.000Z'),
    runOf('latency', 'local', '2026-11-22T12:00:00.000Z'),
  ])
    saveRun(out, stemOf(run), run);
  writeFileSync(join(out, 'latency-other.json'), '{"format":2}');
  writeFileSync(join(out, 'latency-broken.json'), '{');
  const kept = newestRuns(out).map(({ run, stem }) => `${run.label} ${stem}`);
  assert.equal(kept.sort(), ['local latency-local-2026-11-22T12-00-00', 'wan latency-wan-2026-11-24T12-00-00']);
  assert.equal(newestRuns(join(out, 'nowhere')), []);
});

Files('that are published have names that stay', () => {
  const [from, out] = [folder(), folder()];
  for (const name of names) saveRun(from, stemOf(runOf(name)), runOf(name));
  const lines: string[] = [];
  const say = { line: (text: string) => void lines.push(text), progress: () => {} };
  publish({ from, out, language: 'es' }, say);
  const files = readdirSync(out);
  for (const found of ['latency-wan.json', 'latency-wan.csv', 'latency-wan-heat-map.svg', 'summary.json', 'table.md'])
    assert.ok(files.includes(found), found);
  assert.is(files.filter((name) => name.includes('2026')).length, 0);
  const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as Summary;
  assert.is(summary.runs.wan?.latency?.pictures['heat-map']?.png, 'latency-wan-heat-map.png');
  for (const name of names) assert.ok(Object.keys(summary.runs.wan?.[name]?.pictures ?? {}).length > 0, name);
});

// ------------------------------------------------------------------------------------------------------------ table

Table('sets the plan beside the newest runs, and what the network leaves', () => {
  const out = folder();
  for (const name of names) {
    for (const label of ['local', 'wan'] as const) saveRun(out, stemOf(runOf(name, label)), runOf(name, label));
  }
  savePictures(out, stemOf(runOf('latency')), picturesOf(runOf('latency'), 'en'));
  const { table, runs } = summarise(out);
  const row = (key: string) => table.find((each) => each.key === key);
  assert.equal(row('concurrency.average')?.plan, 45.2);
  assert.equal(row('concurrency.average')?.ours, { local: 20, wan: 20 });
  assert.equal(row('concurrency.average')?.floor, { local: 15, wan: 15 });
  assert.equal(row('leader-failure.recovered')?.ours, { local: 0.02, wan: 0.02 });
  assert.equal(row('latency.us-eu')?.floor, { local: 70.4, wan: 70.4 });
  assert.equal(row('latency.eu-asia')?.ours, {});
  assert.equal(runs.wan?.latency?.pictures, {
    'heat-map': {
      svg: 'latency-wan-2026-11-23T12-00-00-heat-map.svg',
      png: 'latency-wan-2026-11-23T12-00-00-heat-map.png',
    },
  });
  const text = readFileSync(join(out, 'table.md'), 'utf8');
  assert.equal(row('latency.us-eu')?.spread?.wan, { stdev: 10, min: 10, max: 30 });
  assert.match(text, /^\| round trip us → eu \| 112\.5 ms \| 20 ± 10 ms \(10 to 30\) \| 70\.4 ms \|/m);
  assert.match(text, /^\| \| plan \| local \| local: at best \| wan \| wan: at best \|$/m);
  assert.match(text, /^\| leader killed: until a write is acknowledged again \| 8 s \| 0\.02 s/m);
});

Table('needs results', () => {
  assert.throws(() => summarise(folder()), /holds no results yet: npm run experiment -- all/);
});

Table('has for a floor the way to the leader, and from it to the nearest majority', () => {
  const rtts = new Map([
    [
      1,
      new Map([
        [2, 100],
        [3, 154],
      ]),
    ],
    [
      2,
      new Map([
        [1, 100],
        [3, 252],
      ]),
    ],
    [
      3,
      new Map([
        [1, 154],
        [2, 252],
      ]),
    ],
  ]);
  assert.is(floorOf(rtts, 1, 1), 100);
  assert.is(floorOf(rtts, 2, 1), 200);
  assert.is(floorOf(rtts, 1, 3), 308);
  assert.is(
    floorOf(
      new Map([
        [1, new Map()],
        [2, new Map()],
        [3, new Map()],
      ]),
      1,
      3,
    ),
    null,
  );
});

for (const each of [Pictures, Files, Table]) each.run();
