/** Writes whose order counts: R10a, R24. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { aDesk, e1, e2, textsOf } from '../../support/writeDesk.ts';

const Lanes = suite('ingress: writes of one lane keep their order');

Lanes('what was taken back goes before what came later', () => {
  const desk = aDesk();
  const lane = {};
  desk.ask({ lane, text: 'a' });
  desk.ask({ lane, text: 'b' });
  desk.lead(2, e2);
  desk.ask({ lane, text: 'c' });
  desk.greet(2, 6);
  assert.equal(textsOf(desk), ['a', 'b'], 'c waits until it is known what became of a and b');
  desk.commit(e2, 'barrier');
  assert.equal(textsOf(desk), ['a', 'b', 'a', 'b', 'c']);
});

Lanes('a later write waits while an earlier one pauses', () => {
  const desk = aDesk();
  const lane = {};
  desk.ask({ lane, text: 'a' });
  desk.no(1, true);
  desk.ask({ lane, text: 'b' });
  desk.ask({ text: 'another' });
  assert.equal(textsOf(desk), ['a', 'another']);
  desk.advance(20);
  assert.equal(textsOf(desk), ['a', 'another', 'a', 'b']);
});

Lanes('a later write waits until the earlier ones of an older connection are resolved', () => {
  const desk = aDesk();
  const lane = {};
  const asked = ['a', 'b'].map((text) => desk.ask({ lane, text }));
  desk.gone(3);
  desk.greet(3, 7, e1, 1, 5);
  desk.ask({ lane, text: 'c' });
  // a was appended, b never came: but b and c must not overtake a, of which nobody knows yet whether it stays.
  assert.equal(textsOf(desk), ['a', 'b']);
  desk.commit(e1, [{ n: 1 }]);
  assert.is(asked[0]?.outcome, 'done');
  assert.equal(textsOf(desk), ['a', 'b', 'b', 'c']);
});

Lanes('behind the first that fails nothing is done', () => {
  const desk = aDesk();
  const lane = {};
  const first = desk.ask({ lane, text: 'a', timeoutMs: 500 });
  desk.lead(2, e2);
  desk.greet(2, 6);
  const second = desk.ask({ lane, text: 'b', timeoutMs: 5000 });
  desk.advance(500);
  assert.is(first.outcome, 'OUTCOME_UNKNOWN unknown');
  assert.is(second.outcome, 'OUTCOME_UNKNOWN not_done');
  assert.is(desk.ask({ lane, text: 'c' }).outcome, 'OUTCOME_UNKNOWN not_done');
  assert.equal(textsOf(desk), ['a']);
  assert.is(desk.ask({ text: 'another' }).outcome, 'waits');
});

Lanes.run();
