/**
 * What a power cut may leave of writes that were not synced: any part of their sectors, in no order (R-D3).
 *
 *   stop the node > read its files: what was written > cut > read the disk: what was synced
 *                 > where they differ, chance says for each sector which of both is there
 *
 * The cut itself (disks.ts) leaves none of them, a disk with a cache of its own leaves some: a record may have its end and
 * not its beginning.
 *
 * A1. Only sectors that were written before the cut, at their place, get onto the disk: nothing is made up.
 * A2. A node that has stopped begins no write, and syncs nothing but what was written already. So what was read before
 *     the cut is never older than what the disk has.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { SeededDice } from '../../support/dice.ts';
import { until } from '../../support/realCluster.ts';

const sectorBytes = 512;
const blockBytes = 64 * 1024;

export interface Torn {
  /** Sectors that differed. */
  readonly unsynced: number;
  /** Those of them that got onto the disk all the same. */
  readonly kept: number;
}

/** By name. */
export type Written = ReadonlyMap<string, Buffer>;

/** Resolves when no thread of this process does anything any more. */
export async function stopped(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const tasks = `/proc/${pid}/task`;
  const isStopped = (task: string): boolean => {
    let stat: string;
    try {
      stat = readFileSync(join(tasks, task, 'stat'), 'utf8');
    } catch {
      return true; // It ended just now.
    }
    // After the name, which is in brackets and may hold anything: T stopped, t held by a tracer.
    return /^[Tt]$/.test(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  };
  await until(`${pid} to stop`, () => (readdirSync(tasks).every(isStopped) ? true : undefined), 30_000, 1);
}

/** Everything in the files of a folder, synced or not, but for those that have no name yet. */
export function writtenIn(folder: string): Written {
  const files = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isFile() && each.name[0] !== '.');
  return new Map(files.map(({ name }) => [name, readFileSync(join(folder, name))]));
}

/** Sectors of `written` that are not on the disk. */
function* differing(written: Buffer, synced: Buffer): Generator<number> {
  for (let block = 0; block < synced.length; block += blockBytes) {
    const end = block + blockBytes;
    if (written.subarray(block, end).equals(synced.subarray(block, end))) continue;
    for (let at = block; at < end && at < synced.length; at += sectorBytes) {
      if (!written.subarray(at, at + sectorBytes).equals(synced.subarray(at, at + sectorBytes))) yield at;
    }
  }
}

/** After the cut. */
export function tear(folder: string, written: Written, dice: SeededDice): Torn {
  let [unsynced, kept] = [0, 0];
  for (const [name, bytes] of [...written].sort()) {
    const luck = dice.pick([0.1, 0.5, 0.9]);
    let synced: Buffer;
    try {
      synced = readFileSync(join(folder, name));
    } catch {
      continue; // Its name was not synced.
    }
    if (synced.length !== bytes.length) continue;
    const fd = openSync(join(folder, name), 'r+');
    for (const at of differing(bytes, synced)) {
      unsynced++;
      if (!dice.chance(luck)) continue;
      kept++;
      writeSync(fd, bytes, at, Math.min(sectorBytes, bytes.length - at), at);
    }
    fsyncSync(fd);
    closeSync(fd);
  }
  return { unsynced, kept };
}
