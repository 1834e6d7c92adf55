/**
 * A disk for each node: a small ext4 of its own, whose power can be cut and which can be filled.
 *
 *   data folder = ext4 on a loop device on a sparse file in the cluster's folder, mounted where nobody else sees it
 *
 * A1. A power cut loses what was not synced: from the shutdown on the kernel writes nothing to the device, neither data
 *     nor journal, and what it held in memory goes with the unmounting. `reasonAgainstDisks` has seen that happen here.
 * A2. Nothing is synced by chance: the journal's own commits come far apart, and no page gets old enough in a test.
 * A3. Mounted again, the file system is as it is after a real cut: the journal is replayed, nothing else is repaired.
 */
import { mkdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SeededDice } from '../../support/dice.ts';
import { type ClusterOptions, type RealCluster, until, withCluster } from '../../support/realCluster.ts';
import { Room, reasonAgainst, startBy } from './room.ts';
import { stopped, type Torn, tear, type Written, writtenIn } from './tornWrites.ts';

/** EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32), and its flag "without writing the journal out" (fs/ext4/ext4.h). */
const shutdownRequest = 0x8004587d;
const shutdownFlag = 2;
const shutdownScript = `for (@ARGV) { open(my $folder, "<", $_) or die "$_: $!"; my $flag = pack("L", ${shutdownFlag});
  defined ioctl($folder, ${shutdownRequest}, $flag) or die "shutdown of $_: $!" }`;

const makeOptions = ['-q', '-F', '-t', 'ext4', '-m', '0', '-N', '2048', '-J', 'size=8', '-E', 'nodiscard'];
/** Seconds between commits of the journal that nobody asked for (5 by default). */
const mountOptions = 'loop,noatime,commit=300';

/** A file that was synced is there after a power cut, one that was not is gone. */
const trial = `folder=$(mktemp -d); trap 'umount "$folder/disk" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"; truncate -s 32M image; mkdir disk; mke2fs ${makeOptions.join(' ')} image; mount -o ${mountOptions} image disk
echo synced > disk/synced; sync disk/synced; sync disk; echo lost > disk/lost
perl -e '${shutdownScript}' disk; umount disk; mount -o ${mountOptions} image disk
grep -q synced disk/synced || { echo 'a power cut loses what was synced' >&2; exit 1; }
[ ! -e disk/lost ] || { echo 'a power cut loses nothing here' >&2; exit 1; }`;

/** Why disks of their own cannot be had here. */
export const reasonAgainstDisks = (): string | undefined =>
  reasonAgainst('mount', trial, 'mount', 'losetup', 'mke2fs', 'perl');

const ballast = '.ballast';
/** Less than the smallest segment (16 MiB), more than what ext4 wants for itself. */
const leftBytes = 4 * 1024 * 1024;

export class Disks {
  readonly #cluster: RealCluster;
  readonly #room: Room;
  /** Of nodes whose power was cut: what may still get onto their disks. */
  readonly #written = new Map<number, Written>();

  private constructor(cluster: RealCluster, room: Room) {
    this.#cluster = cluster;
    this.#room = room;
  }

  /** Before the nodes start. `mib` is no more than a bound: only what is written takes room. */
  static async under(cluster: RealCluster, mib = 2048): Promise<Disks> {
    const disks = new Disks(cluster, await Room.open('mount'));
    for (const { id, dataDir } of cluster.nodes) {
      await mkdir(dataDir, { recursive: true });
      await writeFile(disks.#image(id), '');
      await truncate(disks.#image(id), mib * 1024 * 1024);
      await disks.#room.run('mke2fs', ...makeOptions, disks.#image(id));
      await disks.#mount(id);
      startBy(cluster.node(id), disks.#room.enter);
    }
    return disks;
  }

  /** The node's data folder, for this process. */
  folder(id: number): string {
    return this.#room.path(this.#cluster.node(id).dataDir);
  }

  /** All of these in the same instant, more or less; their nodes end. */
  async cutPower(...ids: readonly number[]): Promise<void> {
    await this.#room.run('perl', '-e', shutdownScript, ...ids.map((id) => this.#cluster.node(id).dataDir));
    await Promise.all(ids.map((id) => this.#cluster.kill(id)));
  }

  /** The same, but when the power is back the disks have some of what was not synced (tornWrites.ts). */
  async cutPowerOfCaches(...ids: readonly number[]): Promise<void> {
    // Node after node would be no power cut: the others would go on for a while.
    await Promise.all(ids.map((id) => stopped(this.#cluster.node(id).process?.pid ?? 0)));
    for (const id of ids) this.#written.set(id, writtenIn(this.folder(id)));
    await this.cutPower(...ids);
  }

  /** What is left on the disks can be read again; the nodes are still down. */
  async restorePower(dice: SeededDice, ...ids: readonly number[]): Promise<Torn> {
    const torn = { unsynced: 0, kept: 0 };
    for (const id of ids) {
      // Busy for a moment after the end of a process that held a file.
      await until(`the disk of ${id} to be unmounted`, () =>
        this.#room.run('umount', this.#cluster.node(id).dataDir).then(
          () => true,
          () => undefined,
        ),
      );
      await this.#mount(id);
      const { unsynced, kept } = tear(this.folder(id), this.#written.get(id) ?? new Map(), dice);
      this.#written.delete(id);
      torn.unsynced += unsynced;
      torn.kept += kept;
    }
    return torn;
  }

  /** Leaves no room for another segment. */
  async fill(id: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder(id));
    const bytes = Math.max(bsize, bavail * bsize - leftBytes);
    await this.#room.run('fallocate', '--length', `${bytes}`, join(this.#cluster.node(id).dataDir, ballast));
  }

  async makeRoom(id: number): Promise<void> {
    await rm(join(this.folder(id), ballast), { force: true });
  }

  /** When no node runs any more. */
  end(): Promise<void> {
    return this.#room.end();
  }

  #image(id: number): string {
    return join(this.#cluster.folder, `${id}.ext4`);
  }

  async #mount(id: number): Promise<void> {
    await this.#room.run('mount', '-o', mountOptions, this.#image(id), this.#cluster.node(id).dataDir);
  }
}

/** A cluster, not started yet, whose nodes have disks of their own. */
export const withDisks = (
  options: ClusterOptions,
  use: (cluster: RealCluster, disks: Disks) => Promise<void>,
): Promise<void> =>
  withCluster(options, async (cluster) => {
    const disks = await Disks.under(cluster);
    try {
      await use(cluster, disks);
    } finally {
      await disks.end();
    }
  });
