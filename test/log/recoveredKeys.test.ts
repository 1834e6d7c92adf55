/** The table of idempotency keys after a start is the one before it: a function of the committed log (PROTOCOL §8). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { recoverNode, type StartOutcome } from '../../actors/log/startup.ts';
import type { Batch } from '../../actors/protocol/batch.ts';
import { start as nothing } from '../../actors/protocol/epoch.ts';
import { type KeptKeys, KeyTable, keyedWrites } from '../../actors/protocol/keyTable.ts';
import { aBatch, aWrite, e, noFailpoints, nothingBefore } from '../support/actorWorld.ts';
import { aDiskWorld, call, type DiskWorld, smallSegments, writeGroup } from '../support/logWorld.ts';

const Keys = suite('idempotency keys after a start');

/** Batches of three writes, of which the first ones of some have keys. */
function aLog({ dice }: DiskWorld, batches: number): Batch[] {
  const made: Batch[] = [];
  for (let i = 0; i < batches; i++) {
    const writes = Array.from({ length: 3 }, (_, w) =>
      aWrite({ n: i * 3 + w, ...(dice.chance(0.4) && { key: `${i}/${w}` }) }),
    );
    made.push(aBatch(made.at(-1) ?? nothingBefore, e(1, 1), writes));
  }
  return made;
}

/** Starts a node on what this disk has kept. */
function start({ clock, platter, dice }: DiskWorld, kept: KeptKeys): StartOutcome & { readonly kind: 'recovered' } {
  const outside = { disk: platter.restart(), dice, log: { write: () => {} }, failpoints: noFailpoints };
  const sizes = { segmentBytes: smallSegments.segmentBytes, tailBytes: smallSegments.cacheBytes, memory: false };
  const input = { nodeId: 1, voters: [1], ...outside, ...sizes, ...kept };
  const outcome = call<StartOutcome>(clock, (done) => recoverNode(input, done));
  if (outcome.kind === 'failed') throw new Error(outcome.reason);
  return outcome;
}

/** Each batch a write of its own, which says that all but the last `lag` before it are committed. */
function store(world: DiskWorld, batches: readonly Batch[], lag: number): void {
  const { segments } = start(world, { keptEntries: 1, keptKeys: 1 }).desk;
  batches.forEach((batch, i) => {
    const previous = batches[i - 1]?.end ?? nothing;
    writeGroup(world.clock, segments, [{ previous, batch }], batches[i - lag]?.endIndex ?? 0);
  });
}

for (const kept of [
  { keptEntries: 1000, keptKeys: 1000 },
  { keptEntries: 30, keptKeys: 1000 },
  { keptEntries: 1000, keptKeys: 12 },
  { keptEntries: 40, keptKeys: 12 },
])
  Keys(`are those of before: ${kept.keptEntries} entries, ${kept.keptKeys} keys`, () => {
    for (const lag of [1, 2, 40]) {
      const world = aDiskWorld(lag);
      const batches = aLog(world, 120);
      store(world, batches, lag);
      const { keys, log } = start(world, kept).recovered;
      const { commit } = log;
      assert.is(commit, batches.at(-1 - lag)?.endIndex);
      const before = new KeyTable(kept);
      for (const batch of batches) if (batch.endIndex <= commit) before.commit(batch);
      assert.is(keys.size, before.size);
      assert.is(keys.floor, before.floor);
      assert.ok(before.size > 5);
      for (const [key] of batches.flatMap((batch) => keyedWrites(batch)))
        assert.equal(keys.get(key), before.get(key), key);
    }
  });

Keys.run();
