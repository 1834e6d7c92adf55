/** A torture finds a node that has ended by itself, and a fault that is not mended (T2, T3 of test/torture/run.ts). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fault } from '../torture/fault.ts';
import { type Torture, torture } from '../torture/run.ts';

const Finds = suite('what a torture finds');

const tortured = (fault: Fault): Promise<Torture> =>
  torture({ seed: '1', nodes: 3, clients: 5, faults: [fault], length: { rounds: 1, orMs: 60_000 }, say: () => {} });

Finds('T3: a node that nobody ended or that stays down; the rest is judged all the same', async () => {
  const { violations, messages } = await tortured({
    name: 'a death that is not mended',
    run: async ({ cluster }) => {
      await cluster.node(1).kill();
      return 'kill 1';
    },
  });
  assert.equal(
    violations.map(({ invariant, words }) => [invariant, words]),
    [['T3', 'node 1 has ended by itself after kill 1: without a word']],
  );
  assert.ok(messages > 0);
});

Finds('T2: a fault that fails', async () => {
  const { violations } = await tortured({
    name: 'the fault',
    run: () => Promise.reject(new Error('it cannot be mended')),
  });
  assert.equal(violations, [{ invariant: 'T2', words: 'the fault failed: it cannot be mended' }]);
});

Finds.run();
