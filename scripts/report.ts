/**
 * `npm run report`: report/report.pdf, from the text, the sources and the results.
 *
 *   text asks (asked.ts) > figures, excerpts and pictures are looked up > LaTeX > its log is judged > report.pdf
 *
 * A1. No figure and no line of code is in the text itself: what it names and cannot be found ends the build, all of it told
 *     at once, with the commands that make what is missing.
 * A2. A PDF with faults (too many pages, lines that are too wide, unknown references) does not take the place of a good one.
 * A3. The same text, sources and results give the same PDF: its date is that of the newest result.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Unusable } from './experiment/cluster.ts';
import { newestRuns } from './experiment/files.ts';
import { publish } from './experiment/publish.ts';
import { experimentNames, labels, type Summary } from './experiment/results.ts';
import { type Say, sayOn } from './experiment/say.ts';
import { isMain } from './main.ts';
import { type AllAsked, askedIn, type Texts } from './report/asked.ts';
import { DataFault, definition, figureNamed, RunMissing, type Sources, written } from './report/data.ts';
import { ExcerptFault, excerptsOf } from './report/excerpt.ts';
import { factsOf, timing } from './report/facts.ts';
import { judged } from './report/latexLog.ts';
import { run, toolsMissing, toolsWanted } from './report/tools.ts';

/** The folder that holds package.json; this file is built into <outDir>/scripts/. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const textFolder = join(root, 'report');
const resultFolder = join(textFolder, 'results');
const buildFolder = join(dirname(fileURLToPath(import.meta.url)), '..', 'report');

const pagesMax = 6;
/** The list of references and the places of figures settle after three; a fifth run would change nothing. */
const latexRunsMax = 4;

const usage = `npm run report                the PDF of the results in report/results
npm run report -- --newest    takes over the newest results of the experiments first
  --out FILE                  writes another PDF (report/report.pdf)
Exit code: 0 the PDF is new, 1 it would have faults and is left as it was, 2 something is missing.
`;

/** What is missing or wrong, in lines: a person has to do something. */
export class Wanting extends Error {}

// --------------------------------------------------------------------------------------------------- what is there

