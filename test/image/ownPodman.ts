/**
 * podman with a storage, networks and a piece of machine of its own, so that nothing of this machine's podman is seen or
 * changed.
 *
 *   images      built in a folder of the test, with this machine's network
 *   containers  run in a network of their own: ports 8001 to 8003 are free there
 *   both        in mounts and processes of their own
 *
 * A1. Nothing outlives `end`, nor this process: the namespaces go with the process that holds them, which ends when its
 *     standard input is closed, and with it every process inside.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lacking } from '../support/needs.ts';
import { reasonAgainst } from '../torture/root/room.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Commands of netavark, which is on no PATH. */
const network = ['netavark', 'aardvark-dns'];
const networkFolder = '/usr/lib/podman';

/** Why containers cannot be had here. */
export function reasonAgainstContainers(): string | undefined {
  for (const command of ['podman', 'runc', 'podman-compose', 'iptables', 'curl'] as const) {
    const reason = lacking(command);
    if (reason !== undefined) return reason;
  }
  const absent = network.filter((command) => !existsSync(join(networkFolder, command)));
  if (absent.length > 0) return `${absent.join(', ')} not installed (apt-get install ${absent.join(' ')})`;
  return reasonAgainst('net', 'ip link add name bridge0 type bridge', 'ip');
}

function execute(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = execFile(program, args, { env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** A tmpfs hides what the machine's own podman has in /run; there may be the names of the network too. `sh` stays, for orphans. */
const holderLine = `
names=$(cat /etc/resolv.conf)
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p "$(dirname "$(readlink -m /etc/resolv.conf)")"
[ -e /etc/resolv.conf ] || printf '%s\\n' "$names" > /etc/resolv.conf
ip link set lo up
echo here
cat
:`;

/** With overlay each layer and container is what it adds; with vfs, which works everywhere, a copy of all. */
function driverIn(folder: string): 'overlay' | 'vfs' {
  const of = (name: string): string => join(folder, 'try', name);
  const line = `mkdir -p ${['a', 'b', 'c', 'd'].map(of).join(' ')}; mount -t overlay overlay -o lowerdir=${of('a')},upperdir=${of('b')},workdir=${of('c')} ${of('d')}`;
  return reasonAgainst('mount', line) === undefined ? 'overlay' : 'vfs';
}

export class OwnPodman {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #holder: ChildProcess;
  #inner = '';

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'dlog-image-'));
    const path = (name: string): string => join(this.folder, name);
    writeFileSync(
      path('storage.conf'),
      `[storage]\ndriver = "${driverIn(this.folder)}"\ngraphroot = "${path('storage')}"\nrunroot = "${path('run')}"\n`,
    );
    writeFileSync(
      path('containers.conf'),
      [
        '[engine]',
        'runtime = "runc"',
        'cgroup_manager = "cgroupfs"',
        'events_logger = "file"',
        `tmp_dir = "${path('engine')}"`,
        '[containers]',
        // Not every machine lets root raise them.
        'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]',
        '[network]',
        'network_backend = "netavark"',
        `network_config_dir = "${path('networks')}"`,
        '',
      ].join('\n'),
    );
    this.env = {
      ...process.env,
      CONTAINERS_STORAGE_CONF: path('storage.conf'),
      CONTAINERS_CONF: path('containers.conf'),
      // No containers inside a build: chroot needs the least of a machine.
      BUILDAH_ISOLATION: 'chroot',
      // One layer a stage.
      BUILDAH_LAYERS: 'false',
      CLUSTER_SECRET: 'a-secret-of-this-test-run',
    };
    const own = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
    this.#holder = spawn('unshare', [...own, 'sh', '-ec', holderLine], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
  }

  static async open(): Promise<OwnPodman> {
    const made = new OwnPodman();
    const holder = made.#holder;
    holder.on('error', () => {});
    if (holder.stdout === null) throw new Error('no pipe');
    const [said] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'close').then(() => [''])]);
    if (!String(said).includes('here')) throw new Error('no namespaces: unshare failed');
    made.#inner = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim().split(' ')[0] ?? '';
    return made;
  }

  /** With this machine's network. */
  outside(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return execute(['nsenter', `--target=${this.#inner}`, '--mount', '--pid', '--', ...command], {
      ...this.env,
      ...env,
    });
  }

  /** Where the containers are. */
  inside(command: readonly string[], cwd = '/'): Promise<Ended> {
    const enter = ['nsenter', `--target=${this.#inner}`, '--net', '--mount', '--pid', `--wd=${cwd}`, '--'];
    return execute([...enter, ...command], this.env);
  }

  /** A path of theirs, as one of ours: an image is mounted for them alone. */
  path(theirs: string): string {
    return `/proc/${this.#inner}/root${theirs}`;
  }

  /** What podman says inside; rejects when it fails. */
  async podman(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.inside(['podman', ...args]);
    if (code !== 0) throw new Error(`podman ${args.join(' ')}: ${stderr.trim() || stdout.trim()}`);
    return stdout.trim();
  }

  /** A call of a port inside; status 0 when nobody answers. */
  async call(port: number, path: string, ...curl: readonly string[]): Promise<{ status: number; text: string }> {
    const url = `http://127.0.0.1:${port}${path}`;
    const format = ['--silent', '--max-time', '60', '--write-out', '\n%{http_code}'];
    const { stdout } = await this.inside(['curl', ...format, ...curl, url]);
    const end = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) };
  }

  async end(): Promise<void> {
    await this.inside(['podman', 'rm', '--all', '--force', '--time', '0']);
    if (this.#holder.exitCode === null && this.#holder.signalCode === null) {
      const ended = once(this.#holder, 'close');
      this.#holder.kill('SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
