/** Which rows of a long list are drawn, and which messages match what is searched. Pure. */
import type { MessageView } from '../../actors/observation.ts';

/** Drawn above and below what is seen, so that a quick scroll finds no hole. */
const spareRows = 8;

export interface RowWindow {
  readonly first: number;
  /** Not included. */
  readonly end: number;
}
export function rowWindow(scrollTop: number, heightPixels: number, rowPixels: number, rows: number): RowWindow {
  const first = Math.max(0, Math.min(rows, Math.floor(scrollTop / rowPixels)) - spareRows);
  const end = Math.min(rows, Math.ceil((scrollTop + heightPixels) / rowPixels) + spareRows);
  return { first, end: Math.max(first, end) };
}

export interface Search {
  readonly text: string;
  readonly onlyViolations: boolean;
}
export const isSearch = ({ text, onlyViolations }: Search): boolean => text.trim() !== '' || onlyViolations;

export function matching(rows: readonly MessageView[], search: Search): readonly MessageView[] {
  if (!isSearch(search)) return rows;
  const wanted = search.text.trim().toLowerCase();
  return rows.filter(
    ({ content, id, origin, violation }) =>
      (violation || !search.onlyViolations) &&
      (wanted === '' || String(id) === wanted || String(origin) === wanted || content.toLowerCase().includes(wanted)),
  );
}

/**
 * A message as one line that shows what is in it: line ends as arrows, other control characters and those that turn the
 * direction of writing by their numbers, so that no message can dress up as another. Markup is nothing special: it is text.
 */
export const oneLine = (content: string): string =>
  content
    .replace(/\r?\n/g, '↵')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant.
    .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, numberOf);
const numberOf = (c: string): string => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`;

/** Only the beginning of it is here. Counted by hand: to make a Blob of each row for its size cost more than all the rest. */
export function isCut({ content, bytes }: Pick<MessageView, 'content' | 'bytes'>): boolean {
  let here = 0;
  for (let i = 0; i < content.length && here < bytes; i++) {
    const code = content.charCodeAt(i);
    // Each half of a pair counts two: together they are four bytes.
    here += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
  }
  return here < bytes;
}
