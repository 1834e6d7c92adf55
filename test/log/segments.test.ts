import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LogItem, SegmentedLog } from '../../actors/log/segments.ts';
import { LogicalLog } from '../../actors/protocol/logicalLog.ts';
import { encodeFrameHeader, findFrames, frameHeaderBytes } from '../../actors/protocol/record.ts';
import { Author, aDiskWorld, call, namesOf, openLog, readAll, smallSegments, writeGroup } from '../support/logWorld.ts';

const Segments = suite('segmented log');

Segments('an empty folder opens as an empty log with its first segment made', () => {
  const { clock, platter } = aDiskWorld();
  const { recovered, log } = openLog(clock, platter.disk);
  assert.is(recovered.verdict.kind, 'clean');
  assert.is(recovered.fresh, true);
  assert.equal(recovered.last, { epoch: 0, index: 0 });
  assert.is(recovered.nextId, 1);
  assert.equal(platter.names, ['segment-0000000001']);
  assert.equal(readAll(clock, log), []);
});

Segments('what was written is there after a start, in any number of segments', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  for (let i = 0; i < 60; i++) {
    const before = author.end.index;
    assert.is(
      writeGroup(clock, log, [author.barrier(), author.next(3, 200), author.next(1, 401)], before).kind,
      'written',
    );
  }
  const { recovered, reported, log: again } = openLog(clock, platter.restart());
  assert.is(recovered.verdict.kind, 'clean');
  assert.is(recovered.fresh, false);
  assert.is(recovered.nextId, 241);
  assert.is(recovered.lastLamport, 300);
  assert.is(recovered.commit, 295);
  assert.equal(recovered.last, author.end);
  assert.equal(namesOf(reported), namesOf(author.batches));
  assert.equal(namesOf(readAll(clock, again)), namesOf(author.batches));
  assert.is(again.bytes, log.bytes);
  assert.ok(again.segments > 3);
  assert.equal(recovered.log.runs, [{ epoch: author.end.epoch, firstIndex: 1 }]);
});

Segments('recovery hands over all uncommitted batches, and of the older ones what the cache may hold', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  for (let i = 0; i < 100; i++) writeGroup(clock, log, [author.next(1, 300)], Math.min(i, 60));
  const { recovered } = openLog(clock, platter.restart(), { ...smallSegments, cacheBytes: 1000 });
  const logical = new LogicalLog(recovered.log, 1000);
  assert.is(logical.commit, 60);
  assert.equal(logical.last, author.end);
  assert.is(logical.nextId, 101);
  assert.is(recovered.log.tail[0]?.baseIndex, 61);
  const { recovered: wide } = openLog(clock, platter.restart(), { ...smallSegments, cacheBytes: 45 * 370 });
  const first = wide.log.tail[0]?.baseIndex ?? 0;
  assert.ok(first > 50 && first < 61, `the tail begins at ${first}`);
});

Segments('a marker carries the newest commit over a restart', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  writeGroup(clock, log, author.group(5), 0);
  assert.is(call(clock, (done: Parameters<SegmentedLog['mark']>[1]) => log.mark(4, done)).kind, 'written');
  const { recovered, log: again } = openLog(clock, platter.restart());
  assert.is(recovered.commit, 4);
  writeGroup(clock, again, author.group(2), 5);
  assert.equal(namesOf(readAll(clock, again)), namesOf(author.batches));
});

Segments('a group is one write', () => {
  const { clock, platter } = aDiskWorld(1, { writeMs: [1, 1] });
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  writeGroup(clock, log, author.group(1));
  const before = clock.now();
  writeGroup(clock, log, author.group(20));
  assert.is(clock.now() - before, 1);
});

