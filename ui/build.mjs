/**
 * Builds the dashboard: `ui/` -> `dist/ui/` (or the folder that is given), as a node serves it.
 *
 *   index.html          served at /dashboard, never kept by the browser
 *   assets/name-HASH.*  served at /dashboard/assets/, may be kept for ever: another content has another name
 *   icon.svg            served at /dashboard/icon.svg
 *
 * Plain JavaScript: it runs before anything else is built. Each page of the dashboard is a chunk of its own, loaded when it
 * is first shown. The files of the build before are removed, other files in the folder are not touched.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

export async function buildPage(out) {
  rmSync(join(out, 'assets'), { recursive: true, force: true });
  mkdirSync(join(out, 'assets'), { recursive: true });
  const { metafile } = await build({
    entryPoints: { main: join(here, 'main.tsx'), style: join(here, 'style.css') },
    outdir: resolve(out, 'assets'),
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: ['chrome123', 'firefox128', 'safari17.5'], // The first ones with light-dark() and @property.
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    metafile: true,
    absWorkingDir: here,
    logLevel: 'warning',
  });
  const made = Object.entries(metafile.outputs);
  const nameOf = (source) => basename(made.find(([, { entryPoint }]) => entryPoint === source)?.[0] ?? '');
  // All at once, not one round trip after the other.
  const parts = made
    .filter(([, { entryPoint }]) => entryPoint === 'main.tsx')
    .flatMap(([, { imports }]) => imports.filter(({ kind }) => kind === 'import-statement'))
    .map(({ path }) => `<link rel="modulepreload" href="/dashboard/assets/${basename(path)}" />\n    `);
  const page = readFileSync(join(here, 'index.html'), 'utf8')
    .replace('<script', `${parts.join('')}<script`)
    .replace('main.tsx', nameOf('main.tsx'))
    .replace('style.css', nameOf('style.css'));
  writeFileSync(join(out, 'index.html'), page);
  copyFileSync(join(here, 'icon.svg'), join(out, 'icon.svg'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPage(process.argv[2] ?? join(here, '..', 'dist', 'ui'));
}
