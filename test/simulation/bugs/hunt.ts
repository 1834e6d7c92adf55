/** Looks for a seeded bug in a process of its own: there the bug takes the place of a module, and nowhere else. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Found } from './run.ts';
import type { SeededBug } from './table.ts';

const hook = new URL('./hook.js', import.meta.url).href;
const run = fileURLToPath(new URL('./run.js', import.meta.url));

/** Whatever is violated, but for the rules of progress: those are watched by the simulator's own tests, and bugs against them. */
const safety = /^(?!§10|A1:|I1[6-9]|I2[01])/;

/** Plays seeds until the bug shows. */
export const hunt = (bug: SeededBug): Promise<Found> => start(bug, bug.name, [1, bug.seeds], bug.shows);
/** Plays the seed that found it with the real modules. */
export const control = (bug: SeededBug, seed: number): Promise<Found> =>
  start(bug, '', [seed, seed], new RegExp(`${safety.source}|${bug.shows.source}`));

function start(bug: SeededBug, active: string, seeds: readonly [number, number], shows: RegExp): Promise<Found> {
  const args = ['--enable-source-maps', '--import', hook, run, bug.name, ...seeds.map(String), shows.source];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, BUG: active },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let complaints = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(said) as Found);
      else reject(new Error(`${bug.name}: exit code ${code}\n${complaints}`));
    });
  });
}
