/**
 * What the table has beside the messages of the feed: older ones, for whoever scrolls back, and what a search of the whole
 * log finds. Knows no browser: how messages are read is handed in.
 *
 * O1. One page at a time, from the newest to the oldest. What is kept is bounded, and it is said when there is more.
 * O2. Whoever asks for something else meanwhile does not get the answer to what was asked before.
 */
import { signal } from '@preact/signals';
import type { MessageView } from '../../actors/observation.ts';
import { judged } from '../rings.ts';
import { matching, type Search } from './rowWindow.ts';

export type ReadRange = (after: number, upTo: number) => Promise<readonly MessageView[]>;

const olderPage = 100;
export const olderMost = 10_000;
const searchPage = 1000;
export const foundMost = 500;

export interface Older {
  /** Oldest first. */
  readonly rows: readonly MessageView[];
  /** `full`: there are more, but not here. */
  readonly state: 'idle' | 'reading' | 'begun' | 'full' | 'failed';
}
const nothingOlder: Older = { rows: [], state: 'idle' };

/** Older messages, as far back as somebody scrolled. */
export class OlderRows {
  readonly value = signal<Older>(nothingOlder);
  readonly #read: ReadRange;
  #life = 0;

  constructor(read: ReadRange) {
    this.#read = read;
  }

  forget(): void {
    this.#life++;
    if (this.value.peek() !== nothingOlder) this.value.value = nothingOlder;
  }

  /** The page before `oldestId`, the oldest row that the feed gave. */
  async more(oldestId: number): Promise<void> {
    const { rows, state } = this.value.peek();
    if (state === 'reading' || state === 'begun' || state === 'full') return;
    const upTo = (rows[0]?.id ?? oldestId) - 1;
    if (upTo < 1) {
      this.value.value = { rows, state: 'begun' };
      return;
    }
    const life = this.#life;
    this.value.value = { rows, state: 'reading' };
    const after = Math.max(0, upTo - olderPage);
    const page = await this.#read(after, upTo).catch(() => null);
    if (life !== this.#life) return; // O2.
    const all = [...(page ?? []), ...rows];
    const reached = after === 0 ? 'begun' : all.length >= olderMost ? 'full' : 'idle';
    this.value.value = { rows: all, state: page === null ? 'failed' : reached };
  }
}

export interface Found {
  /** Oldest first. */
  readonly rows: readonly MessageView[];
  /** Ids that were looked at: from this one up to that one. */
  readonly from: number;
  readonly to: number;
  /** `full`: it stopped because it has found so many. */
  readonly state: 'searching' | 'done' | 'full' | 'stopped' | 'failed';
}

/** A search of the whole log: newest first, but for violations, which only what is before them shows. */
export class LogSearch {
  readonly value = signal<Found | null>(null);
  readonly #read: ReadRange;
  #life = 0;

  constructor(read: ReadRange) {
    this.#read = read;
  }

  /** What was found stays. */
  stop(): void {
    this.#life++;
    const found = this.value.peek();
    if (found?.state === 'searching') this.value.value = { ...found, state: 'stopped' };
  }
  forget(): void {
    this.#life++;
    if (this.value.peek() !== null) this.value.value = null;
  }

  async search(wanted: Search, lastId: number): Promise<void> {
    const life = ++this.#life;
    const isForward = wanted.onlyViolations;
    let found: Found = isForward
      ? { rows: [], from: 1, to: 0, state: 'searching' }
      : { rows: [], from: lastId + 1, to: lastId, state: 'searching' };
    /** Highest Lamport time of what was read. */
    let lamport = 0;
    this.value.value = found;
    for (let isAll = lastId < 1; !isAll; ) {
      const upTo = isForward ? Math.min(lastId, found.to + searchPage) : found.from - 1;
      const after = isForward ? found.to : Math.max(0, upTo - searchPage);
      const page = await this.#read(after, upTo).catch(() => null);
      if (life !== this.#life) return; // O2.
      if (page === null) {
        this.value.value = { ...found, state: 'failed' };
        return;
      }
      isAll = isForward ? upTo === lastId : after === 0;
      const rows = matching(isForward ? judged(page, lamport) : page, wanted);
      lamport = page.reduce((highest, row) => Math.max(highest, row.lamport), lamport);
      found = isForward
        ? { ...found, rows: [...found.rows, ...rows].slice(0, foundMost), to: upTo }
        : { ...found, rows: [...rows, ...found.rows].slice(-foundMost), from: after + 1 };
      if (found.rows.length >= foundMost && !isAll) {
        this.value.value = { ...found, state: 'full' };
        return;
      }
      this.value.value = found;
    }
    this.value.value = { ...found, state: 'done' };
  }
}
