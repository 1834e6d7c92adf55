/** The script that mounts the data disk, on a disk of its own: a file behind a loop device. Only root can do that. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allowed, needs } from '../support/needs.ts';

const source = fileURLToPath(new URL('../../../gcp/mount-data.sh', import.meta.url));
const run = (...argv: readonly string[]) => spawnSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8' });

class Disk {
  readonly folder = mkdtempSync(join(tmpdir(), 'disk-'));
  readonly data = join(this.folder, 'mnt');
  readonly image = join(this.folder, 'image');
  device = '';

  attach(): boolean {
    if (!existsSync(this.image)) {
      writeFileSync(this.image, '');
      truncateSync(this.image, 64 * 1024 * 1024);
    }
    this.device = run('losetup', '--find', '--show', this.image).stdout.trim();
    copyFileSync(source, join(this.folder, 'mount-data.sh'));
    writeFileSync(join(this.folder, 'settings'), `DATA_DISK='${this.device}'\nDATA_FOLDER='${this.data}'\n`);
    return this.device !== '';
  }
  mount(): { status: number | null; stderr: string } {
    return run('bash', join(this.folder, 'mount-data.sh'));
  }
  detach(): void {
    run('umount', this.data);
    if (this.device !== '') run('losetup', '--detach', this.device);
    this.device = '';
  }
  remove(): void {
    this.detach();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function reason(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root mounts disks';
  const disk = new Disk();
  try {
    return disk.attach() && disk.mount().status === 0 ? undefined : 'this machine mounts no loop devices';
  } finally {
    disk.remove();
  }
}
const can = needs('losetup') && needs('mke2fs') && allowed(reason());

const DataDisk = suite('data disk');
const when = can ? DataDisk : DataDisk.skip;
const onDisk = (body: (disk: Disk) => void) => () => {
  const disk = new Disk();
  try {
    body(disk);
  } finally {
    disk.remove();
  }
};

when(
  'is formatted when it is new, and never again',
  onDisk((disk) => {
    disk.attach();
    assert.is(disk.mount().status, 0);
    assert.ok(existsSync(join(disk.data, 'node/.data-disk')));
    writeFileSync(join(disk.data, 'node/precious'), 'data');
    assert.is(disk.mount().status, 0, 'a second time on the same boot');
    disk.detach();
    assert.not.ok(existsSync(join(disk.data, 'node/.data-disk')), 'the marker is on the disk alone');
    disk.attach();
    assert.is(disk.mount().status, 0, 'after a boot');
    assert.is(readFileSync(join(disk.data, 'node/precious'), 'utf8'), 'data');
  }),
);
when(
  'is left alone when it holds something that is no file system',
  onDisk((disk) => {
    disk.attach();
    disk.detach();
    const held = Buffer.alloc(64 * 1024 * 1024);
    held.write('somebody has this', 5_000_000);
    writeFileSync(disk.image, held);
    disk.attach();
    const { status, stderr } = disk.mount();
    assert.is.not(status, 0);
    assert.match(stderr, 'it is left alone');
    assert.ok(readFileSync(disk.image).equals(held));
  }),
);
DataDisk.run();
