/** How many frames about messages are asked for: as many as the nodes can tell without leaving events out. Pure. */

export const mostOneOf = 65_536;
/** Steps up are big: what is left out tears holes. Steps down are small and slow. */
const stepUp = 4;
const calmMs = 5000;
/** Events of one node in one view: with more nobody can follow them, and a page would be told more than 60 kB/s; below, there is room for twice as many. */
export const crowdedEvents = 40;
/** A crowd that goes on for so long is no burst; it is over when no node was crowded for half of that. */
const crowdMs = 1000;
const roomyEvents = 16;

export class Sampling {
  oneOf = 1;
  #calmSinceMs: number | null = null;
  #crowd: { sinceMs: number; lastMs: number } | null = null;
  #changedAtMs = Number.NEGATIVE_INFINITY;

  /** A view of one node came: what it left out, how many events it told. True if another share is to be asked for. */
  note({ dropped, events, oneOf }: { dropped: number; events: number; oneOf: number }, nowMs: number): boolean {
    // Views that were made before the last change took effect say nothing about it.
    if (oneOf !== this.oneOf || nowMs - this.#changedAtMs < 1000) return false;
    if (dropped > 0 || this.#isCrowded(events, nowMs))
      return this.#change(Math.min(mostOneOf, this.oneOf * stepUp), nowMs);
    if (events > roomyEvents || this.oneOf === 1) this.#calmSinceMs = null;
    else this.#calmSinceMs ??= nowMs;
    if (this.#calmSinceMs === null || nowMs - this.#calmSinceMs < calmMs) return false;
    return this.#change(this.oneOf / 2, nowMs);
  }

  #isCrowded(events: number, nowMs: number): boolean {
    if (this.#crowd !== null && nowMs - this.#crowd.lastMs > crowdMs / 2) this.#crowd = null;
    if (events > crowdedEvents) this.#crowd = { sinceMs: this.#crowd?.sinceMs ?? nowMs, lastMs: nowMs };
    return this.#crowd !== null && nowMs - this.#crowd.sinceMs >= crowdMs;
  }

  #change(oneOf: number, nowMs: number): boolean {
    this.#calmSinceMs = null;
    this.#crowd = null;
    if (oneOf === this.oneOf) return false;
    this.oneOf = oneOf;
    this.#changedAtMs = nowMs;
    return true;
  }
}
