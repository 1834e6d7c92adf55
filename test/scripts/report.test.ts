import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Summary } from '../../scripts/experiment/results.ts';
import { askedIn } from '../../scripts/report/asked.ts';
import {
  DataFault,
  definition,
  escaped,
  figureNamed,
  RunMissing,
  spanish,
  written,
} from '../../scripts/report/data.ts';
import { ExcerptFault, excerptOf, excerptsOf } from '../../scripts/report/excerpt.ts';
import { factsOf } from '../../scripts/report/facts.ts';
import { judged } from '../../scripts/report/latexLog.ts';
import { commandsFor, lookedUp, sourcesOf, summaryIn, textsIn, Wanting } from '../../scripts/report.ts';

const Asking = suite('report text');
const Data = suite('report figures');
const Excerpts = suite('report excerpts');
const Log = suite('report log');
const Missing = suite('report without');
const Whole = suite('report');

const built = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const root = join(built, '..');
const file = (name: string): string => readFileSync(join(root, name), 'utf8');
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

// ------------------------------------------------------------------------------------------------------------- asking

Asking('asks for figures, excerpts and pictures, each with its place; comments ask for nothing', () => {
  const text = [
    'Hay \\dato{fact.seeds}{0} de \\dato{local.a.b}{s1}\\%. % \\dato{no}{0}',
    '\\figura{x}{y-z}',
    '\\codigo{a.ts}{b ; c}',
  ];
  const { data, excerpts, pictures } = askedIn(new Map([['a.tex', text.join('\n')]]));
  assert.equal(data, [
    { at: 'a.tex:1', first: 'fact.seeds', second: '0' },
    { at: 'a.tex:1', first: 'local.a.b', second: 's1' },
  ]);
  assert.equal(excerpts, [{ at: 'a.tex:3', first: 'a.ts', second: 'b ; c' }]);
  assert.equal(pictures, [{ at: 'a.tex:2', first: 'x', second: 'y-z' }]);
});

// --------------------------------------------------------------------------------------------------------------- data

const summary = {
  format: 1,
  made: '',
  runs: {
    local: {
      concurrency: { began: '2026-03-09T10:00:00.000Z', figures: { latencyMs: { average: 3.456 }, floorMs: null } },
    },
    wan: {
      latency: {
        figures: {
          pairs: [
            { sourceRegion: 'eu', targetRegion: 'us', ms: { stdev: 2 } },
            { sourceRegion: 'us', targetRegion: 'eu', ms: { stdev: 0.75 } },
          ],
        },
      },
    },
  },
  table: [{ key: 'latency.us-eu', plan: 112.5, ours: { wan: 101.3 }, floor: { wan: 70.4 } }],
} as unknown as Summary;
const sources = { summary, facts: { seeds: 6340 }, timing: { heartbeatMs: 50 } };

Data('are found by name: of a run, of the table, facts and defaults', () => {
  assert.is(figureNamed(sources, 'local.concurrency.latencyMs.average'), 3.456);
  assert.is(figureNamed(sources, 'local.concurrency.began'), '2026-03-09T10:00:00.000Z');
  assert.is(figureNamed(sources, 'table.latency.us-eu.plan'), 112.5);
  assert.is(figureNamed(sources, 'table.latency.us-eu.wan'), 101.3);
  assert.is(figureNamed(sources, 'table.latency.us-eu.floor-wan'), 70.4);
  assert.is(figureNamed(sources, 'wan.latency.pairs.us-eu.ms.stdev'), 0.75);
  assert.is(figureNamed(sources, 'fact.seeds'), 6340);
  assert.is(figureNamed(sources, 'timing.heartbeatMs'), 50);
});

Data('that were not measured, or are not there, are faults and never blank', () => {
  for (const name of [
    'local.concurrency.floorMs',
    'local.concurrency.latencyMs',
    'local.concurrency.nothing',
    'wan.latency.pairs.us-asia.ms.stdev',
    'table.latency.us-eu.local',
    'table.latency.no-where.plan',
    'fact.nothing',
    'nothing',
  ])
    assert.throws(
      () => figureNamed(sources, name),
      (error: unknown) => error instanceof DataFault,
      name,
    );
  assert.throws(
    () => figureNamed(sources, 'wan.partition.lost'),
    (error: unknown) => error instanceof RunMissing,
  );
});

