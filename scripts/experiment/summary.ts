/** The newest run of every experiment, and the table: what the plan measured against what was measured here. Pure. */
import {
  type ExperimentName,
  type Label,
  labels,
  type PairFigures,
  type Run,
  type RunOf,
  type Summary,
  type SummaryOf,
  type TableRow,
} from './results.ts';

export interface Filed {
  readonly run: Run;
  readonly file: string;
  readonly pictures: SummaryOf<ExperimentName>['pictures'];
}

/** The figures of the plan's own report. */
const plan = {
  acknowledged: 100,
  averageMs: 45.2,
  p95Ms: 78.5,
  messagesPerSecond: 42.3,
  recoveryS: 8,
  pairsMs: { 'us-eu': 112.5, 'us-asia': 178.3, 'eu-us': 110.8, 'eu-asia': 245.6, 'asia-us': 180.1, 'asia-eu': 248.2 },
} as const;

type ByLabel = { readonly [L in Label]?: number };

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

const runNamed = <Name extends ExperimentName>(
  runs: readonly Run[],
  name: Name,
  label: Label,
): RunOf<Name> | undefined =>
  runs.find((each) => each.experiment === name && each.label === label) as RunOf<Name> | undefined;

function byLabel<Name extends ExperimentName>(
  runs: readonly Run[],
  name: Name,
  of: (run: RunOf<Name>) => number | null | undefined,
  digits = 1,
): ByLabel {
  const found = labels.flatMap((label) => {
    const run = runNamed(runs, name, label);
    const value = run && of(run);
    return typeof value === 'number' ? [[label, rounded(value, digits)] as const] : [];
  });
  return Object.fromEntries(found);
}

function concurrencyRows(runs: readonly Run[]): readonly TableRow[] {
  const row = (
    key: string,
    words: string,
    unit: TableRow['unit'],
    planned: number,
    better: TableRow['better'],
    of: (run: RunOf<'concurrency'>) => number,
    floor: ByLabel = {},
  ): TableRow => ({
    key: `concurrency.${key}`,
    experiment: 'concurrency',
    words,
    unit,
    plan: planned,
    better,
    ours: byLabel(runs, 'concurrency', of),
    floor,
  });
  const floor = byLabel(runs, 'concurrency', ({ figures }) => figures.floorMs);
  // A client has one message outstanding, so the network lets it send no more than one each round trip.
  const most = byLabel(runs, 'concurrency', ({ figures, parameters }) =>
    figures.floorMs ? (1_000 * parameters.clients) / figures.floorMs : null,
  );
  return [
    row('acknowledged', 'messages acknowledged', 'messages', plan.acknowledged, 'more', (r) => r.figures.acknowledged),
    row('average', 'latency, average', 'ms', plan.averageMs, 'less', (r) => r.figures.latencyMs.average, floor),
    row('p95', 'latency, 95th percentile', 'ms', plan.p95Ms, 'less', (r) => r.figures.latencyMs.p95, floor),
    row('throughput', 'throughput', 'msg/s', plan.messagesPerSecond, 'more', (r) => r.figures.messagesPerSecond, most),
    row('violations', 'causality violations', '', 0, 'less', (r) => r.figures.violations),
  ];
}

function pairRows(runs: readonly Run[]): readonly TableRow[] {
  return Object.entries(plan.pairsMs).map(([pair, planned]) => {
    const isPair = (each: PairFigures): boolean => `${each.sourceRegion}-${each.targetRegion}` === pair;
    const of = (value: (figures: PairFigures) => number | null) =>
      byLabel(runs, 'latency', ({ figures }) => {
        const found = figures.pairs.find(isPair);
        return found && value(found);
      });
    const spreads = labels.flatMap((label) => {
      const found = runNamed(runs, 'latency', label)?.figures.pairs.find(isPair);
      if (!found) return [];
      const { stdev, min, max } = found.ms;
      return [[label, { stdev: rounded(stdev, 1), min: rounded(min, 1), max: rounded(max, 1) }] as const];
    });
    return {
      key: `latency.${pair}`,
      experiment: 'latency',
      words: `round trip ${pair.replace('-', ' → ')}`,
      unit: 'ms',
      plan: planned,
      better: null,
      ours: of(({ ms }) => ms.average),
      floor: of(({ lightMs }) => lightMs),
      spread: Object.fromEntries(spreads),
    };
  });
}

