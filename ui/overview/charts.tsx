/** Throughput and latency of this node over time. */
import { useSignal } from '@preact/signals';
import { state } from '../live.ts';
import { format, words } from '../preferences.ts';
import type { Point } from '../rings.ts';
import { Chart, type Line } from './chart.tsx';

const windows = { oneMinute: 60, tenMinutes: 600 } as const;
type Window = keyof typeof windows;

const throughput: readonly Line[] = [
  { word: 'messagesPerSecond', colour: '--accent', value: ({ perSecond }: Point) => perSecond },
];
const latency: readonly Line[] = [
  { word: 'averageMs', colour: '--accent', value: ({ averageMs }: Point) => averageMs },
  { word: 'p95Ms', colour: '--second', dash: [6, 4], value: ({ p95Ms }: Point) => p95Ms },
];

export function Charts() {
  const w = words.value;
  const f = format.value;
  const shown = useSignal<Window>('tenMinutes');
  state.pointsVersion.value; // Drawn again each second.
  const seconds = windows[shown.value];
  const newest = state.points.points.at(-1)?.wallMs ?? 0;
  const points = state.points.points.filter(({ wallMs }) => wallMs > newest - seconds * 1000);
  const choice = (
    <select
      aria-label={w.window}
      value={shown.value}
      onChange={({ currentTarget }) => {
        shown.value = currentTarget.value === 'oneMinute' ? 'oneMinute' : 'tenMinutes';
      }}
    >
      <option value="oneMinute">{w.oneMinute}</option>
      <option value="tenMinutes">{w.tenMinutes}</option>
    </select>
  );
  return (
    <div class="charts">
      <Chart
        id="throughput"
        title={w.throughputOverTime}
        lines={throughput}
        points={points}
        say={(value) => w.perSecond(f.count(value))}
        choice={choice}
      />
      <Chart
        id="latency"
        title={w.latencyOverTime}
        lines={latency}
        points={points}
        say={f.duration}
        gaps={w.latencyGaps}
      />
    </div>
  );
}
