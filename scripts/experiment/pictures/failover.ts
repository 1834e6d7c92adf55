/** A killed leader: what clients saw of it, and how the nodes came to another. Of several rounds the one in the middle. */
import type { Picture } from '../files.ts';
import type { FailureRound, RunOf } from '../results.ts';
import { axis, colours, grid, legend, picture, roomFor, roundAxis } from './chart.ts';
import {
  across,
  type Bar,
  bars,
  laneAxis,
  leaderBars,
  type Moment,
  nobodyColour,
  nodeIds,
  nodeName,
  type Span,
  silentColour,
  stroke,
  swatch,
} from './lanes.ts';
import { number, type Words } from './words.ts';

export function typicalRound(rounds: readonly FailureRound[]): FailureRound | undefined {
  const sorted = [...rounds].sort((a, b) => a.gap.ms - b.gap.ms);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** So much around the kill that the gap takes the middle. */
function spanOf({ gap, stepsMs }: FailureRound): Span & { readonly limits: object } {
  const end = Math.max(gap.fromMs + gap.ms, stepsMs.written ?? 0, 60);
  const limits = roundAxis(-0.6 * end, 1.6 * end);
  return { from: limits.min, to: limits.max, limits };
}

const moments = ({ stepsMs }: FailureRound, words: Words): readonly (Moment & { readonly name: string })[] => {
  const inMs = (value: number): string => `${number(value, words, 0)} ms`;
  return [
    { at: 0, colour: colours.red, type: 'solid', name: words.killed },
    ...(stepsMs.agreed === null
      ? []
      : [
          {
            at: stepsMs.agreed,
            colour: colours.ink,
            type: 'dashed' as const,
            name: `${words.agreed} ${inMs(stepsMs.agreed)}`,
          },
        ]),
  ];
};

function failover(round: FailureRound, words: Words): Picture {
  const span = spanOf(round);
  const clients = [...new Set(round.samples.map(({ client }) => client))]
    .filter((client) => client > 0)
    .sort((a, b) => a - b);
  const names = clients.map((client) => `${words.client} ${client}`);
  const looks = { acknowledged: colours.blue, refused: colours.orange, unknown: colours.orange } as const;
  const writes = round.samples
    .filter(({ client }) => client > 0)
    .map(
      ({ client, atMs, ms, outcome }): Bar => ({
        lane: clients.indexOf(client),
        from: atMs,
        to: atMs + ms,
        colour: looks[outcome],
      }),
    );
  const { gap } = round;
  const gapColour = 'rgba(213, 94, 0, 0.18)';
  const marked = moments(round, words);
  const hasFailed = writes.some(
    ({ colour, from, to }) => colour === colours.orange && to > span.from && from < span.to,
  );
  const keys = [
    swatch(words.acknowledgedWrite, colours.blue),
    ...(hasFailed ? [swatch(words.unknown, colours.orange)] : []),
    swatch(`${words.longestGap} ${number(gap.ms, words, 0)} ms`, 'rgba(213, 94, 0, 0.35)'),
    ...marked.map((moment) => stroke(moment.name, moment)),
  ];
  const own = legend(keys.map((key) => key.name));
  return picture(
    'failover',
    {
      grid: grid({ left: roomFor(names), right: 20, top: own.bottom, bottom: 50 }),
      legend: own.option,
      xAxis: axis(words, words.sinceKill, span.limits),
      yAxis: laneAxis(words, names),
      series: [
        ...keys,
        across([{ from: gap.fromMs, to: gap.fromMs + gap.ms, colour: gapColour }], marked),
        bars(writes, span, 0.5),
      ],
    },
    330,
  );
}

const symbols: Readonly<
  Record<string, { readonly symbol: string; readonly word: keyof Words; readonly colour: string }>
> = {
  'lost the leader': { symbol: 'triangle', word: 'lostLeader', colour: colours.red },
  campaigns: { symbol: 'diamond', word: 'stands', colour: colours.orange },
  leads: { symbol: 'circle', word: 'elected', colour: '#ffffff' },
  follows: { symbol: 'rect', word: 'follows', colour: '#ffffff' },
};

function timeline(run: RunOf<'leader-failure'>, round: FailureRound, words: Words): Picture {
  const span = spanOf(round);
  const ids = nodeIds(run);
  const names = ids.map((id) => nodeName(run, id));
  // There the marks tell what happens; the legend has the words.
  const leaders = leaderBars(ids, round.leaders, words).map((bar) =>
    bar.colour === nobodyColour ? { ...bar, words: '' } : bar,
  );
  const marked = moments(round, words);
  const events = Object.entries(symbols).map(([event, { symbol, word, colour }]) => ({
    type: 'scatter',
    name: words[word],
    symbol,
    symbolSize: 12,
    itemStyle: { color: colour, borderColor: colours.ink, borderWidth: 1.4, opacity: 1 },
    z: 5,
    data: round.story
      .filter((mark) => mark.event === event && mark.atMs >= span.from && mark.atMs <= span.to)
      .map(({ node, atMs }) => [atMs, ids.indexOf(node)]),
  }));
  const keys = [
    ...events,
    swatch(words.nobody, nobodyColour),
    swatch(words.dead, silentColour),
    ...marked.map((moment) => stroke(moment.name, moment)),
  ];
  const own = legend(keys.map((key) => key.name));
  return picture(
    'election-timeline',
    {
      grid: grid({ left: roomFor(names), right: 20, top: own.bottom, bottom: 50 }),
      legend: own.option,
      xAxis: axis(words, words.sinceKill, span.limits),
      yAxis: laneAxis(words, names),
      series: [...keys, bars(leaders, span, 0.56), across([], marked)],
    },
    310,
  );
}

export function failoverPictures(run: RunOf<'leader-failure'>, words: Words): readonly Picture[] {
  const round = typicalRound(run.samples);
  return round ? [failover(round, words), timeline(run, round, words)] : [];
}