Data('are written as Spanish writes numbers', () => {
  assert.equal([3.456, 0, 9999, 38070, 1911923].map((value) => spanish(value, 0)), ['3', '0', '9999', '38\\,070', '1\\,911\\,923']); // biome-ignore format: one line
  assert.is(spanish(12345.678, 2), '12\\,345,68');
  assert.is(spanish(-0.04, 1), '0,0');
  assert.is(spanish(-2, 0), '\\textminus{}2');
});

Data('are written in the way that the text asks for', () => {
  assert.is(written(1766.4, 's2'), '1,77');
  assert.is(written(12.5, 'g2'), '12,5');
  assert.is(written(12, 'g2'), '12');
  assert.is(written('2026-03-09T10:00:00.000Z', 'date'), '9 de marzo de 2026');
  assert.is(written('AMD_EPYC 50%', 'text'), 'AMD\\_EPYC 50\\%');
  assert.throws(() => written(1, '9'), 'no way to write');
  assert.throws(() => written('x', '1'), 'no number');
  assert.throws(() => written('x', 'date'), 'no date');
});

Data('escape all that LaTeX would take for itself', () => {
  assert.is(escaped('a_b & 5% of $x #1 {y} ~z ^w \\v'), 'a\\_b \\& 5\\% of \\$x \\#1 \\{y\\} \\textasciitilde{}z \\textasciicircum{}w \\textbackslash{}v'); // biome-ignore format: one line
});

Data('become definitions under the name and the way', () => {
  assert.is(
    definition('dato', 'fact.seeds', '0', '6340'),
    '\\expandafter\\def\\csname dato@\\detokenize{fact.seeds:0}\\endcsname{6340}\n',
  );
});

Data('of pages are read from what stands around them, and pages that no longer say so are named', () => {
  const facts = factsOf(file);
  assert.ok(Object.values(facts).every((value) => Number.isFinite(value)));
  assert.is(facts.violations, 0);
  assert.match(
    messageOf(() => factsOf(() => 'nothing of the kind')),
    'docs/testing.md no longer says',
  );
});

Data('of too much load are given as long as it elected nobody', () => {
  assert.ok((factsOf(file).overloadPercent ?? 0) > 50);
  const elected = (name: string): string => file(name).replaceAll('no election', '2 elections');
  assert.match(
    messageOf(() => factsOf(elected)),
    'docs/speed.md no longer says',
  );
});

// ----------------------------------------------------------------------------------------------------------- excerpts

const source = `
export const one = (a: number): number => a;
/** Not this. */
export const oneMore = 1;
export class Box {
  #open(): void {
    const brace = '}'; // and }
    if (brace) {
      return;
    }
  }
  receive(event: Event): void {
    switch (event.type) {
      case 'a': {
        this.a();
        return;
      }
      case 'b':
        return;
    }
  }
}
const list = [
  1,
  2,
];
`;

Excerpts('end with the statement, whatever brackets are in strings and comments, and lose their indent', () => {
  assert.is(excerptOf(source, 'one'), 'export const one = (a: number): number => a;');
  assert.is(
    excerptOf(source, 'open'),
    "#open(): void {\n  const brace = '}'; // and }\n  if (brace) {\n    return;\n  }\n}",
  );
  assert.is(excerptOf(source, "case 'a'"), "case 'a': {\n  this.a();\n  return;\n}");
  assert.is(excerptOf(source, 'const list'), 'const list = [\n  1,\n  2,\n];');
  assert.is(
    excerptsOf(source, 'one ; oneMore'),
    'export const one = (a: number): number => a;\nexport const oneMore = 1;\n',
  );
});

Excerpts('that are not there, are there twice, or are not ASCII, are faults', () => {
  assert.throws(
    () => excerptOf(source, 'two'),
    (error: unknown) => error instanceof ExcerptFault,
  );
  assert.match(
    messageOf(() => excerptOf(source, 'case')),
    'begins lines 14, 18',
  );
  assert.match(
    messageOf(() => excerptOf('const x = "ñ";', 'x')),
    'has a "ñ"',
  );
});

// ---------------------------------------------------------------------------------------------------------------- log

const good = 'Output written on report.pdf (6 pages, 318380 bytes).\n';

