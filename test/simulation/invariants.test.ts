/** Each invariant is broken on purpose once, by a forged sequence of events, to see that it is reported. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Epoch, epochOf } from '../../actors/protocol/epoch.ts';
import { type InvariantNumber, Invariants, invariants, type Written } from '../support/invariants.ts';
import { seededBugs } from './bugs/table.ts';

const Forged = suite('invariants');

const first = epochOf(1, 3);
const second = epochOf(2, 2);
const later = epochOf(3, 3);
const durable = (epoch: Epoch) => (): Epoch => epoch;

/** A batch of one message behind the one with the index before it. */
const batch = (index: number, epoch: Epoch = first, more: Partial<Written> = {}): Written => ({
  previousIndex: index - 1,
  previousEpoch: index === 1 ? 0 : epoch,
  baseIndex: index,
  endIndex: index,
  epoch,
  crc: epoch * 100 + index,
  baseLamport: 10 * index,
  endLamport: 10 * index,
  firstId: index,
  nextId: index + 1,
  ...more,
});
const three = [1, 2, 3];
function world(...batches: readonly Written[]): Invariants {
  const judge = new Invariants(three);
  for (const id of three) {
    judge.began(id);
    for (const one of batches) judge.wrote(id, one);
  }
  return judge;
}
/** Node 3 leads, nodes 1 and 2 acknowledge and commit. */
function healthy(): Invariants {
  const judge = world(batch(1), batch(2));
  judge.spoke(3, 'prepare', first, durable(first));
  for (const id of [1, 2]) judge.spoke(id, 'promise', first, durable(first));
  judge.spoke(3, 'append', first, durable(first));
  for (const id of [1, 2]) {
    judge.spoke(id, 'ack', first, durable(first));
    judge.acknowledged(id, 2);
  }
  judge.committed(3, [batch(1), batch(2)]);
  judge.established(3, first);
  for (const id of [1, 2]) judge.committed(id, [batch(1), batch(2)]);
  judge.answered('a write', 1);
  judge.toldDone('a write', 2);
  return judge;
}

type Forgery = readonly [what: string, forge: (judge: Invariants) => void];

