import { crc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { IdentityFile, type IdentityOutcome, type SaveOutcome } from '../../actors/log/identityFile.ts';
import { decodeSlot, type Identity, slotBytes } from '../../actors/protocol/identityRecord.ts';
import { aDiskWorld, call, type DiskWorld, openLog } from '../support/logWorld.ts';

const Identities = suite('identity file');

const virgin: Identity = {
  clusterId: null,
  nodeId: 3,
  incarnation: '00112233aabbccdd',
  roster: null,
  membership: [1, 2, 3],
  promised: 0,
  boot: 1,
  damaged: false,
};

function read({ clock, platter }: DiskWorld): { readonly file: IdentityFile; readonly outcome: IdentityOutcome } {
  const file = new IdentityFile(platter.restart());
  return { file, outcome: call<IdentityOutcome>(clock, (done) => file.read(done)) };
}
const save = ({ clock }: DiskWorld, file: IdentityFile, identity: Identity): SaveOutcome =>
  call<SaveOutcome>(clock, (done) => file.save(identity, done));

/** A disk whose node promised 10, and then 20. */
function aPromise(seed = 1): DiskWorld {
  const world = aDiskWorld(seed);
  const { file } = read(world);
  save(world, file, { ...virgin, promised: 10 });
  save(world, file, { ...virgin, promised: 20 });
  return world;
}
const promiseOf = (outcome: IdentityOutcome): number | string =>
  outcome.kind === 'found' ? outcome.identity.promised : outcome.kind;

function slotPromise({ platter }: DiskWorld, slot: number): number {
  const found = decodeSlot(platter.content('identity').subarray(slot * slotBytes, (slot + 1) * slotBytes));
  return typeof found === 'object' ? found.identity.promised : -1;
}

Identities('nothing at all is an empty disk, and what is saved there is found', () => {
  const world = aDiskWorld();
  const { file, outcome } = read(world);
  assert.is(outcome.kind, 'empty disk');
  const bound: Identity = { ...virgin, clusterId: 'c1', roster: new Map([[1, 'a']]), damaged: true };
  assert.is(save(world, file, bound).kind, 'saved');
  assert.equal(read(world).outcome, { kind: 'found', identity: bound });
});

Identities('a promise survives the rot of either slot', () => {
  for (const slot of [0, 1]) {
    const world = aPromise();
    world.platter.flip('identity', slot * slotBytes + 50);
    const { file, outcome } = read(world);
    assert.is(promiseOf(outcome), 20, `slot ${slot}`);
    save(world, file, { ...virgin, promised: 21 });
    world.platter.flip('identity', (1 - slot) * slotBytes + 50);
    assert.is(promiseOf(read(world).outcome), 21, `the other slot than ${slot}, later`);
  }
});

Identities('both slots unreadable: the identity is lost, and nothing may be saved over it', () => {
  const world = aPromise();
  world.platter.flip('identity', 50);
  world.platter.flip('identity', slotBytes + 50);
  const { file, outcome } = read(world);
  assert.is(outcome.kind, 'lost');
  assert.throws(() => save(world, file, virgin), /A2/);
});

Identities('segments without an identity: it is lost', () => {
  const world = aPromise();
  openLog(world.clock, world.platter.disk);
  world.platter.wipe('identity');
  assert.is(read(world).outcome.kind, 'lost');
});

Identities('a slot of a newer program is refused, not taken for rot', () => {
  const world = aPromise();
  const content = world.platter.content('identity').subarray(0, slotBytes);
  content[8] = 9;
  content.writeUInt32BE(crc32(content.subarray(8, 24 + content.readUInt32BE(12))), 4);
  world.platter.overwrite('identity', 0, content);
  assert.is(read(world).outcome.kind, 'failed');
});

Identities('a save calls back only when both slots hold it', () => {
  const world = aPromise();
  const { file } = read(world);
  file.save({ ...virgin, promised: 30 }, () => {
    for (const slot of [0, 1]) assert.is(slotPromise(world, slot), 30, `slot ${slot}`);
  });
  world.clock.advance(100);
});

Identities('saves asked for meanwhile become one, and everybody hears when it is durable', () => {
  const world = aPromise();
  const { file } = read(world);
  const heard: number[] = [];
  for (let promised = 31; promised <= 40; promised++) {
    file.save({ ...virgin, promised }, ({ kind }) => {
      assert.is(kind, 'saved');
      heard.push(promised);
      for (const slot of [0, 1]) assert.ok(slotPromise(world, slot) >= promised);
    });
  }
  const before = world.clock.now();
  while (heard.length < 10 && world.clock.runNext());
  assert.equal(heard, [31, 32, 33, 34, 35, 36, 37, 38, 39, 40]);
  assert.ok(world.clock.now() - before < 20, 'ten saves took as long as ten');
});

Identities('a failing disk fails every waiting save, and no later one succeeds', () => {
  const world = aPromise();
  const { file } = read(world);
  world.platter.faults.failingFsync = true;
  const kinds: string[] = [];
  file.save(virgin, ({ kind }) => kinds.push(kind));
  file.save(virgin, ({ kind }) => kinds.push(kind));
  world.clock.advance(100);
  assert.equal(kinds, ['failed', 'failed']);
});

Identities('a promise is saved on a full disk', () => {
  const world = aPromise();
  world.platter.faults.freeBytes = 0;
  const { file } = read(world);
  assert.is(save(world, file, { ...virgin, promised: 99 }).kind, 'saved');
});

Identities('a crash at any moment of the first save leaves an empty disk or the identity, never a lost one', () => {
  const found = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const world = aDiskWorld(seed, { createMs: [0.1, 0.5] });
    const { file } = read(world);
    let saved = false;
    file.save(virgin, () => {
      saved = true;
    });
    world.clock.advance(world.dice.between(0, 2));
    world.platter.crash('power');
    const { outcome } = read(world);
    assert.ok(outcome.kind === 'found' || (outcome.kind === 'empty disk' && !saved), `seed ${seed}: ${outcome.kind}`);
    found.add(`${outcome.kind} ${saved}`);
  }
  assert.is(found.size, 3);
});

