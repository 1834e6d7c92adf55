/** `npm start` as its users have it: the cluster script as a process, and what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { holdPort } from './ports.ts';

export const clusterScript = fileURLToPath(new URL('../../scripts/cluster.js', import.meta.url));

export interface Told {
  readonly child: ChildProcess;
  readonly text: () => string;
  /** Resolves when the pattern has been said. */
  says(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  ends(withinMs?: number): Promise<number | null>;
}

export function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Told {
  const child = spawn(process.execPath, [file, ...args], { env: { ...process.env, ...env }, stdio: 'pipe' });
  let text = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      for (const listener of listeners) listener();
    });
  }
  let ended: number | null | undefined;
  child.on('close', (code) => {
    ended = code;
    for (const listener of listeners) listener();
  });
  const until = <T>(what: string, look: () => T | undefined, withinMs: number): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGTERM'); // Else the process of the failed test would wait for it, too.
        done(() => reject(new Error(`no ${what} within ${withinMs} ms:\n${text}`)));
      }, withinMs);
      const done = (act: () => void): void => {
        clearTimeout(timer);
        listeners.delete(check);
        act();
      };
      const check = (): void => {
        const found = look();
        if (found !== undefined) done(() => resolve(found));
      };
      listeners.add(check);
      check();
    });
  return {
    child,
    text: () => text,
    says: (pattern, withinMs = 60_000) => until(`${pattern}`, () => pattern.exec(text) ?? undefined, withinMs),
    ends: (withinMs = 60_000) => until('end', () => (ended === undefined ? undefined : ended), withinMs),
  };
}

/** A first port with room for three nodes and their peers. */
export async function freePort(): Promise<number> {
  for (let port = 18_001 + (process.pid % 200) * 10; ; port += 10) {
    const wanted = [0, 1, 2, 1000, 1001, 1002].map((offset) => port + offset);
    if ((await Promise.all(wanted.map(holdPort))).every(Boolean)) return port;
  }
}

export async function aCluster(
  ...words: string[]
): Promise<{ cluster: Told; port: number; args: string[]; env: NodeJS.ProcessEnv }> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'cluster-'));
  const args = ['--port', `${port}`, '--data', join(folder, 'data'), ...words];
  const env = { LOG_DIR: join(folder, 'logs') };
  return { cluster: run(clusterScript, args, env), port, args, env };
}
