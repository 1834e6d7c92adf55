/** What every Disk promises (ports.ts), asked of the real one, of the one in memory, and of the one that crashes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Disk, DiskCallback, DiskFile, DiskOutcome } from '../../actors/ports.ts';
import { fileDisk } from '../../storage/fileDisk.ts';
import { logInMemory, memoryDisk } from '../../storage/memoryDisk.ts';
import { aDiskWorld } from '../support/logWorld.ts';

interface Subject {
  readonly disk: Disk;
  /** Moves virtual time, where there is any. */
  readonly settle: () => void;
  readonly end: () => void;
}

const subjects: Readonly<Record<string, () => Subject>> = {
  'a real folder': () => {
    const folder = mkdtempSync(join(tmpdir(), 'disk-'));
    return { disk: fileDisk(folder), settle: () => {}, end: () => rmSync(folder, { recursive: true }) };
  },
  memory: () => ({ disk: memoryDisk(), settle: () => {}, end: () => {} }),
  'a log in memory': () => ({ disk: logInMemory(memoryDisk()), settle: () => {}, end: () => {} }),
  'a simulated disk': () => {
    const { platter, clock } = aDiskWorld();
    return { disk: platter.disk, settle: () => clock.advance(1000), end: () => {} };
  },
};

for (const [name, make] of Object.entries(subjects)) {
  const Contract = suite(`disk contract: ${name}`);

  const onDisk = (title: string, test: (disk: Disk, ask: Ask) => Promise<void>): void => {
    Contract(title, async () => {
      const { disk, settle, end } = make();
      try {
        await test(disk, (begin) => answerOf(begin, settle));
      } finally {
        end();
      }
    });
  };

  onDisk('a created file is zeros of its full length, and listed', async (disk, ask) => {
    assert.equal(got(await ask((done: DiskCallback<readonly string[]>) => disk.list(done))), []);
    const file = got(await ask((done: DiskCallback<DiskFile>) => disk.create('segment-1', 3_000_000, done)));
    assert.is(file.name, 'segment-1');
    assert.is(file.bytes, 3_000_000);
    const bytes = got(await ask((done: DiskCallback<Buffer>) => file.read(0, 3_000_000, done)));
    assert.ok(bytes.equals(Buffer.alloc(3_000_000)));
    assert.equal(got(await ask((done: DiskCallback<readonly string[]>) => disk.list(done))), ['segment-1']);
  });

  onDisk('parts are written one after the other, and what stands around them stays', async (disk, ask) => {
    const file = got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 64, done)));
    got(await ask((done: DiskCallback) => file.write(0, [Buffer.alloc(64, 1)], done)));
    const parts = [Buffer.from([2, 3]), Buffer.alloc(0), Buffer.from([4])];
    got(await ask((done: DiskCallback) => file.write(10, parts, done)));
    const again = got(await ask((done: DiskCallback<DiskFile>) => disk.open('a', done)));
    assert.is(again.bytes, 64);
    const bytes = got(await ask((done: DiskCallback<Buffer>) => again.read(8, 6, done)));
    assert.equal([...bytes], [1, 1, 2, 3, 4, 1]);
  });

  onDisk('thousands of parts go in one write', async (disk, ask) => {
    const file = got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 10_000, done)));
    const parts = Array.from({ length: 5000 }, (_, i) => Buffer.from([i % 251, i % 13]));
    got(await ask((done: DiskCallback) => file.write(0, parts, done)));
    const bytes = got(await ask((done: DiskCallback<Buffer>) => file.read(0, 10_000, done)));
    assert.ok(bytes.equals(Buffer.concat(parts)));
  });

  onDisk('a write without parts makes earlier ones durable, and changes nothing', async (disk, ask) => {
    const file = got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 8, done)));
    got(await ask((done: DiskCallback) => file.write(8, [], done)));
    assert.is(file.bytes, 8);
  });

  onDisk('a read gives less than asked only at the end of the file', async (disk, ask) => {
    const file = got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 100, done)));
    assert.is(got(await ask((done: DiskCallback<Buffer>) => file.read(90, 50, done))).length, 10);
    assert.is(got(await ask((done: DiskCallback<Buffer>) => file.read(100, 50, done))).length, 0);
    assert.is(got(await ask((done: DiskCallback<Buffer>) => file.read(50, 0, done))).length, 0);
  });

  onDisk('what was read does not change with later writes', async (disk, ask) => {
    const file = got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 8, done)));
    const bytes = got(await ask((done: DiskCallback<Buffer>) => file.read(0, 8, done)));
    got(await ask((done: DiskCallback) => file.write(0, [Buffer.alloc(8, 7)], done)));
    assert.equal([...bytes], [0, 0, 0, 0, 0, 0, 0, 0]);
  });

  onDisk('a file that is not there is missing, one that is cannot be made again', async (disk, ask) => {
    assert.is(kindOf(await ask((done: DiskCallback<DiskFile>) => disk.open('a', done))), 'missing');
    assert.is(kindOf(await ask((done: DiskCallback) => disk.remove('a', done))), 'missing');
    assert.is(kindOf(await ask((done: DiskCallback) => disk.rename('a', 'b', done))), 'missing');
    got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 8, done)));
    assert.is(kindOf(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 8, done))), 'exists');
  });

  onDisk('a rename replaces the file of the new name, and the open file stays usable', async (disk, ask) => {
    const a = got(await ask((done: DiskCallback<DiskFile>) => disk.create('segment-a', 8, done)));
    got(await ask((done: DiskCallback<DiskFile>) => disk.create('segment-b', 4, done)));
    got(await ask((done: DiskCallback) => disk.rename('segment-a', 'segment-b', done)));
    assert.equal(got(await ask((done: DiskCallback<readonly string[]>) => disk.list(done))), ['segment-b']);
    got(await ask((done: DiskCallback) => a.write(0, [Buffer.from('renamed!')], done)));
    const b = got(await ask((done: DiskCallback<DiskFile>) => disk.open('segment-b', done)));
    assert.is(got(await ask((done: DiskCallback<Buffer>) => b.read(0, 8, done))).toString(), 'renamed!');
  });

  onDisk('a removed file is gone', async (disk, ask) => {
    got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 8, done)));
    got(await ask((done: DiskCallback) => disk.remove('a', done)));
    assert.equal(got(await ask((done: DiskCallback<readonly string[]>) => disk.list(done))), []);
  });

  onDisk('a file that is closed while it is read still answers', async (disk, ask) => {
    const file = got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 5000, done)));
    const read = ask((done: DiskCallback<Buffer>) => {
      file.read(0, 5000, done);
      file.close();
    });
    assert.is(got(await read).length, 5000);
  });

  onDisk('a file that is closed while it is written still answers', async (disk, ask) => {
    const file = got(await ask((done: DiskCallback<DiskFile>) => disk.create('a', 5000, done)));
    const write = ask((done: DiskCallback) => {
      file.write(0, Array<Buffer>(5000).fill(Buffer.from([7])), done);
      file.close();
    });
    got(await write);
  });

  onDisk('says how much room there is', async (disk, ask) => {
    type Space = { readonly freeBytes: number; readonly totalBytes: number };
    const { freeBytes, totalBytes } = got(await ask((done: DiskCallback<Space>) => disk.space(done)));
    assert.ok(freeBytes > 0 && freeBytes <= totalBytes);
  });

  Contract.run();
}

