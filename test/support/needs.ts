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
  chromium: 'chromium',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  shellcheck: 'shellcheck',
  podman: 'podman',
  runc: 'runc',
  'podman-compose': 'podman-compose',
  iptables: 'iptables',
} as const;

const installWith = 'apt-get install';

/** What to do when `command` cannot be run; undefined when it can. */
export function lacking(command: keyof typeof packages, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore', env }).status === 0) return undefined;
  return `${command} is not installed (${installWith} ${packages[command]})`;
}

/** True when `command` can be run; false, with a line for the reader, when the test is to be skipped. */
export const needs = (command: keyof typeof packages, env?: NodeJS.ProcessEnv, say?: (line: string) => void): boolean =>
  allowed(lacking(command, env), env, say);

/** The same for anything that a machine may not allow; `reason` says why it does not. */
export function allowed(
  reason: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  say: (line: string) => void = (line) => process.stdout.write(`\n${line}\n`),
): boolean {
  if (reason === undefined) return true;
  // A package can be installed; what the machine's kernel or owner does not allow is nobody's mistake.
  const isMissing = reason.includes(installWith);
  if (isMissing && env.CI !== undefined && env.CI !== '' && env.CI !== 'false') throw new Error(reason);
  say(`skipped: ${reason}`);
  return false;
}
