import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Understood, understand, type Wanted } from '../../scripts/demo/commandLine.ts';
import { cut, doneMs, filmArguments, lengthMs, listOf, loopArguments } from '../../scripts/demo/film.ts';
import { holdMs, joined, loopOf, readingMs } from '../../scripts/demo/pace.ts';
import { stagePage } from '../../scripts/demo/stagePage.ts';
import { standingOf } from '../../scripts/demo/standings.ts';
import { toolsFor, whereIs } from '../../scripts/demo/tools.ts';
import { languages, numbersOf, type Words, words } from '../../scripts/demo/words.ts';

const Arguments = suite('demo arguments');
const Programs = suite('demo programs');
const Pace = suite('demo pace');
const Film = suite('demo film');
const Captions = suite('demo captions');
const Script = suite('video script');
const Stage = suite('demo stage');

const asked = (line: string): Understood => understand(line.split(' ').filter((word) => word !== ''));
const wantedBy = (line: string): Wanted | null => {
  const understood = asked(line);
  return understood.kind === 'play' ? understood.wanted : null;
};

// -------------------------------------------------------------------------------------------------------- arguments

Arguments('that are not given make a film in Spanish, without a window', () => {
  assert.equal(wantedBy(''), { language: 'es', out: 'results/demo', headed: false, speed: 1 });
});

Arguments('choose language, folder, window and speed', () => {
  const wanted = wantedBy('--lang en --out report/video --headed --speed 2.5');
  assert.equal(wanted, { language: 'en', out: 'report/video', headed: true, speed: 2.5 });
  assert.is(wantedBy('--no-record')?.out, null);
});

Arguments('that are wrong are told together', () => {
  const understood = asked('--lang fr --speed 0 --out= --no-record');
  const faults = understood.kind === 'faulty' ? understood.faults : [];
  assert.is(faults.length, 4, faults.join('\n'));
  for (const [i, name] of ['--lang fr', '--speed 0', "--out ''", '--out'].entries()) {
    assert.ok(faults[i]?.startsWith(name), faults[i]);
  }
  assert.is(asked('--speed 21').kind, 'faulty');
  assert.is(asked('--speed 1e3').kind, 'faulty');
  assert.is(asked('--loud').kind, 'faulty');
  assert.is(asked('something').kind, 'faulty');
});

// --------------------------------------------------------------------------------------------------------- programs

const both = '/bin/chromium /bin/ffmpeg'.split(' ');
const among = (there: readonly string[]) => (path: string) => there.includes(path);
const full = (): string => ' V..... libvpx-vp9 \n V..... libwebp_anim \n';

Programs('are found by the first name that any folder of the path has', () => {
  const isThere = among(['/b/chromium', '/a/google-chrome']);
  assert.is(whereIs(['chromium', 'google-chrome'], '/a:/b', isThere), '/b/chromium');
  assert.is(whereIs(['firefox'], '/a:/b', isThere), undefined);
  assert.is(whereIs(['chromium'], '', isThere), undefined);
});

Programs('that are missing are all named, with what to install', () => {
  const told = toolsFor(true, '/bin', among([]), full);
  assert.ok(Array.isArray(told));
  assert.is(told.length, 2);
  assert.match(told[0], 'apt-get install chromium');
  assert.match(told[1], 'apt-get install ffmpeg');
  assert.match(told[1], '--no-record');
});

Programs('are no more than what the film needs', () => {
  assert.equal(toolsFor(true, '/bin', among(both), full), { chromium: '/bin/chromium', ffmpeg: '/bin/ffmpeg' });
  assert.equal(toolsFor(false, '/bin', among(['/bin/chromium']), full), { chromium: '/bin/chromium', ffmpeg: null });
});

Programs('that cannot write the film are no good', () => {
  const told = toolsFor(true, '/bin', among(both), () => ' V..... libvpx-vp9 \n');
  assert.equal(told, ["/bin/ffmpeg cannot write libwebp_anim: Debian's ffmpeg can"]);
});

Programs('that are missing end the command before anything is started', () => {
  const script = fileURLToPath(new URL('../../scripts/demo.js', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'dlog-test-'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--out', join(folder, 'film')], {
    encoding: 'utf8',
    env: { ...process.env, PATH: '', TMPDIR: folder },
  });
  assert.is(status, 2);
  assert.match(stderr, 'Chromium is not installed');
  assert.is(stdout, '');
  const left = readdirSync(folder);
  rmSync(folder, { recursive: true });
  assert.equal(left, []);
});

// ------------------------------------------------------------------------------------------------------------- pace

Pace('gives long texts more time than short ones, and pictures at least their own', () => {
  assert.ok(readingMs('a'.repeat(100)) > readingMs('a'.repeat(50)));
  assert.is(holdMs('short', 9_000, 1), 9_000);
  assert.is(holdMs('a'.repeat(180), 0, 1), 11_000);
  assert.is(holdMs('a'.repeat(180), 0, 10), 1_100);
});

