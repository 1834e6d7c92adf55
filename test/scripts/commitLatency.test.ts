/** Which node should lead: by what a commit would take. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commitLatencies, type RoundTrips } from '../../scripts/commitLatency.ts';

const measured = (...links: readonly (readonly [from: number, to: number, ms: number])[]): RoundTrips => {
  const rtts = new Map<number, Map<number, number>>();
  for (const [from, to, ms] of links) rtts.set(from, (rtts.get(from) ?? new Map()).set(to, ms));
  return rtts;
};
const of = (nodes: readonly number[], rtts: RoundTrips): readonly (number | null)[] =>
  commitLatencies(nodes, rtts).map(({ ms }) => ms);

const Latency = suite('commit latency');

Latency('of three nodes is the round trip to the nearest of the others', () => {
  const rtts = measured([1, 2, 100], [1, 3, 154], [2, 3, 252]);
  assert.equal(commitLatencies([1, 2, 3], rtts), [
    { leader: 1, ms: 100 },
    { leader: 2, ms: 100 },
    { leader: 3, ms: 154 },
  ]);
});
Latency('of five nodes is the round trip to the second nearest', () => {
  const far = measured([1, 2, 10], [1, 3, 20], [1, 4, 30], [1, 5, 40]);
  assert.equal(of([1, 2, 3, 4, 5], far), [20, null, null, null, null]);
});
Latency('of one node is nothing', () => {
  assert.equal(of([7], measured()), [0]);
});
Latency('takes what the leader measured, and else what the other end did', () => {
  assert.equal(of([1, 2, 3], measured([1, 2, 90], [2, 1, 110], [3, 1, 80])), [80, 110, 80]);
});
Latency('is not known while too few links have been measured', () => {
  assert.equal(of([1, 2, 3], measured([1, 2, 100])), [100, 100, null]);
});
Latency.run();
