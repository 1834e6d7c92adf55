/**
 * Any damage to a log or an identity on disk: what is found is a true beginning of what was written, and what a later
 * write proves to have been durable is missed (R-D3). The judge here knows the platter as it was.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { IdentityFile, type IdentityOutcome, identityName, type SaveOutcome } from '../../actors/log/identityFile.ts';
import type { LogItem, WriteOutcome } from '../../actors/log/segments.ts';
import { type Batch, decodeBatch } from '../../actors/protocol/batch.ts';
import type { Position } from '../../actors/protocol/epoch.ts';
import { type Identity, slotBytes } from '../../actors/protocol/identityRecord.ts';
import { findFrames, frameHeaderBytes, segmentHeaderBytes } from '../../actors/protocol/record.ts';
import {
  Author,
  aDiskWorld,
  call,
  type DiskWorld,
  namesOf,
  openLog,
  readAll,
  smallSegments,
  writeGroup,
} from '../support/logWorld.ts';
import { anyDamage, type Damage, damaged, damageInPlace, holds, part, record } from './property.ts';

// ------------------------------------------------------------------------------------------------------------ logs

/** One write: some batches, perhaps instead of the newest ones, by another leader; or a marker alone. */
interface Step {
  readonly batches: number;
  readonly bytes: number;
  readonly replaced: number;
  readonly isMarker: boolean;
}
const step: fc.Arbitrary<Step> = record({
  batches: fc.integer({ min: 1, max: 4 }),
  bytes: fc.oneof(fc.nat(100), fc.integer({ min: 300, max: 1500 })),
  replaced: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
  ),
  isMarker: fc.nat(9).map((value) => value === 0),
});

/** What befalls the disk: a segment is named by its part of all of them. */
type Blow =
  | { readonly kind: 'rot'; readonly segment: number; readonly damage: Damage }
  /** Exactly this frame, or exactly everything from it on. */
  | {
      readonly kind: 'frame';
      readonly segment: number;
      readonly frame: number;
      readonly toEnd: boolean;
      readonly fill: number;
    }
  /** A frame comes to stand elsewhere, as a disk writes a sector to the wrong place. */
  | { readonly kind: 'moved'; readonly segment: number; readonly frame: number; readonly to: number }
  | { readonly kind: 'header'; readonly segment: number; readonly fill: number }
  | { readonly kind: 'lost'; readonly segment: number }
  | { readonly kind: 'swapped'; readonly segment: number; readonly other: number };
const fill = fc.constantFrom(0, 0, 0xd1, 0xff);
const blow: fc.Arbitrary<Blow> = fc.oneof(
  { weight: 6, arbitrary: record({ kind: fc.constant('rot' as const), segment: part, damage: damageInPlace }) },
  {
    weight: 4,
    arbitrary: record({ kind: fc.constant('frame' as const), segment: part, frame: part, toEnd: fc.boolean(), fill }),
  },
  { weight: 3, arbitrary: record({ kind: fc.constant('moved' as const), segment: part, frame: part, to: part }) },
  { weight: 2, arbitrary: record({ kind: fc.constant('header' as const), segment: part, fill }) },
  { weight: 1, arbitrary: record({ kind: fc.constant('lost' as const), segment: part }) },
  { weight: 1, arbitrary: record({ kind: fc.constant('swapped' as const), segment: part, other: part }) },
);

interface Story extends DiskWorld {
  readonly author: Author;
}

function written(steps: readonly Step[]): Story {
  const world = aDiskWorld();
  const author = new Author();
  const { log } = openLog(world.clock, world.platter.restart());
  let commit = 0;
  for (const { batches, bytes, replaced, isMarker } of steps) {
    if (isMarker && author.end.index > commit) {
      commit = author.end.index;
      call<WriteOutcome>(world.clock, (done) => log.mark(commit, done));
      continue;
    }
    const uncommitted = author.items.filter(({ batch }) => batch.baseIndex > commit).length;
    if (replaced > 0 && uncommitted > 0) author.cut(Math.min(replaced, uncommitted));
    const before = author.items.length;
    writeGroup(world.clock, log, author.group(batches, bytes), commit);
    commit = Math.max(commit, author.items[before - 2]?.batch.endIndex ?? 0);
  }
  world.clock.advance(200); // The next segment may be on its way.
  return { ...world, author };
}

interface Kept {
  readonly segment: number;
  readonly offset: number;
  readonly writeStart: number;
  /** Header and batch, without what pads them. */
  readonly bytes: Buffer;
  readonly item: LogItem | null;
}
const segmentNames = ({ platter }: Story): string[] => platter.names.filter((name) => name.startsWith('segment-'));
const numberOf = (name: string): number => Number(name.slice('segment-'.length));

/** Every frame on the platter, in the order of the files. */
function framesOn(story: Story): Kept[] {
  return segmentNames(story).flatMap((name) => {
    const content = story.platter.content(name);
    const segment = numberOf(name);
    return [...findFrames(content, { segment, offset: 0 })].map((header): Kept => {
      const { offset, writeStart, previous, batchBytes } = header;
      const bytes = content.subarray(offset, offset + frameHeaderBytes + batchBytes);
      const batch = batchBytes === 0 ? null : decodeBatch(Buffer.from(bytes.subarray(frameHeaderBytes)));
      if (batch === 'malformed') throw new Error('a frame of no batch');
      return { segment, offset, writeStart, bytes, item: batch && { previous, batch } };
    });
  });
}