Pace('joins stretches that touch, and puts them in order', () => {
  const stretches = [
    { fromMs: 50, toMs: 60 },
    { fromMs: 0, toMs: 10 },
    { fromMs: 10, toMs: 15 },
    { fromMs: 12, toMs: 13 },
  ];
  assert.equal(joined(stretches), [
    { fromMs: 0, toMs: 15 },
    { fromMs: 50, toMs: 60 },
  ]);
});

Pace('cuts the loop from before the death to after the return, without the wait between', () => {
  const loop = loopOf({ killed: 60_000, recovered: 60_500, reviving: 80_000, back: 95_000 });
  assert.is(loop.length, 3);
  const inside = (at: number): boolean => loop.some(({ fromMs, toMs }) => fromMs <= at && at <= toMs);
  for (const at of [59_000, 60_000, 60_500, 80_000, 95_000, 97_000]) assert.ok(inside(at), `${at}`);
  for (const at of [50_000, 70_000, 88_000, 110_000]) assert.not.ok(inside(at), `${at}`);
  const quick = loopOf({ killed: 60_000, recovered: 60_500, reviving: 80_000, back: 82_000 });
  assert.is(quick.length, 2, 'a quick return is one stretch');
});

// ------------------------------------------------------------------------------------------------------------- film

const pictures = [
  { file: 'a', atMs: 1_000 },
  { file: 'b', atMs: 1_400 },
  { file: 'c', atMs: 5_000 },
];

Film('shows each picture until the next one came', () => {
  assert.equal(cut(pictures, [{ fromMs: 1_000, toMs: 6_000 }]), [
    { file: 'a', ms: 400 },
    { file: 'b', ms: 3_600 },
    { file: 'c', ms: 1_000 },
  ]);
});

Film('begins a stretch with what was seen then, and is as long as its stretches', () => {
  const shown = cut(pictures, [
    { fromMs: 1_300, toMs: 1_500 },
    { fromMs: 4_000, toMs: 5_500 },
  ]);
  assert.equal(shown, [
    { file: 'a', ms: 100 },
    { file: 'b', ms: 100 },
    { file: 'b', ms: 1_000 },
    { file: 'c', ms: 500 },
  ]);
  assert.is(lengthMs(shown), 1_700);
});

Film('is told to ffmpeg as a list with times, the last picture twice', () => {
  const list = listOf([
    { file: '000000.jpg', ms: 83.4 },
    { file: '000001.jpg', ms: 1_000 },
  ]);
  assert.is(
    list,
    "ffconcat version 1.0\nfile '000000.jpg'\nduration 0.083\nfile '000001.jpg'\nduration 1.000\nfile '000001.jpg'\n",
  );
});

Film('is VP9, its loop WebP without end, and neither is longer than what was shown', () => {
  for (const [made, codec] of [
    [filmArguments('list', 90_500, 'out'), 'libvpx-vp9'],
    [loopArguments('list', 90_500, 'out'), 'libwebp_anim'],
  ] as const) {
    const after = (name: string): string | undefined => made[made.indexOf(name) + 1];
    assert.equal([after('-i'), after('-c:v'), after('-t'), made.at(-1)], ['list', codec, '90.500', 'out']);
  }
  assert.match(loopArguments('list', 1, 'out').join(' '), '-loop 0');
});

Film('tells how far it is', () => {
  assert.is(doneMs('out_time_us=1500000'), 1_500);
  assert.is(doneMs('out_time=00:00:01.5'), undefined);
  assert.is(doneMs('out_time_us=N/A'), undefined);
});

// --------------------------------------------------------------------------------------------------------- captions

/** Everything that is ever said at the bottom, with figures as long as they get. */
const captionsOf = (w: Words): readonly string[] => [
  w.three(8003),
  w.typing(8001),
  w.everywhere('1'),
  w.streaming,
  w.spaceTime,
  w.before(8003),
  w.killed(8003),
  w.recovered(8002, '10,5 s'),
  w.reviving(8003),
  w.back(8003, 8002),
  w.failover,
  w.actors,
];
/** Two lines of the stage. */
const captionMax = 160;

Captions('fit, are read in time, and are sentences', () => {
  for (const language of languages) {
    for (const caption of captionsOf(words[language])) {
      assert.ok(caption.length <= captionMax, `${caption.length}: ${caption}`);
      assert.match(caption, /\.$/);
      assert.ok(readingMs(caption) <= 9_000, caption);
    }
  }
});

