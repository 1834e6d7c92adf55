/**
 * Disks that fail or are slow, by a tracer that answers a running node's system calls in place of the kernel.
 *
 * A1. Only threads of the one process are touched; when the tracer has gone all is as before.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { lacking } from '../../support/needs.ts';
import { until } from '../../support/realCluster.ts';

const writes = 'pwritev,pwritev2,pwrite64';
/** The log's writes sync by themselves (O_DSYNC). */
const syncs = `${writes},fdatasync,fsync`;
/** Of Yama: who may trace whom. */
const scopeFile = '/proc/sys/kernel/yama/ptrace_scope';

/** Why a tracer cannot answer for the kernel here; a process that was told that its disk failed has been seen otherwise. */
export function reasonAgainstTracing(): string | undefined {
  const reason = lacking('strace');
  if (reason !== undefined) return reason;
  const scope = existsSync(scopeFile) ? Number(readFileSync(scopeFile, 'utf8')) : 0;
  if (scope > 2 || (scope > 0 && process.getuid?.() !== 0)) return `only children may be traced here (${scopeFile})`;
  const failing = ['-f', '-qq', '-o', '/dev/null', '-e', `inject=fsync,fdatasync:error=EIO`, 'sync', tmpdir()];
  const { stderr } = spawnSync('strace', failing, { encoding: 'utf8' });
  return /Input\/output error/.test(stderr) ? undefined : `strace cannot make system calls fail here: ${stderr.trim()}`;
}

export class Tracer {
  readonly #child: ChildProcess;
  #said = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async attach(pid: number, calls: string, injection: string): Promise<Tracer> {
    const args = [
      '-f',
      '-o',
      '/dev/null',
      '-p',
      `${pid}`,
      '-e',
      `trace=${calls}`,
      '-e',
      `inject=${calls}:${injection}`,
    ];
    const tracer = new Tracer(spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] }));
    tracer.#child.on('error', (error) => {
      tracer.#said += error.message;
    });
    tracer.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      tracer.#said += text;
    });
    await until(`a tracer at ${pid}`, () => {
      if (/attached/.test(tracer.#said)) return true;
      if (tracer.#ended) throw new Error(`no tracer at ${pid}: ${tracer.#said}`);
      return undefined;
    });
    return tracer;
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when the process is its own again. */
  async detach(): Promise<void> {
    if (!this.#ended) this.#child.kill('SIGINT');
    await until('the tracer to end', () => (this.#ended ? true : undefined));
  }
}

/** From the `nth` on, in each thread, every write that syncs, and every fsync, of this process fails. */
export const failSyncs = (pid: number, nth = 1): Promise<Tracer> => Tracer.attach(pid, syncs, `error=EIO:when=${nth}+`);

/** Every write that syncs, and every fsync, of this process begins later. */
export const slowSyncs = (pid: number, ms: number): Promise<Tracer> =>
  Tracer.attach(pid, syncs, `delay_enter=${ms * 1000}`);

/** The same for a node whose writes sync in a call of their own (lateSyncs.ts): meanwhile they are in the page cache. */
export const slowLateSyncs = (pid: number, ms: number): Promise<Tracer> =>
  Tracer.attach(pid, 'fdatasync', `delay_enter=${ms * 1000}`);

/** A disk that finds room only when it writes, as those that copy on write do: from now on there is none. */
export const refuseRoom = (pid: number): Promise<Tracer> => Tracer.attach(pid, writes, 'error=ENOSPC');