Segments('what was replaced is neither reported at the end nor read, also across segments', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  let { log } = openLog(clock, platter.disk);
  let seed = 7;
  let commit = 0;
  for (let i = 0; i < 200; i++) {
    commit = Math.max(commit, author.end.index - 30);
    seed = (seed * 75 + 74) % 65_537;
    const uncommitted = author.items.filter(({ batch }) => batch.baseIndex > commit).length;
    if (i % 7 === 6) author.cut(seed % (uncommitted + 1));
    const items = author.group(1 + (seed % 3), 50 + (seed % 300));
    if (i % 11 === 10) {
      author.cut(1); // Replaced within the same write.
      items.push(author.next());
    }
    assert.is(writeGroup(clock, log, items, commit).kind, 'written');
    if (i % 50 === 49) {
      const opened = openLog(clock, platter.restart());
      assert.is(opened.recovered.verdict.kind, 'clean');
      assert.equal(namesOf(opened.reported), namesOf(author.batches));
      log = opened.log;
    }
    if (i % 10 === 0) assert.equal(namesOf(readAll(clock, log)), namesOf(author.batches));
  }
  for (const { previous } of author.items) {
    const rest = author.batches.filter(({ baseIndex }) => baseIndex > previous.index);
    assert.equal(namesOf(readAll(clock, log, previous.index, 100_000)), namesOf(rest));
  }
});

Segments('a reader that goes on after a cut does not see what was cut', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  writeGroup(clock, log, author.group(10));
  const first = call(clock, (done: Parameters<SegmentedLog['read']>[2]) => log.read(5, 1, done));
  assert.ok(first.kind === 'batches' && first.batches.at(-1)?.endIndex === 6);
  author.cut(5);
  writeGroup(clock, log, author.group(5));
  assert.equal(namesOf(readAll(clock, log, 6, 1)), namesOf(author.batches.slice(6)));
});

Segments('a whole frame with another batch than the next one is damage', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  writeGroup(clock, log, author.group(10), 0);
  writeGroup(clock, log, author.group(1), 10);
  const [frame] = [...findFrames(platter.content('segment-0000000001'), { segment: 1, offset: 0 })].slice(4);
  if (!frame) throw new Error('no frame');
  const wrong = Buffer.alloc(frame.bytes);
  const { previous, batch } = author.items[5] as LogItem;
  encodeFrameHeader(wrong, 0, { segment: 1, offset: frame.offset }, { ...frame, previous }, batch);
  batch.bytes.copy(wrong, frameHeaderBytes);
  platter.overwrite('segment-0000000001', frame.offset, wrong);
  const outcome = call(clock, (done: Parameters<SegmentedLog['read']>[2]) => log.read(0, 100_000, done));
  assert.ok(outcome.kind === 'damaged' && outcome.why === 'found entry 6 behind 4', JSON.stringify(outcome));
});

Segments('a read in the middle of a batch begins with the batch that holds the next entry', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  for (let i = 0; i < 20; i++) writeGroup(clock, log, [author.next(10, 100)], author.end.index);
  assert.is(readAll(clock, log, 54)[0]?.baseIndex, 51);
  assert.is(readAll(clock, log, 60)[0]?.baseIndex, 61);
});

Segments('a message is found by its id, a short walk behind the index that is given', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const options = { segmentBytes: 256 * 1024, cacheBytes: 4096 };
  const { log } = openLog(clock, platter.disk, options);
  for (let i = 0; i < 400; i++) writeGroup(clock, log, [author.barrier(), author.next(4, 500)], author.end.index);
  for (const id of [1, 2, 700, 1599, 1600]) {
    const batches = readAll(clock, log, log.locateId(id), 70_000);
    const at = batches.findIndex(({ firstId, nextId }) => firstId <= id && id < nextId);
    const bytes = batches.slice(0, at).reduce((sum, batch) => sum + batch.bytes.length + 64, 0);
    assert.ok(at >= 0 && bytes <= 66 * 1024, `${id} came after ${bytes} bytes`);
  }
});

Segments('a batch bigger than the block that is read comes whole', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk, { segmentBytes: 8 * 1024 * 1024, cacheBytes: 0 });
  writeGroup(clock, log, [author.next(), author.next(1, 5_000_000), author.next()], 1);
  assert.equal(namesOf(readAll(clock, log, 0, 1)), namesOf(author.batches));
  const { recovered, log: again } = openLog(clock, platter.restart(), { segmentBytes: 8 * 1024 * 1024, cacheBytes: 0 });
  assert.equal(recovered.last, author.end);
  assert.equal(namesOf(readAll(clock, again, 1)), namesOf(author.batches.slice(1)));
});