function strike(story: Story, blows: readonly Blow[], frames: readonly Kept[]): void {
  const { platter } = story;
  for (const blow of blows) {
    const names = segmentNames(story);
    const name = names[Math.floor(blow.segment * names.length)];
    if (name === undefined) return;
    const content = platter.content(name);
    switch (blow.kind) {
      case 'rot':
        // The written part is what matters; now and then the rest.
        platter.overwrite(name, 0, damaged(content.subarray(0, content.length), [blow.damage]));
        break;
      case 'frame': {
        const own = frames.filter(({ segment }) => segment === numberOf(name));
        const frame = own[Math.floor(blow.frame * own.length)];
        if (!frame) break;
        const end = blow.toEnd ? content.length : frame.offset + frame.bytes.length;
        platter.overwrite(name, frame.offset, Buffer.alloc(end - frame.offset, blow.fill));
        break;
      }
      case 'moved': {
        const own = frames.filter(({ segment }) => segment === numberOf(name));
        const [from, to] = [blow.frame, blow.to].map((where) => own[Math.floor(where * own.length)]);
        if (!from || !to) break;
        // In the place of another one, or behind the last.
        const last = own.at(-1) as Kept;
        const at = from === to ? (last.offset + last.bytes.length + 7) & ~7 : to.offset;
        platter.overwrite(name, at, from.bytes.subarray(0, content.length - at));
        break;
      }
      case 'header':
        platter.overwrite(name, 0, Buffer.alloc(segmentHeaderBytes, blow.fill));
        break;
      case 'lost':
        platter.wipe(name);
        break;
      case 'swapped': {
        const other = names[Math.floor(blow.other * names.length)] as string;
        const theirs = platter.content(other);
        platter.overwrite(other, 0, content);
        platter.overwrite(name, 0, theirs);
      }
    }
  }
}

/** What stands in the log after these frames. */
function replayed(frames: readonly Kept[]): LogItem[] {
  const items: LogItem[] = [];
  for (const { item } of frames) {
    if (!item) continue;
    while ((items.at(-1)?.batch.endIndex ?? 0) > item.previous.index) items.pop();
    items.push(item);
  }
  return items;
}

interface Judgement {
  /** What stands before the first place that is not as it was. */
  readonly items: LogItem[];
  /** A record of a later write is still whole: what is missing had been durable. */
  readonly isProven: boolean;
}

function judge(story: Story, frames: readonly Kept[], headers: ReadonlyMap<number, Buffer>): Judgement {
  const now = new Map(segmentNames(story).map((name) => [numberOf(name), story.platter.content(name)]));
  const isHeaderWhole = (segment: number): boolean =>
    headers.get(segment)?.equals(now.get(segment)?.subarray(0, segmentHeaderBytes) ?? Buffer.alloc(0)) ?? false;
  const isWhole = ({ segment, offset, bytes }: Kept): boolean =>
    now
      .get(segment)
      ?.subarray(offset, offset + bytes.length)
      .equals(bytes) ?? false;
  const firstBad = frames.findIndex((frame) => !isHeaderWhole(frame.segment) || !isWhole(frame));
  const hasGap = [...now.keys()].some((number, i) => number !== i + 1);
  if (firstBad < 0) return { items: replayed(frames), isProven: hasGap };
  const bad = frames[firstBad] as Kept;
  const place = isHeaderWhole(bad.segment) ? bad.offset : 0;
  // Where one blow leaves only zeros, as at the end of a segment, and another one takes the beginning of the next, with its
  // first frame, then what is left of that one's first write looks like a write that was torn.
  const isErased =
    now
      .get(bad.segment)
      ?.subarray(place)
      .every((byte) => byte === 0) ?? true;
  const hasBeginning = (segment: number): boolean =>
    isHeaderWhole(segment) ||
    frames.some((frame) => frame.segment === segment && frame.offset === 64 && isWhole(frame));
  const looksTorn = (frame: Kept): boolean =>
    isErased && frame.segment === bad.segment + 1 && frame.writeStart === 0 && !hasBeginning(frame.segment);
  const isProof = (frame: Kept): boolean =>
    (frame.segment > bad.segment || frame.writeStart > place) && isWhole(frame) && !looksTorn(frame);
  const isProven =
    hasGap ||
    frames.slice(firstBad).some(isProof) ||
    [...headers.keys()].some((segment) => segment > bad.segment && isHeaderWhole(segment));
  return { items: replayed(frames.slice(0, firstBad)), isProven };
}

const batchesOf = (items: readonly LogItem[]): Batch[] => items.map(({ batch }) => batch);

const Logs = suite('any damage: logs');

