import { crc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LogItem, SegmentedLog, type WriteOutcome } from '../../actors/log/segments.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import type { Position } from '../../actors/protocol/epoch.ts';
import { findFrames } from '../../actors/protocol/record.ts';
import {
  Author,
  aDiskWorld,
  call,
  type DiskWorld,
  namesOf,
  type OpenedLog,
  openLog,
  readAll,
  smallSegments,
  writeGroup,
} from '../support/logWorld.ts';

const segment = (number: number): string => `segment-000000000${number}`;
const open = ({ clock, platter }: DiskWorld): OpenedLog => openLog(clock, platter.restart());

function quarantine({ clock }: DiskWorld, log: SegmentedLog): void {
  const outcome = call<WriteOutcome>(clock, (done) => log.quarantine(done));
  assert.is(outcome.kind, 'written');
}

/** Valid frames of a segment, in order. */
const framesOf = ({ platter }: DiskWorld, number: number) => [
  ...findFrames(platter.content(segment(number)), { segment: number, offset: 0 }),
];

/** Everything on the platter. */
const imageOf = ({ platter }: DiskWorld): string =>
  platter.names.map((name) => `${name}:${crc32(platter.content(name))}`).join(' ');

interface Story extends DiskWorld {
  readonly author: Author;
}

/** A log of groups of three batches, each group one write. */
function aLogOf(groups: number, bytes = 100, fill = 97): Story {
  const world = aDiskWorld();
  const author = new Author();
  const { log } = open(world);
  for (let i = 0; i < groups; i++) writeGroup(world.clock, log, author.group(3, bytes, fill), author.end.index - 3);
  return { ...world, author };
}

/** Starts, wants this verdict and this end, writes on, starts again and wants everything. */
function expectTorn(story: Story, end: Position): void {
  const { recovered, log } = open(story);
  assert.is(recovered.verdict.kind, 'torn');
  assert.equal(recovered.last, end);
  writeOn(story, log, end);
}

function writeOn(story: Story, log: SegmentedLog, end: Position): void {
  story.author.resume(end);
  for (let i = 0; i < 4; i++) {
    const written = writeGroup(story.clock, log, story.author.group(2, 150), end.index);
    assert.is(written.kind, 'written');
  }
  assert.equal(namesOf(readAll(story.clock, log, 0, 50_000)), namesOf(story.author.batches));
  const again = open(story);
  assert.is(again.recovered.verdict.kind, 'clean');
  assert.equal(namesOf(again.reported), namesOf(story.author.batches));
}

/** Starts, wants damage and nothing touched; quarantines; wants this end, nothing deleted, and a log that works. */
function expectDamage(story: Story, end: Position): void {
  const before = imageOf(story);
  const rotten = story.platter.names.map((name) => story.platter.content(name));
  const { recovered, log, reported } = open(story);
  assert.is(recovered.verdict.kind, 'damaged');
  assert.equal(recovered.last, end);
  assert.is(reported.at(-1)?.endIndex ?? 0, end.index);
  assert.is(imageOf(story), before, 'something was touched');
  quarantine(story, log);
  for (const content of rotten) {
    const kept = story.platter.names.some((name) => story.platter.content(name).equals(content));
    assert.ok(kept, 'something was deleted');
  }
  writeOn(story, log, end);
}

// ------------------------------------------------------------------------------------------------------ torn tails

const Torn = suite('recovery: torn tails');

Torn('of a group of which a later frame is lost, the frames before it stay', () => {
  const story = aLogOf(5);
  const last = framesOf(story, 1).at(-2);
  story.platter.overwrite(segment(1), last?.offset ?? 0, Buffer.alloc(last?.bytes ?? 0));
  expectTorn(story, { ...story.author.end, index: 13 });
});

Torn('a valid frame of the same write proves nothing', () => {
  const story = aLogOf(5);
  const first = framesOf(story, 1).at(-3);
  story.platter.flip(segment(1), (first?.offset ?? 0) + 70);
  expectTorn(story, { ...story.author.end, index: 12 });
});

