/**
 * Who may import whom, and what no actor may use: the arrows of the architecture, kept by reading the sources.
 *
 *   protocol <- actors <- transport, storage, http <- scripts
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

/** Modules that a source names, types included. */
function importsOf(source: string): string[] {
  const named = /(?:^|[\n;}])\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g;
  const bare = /(?:^|[\n;}])\s*import\s*['"]([^'"]+)['"]/g;
  const called = /\bimport\s*\(\s*['"]([^'"]+)['"]/g;
  const code = withoutComments(source);
  return [named, bare, called].flatMap((pattern) => [...code.matchAll(pattern)].map(([, name = '']) => name));
}

const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/(^|[\s;,{}()])\/\/.*$/gm, '$1');
/** What is left is code; a template's expressions go too, which is good enough here. */
const withoutText = (source: string): string =>
  withoutComments(source).replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, "''");

interface Rule {
  /** The files that it is about: all below this folder, or the one file. */
  readonly of: string;
  /** Files, folders and modules that these may import; a name that ends with `/` or `:` stands for all that begin so. */
  readonly may: readonly string[];
}

const edge = ['actors/ports.ts', 'actors/facade.ts', 'actors/observation.ts', 'actors/protocol/'];
/** What the page may know of a node, by its types alone: none of the code that runs in one gets into a browser. */
const shown = ['actors/facade.ts', 'actors/observation.ts', 'actors/protocol/', 'http/live/protocol.ts'];
/** Pure, and imports nothing that runs itself: both ends of what a page is sent, which must agree. */
const atBothEnds = ['http/live/packedMessages.ts', 'http/live/packedTrace.ts'];
const drawing = ['preact', 'preact/hooks', '@preact/signals', 'uplot'];
const building = ['node:', 'esbuild', 'elkjs'];
/** The first one that fits a file holds. */
const rules: readonly Rule[] = [
  { of: 'actors/protocol/', may: ['actors/protocol/', 'node:buffer', 'node:zlib'] },
  { of: 'actors/ports.ts', may: ['actors/protocol/'] },
  { of: 'actors/facade.ts', may: ['actors/protocol/', 'actors/ports.ts', 'actors/observation.ts'] },
  { of: 'actors/observation.ts', may: ['actors/protocol/', 'actors/facade.ts'] },
  { of: 'actors/', may: ['actors/', 'xstate', 'node:buffer', 'node:zlib'] },
  { of: 'transport/', may: ['transport/', 'actors/ports.ts', 'actors/protocol/', 'node:', 'ws'] },
  { of: 'storage/', may: ['storage/', 'actors/ports.ts', 'actors/protocol/', 'node:'] },
  { of: 'http/', may: ['http/', ...edge, 'node:', 'koa', 'koa-static', '@koa/router', 'ws'] },
  // Run by the build, never in a browser.
  { of: 'ui/build.mjs', may: ['ui/', ...building] },
  { of: 'ui/layout.mjs', may: ['ui/', ...building] },
  { of: 'ui/', may: ['ui/', ...shown, ...atBothEnds, ...drawing] },
  // They know a cluster from outside: by its answers, and by the types of what it shows.
  { of: 'scripts/experiment/pictures/', may: ['scripts/experiment/', 'echarts/', '@resvg/resvg-js'] },
  { of: 'scripts/experiment/', may: ['scripts/', 'http/live/protocol.ts', 'node:', 'ws'] },
  // It shows a cluster to people, in a browser.
  { of: 'scripts/demo/', may: ['scripts/', 'node:', 'playwright-core'] },
  { of: 'scripts/', may: ['scripts/', 'actors/', 'transport/', 'storage/', 'http/', 'node:', 'bunyan', 'zx'] },
];

function resolved(file: string, name: string): string {
  if (!name.startsWith('.')) return name;
  return normalize(join(dirname(file), name))
    .split(sep)
    .join('/');
}

/** Sentences about forbidden imports; each names both ends. */
function forbiddenImports(file: string, source: string): string[] {
  const rule = rules.find(({ of }) => (of.endsWith('/') ? file.startsWith(of) : file === of));
  if (rule === undefined) return [];
  return importsOf(source)
    .map((name) => resolved(file, name))
    .filter((name) => !rule.may.some((may) => (/[/:]$/.test(may) ? name.startsWith(may) : name === may)))
    .map((name) => `${file} must not import ${name}`);
}

