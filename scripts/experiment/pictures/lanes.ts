/** Bars in lanes over time, and bands across: what all timelines are made of. */
import type { CustomSeriesRenderItem } from 'echarts/types/dist/echarts';
import type { LeaderSpell, RunOf } from '../results.ts';
import { axis, colours, family, letters } from './chart.ts';
import type { Words } from './words.ts';

export interface Bar {
  readonly lane: number;
  readonly from: number;
  readonly to: number;
  readonly colour: string;
  /** Written into it where there is room. */
  readonly words?: string;
  readonly ink?: string;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

const wordsSize = letters - 2;
const wordWidth = 0.6 * wordsSize;

/** Of a grid by its number; bars that reach out of the span are cut. `share` is that of the lane's height. */
export function bars(all: readonly Bar[], { from, to }: Span, share: number, grid = 0): object {
  const shown = all
    .map((bar) => ({ ...bar, from: Math.max(from, bar.from), to: Math.min(to, bar.to) }))
    .filter((bar) => bar.to > bar.from);
  const renderItem: CustomSeriesRenderItem = ({ dataIndex }, api) => {
    const bar = shown[dataIndex];
    if (!bar) return null;
    const [x = 0, y = 0] = api.coord([bar.from, bar.lane]);
    const [right = 0] = api.coord([bar.to, bar.lane]);
    const laneHeight = (api.size?.([0, 1]) as readonly number[] | undefined)?.[1] ?? 0;
    const height = laneHeight * share;
    const width = Math.max(1.5, right - x);
    const words = bar.words ?? '';
    const hasRoom = words !== '' && width > words.length * wordWidth + 6;
    return {
      type: 'group',
      children: [
        { type: 'rect', shape: { x, y: y - height / 2, width, height }, style: { fill: bar.colour } },
        ...(hasRoom
          ? [
              {
                type: 'text' as const,
                style: {
                  text: words,
                  x: x + width / 2,
                  y,
                  fill: bar.ink ?? '#ffffff',
                  fontFamily: family,
                  fontSize: wordsSize,
                  textAlign: 'center' as const,
                  textVerticalAlign: 'middle' as const,
                },
              },
            ]
          : []),
      ],
    };
  };
  return {
    type: 'custom',
    renderItem,
    xAxisIndex: grid,
    yAxisIndex: grid,
    silent: true,
    data: shown.map((bar) => [bar.from, bar.lane]),
  };
}

/** A lane for each of these, the first on top. */
export const laneAxis = (words: Words, names: readonly string[], more: object = {}): object =>
  axis(words, '', {
    type: 'category',
    data: [...names],
    inverse: true,
    axisTick: { show: false },
    splitLine: { show: false },
    ...more,
  });

/** A line without points that carries what reaches from the bottom of its grid to the top. */
export const across = (
  bands: readonly (Span & { readonly colour: string })[],
  moments: readonly Moment[],
  grid = 0,
) => ({
  type: 'line',
  data: [],
  symbol: 'none',
  xAxisIndex: grid,
  yAxisIndex: grid,
  silent: true,
  z: 1,
  markArea: {
    silent: true,
    data: bands.map(({ from, to, colour }) => [{ xAxis: from, itemStyle: { color: colour } }, { xAxis: to }]),
  },
  markLine: {
    silent: true,
    symbol: 'none',
    label: { show: false },
    data: moments.map(({ at, colour, type }) => ({ xAxis: at, lineStyle: { color: colour, type, width: 1.8 } })),
  },
});
export interface Moment {
  readonly at: number;
  readonly colour: string;
  readonly type: 'solid' | 'dashed' | 'dotted';
}

export interface Named extends Readonly<Record<string, unknown>> {
  readonly name: string;
}
/** Entries of a legend that stand for bars, bands or moments. */
export const swatch = (name: string, colour: string): Named => ({
  type: 'scatter',
  name,
  symbol: 'rect',
  itemStyle: { color: colour, opacity: 1 },
  data: [],
});
export const stroke = (name: string, { colour, type }: Moment): Named => ({
  type: 'line',
  name,
  symbol: 'none',
  itemStyle: { opacity: 0, color: colour },
  lineStyle: { color: colour, type, width: 1.8 },
  data: [],
});

export const nobodyColour = '#d4d7dc';
export const silentColour = '#4b4f56';
const leaderColours = [colours.green, colours.pink, colours.blue, colours.orange, colours.sky, colours.red, '#8a6d00'];

export const nodeIds = ({ cluster }: Pick<RunOf<'partition'>, 'cluster'>): readonly number[] =>
  cluster.nodes.map(({ id }) => id);

/** By region where the nodes have one. */
export const nodeName = ({ cluster }: Pick<RunOf<'partition'>, 'cluster'>, id: number): string => {
  const region = cluster.nodes.find((node) => node.id === id)?.region;
  return region ? `${id} ${region}` : `${id}`;
};

export const leaderColour = (ids: readonly number[], leader: number): string =>
  leaderColours[ids.indexOf(leader)] ?? colours.grey;

/** Whom each node names as the leader. */
export const leaderBars = (
  ids: readonly number[],
  spells: readonly LeaderSpell[],
  words: Words,
  scale = 1,
): readonly Bar[] =>
  spells.map(({ node, fromMs, toMs, leader }) => {
    const bar = { lane: ids.indexOf(node), from: fromMs * scale, to: toMs * scale };
    if (leader === 'silent') return { ...bar, colour: silentColour, words: words.dead };
    if (leader === null) return { ...bar, colour: nobodyColour, words: words.nobody, ink: colours.ink };
    return { ...bar, colour: leaderColour(ids, leader), words: `${leader}` };
  });
