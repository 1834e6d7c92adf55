/** Messages on their way to a page: nothing is lost, and little is said twice. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MessageView } from '../../actors/observation.ts';
import { packedMessages, unpackedMessages } from '../../http/live/packedMessages.ts';
import { holds, record } from '../fuzz/property.ts';

const Packed = suite('packed messages');

const wire = (messages: readonly MessageView[]): string => JSON.stringify(packedMessages(messages));
const arrived = (messages: readonly MessageView[]) => unpackedMessages(JSON.parse(wire(messages)));

const whole = fc.maxSafeNat();
/** As nodes say them, with a finer clock than ours, and whatever else is a number. */
const seconds = fc.oneof(
  fc.nat(4_000_000_000_000).map((ms) => ms / 1000),
  fc.nat(4_000_000_000_000_000).map((us) => us / 1_000_000),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const content = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(200)));
const aMessage = fc
  .tuple(
    record({
      id: whole,
      lamport: whole,
      origin: whole,
      seen: whole,
      physicalSeconds: seconds,
      violation: fc.boolean(),
    }),
    content,
    fc.option(whole),
  )
  .map(([rest, text, cutFrom]): MessageView => ({ ...rest, content: text, bytes: cutFrom ?? Buffer.byteLength(text) }));

Packed('arrive as they were, in any order and whatever is in them (P1)', () => {
  holds(fc.property(fc.array(aMessage), (messages) => assert.equal(arrived(messages), messages)));
});

Packed('arrive as they were beside one whose time is finer than a millisecond (P1)', () => {
  const rest = { origin: 1, content: 'größer', bytes: 8, violation: false };
  const times = [
    1_795_478_263.081, -0.003, 9_007_199_254_740.99, 1_795_478_263.081_25, 1_795_478_263.082, 5e-324, 1e300, 0.001,
  ];
  const messages = times.map((physicalSeconds, i) => ({
    ...rest,
    id: 9 - i,
    lamport: 2 * i,
    seen: i,
    physicalSeconds,
  }));
  assert.equal(arrived(messages), messages);
});

Packed('of a log under load cost little more than their contents (P2)', () => {
  const text = '.'.repeat(100);
  const messages = Array.from({ length: 50 }, (_, i) => ({
    id: 5319 + 2 * i,
    lamport: 16_267 + 9 * i,
    origin: 8001 + (i % 3),
    seen: 5310 + 2 * i,
    physicalSeconds: (1_795_478_263_081 + 7 * i) / 1000,
    content: text,
    bytes: 100,
    violation: false,
  }));
  assert.equal(arrived(messages), messages);
  const beside = wire(messages).length / 50 - text.length;
  assert.ok(beside < 22, `${beside} bytes a message`);
});

Packed.run();
