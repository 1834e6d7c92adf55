/** Each peer that is installed, as the bench uses it: writes, batches, a tail, reading all, a crash, a new start. No figure is judged. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allowed } from '../../support/needs.ts';
import { untilTrue } from '../../support/realCluster.ts';
import { Engine, type EngineJob } from '../engine.ts';
import type { Running, System } from '../systems.ts';
import { peers } from './index.ts';

const Peers = suite('peers of the bench');

async function withPeer(system: System, use: (running: Running) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'peer-test-'));
  try {
    const running = await system.start(folder);
    try {
      await use(running);
    } finally {
      await running.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Writes so many messages; how many requests were refused. */
async function write({ ways: [way] }: System, job: Omit<EngineJob, 'bytes'>): Promise<number> {
  const engine = new Engine(way!, { ...job, bytes: 100 });
  await engine.start();
  try {
    await engine.finished;
    return Object.values(engine.look().refused).reduce((sum, count) => sum + count, 0);
  } finally {
    engine.stop();
  }
}

const isAlive = (pid: number): boolean => readdirSync('/proc').includes(String(pid));

Peers('are installed, or say what to install', () => {
  assert.ok(peers.length > 0);
  for (const system of peers) assert.match(system.missing() ?? 'apt-get install', 'apt-get install');
});

for (const system of peers) {
  // Nobody needs a peer to work on this log: one that is missing is no failure, where CI is set neither.
  const test = allowed(system.missing() ?? undefined, {}) ? Peers : Peers.skip;

  test(`${system.name} keeps each message that it acknowledges, once, and tells it to a tail at another node`, async () => {
    await withPeer(system, async (running) => {
      assert.match(running.version, /^\d+\.\d+/);
      const { leader, others } = await running.endpoints();
      assert.is(others.length, 2);
      const told: number[] = [];
      const tail = await system.tail!(others[0]!, (n) => told.push(n));
      const refused = await write(system, {
        at: [leader],
        clients: 1,
        window: 4,
        batch: 1,
        messages: 100,
        numbered: true,
      });
      assert.is(refused, 0);
      await untilTrue('a tail to hear all', () => told.length >= 100);
      tail.close();
      assert.equal(
        told.sort((a, b) => a - b),
        Array.from({ length: 100 }, (_, n) => n),
      );

      await write(system, { at: [leader], clients: 20, window: 2, batch: 1, messages: 200 });
      await write(system, { at: [leader], clients: 2, window: 1, batch: 64, messages: 256 });
      assert.is(await system.readAll!(leader), 556);
      await untilTrue('another node to have all', async () => (await system.readAll!(others[1]!)) === 556);

      const pids = running.processes().map(({ pid }) => pid);
      assert.is(pids.length, 3);
      await running.stop();
      assert.not.ok(pids.some(isAlive));
      assert.equal(running.processes(), []);
    });
  });

  test(`${system.name} comes back with all of it after a crash of its leader, if another can lead, and a new start`, async () => {
    await withPeer(system, async (running) => {
      const { leader, others } = await running.endpoints();
      await write(system, { at: [leader], clients: 8, window: 1, batch: 1, messages: 200 });
      let written = 200;
      if (running.crashLeader) {
        await running.crashLeader();
        assert.is(running.processes().length, 2);
        await write(system, { at: others, clients: 8, window: 1, batch: 1, messages: 100 });
        written += 100;
        assert.is.not((await running.endpoints()).leader.port, leader.port);
        await running.mend!();
        assert.is(running.processes().length, 3);
      }
      const ms = await running.reopen!();
      assert.ok(ms > 0);
      // What was on its way in the crash may be there too, and what told that writes pass: on a slow disk that was asked often.
      const found = await system.readAll!((await running.endpoints()).leader);
      assert.ok(found > written && found < 2 * written, `${found} of ${written}`);
    });
  });
}

Peers.run();
