/**
 * Lays out the statecharts: `node ui/layout.mjs [folder of the build]` writes ui/actors/layouts.json.
 *
 * Machines change seldom and a layout engine is big: it runs here, and the page gets coordinates. Each chart is laid out
 * twice: `small`, without words at the arrows except timers, for the nodes side by side; and `whole`, with events and guards.
 * A test compares the digests of the charts with those in the file, and names this command.
 *
 * Plain JavaScript: it runs beside the build, not in it.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Elk from 'elkjs';

const here = dirname(fileURLToPath(import.meta.url));
/** Of a fixed-width font, per pixel of its size: the widest of the common ones, and a little. */
const characterWidth = 0.61;
const stateFont = 12;
const edgeFont = 11;
const lineHeight = 14;
/** From top to bottom reads best; what gets wider than this may go from left to right. */
const roomy = { small: 400, whole: 1100 };
/** Words at one arrow, at most; the table under the chart has all. */
const maxLines = 4;
const maxLineLength = 40;

const common = {
  'elk.algorithm': 'layered',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.edgeLabels.inline': 'false',
  'elk.layered.edgeLabels.sideSelection': 'ALWAYS_DOWN',
  'elk.spacing.edgeLabel': '4',
  'elk.spacing.labelLabel': '6',
};
const spaced = (node, layer, edge) => ({
  'elk.spacing.nodeNode': `${node}`,
  'elk.layered.spacing.nodeNodeBetweenLayers': `${layer}`,
  'elk.spacing.edgeNode': `${edge + 4}`,
  'elk.layered.spacing.edgeNodeBetweenLayers': `${edge + 4}`,
  'elk.spacing.edgeEdge': `${edge}`,
  'elk.layered.spacing.edgeEdgeBetweenLayers': `${edge}`,
});
const spacings = { small: spaced(12, 20, 6), whole: spaced(22, 26, 10) };
const placements = ['BRANDES_KOEPF', 'NETWORK_SIMPLEX', 'LINEAR_SEGMENTS'];

const cut = (text) => (text.length > maxLineLength ? `${text.slice(0, maxLineLength - 1)}…` : text);
const isTimer = ({ event }) => event.startsWith('after ');
const lineOf = (edge) => {
  const words = edge.guard === null ? edge.event : `${edge.event} [${edge.guard}]`;
  return cut(isTimer(edge) ? `◷ ${words}` : words);
};
const timerOf = (edge) => (isTimer(edge) ? cut(`◷ ${edge.event.slice(6)}`) : null);

/** Transitions that leave a state for the same other one are one arrow. */
function arrowsOf(chart) {
  const arrows = new Map();
  for (const edge of chart.edges) {
    if (edge.to === null) continue;
    const key = `${edge.from}>${edge.to}`;
    const arrow = arrows.get(key) ?? { from: edge.from, to: edge.to, edges: [] };
    arrow.edges.push(edge);
    arrows.set(key, arrow);
  }
  return [...arrows.values()];
}

function linesOf({ edges }, isWhole) {
  const lines = isWhole ? edges.map(lineOf) : edges.map(timerOf).filter((line) => line !== null);
  if (lines.length <= maxLines) return lines;
  return [...lines.slice(0, maxLines - 1), `+${lines.length - maxLines + 1}`];
}

const widthOf = (lines, font) => Math.ceil(Math.max(...lines.map((line) => line.length)) * font * characterWidth) + 4;

