/**
 * VirtualClock: time that moves only when a test moves it, jumping from one due timer to the next.
 *
 * One such clock drives a whole simulated world; XState takes it as its clock. (XState's own SimulatedClock sorts all
 * timers on every step and jumps over nested ones.)
 *
 * A1. Timers fire in the order of (due time, order of setting): the same calls give the same run.
 * A2. While a timer's callback runs, `now()` is exactly its due time. Time never goes back.
 * A3. A callback never runs inside the `setTimeout` call that set it, and never after `clearTimeout`.
 * A4. A callback that throws is used up; the clock stays usable and the error reaches whoever moved the time.
 */
import type { Clock } from '../../actors/ports.ts';

interface Timer {
  readonly dueAt: number;
  /** Breaks ties: first set, first fired. */
  readonly sequence: number;
  readonly callback: () => void;
  /** Where it stands in the heap; -1 when it has fired or was cleared. */
  place: number;
}

/** More timers than this at one instant mean that two of them call each other for ever. */
const maxTimersAtOneInstant = 1_000_000;

const isBefore = (a: Timer, b: Timer): boolean => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.sequence < b.sequence);

export class VirtualClock implements Clock {
  /** A binary heap: the children of i stand at 2i + 1 and 2i + 2. Each timer knows its place, so clearing is O(log n). */
  readonly #heap: Timer[] = [];
  #now: number;
  #set = 0;
  /** Timers that have fired. */
  fired = 0;
  #firedAtThisInstant = 0;

  constructor(startsAt = 0) {
    this.#now = startsAt;
  }

  now(): number {
    return this.#now;
  }
  /** Timers that are set and have not fired. */
  get pending(): number {
    return this.#heap.length;
  }
  /** When the next timer is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#heap[0]?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  /** A delay below 0 counts as 0; one that is no finite number is a bug of the caller. */
  setTimeout(callback: () => void, delayMs: number): unknown {
    if (!Number.isFinite(delayMs)) throw new RangeError(`a timer needs a finite delay, not ${delayMs}`);
    const timer: Timer = { dueAt: this.#now + Math.max(0, delayMs), sequence: this.#set++, callback, place: -1 };
    this.#rise(timer, this.#heap.length);
    return timer;
  }

  /** Does nothing for a timer that has fired, for undefined, or for another clock's timer. */
  clearTimeout(id: unknown): void {
    const timer = id as Timer | null | undefined;
    const place = timer?.place ?? -1;
    if (place >= 0 && this.#heap[place] === timer) this.#remove(place);
  }

  /** Fires the next timer, at its due time; false when there is none. */
  runNext(): boolean {
    const timer = this.#heap[0];
    if (!timer) return false;
    this.#remove(0);
    if (timer.dueAt > this.#now) this.#firedAtThisInstant = 0;
    else if (++this.#firedAtThisInstant > maxTimersAtOneInstant) {
      throw new Error(`time stands still at ${this.#now} ms: timers of no delay set one another for ever`);
    }
    this.#now = timer.dueAt;
    this.fired++;
    timer.callback();
    return true;
  }

  /** Fires everything that is due until `time`, timers set on the way too; then it is `time`. */
  runUntil(time: number): void {
    while (this.nextAt <= time) this.runNext();
    if (time > this.#now) this.#now = time;
  }

  advance(ms: number): void {
    this.runUntil(this.#now + ms);
  }

  #remove(place: number): void {
    const heap = this.#heap;
    const removed = heap[place] as Timer;
    const last = heap.pop() as Timer;
    removed.place = -1;
    if (last === removed) return;
    const parent = heap[(place - 1) >> 1];
    if (place > 0 && parent && isBefore(last, parent)) this.#rise(last, place);
    else this.#sink(last, place);
  }

  #rise(timer: Timer, from: number): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as Timer;
      if (!isBefore(timer, parent)) break;
      heap[place] = parent;
      parent.place = place;
      place = above;
    }
    heap[place] = timer;
    timer.place = place;
  }

  #sink(timer: Timer, from: number): void {
    const heap = this.#heap;
    const length = heap.length;
    let place = from;
    for (let below = 2 * place + 1; below < length; below = 2 * place + 1) {
      const right = heap[below + 1];
      if (right && isBefore(right, heap[below] as Timer)) below++;
      const child = heap[below] as Timer;
      if (!isBefore(child, timer)) break;
      heap[place] = child;
      child.place = place;
      place = below;
    }
    heap[place] = timer;
    timer.place = place;
  }
}
