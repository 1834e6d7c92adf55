/** On what it was measured, and what was measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jsonIn } from './node.ts';
import type { Machine } from './results.ts';

/** The folder that holds package.json; this file is built into <outDir>/scripts/experiment/. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export function machine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** A tree with changes says so; without git there is no commit. */
export function version(): { readonly release: string; readonly commit: string } {
  const { version: named } = jsonIn(readFileSync(join(root, 'package.json'), 'utf8'));
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return { release: String(named), commit: `${git('rev-parse', '--short', 'HEAD')}${changed ? ', changed' : ''}` };
  } catch {
    return { release: String(named), commit: 'unknown' };
  }
}