function graphOf(chart, kind, { direction, placement }) {
  const isWhole = kind === 'whole';
  const padding = isWhole ? 16 : 10;
  const childrenOf = (parent) =>
    chart.states
      .filter((state) => state.parent === parent)
      .map((state) => {
        const children = childrenOf(state.id);
        const lines = [state.label, ...state.invokes.map((name) => `▷ ${name}`)];
        const width = widthOf(lines, stateFont) + 20;
        const height = lines.length * lineHeight + 14;
        const first = state.initial && state.parent !== null;
        return {
          id: state.id,
          ...(children.length === 0 ? { width, height } : { children }),
          layoutOptions: {
            ...(children.length > 0 && {
              'elk.padding': `[top=${height + 12},left=${padding},bottom=${padding},right=${padding}]`,
              'elk.nodeSize.constraints': 'MINIMUM_SIZE',
              'elk.nodeSize.minimum': `(${width},${height})`,
            }),
            ...(first && { 'elk.layered.layering.layerConstraint': 'FIRST' }),
          },
        };
      });
  const edges = arrowsOf(chart).map((arrow) => {
    const lines = linesOf(arrow, isWhole);
    return {
      id: `${arrow.from}>${arrow.to}`,
      sources: [arrow.from],
      targets: [arrow.to],
      labels:
        lines.length === 0
          ? []
          : [{ text: lines.join('\n'), width: widthOf(lines, edgeFont), height: lines.length * lineHeight }],
    };
  });
  const layoutOptions = {
    ...common,
    ...spacings[kind],
    'elk.direction': direction,
    'elk.layered.nodePlacement.strategy': placement,
  };
  return { id: '', layoutOptions, children: childrenOf(null), edges };
}

/** Coordinates of ELK are relative to the container of each part; ours are of the drawing. */
function drawingOf(laid) {
  const origins = new Map([['', [0, 0]]]);
  const states = {};
  const walk = (node, [left, top]) => {
    for (const child of node.children ?? []) {
      const at = [left + child.x, top + child.y];
      origins.set(child.id, at);
      states[child.id] = [...at, child.width, child.height].map(Math.round);
      walk(child, at);
    }
  };
  walk(laid, [0, 0]);
  const arrows = [];
  const collect = (node) => {
    for (const edge of node.edges ?? []) {
      const [left, top] = origins.get(edge.container ?? '');
      const section = edge.sections[0];
      const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
      const [label] = edge.labels ?? [];
      arrows.push({
        from: edge.sources[0],
        to: edge.targets[0],
        points: points.map(({ x, y }) => [Math.round(x + left), Math.round(y + top)]),
        ...(label && {
          lines: label.text.split('\n'),
          label: [label.x + left, label.y + top, label.width, label.height].map(Math.round),
        }),
      });
    }
    for (const child of node.children ?? []) collect(child);
  };
  collect(laid);
  return { width: Math.ceil(laid.width), height: Math.ceil(laid.height), states, arrows };
}

export async function layoutsOf(charts) {
  const elk = new Elk();
  const layouts = {};
  for (const chart of charts) {
    const best = async (kind) => {
      const tries = [];
      for (const direction of ['DOWN', 'RIGHT'])
        for (const placement of placements)
          tries.push(drawingOf(await elk.layout(graphOf(chart, kind, { direction, placement }))));
      // The first that has room; else the narrowest.
      return tries.find(({ width }) => width <= roomy[kind]) ?? tries.reduce((a, b) => (b.width < a.width ? b : a));
    };
    layouts[chart.id] = { hash: chart.hash, small: await best('small'), whole: await best('whole') };
  }
  return layouts;
}

const lineWidth = 120;
/** As the formatter of this project writes JSON: on one line what fits into one. */
function textOf(value, indent = '', used = indent.length) {
  if (typeof value !== 'object') return JSON.stringify(value);
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const named = (key) => (isList ? '' : `${JSON.stringify(key)}: `);
  const flat = entries.map(([key, one]) => named(key) + textOf(one, '', Number.NEGATIVE_INFINITY)).join(', ');
  const line = isList ? `[${flat}]` : `{ ${flat} }`;
  if (used + line.length + 1 <= lineWidth) return line;
  const inner = `${indent}  `;
  const lines = entries.map(([key, one]) => {
    const name = named(key);
    return `${inner}${name}${textOf(one, inner, inner.length + name.length)}`;
  });
  return `${isList ? '[' : '{'}\n${lines.join(',\n')}\n${indent}${isList ? ']' : '}'}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = resolve(process.argv[2] ?? join(here, '..', 'dist'));
  const load = (file) => import(pathToFileURL(join(built, file)).href);
  const [{ chartsOf }, { nodeMachine }] = await Promise.all([load('actors/chart.js'), load('actors/node.js')]);
  const layouts = await layoutsOf(chartsOf(nodeMachine));
  const file = join(here, 'actors', 'layouts.json');
  writeFileSync(file, `${textOf(layouts)}\n`);
  process.stdout.write(`${Object.keys(layouts).length} charts laid out\n`);
}
