/**
 * The picture of a bench, as SVG: for each row a bar of every system, side by side; rows that have a unit in common and go
 * together share a panel and its scale. A bar begins at the panel's edge, so its scale is linear, unless values differ by
 * a lot: then it is logarithmic and says so. A thin line shows the lowest and the highest sample.
 *
 * Colours come from a style sheet that knows dark paper too; text is text.
 */
import type { Figure, Measured, Row } from './book.ts';
import type { BenchResult } from './result.ts';
import { figureWords, systemsIn } from './table.ts';

const width = 1000;
const left = 330;
const right = 110;
const plotWidth = width - left - right;
const barHeight = 12;
const barGap = 2;
const rowGap = 12;
/** Values that differ by more are drawn on a logarithmic scale. */
const logFactor = 30;
/** Of 12 px sans-serif, on average; a little more than most are. */
const letterWidth = 6.6;

/** On light paper, on dark paper: each a tone that stands out from it. Limits are grey: nobody competes with them. */
type Tones = readonly (readonly [string, string])[];
const colours: Tones = [
  ['#1f6feb', '#58a6ff'],
  ['#c2452d', '#f2806b'],
  ['#1a7f64', '#3fb996'],
  ['#b07d00', '#e3b341'],
  ['#7a4fc9', '#b392f0'],
];
const greys: Tones = [
  ['#57606a', '#c3cbd3'],
  ['#8a949e', '#8f99a3'],
  ['#b3bbc3', '#5d666f'],
  ['#6e7781', '#a9b3bd'],
];
const tonesOf = (system: string, { systems, limits }: Frame): readonly [string, string] => {
  const tones = limits.includes(system) ? greys : colours;
  const alike = systems.filter((each) => limits.includes(each) === limits.includes(system));
  return tones[alike.indexOf(system) % tones.length]!;
};

const styleSheet = (frame: Frame): string => {
  const dress = (dark: 0 | 1): string =>
    frame.systems.map((system, i) => `.s${i}{fill:${tonesOf(system, frame)[dark]}}`).join('');
  return (
    `.paper{fill:#fff}.ink{fill:#1f2328}.faint{fill:#59636e}.rule{stroke:#d1d9e0}.span{stroke:#1f2328}${dress(0)}` +
    `@media (prefers-color-scheme:dark){.paper{fill:#0d1117}.ink{fill:#e6edf3}.faint{fill:#9198a1}` +
    `.rule{stroke:#30363d}.span{stroke:#e6edf3}${dress(1)}}`
  );
};

/** Of the scenarios; the name of one that is not here will do. */
const titles: Readonly<Record<string, string>> = {
  single: 'One message at a time',
  batches: 'Batches',
  peaks: 'The most that goes in',
  delivery: 'Delivery',
  failover: 'Losing the leader',
  million: 'After many messages',
  limits: 'The disk alone',
  soak: 'Soak',
  overload: 'Overload',
  keyed: 'A key a message',
  wan: 'Three regions (simulated)',
  profile: 'Processor time',
  viewers: 'Viewers',
};

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const n = (value: number): string => String(Math.round(value * 10) / 10);

type Attributes = Readonly<Record<string, string | number>>;
const element = (name: string, attributes: Attributes, inside = ''): string => {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? n(value) : escaped(value)}"`)
    .join('');
  return inside === '' ? `<${name}${written}/>` : `<${name}${written}>${inside}</${name}>`;
};
const label = (x: number, y: number, text: string, more: Attributes = {}): string =>
  element('text', { x, y, class: 'ink', ...more }, escaped(text));

/** From the panel's left edge, in pixels. */
export interface Scale {
  readonly isLogarithmic: boolean;
  /** What the left edge stands for. */
  readonly from: number;
  readonly ticks: readonly number[];
  at(value: number): number;
}

const powersBetween = (low: number, high: number): number[] => {
  const found: number[] = [];
  for (let power = low; power <= high * 1.000_001; power *= 10) found.push(power);
  return found;
};

/** Linear from 0, or from the power of ten below the smallest one. */
export function scaleOf(values: readonly number[], pixels: number): Scale {
  const positive = values.filter((value) => value > 0);
  const high = Math.max(...positive, 1e-9);
  const low = Math.min(...positive, high);
  if (high / low <= logFactor) {
    const rough = high / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
    const ticks = Array.from({ length: Math.floor(high / step) + 1 }, (_, i) => i * step);
    return { isLogarithmic: false, from: 0, ticks, at: (value) => (Math.max(0, value) / high) * pixels };
  }
  // A power lower where the smallest bar would be no bar.
  const below = 10 ** Math.floor(Math.log10(low));
  const from = low / below < 1.5 ? below / 10 : below;
  const at = (value: number): number =>
    value <= from ? 0 : (Math.log10(value / from) / Math.log10(high / from)) * pixels;
  return { isLogarithmic: true, from, ticks: powersBetween(from, high), at };
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly best: Row['best'];
  readonly rows: readonly Row[];
}

/** Rows of one scenario and unit in the order in which they came; the limits stand with what they are the limits of. */
function panelsOf({ rows }: Pick<Measured, 'rows'>): Panel[] {
  const panels = new Map<string, { title: string; unit: string; best: Row['best']; rows: Row[] }>();
  for (const row of rows) {
    const key = `${row.scenario} ${row.unit}`;
    const panel = panels.get(key) ?? { title: row.scenario, unit: row.unit, best: row.best, rows: [] };
    panel.rows.push(row);
    panels.set(key, panel);
  }
  return [...panels.values()];
}

