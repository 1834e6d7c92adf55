/** The pictures of a run. */
import type { Language } from '../commandLine.ts';
import type { Picture } from '../files.ts';
import type { Run } from '../results.ts';
import { concurrencyPictures } from './concurrency.ts';
import { words } from './words.ts';

export function picturesOf(run: Run, language: Language): readonly Picture[] {
  const own = words(language);
  switch (run.experiment) {
    case 'concurrency':
      return concurrencyPictures(run, own);
    default:
      return [];
  }
}
