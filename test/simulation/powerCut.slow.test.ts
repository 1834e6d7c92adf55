import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runPowerCut } from '../support/powerCut.ts';

const PowerCuts = suite('a thousand power cuts of all nodes');

/** The quick tier has the first ones. */
const [first, last] = [1000, 2000];

PowerCuts('leave all able to vote, and lose nothing that was acknowledged (R-D3, R-D1a, R8)', () => {
  let torn = 0;
  for (let seed = first; seed < last; seed++) {
    const result = runPowerCut(seed);
    assert.equal(result.wrong, [], `seed ${seed}, ${result.moment}`);
    torn += result.torn;
  }
  assert.ok(torn > (last - first) / 10, `only ${torn} writes were cut short`);
});

PowerCuts.run();
