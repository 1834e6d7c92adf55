import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  comparePositions,
  epochOf,
  isNodeId,
  majorityOf,
  maxNodeId,
  nextEpoch,
  ownerOf,
  reachedByMajority,
  roundOf,
  samePosition,
  start,
} from '../../actors/protocol/epoch.ts';
import { SeededDice } from '../support/dice.ts';

const Epochs = suite('epochs (PROTOCOL §2)');

Epochs('an epoch says its round and its owner, up to the highest of both', () => {
  for (const round of [0, 1, 77, 2 ** 36]) {
    for (const owner of [1, 2, 255, maxNodeId]) {
      const epoch = epochOf(round, owner);
      assert.ok(Number.isSafeInteger(epoch));
      assert.is(roundOf(epoch), round);
      assert.is(ownerOf(epoch), owner);
    }
  }
});

Epochs('the next epoch is above everything seen and belongs to who opens it (R2)', () => {
  const dice = new SeededDice('next');
  for (let i = 0; i < 5000; i++) {
    const seen = dice.int(2) === 0 ? 0 : epochOf(dice.int(1000), 1 + dice.int(maxNodeId));
    const owner = 1 + dice.int(maxNodeId);
    const next = nextEpoch(owner, seen);
    assert.ok(next > seen);
    assert.is(ownerOf(next), owner);
  }
});

Epochs('in a tie of rounds the higher id has the higher epoch', () => {
  assert.ok(nextEpoch(3, 0) > nextEpoch(2, 0));
  assert.ok(nextEpoch(1, nextEpoch(3, 0)) > nextEpoch(3, 0));
});

Epochs('two nodes never open the same epoch', () => {
  const opened = new Map<number, number>();
  for (const owner of [1, 2, 3, maxNodeId]) {
    let seen = 0;
    for (let i = 0; i < 50; i++) {
      seen = nextEpoch(owner, seen);
      assert.not.ok(opened.has(seen));
      opened.set(seen, owner);
    }
  }
});

Epochs('more complete is the greater position, never the longer log (R4)', () => {
  assert.ok(comparePositions({ epoch: 2, index: 1 }, { epoch: 1, index: 100 }) > 0);
  assert.ok(comparePositions({ epoch: 2, index: 1 }, { epoch: 2, index: 2 }) < 0);
  assert.is(comparePositions({ epoch: 2, index: 2 }, { epoch: 2, index: 2 }), 0);
  assert.ok(comparePositions(start, { epoch: 1, index: 1 }) < 0);
  assert.ok(samePosition({ epoch: 2, index: 2 }, { epoch: 2, index: 2 }));
  assert.not.ok(samePosition({ epoch: 2, index: 2 }, { epoch: 1, index: 2 }));
  assert.not.ok(samePosition({ epoch: 2, index: 2 }, { epoch: 2, index: 1 }));
});

Epochs('any two majorities share a voter', () => {
  for (let voters = 1; voters <= 9; voters++) {
    assert.ok(2 * majorityOf(voters) > voters);
    assert.ok(majorityOf(voters) <= Math.ceil((voters + 1) / 2));
  }
  assert.equal([1, 3, 5, 7].map(majorityOf), [1, 2, 3, 4]);
});

Epochs('what a majority has reached is the highest value that so many have (R9)', () => {
  const dice = new SeededDice('reached');
  for (let i = 0; i < 2000; i++) {
    const reached = Array.from({ length: 1 + dice.int(7) }, () => dice.int(10));
    const before = [...reached];
    const value = reachedByMajority(reached);
    const having = (n: number): number => reached.filter((one) => one >= n).length;
    assert.ok(having(value) >= majorityOf(reached.length));
    assert.ok(having(value + 1) < majorityOf(reached.length));
    assert.equal(reached, before);
  }
  assert.is(reachedByMajority([5, 0, 0]), 0);
  assert.is(reachedByMajority([5, 3, 0]), 3);
  assert.is(reachedByMajority([5]), 5);
});

Epochs('an id is a whole number from 1 to 65535', () => {
  for (const id of [1, 2, 65_535]) assert.ok(isNodeId(id));
  for (const id of [0, -1, 65_536, 1.5, Number.NaN, '1', null, undefined]) assert.not.ok(isNodeId(id));
});

Epochs.run();
