/**
 * Story: the last events of a run as a space-time picture: time runs down, each node has a column, and what concerns all
 * stands across. Kept only when somebody wants to read it; a run gives the same with and without.
 */
import type { NodeId } from '../../actors/protocol/epoch.ts';

interface Told {
  readonly at: number;
  readonly node: NodeId | null;
  readonly words: string;
}

const columnWidth = 26;
const timeWidth = 10;

export class Story {
  readonly #limit: number;
  #told: Told[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isWanted(): boolean {
    return this.#limit > 0;
  }

  tell(at: number, node: NodeId | null, words: string): void {
    if (this.#limit === 0) return;
    this.#told.push({ at, node, words });
    if (this.#told.length > 2 * this.#limit) this.#told = this.#told.slice(-this.#limit);
  }

  lines(voters: readonly NodeId[]): readonly string[] {
    const head =
      `${'ms'.padStart(timeWidth)}  ${voters.map((id) => `node ${id}`.padEnd(columnWidth)).join('')}`.trimEnd();
    return [head, ...this.#told.slice(-this.#limit).map((told) => line(told, voters))];
  }
}

function line({ at, node, words }: Told, voters: readonly NodeId[]): string {
  const time = at.toFixed(1).padStart(timeWidth);
  if (node === null) return `${time}  *** ${words}`;
  const column = voters.indexOf(node);
  const before = voters
    .slice(0, column)
    .map(() => '|'.padEnd(columnWidth))
    .join('');
  // Words may run over the columns behind; what does not leaves the lines of time visible.
  const own = words.length < columnWidth ? words.padEnd(columnWidth) : words;
  const after =
    words.length < columnWidth
      ? voters
          .slice(column + 1)
          .map(() => '|'.padEnd(columnWidth))
          .join('')
      : '';
  return `${time}  ${before}${own}${after}`.trimEnd();
}
