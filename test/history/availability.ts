/**
 * For how long nobody's append was acknowledged, while something was broken and while nothing was.
 *
 * The time between two acknowledgements is cut at the borders of the fault windows, and each piece counts for its side: an
 * outage that begins in a window and lasts beyond it counts outside from that border on. A window lasts `graceMs` longer than
 * it says, the time to recover; windows that touch are one.
 */
import { isDone } from './facts.ts';
import type { Event, FaultWindow, History } from './history.ts';

export interface Gap {
  readonly ms: number;
  /** When it began: an acknowledgement, the border of a window, or the beginning of what was asked for. */
  readonly at: number;
}

export interface Unavailability {
  readonly inside: Gap;
  readonly outside: Gap;
}

interface Stretch {
  readonly beganAt: number;
  readonly endedAt: number;
}

const longer = (gap: Gap, { beganAt, endedAt }: Stretch): Gap =>
  endedAt - beganAt > gap.ms ? { ms: endedAt - beganAt, at: beganAt } : gap;

/** From `from` to the first acknowledgement, from each to the next, and from the last to `to`. */
function* silences(events: readonly Event[], from: number, to: number): Generator<Stretch> {
  const times = events
    .flatMap((event) => (event.kind === 'append' && isDone(event) ? [event.endedAt] : []))
    .filter((time) => time >= from && time <= to)
    .sort((a, b) => a - b);
  let last = from;
  for (const time of [...times, to]) {
    yield { beganAt: last, endedAt: time };
    last = time;
  }
}

/** In order, without overlaps. */
function merged(faults: readonly FaultWindow[], graceMs: number): readonly Stretch[] {
  const windows: Stretch[] = [];
  for (const { beganAt, endedAt } of [...faults].sort((a, b) => a.beganAt - b.beganAt)) {
    const last = windows.at(-1);
    if (last && beganAt <= last.endedAt)
      windows[windows.length - 1] = { beganAt: last.beganAt, endedAt: Math.max(last.endedAt, endedAt + graceMs) };
    else windows.push({ beganAt, endedAt: endedAt + graceMs });
  }
  return windows;
}

/** The longest time in [from, to] without an acknowledgement, inside and outside of fault windows. */
export function unavailability(history: History, from: number, to: number, graceMs = 0): Unavailability {
  const windows = merged(history.faults, graceMs);
  let inside: Gap = { ms: 0, at: from };
  let outside = inside;
  let next = 0;
  for (const { beganAt, endedAt } of silences(history.events, from, to)) {
    let at = beganAt;
    while (at < endedAt) {
      let window = windows[next];
      while (window && window.endedAt <= at) window = windows[++next];
      const isInside = window !== undefined && window.beganAt <= at;
      const border = (isInside ? window?.endedAt : window?.beganAt) ?? endedAt;
      const piece = { beganAt: at, endedAt: Math.min(border, endedAt) };
      if (isInside) inside = longer(inside, piece);
      else outside = longer(outside, piece);
      at = piece.endedAt;
    }
  }
  return { inside: inside, outside: outside };
}

/** The longest time in [from, to] without an acknowledgement, whatever was broken. */
export function longestGap(events: readonly Event[], from: number, to: number): Gap {
  let longest: Gap = { ms: 0, at: from };
  for (const silence of silences(events, from, to)) longest = longer(longest, silence);
  return longest;
}
