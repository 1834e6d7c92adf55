/** Holds docs/testing.md, and what the two READMEs say of it, true: the numbers of kinds, and one long run for all three. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { factsOf } from '../../scripts/report/facts.ts';
import { invariants as checks } from '../history/checkers.ts';
import { seededBugs } from '../simulation/bugs/table.ts';
import { faultNames } from '../simulation/faults.ts';
import { invariants } from '../support/invariants.ts';

/** The built test stands one folder deeper than its source. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');
const facts = factsOf(textOf);

const Testing = suite('docs/testing.md');

Testing('counts what there is', () => {
  const byStory = seededBugs.filter(({ world }) => typeof world === 'string' && world !== 'all').length;
  assert.equal(
    {
      faultKinds: facts.faultKinds,
      invariants: facts.invariants,
      checks: facts.checks,
      mistakes: facts.mistakes,
      mistakesBySeed: facts.mistakesBySeed,
      mistakesByStory: facts.mistakesByStory,
    },
    {
      faultKinds: faultNames.length,
      invariants: Object.keys(invariants).length,
      checks: checks.length,
      mistakes: seededBugs.length,
      mistakesBySeed: seededBugs.length - byStory,
      mistakesByStory: byStory,
    },
  );
});

const run = ['seeds', 'simulatedHours', 'crashes', 'powerCuts', 'partitions', 'elections', 'writes', 'reads'] as const;

for (const [page, language] of [
  ['README.md', 'en'],
  ['README.es.md', 'de'], // Spanish has no point in four digits; the page has one in all, for the eye.
] as const)
  Testing(`has the figures that ${page} has of its long run`, () => {
    const text = textOf(page);
    for (const name of run) {
      const figure = (facts[name] as number).toLocaleString(language);
      assert.ok(
        new RegExp(`(?<![\\d.,])${figure.replaceAll('.', '\\.')}(?![\\d.,]*\\d)`).test(text),
        `${name}: ${figure}`,
      );
    }
    assert.is(facts.violations, 0);
    assert.match(text, /\b0 (violations|violaciones)/);
  });
Testing.run();