export function textsIn(folder: string): Texts {
  const names = readdirSync(folder).filter((name) => name.endsWith('.tex'));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

export function summaryIn(folder: string): Summary {
  const path = join(folder, 'summary.json');
  if (!existsSync(path)) return { format: 1, made: '', runs: {}, table: [] };
  return JSON.parse(readFileSync(path, 'utf8')) as Summary;
}

export const sourcesOf = (summary: Summary, of: (file: string) => string): Sources => ({
  summary,
  facts: factsOf(of),
  timing,
});

/** The commands that make the runs that are missing. */
export function commandsFor(missing: readonly RunMissing[]): readonly string[] {
  const commands = missing.map(({ label, experiment }) => {
    const where = { local: '', wan: ' --wan', cloud: ' --label cloud --urls …' }[label];
    return `npm run experiment -- ${experiment}${where}`;
  });
  return commands.length === 0 ? [] : [...new Set(commands), 'npm run report -- --newest'];
}

interface Made {
  readonly definitions: string;
  readonly excerpts: readonly string[];
}

/** A1. Of all that the text asks for. Throws with everything that is wrong, and with what else is `wanting`. */
export function lookedUp(
  asked: AllAsked,
  sources: Sources,
  of: (file: string) => string,
  wanting: readonly string[] = [],
): Made {
  const faults: string[] = [];
  const missing: RunMissing[] = [];
  const tried = <T>(at: string, make: () => T): T | undefined => {
    try {
      return make();
    } catch (error) {
      if (error instanceof RunMissing) missing.push(error);
      const isKnown = error instanceof DataFault || error instanceof ExcerptFault;
      if (!isKnown) throw error;
      faults.push(`${at}: ${error.message}`);
      return undefined;
    }
  };
  const data = asked.data.map(({ at, first, second }) =>
    tried(at, () => definition('dato', first, second, written(figureNamed(sources, first), second))),
  );
  const excerpts: string[] = [];
  const code = asked.excerpts.map(({ at, first, second }) =>
    tried(at, () => {
      const text = tried(`${at}, ${first}`, () => excerptsOf(of(first), second));
      if (text === undefined) return '';
      excerpts.push(text);
      return definition('codigo', first, second, `codigo/${excerpts.length}.txt`);
    }),
  );
  const commands = commandsFor(missing);
  if (faults.length > 0) {
    const remedy = commands.length > 0 ? ['These make what is missing:', ...commands] : [];
    throw new Wanting([...faults, ...remedy, ...wanting].join('\n'));
  }
  return { definitions: [...new Set([...data, ...code])].join(''), excerpts };
}

// ------------------------------------------------------------------------------------------------------- making it

const epochOf = ({ runs }: Summary): string => {
  const began = labels.flatMap((label) => experimentNames.flatMap((name) => runs[label]?.[name]?.began ?? []));
  return String(Math.floor(Date.parse(began.sort().at(-1) ?? '1970-01-01') / 1000));
};

function drawPictures(asked: AllAsked, env: Record<string, string>): void {
  for (const { at, second: name } of asked.pictures) {
    const path = [textFolder, resultFolder].map((folder) => join(folder, `${name}.svg`)).find(existsSync);
    if (!path) throw new Wanting(`${at}: there is no ${name}.svg in report/ or report/results/`);
    // 504 px are the 252 pt of a column (experiment/pictures/chart.ts).
    const args = ['--format=pdf', '--dpi-x=144', '--dpi-y=144', `--output=${join('figuras', `${name}.pdf`)}`, path];
    const { ok, output } = run('rsvg-convert', args, buildFolder, env);
    if (!ok) throw new Wanting(`rsvg-convert cannot draw ${name}.svg: ${output}`);
  }
}

function typeset(env: Record<string, string>): ReturnType<typeof judged> {
  const args = ['-interaction=nonstopmode', '-halt-on-error', '-file-line-error', '-no-shell-escape', 'report.tex'];
  for (let runs = 1; ; runs++) {
    run('pdflatex', args, buildFolder, env);
    const path = join(buildFolder, 'report.log');
    const verdict = judged(existsSync(path) ? readFileSync(path, 'utf8') : '', pagesMax);
    if (verdict.pages === 0 || !verdict.again || runs === latexRunsMax) return verdict;
  }
}

const counted = ({ data, excerpts, pictures }: AllAsked): string =>
  `${data.length} numbers, ${excerpts.length} excerpts of the code, ${pictures.length} pictures`;

function build(out: string, say: Say): boolean {
  const texts = textsIn(textFolder);
  const asked = askedIn(texts);
  const summary = summaryIn(resultFolder);
  const of = (file: string): string => {
    const path = join(root, file);
    if (!existsSync(path)) throw new ExcerptFault(`there is no ${file}`);
    return readFileSync(path, 'utf8');
  };
  const missing = toolsMissing();
  const tools = missing.length > 0 ? [toolsWanted(missing)] : [];
  const { definitions, excerpts } = lookedUp(asked, sourcesOf(summary, of), of, tools);
  if (tools.length > 0) throw new Wanting(tools.join('\n'));

  rmSync(buildFolder, { recursive: true, force: true });
  for (const folder of ['codigo', 'figuras']) mkdirSync(join(buildFolder, folder), { recursive: true });
  writeFileSync(join(buildFolder, 'generated.tex'), definitions);
  excerpts.forEach((text, i) => {
    writeFileSync(join(buildFolder, 'codigo', `${i + 1}.txt`), text);
  });
  for (const [name, text] of texts) writeFileSync(join(buildFolder, name), text);
  // A3; and the log breaks no lines.
  const env = { SOURCE_DATE_EPOCH: epochOf(summary), FORCE_SOURCE_DATE: '1', max_print_line: '10000', TZ: 'UTC' };
  drawPictures(asked, env);
  const { pages, faults } = typeset(env);
  if (faults.length > 0) {
    for (const fault of faults) say.line(fault);
    say.line(`${out} is left as it was; see ${relative('.', join(buildFolder, 'report.log'))}`);
    return false; // A2.
  }
  copyFileSync(join(buildFolder, 'report.pdf'), out);
  say.line(`${out}: ${pages} pages, with ${counted(asked)}`);
  return true;
}

/** Newer ones lie elsewhere: whoever has just measured may want them. */
function hint({ runs }: Summary, say: Say): void {
  const newer = newestRuns('results').filter(
    ({ run: { label, experiment, began } }) => began > (runs[label]?.[experiment]?.began ?? ''),
  );
  const names = newer.map(({ run: { label, experiment } }) => `${experiment} (${label})`);
  if (names.length > 0) say.line(`results/ has newer ones of ${names.join(', ')}: npm run report -- --newest`);
}

function main(): number {
  const say = sayOn(process.stdout);
  const { values } = parseArgs({
    options: { newest: { type: 'boolean' }, out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    say.line(usage);
    return 0;
  }
  if (values.newest) publish({ from: 'results', out: relative('.', resultFolder), language: 'es' }, say);
  else hint(summaryIn(resultFolder), say);
  return build(values.out ?? relative('.', join(textFolder, 'report.pdf')), say) ? 0 : 1;
}

if (isMain(import.meta.url)) {
  try {
    process.exitCode = main();
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    const isTold = error instanceof Wanting || error instanceof Unusable || code?.startsWith('ERR_PARSE_ARGS');
    if (!isTold) throw error;
    process.stderr.write(`npm run report:\n${message}\n`);
    process.exitCode = 2;
  }
}