Torn('garbage behind the end is not taken for anything, and becomes zeros', () => {
  const story = aLogOf(5);
  const end = story.author.end;
  story.platter.overwrite(segment(1), 12_000, Buffer.alloc(700, 0xd1));
  expectTorn(story, end);
});

Torn('garbage in a segment that was only prepared becomes zeros', () => {
  const story = aLogOf(15);
  story.clock.advance(100);
  assert.is(framesOf(story, 2).length, 0);
  story.platter.overwrite(segment(2), 5000, Buffer.alloc(700, 0xd1));
  const { recovered } = open(story);
  assert.is(recovered.verdict.kind, 'torn');
  assert.ok(story.platter.content(segment(2)).every((byte) => byte === 0));
  assert.equal(recovered.last, story.author.end);
});

Torn('the first write of a segment torn: the segments before it stay, and it is blank again', () => {
  const story = aLogOf(40);
  const { author } = story;
  const frames = framesOf(story, 2);
  const firstWrite = frames.filter(({ writeStart }) => writeStart === 0);
  // Forget every write but the first in segment 2, and lose the header and the first frame of that.
  const content = story.platter.content(segment(2));
  const end = (firstWrite.at(-1)?.offset ?? 0) + (firstWrite.at(-1)?.bytes ?? 0);
  story.platter.overwrite(segment(2), end, Buffer.alloc(content.length - end));
  for (const name of story.platter.names) if (name > segment(2)) story.platter.wipe(name);
  story.platter.overwrite(segment(2), 0, Buffer.alloc(128));
  const lastKept = (firstWrite[0]?.previous.index ?? 0) as number;
  expectTorn(story, { epoch: author.end.epoch, index: lastKept });
});

Torn('a write that was cut in its middle, and the next one torn too: still only torn', () => {
  const story = aLogOf(5);
  const frames = framesOf(story, 1);
  story.platter.overwrite(segment(1), frames.at(-2)?.offset ?? 0, Buffer.alloc(frames.at(-2)?.bytes ?? 0));
  const { recovered, log } = open(story);
  assert.is(recovered.verdict.kind, 'torn');
  story.author.resume(recovered.last);
  writeGroup(story.clock, log, story.author.group(3, 100), 0);
  const next = framesOf(story, 1).at(-3);
  story.platter.flip(segment(1), (next?.offset ?? 0) + 8);
  expectTorn(story, recovered.last);
});

Torn('a client that stores a log in the log forges no proof', () => {
  const story = aLogOf(5);
  const { log, recovered } = open(story);
  const inner = story.platter.content(segment(1)).subarray(0, 5000);
  const item = story.author.next(1, 5000);
  inner.copy(item.batch.bytes, item.batch.bytes.length - 5000);
  item.batch.bytes.writeUInt32BE(crc32(item.batch.bytes.subarray(8)), 4);
  writeGroup(story.clock, log, [item], 0);
  const frame = framesOf(story, 1).at(-1);
  story.platter.flip(segment(1), (frame?.offset ?? 0) + 8);
  expectTorn(story, recovered.last);
});

Torn('what a killed process left in the cache is on the platter once the log is open', () => {
  for (let seed = 0; seed < 40; seed++) {
    const world = aDiskWorld(seed);
    const author = new Author();
    const { log } = open(world);
    writeGroup(world.clock, log, author.group(2));
    log.write(author.group(3), 0, () => assert.unreachable());
    world.platter.crash('kill');
    assert.equal(open(world).recovered.last, author.end);
    world.platter.crash('power');
    assert.equal(open(world).recovered.last, author.end, `seed ${seed}`);
  }
});

Torn('what a failed fsync left in the cache is on the platter once the log is open', () => {
  for (let seed = 0; seed < 40; seed++) {
    const world = aDiskWorld(seed);
    const author = new Author();
    const { log } = open(world);
    writeGroup(world.clock, log, author.group(2));
    world.platter.faults.failingFsync = true;
    assert.is(writeGroup(world.clock, log, author.group(3)).kind, 'failed');
    world.platter.faults.failingFsync = false;
    world.platter.crash('kill');
    const { recovered } = open(world);
    world.platter.crash('power');
    assert.equal(open(world).recovered.last, recovered.last, `seed ${seed}`);
  }
});