/** What the plan had no figures for: it kept its log in memory and did without partitions. */
function furtherRows(runs: readonly Run[]): readonly TableRow[] {
  const row = (
    key: string,
    experiment: ExperimentName,
    words: string,
    unit: TableRow['unit'],
    better: TableRow['better'],
    ours: ByLabel,
  ): TableRow => ({ key, experiment, words, unit, plan: null, better, ours, floor: {} });
  return [
    row(
      'leader-failure.gap',
      'leader-failure',
      'leader killed: longest time without an acknowledged write',
      's',
      'less',
      byLabel(runs, 'leader-failure', ({ figures }) => figures.gapMs.p50 / 1000, 3),
    ),
    row(
      'partition.lost',
      'partition',
      'partition: acknowledged writes lost',
      'messages',
      'less',
      byLabel(runs, 'partition', ({ figures }) => figures.lost),
    ),
    row(
      'partition.agreedAgain',
      'partition',
      'partition healed: all name one leader again',
      's',
      'less',
      byLabel(runs, 'partition', ({ figures }) => figures.agreedAgainMs && figures.agreedAgainMs / 1000, 3),
    ),
    row(
      'durability.lost',
      'durability',
      'all nodes killed: acknowledged writes lost',
      'messages',
      'less',
      byLabel(runs, 'durability', ({ figures }) => figures.lost),
    ),
    row(
      'causality.concurrent',
      'causality',
      'concurrent messages told as concurrent, of those sent side by side',
      '',
      'more',
      byLabel(runs, 'causality', ({ figures }) => figures.concurrentFound / Math.max(1, figures.sideBySide), 3),
    ),
  ];
}

function tableOf(runs: readonly Run[]): readonly TableRow[] {
  return [
    ...concurrencyRows(runs),
    {
      key: 'leader-failure.recovered',
      experiment: 'leader-failure',
      words: 'leader killed: until a write is acknowledged again',
      unit: 's',
      plan: plan.recoveryS,
      better: 'less',
      ours: byLabel(runs, 'leader-failure', ({ figures }) => figures.recoveredMs.p50 / 1000, 3),
      floor: {},
    },
    ...pairRows(runs),
    ...furtherRows(runs),
  ];
}

export function summaryOf(filed: readonly Filed[], made: Date): Summary {
  const runs: Record<string, Record<string, unknown>> = {};
  for (const { run, file, pictures } of filed) {
    const { samples: _, ...rest } = run;
    runs[run.label] = { ...runs[run.label], [run.experiment]: { ...rest, file, pictures } };
  }
  return { format: 1, made: made.toISOString(), runs, table: tableOf(filed.map(({ run }) => run)) };
}

const shown = (value: number | null | undefined, unit: string): string =>
  value === null || value === undefined ? '–' : `${value}${unit === '' || unit === 'messages' ? '' : ` ${unit}`}`;

/** Of an average also how far the samples lie around it. */
const ofOurs = ({ ours, unit, spread }: TableRow, label: Label): string => {
  const around = spread?.[label];
  if (!around) return shown(ours[label], unit);
  return `${ours[label]} ± ${shown(around.stdev, unit)} (${around.min} to ${around.max})`;
};

/** Columns of labels without any figure are left out. */
export function markdownOf({ table, runs }: Summary): string {
  const used = labels.filter((label) => table.some(({ ours }) => ours[label] !== undefined));
  const hasFloor = (label: Label): boolean => table.some(({ floor }) => floor[label] !== undefined);
  const columns = used.flatMap((label) => [label, ...(hasFloor(label) ? [`${label}: at best`] : [])]);
  const lines = table.map((row) => {
    const { words, unit, plan: planned, floor } = row;
    const cells = used.flatMap((label) => [
      ofOurs(row, label),
      ...(hasFloor(label) ? [shown(floor[label], unit)] : []),
    ]);
    return `| ${[words, shown(planned, unit), ...cells].join(' | ')} |`;
  });
  const dates = used.map((label) => {
    const began = Object.values(runs[label] ?? {}).map((run) => run.began.slice(0, 10));
    return `${label}: ${[...new Set(began)].sort().join(', ')}`;
  });
  return `${[
    `| | ${['plan', ...columns].join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length + 1)}`,
    ...lines,
    '',
    `Measured ${dates.join('; ')}. *At best*: what the network leaves at least to any protocol that waits for a majority (from`,
    'the measured round trips); for a round trip itself the time of light in fibre along the great circle. Round trips are those',
    'of single pings: average ± standard deviation (least to most).',
  ].join('\n')}\n`;
}