Captions('are said in each language, with the same figures in them', () => {
  assert.equal(Object.keys(words.es), Object.keys(words.en));
  const figures = (language: 'es' | 'en'): readonly string[] =>
    captionsOf(words[language]).map((caption) =>
      [...caption.matchAll(/\d[\d,]*/g)]
        .map(([figure]) => figure)
        .sort()
        .join(' '),
    );
  assert.equal(figures('es'), figures('en'));
});

Captions('write numbers as their readers do', () => {
  const [es, en] = [numbersOf('es'), numbersOf('en')];
  assert.equal([es.seconds(432), en.seconds(432)], ['0,43 s', '0.43 s']);
  assert.equal([es.seconds(996), es.seconds(12_340)], ['1,0 s', '12,3 s']);
  assert.equal([es.count(1234), en.count(1234)], ['1.234', '1,234']);
});

// ----------------------------------------------------------------------------------------------------------- script

/** The folder that holds package.json; this file is built into <outDir>/test/scripts/. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const spoken = readFileSync(join(root, 'report', 'video-script.md'), 'utf8');

Script('names files and functions that there are', () => {
  const named = [...spoken.matchAll(/`([^`\s]+)`/g)].map(([, name = '']) => name);
  const files = named.filter((name) => name.includes('/'));
  assert.ok(files.length > 5);
  for (const file of files) assert.ok(existsSync(join(root, file)), file);
  const sources = files.filter((file) => file.endsWith('.ts')).map((file) => readFileSync(join(root, file), 'utf8'));
  for (const name of named.filter((each) => /^#?[a-z]+[A-Z]?\w*(?:\.[a-z]+)?$/.test(each) && !each.endsWith('.webm'))) {
    assert.ok(
      sources.some((source) => source.includes(name)),
      name,
    );
  }
});

Script('says no measured figure: each mark has its row and column in the table of results', () => {
  const rows = new Map([...spoken.matchAll(/^\| (C\d+) \| (.+?) \| (.+?) \|$/gm)].map(([, mark, ...at]) => [mark, at]));
  const marks = new Set([...spoken.matchAll(/\*\*\[(C\d+)\]\*\*/g)].map(([, mark]) => mark));
  assert.equal([...rows.keys()], [...marks]);
  const [head = '', ...table] = readFileSync(join(root, 'report', 'results', 'table.md'), 'utf8').split('\n');
  for (const [row, column] of rows.values()) {
    assert.ok(
      table.some((line) => line.startsWith(`| ${row} |`)),
      row,
    );
    assert.ok(
      head.split(' | ').some((name) => name.replace(' |', '') === column),
      column,
    );
  }
  const said = spoken.split('\n').filter((line) => line.startsWith('> '));
  assert.not.match(said.join(' ').replaceAll(/\b(?:800\d|1978)\b|\[C\d+\]/g, ''), /\d/);
});

Script('is said in the time that each part has', () => {
  const wordsPerMinute = 150;
  const parts = spoken.split(/^## /m).filter((part) => /^\d\./.test(part));
  assert.is(parts.length, 4);
  for (const part of parts) {
    const [, ...times] = /\((\d):(\d\d)–(\d):(\d\d)\)/.exec(part) ?? [];
    const [fromMinute = 0, fromSecond = 0, toMinute = 0, toSecond = 0] = times.map(Number);
    const minutes = toMinute - fromMinute + (toSecond - fromSecond) / 60;
    const said = part.split('\n').filter((line) => line.startsWith('> '));
    const count = said
      .join(' ')
      .split(/\s+/)
      .filter((word) => /\p{L}|\p{N}/u.test(word)).length;
    assert.ok(count <= wordsPerMinute * minutes, `${count} words in ${minutes} minutes: ${part.slice(0, 30)}`);
  }
});

// ------------------------------------------------------------------------------------------------------------ stage

Stage('has a heading and a dashboard for each node, and one over all', () => {
  const page = stagePage(
    [8001, 8002, 8003].map((node) => ({ node, url: `http://127.0.0.1:${node}/dashboard` })),
    'http://127.0.0.1:8001/dashboard#trace',
  );
  assert.is(page.match(/<iframe /g)?.length, 4);
  for (const node of [8001, 8002, 8003]) {
    assert.ok(page.includes(`id="head-${node}"`));
    assert.ok(page.includes(`name="node-${node}" src="http://127.0.0.1:${node}/dashboard"`));
  }
  assert.ok(page.includes('name="wide" src="http://127.0.0.1:8001/dashboard#trace"'));
});

Stage('heads a node by what it says of itself', () => {
  const health = (leader: number | null) => ({ id: 8001, healthy: leader !== null, leader });
  assert.equal(
    [health(8001), health(8002), health(null), undefined].map((each) => standingOf(8001, each)),
    ['leads', 'follows', 'chooses', 'dead'],
  );
});

for (const each of [Arguments, Programs, Pace, Film, Captions, Script, Stage]) each.run();
