/**
 * Numbers, times and durations as the reader writes them. Pure; formatters are slow to make, so each is
 * made once a language, and not before it is used.
 */
import type { Language } from './words.ts';

export interface Formats {
  count(value: number): string;
  /** At most four characters or so: 1.2 k, 34 M. */
  short(value: number): string;
  /** Milliseconds with two digits that mean something: 0.42 ms, 12 ms, 1.3 s. */
  duration(ms: number): string;
  /** Whole seconds, minutes or hours: how long something lasts that a person waits for. */
  span(ms: number): string;
  clock(wallMs: number): string;
  clockMs(wallMs: number): string;
  share(part: number): string;
  /** N of "1 of N": one place behind the point as long as it tells anything. */
  ratio(value: number): string;
}

type Format = (value: number) => string;
/** Made when it is first used: all of them at once hold up the first paint for 50 ms. */
function when(make: () => { format(value: number): string }): Format {
  let made: ReturnType<typeof make> | undefined;
  return (value) => {
    made ??= make();
    return made.format(value);
  };
}

function formatsOf(language: Language): Formats {
  const number = (options: Intl.NumberFormatOptions): Format => when(() => new Intl.NumberFormat(language, options));
  const unit = (name: string, digits: number): Format =>
    number({ style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits });
  const time = (options: Intl.DateTimeFormatOptions): Format =>
    when(
      () =>
        new Intl.DateTimeFormat(language, {
          hour: '2-digit',
          minute: '2-digit',
          second: '2-digit',
          hourCycle: 'h23',
          ...options,
        }),
    );
  // Spanish leaves 1234 together by rule; in columns of figures that reads as a mistake.
  const count = number({ maximumFractionDigits: 0, useGrouping: 'always' });
  const tenths = number({ maximumFractionDigits: 1 });
  const fine = unit('millisecond', 2);
  const medium = unit('millisecond', 1);
  const coarse = unit('millisecond', 0);
  const seconds = unit('second', 1);
  const wholeSeconds = unit('second', 0);
  const minutes = unit('minute', 0);
  const hours = unit('hour', 1);
  const days = unit('day', 1);
  return {
    count,
    short: number({ notation: 'compact', maximumSignificantDigits: 3 }),
    duration: (ms) => {
      if (ms < 1) return fine(ms);
      if (ms < 10) return medium(ms);
      return ms < 1000 ? coarse(ms) : seconds(ms / 1000);
    },
    span: (ms) => {
      const s = Math.max(0, ms) / 1000;
      if (s < 10) return seconds(s);
      if (s < 120) return wholeSeconds(s);
      if (s < 7200) return minutes(s / 60);
      return s < 172_800 ? hours(s / 3600) : days(s / 86_400);
    },
    clock: time({}),
    clockMs: time({ fractionalSecondDigits: 3 }),
    share: number({ style: 'percent', maximumFractionDigits: 0 }),
    ratio: (value) => (value < 10 ? tenths(value) : count(value)),
  };
}

const made = new Map<Language, Formats>();
export function formats(language: Language): Formats {
  const known = made.get(language) ?? formatsOf(language);
  made.set(language, known);
  return known;
}