Torn('a frame of a newer program is neither torn nor damaged: nothing is touched and the start fails', () => {
  const story = aLogOf(3);
  const frame = framesOf(story, 1).at(-1);
  const at = frame?.offset ?? 0;
  const content = story.platter.content(segment(1));
  content[at + 8] = 2;
  content.writeUInt32BE(crc32(content.subarray(at + 8, at + 64), (0x9e37_79b1 + at) >>> 0), at + 4);
  story.platter.overwrite(segment(1), 0, content);
  const before = imageOf(story);
  assert.throws(() => open(story), /newer version/);
  assert.is(imageOf(story), before);
});

Torn.run();

// ---------------------------------------------------------------------------------------------------------- damage

const Damage = suite('recovery: damage');

Damage('rot in a frame of an older write of the last segment', () => {
  for (const part of [0, 4, 8, 40, 64, 90]) {
    const story = aLogOf(5);
    const frame = framesOf(story, 1)[7];
    story.platter.flip(segment(1), (frame?.offset ?? 0) + part);
    expectDamage(story, { ...story.author.end, index: 7 });
  }
});

Damage('the last frame of a write, once a later write stands behind it', () => {
  const story = aLogOf(5);
  const frame = framesOf(story, 1).at(-4);
  story.platter.flip(segment(1), (frame?.offset ?? 0) + 90);
  expectDamage(story, { ...story.author.end, index: 11 });
});

Damage('a marker behind the last write proves that it was fsynced', () => {
  const story = aLogOf(5);
  const { log } = open(story);
  call<WriteOutcome>(story.clock, (done) => log.mark(15, done));
  const frame = framesOf(story, 1).at(-2);
  story.platter.flip(segment(1), (frame?.offset ?? 0) + 90);
  expectDamage(story, { ...story.author.end, index: 14 });
});

Damage('a rotten marker among the writes', () => {
  const story = aLogOf(5);
  const { log } = open(story);
  call<WriteOutcome>(story.clock, (done) => log.mark(15, done));
  writeGroup(story.clock, log, story.author.group(1));
  const frame = framesOf(story, 1).at(-2);
  story.platter.flip(segment(1), (frame?.offset ?? 0) + 20);
  expectDamage(story, { ...story.author.end, index: 15 });
});

Damage('one byte in a sealed segment in the middle', () => {
  const story = aLogOf(100);
  const frames = framesOf(story, 2);
  const frame = frames[Math.floor(frames.length / 2)];
  story.platter.flip(segment(2), (frame?.offset ?? 0) + 80);
  expectDamage(story, { ...story.author.end, index: frame?.previous.index ?? 0 });
});

Damage('the last frame of a sealed segment, rotten or all zeros', () => {
  for (const zeros of [false, true]) {
    const story = aLogOf(100);
    const frame = framesOf(story, 1).at(-1);
    if (zeros) story.platter.overwrite(segment(1), frame?.offset ?? 0, Buffer.alloc(frame?.bytes ?? 0));
    else story.platter.flip(segment(1), (frame?.offset ?? 0) + 80);
    expectDamage(story, { ...story.author.end, index: frame?.previous.index ?? 0 });
  }
});

Damage('the header of the first, a middle and the last segment', () => {
  for (const number of [1, 2, 3]) {
    const story = aLogOf(100);
    const first = framesOf(story, number)[0];
    story.platter.flip(segment(number), 20);
    const index = first?.previous.index ?? 0;
    expectDamage(story, { epoch: index === 0 ? 0 : story.author.end.epoch, index });
  }
});

Damage('a segment that is all zeros, or missing, or the first missing', () => {
  for (const what of ['zeros', 'missing', 'first']) {
    const story = aLogOf(100);
    const index = what === 'first' ? 0 : (framesOf(story, 2)[0]?.previous.index ?? 0);
    if (what === 'zeros') story.platter.overwrite(segment(2), 0, Buffer.alloc(smallSegments.segmentBytes));
    else story.platter.wipe(segment(what === 'first' ? 1 : 2));
    expectDamage(story, { epoch: index === 0 ? 0 : story.author.end.epoch, index });
  }
});

