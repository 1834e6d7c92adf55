/** The log on a real folder: what only a real process and a real file system can show. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RecoverOutcome, SegmentedLog } from '../../actors/log/segments.ts';
import { recoverNode, type StartOutcome } from '../../actors/log/startup.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import { noFailpoints, realDice } from '../../scripts/realPorts.ts';
import { explainDiskError, fileDisk, makeFolder } from '../../storage/fileDisk.ts';

const Real = suite('log on a real folder');

const built = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
const options = { segmentBytes: 256 * 1024, cacheBytes: 4096 };
/** Opens the log, appends groups as fast as it can, and says after each up to where it is durable. */
const program = `
  const { SegmentedLog } = await import(${built('actors/log/segments.js')});
  const { fileDisk } = await import(${built('storage/fileDisk.js')});
  const { Author } = await import(${built('test/support/logWorld.js')});
  const log = new SegmentedLog(fileDisk(process.argv[1]), ${JSON.stringify(options)});
  const author = new Author();
  const next = (outcome) => {
    if (outcome.kind !== 'written') throw new Error(JSON.stringify(outcome));
    process.stdout.write(author.end.index + '\\n');
    const commit = author.end.index;
    log.write([...author.group(4, 300), author.next(1, 20_000)], commit, next);
  };
  log.recover({ onBatch: (batch) => author.items.push({ previous: author.end, batch }) }, (recovered) => {
    author.resume(recovered.last);
    next({ kind: 'written' });
  });
`;

/** So that the rounds together fill some segments, on however slow a disk. */
const groupsMin = 5;

/** Runs the program until it is killed, so long after its first few groups; gives the last index that it called durable. */
function runAndKill(folder: string, afterMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    let isDoomed = false;
    let faults = '';
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program, folder]);
    child.stderr.on('data', (text: Buffer) => {
      faults += text;
    });
    child.stdout.on('data', (text: Buffer) => {
      said += text;
      if (isDoomed || said.split('\n').length <= groupsMin) return;
      isDoomed = true;
      setTimeout(() => child.kill('SIGKILL'), afterMs);
    });
    child.once('close', () => {
      const whole = said.slice(0, said.lastIndexOf('\n')).split('\n');
      if (faults === '') resolve(Number(whole.at(-1)));
      else reject(new Error(faults));
    });
  });
}

function recover(folder: string): Promise<{ readonly outcome: RecoverOutcome; readonly batches: readonly Batch[] }> {
  const batches: Batch[] = [];
  const log = new SegmentedLog(fileDisk(folder), options);
  return new Promise((resolve) => {
    log.recover({ onBatch: (batch) => batches.push(batch) }, (outcome) => resolve({ outcome, batches }));
  });
}

Real('kill -9 at any moment loses nothing that was called durable', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'));
  try {
    for (let round = 0; round < 8; round++) {
      const durable = await runAndKill(folder, 17 * round);
      const { outcome, batches } = await recover(folder);
      if (outcome.kind === 'failed') throw new Error(outcome.error.message);
      assert.is.not(outcome.verdict.kind, 'damaged');
      assert.ok(outcome.last.index >= durable, `round ${round}: durable ${durable}, found ${outcome.last.index}`);
      assert.ok(batches.every((batch, i) => batch.baseIndex === (batches[i - 1]?.endIndex ?? 0) + 1));
    }
    assert.ok(readdirSync(folder).filter((name) => name.startsWith('segment-')).length > 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

Real('a half-made segment of a killed process is not seen, and is made anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'));
  try {
    writeFileSync(join(folder, '.new-segment-0000000001'), 'half');
    const { outcome } = await recover(folder);
    assert.ok(outcome.kind === 'recovered' && outcome.fresh);
    assert.equal(readdirSync(folder), ['segment-0000000001']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

Real('a folder is made with all that is above it, and once', () => {
  const root = mkdtempSync(join(tmpdir(), 'log-'));
  try {
    const folder = join(root, 'a', 'b', 'c');
    makeFolder(folder);
    makeFolder(folder);
    assert.ok(existsSync(folder));
  } finally {
    rmSync(root, { recursive: true });
  }
});

Real('a device that fails ends the start, which says with what file, and what can be done', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'));
  const failing = '/proc/self/mem'; // Reading its beginning is EIO.
  try {
    if (!existsSync(failing)) return;
    symlinkSync(failing, join(folder, 'identity'));
    const input = {
      nodeId: 1,
      voters: [1],
      disk: fileDisk(folder),
      dice: realDice,
      log: { write: () => {} },
      failpoints: noFailpoints,
      segmentBytes: options.segmentBytes,
      tailBytes: options.cacheBytes,
      keptEntries: 10,
      keptKeys: 10,
      memory: false,
    };
    const outcome = await new Promise<StartOutcome>((done) => recoverNode(input, done));
    assert.match(
      outcome.kind === 'failed' ? outcome.reason : '',
      /^the identity cannot be read: identity: EIO: .*dmesg.* set DATA_DIR to the copy/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

Real('a folder that cannot be made says why, and what to set', () => {
  for (const code of ['EIO', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'EEXIST', 'EMFILE']) {
    const said = explainDiskError(Object.assign(new Error(`${code}: some words`), { code }));
    assert.match(said, new RegExp(`^${code}: some words: .{20}`));
  }
  assert.is(explainDiskError(new Error('unheard of')), 'unheard of');
});

Real.run();
