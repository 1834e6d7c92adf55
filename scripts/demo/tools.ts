/** Programs that the demo needs and npm does not bring. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Tools {
  readonly chromium: string;
  /** Null when nothing is filmed. */
  readonly ffmpeg: string | null;
}

const chromiumNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'] as const;
const encoders = ['libvpx-vp9', 'libwebp_anim'] as const;

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The first of these names that can be run. */
export function whereIs(names: readonly string[], path: string, isThere = isProgram): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isThere);
}

const encodersOf = (ffmpeg: string): string =>
  spawnSync(ffmpeg, ['-hide_banner', '-encoders'], { encoding: 'utf8' }).stdout ?? '';

/** What there is, or what is to be installed, in lines. */
export function toolsFor(
  films: boolean,
  path: string = process.env.PATH ?? '',
  isThere = isProgram,
  encodersIn = encodersOf,
): Tools | readonly string[] {
  const chromium = whereIs(chromiumNames, path, isThere);
  const ffmpeg = films ? whereIs(['ffmpeg'], path, isThere) : undefined;
  const missing: string[] = [];
  if (chromium === undefined) missing.push('Chromium is not installed (Debian: apt-get install chromium)');
  if (films && ffmpeg === undefined) {
    missing.push('ffmpeg is not installed (Debian: apt-get install ffmpeg); without it: npm run demo -- --no-record');
  }
  if (ffmpeg !== undefined) {
    const known = encodersIn(ffmpeg);
    const lacks = encoders.filter((name) => !known.includes(` ${name} `));
    if (lacks.length > 0) missing.push(`${ffmpeg} cannot write ${lacks.join(' and ')}: Debian's ffmpeg can`);
  }
  if (chromium === undefined || missing.length > 0) return missing;
  return { chromium, ffmpeg: ffmpeg ?? null };
}
