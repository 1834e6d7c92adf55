/** `npm run demo` as its users have it: a real cluster, a real browser, and a film where ffmpeg is there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasBrowser } from '../support/browser.ts';
import { run, type Told } from '../support/clusterScript.ts';
import { builtPage } from '../support/fakeFeed.ts';
import { allowed } from '../support/needs.ts';
import { untilTrue } from '../support/waiting.ts';

const Demo = suite('npm run demo');
const test = hasBrowser() ? Demo : Demo.skip;
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
const films =
  hasBrowser() && allowed(hasFfmpeg ? undefined : 'ffmpeg is not there, so nothing is filmed') ? Demo : Demo.skip;

const script = fileURLToPath(new URL('../../scripts/demo.js', import.meta.url));
const withinMs = 180_000;

/** Whatever it leaves behind would be in `folder`. */
async function played(args: readonly string[], body: (told: Told, folder: string) => Promise<void>): Promise<void> {
  builtPage();
  const folder = mkdtempSync(join(tmpdir(), 'dlog-test-'));
  const told = run(script, args, { TMPDIR: folder });
  try {
    await body(told, folder);
  } finally {
    told.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

const ours = (folder: string): readonly string[] => readdirSync(folder).filter((name) => name.startsWith('dlog-'));

test('plays to its end, finds that nothing was lost, and leaves nothing behind', () =>
  played(['--no-record', '--speed', '20'], async ({ ends, text }, folder) => {
    assert.is(await ends(withinMs), 0, text());
    assert.match(
      text(),
      /\d+ writes acknowledged, \d+ messages in each log: 0 lost, 0 doubled, 0 causality violations/,
    );
    assert.equal(ours(folder), []);
  }));

test('ended by Ctrl-C in the middle, ends all that it started', () =>
  played(['--no-record', '--speed', '5'], async ({ child, says, ends, text }, folder) => {
    await says(/three nodes$/m, withinMs);
    assert.ok(ours(folder).length > 0);
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
    const pids = children.map(Number).filter((pid) => pid > 0);
    assert.ok(pids.length >= 2, 'a cluster and a browser');
    child.kill('SIGINT');
    assert.is(await ends(withinMs), 130, text());
    const isGone = (pid: number): boolean => !existsSync(`/proc/${pid}`);
    await untilTrue('all that it started to be gone', () => pids.every(isGone));
    assert.equal(ours(folder), []);
  }));

films('makes a film and a loop of it', async () => {
  const out = mkdtempSync(join(tmpdir(), 'dlog-test-'));
  try {
    await played(['--speed', '20', '--lang', 'en', '--out', out], async ({ ends, text }) => {
      assert.is(await ends(3 * withinMs), 0, text());
      assert.is(readFileSync(join(out, 'demo.webm')).subarray(0, 4).toString('hex'), '1a45dfa3');
      const loop = readFileSync(join(out, 'failover.webp'));
      assert.equal([loop.toString('latin1', 0, 4), loop.toString('latin1', 8, 12)], ['RIFF', 'WEBP']);
      assert.ok(loop.includes('ANIM'));
    });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

Demo.run();
