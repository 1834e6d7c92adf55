/** Every fault that needs no privileges, at least once where time allows, mostly three at a time; see test/torture/. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ordinaryFaults } from '../torture/faults.ts';
import { reported } from '../torture/report.ts';

const Torture = suite('a short torture');

Torture('violates nothing, and the cluster recovers from every fault', async () => {
  const seed = process.env.SEED ?? `${Date.now() % 1_000_000}`;
  const result = await reported({
    seed,
    nodes: 3,
    clients: 16,
    faults: ordinaryFaults,
    length: { rounds: 1, orMs: 50_000 },
    overlap: 0.9,
    together: 3,
    calmMs: 300,
    say: (line) => process.stdout.write(`    ${line}\n`),
    out: 'results',
    onlyViolated: true,
    command: `SEED=${seed} npm test -- torture.test`,
  });
  assert.equal(result.violations, []);
  assert.ok((result.counts.append?.acknowledged ?? 0) > 0);
});

Torture.run();
