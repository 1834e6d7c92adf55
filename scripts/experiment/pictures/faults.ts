/** A partition and the death of all nodes: what clients got above, and whom the nodes named as their leader below. */
import type { Picture } from '../files.ts';
import type { LeaderSpell, RunOf, WriteSample } from '../results.ts';
import { axis, colours, grid, legend, picture, roomFor } from './chart.ts';
import {
  across,
  bars,
  laneAxis,
  leaderBars,
  type Moment,
  type Named,
  nobodyColour,
  nodeIds,
  nodeName,
  type Span,
  silentColour,
  stroke,
  swatch,
} from './lanes.ts';
import { number, type Words } from './words.ts';

const height = 400;
const lanesTop = 268;

interface Two {
  readonly name: string;
  readonly above: readonly Named[];
  /** Of the legend; those that stand above are drawn as well. */
  readonly yAxis: object;
  readonly keys: readonly Named[];
  readonly bands: readonly (Span & { readonly colour: string })[];
  readonly moments: readonly Moment[];
  readonly time: string;
}

/** Two grids with one time axis in seconds. */
function twoGrids(
  run: RunOf<'partition'> | RunOf<'durability'>,
  spells: readonly LeaderSpell[],
  words: Words,
  two: Two,
): Picture {
  const ids = nodeIds(run);
  const names = ids.map((id) => nodeName(run, id));
  const left = Math.max(74, roomFor(names));
  const span: Span = {
    from:
      Math.max(...ids.map((id) => Math.min(...spells.filter(({ node }) => node === id).map(({ fromMs }) => fromMs)))) /
      1000,
    to:
      Math.min(...ids.map((id) => Math.max(...spells.filter(({ node }) => node === id).map(({ toMs }) => toMs)))) /
      1000,
  };
  const limits = { min: Math.ceil(span.from), max: Math.floor(span.to) };
  const shown: Span = { from: limits.min, to: limits.max };
  const own = legend(two.keys.map((key) => key.name));
  return picture(
    two.name,
    {
      legend: own.option,
      grid: [
        grid({ left, right: 20, top: own.bottom, bottom: height - lanesTop + 14 }),
        grid({ left, right: 20, top: lanesTop, bottom: 50 }),
      ],
      xAxis: [
        axis(words, '', { ...limits, gridIndex: 0, axisLabel: { show: false } }),
        axis(words, two.time, { ...limits, gridIndex: 1 }),
      ],
      yAxis: [{ ...two.yAxis, gridIndex: 0 }, laneAxis(words, names, { gridIndex: 1 })],
      series: [
        ...two.keys.filter((key) => !two.above.includes(key)),
        across(two.bands, two.moments, 0),
        ...two.above,
        bars(leaderBars(ids, spells, words, 1 / 1000), shown, 0.66, 1),
        across([], two.moments, 1),
      ],
    },
    height,
  );
}

/** How many of these were answered in each of these times. */
function rateOf(
  writes: readonly WriteSample[],
  { from, to }: Span,
  binS: number,
): readonly (readonly [number, number])[] {
  const bins = new Map<number, number>();
  for (const { atMs, ms } of writes) {
    const bin = Math.floor((atMs + ms) / 1000 / binS);
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  const [first, last] = [Math.ceil(from / binS), Math.floor(to / binS)];
  return Array.from({ length: Math.max(0, last - first) }, (_, i) => [
    (first + i + 0.5) * binS,
    bins.get(first + i) ?? 0,
  ]);
}

export function partitionPictures(run: RunOf<'partition'>, words: Words): readonly Picture[] {
  const { samples, figures } = run;
  const { minority, majority, apartMs } = figures;
  const ends = samples.writes.map(({ atMs, ms }) => atMs + ms);
  const span: Span = { from: Math.min(0, ...ends) / 1000, to: Math.max(0, ...ends) / 1000 };
  // So long that several writes fall into each, also where a write takes a quarter of a second.
  const binS = samples.writes.length / (span.to - span.from) > 30 ? 0.25 : 0.5;
  const of = (ids: readonly number[], isDone: boolean): readonly (readonly [number, number])[] => {
    const own = samples.writes.filter(
      ({ node, outcome }) => ids.includes(node) && (outcome === 'acknowledged') === isDone,
    );
    return rateOf(own, span, binS);
  };
  const rate = (name: string, ids: readonly number[], colour: string, symbol: string): Named => ({
    type: 'line',
    name,
    symbol,
    symbolSize: 7,
    lineStyle: { color: colour, width: 2 },
    itemStyle: { color: colour, opacity: symbol === 'none' ? 0 : 1 },
    data: of(ids, true),
  });
  const above: readonly Named[] = [
    rate(`${words.majority}: ${words.acknowledgedMany}`, majority, colours.blue, 'none'),
    rate(`${words.minority}: ${words.acknowledgedMany}`, minority, colours.green, 'circle'),
    {
      type: 'scatter',
      name: `${words.minority}: ${words.refusedMany}`,
      symbol: 'triangle',
      symbolSize: 11,
      itemStyle: { color: colours.red, opacity: 1 },
      data: of(minority, false).filter(([, count]) => count > 0),
    },
  ];
  return [
    twoGrids(run, samples.leaders, words, {
      name: 'partition',
      above,
      keys: [...above, swatch(words.apart, 'rgba(86, 180, 233, 0.5)'), swatch(words.nobody, nobodyColour)],
      yAxis: axis(words, `${words.writesPer} ${number(binS, words, 2)} s`, { min: 0, nameGap: 44 }),
      bands: [{ from: 0, to: apartMs / 1000, colour: 'rgba(86, 180, 233, 0.22)' }],
      moments: [],
      time: words.sinceCutS,
    }),
  ];
}

export function durabilityPictures(run: RunOf<'durability'>, words: Words): readonly Picture[] {
  const { samples, figures } = run;
  const acknowledged = samples.writes
    .filter(({ outcome }) => outcome === 'acknowledged')
    .map(({ atMs, ms }) => (atMs + ms) / 1000)
    .sort((a, b) => a - b);
  const killed: Moment = { at: 0, colour: colours.red, type: 'solid' };
  const firstAt = (figures.firstWriteMs ?? 0) / 1000;
  const written: Moment = { at: firstAt, colour: colours.ink, type: 'dashed' };
  const moments = figures.firstWriteMs === null ? [killed] : [killed, written];
  const names = [words.allKilled, `${words.written} ${number(firstAt, words)} s`];
  return [
    twoGrids(run, samples.leaders, words, {
      name: 'durability',
      above: [
        {
          type: 'line',
          name: words.inLog,
          step: 'end',
          symbol: 'none',
          lineStyle: { color: colours.blue, width: 2.5 },
          data: acknowledged.map((at, i) => [at, i + 1]),
        },
      ],
      yAxis: axis(words, words.inLog, { min: 0, nameGap: 50 }),
      keys: [
        ...moments.map((moment, i) => stroke(names[i] ?? '', moment)),
        swatch(words.dead, silentColour),
        swatch(words.nobody, nobodyColour),
      ],
      bands: [],
      moments,
      time: words.sinceKillS,
    }),
  ];
}
