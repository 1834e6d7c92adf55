/**
 * Viewing: which part of the record is in the window and which event is chosen, and what keys do to that. Pure.
 *
 * W1. Whoever scrolls or chooses looks at a standing picture; the record goes on behind it.
 * W2. The chosen event is in the window whenever it was just chosen.
 */
import type { Traced } from './record.ts';

export interface Viewing {
  /** Place of the first event of the window; null: follows the newest. */
  readonly first: number | null;
  readonly selected: string | null;
}
export const following: Viewing = { first: null, selected: null };

export type Command =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'pageUp'
  | 'pageDown'
  | 'first'
  | 'last'
  | 'previousViolation'
  | 'nextViolation'
  | 'previousElection'
  | 'nextElection'
  | 'pause'
  | 'deselect';

/** By what the key writes: on many keyboards a bracket needs AltGr. */
const keys: Readonly<Record<string, Command>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  PageUp: 'pageUp',
  PageDown: 'pageDown',
  Home: 'first',
  End: 'last',
  '[': 'previousViolation',
  ']': 'nextViolation',
  e: 'nextElection',
  E: 'previousElection',
  p: 'pause',
  Escape: 'deselect',
};
export const commandOf = (key: string): Command | undefined => (Object.hasOwn(keys, key) ? keys[key] : undefined);

/** First place of the window, within the record. */
export const firstOf = ({ first }: Viewing, total: number, size: number): number =>
  Math.max(0, Math.min(first ?? total, total - size));

/** The viewing after it; the same one if there is nothing that way. */
export function obey(command: Command, viewing: Viewing, events: readonly Traced[], size: number): Viewing {
  const first = firstOf(viewing, events.length, size);
  const chosen = events.findIndex(({ id }) => id === viewing.selected);
  const choose = (at: number): Viewing => chooseAt(at, viewing, events, size);
  /** Without a chosen event one begins at the end of the window. */
  const from = chosen >= 0 ? chosen : Math.min(events.length, first + size);
  switch (command) {
    case 'up':
      return choose(from - 1);
    case 'down':
      return choose(chosen >= 0 ? chosen + 1 : first);
    case 'left':
    case 'right':
      return chosen < 0 ? choose(from - 1) : choose(neighbour(events, chosen, command === 'left' ? -1 : 1));
    case 'pageUp':
      return { ...viewing, first: Math.max(0, first - size + 1) };
    case 'pageDown':
      return { ...viewing, first: Math.max(0, Math.min(events.length - size, first + size - 1)) };
    case 'first':
      return { ...viewing, first: 0 };
    case 'last':
      return { ...viewing, first: Math.max(0, events.length - size) };
    case 'previousViolation':
      return choose(search(events, from, -1, (event) => event.violation === true));
    case 'nextViolation':
      return choose(search(events, chosen >= 0 ? chosen : first - 1, 1, (event) => event.violation === true));
    case 'previousElection':
      return choose(search(events, from, -1, isElectionTold));
    case 'nextElection':
      return choose(search(events, chosen >= 0 ? chosen : first - 1, 1, isElectionTold));
    case 'pause':
      return viewing.first === null ? { ...viewing, first } : { ...viewing, first: null };
    case 'deselect':
      return { ...viewing, selected: null };
  }
}

/** Of an election its beginnings and ends, not every frame of it. */
const isElectionTold = (event: Traced): boolean =>
  event.group === 'election' && (event.kind === 'local' || event.what === 'prepare');

export function chooseAt(at: number, viewing: Viewing, events: readonly Traced[], size: number): Viewing {
  const event = events[at];
  if (event === undefined) return viewing;
  const first = firstOf(viewing, events.length, size);
  const isInside = at >= first && at < first + size;
  const middle = Math.max(0, Math.min(events.length - size, at - Math.floor(size / 2)));
  return { first: isInside ? first : middle, selected: event.id };
}

function search(events: readonly Traced[], from: number, step: 1 | -1, fits: (event: Traced) => boolean): number {
  for (let at = from + step; at >= 0 && at < events.length; at += step) {
    const event = events[at];
    if (event !== undefined && fits(event)) return at;
  }
  return -1;
}

/** The nearest event, before or after, of the next node to one side. */
function neighbour(events: readonly Traced[], chosen: number, side: 1 | -1): number {
  const own = events[chosen]?.node ?? 0;
  const nodes = [...new Set(events.map(({ node }) => node))].sort((a, b) => a - b);
  const node = nodes[nodes.indexOf(own) + side];
  for (let distance = 1; node !== undefined && distance < events.length; distance++)
    for (const at of [chosen - distance, chosen + distance]) if (events[at]?.node === node) return at;
  return -1;
}
