/** Round trips between each ordered pair of nodes: average, standard deviation, least and most. */
import type { Picture } from '../files.ts';
import type { PairFigures, RunOf } from '../results.ts';
import { axis, colours, grid, letters, picture, roomFor } from './chart.ts';
import { nodeIds } from './lanes.ts';
import { fixed, type Words } from './words.ts';

/** From pale to dark, so that it reads in grey too. */
const shades = ['#f3f8fc', '#c9e0f0', '#8fc1e0', '#4795c8', '#0f5f9c'];

/** Three lines of letters, and a little air. */
const cellHeight = 64;

function cell(pair: PairFigures, ids: readonly number[], highest: number, words: Words): object {
  const { average, stdev, min, max } = pair.ms;
  const isDark = average > 0.8 * highest;
  return {
    value: [ids.indexOf(pair.target), ids.indexOf(pair.source), average],
    label: {
      show: true,
      formatter: `{a|${fixed(average, words)}}\n{b|± ${fixed(stdev, words)}}\n{b|${fixed(min, words)}–${fixed(max, words)}}`,
      rich: {
        a: { fontSize: letters + 4, fontWeight: 'bold', color: isDark ? '#ffffff' : colours.ink, lineHeight: 24 },
        b: { fontSize: letters - 2, color: isDark ? '#ffffff' : colours.ink, lineHeight: 16 },
      },
    },
  };
}

export function heatMapPictures(run: RunOf<'latency'>, words: Words): readonly Picture[] {
  const ids = nodeIds(run);
  const names = run.cluster.nodes.map(({ id, region }) => region ?? `${id}`);
  const { pairs } = run.figures;
  const highest = Math.max(0.001, ...pairs.map(({ ms }) => ms.average));
  const side = (name: string, more: object): object =>
    axis(words, name, {
      type: 'category',
      data: names,
      splitLine: { show: false },
      axisTick: { show: false },
      axisLine: { show: false },
      ...more,
    });
  return [
    picture(
      'heat-map',
      {
        grid: grid({ left: roomFor(names) + 30, right: 100, top: 12, bottom: 54 }),
        xAxis: side(words.to, { nameGap: 32 }),
        yAxis: side(words.from, { inverse: true, nameGap: roomFor(names) + 4 }),
        visualMap: {
          min: 0,
          max: highest,
          calculable: false,
          orient: 'vertical',
          right: 10,
          top: 'middle',
          itemHeight: 170,
          text: [`${fixed(highest, words)} ms`, '0 ms'],
          textStyle: { color: colours.ink, fontSize: letters - 2 },
          inRange: { color: shades },
        },
        series: [
          {
            type: 'heatmap',
            data: pairs.map((pair) => cell(pair, ids, highest, words)),
            itemStyle: { borderColor: '#ffffff', borderWidth: 3 },
          },
        ],
      },
      Math.max(320, 66 + cellHeight * ids.length),
    ),
  ];
}
