/** Pictures of a page as it changes, in files, with the time of each. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Picture } from './film.ts';
import { stageSize } from './stagePage.ts';

const fps = 10;
/** Below that letters get a halo. */
const quality = 92;

export interface Recording {
  readonly pictures: readonly Picture[];
  stop(): Promise<void>;
}

/** The browser goes on to the next picture when the last one is on disk: of a slow one there are fewer. */
export async function record(page: Page, folder: string): Promise<Recording> {
  const pictures: Picture[] = [];
  await page.screencast.start({
    size: stageSize,
    quality,
    fps,
    onFrame: async ({ data, timestamp }) => {
      const file = `${String(pictures.length).padStart(6, '0')}.jpg`;
      pictures.push({ file, atMs: timestamp });
      await writeFile(join(folder, file), data);
    },
  });
  return { pictures, stop: () => page.screencast.stop() };
}
