/**
 * The picture of a torture, as SVG: what was broken when, what clients saw of it, who led, and how each node was.
 *
 *   faults      a bar each, with its name; its band goes down through all that follows
 *   calls       stacked, a column a second
 *   leader      a colour each; hatched where no majority named the same one
 *   nodes       a lane each
 */
import type { NodeState } from './fault.ts';
import { callKinds } from './recorder.ts';
import type { Result } from './result.ts';

const ink = '#24292f';
const faint = '#6e7781';
const paper = '#ffffff';
const outcomes = [
  { name: 'acknowledged', colour: '#5aa874' },
  { name: 'refused', colour: '#e3b341' },
  { name: 'unknown', colour: '#cf4a3c' },
] as const;
const states: readonly { readonly state: NodeState; readonly words: string; readonly colour: string }[] = [
  { state: 'down', words: 'down', colour: '#30363d' },
  { state: 'paused', words: 'paused', colour: '#8876c9' },
  { state: 'cut', words: 'cut off, in part or wholly', colour: '#dd6b3d' },
  { state: 'slow', words: 'slow', colour: '#d7a93a' },
  { state: 'disk', words: 'disk in trouble', colour: '#8a5a35' },
];
const leaderColours = ['#3a6fb5', '#b2559a', '#2f9c95', '#a8823a', '#7a63c7', '#5d8f3b', '#b55a4a'];

const healthy = '#b7d9c2';
const unhealthy = '#9aa4ae';

const left = 76;
const right = 24;
const barHeight = 15;
const rowHeight = 19;
const plotHeight = 200;
const laneHeight = 22;
/** Of 11 px sans-serif, on average; a little more than most are. */
const letterWidth = 6.1;

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
const box = (
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  more: Attributes = {},
  title = '',
): string =>
  element('rect', { x, y, width, height, fill, ...more }, title === '' ? '' : `<title>${escaped(title)}</title>`);
const label = (x: number, y: number, text: string, more: Attributes = {}): string =>
  element('text', { x, y, ...more }, escaped(text));
const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, more: Attributes = {}): string =>
  element('line', { x1, y1, x2, y2, stroke, ...more });

/** About `count` steps of a round size up to `top`. */
function stepOf(top: number, count: number): number {
  const rough = top / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
}

interface Frame {
  readonly result: Result;
  readonly x: (ms: number) => number;
  readonly width: number;
}

/** Rows from the top; a bar goes where it and its name have room. */
function faultBars({ result, x, width }: Frame, top: number): { readonly svg: string[]; readonly bottom: number } {
  const free: number[] = [];
  const svg = result.faults.map(({ name, fromMs, toMs }) => {
    const from = x(fromMs);
    const long = Math.max(3, x(toMs) - from);
    const room = Math.max(long, long + 5 + name.length * letterWidth) + 8;
    let row = free.findIndex((end) => end <= from);
    if (row < 0) row = free.length;
    free[row] = from + room;
    const y = top + row * rowHeight;
    const words = `${name}, ${n((toMs - fromMs) / 1000)} s`;
    const textX = Math.min(from + long + 4, left + width - name.length * letterWidth);
    return (
      box(from, y, long, barHeight, '#c9574a', { rx: 2, 'fill-opacity': 0.85 }, words) + label(textX, y + 11.5, name)
    );
  });
  return { svg, bottom: top + free.length * rowHeight };
}

