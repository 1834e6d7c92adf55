/** What `npm run demo` was asked for: pure, all faults of the arguments are told together. */
import { parseArgs } from 'node:util';
import { type Language, languages } from './words.ts';

export interface Wanted {
  readonly language: Language;
  /** Where the film and its loop are put; null: it is only played. */
  readonly out: string | null;
  readonly headed: boolean;
  /** Pauses for readers are divided by it. */
  readonly speed: number;
}
export type Understood =
  | { readonly kind: 'play'; readonly wanted: Wanted }
  | { readonly kind: 'help' }
  | { readonly kind: 'faulty'; readonly faults: readonly string[] };

export const usage = `npm run demo        plays a failover on a cluster of its own, and films it

  --lang L          of the dashboards and captions: ${languages.join(', ')} (es)
  --out FOLDER      gets demo.webm and failover.webp (results/demo)
  --headed          in a window, to be watched; needs a screen
  --no-record       plays only; then ffmpeg is not needed
  --speed N         shortens the pauses for readers, up to 20 times (1)

Needs Chromium, and ffmpeg to film.
Exit code: 0 it was played and nothing was lost, 1 something went wrong, 2 arguments or programs are missing.
`;

const options = {
  lang: { type: 'string' },
  out: { type: 'string' },
  headed: { type: 'boolean' },
  'no-record': { type: 'boolean' },
  speed: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const speedMax = 20;
const parsed = (args: readonly string[]) => parseArgs({ args: [...args], options });

export function understand(args: readonly string[]): Understood {
  let given: ReturnType<typeof parsed>['values'];
  try {
    given = parsed(args).values;
  } catch (error) {
    return { kind: 'faulty', faults: [(error as Error).message] };
  }
  if (given.help) return { kind: 'help' };
  const { lang = 'es', out, speed: speedText = '1', headed = false } = given;
  const faults: string[] = [];
  const language = languages.find((one) => one === lang);
  if (language === undefined) faults.push(`--lang ${lang || "''"}: accepted: ${languages.join(', ')}`);
  const speed = /^\d+(?:\.\d+)?$/.test(speedText) ? Number(speedText) : Number.NaN;
  if (!(speed >= 1 && speed <= speedMax)) {
    faults.push(`--speed ${speedText || "''"}: accepted: a number from 1 to ${speedMax}`);
  }
  if (out?.trim() === '') faults.push("--out '': accepted: a folder");
  const films = given['no-record'] !== true;
  if (!films && out !== undefined) faults.push('--out: nothing is put there with --no-record');
  if (language === undefined || faults.length > 0) return { kind: 'faulty', faults };
  return { kind: 'play', wanted: { language, out: films ? (out ?? 'results/demo') : null, headed, speed } };
}
