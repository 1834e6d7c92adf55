/** On what it was measured: figures of two machines cannot be compared. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly fileSystem: string;
  readonly disk: string;
  /** Before it began: what else was running. */
  readonly loadAverage: number;
}

const said = (command: string, ...args: string[]): string => {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
};
const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

function diskOf(device: string): string {
  const name = device.replace('/dev/', '');
  const parent = said('lsblk', '--noheadings', '--output', 'pkname', device).split('\n')[0] || name;
  const turns = read(`/sys/block/${parent}/queue/rotational`) === '1' ? 'rotating' : 'not rotating';
  const cache = read(`/sys/block/${parent}/queue/write_cache`);
  return [device, read(`/sys/block/${parent}/device/model`), turns, cache].filter((part) => part !== '').join(', ');
}

export function machineOf(folder: string): Machine {
  const [device = '', system = ''] = said('df', '--output=source,fstype', folder).split('\n')[1]?.split(/\s+/) ?? [];
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    fileSystem: system || 'unknown',
    disk: diskOf(device) || 'unknown',
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}