Log('is good with six pages and small faults that nobody sees', () => {
  const log = `Overfull \\hbox (0.3pt too wide) in paragraph\nUnderfull \\vbox (badness 10000)\n${good}`;
  assert.equal(judged(log, 6), { pages: 6, again: false, faults: [] });
});

Log('tells what is wrong with the pages', () => {
  assert.equal(judged(good, 5).faults, ['6 pages; at most 5 are wanted']);
  for (const line of [
    'Overfull \\hbox (12.5pt too wide) in paragraph at lines 1--2',
    'Overfull \\vbox (3pt too high) has occurred',
    "LaTeX Warning: Reference `fig:x' on page 1 undefined on input line 3.",
    "LaTeX Warning: Citation `x' on page 1 undefined on input line 3.",
    'Missing character: There is no ñ in font nullfont!',
    "LaTeX Font Warning: Font shape `T1/txtt/b/sc' undefined",
  ])
    assert.equal(judged(`${line}\n${good}`, 6).faults, [line]);
});

Log('of a run that stopped tells why, and nothing of what it did not come to', () => {
  const log =
    "LaTeX Warning: Citation `x' on page 1 undefined on input line 3.\n./a.tex:8: Undefined control sequence.\n";
  assert.equal(judged(log, 6).faults, ['./a.tex:8: Undefined control sequence.', 'no page was written']);
});

Log('asks for another run while references move', () => {
  const moved = 'LaTeX Warning: Label(s) may have changed. Rerun to get cross-references right.\n';
  assert.is(judged(`${moved}${good}`, 6).again, true);
});

// ------------------------------------------------------------------------------------------------------------ missing

Missing('results names every figure, and the commands that make them', () => {
  const asked = askedIn(
    new Map([['a.tex', '\\dato{wan.partition.lost}{0} \\dato{local.durability.lost}{0} \\dato{fact.no}{0}']]),
  );
  const message = messageOf(() => lookedUp(asked, sources, file));
  assert.match(message, 'a.tex:1: there is no run of partition (wan)');
  assert.match(message, 'there is no figure fact.no');
  assert.match(
    message,
    'npm run experiment -- partition --wan\nnpm run experiment -- durability\nnpm run report -- --newest',
  );
  assert.equal(commandsFor([]), []);
  assert.match(
    messageOf(() => lookedUp(asked, sources, file, ['and LaTeX is missing'])),
    /no run of[\s\S]*and LaTeX is missing/,
  );
});

Missing('the code that it shows names the place, the file and what it looked for', () => {
  const asked = askedIn(new Map([['a.tex', '\\codigo{actors/clock.ts}{noSuchThing}']]));
  const work = (): unknown => lookedUp(asked, sources, file);
  assert.throws(work, (error: unknown) => error instanceof Wanting);
  assert.match(messageOf(work), 'a.tex:1, actors/clock.ts: nothing begins with "noSuchThing"');
});

Missing('LaTeX says what to install, and writes nothing', () => {
  const out = join(mkdtempSync(join(tmpdir(), 'report-')), 'report.pdf');
  const { status, stderr } = spawnSync(process.execPath, [join(built, 'scripts', 'report.js'), '--out', out], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: '/nowhere' },
  });
  assert.is(status, 2);
  assert.match(stderr, 'pdflatex is missing (Debian: texlive-latex-base)');
  assert.match(stderr, 'apt-get install --no-install-recommends librsvg2-bin texlive-latex-base');
  assert.not(existsSync(out));
});

// -------------------------------------------------------------------------------------------------------------- whole

Whole('finds everything that its text asks for in the sources, pages and results that are there', () => {
  const asked = askedIn(textsIn(join(root, 'report')));
  const { definitions, excerpts } = lookedUp(asked, sourcesOf(summaryIn(join(root, 'report', 'results')), file), file);
  assert.ok(asked.data.length > 80 && excerpts.length >= 6 && asked.pictures.length >= 6);
  assert.match(definitions, 'csname dato@');
  for (const { second } of asked.pictures)
    assert.ok(
      ['report', 'report/results'].some((folder) => existsSync(join(root, folder, `${second}.svg`))),
      second,
    );
});

Whole('has a PDF', () => {
  assert.is(
    readFileSync(join(root, 'report', 'report.pdf'))
      .subarray(0, 5)
      .toString(),
    '%PDF-',
  );
});

for (const each of [Asking, Data, Excerpts, Log, Missing, Whole]) each.run();
