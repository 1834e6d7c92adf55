/** The command itself, with a real cluster: that it measures, writes what it found, and leaves nothing behind. No figure is judged. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/realCluster.ts';
import type { BenchResult } from './result.ts';

const Bench = suite('npm run bench');
const script = fileURLToPath(new URL('./bench.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
function bench(...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended>; said(): string } {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { child, ended, said: () => stdout };
}

/** Processes whose environment names the folder: nodes that were started in it. */
const nodesIn = (folder: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DATA_DIR=${folder}`);
      } catch {
        return false; // Another's, or just ended.
      }
    });

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-test-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

Bench('measures a real cluster, and leaves a table, a JSON file and a picture', async () => {
  await inFolder(async (out) => {
    const only = 'single,delivery,failover,million,keyed,limits';
    const args = [
      '--quick',
      '--seconds',
      '0.2',
      '--messages',
      '20000',
      '--systems',
      'ours',
      '--clients',
      '1,64',
      '--only',
      only,
      '--out',
      out,
    ];
    const { code, stdout, stderr } = await bench(...args).ended;
    const files = readdirSync(out).sort();
    assert.equal(
      files.map((name) => name.replace(/^bench-[\dT-]+/, '')),
      ['.json', '.svg'],
      stdout + stderr,
    );
    const result = JSON.parse(readFileSync(join(out, files[0]!), 'utf8')) as BenchResult;
    assert.equal(result.failures, []);
    // A machine that is busy may cost a leader its lead, and that is told.
    assert.is(code, result.verdicts.every(({ held }) => held) ? 0 : 1, stdout + stderr);
    assert.equal(
      result.verdicts.map(({ scenario, lines }) => [scenario, lines.length]),
      [['keyed', 4]],
    );
    const found = new Set(result.figures.map(({ row, system }) => `${system} ${row}`));
    for (const each of [
      'ours single-http-1',
      'ours single-http-64',
      'ours single-socket-64',
      'ours single-follower-64',
      'ours delivery-p99',
      'ours failover',
      'ours handover',
      'ours memory',
      'ours disk',
      'ours read',
      'ours restart',
      'ours keyed-512',
      'ours unkeyed-512',
      'ours keyed-4096-cpu',
      'ours keyed-4096-memory-leader',
      'ours unkeyed-4096-memory-follower',
      'ours keyed-4096-elections',
      'koa single-http-64',
      'node:http single-http-64',
      'tcp single-socket-1',
      'disk disk-64',
    ])
      assert.ok(found.has(each), `${each} is missing in ${[...found].join(', ')}`);
    assert.ok(result.figures.every(({ median, samples }) => samples.length > 0 && median >= 0));
    assert.match(stdout, '64 clients, one message each, over HTTP');
    assert.match(readFileSync(join(out, files[1]!), 'utf8'), '</svg>');
  });
});

Bench('an interrupt ends the nodes and removes what they kept', async () => {
  await inFolder(async (out) => {
    const run = bench('--quick', '--only', 'single', '--systems', 'ours', '--out', out);
    try {
      await until('a first figure', () => (run.said().includes('over HTTP') ? true : undefined), 120_000);
      assert.is(nodesIn(out).length, 3);
    } finally {
      run.child.kill('SIGINT');
    }
    assert.is.not((await run.ended).code, 0);
    await until('all nodes to end', () => (nodesIn(out).length === 0 ? true : undefined), 30_000);
    assert.equal(readdirSync(out), []);
  });
});

Bench('wrong arguments are told all at once, and nothing is started', async () => {
  await inFolder(async (out) => {
    const { code, stderr } = await bench('--only', 'nope', '--runs', '0', '--out', join(out, 'not-made')).ended;
    assert.is(code, 2);
    assert.match(stderr, '--only nope');
    assert.match(stderr, '--runs 0');
    assert.equal(readdirSync(out), []);
  });
});

Bench.run();
