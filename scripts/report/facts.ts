/**
 * Figures of the report that no experiment measures: taken from the pages and sources that state them, by what stands
 * around them, so that the report follows when they change.
 *
 * A1. Words that are no longer there are a fault, with the file to look at.
 */
import { defaultTiming } from '../../actors/protocol/timing.ts';
import { publishedLinks } from '../wan/regions.ts';
import { DataFault } from './data.ts';

interface Stated {
  readonly file: string;
  /** The first group is the number. */
  readonly words: RegExp;
}

const testing = 'docs/testing.md';
const speed = 'docs/speed.md';
const number = String.raw`(\d[\d,.]*)`;

/** The cell of a row of the first table of docs/speed.md: ours, etcd's, NATS's, Redis's. */
const cell = (row: string, column: number): Stated => ({
  file: speed,
  words: new RegExp(String.raw`^\| ${row}[^|]*\|(?:[^|]*\|){${column}} ${number}`, 'm'),
});
const stated: Readonly<Record<string, Stated>> = {
  seeds: { file: testing, words: new RegExp(`${number} seeds`) },
  simulatedHours: { file: testing, words: new RegExp(`${number} simulated\\s+hours`) },
  crashes: { file: testing, words: new RegExp(`${number} crashes`) },
  powerCuts: { file: testing, words: new RegExp(`${number} power\\s+cuts`) },
  partitions: { file: testing, words: new RegExp(`${number} partitions`) },
  elections: { file: testing, words: new RegExp(`${number} elections`) },
  writes: { file: testing, words: new RegExp(`${number} acknowledged\\s+writes`) },
  reads: { file: testing, words: new RegExp(`${number} reads`) },
  violations: { file: testing, words: new RegExp(`reads: ${number} violations`) },
  faultKinds: { file: testing, words: new RegExp(`${number} kinds of faults`) },
  invariants: { file: testing, words: new RegExp(`${number} invariants`) },
  checks: { file: testing, words: new RegExp(`are ${number} numbered\\s+checks`) },
  mistakes: { file: testing, words: new RegExp(`${number} textbook\\s+mistakes`) },
  mistakesBySeed: { file: testing, words: new RegExp(`${number} by random\\s+seeds`) },
  mistakesByStory: { file: testing, words: new RegExp(`${number} by a story`) },
  gapOurs: cell('kill -9 of the leader', 0),
  gapEtcd: cell('kill -9 of the leader', 1),
  gapNats: cell('kill -9 of the leader', 2),
  clients64Ours: cell('64 clients', 0),
  clients64Etcd: cell('64 clients', 1),
  // The text says that there was none: with one it no longer fits.
  overloadPercent: { file: speed, words: new RegExp(`acknowledged \\(${number} %\\s+of[^;]*\\sno election`) },
};
export const statedIn: readonly string[] = [...new Set(Object.values(stated).map(({ file }) => file))];

/** `of` gives a page's text. */
export function factsOf(of: (file: string) => string): Readonly<Record<string, number>> {
  const found = Object.entries(stated).map(([name, { file, words }]) => {
    const text = words.exec(of(file))?.[1];
    if (text === undefined) throw new DataFault(`${file} no longer says ${words}: correct scripts/report/facts.ts`);
    return [name, Number(text.replace(/[.,]$/, '').replaceAll(',', ''))] as const;
  });
  const links = publishedLinks.map(({ from, to, rttMs }) => [`rtt-${from}-${to}`, rttMs] as const);
  return Object.fromEntries([...found, ...links]);
}

export const timing: Readonly<Record<string, number>> = { ...defaultTiming };
