/** What a system takes: memory and processor time of its processes, bytes of its files. */
import { readFileSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const statusMiB = (pid: number, member: string): number =>
  Number(new RegExp(`^${member}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) /
  1024;
/** As the system counts it. */
export const residentMiB = (pid: number): number => statusMiB(pid, 'VmRSS');
/** The most that it ever was. */
export const peakResidentMiB = (pid: number): number => statusMiB(pid, 'VmHWM');

/** To programs Linux counts in hundredths of a second, whatever its own ticks are. */
const tickMs = 10;
/** From the text of /proc/<pid>/stat (proc(5)): utime and stime, of all threads. The name before them may have any character. */
export function cpuMsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}
/** Processor time since the process began. */
export const cpuMs = (pid: number): number => cpuMsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'));

const blockBytes = 1024 * 1024;

/** Where what was written ends: zeros behind it were put there beforehand, for what is still to come. */
async function endOfData(file: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(blockBytes);
  for (let from = Math.floor((size - 1) / blockBytes) * blockBytes; from >= 0; from -= blockBytes) {
    const { bytesRead } = await file.read(block, 0, blockBytes, from);
    for (let i = bytesRead - 1; i >= 0; i--) if (block[i] !== 0) return from + i + 1;
  }
  return 0;
}

/** Of all files in a folder: what they take on the disk, without the zeros at their ends. */
export async function bytesIn(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = await open(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (!file) continue; // Removed meanwhile.
    try {
      const { size, blocks } = await file.stat();
      if (size > 0) sum += Math.min(blocks * 512, await endOfData(file, size));
    } finally {
      await file.close();
    }
  }
  return sum;
}
