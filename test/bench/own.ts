/** What scenarios of this log alone share: its cluster, loads until so much is acknowledged, and a judge of what was found. */
import type { RealCluster } from '../support/realCluster.ts';
import type { Verdict } from './book.ts';
import type { Seen } from './engine.ts';
import type { LoadProcess } from './load.ts';
import type { OwnRunning } from './ours.ts';
import { pause, type Stage } from './stage.ts';
import type { System, Way } from './systems.ts';

export const onlyOurs = ({ name }: System): string | null => (name === 'ours' ? null : 'is not asked for this');
export const clusterOf = ({ running }: Stage): RealCluster => (running as OwnRunning).cluster;
export const wayCalled = ({ ways }: System, name: string): Way => {
  const found = ways.find((way) => way.name === name);
  if (!found) throw new Error(`there is no way ${name}`);
  return found;
};

const mostSilenceMs = 30_000;

/** Until so many messages have been acknowledged since the mark. */
export async function untilAcknowledged(load: LoadProcess, count: number): Promise<Seen> {
  for (;;) {
    const seen = await load.look();
    if (seen.acknowledged >= count) return seen;
    if (seen.longestGapMs > mostSilenceMs) throw new Error(`no write was acknowledged for ${mostSilenceMs / 1000} s`);
    await pause(100);
  }
}

/** Each line says what was found; the verdict holds when all do. */
export class Judge {
  readonly lines: string[] = [];
  held = true;

  look(isRight: boolean, line: string): void {
    this.lines.push(`${isRight ? 'held' : 'NOT HELD'}: ${line}`);
    if (!isRight) this.held = false;
  }
  tell(line: string): void {
    this.lines.push(line);
  }
  verdict(scenario: string, system: string, series?: Verdict['series']): Verdict {
    return { scenario, system, held: this.held, lines: this.lines, ...(series && { series }) };
  }
}
