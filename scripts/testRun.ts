/**
 * Runs one test file as a process of its own, and judges what it said.
 *
 * T1. A file passes only if it printed uvu's summary with Total > 0, all of Total passed, its exit code is 0, and every
 *     suite in its source is run: uvu 0.5.6 exits 0 when a hook throws or `.run()` is missing.
 * T2. Nothing that a test file started outlives it: a leftover is ended, and counts as a failure.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FileOutcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What is wrong beside failed tests. */
  readonly troubles: readonly string[];
  readonly output: string;
  readonly ms: number;
}

const outputBytesMax = 1024 * 1024;
/** Carried by every process that a test file starts; found again in /proc. */
const markVariable = 'DLOG_TEST_MARK';

/** Suites that a test file makes and never runs. */
export function suitesNotRun(source: string): readonly string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
  const named = [...code.matchAll(/\bconst\s+(\w+)\s*=\s*suite\b/g)].map(([, name = '']) => name);
  // `for (const each of [A, B]) each.run()` runs all that stand in the brackets.
  const looped = [...code.matchAll(/\bof\s*\[([^\]]*)\]\s*\)\s*\{?\s*\w+\.run\(/g)].flatMap(([, list = '']) =>
    list.split(',').map((name) => name.trim()),
  );
  return named.filter((name) => !looped.includes(name) && !new RegExp(`\\b${name}\\s*\\.\\s*run\\s*\\(`).test(code));
}

export interface Ended {
  readonly output: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly timedOutAfterMs: number | null;
  readonly leftovers: number;
  readonly source: string;
  readonly ms: number;
}

/** T1. */
export function judge(ended: Ended): FileOutcome {
  const { output, code, signal, timedOutAfterMs, leftovers, source, ms } = ended;
  const last = (word: string): number | undefined => {
    const found = [...output.matchAll(new RegExp(`^ {2}${word}: +(\\d+)$`, 'gm'))].at(-1)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const total = last('Total');
  const passed = last('Passed') ?? 0;
  const troubles: string[] = [];
  if (timedOutAfterMs !== null) troubles.push(`ended after ${timedOutAfterMs / 1000} s without a result`);
  else if (total === undefined) troubles.push('ended without a summary: is .run() missing, or did a hook throw?');
  else if (total === 0 && (last('Skipped') ?? 0) === 0) troubles.push('ran no test');
  for (const name of suitesNotRun(source)) troubles.push(`the suite ${name} is never run: ${name}.run() is missing`);
  if (leftovers > 0) troubles.push(`left ${leftovers} process${leftovers === 1 ? '' : 'es'} behind (ended now)`);
  const failedTests = total === undefined ? 0 : total - passed;
  if (failedTests === 0 && troubles.length === 0 && code !== 0) {
    troubles.push(signal === null ? `exit code ${code}` : `killed by ${signal}`);
  }
  if (failedTests > 0 && !output.includes(' FAIL ')) troubles.push('tests did not run: a hook threw');
  return {
    passed: total === undefined ? 0 : passed,
    failed: failedTests > 0 ? failedTests : Math.min(1, troubles.length),
    skipped: last('Skipped') ?? 0,
    troubles,
    output,
    ms,
  };
}

// -------------------------------------------------------------------------------------------------------- running

/** Processes of this machine that carry the mark. Empty where there is no /proc: then the process group must do. */
function marked(mark: string): number[] {
  const carries = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${markVariable}=${mark}`);
    } catch {
      return false; // Ended meanwhile, or somebody else's.
    }
  };
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && carries(name))
      .map(Number);
  } catch {
    return [];
  }
}

function endQuietly(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

const running = new Set<() => void>();
/** For a runner that is told to stop. */
export const endAll = (): void => {
  for (const end of running) end();
};

export interface RunOptions {
  readonly timeoutMs: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** `command` is what node gets: options, and the built test file last. `source` is the text of its TypeScript. */
export function runFile(command: readonly string[], source: string, options: RunOptions): Promise<FileOutcome> {
  const { timeoutMs, env = process.env } = options;
  const startedAt = performance.now();
  const mark = randomUUID();
  const folder = mkdtempSync(join(tmpdir(), 'dlog-test-'));
  return new Promise((resolve) => {
    let output = '';
    let timedOut = false;
    const child = spawn(process.execPath, ['--enable-source-maps', ...command], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, NO_COLOR: '1', FORCE_COLOR: '0', TMPDIR: folder, [markVariable]: mark },
    });
    const end = (): number => {
      const left = marked(mark).filter(endQuietly).length;
      if (child.pid !== undefined) endQuietly(-child.pid);
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      return left;
    };
    running.add(end);
    const collect = (text: string): void => {
      output = (output + text).slice(-outputBytesMax);
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, timeoutMs);
    // A leftover may hold the pipes open, so the end of the process counts, and then a moment for its last output.
    let settled = false;
    const settle = (code: number | null, signal: string | null): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      const leftovers = end();
      running.delete(end);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(
        judge({
          output,
          code,
          signal,
          timedOutAfterMs: timedOut ? timeoutMs : null,
          leftovers: timedOut ? 0 : leftovers,
          source,
          ms: performance.now() - startedAt,
        }),
      );
    };
    child.on('close', settle);
    child.on('exit', (code, signal) => setTimeout(() => settle(code, signal), 1_000));
    child.on('error', (error) => {
      collect(error.message);
      settle(null, null);
    });
  });
}