/** The page takes types from a node's code, and nothing that runs but what is made for both ends. */
function importsThatRun(file: string, source: string): string[] {
  if (!file.startsWith('ui/') && !atBothEnds.includes(file)) return [];
  const code = withoutComments(source).replace(/\b(?:import|export)\s+type\b[^'"]*?\bfrom\s*['"][^'"]+['"]/g, ' ');
  return importsOf(code)
    .map((name) => resolved(file, name))
    .filter((name) => /^(?:actors|http)\//.test(name) && !atBothEnds.includes(name))
    .map((name) => `${file} must import only types of ${name}`);
}

/** Ambient time, chance, promises and environment: an actor has ports for them (ports.ts P1). */
const ambient: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Date.now', /\bDate\s*\.\s*now\b/],
  ['new Date', /\bnew\s+Date\b/],
  ['performance', /(?<![.\w])performance\s*\./],
  ['Math.random', /\bMath\s*\.\s*random\b/],
  // As a call of the global: `clock.setTimeout(…)` and its declaration are the port.
  ['a global timer', /(?<![.\w#])(?:set(?:Timeout|Interval|Immediate)|queueMicrotask)\s*\((?!\s*callback\s*:)/],
  ['a global timer', /\bglobalThis\b/],
  ['process', /(?<![.\w])process\s*\./],
  ['fetch', /(?<![.\w#])fetch\s*\(/],
  ['require', /(?<![.\w])require\s*\(/],
];
const promises: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['async', /(?<![.\w])async\b(?!\s*[:=.])/],
  ['await', /(?<![.\w])await\b/],
  ['Promise', /\bPromise\b/],
  ['a promise actor', /\b(?:fromPromise|waitFor|toPromise)\b/],
];
/** The façade's type, the file that makes it, and the end of a node: promises exist only there. */
const mayPromise = new Set(['actors/facade.ts', 'actors/nodeFacade.ts', 'actors/node.ts']);

function forbiddenWords(file: string, source: string): string[] {
  if (!file.startsWith('actors/')) return [];
  const code = withoutText(source);
  const words = mayPromise.has(file) ? ambient : [...ambient, ...promises];
  return words.filter(([, pattern]) => pattern.test(code)).map(([name]) => `${file} must not use ${name}`);
}

/** The folder that holds package.json; this file is built into <outDir>/test/. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

function sourcesIn(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourcesIn(path);
    return /\.(?:tsx?|mjs|js)$/.test(entry.name) ? [path] : [];
  });
}
const folders = ['actors', 'transport', 'storage', 'http', 'ui', 'scripts'];
const sources = folders.flatMap(sourcesIn).map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

const Arrows = suite('imports');

Arrows('point one way', () => {
  assert.ok(sources.some(({ file }) => file === 'actors/ports.ts'));
  assert.equal(
    sources.flatMap(({ file, text }) => [...forbiddenImports(file, text), ...importsThatRun(file, text)]),
    [],
  );
});

Arrows('bring nothing ambient into an actor', () => {
  assert.equal(
    sources.flatMap(({ file, text }) => forbiddenWords(file, text)),
    [],
  );
});

Arrows('that point the wrong way are found, with both file names', () => {
  const planted: readonly (readonly [file: string, source: string, found: readonly string[]])[] = [
    ['actors/protocol/batch.ts', "import type { Clock } from '../ports.ts';", ['actors/ports.ts']],
    ['actors/protocol/batch.ts', "import { x } from './bytes.ts';\nimport { crc32 } from 'node:zlib';", []],
    ['actors/election.ts', "import {\n  a,\n  b,\n} from '../transport/wire.ts';", ['transport/wire.ts']],
    ['actors/election.ts', "import { readFileSync } from 'node:fs';import 'ws'", ['node:fs', 'ws']],
    ['actors/ports.ts', "export * from './election.ts';", ['actors/election.ts']],
    ['http/server.ts', "import type { N } from '../actors/node.ts';", ['actors/node.ts']],
    ['http/server.ts', "import type { NodeFacade } from '../actors/facade.ts';", []],
    ['http/routes/deep.ts', "const s = await import('../../storage/fileDisk.ts');", ['storage/fileDisk.ts']],
    ['storage/fileDisk.ts', "import type { F } from '../actors/facade.ts';", ['actors/facade.ts']],
    ['transport/links.ts', "import { x } from '../test/support/dice.ts';", ['test/support/dice.ts']],
    ['scripts/serve.ts', "import { x } from '../test/support/dice.ts';", ['test/support/dice.ts']],
    ['scripts/serve.ts', "import { x } from 'echarts/core';", ['echarts/core']],
    ['scripts/experiment/load.ts', "import { x } from '../../actors/node.ts';", ['actors/node.ts']],
    ['scripts/experiment/pictures/chart.ts', "import { x } from 'echarts/core';", []],
    ['scripts/demo/stage.ts', "import { chromium } from 'playwright-core';", []],
    ['scripts/demo.ts', "import { chromium } from 'playwright-core';", ['playwright-core']],
    ['ui/page.js', "import { x } from '../http/json.ts';", ['http/json.ts']],
    ['ui/network/page.tsx', "import type { x } from '../../actors/observation.ts';\nimport { h } from 'preact';", []],
    ['ui/feed.ts', "import { x } from 'ws';", ['ws']],
    ['actors/election.ts', "// import { x } from '../http/json.ts';\n/* import 'ws' */", []],
  ];
  for (const [file, source, found] of planted) {
    const expected = found.map((name) => `${file} must not import ${name}`);
    assert.equal(forbiddenImports(file, source).sort(), [...expected].sort(), source);
  }
});

Arrows('let the page take types of a node, and nothing that runs', () => {
  const of = (source: string): string[] => importsThatRun('ui/network/page.tsx', source);
  assert.equal(of("import type { NodeView } from '../../actors/observation.ts';"), []);
  assert.equal(of("import { x } from '../actors/page.tsx';"), []);
  for (const source of [
    "import { viewEveryMs } from '../../actors/observation.ts';",
    "export * from '../../actors/observation.ts';",
  ]) {
    assert.equal(of(source), ['ui/network/page.tsx must import only types of actors/observation.ts']);
  }
  assert.equal(of("import { unpacked } from '../../http/live/packedTrace.ts';"), []);
  assert.equal(importsThatRun('http/live/packedTrace.ts', "import { x } from '../json.ts';"), [
    'http/live/packedTrace.ts must import only types of http/json.ts',
  ]);
});

Arrows('are not all: what is ambient in an actor is found too', () => {
  const planted: readonly (readonly [source: string, found: readonly string[]])[] = [
    ['const t = Date.now();', ['Date.now']],
    ['const t = new Date();', ['new Date']],
    ['const t = performance.now();', ['performance']],
    ['const r = Math . random();', ['Math.random']],
    ['setTimeout(() => {}, 5);', ['a global timer']],
    ['return setInterval(tick, 5);', ['a global timer']],
    ['queueMicrotask(tick);', ['a global timer']],
    ['clock.setTimeout(tick, 5); this.#setTimeout(x);', []],
    ['interface Clock { setTimeout(callback: () => void, delayMs: number): unknown }', []],
    ['const e = process.env.X;', ['process']],
    ["fetch('http://x');", ['fetch']],
    ['election.fetch(x); const fetched = 1;', []],
    ['const f = async () => { await x; };', ['async', 'await']],
    ['type T = Promise<void>;', ['Promise']],
    ['fromPromise(x)', ['a promise actor']],
    ["// Date.now\nconst promised = 'Promise async await';", []],
  ];
  for (const [source, found] of planted) {
    const expected = found.map((name) => `actors/x.ts must not use ${name}`);
    assert.equal(forbiddenWords('actors/x.ts', source), expected, source);
  }
  assert.equal(forbiddenWords('actors/facade.ts', 'type T = Promise<void>; Date.now()'), [
    'actors/facade.ts must not use Date.now',
  ]);
  assert.equal(forbiddenWords('http/x.ts', 'await Date.now()'), []);
});

Arrows.run();
