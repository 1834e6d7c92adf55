/** Numbers, times and durations as the reader writes them. Pure; formatters are made once a language, they are slow to make. */
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

const unit = (language: Language, name: string, digits: number): Intl.NumberFormat =>
  new Intl.NumberFormat(language, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits });

function formatsOf(language: Language): Formats {
  // Spanish leaves 1234 together by rule; in columns of figures that reads as a mistake.
  const count = new Intl.NumberFormat(language, { maximumFractionDigits: 0, useGrouping: 'always' });
  const short = new Intl.NumberFormat(language, { notation: 'compact', maximumSignificantDigits: 3 });
  const fine = unit(language, 'millisecond', 2);
  const coarse = unit(language, 'millisecond', 0);
  const medium = unit(language, 'millisecond', 1);
  const seconds = unit(language, 'second', 1);
  const wholeSeconds = unit(language, 'second', 0);
  const minutes = unit(language, 'minute', 0);
  const hours = unit(language, 'hour', 1);
  const days = unit(language, 'day', 1);
  const tenths = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
  const clock = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  const clockMs = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
  });
  return {
    count: (value) => count.format(value),
    short: (value) => short.format(value),
    duration: (ms) => {
      if (ms < 1) return fine.format(ms);
      if (ms < 10) return medium.format(ms);
      return ms < 1000 ? coarse.format(ms) : seconds.format(ms / 1000);
    },
    span: (ms) => {
      const s = Math.max(0, ms) / 1000;
      if (s < 10) return seconds.format(s);
      if (s < 120) return wholeSeconds.format(s);
      if (s < 7200) return minutes.format(s / 60);
      return s < 172_800 ? hours.format(s / 3600) : days.format(s / 86_400);
    },
    clock: (wallMs) => clock.format(wallMs),
    clockMs: (wallMs) => clockMs.format(wallMs),
    share: (part) => share.format(part),
    ratio: (value) => (value < 10 ? tenths.format(value) : count.format(value)),
  };
}

const made = new Map<Language, Formats>();
export function formats(language: Language): Formats {
  const known = made.get(language) ?? formatsOf(language);
  made.set(language, known);
  return known;
}
