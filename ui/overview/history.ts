/**
 * What the table has beside the messages of the feed: older ones, for whoever scrolls back, and what a search of the whole
 * log finds. Knows no browser: how messages are read is handed in.
 *
 * O1. One page at a time, from the newest to the oldest. What is kept is bounded, and it is said when there is more.
 * O2. Whoever asks for something else meanwhile does not get the answer to what was asked before.
 */
import { signal } from '@preact/signals';
import type { MessageView } from '../../actors/observation.ts';
import { matching } from './rowWindow.ts';

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
  readonly text: string;
  /** Oldest first. */
  readonly rows: readonly MessageView[];
  /** Ids that were looked at: from this one up to that one. */
  readonly from: number;
  readonly to: number;
  /** `full`: it stopped because it has found so many. */
  readonly state: 'searching' | 'done' | 'full' | 'stopped' | 'failed';
}

/** A search of the whole log, newest first. */
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

  async search(text: string, lastId: number): Promise<void> {
    const life = ++this.#life;
    let found: Found = { text, rows: [], from: lastId + 1, to: lastId, state: 'searching' };
    this.value.value = found;
    while (found.from > 1) {
      const after = Math.max(0, found.from - 1 - searchPage);
      const page = await this.#read(after, found.from - 1).catch(() => null);
      if (life !== this.#life) return; // O2.
      if (page === null) {
        this.value.value = { ...found, state: 'failed' };
        return;
      }
      const rows = [...matching(page, { text, onlyViolations: false }), ...found.rows];
      found = { ...found, rows: rows.slice(-foundMost), from: after + 1 };
      if (rows.length >= foundMost && after > 0) {
        this.value.value = { ...found, state: 'full' };
        return;
      }
      this.value.value = found;
    }
    this.value.value = { ...found, state: 'done' };
  }
}