function calls({ result, x, width }: Frame, top: number): string[] {
  const seconds = Object.values(result.seconds);
  const count = Math.max(...seconds.map(({ length }) => length));
  const sumOf = (second: number, name: (typeof outcomes)[number]['name']): number =>
    seconds.reduce((sum, each) => sum + (each[second]?.[name] ?? 0), 0);
  const columns = Array.from({ length: count }, (_, second) => outcomes.map(({ name }) => sumOf(second, name)));
  const step = stepOf(Math.max(5, ...columns.map((column) => column.reduce((a, b) => a + b, 0))), 4);
  const highest = step * Math.ceil(Math.max(1, ...columns.map((column) => column.reduce((a, b) => a + b, 0))) / step);
  const bottom = top + plotHeight;
  const y = (value: number): number => (value / highest) * plotHeight;
  const svg: string[] = [];
  for (let value = 0; value <= highest; value += step) {
    svg.push(line(left, bottom - y(value), left + width, bottom - y(value), '#d8dee4', { 'stroke-width': 0.7 }));
    svg.push(label(left - 8, bottom - y(value) + 4, `${value}`, { 'text-anchor': 'end', fill: faint }));
  }
  svg.push(
    label(18, top + plotHeight / 2, 'calls a second', {
      transform: `rotate(-90 18 ${n(top + plotHeight / 2)})`,
      'text-anchor': 'middle',
      fill: faint,
    }),
  );
  columns.forEach((column, second) => {
    const from = x(second * 1000);
    // The last second is mostly a part of one.
    const wide = Math.min(x((second + 1) * 1000), left + width) - from;
    let at = bottom;
    column.forEach((value, i) => {
      if (value === 0) return;
      at -= y(value);
      svg.push(
        box(
          from + 0.5,
          at,
          Math.max(0.5, wide - 1),
          y(value),
          outcomes[i]?.colour ?? ink,
          {},
          `second ${second}: ${value} ${outcomes[i]?.name}`,
        ),
      );
    });
  });
  const { ms, atMs } = result.unavailability.longest;
  if (ms >= 500) {
    const words = `${n(ms / 1000)} s without an acknowledged append`;
    const anchor = x(atMs) > left + width / 2 ? { 'text-anchor': 'end' } : {};
    const textX = x(atMs) > left + width / 2 ? x(atMs + ms) : x(atMs);
    svg.push(line(x(atMs), top + 4, x(atMs + ms), top + 4, '#a02020', { 'stroke-width': 3 }));
    svg.push(label(textX, top + 17, words, { fill: '#a02020', ...anchor }));
  }
  return svg;
}

function timeAxis({ result, x, width }: Frame, y: number): string[] {
  const seconds = result.durationMs / 1000;
  const wanted = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
  const step = wanted.find((each) => x(each * 1000) - x(0) >= 55) ?? 600;
  const svg = [line(left, y, left + width, y, faint)];
  for (let at = 0; at <= seconds; at += step) {
    svg.push(line(x(at * 1000), y, x(at * 1000), y + 4, faint));
    const words = at < 60 || step < 60 ? `${at} s` : `${at / 60} min`;
    svg.push(label(x(at * 1000), y + 16, words, { 'text-anchor': 'middle', fill: faint }));
  }
  return svg;
}

const leaderColour = (id: number): string => leaderColours[(id - 1) % leaderColours.length] ?? ink;

function leaders({ result, x }: Frame, y: number): string[] {
  const svg = [label(left - 8, y + 14, 'leader', { 'text-anchor': 'end', fill: faint })];
  for (const { leader, fromMs, toMs } of result.leaders) {
    const to = Math.min(toMs, result.durationMs);
    const wide = x(to) - x(fromMs);
    if (wide <= 0) continue;
    const fill = leader === null ? 'url(#nobody)' : leaderColour(leader);
    const words = `${leader === null ? 'nobody' : `node ${leader}`}, ${n((to - fromMs) / 1000)} s`;
    svg.push(box(x(fromMs), y, wide, laneHeight - 4, fill, {}, words));
    if (leader !== null && wide > 14) {
      svg.push(
        label(x(fromMs) + wide / 2, y + 13, `${leader}`, {
          'text-anchor': 'middle',
          fill: '#ffffff',
          'font-weight': 'bold',
        }),
      );
    }
  }
  return svg;
}

function lane({ result, x, width }: Frame, node: number, y: number): string[] {
  const svg = [
    label(left - 8, y + 14, `node ${node}`, { 'text-anchor': 'end', fill: faint }),
    box(left, y + 7, width, 4, healthy),
  ];
  for (const { node: id, fromMs, toMs } of result.unready) {
    if (id === node) svg.push(box(x(fromMs), y + 7, Math.max(0.5, x(toMs) - x(fromMs)), 4, unhealthy));
  }
  for (const { node: id, state, fromMs, toMs } of result.spells) {
    if (id !== node) continue;
    const { colour, words } = states.find((each) => each.state === state) ?? { colour: ink, words: state };
    svg.push(
      box(
        x(fromMs),
        y + 1,
        Math.max(2, x(toMs) - x(fromMs)),
        laneHeight - 6,
        colour,
        { rx: 1.5 },
        `${words}, ${n((toMs - fromMs) / 1000)} s`,
      ),
    );
  }
  return svg;
}

