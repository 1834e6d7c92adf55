/**
 * For each rule of the forwarding model the smallest world that shows what it is for: without the rule something is
 * violated after so many steps, and after no fewer.
 */
import type { ForwardingRule, ForwardingWorld } from './rules.ts';

export interface BrokenForwarding {
  readonly broken: readonly ForwardingRule[];
  readonly world: Partial<ForwardingWorld>;
  readonly violates: RegExp;
  readonly steps: number;
}

const lie = /^P1: write 1 was not done, and is committed$/;
const twice = /^P2: write 1 is committed twice$/;
const never = /^P3: write \d is done, and is not committed$/;

export const brokenForwardings: readonly BrokenForwarding[] = [
  { broken: ['answersWhenCommitted'], world: {}, violates: never, steps: 4 },
  { broken: ['oneUnresolvedSend'], world: { closes: 1 }, violates: twice, steps: 10 },
  { broken: ['freshNumber'], world: { closes: 1 }, violates: lie, steps: 13 },
  { broken: ['numbersSpanPeers'], world: { writes: 2 }, violates: never, steps: 8 },
  { broken: ['tagNamesBoot'], world: { epochs: 1, writes: 2, crashes: 1 }, violates: never, steps: 12 },
  { broken: ['laterBarrier'], world: { epochs: 1 }, violates: lie, steps: 7 },
  { broken: ['committedBarrier'], world: { epochs: 3, sends: 1 }, violates: lie, steps: 9 },
  { broken: ['countsEveryAppend'], world: { epochs: 1, closes: 1 }, violates: lie, steps: 10 },
  { broken: ['greetsWhileLeading'], world: { epochs: 1, closes: 1, crashes: 1 }, violates: lie, steps: 11 },
  { broken: ['stampsEpoch'], world: { epochs: 3, sends: 1 }, violates: lie, steps: 11 },
  { broken: ['dropsWithConnection'], world: { epochs: 1, closes: 1 }, violates: lie, steps: 10 },
  { broken: ['dropsBeforeGreeting'], world: { epochs: 1, closes: 1 }, violates: lie, steps: 10 },
  // Each alone is enough: what was sent on a connection before its greeting is either not there, or not judged.
  {
    broken: ['waitsForGreeting', 'greetingJudgesOlder'],
    world: { epochs: 1, closes: 1 },
    violates: lie,
    steps: 10,
  },
  { broken: ['certainIsTrue'], world: { resignations: 1 }, violates: lie, steps: 9 },
];
