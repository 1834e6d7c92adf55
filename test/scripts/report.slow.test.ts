/** Needs LaTeX, which no other test does: where it is missing these tests are skipped with a word, also in CI. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { toolsMissing } from '../../scripts/report/tools.ts';
import { allowed } from '../support/needs.ts';

const Building = suite('report build');
const missing = toolsMissing().map(({ name }) => name);
const building = allowed(missing.length === 0 ? undefined : `npm run report has no ${missing.join(', ')}`)
  ? Building
  : Building.skip;

const built = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

function pdf(folder: string, name: string): Buffer {
  const out = join(folder, name);
  const script = join(built, 'scripts', 'report.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--out', out], {
    cwd: join(built, '..'),
    encoding: 'utf8',
  });
  assert.is(status, 0, `${stdout}${stderr}`);
  return readFileSync(out);
}

building('makes a PDF without faults, and the same one again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  try {
    const first = pdf(folder, 'one.pdf');
    assert.is(first.subarray(0, 5).toString(), '%PDF-');
    assert.ok(first.length > 100_000, `${first.length} bytes`);
    assert.ok(pdf(folder, 'two.pdf').equals(first), 'the same text and results make the same PDF');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

Building.run();
