/**
 * Keeps a second process out of a data folder: two writers would tear the log.
 *
 * Node has no flock, and a file with a pid proves nothing: in containers every process is pid 1. So the holder listens on
 * a Unix socket in the folder, `.lock-<generation>`. The kernel ends that with the process, however it dies: who connects
 * is told by ECONNREFUSED that the holder is gone. The socket is found by its inode, so this works between containers
 * that share a volume of one host; it does not between hosts (a network file system). Abstract sockets would need no
 * cleaning, but each network namespace has its own.
 *
 *   listen on a name of one's own > read the generations --the highest answers--> refused
 *                                          ^  `--nobody answers--> link own socket as the next generation
 *                                          `-----EEXIST, or a higher one has come---'  `--> held, lower ones removed
 *
 * A1. A socket listens before it gets a name that others look at, so a living holder never looks dead.
 * A2. link(2) lets one process make generation g + 1, and only one that saw g as the highest and dead.
 * A3. Who made g + 1 holds the lock only if after that no higher generation is there. A generation is removed only when a
 *     higher one exists, and the highest is never removed. So a slow process that makes an old generation anew, after
 *     it was removed, sees the higher one and steps back; and no two ever hold.
 * A4. Anything but ECONNREFUSED counts as life. A stopped holder (SIGSTOP) still holds.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, linkSync, openSync, readdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

const prefix = '.lock-';
/** How long a holder may take to say who it is. Its silence does not make it dead. */
const introductionMs = 500;
/** A socket's path may have 107 bytes on Linux, 103 on macOS; longer ones are cut off in silence. */
const socketPathBytes = 103;
/** Each round another process was quicker; who loses that often is refused. */
const rounds = 100;

export class FolderLocked extends Error {
  override readonly name = 'FolderLocked';
}

export interface FolderLock {
  /** Lets the next process in. */
  release(): void;
}

type Holder = { readonly kind: 'gone' } | { readonly kind: 'alive'; readonly who: string };

/** Locks an existing folder until `release` or the end of this process. Rejects with `FolderLocked`. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const full = resolve(folder);
  const directory = openSync(full, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  const socketPath = (name: string): string => shortPath(full, directory, name);
  const own = `${prefix}new-${randomBytes(8).toString('hex')}`;
  let server: Server | null = null;
  const release = (): void => {
    server?.close();
    closeSync(directory);
  };
  try {
    server = await listen(socketPath(own));
    for (let round = 0; round < rounds; round++) {
      const highest = generations(full).at(-1) ?? 0;
      if (highest > 0) {
        const holder = await ask(socketPath(prefix + highest));
        if (holder.kind === 'alive') {
          throw new FolderLocked(
            `${full} is in use by another process (${holder.who}); stop it, or give this node a folder of its own`,
          );
        }
      }
      const mine = highest + 1;
      if (!take(join(full, own), join(full, prefix + mine))) continue;
      if (generations(full).at(-1) !== mine) {
        rmSync(join(full, prefix + mine), { force: true });
        continue;
      }
      removeOthers(full, mine);
      return { release };
    }
    throw new FolderLocked(`${full} is being opened by other processes again and again`);
  } catch (error) {
    rmSync(join(full, own), { force: true });
    release();
    throw error;
  }
}

/** The path itself when it fits into a socket's address, else the same through the open folder (Linux). */
function shortPath(folder: string, directory: number, name: string): string {
  const path = join(folder, name);
  if (Buffer.byteLength(path) <= socketPathBytes) return path;
  if (process.platform === 'linux') return `/proc/self/fd/${directory}/${name}`;
  throw new Error(`${folder} has too long a path for a socket in it: at most ${socketPathBytes} bytes`);
}

const generations = (folder: string): number[] =>
  readdirSync(folder)
    .filter((name) => /^\.lock-\d+$/.test(name))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);

/** A2. False when another process was quicker. */
function take(own: string, name: string): boolean {
  try {
    linkSync(own, name);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOENT: the new holder has swept away the sockets of those that compete with it, ours too.
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

/** Sockets of the dead. One that was just about to compete loses its name too; it looks again, and finds us. */
function removeOthers(folder: string, mine: number): void {
  for (const name of readdirSync(folder)) {
    const generation = /^\.lock-(\d+)$/.exec(name)?.[1];
    if (generation ? Number(generation) < mine : name.startsWith(`${prefix}new-`)) {
      rmSync(join(folder, name), { force: true });
    }
  }
}

function listen(path: string): Promise<Server> {
  const who = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() });
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(who);
  });
  server.unref();
  return new Promise((resolved, rejected) => {
    server.once('error', rejected);
    server.listen(path, () => resolved(server));
  });
}

/** A4. */
function ask(path: string): Promise<Holder> {
  return new Promise((resolved) => {
    const socket = createConnection(path);
    let said = '';
    const alive = (): void => {
      socket.destroy();
      resolved({ kind: 'alive', who: introductionOf(said) });
    };
    const timer = setTimeout(alive, introductionMs);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      said += text;
    });
    socket.on('close', () => {
      clearTimeout(timer);
      alive();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // ENOENT: removed since we looked; whoever did that holds a higher one, which the next look finds.
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolved({ kind: 'gone' });
    });
  });
}

function introductionOf(said: string): string {
  try {
    const { pid, host, since } = JSON.parse(said) as Record<string, unknown>;
    return `pid ${pid} on ${host}, since ${since}`;
  } catch {
    return 'it does not say which';
  }
}