const forgeries: Partial<Readonly<Record<InvariantNumber, readonly Forgery[]>>> = {
  I1: [
    ['a node campaigns in an epoch of another', (judge) => judge.spoke(1, 'prepare', later, durable(later))],
    ['a node leads in an epoch of another', (judge) => judge.established(1, later)],
    [
      'an epoch is used again after a crash',
      (judge) => {
        judge.began(3);
        judge.spoke(3, 'prepare', first, durable(first));
      },
    ],
  ],
  I2: [
    ['two batches of one index and epoch differ', (judge) => judge.wrote(1, batch(2, first, { crc: 1 }))],
    ['one batch has two predecessors', (judge) => judge.wrote(1, batch(2, first, { previousEpoch: 5 }))],
    [
      'a batch stands behind the middle of another',
      (judge) => judge.wrote(1, batch(4, second, { previousEpoch: first })),
    ],
    ['an older epoch stands behind a newer', (judge) => judge.wrote(1, batch(3, 7, { previousEpoch: first }))],
  ],
  I3: [
    [
      'a node without what is committed leads',
      (judge) => {
        judge.wrote(2, batch(2, second, { previousEpoch: first }));
        judge.established(2, second);
      },
    ],
  ],
  I4: [
    [
      'a node commits something else at the same index',
      (judge) => {
        judge.began(1);
        judge.committed(1, [batch(2, second, { previousEpoch: first })]);
      },
    ],
    [
      'the first commit of all leaves a gap',
      (judge) => {
        judge.began(1);
        judge.committed(1, [batch(9)]);
      },
    ],
  ],
  I5: [
    [
      'a leader commits what only its own platter holds',
      (judge) => {
        judge.wrote(3, batch(3));
        judge.committed(3, [batch(3)]);
      },
    ],
    [
      'another batch of that index does not count',
      (judge) => {
        judge.wrote(3, batch(3));
        for (const id of [1, 2]) judge.wrote(id, batch(3, second, { previousEpoch: first }));
        judge.committed(3, [batch(3)]);
      },
    ],
  ],
  I6: [['a node acknowledges before its disk', (judge) => judge.acknowledged(1, 3)]],
  I7: [
    [
      'an acknowledgement below a promise, after a restart',
      (judge) => {
        judge.spoke(1, 'promise', second, durable(second));
        judge.began(1);
        judge.spoke(1, 'ack', first, durable(second));
      },
    ],
    [
      'an old leader goes on',
      (judge) => {
        judge.spoke(3, 'promise', second, durable(second));
        judge.spoke(3, 'append', first, durable(second));
      },
    ],
  ],
  I8: [['a promise is told before both slots hold it', (judge) => judge.spoke(1, 'promise', second, durable(first))]],
  I9: [
    ['the commit goes back', (judge) => judge.committed(1, [batch(2)])],
    [
      'the commit skips',
      (judge) => {
        for (const id of three) judge.wrote(id, batch(3));
        for (const id of three) judge.wrote(id, batch(4));
        judge.committed(3, [batch(3), batch(4)]);
        judge.committed(1, [batch(4)]);
      },
    ],
    [
      'a follower commits what its platter has not',
      (judge) => {
        for (const id of [2, 3]) judge.wrote(id, batch(3));
        judge.committed(3, [batch(3)]);
        judge.committed(1, [batch(3)]);
      },
    ],
  ],
  I10: [
    ['a time stands still in a log', (judge) => judge.wrote(1, batch(3, first, { baseLamport: 20 }))],
    [
      'a time stands still among what is committed',
      (judge) => {
        for (const id of three) judge.wrote(id, batch(3));
        judge.committed(3, [batch(3, first, { baseLamport: 20 })]);
      },
    ],
  ],
  I11: [
    ['an id is left out', (judge) => judge.wrote(1, batch(3, first, { firstId: 4, nextId: 5 }))],
    [
      'an id is given twice',
      (judge) => {
        for (const id of three) judge.wrote(id, batch(3));
        judge.committed(3, [batch(3, first, { firstId: 2 })]);
      },
    ],
  ],
  I12: [['a call is answered twice', (judge) => judge.answered('a write', 2)]],
  I13: [['a write is done before it is committed', (judge) => judge.toldDone('a write', 3)]],
  I14: [
    [
      'a wiped node votes',
      (judge) => {
        judge.identityLost(1);
        judge.began(1);
        judge.spoke(1, 'promise', second, durable(second));
      },
    ],
  ],
  I15: [['a node ends for no reason', (judge) => judge.failed(1, 'an invariant', false)]],
};

/** What a run looks for by itself, at its beginning and when all is healed: bugs show that it finds them (bugs/table.ts). */
const ofTheRun: readonly InvariantNumber[] = ['I16', 'I17', 'I18', 'I19', 'I20', 'I21'];

Forged('say nothing of a healthy run', () => {
  assert.equal(healthy().broken, []);
});

for (const [invariant, cases] of Object.entries(forgeries))
  for (const [what, forge] of cases)
    Forged(`${invariant}: ${what}`, () => {
      const judge = healthy();
      forge(judge);
      assert.ok(
        judge.broken.some((one) => one.invariant === invariant),
        `not reported, but ${JSON.stringify(judge.broken)}`,
      );
    });

Forged('excuse what a fault took from a platter, and what a fault ended', () => {
  const judge = healthy();
  judge.logLost(1);
  judge.began(1);
  judge.wrote(2, batch(3));
  judge.failed(1, 'EIO', true);
  assert.equal(judge.broken, []);
});

Forged('allow that what nobody committed is replaced', () => {
  const judge = healthy();
  judge.wrote(3, batch(3));
  judge.spoke(2, 'prepare', second, durable(second));
  for (const id of [1, 2, 3]) judge.wrote(id, batch(3, second, { previousEpoch: first }));
  judge.committed(2, [batch(3, second, { previousEpoch: first })]);
  judge.established(2, second);
  assert.equal(judge.broken, []);
});

Forged('are all broken here or by a bug that the simulator finds', () => {
  assert.equal(Object.keys(forgeries).concat(ofTheRun).sort(), Object.keys(invariants).sort());
  for (const invariant of ofTheRun)
    assert.ok(
      seededBugs.some(({ shows }) => shows.source === `^${invariant}`),
      invariant,
    );
});

Forged.run();
