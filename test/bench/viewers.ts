/**
 * What people who look cost those who write: under one load that never stops, fifty dashboards look and look away, a second
 * each, in the order away, at it, at it, away. So what else the machine does, and a load that gets faster or slower, fall on both.
 * The verdict is the median of all such fours; beside it stands how far the middle half of them lies apart.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './book.ts';
import { LoadProcess } from './load.ts';
import { ours } from './ours.ts';
import { pause, perSecond, type Stage, textBytes, times, words } from './stage.ts';
import type { Endpoint } from './systems.ts';
import type { ViewersJob, ViewersOrder, ViewersTold } from './viewersProcess.ts';

const count = 50;
const clients = 64;
const fours = 24;
const windowMs = 1_000;
/** After they began to look, or stopped. */
const settleMs = 200;
const mostLoss = 0.05;
const script = fileURLToPath(new URL('./viewersProcess.js', import.meta.url));

/** All dashboards, in a process of their own. */
class Viewers {
  readonly #child = fork(script, [], { execArgv: [] });

  /** Rejects when one of them is not let in. */
  async open(job: ViewersJob): Promise<void> {
    await this.#ask(job, 'open');
  }
  async look(): Promise<void> {
    await this.#ask('look', 'done');
  }
  async lookAway(): Promise<void> {
    await this.#ask('away', 'done');
  }
  async bytes(): Promise<number> {
    const told = await this.#ask('bytes', 'bytes');
    return told.type === 'bytes' ? told.bytes : 0;
  }
  end(): void {
    this.#child.kill('SIGKILL');
  }

  #ask(order: ViewersOrder, answer: ViewersTold['type']): Promise<ViewersTold> {
    return new Promise((resolve, reject) => {
      const end = (): void => reject(new Error('the viewers ended'));
      const hear = (said: ViewersTold): void => {
        if (said.type !== answer && said.type !== 'failed') return;
        this.#child.off('message', hear);
        this.#child.off('exit', end);
        if (said.type === 'failed') reject(new Error(`viewers: ${said.words}`));
        else resolve(said);
      };
      this.#child.on('message', hear);
      this.#child.once('exit', end);
      this.#child.send(order);
    });
  }
}

/** What is acknowledged a second in one window. */
async function rateOf(load: LoadProcess): Promise<number> {
  await pause(settleMs);
  await load.mark();
  await pause(windowMs);
  return perSecond(await load.look());
}

/** The first and third quarter of them. */
function quarters(samples: readonly number[]): readonly [number, number] {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
  return [at(0.25), at(0.75)];
}
const loss = (ratio: number): string => `${((1 - ratio) * 100).toFixed(1)} %`;

export const viewers = {
  name: 'viewers',
  words: `${clients} clients, and ${count} dashboards that look and look away, ${fours} times`,
  isLong: true,
  systems: [ours],
  run: async (stage: Stage): Promise<void> => {
    const { system, running, wanted, book, say } = stage;
    const { leader, others } = await running.endpoints();
    const at: readonly Endpoint[] = [leader, ...others];
    const job = { at: [leader], clients, window: 1, batch: 1, bytes: textBytes };
    const load = await LoadProcess.start(system.name, 'socket', job);
    const dashboards = new Viewers();
    const ratios: number[] = [];
    try {
      await dashboards.open({ at, viewers: count });
      await pause(wanted.warmMs);
      for (const _ of times(fours)) {
        const before = await rateOf(load);
        await dashboards.look();
        const beside = [await rateOf(load), await rateOf(load)];
        await dashboards.lookAway();
        const after = await rateOf(load);
        const [alone, watched] = [(before + after) / 2, median(beside)];
        ratios.push(watched / alone);
        say(`    ${words(alone)}/s while nobody looks, ${words(watched)}/s while ${count} do`);
      }
      const seconds = (2 * fours * (windowMs + settleMs)) / 1000;
      const [low, high] = quarters(ratios);
      const row = { id: 'viewers', scenario: 'viewers', words: `throughput beside ${count} dashboards` };
      for (const ratio of ratios) book.add({ ...row, unit: 'part', best: 'high' }, system.name, ratio);
      const held = median(ratios) >= 1 - mostLoss;
      const lines = [
        `${held ? 'held' : 'NOT HELD'}: lost ${loss(median(ratios))} (median of ${fours}; the middle half lost ${loss(high)} to ${loss(low)})`,
        `${words((await dashboards.bytes()) / count / seconds / 1024)} KiB a second to each viewer`,
      ];
      book.verdicts.push({ scenario: 'viewers', system: system.name, held, lines, series: { ratios } });
    } finally {
      dashboards.end();
      await load.end();
    }
  },
};
