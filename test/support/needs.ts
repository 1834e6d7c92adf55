/**
 * System packages that a test needs beside Node.
 *
 *   const trace = needs('strace') ? Suite : Suite.skip;
 *
 * A missing one skips the test with a word on a person's machine, and fails it where CI is set.
 */
import { spawnSync } from 'node:child_process';

/** Command -> Debian package. `.ci/run` installs these packages: it reads them from this list. */
export const packages = {
  strace: 'strace',
  curl: 'curl',
} as const;

/** True when `command` can be run; false, with a line for the reader, when the test is to be skipped. */
export function needs(
  command: keyof typeof packages,
  env: NodeJS.ProcessEnv = process.env,
  say: (line: string) => void = (line) => process.stdout.write(`\n${line}\n`),
): boolean {
  if (spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore', env }).status === 0) return true;
  const advice = `${command} is not installed (apt-get install ${packages[command]})`;
  if (env.CI !== undefined && env.CI !== '' && env.CI !== 'false') throw new Error(advice);
  say(`skipped: ${advice}`);
  return false;
}
