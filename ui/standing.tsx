/** How a node stands, as a word and a mark: never by colour alone. */
import type { Standing } from './cluster.ts';
import { words } from './preferences.ts';
import type { Words } from './words.ts';

const keys = {
  starting: 'roleStarting',
  follower: 'roleFollower',
  probing: 'roleProbing',
  candidate: 'roleCandidate',
  adopting: 'roleAdopting',
  establishing: 'roleEstablishing',
  leading: 'roleLeading',
  draining: 'roleDraining',
  down: 'standingDown',
  unknown: 'standingUnknown',
} as const satisfies Record<Standing, keyof Words>;

export const roleWord = (standing: Standing, w: Words): string => w[keys[standing]];

export function markOf(standing: Standing): string {
  if (standing === 'leading') return '★';
  if (standing === 'down') return '✕';
  if (standing === 'unknown') return '?';
  return standing === 'follower' ? '●' : '◔';
}
export function toneOf(standing: Standing): 'lead' | 'good' | 'bad' | 'faint' | 'warn' {
  if (standing === 'leading') return 'lead';
  if (standing === 'follower') return 'good';
  if (standing === 'down') return 'bad';
  return standing === 'unknown' ? 'faint' : 'warn';
}

export const StandingMark = ({ standing }: { readonly standing: Standing }) => (
  <span class={`standing ${toneOf(standing)}`}>
    <span aria-hidden="true">{markOf(standing)}</span> {roleWord(standing, words.value)}
  </span>
);
