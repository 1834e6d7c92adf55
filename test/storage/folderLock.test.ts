import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FolderLocked, lockFolder } from '../../storage/folderLock.ts';

const Lock = suite('folder lock');

const lockModule = new URL('../../storage/folderLock.js', pathToFileURL(import.meta.filename)).href;
/** A process that locks the folder, says how that went, and stays. */
const program = `
  const { lockFolder } = await import(${JSON.stringify(lockModule)});
  try { await lockFolder(process.argv[1]); process.stdout.write('held\\n'); setInterval(() => {}, 1000); }
  catch (error) { process.stdout.write(error.name + '\\n'); }
`;

interface Locker {
  readonly child: ChildProcess;
  /** 'held', or the error's name. */
  readonly result: Promise<string>;
}

function aLocker(folder: string): Locker {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const result = new Promise<string>((resolved) => {
    child.stdout?.once('data', (text: Buffer) => resolved(text.toString().trim()));
    child.once('close', (code) => resolved(`exit ${code}`)); // At 'exit' its words may still be on their way.
  });
  return { child, result };
}

const ended = ({ child }: Locker): Promise<void> =>
  new Promise((resolved) =>
    child.exitCode === null && child.signalCode === null ? child.once('exit', () => resolved()) : resolved(),
  );

async function inFolder(run: (folder: string) => Promise<void>, deep = ''): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'lock-'));
  const folder = join(root, deep);
  mkdirSync(folder, { recursive: true });
  try {
    await run(folder);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const refusal = async (folder: string): Promise<Error | null> =>
  lockFolder(folder).then(
    (lock) => {
      lock.release();
      return null;
    },
    (error: Error) => error,
  );

Lock('a second process is refused, and told the folder and who holds it', () =>
  inFolder(async (folder) => {
    const holder = aLocker(folder);
    assert.is(await holder.result, 'held');
    const error = await refusal(folder);
    assert.instance(error, FolderLocked);
    assert.ok(error?.message.includes(folder));
    assert.ok(error?.message.includes(`pid ${holder.child.pid}`), error?.message);
    holder.child.kill('SIGKILL');
    await ended(holder);
  }),
);

Lock('after kill -9 the next process takes over at once', () =>
  inFolder(async (folder) => {
    for (let i = 0; i < 3; i++) {
      const holder = aLocker(folder);
      assert.is(await holder.result, 'held');
      holder.child.kill('SIGKILL');
      await ended(holder);
    }
    assert.is(await refusal(folder), null);
    assert.is(readdirSync(folder).length, 1);
  }),
);

Lock('a stopped process still holds', () =>
  inFolder(async (folder) => {
    const holder = aLocker(folder);
    assert.is(await holder.result, 'held');
    holder.child.kill('SIGSTOP');
    assert.instance(await refusal(folder), FolderLocked);
    holder.child.kill('SIGKILL');
    await ended(holder);
  }),
);

Lock('of two that start at the same time exactly one wins', () =>
  inFolder(async (folder) => {
    for (let i = 0; i < 3; i++) {
      const lockers = [aLocker(folder), aLocker(folder), aLocker(folder)];
      const results = await Promise.all(lockers.map(({ result }) => result));
      assert.equal(results.sort(), ['FolderLocked', 'FolderLocked', 'held']);
      for (const { child } of lockers) child.kill('SIGKILL');
      await Promise.all(lockers.map(ended));
    }
  }),
);

Lock('of many that compete within one process exactly one wins, whatever the dead left behind', () =>
  inFolder(async (folder) => {
    for (let round = 0; round < 30; round++) {
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)));
      const won = tries.filter((result) => result.status === 'fulfilled');
      assert.is(won.length, 1, `round ${round}`);
      for (const { value } of won) value.release();
    }
  }),
);

Lock('a released folder may be locked again, also by the same process', () =>
  inFolder(async (folder) => {
    const lock = await lockFolder(folder);
    assert.instance(await refusal(folder), FolderLocked);
    lock.release();
    assert.is(await refusal(folder), null);
  }),
);

Lock('a folder with a path longer than a socket address may be locked', () =>
  inFolder(
    async (folder) => {
      const lock = await lockFolder(folder);
      assert.instance(await refusal(folder), FolderLocked);
      assert.ok(existsSync(join(folder, '.lock-1')));
      lock.release();
    },
    `${'long'.repeat(30)}/${'deep'.repeat(30)}`,
  ),
);

Lock.run();
