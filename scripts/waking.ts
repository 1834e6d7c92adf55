/**
 * Makes sure that a stopped process goes on: by a process of its own that outlives whoever stopped it, for a timer dies
 * with its process. A shell is enough for that: every system that has SIGSTOP has one.
 */
import { spawn } from 'node:child_process';

/** A little later than whoever stopped it: then there is mostly nothing left to do. */
const graceMs = 500;

/** After `ms` the process `pid` gets SIGCONT, which does nothing to one that runs. Returns what calls it off. */
export function wakeAfter(pid: number, ms: number): () => void {
  const seconds = ((ms + graceMs) / 1000).toFixed(3);
  // `sleep` becomes the shell itself when it is the last command: so the whole group is ended.
  const waker = spawn('sh', ['-c', `sleep ${seconds}; kill -CONT ${pid}`], { detached: true, stdio: 'ignore' });
  waker.on('error', () => {}); // No shell: then only the timer of its supervisor wakes it.
  waker.unref();
  return () => {
    if (waker.pid === undefined || waker.exitCode !== null) return;
    try {
      process.kill(-waker.pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  };
}
