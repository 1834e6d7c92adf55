/**
 * What this machine allows at most: bare servers that answer and do nothing, and a file that is written and synced and
 * nothing more.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Heard, type Running, type Speaker, type System, textOf, type Way } from './systems.ts';
import { httpSpeaker, post, tcpClient } from './wires.ts';

const script = fileURLToPath(new URL('./bareServer.js', import.meta.url));
const all = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of all) child.kill('SIGKILL');
});

async function start(name: string): Promise<Running> {
  const child = fork(script, [name], { execArgv: [] });
  all.add(child);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (told) => resolve(told as number));
    child.once('exit', (code, signal) => reject(new Error(`the bare server ended: ${signal ?? code}`)));
  });
  const leader = { host: '127.0.0.1', port };
  return {
    version: process.version,
    settings: {},
    folders: [],
    endpoints: async () => ({ leader, others: [] }),
    processes: () => [{ name, pid: child.pid ?? 0 }],
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      all.delete(child);
    },
  };
}

/** What comes back is counted in bytes. */
function echoSpeaker(bytes: number): Speaker {
  const text = Buffer.from(textOf(0, bytes));
  let have = 0;
  return {
    encode: () => text,
    parse: (chunk): Heard => {
      have += chunk.length;
      const done = Math.floor(have / bytes);
      have -= done * bytes;
      return { done, refused: 0 };
    },
  };
}

const http: Way = {
  name: 'http',
  words: 'POST, kept alive; the body is read and a short JSON answered',
  isSingle: true,
  peaks: () => [],
  connect: (at, { bytes }, told) => {
    const request = post('/', 'application/json', `{"message":"${textOf(0, bytes)}"}`);
    const speaker = httpSpeaker(() => request);
    return tcpClient(at, speaker, told);
  },
};
const echo: Way = {
  name: 'echo',
  words: 'the bytes come back',
  isSingle: true,
  peaks: () => [],
  connect: (at, { bytes }, told) => tcpClient(at, echoSpeaker(bytes), told),
};

const bare = (name: string, way: Way): System => ({
  name,
  ackMeans: 'received; nothing is kept',
  ways: [way],
  missing: () => null,
  start: () => start(name),
});
export const bareServers: readonly System[] = [bare('node:http', http), bare('koa', http), bare('tcp', echo)];

const fileBytes = 64 * 1024 * 1024;

/** Entries a second that one file takes, synced after each `batch` of them: pwrite and fdatasync into what was zeros. */
export async function groupCommits(folder: string, batch: number, bytes: number, ms: number): Promise<number> {
  const path = join(folder, `group-commit-${batch}`);
  const file = await open(path, 'w+');
  try {
    const zeros = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < fileBytes; at += zeros.length) await file.write(zeros, 0, zeros.length, at);
    await file.sync();
    const entries = Buffer.from(textOf(0, bytes).repeat(batch));
    const beganAt = performance.now();
    let commits = 0;
    let at = 0;
    while (performance.now() - beganAt < ms) {
      if (at + entries.length > fileBytes) at = 0;
      await file.write(entries, 0, entries.length, at);
      await file.datasync();
      at += entries.length;
      commits++;
    }
    return (commits * batch * 1000) / (performance.now() - beganAt);
  } finally {
    await file.close();
    await unlink(path);
  }
}