type Ask = <T>(begin: (done: DiskCallback<T>) => void) => Promise<DiskOutcome<T>>;

/** P2: the answer comes once, and not before the call has returned. */
async function answerOf<T>(begin: (done: DiskCallback<T>) => void, settle: () => void): Promise<DiskOutcome<T>> {
  let answers = 0;
  let returned = false;
  const answer = new Promise<DiskOutcome<T>>((resolve) => {
    begin((outcome) => {
      assert.ok(returned, 'the answer came before the call returned');
      assert.is(++answers, 1);
      resolve(outcome);
    });
    returned = true;
    settle();
  });
  return answer;
}

function got<T>(outcome: DiskOutcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(outcome.error.message);
}

const kindOf = <T>(outcome: DiskOutcome<T>): string => (outcome.ok ? 'ok' : outcome.error.kind);

const Particular = suite('disk contract: what is particular');

Particular('with the log in memory, segments live there and everything else on the real disk', async () => {
  const real = memoryDisk();
  const memory = memoryDisk();
  const disk = logInMemory(real, memory);
  const ask: Ask = (begin) => answerOf(begin, () => {});
  for (const name of ['segment-0000000001', 'quarantined-1-segment-0000000002', 'identity']) {
    got(await ask((done: DiskCallback<DiskFile>) => disk.create(name, 8, done)));
  }
  assert.equal(got(await ask((done: DiskCallback<readonly string[]>) => real.list(done))), ['identity']);
  assert.is(got(await ask((done: DiskCallback<readonly string[]>) => disk.list(done))).length, 3);
});

