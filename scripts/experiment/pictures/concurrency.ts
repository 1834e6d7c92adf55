/** Latency over time, and how it is distributed. */
import type { Picture } from '../files.ts';
import type { Outcome, RunOf } from '../results.ts';
import { distributionOf } from '../statistics.ts';
import { axis, colours, grid, legend, line, picture } from './chart.ts';
import { number, type Words } from './words.ts';

const looks: Readonly<Record<Outcome, { readonly colour: string; readonly symbol: string }>> = {
  acknowledged: { colour: colours.blue, symbol: 'circle' },
  refused: { colour: colours.orange, symbol: 'triangle' },
  unknown: { colour: colours.red, symbol: 'diamond' },
};

const inMs = (value: number, words: Words): string => `${number(value, words)} ms`;

function overTime({ samples, figures }: RunOf<'concurrency'>, words: Words): Picture {
  const last = Math.max(0, ...samples.map(({ atMs }) => atMs));
  const isLong = last > 3_000;
  const { average, p95 } = figures.latencyMs;
  const { floorMs } = figures;
  const outcomes = (Object.keys(looks) as Outcome[]).filter((name) => samples.some(({ outcome }) => outcome === name));
  const points = outcomes.map((name) => ({
    type: 'scatter',
    name: words[name],
    symbol: looks[name].symbol,
    symbolSize: 6,
    itemStyle: { color: looks[name].colour, opacity: 0.75 },
    data: samples.filter(({ outcome }) => outcome === name).map(({ atMs, ms }) => [isLong ? atMs / 1000 : atMs, ms]),
  }));
  const lines = [
    line(`${words.average} ${inMs(average, words)}`, { yAxis: average }, colours.ink),
    line(`${words.p95} ${inMs(p95, words)}`, { yAxis: p95 }, colours.red, 'dotted'),
    ...(floorMs === null ? [] : [line(`${words.floor} ${inMs(floorMs, words)}`, { yAxis: floorMs }, colours.green)]),
  ];
  // Of one outcome there is nothing to tell apart.
  const own = legend([
    ...(outcomes.length < 2 ? [] : outcomes.map((name) => words[name])),
    ...lines.map(({ name }) => name),
  ]);
  return picture('latency-over-time', {
    grid: grid({ left: 62, right: 20, top: own.bottom, bottom: 50 }),
    legend: own.option,
    xAxis: axis(words, isLong ? words.timeS : words.timeMs, { min: 0 }),
    yAxis: axis(words, words.latencyMs, { min: 0, nameGap: 42 }),
    series: [...points, ...lines],
  });
}

function distribution({ samples, figures }: RunOf<'concurrency'>, words: Words): Picture {
  const latencies = samples.filter(({ outcome }) => outcome === 'acknowledged').map(({ ms }) => ms);
  const { p50, p95 } = figures.latencyMs;
  const steps = distributionOf(latencies).map(([value, share]) => [value, share * 100]);
  const lines = [
    line(`${words.p50} ${inMs(p50, words)}`, { xAxis: p50 }, colours.ink),
    line(`${words.p95} ${inMs(p95, words)}`, { xAxis: p95 }, colours.red, 'dotted'),
  ];
  const own = legend(lines.map(({ name }) => name));
  return picture('latency-distribution', {
    grid: grid({ left: 62, right: 20, top: own.bottom, bottom: 50 }),
    legend: own.option,
    xAxis: axis(words, words.latencyMs, { min: 0 }),
    yAxis: axis(words, words.shareOfWrites, { min: 0, max: 100, nameGap: 42 }),
    series: [
      {
        type: 'line',
        step: 'end',
        symbol: 'none',
        lineStyle: { color: colours.blue, width: 2.5 },
        data: [[steps[0]?.[0] ?? 0, 0], ...steps],
      },
      ...lines,
    ],
  });
}

export const concurrencyPictures = (run: RunOf<'concurrency'>, words: Words): readonly Picture[] => [
  overTime(run, words),
  distribution(run, words),
];
