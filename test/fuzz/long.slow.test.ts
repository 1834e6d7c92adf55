/** The same properties with many more inputs, from a seed of its own: each file as a process, as a person would run it. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const here = dirname(fileURLToPath(import.meta.url));
const files = readdirSync(here).filter((name) => name.endsWith('.test.js') && !name.endsWith('.slow.test.js'));
/** Fifty times what is drawn in the quick tier; no property takes longer than so many seconds. */
const env = { FUZZ: '10000', FUZZ_SEED: '2', FUZZ_SECONDS: '2', ...process.env };

const Long = suite('fuzz, long');

Long('finds its files', () => {
  assert.ok(files.length >= 6, files.join(', '));
});

for (const file of files) {
  Long(`${file.replace('.test.js', '')} holds for many more inputs`, async () => {
    const child = spawn(process.execPath, ['--enable-source-maps', join(here, file)], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.is(code, 0, said.slice(-6_000));
    assert.match(said, /Passed: +[1-9]/);
  });
}
Long.run();