Segments('a group that does not fit into the segment goes on in the next one', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  writeGroup(clock, log, author.group(10, 1000));
  assert.is(log.segments, 1);
  writeGroup(clock, log, author.group(10, 1000));
  assert.is(log.segments, 2);
  assert.equal(namesOf(openLog(clock, platter.restart()).reported), namesOf(author.batches));
});

Segments('a log that was made of smaller segments takes groups of the new size', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  while (log.bytes < 10_000) writeGroup(clock, log, author.group(1, 500));
  clock.advance(100); // The next one is there, and as small.
  const { log: wider } = openLog(clock, platter.restart(), { segmentBytes: 128 * 1024, cacheBytes: 0 });
  assert.is(writeGroup(clock, wider, author.group(20, 4000)).kind, 'written');
  assert.equal(namesOf(openLog(clock, platter.restart()).reported), namesOf(author.batches));
});

Segments('the next segment is made while there is room, and no write waits for it', () => {
  const { clock, platter } = aDiskWorld(1, { createMs: [20, 20], writeMs: [1, 1] });
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  let longest = 0;
  for (let i = 0; i < 200; i++) {
    const before = clock.now();
    writeGroup(clock, log, author.group(1, 60));
    longest = Math.max(longest, clock.now() - before);
  }
  assert.ok(log.segments >= 2);
  assert.ok(longest <= 1.5, `a write took ${longest} ms`);
});

Segments(
  'a full disk refuses the write that needs a new segment, changes nothing, and takes it when there is room',
  () => {
    const { clock, platter } = aDiskWorld(1, { totalBytes: 20 * 1024 });
    const author = new Author();
    const { log } = openLog(clock, platter.disk);
    while (log.bytes < 14_000) writeGroup(clock, log, author.group(1, 1000));
    const before = log.bytes;
    const group = author.group(4, 1000); // Its first batches would fit.
    for (let i = 0; i < 3; i++) assert.is(writeGroup(clock, log, group).kind, 'full');
    assert.is(log.bytes, before);
    assert.equal(namesOf(openLog(clock, platter.disk).reported), namesOf(author.batches.slice(0, -4)));
    platter.faults.freeBytes = 100_000;
    assert.is(writeGroup(clock, log, group).kind, 'written');
    assert.equal(namesOf(openLog(clock, platter.restart()).reported), namesOf(author.batches));
  },
);

Segments('a failing fsync is final', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  platter.faults.failingFsync = true;
  assert.is(writeGroup(clock, log, author.group(1)).kind, 'failed');
  platter.faults.failingFsync = false;
  assert.throws(() => writeGroup(clock, log, author.group(1)), /A1/);
});

Segments('rot that is found by reading is reported, never left out', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  for (let i = 0; i < 20; i++) writeGroup(clock, log, [author.next(1, 100)], author.end.index);
  platter.flip('segment-0000000001', 2000);
  const outcome = call(clock, (done: Parameters<SegmentedLog['read']>[2]) => log.read(0, 100_000, done));
  assert.is(outcome.kind, 'damaged');
  platter.flip('segment-0000000001', 2000);
  assert.equal(namesOf(readAll(clock, log)), namesOf(author.batches));
});

Segments('an order to replace committed entries stops the node', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const { log } = openLog(clock, platter.disk);
  writeGroup(clock, log, author.group(5), 0);
  writeGroup(clock, log, author.group(1), 5);
  author.cut(3);
  const before = platter.content('segment-0000000001');
  assert.throws(() => writeGroup(clock, log, author.group(1), 5), /R7/);
  assert.ok(platter.content('segment-0000000001').equals(before), 'and not before it was written');
});

Segments('two writes at once, or one before recovery, are a bug of the caller', () => {
  const { clock, platter } = aDiskWorld();
  const author = new Author();
  const early = new SegmentedLog(platter.disk, smallSegments);
  assert.throws(() => early.write(author.group(1), 0, () => {}), /A1/);
  const { log } = openLog(clock, platter.disk);
  author.items = [];
  log.write(author.group(1), 0, () => {});
  assert.throws(() => log.write(author.group(1), 0, () => {}), /A1/);
});

Segments.run();
