import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChaos } from '../support/chaos.ts';

const Chaos = suite('chaos');

/** More, or one again: `node dist/test/simulation/chaosRun.js FROM TO`. */
const seeds = Array.from({ length: 24 }, (_, i) => i + 1);

Chaos('loses, doubles and reorders nothing, whatever breaks, and agrees again once it heals', () => {
  let acknowledged = 0;
  let leaderships = 0;
  for (const seed of seeds) {
    const result = runChaos({ seed, voters: seed % 5 === 0 ? [1, 2, 3, 4, 5] : [1, 2, 3], ms: 8000 });
    const { violations } = result.cluster;
    assert.equal(violations, [], `seed ${seed}: ${violations.slice(0, 5).join('; ')}`);
    acknowledged += result.acknowledged;
    leaderships += result.leaderships;
  }
  // A cluster that refused everything would break no promise either.
  assert.ok(acknowledged > 100 * seeds.length, `${acknowledged} acknowledged`);
  assert.ok(leaderships > 2 * seeds.length, `${leaderships} leaderships`);
});

Chaos('does so too with disks that get slow or rot in a minority, and wall clocks that jump (R-D3, R23)', () => {
  let rots = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const options = { segmentBytes: 32 * 1024, tailBytes: 4096, diskFaults: true };
    const result = runChaos({ seed, voters: seed % 4 === 0 ? [1, 2, 3, 4, 5] : [1, 2, 3], ms: 12_000, ...options });
    const { violations } = result.cluster;
    assert.equal(violations, [], `seed ${seed}: ${violations.slice(0, 5).join('; ')}`);
    rots += result.faults.filter((fault) => fault.includes('rot')).length;
  }
  assert.ok(rots > 0, 'nothing rotted');
});

Chaos('gives the same run for the same seed', () => {
  const one = runChaos({ seed: 7, ms: 4000 });
  const two = runChaos({ seed: 7, ms: 4000 });
  assert.is(one.trace, two.trace);
  assert.is.not(runChaos({ seed: 8, ms: 4000 }).trace, one.trace);
});

Chaos.run();
