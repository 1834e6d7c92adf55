/**
 * `npm test`: checks, then every test file as a process of its own.
 *
 *   npm test                     the quick tier: at most fifteen minutes
 *   npm test -- --full           everything, as with CI set: at most thirty minutes
 *   npm test -- config election  only files whose path holds one of the words
 *
 * A file's place decides its tier: `*.slow.test.ts` is slow, else `test/processes/` starts real nodes, the rest is quick. Two
 * files run at once: no test counts a node's milliseconds. The last line is `N passed, N failed`, with `, N skipped` where
 * some were.
 *
 * N1. What only this project's code decides passes at once or fails. A file that drives other people's programs gets a
 *     second attempt; the first one's output is printed all the same, and the end of the run names the file.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMain } from './main.ts';
import { endAll, type FileOutcome, runFile } from './testRun.ts';

export type Tier = 'checks' | 'quick' | 'processes' | 'slow';

export interface TestPlan {
  readonly full: boolean;
  /** Empty = all. */
  readonly words: readonly string[];
}

/** How many files of a tier run at once, and how long one may take. */
const tiers: readonly { readonly tier: Tier; readonly atOnce: number; readonly timeoutMs: number }[] = [
  { tier: 'checks', atOnce: 1, timeoutMs: 120_000 },
  { tier: 'quick', atOnce: 2, timeoutMs: 120_000 },
  { tier: 'processes', atOnce: 2, timeoutMs: 180_000 },
  { tier: 'slow', atOnce: 2, timeoutMs: 600_000 },
];
/** What has not begun by then fails: a run that hangs must end by itself. */
const deadlinesMs = { quick: 15 * 60_000, full: 29 * 60_000 };

export function tierOf(path: string): Tier {
  if (path.endsWith('.slow.test.ts')) return 'slow';
  return path.startsWith('test/processes/') ? 'processes' : 'quick';
}

/** N1: a browser, containers, the cloud's tools, Prometheus, other logs' servers. */
const guests =
  /^test\/(?:(?:bench\/peers|cloud|image|ui)\/.*\.slow|.*Browser|processes\/(?:demo|monitoring)\.slow)\.test\.ts$/;

export const mayTryAgain = (path: string): boolean => guests.test(path);

export function planOf(args: readonly string[], env: NodeJS.ProcessEnv): TestPlan | { readonly fault: string } {
  const unknown = args.find((word) => word.startsWith('-') && word !== '--full');
  if (unknown !== undefined) return { fault: `${unknown}: unknown; there is --full, and words to choose files by` };
  const ci = env.CI !== undefined && env.CI !== '' && env.CI !== 'false';
  return { full: ci || args.includes('--full'), words: args.filter((word) => !word.startsWith('-')) };
}

export const isWanted = (path: string, plan: TestPlan): boolean =>
  plan.words.length === 0
    ? plan.full || !path.endsWith('.slow.test.ts')
    : plan.words.some((word) => path.includes(word));

export function summaryLine(passed: number, failed: number, skipped: number): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

// -------------------------------------------------------------------------------------------------------- running

interface Job {
  readonly name: string;
  readonly tier: Tier;
  run(timeoutMs: number): Promise<FileOutcome>;
}

/** The folder that holds package.json; this file is in dist/scripts/. */
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const built = dirname(dirname(fileURLToPath(import.meta.url)));

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function testFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      return entry.name.endsWith('.test.ts') ? [path] : [];
    })
    .sort();
}

function fileJob(path: string): Job {
  const name = relative(root, path).split(sep).join('/');
  const command = [join(built, name.replace(/\.ts$/, '.js'))];
  return {
    name,
    tier: tierOf(name),
    run: (timeoutMs) => runFile(command, readFileSync(path, 'utf8'), { timeoutMs }),
  };
}

