import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wrongSecret } from '../../transport/handshake.ts';
import { Refusals, type RefusedGreeting } from '../../transport/refusals.ts';

const Refused = suite('refused greetings');

interface World {
  readonly refusals: Refusals;
  readonly told: RefusedGreeting[];
  now: number;
}
function aWorld(): World {
  const told: RefusedGreeting[] = [];
  const world: World = {
    told,
    now: 1000,
    refusals: new Refusals(
      () => world.now,
      (each) => told.push(each),
    ),
  };
  return world;
}
const from = (address: string, claimed: number | null = 2, refusal = wrongSecret): RefusedGreeting => ({
  address,
  claimed,
  refusal,
});

Refused('are told once a minute of an address and who it says to be (F1)', () => {
  const world = aWorld();
  const { refusals, told } = world;
  for (let s = 0; s < 120; s++) {
    world.now = 1000 + s * 1000;
    refusals.called(from('10.0.0.2', 2));
    refusals.called(from('10.0.0.2', 3));
  }
  assert.equal(
    told.map(({ claimed }) => claimed),
    [2, 3, 2, 3],
  );
});

Refused('of many addresses are told 32 times a minute, and no more are remembered (F1)', () => {
  const world = aWorld();
  const { refusals, told } = world;
  for (let i = 0; i < 10_000; i++) refusals.called(from(`10.0.${i >> 8}.${i & 255}`, null, 'malformed answer'));
  assert.is(told.length, 32);
  world.now += 60_000;
  refusals.called(from('10.9.9.9'));
  assert.is(told.length, 33, 'a minute later somebody else is heard');
});

Refused('name those whose secret was wrong lately, from either side, until they greet well', () => {
  const world = aWorld();
  const { refusals } = world;
  refusals.called(from('10.0.0.3', 3));
  refusals.called(from('10.0.0.9', null));
  refusals.called(from('10.0.0.4', 4, 'peer protocol version 2, this node speaks 1'));
  refusals.dialled(1, `refused: ${wrongSecret}`);
  refusals.dialled(5, 'connect ECONNREFUSED 10.0.0.5:9000');
  assert.equal(refusals.wrongSecretWith, [1, 3]);
  refusals.greeted(3);
  assert.equal(refusals.wrongSecretWith, [1]);
  world.now += 15_001;
  assert.equal(refusals.wrongSecretWith, [], 'it has stopped trying');
});

Refused.run();
