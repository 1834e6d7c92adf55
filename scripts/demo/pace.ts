/** How long a text stays, and which stretches of the film are its loop. Pure. */

/** A steady reader takes in about this many characters a second, and needs a moment to look up and down again. */
const charactersPerSecond = 18;
const lookMs = 1_000;

export const readingMs = (text: string): number => Math.round(lookMs + (1_000 * text.length) / charactersPerSecond);

/** At least `leastMs`, for what there is to see beside the text. */
export const holdMs = (text: string, leastMs: number, speed: number): number =>
  Math.round(Math.max(readingMs(text), leastMs) / speed);

export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Moments of the play, on the clock that the pictures are stamped with. */
export interface Marks {
  readonly killed: number;
  readonly recovered: number;
  readonly reviving: number;
  readonly back: number;
}

const beforeMs = 1_500;
const afterMs = 4_000;
const waitingMs = 1_500;

/** Leader dies, another leads; cut; the first comes back and leads again. A long start of a node is left out. */
export const loopOf = ({ killed, recovered, reviving, back }: Marks): readonly Stretch[] =>
  joined([
    { fromMs: killed - beforeMs, toMs: recovered + afterMs },
    { fromMs: reviving, toMs: reviving + waitingMs },
    { fromMs: back - waitingMs, toMs: back + afterMs },
  ]);

/** Stretches in order; those that touch or overlap are one. */
export function joined(stretches: readonly Stretch[]): readonly Stretch[] {
  const done: Stretch[] = [];
  for (const stretch of [...stretches].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = done.at(-1);
    if (last && stretch.fromMs <= last.toMs) {
      done[done.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, stretch.toMs) };
    } else done.push(stretch);
  }
  return done;
}
