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
  unshare: 'util-linux',
  nsenter: 'util-linux',
  mount: 'mount',
  losetup: 'mount',
  mke2fs: 'e2fsprogs',
  perl: 'perl-base',
  ip: 'iproute2',
  tc: 'iproute2',
  nft: 'nftables',
} as const;

/** What to do when `command` cannot be run; undefined when it can. */
export function lacking(command: keyof typeof packages, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore', env }).status === 0) return undefined;
  return `${command} is not installed (apt-get install ${packages[command]})`;
}

/** True when `command` can be run; false, with a line for the reader, when the test is to be skipped. */
export function needs(
  command: keyof typeof packages,
  env: NodeJS.ProcessEnv = process.env,
  say: (line: string) => void = (line) => process.stdout.write(`\n${line}\n`),
): boolean {
  const advice = lacking(command, env);
  if (advice === undefined) return true;
  if (env.CI !== undefined && env.CI !== '' && env.CI !== 'false') throw new Error(advice);
  say(`skipped: ${advice}`);
  return false;
}