/** Words on as many lines as they need. */
function wrapped(text: string, pixels: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && (last.length + 1 + word.length) * letterWidth <= pixels)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

interface Frame {
  readonly systems: readonly string[];
  readonly limits: readonly string[];
  readonly figures: readonly Figure[];
}

function bar({ systems }: Frame, figure: Figure, unit: string, scale: Scale, y: number): string {
  const { system, median, min, max } = figure;
  const long = Math.max(1.5, scale.at(median));
  const text = figureWords(median, unit);
  const title = `${system}: ${text} ${unit}, ${figureWords(min, unit)} to ${figureWords(max, unit)}${figure.note ? `; ${figure.note}` : ''}`;
  const end = Math.max(long, scale.at(max));
  const middle = y + barHeight / 2;
  return [
    element(
      'rect',
      { x: left, y, width: long, height: barHeight, class: `s${systems.indexOf(system)}`, rx: 1.5 },
      element('title', {}, escaped(title)),
    ),
    min === max
      ? ''
      : element('line', {
          x1: left + scale.at(min),
          y1: middle,
          x2: left + scale.at(max),
          y2: middle,
          class: 'span',
          'stroke-width': 1,
        }),
    label(left + end + 5, y + barHeight - 2, text, { 'font-size': 11 }),
  ].join('');
}

function panelSvg(frame: Frame, panel: Panel, top: number): { readonly svg: string[]; readonly bottom: number } {
  const ids = new Set(panel.rows.map(({ id }) => id));
  const own = frame.figures.filter(({ row }) => ids.has(row));
  const scale = scaleOf(
    own.flatMap(({ median, max }) => [median, max]),
    plotWidth,
  );
  const better = panel.best === 'high' ? 'longer is better' : 'shorter is better';
  const svg = [
    label(20, top + 14, titles[panel.title] ?? panel.title, { 'font-weight': 'bold', 'font-size': 14 }),
    label(left, top + 14, `${panel.unit}${scale.isLogarithmic ? ', logarithmic' : ''}; ${better}`, { class: 'faint' }),
  ];
  let y = top + 26;
  const plotTop = y;
  const bars: string[] = [];
  for (const row of panel.rows) {
    const figures = frame.systems.flatMap((system) =>
      own.filter((each) => each.row === row.id && each.system === system),
    );
    const lines = wrapped(row.words, left - 35);
    const tall = Math.max(figures.length * (barHeight + barGap), lines.length * 15);
    const textTop = y + (tall - lines.length * 15) / 2 + 11;
    lines.forEach((line, i) => {
      bars.push(label(left - 10, textTop + i * 15, line, { 'text-anchor': 'end' }));
    });
    const barsTop = y + (tall - figures.length * (barHeight + barGap)) / 2;
    figures.forEach((figure, i) => {
      bars.push(bar(frame, figure, panel.unit, scale, barsTop + i * (barHeight + barGap)));
    });
    y += tall + rowGap;
  }
  for (const tick of scale.ticks) {
    const x = left + scale.at(tick);
    svg.push(element('line', { x1: x, y1: plotTop - 4, x2: x, y2: y - 4, class: 'rule', 'stroke-width': 1 }));
    svg.push(
      label(x, y + 9, tick.toLocaleString('en-US'), { 'text-anchor': 'middle', class: 'faint', 'font-size': 11 }),
    );
  }
  return { svg: [...svg, ...bars], bottom: y + 30 };
}

function legend(systems: readonly string[], top: number): { readonly svg: string[]; readonly bottom: number } {
  let x = 20;
  let y = top;
  const svg: string[] = [];
  systems.forEach((system, i) => {
    const room = 18 + system.length * letterWidth + 20;
    if (x + room > width - 20) [x, y] = [20, y + 20];
    svg.push(
      element('rect', { x, y, width: 12, height: 12, rx: 1.5, class: `s${i}` }),
      label(x + 18, y + 10.5, system),
    );
    x += room;
  });
  return { svg, bottom: y + 34 };
}

export function pictureOf(result: BenchResult): string {
  const systems = systemsIn(result);
  const frame: Frame = { systems, figures: result.figures, limits: result.limits };
  const { machine, wanted } = result;
  const words = legend(systems, 84);
  const parts = [
    label(
      20,
      32,
      `Three nodes on one machine: ${systems.filter((system) => !result.limits.includes(system)).join(', ')}`,
      { 'font-size': 18, 'font-weight': 'bold' },
    ),
    label(
      20,
      53,
      `${result.began.slice(0, 16).replace('T', ' ')} UTC; ${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.fileSystem}, Node.js ${machine.node.slice(1)}`,
      { class: 'faint' },
    ),
    label(
      20,
      70,
      `the median of ${wanted.runs}, each ${wanted.seconds} s; a line from the lowest to the highest; only ratios mean something elsewhere`,
      { class: 'faint' },
    ),
    ...words.svg,
  ];
  let y = words.bottom;
  for (const panel of panelsOf(result)) {
    const { svg, bottom } = panelSvg(frame, panel, y);
    parts.push(...svg);
    y = bottom;
  }
  const attributes: Attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${n(y)}`,
    width,
    height: y,
    'font-family': 'system-ui, sans-serif',
    'font-size': 12,
  };
  const paper = element('rect', { x: 0, y: 0, width, height: y, class: 'paper' });
  return `${element('svg', attributes, `\n${element('style', {}, styleSheet(frame))}\n${[paper, ...parts].join('\n')}\n`)}\n`;
}