Logs('are found as they were up to the first bad place, which is called damage when something came later', () => {
  holds(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.array(blow, { minLength: 1, maxLength: 3 }),
      (steps, blows) => {
        const story = written(steps);
        const frames = framesOn(story);
        const headers = new Map(
          [...new Set(frames.map(({ segment }) => segment))].map((segment) => [
            segment,
            story.platter.content(`segment-${String(segment).padStart(10, '0')}`).subarray(0, segmentHeaderBytes),
          ]),
        );
        assert.equal(namesOf(batchesOf(replayed(frames))), namesOf(story.author.batches), 'the judge knows the log');
        strike(story, blows, frames);
        const { items, isProven } = judge(story, frames, headers);

        const { recovered, reported, log } = openLog(story.clock, story.platter.restart());
        assert.equal(namesOf(reported), namesOf(batchesOf(items)));
        assert.is(recovered.verdict.kind === 'damaged', isProven, recovered.verdict.kind);
        if (recovered.verdict.kind === 'damaged') {
          assert.is(call<WriteOutcome>(story.clock, (done) => log.quarantine(done)).kind, 'written');
        }
        goesOn(story, items, recovered.last);
      },
    ),
    1,
  );
});

Logs(
  'whose segment was erased, with the header of the next one, are damaged: the next one continues what is gone',
  () => {
    // The second segment has one write only, so that nothing in it says of itself that something came before.
    const story = written(Array<Step>(4).fill({ batches: 4, bytes: 1156, replaced: 0, isMarker: false }));
    const frames = framesOn(story);
    assert.ok(frames.some(({ segment }) => segment === 2));
    assert.ok(frames.every(({ segment, writeStart }) => segment === 1 || (segment === 2 && writeStart === 0)));
    strike(
      story,
      [
        { kind: 'frame', segment: 0, frame: 0, toEnd: true, fill: 0 },
        { kind: 'header', segment: 0.5, fill: 0 },
      ],
      frames,
    );
    assert.is(openLog(story.clock, story.platter.restart()).recovered.verdict.kind, 'damaged');
  },
);

/** The log takes writes again, and has all of them after the next start. */
function goesOn(story: Story, items: readonly LogItem[], last: Position): void {
  const { clock, platter, author } = story;
  author.items = [...items];
  author.resume(last);
  const { log } = openLog(clock, platter.restart());
  for (let i = 0; i < 3; i++) assert.is(writeGroup(clock, log, author.group(2, 900), last.index).kind, 'written');
  assert.equal(namesOf(readAll(clock, log, 0, 20_000)), namesOf(author.batches));
  const { recovered, reported } = openLog(clock, platter.restart());
  assert.is(recovered.verdict.kind, 'clean');
  assert.equal(namesOf(reported), namesOf(author.batches));
}

Logs('of which nothing was written but noise are empty, or damaged', () => {
  holds(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 3 }), (pieces) => {
      const world = aDiskWorld();
      for (const [i, piece] of pieces.entries()) {
        const content = Buffer.alloc(smallSegments.segmentBytes);
        content.set(piece);
        world.platter.put(`segment-000000000${i + 1}`, content);
      }
      const { reported } = openLog(world.clock, world.platter.restart());
      assert.equal(reported, []);
    }),
    0.5,
  );
});
Logs.run();

// -------------------------------------------------------------------------------------------------------- identity

const identityAt = (promised: number): Identity => ({
  clusterId: 'c',
  nodeId: 1,
  incarnation: 'i',
  roster: new Map([[1, 'i']]),
  membership: [1],
  promised,
  boot: promised,
  damaged: false,
});

const Identities = suite('any damage: identity');

Identities('a promise never goes back: with one slot whole the newest is found, with none at most nothing', () => {
  const inSlot = record({ slot: fc.nat(1), damage: anyDamage });
  holds(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(inSlot, { maxLength: 4 }), (saves, damages) => {
      const { clock, platter } = aDiskWorld();
      const first = new IdentityFile(platter.restart());
      call<IdentityOutcome>(clock, (done) => first.read(done));
      for (let n = 1; n <= saves; n++) call<SaveOutcome>(clock, (done) => first.save(identityAt(n), done));
      const whole = platter.content(identityName);
      for (const { slot, damage } of damages) {
        const at = slot * slotBytes;
        const changed = damaged(platter.content(identityName).subarray(at, at + slotBytes), [damage]);
        platter.overwrite(identityName, at, changed.subarray(0, slotBytes));
      }
      const isWhole = (slot: number): boolean => {
        const [from, to] = [slot * slotBytes, (slot + 1) * slotBytes];
        return platter.content(identityName).subarray(from, to).equals(whole.subarray(from, to));
      };
      const again = new IdentityFile(platter.restart());
      const outcome = call<IdentityOutcome>(clock, (done) => again.read(done));
      if (outcome.kind === 'found') assert.equal(outcome.identity, identityAt(saves));
      else assert.ok(!isWhole(0) && !isWhole(1), `${outcome.kind} although a slot is whole`);
      if (outcome.kind !== 'found') assert.ok(outcome.kind === 'lost' || outcome.kind === 'empty disk', outcome.kind);
    }),
    2,
  );
});
Identities.run();
