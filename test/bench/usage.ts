/** What a system takes: memory of its processes, bytes of its files. */
import { readFileSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** As the system counts it. */
export function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

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
