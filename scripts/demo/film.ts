/**
 * From pictures with their times to a film and a loop, by ffmpeg. All but `encode` is pure.
 *
 * A browser gives a picture when something has changed, so each one stays until the next one came.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Stretch } from './pace.ts';

export interface Picture {
  readonly file: string;
  readonly atMs: number;
}
export interface Shown {
  readonly file: string;
  readonly ms: number;
}

/** What is seen from the first to the last moment of each stretch. `pictures` ascend. */
export function cut(pictures: readonly Picture[], stretches: readonly Stretch[]): readonly Shown[] {
  return stretches.flatMap(({ fromMs, toMs }) =>
    pictures.flatMap(({ file, atMs }, i) => {
      const until = Math.min(pictures[i + 1]?.atMs ?? Number.POSITIVE_INFINITY, toMs);
      const ms = until - Math.max(atMs, fromMs);
      return ms > 0 ? [{ file, ms }] : [];
    }),
  );
}

export const lengthMs = (shown: readonly Shown[]): number => shown.reduce((sum, { ms }) => sum + ms, 0);

/** The list that ffmpeg reads. It ignores how long the last one is shown, unless that stands there twice. */
export function listOf(shown: readonly Shown[]): string {
  const last = shown.at(-1);
  const lines = shown.flatMap(({ file, ms }) => [`file '${file}'`, `duration ${(ms / 1000).toFixed(3)}`]);
  return ['ffconcat version 1.0', ...lines, ...(last ? [`file '${last.file}'`] : []), ''].join('\n');
}

const filmFps = 10;
const loopFps = 8;
const loopWidth = 1_200;

/** JPEG has all 256 steps of brightness; films have fewer, and players go wrong when they are not told. */
const forPlayers = 'scale=out_range=tv:out_color_matrix=bt709,format=yuv420p';

const input = (list: string): readonly string[] => ['-hide_banner', '-y', '-f', 'concat', '-safe', '0', '-i', list];
const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** VP9 at a constant quality; of a page the quick way is as good as the thorough one, in a seventh of the time. */
export const filmArguments = (list: string, ms: number, out: string): readonly string[] => [
  ...input(list),
  ...['-vf', `fps=${filmFps},${forPlayers}`, '-t', seconds(ms), '-an'],
  ...'-c:v libvpx-vp9 -crf 33 -b:v 0 -tune-content screen -deadline realtime -cpu-used 6 -row-mt 1'.split(' '),
  ...'-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv'.split(' '),
  ...['-progress', 'pipe:1', '-nostats', out],
];

/** Animated WebP: GitHub shows it as a picture, and it is a fraction of a GIF of the same. */
export const loopArguments = (list: string, ms: number, out: string): readonly string[] => [
  ...input(list),
  ...['-vf', `fps=${loopFps},scale=${loopWidth}:-2:flags=lanczos,${forPlayers}`, '-t', seconds(ms), '-an'],
  ...'-c:v libwebp_anim -quality 70 -compression_level 5 -loop 0'.split(' '),
  ...['-progress', 'pipe:1', '-nostats', out],
];

/** How much of the film is done, by a line of `-progress`; undefined when it says something else. */
export function doneMs(line: string): number | undefined {
  const [, us] = /^out_time_us=(\d+)$/.exec(line) ?? [];
  return us === undefined ? undefined : Number(us) / 1000;
}

export interface Encoding {
  readonly done: Promise<void>;
  end(): void;
}

/** Writes the list into `folder`, where the pictures are, and lets ffmpeg work on it. */
export function encode(
  ffmpeg: string,
  folder: string,
  shown: readonly Shown[],
  argumentsOf: typeof filmArguments,
  out: string,
  progress: (share: number) => void,
): Encoding {
  const list = join(folder, 'list.ffconcat');
  writeFileSync(list, listOf(shown));
  const total = lengthMs(shown);
  const child: ChildProcess = spawn(ffmpeg, argumentsOf(list, total, out), { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ms = doneMs(line);
      if (ms !== undefined) progress(Math.min(1, ms / total));
    });
  }
  const done = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`ffmpeg ended with ${code}:\n${complaint.trim()}`));
    });
  });
  return { done, end: () => child.kill('SIGKILL') };
}
