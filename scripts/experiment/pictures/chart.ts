/**
 * From an ECharts option to a picture: SVG without a browser, and PNG of it.
 *
 * Pictures are made for one column of a two-column page: 504 px stand for 252 pt, so 15 px are letters of 7.5 pt. No titles:
 * the caption beside the picture has the words. Colours are those of Okabe and Ito, which people who see
 * red and green alike can tell apart; what matters differs in shape or place too.
 */
import { Resvg } from '@resvg/resvg-js';
import { CustomChart, HeatmapChart, LineChart, ScatterChart } from 'echarts/charts';
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

use([
  ...[CustomChart, HeatmapChart, LineChart, ScatterChart, SVGRenderer],
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
const family = 'Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif';
/** Of the widest of these fonts, so that nothing collides in any. */
const letterWidth = 0.58;
const pngZoom = 3;

// There is no canvas here to measure letters with.
setPlatformAPI({
  measureText: (text: string, font?: string) => ({
    width: text.length * letterWidth * Number(/(\d+(?:\.\d+)?)px/.exec(font ?? '')?.[1] ?? letters),
  }),
});

/** What all axes look like; `more` says what differs. */
export const axis = (name: string, more: object = {}): object => ({
  type: 'value',
  name,
  nameLocation: 'middle',
  nameGap: 30,
  nameTextStyle: { color: colours.ink, fontSize: letters },
  axisLabel: { color: colours.ink, fontSize: letters - 1, hideOverlap: true },
  axisLine: { show: true, lineStyle: { color: colours.grey } },
  axisTick: { show: true, lineStyle: { color: colours.grey } },
  splitLine: { lineStyle: { color: colours.faint } },
  ...more,
});

/** Of all series that have a name, or of these. */
export const legend = (data?: readonly string[]): object => ({
  ...(data && { data }),
  top: 0,
  left: 'center',
  itemWidth: 22,
  itemHeight: 10,
  itemGap: 14,
  textStyle: { color: colours.ink, fontSize: letters - 1 },
});

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

/** Not every program that reads SVG knows `dominant-baseline`; all know `dy`. */
const portable = (svg: string): string =>
  svg.replaceAll(/<text dominant-baseline="central"/g, '<text dy="0.35em"').replace(' baseProfile="full"', '');

export interface Size {
  readonly width?: number;
  readonly height?: number;
}

export function picture(name: string, option: EChartsCoreOption, { width = 504, height = 300 }: Size = {}): Picture {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: family, fontSize: letters, color: colours.ink },
    ...option,
  });
  const svg = portable(chart.renderToSVGString());
  chart.dispose();
  const png = new Resvg(svg, { fitTo: { mode: 'zoom', value: pngZoom } }).render().asPng();
  return { name, svg: `${svg.trim()}\n`, png };
}
