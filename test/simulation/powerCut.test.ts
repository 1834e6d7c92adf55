import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { moments, runPowerCut } from '../support/powerCut.ts';

/** A thousand more: powerCut.slow.test.ts. One again: `runPowerCut(seed)`. */
const PowerCuts = suite('power cuts of all nodes');

for (const moment of moments)
  PowerCuts(`${moment}: all vote again, nothing acknowledged is lost, nothing torn is damage (R-D3, R-D1a, R8)`, () => {
    let torn = 0;
    let acknowledged = 0;
    let twice = 0;
    for (let i = 0; i < 16; i++) {
      const seed = i * moments.length + moments.indexOf(moment);
      const result = runPowerCut(seed);
      assert.equal(result.wrong, [], `seed ${seed}`);
      torn += result.torn;
      acknowledged += result.acknowledged;
      if (result.cuts > 1) twice++;
    }
    assert.ok(twice > 3, `${twice} cuts in a recovery`);
    assert.ok(acknowledged >= 16 * 3, `${acknowledged} acknowledged`);
    if (moment.startsWith('in writes')) assert.ok(torn > 3, `only ${torn} writes were cut short`);
  });

PowerCuts.run();
