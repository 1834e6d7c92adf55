/** The pictures of a run. */
import type { Language } from '../commandLine.ts';
import type { Picture } from '../files.ts';
import type { Run } from '../results.ts';
import { concurrencyPictures } from './concurrency.ts';
import { failoverPictures } from './failover.ts';
import { durabilityPictures, partitionPictures } from './faults.ts';
import { heatMapPictures } from './heatMap.ts';
import { spaceTimePictures } from './spaceTime.ts';
import { words } from './words.ts';

export function picturesOf(run: Run, language: Language): readonly Picture[] {
  const own = words(language);
  switch (run.experiment) {
    case 'concurrency':
      return concurrencyPictures(run, own);
    case 'leader-failure':
      return failoverPictures(run, own);
    case 'latency':
      return heatMapPictures(run, own);
    case 'partition':
      return partitionPictures(run, own);
    case 'durability':
      return durabilityPictures(run, own);
    case 'causality':
      return spaceTimePictures(run, own);
  }
}