/** A command that passes by its exit code; counted as one test. */
function checkJob(name: string, args: readonly string[]): Job {
  const run = (timeoutMs: number): Promise<FileOutcome> =>
    new Promise((resolve) => {
      const startedAt = performance.now();
      let output = '';
      const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
      const collect = (text: string): void => {
        output += text;
      };
      child.stdout.setEncoding('utf8').on('data', collect);
      child.stderr.setEncoding('utf8').on('data', collect);
      child.on('error', (error) => collect(error.message));
      child.on('close', (code) => {
        const ok = code === 0;
        const ms = performance.now() - startedAt;
        resolve({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, troubles: [], output, ms });
      });
    });
  return { name, tier: 'checks', run };
}

const modules = join(root, 'node_modules');
const checks: readonly Job[] = [
  checkJob('types (tsc)', [join(modules, 'typescript', 'bin', 'tsc'), '--noEmit', '--project', root]),
  checkJob('lint and format (biome)', [
    join(modules, '@biomejs', 'biome', 'bin', 'biome'),
    'check',
    '--max-diagnostics=50',
  ]),
];

function show(name: string, outcome: FileOutcome, fault: 'FAILED' | 'AGAIN ' = 'FAILED'): void {
  const { passed, failed, skipped, troubles, output, ms } = outcome;
  const ok = failed === 0;
  const counts = `${passed} passed${ok ? '' : `, ${failed} failed`}${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  say(`${ok ? '  ok  ' : fault}  ${name}  ${counts}  ${seconds(ms)}`);
  for (const [line] of output.matchAll(/^skipped: .*$/gm)) say(`        ${line}`);
  if (ok) return;
  for (const trouble of troubles) say(`        ${trouble}`);
  say(output.trimEnd().replace(/^/gm, '    '));
}

async function main(): Promise<void> {
  const plan = planOf(process.argv.slice(2), process.env);
  if ('fault' in plan) {
    process.stderr.write(`npm test: ${plan.fault}\n`);
    process.exit(2);
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      endAll();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  }
  const startedAt = performance.now();
  const deadlineMs = plan.full ? deadlinesMs.full : deadlinesMs.quick;
  const left = (): number => deadlineMs - (performance.now() - startedAt);
  const files = testFiles(join(root, 'test')).map(fileJob);
  const jobs = [...(plan.words.length === 0 ? checks : []), ...files.filter(({ name }) => isWanted(name, plan))];
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const triedAgain: string[] = [];
  const noTime: FileOutcome = { passed: 0, failed: 1, skipped: 0, troubles: ['no time left'], output: '', ms: 0 };

  for (const { tier, atOnce, timeoutMs } of tiers) {
    const waiting = jobs.filter((job) => job.tier === tier);
    if (waiting.length === 0) continue;
    const tierStartedAt = performance.now();
    const attempt = async (job: Job): Promise<FileOutcome> =>
      left() < 1_000 ? noTime : await job.run(Math.min(timeoutMs, left()));
    const worker = async (): Promise<void> => {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        const { name } = job;
        let outcome = await attempt(job);
        if (outcome.failed > 0 && mayTryAgain(name)) {
          show(name, outcome, 'AGAIN ');
          triedAgain.push(name);
          outcome = await attempt(job);
        }
        show(name, outcome);
        sum.passed += outcome.passed;
        sum.failed += outcome.failed;
        sum.skipped += outcome.skipped;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    say(`${tier}: ${seconds(performance.now() - tierStartedAt)}\n`);
  }

  if (triedAgain.length > 0) say(`tried a second time, see above: ${triedAgain.join(', ')}`);
  if (jobs.length === 0) say(`no test file holds ${plan.words.join(' or ')} in its path`);
  const failed = jobs.length === 0 ? 1 : sum.failed;
  say(
    `all: ${seconds(performance.now() - startedAt)}${plan.full ? '' : ' (the slow tier runs with --full, or CI set)'}`,
  );
  say(summaryLine(sum.passed, failed, sum.skipped));
  process.exitCode = failed === 0 ? 0 : 1;
}

if (isMain(import.meta.url)) await main();
