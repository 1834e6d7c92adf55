/**
 * What people who look cost those who write: pairs of the same load without and with fifty dashboards, in turns, so that what
 * else the machine does falls on both. The verdict is the median of the pairs' ratios.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './book.ts';
import { ours } from './ours.ts';
import { measured, perSecond, type Stage, textBytes, words } from './stage.ts';
import type { Endpoint } from './systems.ts';
import type { ViewersJob, ViewersTold } from './viewersProcess.ts';

const count = 50;
const clients = 64;
const pairs = 9;
const mostLoss = 0.05;
const script = fileURLToPath(new URL('./viewersProcess.js', import.meta.url));

/** Rejects when a viewer is not let in. */
async function withViewers<T>(at: readonly Endpoint[], use: () => Promise<T>): Promise<{ value: T; bytes: number }> {
  const child = fork(script, [], { execArgv: [] });
  const told = (type: ViewersTold['type']): Promise<ViewersTold> =>
    new Promise((resolve, reject) => {
      const hear = (said: ViewersTold): void => {
        if (said.type === 'failed') reject(new Error(`viewers: ${said.words}`));
        else if (said.type === type) resolve(said);
        else return;
        child.off('message', hear);
      };
      child.on('message', hear);
      child.once('exit', () => reject(new Error('the viewers ended')));
    });
  try {
    const open = told('open');
    child.send({ at, viewers: count } satisfies ViewersJob);
    await open;
    const value = await use();
    const seen = told('bytes');
    child.send('bytes');
    const said = await seen;
    return { value, bytes: said.type === 'bytes' ? said.bytes : 0 };
  } finally {
    child.kill('SIGKILL');
  }
}

export const viewers = {
  name: 'viewers',
  words: `${clients} clients without and with ${count} dashboards, ${pairs} pairs`,
  isLong: true,
  systems: [ours],
  run: async (stage: Stage): Promise<void> => {
    const { running, wanted, book, say } = stage;
    const { leader, others } = await running.endpoints();
    const way = ours.ways.find(({ name }) => name === 'socket');
    if (!way) throw new Error('there is no socket');
    const load = { at: [leader], clients, window: 1, batch: 1, bytes: textBytes };
    const ms = wanted.seconds * 1000;
    await measured(stage, way, load, wanted.warmMs);
    const alone = async (): Promise<number> => perSecond(await measured(stage, way, load, ms));
    let bytes = 0;
    const watched = async (): Promise<number> => {
      const seen = await withViewers([leader, ...others], alone);
      bytes = seen.bytes;
      return seen.value;
    };
    const ratios: number[] = [];
    for (let i = 0; i < pairs; i++) {
      const first = i % 2 === 0 ? await alone() : await watched();
      const second = i % 2 === 0 ? await watched() : await alone();
      const [without, beside] = i % 2 === 0 ? [first, second] : [second, first];
      ratios.push(beside / without);
      say(`    ${words(without)}/s alone, ${words(beside)}/s beside ${count} viewers`);
    }
    const part = median(ratios);
    const row = { id: 'viewers', scenario: 'viewers', words: `throughput beside ${count} dashboards` };
    for (const ratio of ratios) book.add({ ...row, unit: 'part', best: 'high' }, ours.name, ratio);
    const held = part >= 1 - mostLoss;
    const lines = [
      `${held ? 'held' : 'NOT HELD'}: the median pair lost ${((1 - part) * 100).toFixed(1)} %`,
      `${words(bytes / count / 1024)} KiB to each viewer in one measurement of ${wanted.seconds} s and its warm-up`,
    ];
    book.verdicts.push({ scenario: 'viewers', system: ours.name, held, lines, series: { ratios } });
  },
};