Identities('with one slot rotten, a crash in the middle of the first save leaves the other one whole', () => {
  for (let seed = 0; seed < 400; seed++) {
    const world = aPromise(seed);
    world.platter.flip('identity', (seed % 2) * slotBytes + 50);
    const { file } = read(world);
    // More than one sector, so that it may tear.
    const roster = new Map([1, 2, 3, 4, 5, 6, 7].map((id) => [id, `${id}`.repeat(64)]));
    file.save({ ...virgin, roster, membership: [...roster.keys()], promised: 21 }, () => {});
    world.clock.advance(world.dice.between(0, 1));
    world.platter.crash('power');
    const found = promiseOf(read(world).outcome);
    assert.ok(found === 20 || found === 21, `seed ${seed}: ${found}`);
  }
});

Identities('over 500 crashes, with a slot rotting each time, no promise that was made goes back', () => {
  for (let seed = 0; seed < 25; seed++) {
    const world = aDiskWorld(seed);
    let made = 0;
    let { file } = read(world);
    save(world, file, virgin);
    for (let crash = 0; crash < 20; crash++) {
      let promised = made;
      const promise = (): void => {
        const mine = ++promised;
        file.save({ ...virgin, promised: mine }, () => {
          made = Math.max(made, mine);
          promise();
        });
      };
      promise();
      world.clock.advance(world.dice.between(0, 3));
      world.platter.crash(world.dice.chance(0.5) ? 'power' : 'kill');
      // Rot only of a slot that was at rest: while one is being written the other is all there is.
      const opened = read(world);
      const found = promiseOf(opened.outcome) as number;
      assert.ok(found >= made, `seed ${seed}: promised ${made}, found ${found}`);
      file = opened.file;
      save(world, file, { ...virgin, promised: found });
      made = found;
      world.platter.flip('identity', world.dice.int(2) * slotBytes + 30);
      const again = read(world);
      assert.is(promiseOf(again.outcome), made, `seed ${seed}, after rot`);
      file = again.file;
      save(world, file, { ...virgin, promised: made });
    }
  }
});

Identities.run();
