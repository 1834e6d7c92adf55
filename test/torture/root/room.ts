/**
 * Namespaces that a child of this process holds: mounts and networks that the rest of the machine never sees.
 *
 *   const room = await Room.open('mount');  await room.run('mount', …);  room.end();
 *
 * A1. Nothing is left behind, whatever happens to this process: the holder ends when its standard input is closed, which
 *     the kernel does, and without a process in them the namespaces go, with their mounts, loop devices and links.
 *     So nothing has a name outside, and nothing needs to be cleaned.
 * A2. Nothing of the machine's own mounts, links, routes and rules is touched.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lacking, type packages } from '../../support/needs.ts';
import { NodeProcess, type RealNode } from '../../support/realCluster.ts';

export type RoomKind = 'net' | 'mount';

const outputBytesMax = 1024 * 1024;

/** What the command says on stdout; rejects with what it says on stderr. */
export const run = (...command: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const [program = '', ...args] = command;
    execFile(program, args, { maxBuffer: outputBytesMax }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command.join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
  });

/** The same, at once: for what must not be overtaken. */
export function runNow(command: readonly string[], input = ''): void {
  const [program = '', ...args] = command;
  const { status, stderr } = spawnSync(program, args, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr.trim()}`);
}

/** Why commands in a namespace of their own fail here; undefined when this one, a line for sh, works. */
export function reasonAgainst(
  kind: RoomKind,
  line: string,
  ...commands: (keyof typeof packages)[]
): string | undefined {
  if (process.platform !== 'linux') return `${process.platform} has no namespaces`;
  if (process.getuid?.() !== 0) return 'only root makes namespaces';
  for (const command of ['unshare', 'nsenter', ...commands] as const) {
    const reason = lacking(command);
    if (reason !== undefined) return reason;
  }
  const { status, stderr } = spawnSync('unshare', [`--${kind}`, 'sh', '-ec', line], { encoding: 'utf8' });
  return status === 0 ? undefined : stderr.trim().replace(/\s+/g, ' ') || `${line} failed`;
}

export class Room {
  readonly #holder: ChildProcess;
  readonly kind: RoomKind;

  private constructor(kind: RoomKind, holder: ChildProcess) {
    this.kind = kind;
    this.#holder = holder;
  }

  static async open(kind: RoomKind): Promise<Room> {
    // Mounts that others end must end here too. A session of its own: Ctrl-C is for us, who end it when we are done.
    const own = kind === 'mount' ? ['--mount', '--propagation', 'slave'] : ['--net'];
    const holder = spawn('unshare', [...own, 'sh', '-c', 'echo here; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    holder.on('error', () => {});
    const [said] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'close').then(() => [''])]);
    if (!String(said).includes('here')) throw new Error(`no ${kind} namespace: unshare failed`);
    return new Room(kind, holder);
  }

  get pid(): number {
    return this.#holder.pid ?? 0;
  }

  /** Begins a command that is to run inside. */
  get enter(): readonly string[] {
    const file = this.kind === 'mount' ? 'mnt' : 'net';
    return ['nsenter', `--${this.kind}=/proc/${this.pid}/ns/${file}`, '--'];
  }

  run(...command: readonly string[]): Promise<string> {
    return run(...this.enter, ...command);
  }

  /** A path inside, as one from outside. */
  path(inside: string): string {
    return `/proc/${this.pid}/root${inside}`;
  }

  /** The namespace goes when the last process in it has ended. */
  async end(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const ended = once(this.#holder, 'close');
    this.#holder.kill('SIGKILL');
    await ended;
  }
}

const commandsOf = new WeakMap<RealNode, string[]>();

/** From its next start on the node is started by this command, and by those it was given before. */
export function startBy(node: RealNode, command: readonly string[]): void {
  const under = commandsOf.get(node) ?? [];
  commandsOf.set(node, under);
  under.push(...command);
  node.start = () => {
    if (node.running) throw new Error(`${node.id} runs already`);
    node.process = new NodeProcess(node.env, under);
  };
}