/** Coloured squares with words, as many in a row as there is room for. */
function legend(width: number, top: number): { readonly svg: string[]; readonly bottom: number } {
  const entries = [
    ...outcomes.map(({ name, colour }) => [colour, name] as const),
    ['url(#nobody)', 'no leader'] as const,
    [healthy, 'node healthy'] as const,
    [unhealthy, 'not healthy'] as const,
    ...states.map(({ colour, words }) => [colour, `node ${words}`] as const),
  ];
  let x = left;
  let y = top;
  const svg: string[] = [];
  for (const [fill, words] of entries) {
    const room = 16 + words.length * letterWidth + 22;
    if (x + room > left + width) [x, y] = [left, y + rowHeight];
    svg.push(box(x, y, 11, 11, fill), label(x + 16, y + 10, words));
    x += room;
  }
  return { svg, bottom: y + rowHeight };
}

function heading({ configuration, machine, began, messages, violations, durationMs, counts }: Result): string[] {
  const sum = callKinds.reduce((all, kind) => all + (counts[kind]?.acknowledged ?? 0), 0);
  const verdict = violations.length === 0 ? 'nothing was violated' : `${violations.length} violations`;
  const fill = violations.length === 0 ? '#2f7d4a' : '#a02020';
  const { nodes, clients, seed } = configuration;
  return [
    label(left, 30, `Torture of ${nodes} nodes: ${verdict}`, { 'font-size': 18, 'font-weight': 'bold', fill }),
    label(
      left,
      50,
      `${clients} clients, ${n(durationMs / 1000)} s, seed ${seed}; ${sum} calls acknowledged, ${messages} messages in the log`,
    ),
    label(left, 66, `${began.slice(0, 16).replace('T', ' ')} UTC, ${machine.cpus}, Node.js ${machine.node}`, {
      fill: faint,
    }),
  ];
}

export function pictureOf(result: Result): string {
  const width = Math.min(6_000, Math.max(900, (result.durationMs / 1000) * 18));
  const x = (ms: number): number => left + (Math.max(0, ms) / result.durationMs) * width;
  const frame: Frame = { result, x, width };
  const bars = faultBars(frame, 84);
  const callsTop = bars.bottom + 14;
  const axisAt = callsTop + plotHeight;
  const leaderAt = axisAt + 34;
  const lanesAt = leaderAt + laneHeight + 4;
  const lanesEnd = lanesAt + result.nodes.length * laneHeight;
  const words = legend(width, lanesEnd + 14);
  const height = words.bottom + 10;
  const bands = result.faults.map(({ fromMs, toMs }) =>
    box(x(fromMs), callsTop, Math.max(1, x(toMs) - x(fromMs)), lanesEnd - callsTop, '#c9574a', { 'fill-opacity': 0.1 }),
  );
  const total = left + width + right;
  const parts = [
    '<defs><pattern id="nobody" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">' +
      '<rect width="5" height="5" fill="#f0f2f4"/><rect width="2" height="5" fill="#c3cad1"/></pattern></defs>',
    box(0, 0, total, height, paper),
    ...heading(result),
    label(left - 8, 95.5, 'faults', { 'text-anchor': 'end', fill: faint }),
    ...bars.svg,
    ...bands,
    ...calls(frame, callsTop),
    ...timeAxis(frame, axisAt),
    ...leaders(frame, leaderAt),
    ...result.nodes.flatMap((node, i) => lane(frame, node, lanesAt + i * laneHeight)),
    ...words.svg,
  ];
  const attributes: Attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${n(total)} ${n(height)}`,
    width: total,
    height,
    'font-family': 'system-ui, sans-serif',
    'font-size': 11,
    fill: ink,
  };
  return `${element('svg', attributes, `\n${parts.join('\n')}\n`)}\n`;
}