Damage('two segments that changed places', () => {
  const story = aLogOf(100);
  const index = framesOf(story, 2)[0]?.previous.index ?? 0;
  const [second, third] = [story.platter.content(segment(2)), story.platter.content(segment(3))];
  story.platter.overwrite(segment(2), 0, third);
  story.platter.overwrite(segment(3), 0, second);
  // Frames at a foreign place are no frames (record.ts A2): segment 4 is what proves that there were some.
  assert.ok(framesOf(story, 4).length > 0);
  expectDamage(story, { ...story.author.end, index });
});

Damage('frames of another log at their very places', () => {
  const story = aLogOf(5);
  const other = aLogOf(5, 100, 98).platter.content(segment(1));
  const frame = framesOf(story, 1)[6];
  const at = frame?.offset ?? 0;
  story.platter.overwrite(segment(1), at, other.subarray(at, at + (frame?.bytes ?? 0) * 3));
  expectDamage(story, { ...story.author.end, index: 6 });
});

Damage('a segment of another log in its very place', () => {
  const story = aLogOf(100);
  const index = framesOf(story, 2)[0]?.previous.index ?? 0;
  story.platter.overwrite(segment(2), 0, aLogOf(100, 100, 98).platter.content(segment(2)));
  expectDamage(story, { ...story.author.end, index });
});

Damage('a segment of another log with one write only, in its very place', () => {
  let groups = 12;
  while (aLogOf(groups, 200).platter.names.length < 2 || framesOf(aLogOf(groups, 200), 2).length === 0) groups++;
  const story = aLogOf(groups, 200);
  const index = framesOf(story, 2)[0]?.previous.index ?? 0;
  assert.ok(framesOf(story, 2).every(({ writeStart }) => writeStart === 0));
  story.platter.overwrite(segment(2), 0, aLogOf(groups, 200, 98).platter.content(segment(2)));
  expectDamage(story, { ...story.author.end, index });
});

Damage('rot in padding, or in the empty rest of a sealed segment, harms nothing', () => {
  const story = aLogOf(100);
  const last = framesOf(story, 1).at(-1);
  story.platter.flip(segment(1), (last?.offset ?? 0) + (last?.bytes ?? 0) + 8);
  const { recovered, reported } = open(story);
  assert.is(recovered.verdict.kind, 'clean');
  assert.equal(namesOf(reported), namesOf(story.author.batches));
});

Damage(
  'any flipped bit anywhere gives the whole log, a torn last write, or damage: never a wrong log in silence',
  () => {
    for (let seed = 0; seed < 120; seed++) {
      const story = aLogOf(30);
      const dice = aDiskWorld(`flip ${seed}`).dice;
      const numbers = [1, 2, 3].filter((number) => story.platter.names.includes(segment(number)));
      const number = dice.pick(numbers);
      story.platter.flip(segment(number), dice.int(smallSegments.segmentBytes), dice.int(8));
      const { recovered, reported } = open(story);
      const all = namesOf(story.author.batches);
      assert.equal(namesOf(reported), all.slice(0, reported.length));
      const lastGroup = reported.length >= all.length - 3;
      assert.ok(recovered.verdict.kind === 'damaged' || lastGroup, `seed ${seed}: ${reported.length}`);
    }
  },
);

Damage('a crash at any moment of the quarantine leaves a log that can be opened or quarantined again', () => {
  for (let seed = 0; seed < 60; seed++) {
    const story = aLogOf(60);
    const { platter, clock } = story;
    const dice = aDiskWorld(`quarantine ${seed}`).dice;
    const frames = framesOf(story, 2);
    const frame = dice.pick(frames.slice(0, -3));
    platter.flip(segment(2), frame.offset + 30);
    const rotten = platter.content(segment(2));
    let opened = open(story);
    for (let crash = 0; crash < 3 && opened.recovered.verdict.kind === 'damaged'; crash++) {
      opened.log.quarantine(() => {});
      clock.advance(dice.between(0, 30));
      platter.crash('power');
      opened = open(story);
    }
    if (opened.recovered.verdict.kind === 'damaged') quarantine(story, opened.log);
    assert.equal(opened.recovered.last, { ...story.author.end, index: frame.previous.index }, `seed ${seed}`);
    assert.ok(
      platter.names.some((name) => platter.content(name).equals(rotten)),
      `seed ${seed}: the rot is gone`,
    );
    writeOn(story, opened.log, opened.recovered.last);
  }
});

