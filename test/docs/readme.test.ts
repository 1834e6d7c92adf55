/** Holds the README and docs/ true where that can be checked: codes, commands, links, paths, rules, fields of answers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errors } from '../../http/errors.ts';
import { argumentsOf, help } from '../../scripts/clusterPlan.ts';
import { anHttpWorld } from '../support/httpWorld.ts';

/** The built test stands one folder deeper than its source. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');
const readme = textOf('README.md');
const api = textOf('docs/api.md');
const pages = [
  'README.md',
  'README.es.md',
  'docs/algorithms.md',
  'docs/api.md',
  'docs/configuration.md',
  'docs/dashboard.md',
  'docs/operations.md',
  'docs/testing.md',
  'docs/speed.md',
  'docs/how-it-works.md',
  'docs/decisions.md',
  'docs/model.md',
  'docs/monitoring/README.md',
  'CHANGELOG.md',
];

const lines = (text: string): string[] => text.split('\n');
/** The text between two comments. */
function between(page: string, name: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`].map((mark) => page.indexOf(mark)) as [number, number];
  assert.ok(begin >= 0 && end > begin, `there is no place named ${name}`);
  return page.slice(begin + `<!-- ${name} -->`.length, end).trim();
}
/** Fenced blocks of these languages, without their fences. */
const blocks = (text: string, ...languages: readonly string[]): string[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, language = '']) => languages.includes(language))
    .map(([, , block = '']) => block);

// --------------------------------------------------------------------------------------------------------- tables

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '\\<');

function errorTable(): string {
  const rows = Object.entries(errors)
    .sort(([, a], [, b]) => a.status - b.status)
    .map(([code, entry]) => `| \`${code}\` | ${entry.status} | ${cell(entry.error)} | ${cell(entry.hint)} |`);
  return ['| code | status | error | hint |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

const Tables = suite('docs');

Tables('list every error code with its status, words and hint, in the order of the statuses', () => {
  assert.is(between(api, 'errors'), errorTable());
});

Tables('list the options of npm start, and all of them', () => {
  const listed = [...textOf('docs/configuration.md').matchAll(/^\| `(--[a-z]+)[ `]/gm)].map(([, name]) => name);
  const there = [...help.matchAll(/^ {2}npm start -- (--[a-z]+)/gm)].map(([, name]) => name);
  assert.equal(listed.sort(), there.filter((name) => name !== '--help').sort());
  for (const page of pages) {
    for (const [, command = ''] of textOf(page).matchAll(/\bnpm start -- ([^`\n#&]+)/g)) {
      const outcome = argumentsOf((command.split('  ')[0] ?? '').trim().split(/\s+/)); // Behind two spaces npm start says more.
      assert.ok('ok' in outcome, `npm start -- ${command}: ${'faults' in outcome ? outcome.faults.join('; ') : ''}`);
    }
  }
});

const routesOf = (page: string): string[] =>
  [...page.matchAll(/^\| `(?:GET|POST) (\/[^`]*)` \|/gm)].map(([, path = '']) => path);

Tables('name only routes that there are, and all of them', () => {
  const listed = routesOf(api);
  const app = textOf('http/app.ts');
  const there = [...app.matchAll(/\[\s*'(\/[^']*)',\s*\w+\s*\]|router\.\w+\('(\/[^']*)'/g)].map(
    ([, a, b]) => a ?? b ?? '',
  );
  assert.equal([...new Set(listed)].sort(), [...new Set(there)].sort());
  for (const page of ['README.md', 'README.es.md']) {
    for (const route of routesOf(textOf(page))) assert.ok(there.includes(route), `${page}: there is no ${route}`);
  }
});

// ------------------------------------------------------------------------------------------------- commands, paths

const Pages = suite('README and docs');

Pages('name only scripts that package.json has', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
  for (const page of pages) {
    for (const [, run, own] of textOf(page).matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)) {
      const name = run ?? own ?? '';
      assert.ok(Object.hasOwn(scripts, name), `${page}: there is no script ${name}`);
    }
  }
});

Pages('have no relative link that leads nowhere', () => {
  for (const page of pages) {
    for (const [, target = ''] of textOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      assert.ok(existsSync(join(root, file)), `${page}: ${target} does not exist`);
      if (anchor !== undefined) assert.ok(anchorsOf(textOf(file)).has(anchor), `${page}: no heading for ${target}`);
    }
  }
});

/** As GitHub makes them from headings. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

const folders = 'actors|transport|storage|http|scripts|test|docs';

Pages('name only files and folders that exist', () => {
  const named = new RegExp(`(?<![\\w/.-])(?:${folders})/(?:[\\w.-]+/)*(?:[\\w-]+(?:\\.[\\w]+)+)?(?![\\w*<])`, 'g');
  for (const page of pages) {
    for (const [path] of textOf(page).matchAll(named)) {
      assert.ok(existsSync(join(root, path)), `${page}: ${path} does not exist`);
    }
  }
});

Pages('refer to nothing outside the repository', () => {
  for (const page of pages) {
    assert.not.match(textOf(page), /(?:^|[\s(`'"])(?:\/(?:home|root|work|Users)\/|\.\.\/\.\.)/m, page);
  }
});

// ----------------------------------------------------------------------------------------------------------- rules

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith('.ts') ? [path.split(sep).join('/')] : [];
  });
}
const code = ['actors', 'transport', 'storage', 'http', 'scripts'].flatMap(sources);
const howItWorks = textOf('docs/how-it-works.md');
/** A rule's row: `| R10a | what | where |`. */
const ruleRows = [...howItWorks.matchAll(/^\| (R(?:-D)?\d+[a-z]?) \| (.*) \| (.*) \|$/gm)].map(
  ([, rule = '', words = '', where = '']) => ({ rule, words, where }),
);

Pages('explain every rule and every section that the code cites', () => {
  const rules = new Set(ruleRows.map(({ rule }) => rule));
  const sections = new Set([...howItWorks.matchAll(/^## (\d+)\. /gm)].map(([, number]) => number));
  for (const path of code) {
    const source = textOf(path);
    for (const [rule] of source.matchAll(/\bR(?:-D)?\d+[a-z]?\b/g)) {
      assert.ok(rules.has(rule), `${path} cites ${rule}, which docs/how-it-works.md does not explain`);
    }
    for (const [, number] of source.matchAll(/(?:PROTOCOL |, )§(\d+)/g)) {
      assert.ok(sections.has(number), `${path} cites section ${number}, which docs/how-it-works.md does not have`);
    }
  }
});

Pages('say of each rule where it is kept, and a file there knows it', () => {
  assert.ok(ruleRows.length > 25, `${ruleRows.length} rules`);
  for (const { rule, where } of ruleRows) {
    if (where === 'not built') continue;
    const files = [...where.matchAll(/`([\w/.-]+)`/g)].map(([, name = '']) =>
      code.filter((path) => path === name || path === `actors/${name}`),
    );
    assert.ok(files.length > 0, `${rule} has no place`);
    for (const [place, found] of files.entries()) assert.is(found.length, 1, `${rule}: place ${place + 1} of ${where}`);
    const citing = new RegExp(`\\b${rule}\\b`);
    const known = files.flat().some((path) => citing.test(textOf(path))) || isInRange(rule, files.flat());
    assert.ok(known, `${rule}: no file of ${where} cites it`);
  }
});

/** `R5-R11` in a header stands for all of them. */
function isInRange(rule: string, files: readonly string[]): boolean {
  const number = Number.parseInt(rule.replace(/^R(?:-D)?/, ''), 10);
  return files.some((path) =>
    [...textOf(path).matchAll(/\bR(\d+)[-–]R(\d+)\b/g)].some(
      ([, from, to]) => !rule.startsWith('R-D') && number >= Number(from) && number <= Number(to),
    ),
  );
}

// --------------------------------------------------------------------------------------------------------- answers

/** The names of all members, also of nested ones: `count,first_id,messages[].id`. */
function shapeOf(value: unknown, prefix = ''): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((element) => shapeOf(element, `${prefix}[]`)))];
  if (typeof value !== 'object' || value === null) return prefix === '' ? [] : [prefix];
  return Object.entries(value).flatMap(([name, member]) => shapeOf(member, prefix === '' ? name : `${prefix}.${name}`));
}
const shapeText = (value: unknown): string => shapeOf(value).sort().join(',');

/** Answers in a page: lines of JSON in its consoles, alone, in a list, or in an event. */
const answersIn = (text: string): readonly object[] =>
  blocks(text, 'console').flatMap((block) =>
    lines(block).flatMap((line) => {
      const json = /^(?:data: )?(\{.*\})[,\]]?$/.exec(line)?.[1];
      return json === undefined ? [] : [JSON.parse(json) as object];
    }),
  );
const shownAnswers = answersIn(readme + api);

const Answers = suite('answers in docs');

Answers('have the fields of real answers, all and no others', async () => {
  const world = await anHttpWorld();
  const shapes = new Set<string>();
  const call = async (path: string, init?: RequestInit): Promise<void> => {
    const body: unknown = await (await fetch(`${world.url}${path}`, init)).json();
    for (const answer of Array.isArray(body) ? body : [body]) shapes.add(shapeText(answer));
  };
  const json = (body: unknown): RequestInit => ({
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  try {
    await call('/', json({ message: 'one' }));
    await call('/messages', json(['two', 'three']));
    for (const path of ['/messages', '/messages/1/relation/2', '/health', '/health/live', '/lamport_time', '/metrics'])
      await call(path);
  } finally {
    await world.stop();
  }
  assert.ok(shownAnswers.length > 20, `${shownAnswers.length} answers are shown`);
  for (const answer of shownAnswers) {
    if ('error' in answer) continue; // The next test's.
    const shape = shapeText(answer);
    // A leader that has replicated nothing has no samples.
    const withSamples = `latency_measurements[].ms,latency_measurements[].source,latency_measurements[].target,`;
    const found = shapes.has(shape) || [...shapes].some((real) => real.replace(withSamples, '') === shape);
    assert.ok(found, `no call answers ${JSON.stringify(answer)}: ${[...shapes].join(' | ')}`);
  }
});

Answers('show errors as the table has them', () => {
  const all = [...shownAnswers, ...answersIn(textOf('docs/operations.md'))];
  const shown = all.filter((answer) => 'error' in answer) as readonly Record<string, unknown>[];
  assert.ok(shown.length >= 5);
  for (const { code: name, error, hint, outcome, ...rest } of shown) {
    const entry = errors[name as keyof typeof errors];
    assert.is(error, entry.error);
    assert.is(hint, entry.hint);
    assert.match(String(outcome), /^(?:not_done|unknown)$/);
    for (const key of Object.keys(rest)) assert.ok(['detail', 'retry_after_ms'].includes(key), key);
  }
});

// -------------------------------------------------------------------------------------------------------- programs

Answers('show what npm start says', () => {
  const [, start = ''] = /^\$ npm start\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const cluster = textOf('scripts/cluster.ts');
  assert.match(start, /^distributed-log: 3 nodes on this machine$/m);
  assert.is(
    [...start.matchAll(/^ {2}(\d+) {2}http:\/\/127\.0\.0\.1:\1 {2}peers on \d+ {2}pid \d+ {2}data in data\/\1$/gm)]
      .length,
    3,
  );
  for (const words of ['on this machine', 'peers on', 'ready in', 'leads']) assert.ok(cluster.includes(words), words);
});

Tables.run();
Pages.run();
Answers.run();