Particular('a folder without room says full, and gives back what it took', async () => {
  const { platter, clock } = aDiskWorld(1, { totalBytes: 100 });
  const ask: Ask = (begin) => answerOf(begin, () => clock.advance(1000));
  assert.is(kindOf(await ask((done: DiskCallback<DiskFile>) => platter.disk.create('a', 101, done))), 'full');
  assert.is(kindOf(await ask((done: DiskCallback<DiskFile>) => platter.disk.create('a', 100, done))), 'ok');
  const small = memoryDisk(100);
  const inMemory: Ask = (begin) => answerOf(begin, () => {});
  assert.is(kindOf(await inMemory((done: DiskCallback<DiskFile>) => small.create('a', 101, done))), 'full');
});

Particular('a power cut keeps any subset of the sectors that were not fsynced, and every one that was', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const { platter, clock } = aDiskWorld(seed);
    let file: DiskFile | null = null;
    platter.disk.create('a', 2048, (outcome) => {
      file = got(outcome);
    });
    clock.advance(100);
    file = file as DiskFile | null;
    file?.write(0, [Buffer.alloc(1024, 1)], () => {});
    clock.advance(100);
    file?.write(512, [Buffer.alloc(1536, 2)], () => assert.unreachable('the dead call nobody back'));
    platter.crash('power');
    clock.advance(100);
    const content = platter.content('a');
    seen.add([0, 512, 1024, 1536].map((at) => content[at]).join(''));
  }
  assert.ok(seen.size === 8, [...seen].join(' '));
  assert.ok([...seen].every((sectors) => /^1[12][02][02]$/.test(sectors)));
});

Particular('what a killed process wrote and did not fsync is there, until the power goes', () => {
  const lost = new Set<number | undefined>();
  for (let seed = 0; seed < 20; seed++) {
    const { platter, clock } = aDiskWorld(seed);
    platter.disk.create('a', 512, (outcome) => got(outcome).write(0, [Buffer.alloc(512, 1)], () => {}));
    clock.runUntil(0.001);
    while (platter.names.length === 0 || platter.content('a')[0] === 0) clock.runNext();
    platter.crash('kill');
    assert.is(platter.content('a')[0], 1);
    platter.crash('power');
    lost.add(platter.content('a')[0]);
  }
  assert.is(lost.size, 2);
});

Particular('a failed fsync forgets: a later one does not save what it lost', () => {
  const found = new Set<number | undefined>();
  for (let seed = 0; seed < 20; seed++) {
    const { platter, clock } = aDiskWorld(seed);
    let file: DiskFile | null = null;
    platter.disk.create('a', 512, (outcome) => {
      file = got(outcome);
    });
    clock.advance(100);
    file = file as DiskFile | null;
    platter.faults.failingFsync = true;
    file?.write(0, [Buffer.alloc(512, 1)], (outcome) => assert.is(kindOf(outcome), 'failed'));
    clock.advance(100);
    platter.faults.failingFsync = false;
    file?.write(0, [], (outcome) => assert.is(kindOf(outcome), 'ok'));
    clock.advance(100);
    assert.is(platter.content('a')[0], 1);
    platter.crash('power');
    found.add(platter.content('a')[0]);
  }
  assert.is(found.size, 2);
});

Particular.run();
