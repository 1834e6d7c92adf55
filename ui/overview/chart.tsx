/**
 * Lines over time, by uPlot on a canvas. The picture has a text that carries its values, and a table as its twin.
 *
 * uPlot is fetched after the page has been drawn; until then the place is kept, so that nothing jumps.
 */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import type { Formats } from '../format.ts';
import { coloursVersion, format, language, words } from '../preferences.ts';
import { columnsOf, type Point } from '../rings.ts';

export interface Line {
  readonly word: 'messagesPerSecond' | 'averageMs' | 'p95Ms';
  /** Name of the custom property. */
  readonly colour: string;
  readonly dash?: number[];
  /** Null: there is none. */
  readonly value: (point: Point) => number | null;
}
interface ChartProps {
  readonly id: string;
  readonly title: string;
  readonly lines: readonly Line[];
  readonly points: readonly Point[];
  readonly say: (value: number) => string;
  readonly choice?: ComponentChildren;
  /** Said where values are missing. */
  readonly gaps?: string;
}

const heightPixels = 170;
const tableRows = 30;
const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name);

function optionsOf(
  lines: readonly Line[],
  width: number,
  f: Formats,
  onCursor: (index: number | null) => void,
): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: () => colourOf('--faint'),
    grid: { stroke: () => colourOf('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, "DejaVu Sans", sans-serif',
  };
  return {
    width,
    height: heightPixels,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.15)] } },
    axes: [
      { ...axis, space: 90, size: 30, values: (_, times) => times.map((time) => f.clock(time * 1000)) },
      { ...axis, size: 52, values: (_, values) => values.map((value) => f.short(value)) },
    ],
    series: [
      {},
      ...lines.map(
        ({ colour, dash, word }): uPlot.Series => ({
          label: word,
          stroke: () => colourOf(colour),
          width: 2,
          points: { show: false },
          ...(dash !== undefined && { dash }),
        }),
      ),
    ],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
  };
}

function Canvas({
  lines,
  points,
  onCursor,
}: Pick<ChartProps, 'lines' | 'points'> & { readonly onCursor: (index: number | null) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const data = columnsOf(
    points,
    lines.map(({ value }) => value),
  ) as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;
  const colours = coloursVersion.value;
  const shownLanguage = language.value;

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let isGone = false;
    const watcher = new ResizeObserver(() => {
      chart.current?.setSize({ width: element.clientWidth, height: heightPixels });
    });
    void import('uplot').then(({ default: UPlot }) => {
      if (isGone) return;
      chart.current = new UPlot(
        optionsOf(lines, element.clientWidth, format.peek(), onCursor),
        newest.current,
        element,
      );
      watcher.observe(element);
    });
    return () => {
      isGone = true;
      watcher.disconnect();
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [lines, colours, shownLanguage]);

  useEffect(() => chart.current?.setData(data));
  return <div class="canvas" ref={place} />;
}

function Twin({ title, lines, points, say }: Pick<ChartProps, 'title' | 'lines' | 'points' | 'say'>) {
  const w = words.value;
  const step = Math.max(1, Math.ceil(points.length / tableRows));
  const rows = points.filter((_, i) => (points.length - 1 - i) % step === 0).reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard too.
    <section class="twin" tabIndex={0} aria-label={`${title}, ${w.asTable}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{w.time}</th>
            {lines.map(({ word }) => (
              <th key={word} scope="col" class="number">
                {w[word]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((point) => (
            <tr key={point.wallMs}>
              <td>{format.value.clock(point.wallMs)}</td>
              {lines.map(({ word, value }) => (
                <td key={word} class="number">
                  {sayOr(say, value(point))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const sayOr = (say: ChartProps['say'], value: number | null): string => (value === null ? '–' : say(value));

export function Chart({ id, title, lines, points, say, choice, gaps }: ChartProps) {
  const w = words.value;
  const asTable = useSignal(false);
  const pointed = useSignal<number | null>(null);
  const at = points[pointed.value ?? -1] ?? points.at(-1);
  const label = lines
    .map(({ word, value }) => {
      const values = points.map(value);
      return w.chartOf(w[word], sayOr(say, values.at(-1) ?? null), say(Math.max(0, ...values.map(Number))));
    })
    .join('. ');
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel-head">
        <h3 id={id}>{title}</h3>
        {choice}
        <button type="button" class="small" onClick={() => (asTable.value = !asTable.value)}>
          {asTable.value ? w.asChart : w.asTable}
        </button>
      </div>
      <ul class="legend">
        {lines.map(({ word, colour, dash, value }) => (
          <li key={word}>
            <svg width="22" height="8" aria-hidden="true">
              <path d="M0 4h22" stroke={`var(${colour})`} stroke-width="2.5" stroke-dasharray={dash?.join(' ')} />
            </svg>{' '}
            {w[word]} <b>{sayOr(say, at === undefined ? null : value(at))}</b>
          </li>
        ))}
      </ul>
      {points.length === 0 && <p class="empty">{w.noPoints}</p>}
      {points.length > 0 && asTable.value && <Twin title={title} lines={lines} points={points} say={say} />}
      {points.length > 0 && !asTable.value && (
        <div class="picture" role="img" aria-label={label}>
          <Canvas
            lines={lines}
            points={points}
            onCursor={(index) => {
              pointed.value = index;
            }}
          />
        </div>
      )}
      {gaps !== undefined && points.some((point) => lines.some(({ value }) => value(point) === null)) && (
        <p class="searched">{gaps}</p>
      )}
    </section>
  );
}
