/** Tortures that take longer: with the faults that need root where the machine allows them, and with five nodes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fault } from '../torture/fault.ts';
import { faultsWithCables, ordinaryFaults } from '../torture/faults.ts';
import { reported } from '../torture/report.ts';

const Torture = suite('a long torture');

async function violations(minutes: number, nodes: number, wanted: readonly Fault[]): Promise<readonly unknown[]> {
  const seed = process.env.SEED ?? `${Date.now() % 1_000_000}`;
  const result = await reported({
    seed,
    nodes,
    clients: 20,
    faults: wanted,
    length: { minutes },
    say: (line) => process.stdout.write(`    ${line}\n`),
    out: 'results',
    command: `npm run torture -- --minutes ${minutes} --nodes ${nodes} --clients 20 --seed ${seed}`,
  });
  return result.violations;
}

Torture('of three nodes, with whatever this machine can break, violates nothing', async () => {
  assert.equal(await violations(0.7, 3, faultsWithCables), []);
});

Torture('of five nodes violates nothing', async () => {
  assert.equal(await violations(0.4, 5, ordinaryFaults), []);
});

Torture.run();