Damage.run();

// ------------------------------------------------------------------------------------------------------ power cuts

const PowerCuts = suite('recovery: power cuts');

/** What the log may be after a crash: what was durable, and any number of the items in flight on top of it. */
function possibleLogs(durable: readonly LogItem[], inFlight: readonly LogItem[]): LogItem[][] {
  const logs = [[...durable]];
  for (const item of inFlight) {
    const kept = [...(logs.at(-1) as LogItem[])];
    while ((kept.at(-1)?.batch.endIndex ?? 0) > item.previous.index) kept.pop();
    logs.push([...kept, item]);
  }
  return logs;
}

/** From the end, where they differ if they do. */
function sameLog(items: readonly LogItem[], batches: readonly Batch[]): boolean {
  if (items.length !== batches.length) return false;
  for (let i = items.length - 1; i >= 0; i--) {
    if (!items[i]?.batch.bytes.equals((batches[i] as Batch).bytes)) return false;
  }
  return true;
}

PowerCuts(
  'over 1,000 power cuts in the middle of group commits nothing acknowledged is lost and nothing is damage',
  () => {
    let torn = 0;
    for (let seed = 0; seed < 50; seed++) {
      const world = aDiskWorld(`cuts ${seed}`, { createMs: [0.5, 3] });
      const { clock, dice, platter } = world;
      const author = new Author();
      let commit = 0;
      let durableCommit = 0;
      let { log } = open(world);
      for (let cut = 0; cut < 20; cut++) {
        let durable = [...author.items];
        let inFlight: LogItem[] = [];
        const write = (): void => {
          durable = [...author.items];
          inFlight = [];
          commit = dice.chance(0.7) ? dice.pick([commit, author.end.index]) : commit;
          if (dice.chance(0.2)) {
            log.mark(commit, write);
            return;
          }
          const replaceable = author.items.filter(({ previous }) => previous.index >= commit).length;
          if (dice.chance(0.3)) author.cut(dice.int(replaceable + 1));
          for (let i = dice.int(6); i >= 0; i--) inFlight.push(author.next(1 + dice.int(3), dice.int(750)));
          const sent = commit;
          log.write(inFlight, commit, ({ kind }) => {
            assert.is(kind, 'written');
            durableCommit = sent;
            write();
          });
        };
        write();
        clock.advance(dice.between(0, 6));
        platter.crash(dice.chance(0.8) ? 'power' : 'kill');
        if (dice.chance(0.3)) {
          // Another one while the first is being repaired.
          new SegmentedLog(platter.restart(), smallSegments).recover({}, () => {});
          clock.advance(dice.between(0, 3));
          platter.crash('power');
        }
        const opened = open(world);
        const { verdict, last, commit: found } = opened.recovered;
        assert.is.not(verdict.kind, 'damaged', `seed ${seed} cut ${cut}: ${JSON.stringify(verdict)}`);
        if (verdict.kind === 'torn') torn++;
        const { reported } = opened;
        const isPossible = possibleLogs(durable, inFlight).some((items) => sameLog(items, reported));
        assert.ok(isPossible, `seed ${seed} cut ${cut}: ${reported.length} batches, end ${last.index}`);
        assert.ok(
          found >= durableCommit && found <= commit,
          `commit ${found}, durable ${durableCommit}, was ${commit}`,
        );
        author.items = opened.reported.map((batch, i) => ({
          previous: opened.reported[i - 1]?.end ?? { epoch: 0, index: 0 },
          batch,
        }));
        author.resume(last);
        if (cut % 4 === 0) assert.ok(sameLog(author.items, readAll(clock, opened.log, 0, 100_000)));
        commit = found;
        durableCommit = found;
        log = opened.log;
      }
    }
    assert.ok(torn > 150, `only ${torn} were torn`);
  },
);

PowerCuts.run();
