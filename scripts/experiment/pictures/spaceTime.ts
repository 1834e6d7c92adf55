/**
 * One conversation as a space-time diagram: a line for each client, a bar for each message from sending to its answer.
 *
 *   arrow         its writer had read or written that before; only the nearest, the others follow from them
 *   dashed line   concurrent
 */
import type { Picture } from '../files.ts';
import type { CausalMessage, CausalRound, RunOf } from '../results.ts';
import { axis, colours, grid, legend, letters, picture, roomFor, roundAxis } from './chart.ts';
import { bars, laneAxis, stroke, swatch } from './lanes.ts';
import type { Words } from './words.ts';

/** What is before a message, without what is before that already. */
export function nearest(message: CausalMessage, messages: readonly CausalMessage[]): readonly string[] {
  const before = messages.filter(({ name }) => message.after.includes(name));
  return message.after.filter((name) => !before.some(({ after }) => after.includes(name)));
}

const concurrentOf = ({ relations }: CausalRound): number =>
  relations.filter(({ relation }) => relation === 'concurrent').length;

export function spaceTimePictures({ samples }: RunOf<'causality'>, words: Words): readonly Picture[] {
  const round = [...samples].sort((a, b) => concurrentOf(b) - concurrentOf(a))[0];
  if (!round) return [];
  const { messages, relations } = round;
  const clients = [...new Set(messages.map(({ client }) => client))].sort();
  const lane = ({ client }: CausalMessage): number => clients.indexOf(client);
  const end = Math.max(...messages.map(({ acknowledgedAtMs }) => acknowledgedAtMs));
  const limits = roundAxis(0, end);
  const span = { from: 0, to: limits.max };
  const named = (name: string): CausalMessage | undefined => messages.find((each) => each.name === name);
  /** Where a concurrent one is tied to: beside the words below the bar. */
  const knot = (message: CausalMessage): number => 0.15 * message.sentAtMs + 0.85 * message.acknowledgedAtMs;

  const arrows = messages.flatMap((message) =>
    nearest(message, messages).flatMap((name) => {
      const from = named(name);
      return from
        ? [
            {
              coords: [
                [from.acknowledgedAtMs, lane(from)],
                [message.sentAtMs, lane(message)],
              ],
            },
          ]
        : [];
    }),
  );
  const concurrent = relations
    .filter(({ relation }) => relation === 'concurrent')
    .flatMap(({ a, b }) => {
      const [one, other] = [named(a), named(b)];
      return one && other
        ? [
            {
              coords: [
                [knot(one), lane(one)],
                [knot(other), lane(other)],
              ],
            },
          ]
        : [];
    });
  const before = { at: 0, colour: colours.ink, type: 'solid' } as const;
  const beside = { at: 0, colour: colours.red, type: 'dashed' } as const;
  const joined = (
    data: readonly object[],
    { colour, type }: typeof before | typeof beside,
    symbol: string,
    z: number,
  ) => ({
    type: 'lines',
    coordinateSystem: 'cartesian2d',
    symbol: ['none', symbol],
    symbolSize: 8,
    lineStyle: { color: colour, type, width: 1.8, opacity: 1 },
    z,
    data,
  });
  const keys = [
    swatch(words.sentToAnswered, colours.blue),
    stroke(words.happenedBefore, before),
    stroke(words.concurrent, beside),
  ];
  const own = legend(keys.map(({ name }) => name));
  return [
    picture(
      'space-time',
      {
        grid: grid({ left: roomFor(clients), right: 20, top: own.bottom, bottom: 50 }),
        legend: own.option,
        xAxis: axis(words, words.inTheConversation, { ...limits, splitLine: { show: false } }),
        yAxis: laneAxis(words, clients, { splitLine: { show: false } }),
        series: [
          ...keys,
          {
            type: 'lines',
            coordinateSystem: 'cartesian2d',
            lineStyle: { color: colours.grey, width: 1, opacity: 1 },
            data: clients.map((_, i) => ({
              coords: [
                [0, i],
                [span.to, i],
              ],
            })),
          },
          joined(concurrent, beside, 'none', 2),
          bars(
            messages.map((message) => ({
              lane: lane(message),
              from: message.sentAtMs,
              to: message.acknowledgedAtMs,
              colour: colours.blue,
              words: message.name,
            })),
            span,
            0.3,
          ),
          joined(arrows, before, 'triangle', 4),
          {
            type: 'scatter',
            symbolSize: 0.1,
            itemStyle: { color: 'transparent', opacity: 1 },
            label: {
              show: true,
              position: [0, 16],
              align: 'left',
              color: colours.ink,
              fontSize: letters - 2,
              backgroundColor: '#ffffff',
              padding: [1, 2],
              formatter: ({ dataIndex }: { dataIndex: number }) => {
                const message = messages[dataIndex];
                return message ? `L ${message.lamport}` : '';
              },
            },
            z: 6,
            data: messages.map((message) => [message.sentAtMs, lane(message)]),
          },
        ],
      },
      320,
    ),
  ];
}
