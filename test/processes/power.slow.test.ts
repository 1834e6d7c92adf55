/** Power cuts: what was not synced is gone for good, on all nodes at once, in the middle of writing and of starting. */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isDone } from '../history/checkers.ts';
import type { Append } from '../history/history.ts';
import { SeededDice } from '../support/dice.ts';
import { type Load, startLoad } from '../support/loadClient.ts';
import { allowed } from '../support/needs.ts';
import { pause, type RealCluster, tell } from '../support/realCluster.ts';
import { type Disks, reasonAgainstDisks, withDisks } from '../torture/root/disks.ts';
import { reasonAgainstTracing, slowLateSyncs } from '../torture/root/tracing.ts';

const Power = suite('a power cut');
const Cut = allowed(reasonAgainstDisks()) ? Power : Power.skip;
const Torn = allowed(reasonAgainstTracing()) ? Cut : Power.skip;

const dice = new SeededDice('power');
const lateSyncs = new URL('../torture/root/lateSyncs.js', import.meta.url).href;

const loadOf = (cluster: RealCluster, name: string, bytes = 0): Load =>
  startLoad({ name, targets: cluster.targets, connections: 32, patienceMs: 2_000, timeoutMs: 1_000, bytes });

async function started(cluster: RealCluster): Promise<void> {
  cluster.start();
  await cluster.ready();
}

/** Everybody's power is cut in the middle of a load; what came before and after is kept for the verdict. */
async function cutUnderLoad(
  cluster: RealCluster,
  disks: Disks,
  name: string,
  { writes, bytes = 0 }: { readonly writes: number; readonly bytes?: number },
): Promise<readonly Append[]> {
  const load = loadOf(cluster, name, bytes);
  await load.progress(writes);
  await disks.cutPower(...cluster.ids);
  const operations = await load.stop();
  await disks.restorePower(dice, ...cluster.ids);
  return operations;
}

Cut('takes what was not synced: what these tests show is not the mercy of the page cache', async () => {
  await withDisks({}, async (cluster, disks) => {
    const file = (name: string): string => join(disks.folder(1), name);
    writeFileSync(file('synced'), 'kept', { flush: true });
    writeFileSync(file('written'), 'lost');
    const fd = openSync(file('synced'), 'r+');
    writeSync(fd, 'gone', 0);
    closeSync(fd);
    assert.is(readFileSync(file('synced'), 'utf8'), 'gone');
    await disks.cutPower(1);
    await disks.restorePower(dice, 1);
    assert.is(readFileSync(file('synced'), 'utf8'), 'kept');
    assert.not.ok(existsSync(file('written')));
    assert.ok(cluster.nodes.every(({ running }) => !running));
  });
});

Cut('of all nodes under load loses nothing that was acknowledged', async () => {
  await withDisks({}, async (cluster, disks) => {
    const operations: Append[] = [];
    await started(cluster);
    for (let round = 0; round < 5; round++) {
      operations.push(...(await cutUnderLoad(cluster, disks, `round${round}`, { writes: 800 })));
      await started(cluster);
      assert.equal(await cluster.faults(operations), []);
    }
    tell(`5 cuts, ${operations.filter(isDone).length} messages acknowledged, none lost`);
    assert.is((await cluster.node(1).post('goes on')).status, 200);
  });
});

Cut('in the middle of making a segment leaves a log that all can read', async () => {
  await withDisks({}, async (cluster, disks) => {
    const operations: Append[] = [];
    await started(cluster);
    for (let round = 0; round < 3; round++) {
      // Half a segment and a bit: by then the next one is being filled with zeros, in pieces.
      const wanted = { writes: 90 + 10 * round, bytes: 100_000 };
      operations.push(...(await cutUnderLoad(cluster, disks, `round${round}`, wanted)));
      await started(cluster);
      assert.equal(await cluster.faults(operations), []);
    }
    tell(`3 cuts, ${operations.filter(isDone).length} messages of 100 kB acknowledged, none lost`);
  });
});

Torn(
  'may leave any part of what was not synced: every node still votes, and nothing acknowledged is lost',
  async () => {
    await withDisks({ env: { NODE_OPTIONS: `--import=${lateSyncs}` } }, async (cluster, disks) => {
      const events: Append[] = [];
      const sum = { unsynced: 0, kept: 0 };
      await started(cluster);
      for (let round = 0; round < 5; round++) {
        const load = loadOf(cluster, `round${round}`, 3_000);
        await load.progress(300);
        // Writes that wait for their fsync, the later ones with much that came meanwhile: else hardly any would be under way.
        const tracers = await Promise.all(cluster.nodes.map((node) => slowLateSyncs(node.process?.pid ?? 0, 900)));
        await pause(dice.between(950, 1_300));
        await disks.cutPowerOfCaches(...cluster.ids);
        await Promise.all(tracers.map((tracer) => tracer.detach()));
        events.push(...(await load.stop()));
        const { unsynced, kept } = await disks.restorePower(dice, ...cluster.ids);
        sum.unsynced += unsynced;
        sum.kept += kept;
        await started(cluster);
        assert.equal(await cluster.faults(events), []);
        for (const node of cluster.nodes) {
          assert.equal(
            node.logLines().filter(({ event }) => event === 'log_damaged'),
            [],
          );
        }
      }
      assert.ok(sum.kept > 0 && sum.kept < sum.unsynced, JSON.stringify(sum));
      tell(`5 cuts; of ${sum.unsynced} sectors that were not synced ${sum.kept} got onto the disks`);
    });
  },
);

Cut('while the nodes still read their logs after the last one changes nothing', async () => {
  await withDisks({}, async (cluster, disks) => {
    // From the very first start on: identity, cluster and log are made while the power goes.
    for (let n = 0; n < 4; n++) {
      cluster.start();
      await pause(dice.between(200, 1_800));
      await disks.cutPower(...cluster.ids);
      await disks.restorePower(dice, ...cluster.ids);
    }
    await started(cluster);
    const operations: Append[] = [...(await cutUnderLoad(cluster, disks, 'first', { writes: 500 }))];
    for (let n = 0; n < 5; n++) {
      cluster.start();
      await pause(dice.between(50, 2_500));
      await disks.cutPower(...cluster.ids);
      await disks.restorePower(dice, ...cluster.ids);
    }
    await started(cluster);
    assert.equal(await cluster.faults(operations), []);
    operations.push(...(await cutUnderLoad(cluster, disks, 'second', { writes: 500 })));
    await started(cluster);
    assert.equal(await cluster.faults(operations), []);
    tell(`11 cuts, 9 of them while starting; ${operations.filter(isDone).length} messages acknowledged, none lost`);
  });
});

Cut('of one node after the other never stops the rest, and the leader hands nothing false on', async () => {
  await withDisks({}, async (cluster, disks) => {
    await started(cluster);
    await cluster.leads(3);
    const load = loadOf(cluster, 'rolling');
    await load.progress(300);
    for (const id of [3, 1, 3, 2]) {
      await disks.cutPower(id);
      await cluster.leader(...cluster.ids.filter((other) => other !== id));
      await load.progress(300);
      await disks.restorePower(dice, id);
      cluster.start(id);
      await cluster.ready(id);
      await load.progress(300);
    }
    const operations = await load.stop();
    assert.equal(await cluster.faults(operations), []);
    tell(`4 cuts, ${operations.filter(isDone).length} messages acknowledged, none lost`);
  });
});

Power.run();
