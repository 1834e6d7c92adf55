/**
 * From an ECharts option to a picture: SVG without a browser.
 *
 * Pictures are made for one column of a two-column page: 504 px stand for 252 pt, so 15 px are letters of 7.5 pt. No titles:
 * the caption beside the picture has the words. Colours are those of Okabe and Ito, which people who see
 * red and green alike can tell apart; what matters differs in shape or place too.
 */
import { CustomChart, HeatmapChart, LineChart, LinesChart, ScatterChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  VisualMapComponent,
} from 'echarts/components';
import { type EChartsCoreOption, init, setPlatformAPI, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Picture } from '../files.ts';
import { number, type Words } from './words.ts';

use([
  ...[CustomChart, HeatmapChart, LineChart, LinesChart, ScatterChart, SVGRenderer],
  ...[GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, VisualMapComponent],
]);

export const colours = {
  blue: '#0072B2',
  orange: '#E69F00',
  green: '#009E73',
  red: '#D55E00',
  sky: '#56B4E9',
  pink: '#CC79A7',
  ink: '#222222',
  grey: '#6b7280',
  faint: '#e3e6ea',
} as const;
export const letters = 15;
export const family = 'Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif';
/** Of the widest of these fonts, so that nothing collides in any. */
const letterWidth = 0.58;
const pictureWidth = 504;

// There is no canvas here to measure letters with.
setPlatformAPI({
  measureText: (text: string, font?: string) => ({
    width: textWidth(text, Number(/(\d+(?:\.\d+)?)px/.exec(font ?? '')?.[1] ?? letters)),
  }),
});

/** What all axes look like; `more` says what differs. */
export const axis = (words: Words, name: string, more: object = {}): object => ({
  type: 'value',
  name,
  nameLocation: 'middle',
  nameGap: 30,
  nameTextStyle: { color: colours.ink, fontSize: letters },
  axisLabel: {
    color: colours.ink,
    fontSize: letters - 1,
    hideOverlap: true,
    formatter: (value: number | string) => (typeof value === 'number' ? number(value, words, 3) : value),
  },
  axisLine: { show: true, onZero: false, lineStyle: { color: colours.grey } },
  axisTick: { show: true, lineStyle: { color: colours.grey } },
  splitLine: { lineStyle: { color: colours.faint } },
  ...more,
});

/** Exactly there, so that grids above each other are in line; the labels are given their room. */
export const grid = (sides: { left: number; right: number; top: number; bottom: number }): object => ({
  ...sides,
  outerBoundsMode: 'none',
});
/** What names beside an axis need. */
export const roomFor = (names: readonly string[]): number =>
  Math.ceil(Math.max(0, ...names.map((name) => textWidth(name, letters - 1)))) + 14;

const iconWidth = 22;
const itemGap = 14;
const rowHeight = 22;
const textWidth = (text: string, size: number): number => text.length * letterWidth * size;

/** How many rows these names take in a legend, as wide as the picture. */
function rowsOf(names: readonly string[], width: number): number {
  let rows = 1;
  let used = 0;
  for (const name of names) {
    const own = iconWidth + 5 + textWidth(name, letters - 1) + itemGap;
    if (used > 0 && used + own > width) [rows, used] = [rows + 1, 0];
    used += own;
  }
  return rows;
}

/** Of these series by name; `bottom` is where the picture proper may begin. */
export function legend(names: readonly string[]): { readonly option: object; readonly bottom: number } {
  const option = {
    data: names,
    top: 0,
    left: 'center',
    padding: [4, 6],
    itemWidth: iconWidth,
    itemHeight: 11,
    itemGap,
    textStyle: { color: colours.ink, fontSize: letters - 1 },
  };
  return { option, bottom: 12 + rowHeight * rowsOf(names, pictureWidth - 20) };
}

/** About `count` steps of a round size, and an axis that begins and ends with one. */
export function roundAxis(from: number, to: number, count = 6): { min: number; max: number; interval: number } {
  const rough = Math.max(1e-9, (to - from) / count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const interval = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return { min: Math.floor(from / interval) * interval, max: Math.ceil(to / interval) * interval, interval };
}

export interface Line extends Readonly<Record<string, unknown>> {
  readonly name: string;
}
/** A line across the picture, of a series without points, so that the legend can name it. */
export const line = (
  name: string,
  at: { readonly xAxis: number } | { readonly yAxis: number },
  colour: string,
  type: 'solid' | 'dashed' | 'dotted' = 'dashed',
): Line => ({
  type: 'line',
  name,
  symbol: 'none',
  data: [],
  lineStyle: { color: colour, type, width: 1.8 },
  itemStyle: { color: colour, opacity: 0 },
  markLine: {
    silent: true,
    symbol: 'none',
    label: { show: false },
    lineStyle: { color: colour, type, width: 1.8 },
    data: [at],
  },
});

/**
 * Without what only a page would use, whose names count up from picture to picture; and not every program that reads SVG
 * knows `dominant-baseline`, but all know `dy`.
 */
const plain = (svg: string, name: string): string =>
  svg
    .replaceAll(/ (?:ecmeta_\w+|pointer-events|class|baseProfile)="[^"]*"/g, '')
    .replace(/<style[\s\S]*?<\/style>\s*/g, '')
    .replaceAll('dominant-baseline="central"', 'dy="0.35em"')
    .replaceAll(/\bzr\d+-/g, `${name}-`);

export function picture(name: string, option: EChartsCoreOption, height = 300): Picture {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: pictureWidth, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: family, fontSize: letters, color: colours.ink },
    ...option,
  });
  const svg = plain(chart.renderToSVGString(), name);
  chart.dispose();
  return { name, svg: `${svg.trim()}\n` };
}
