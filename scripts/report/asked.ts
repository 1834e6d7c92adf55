/**
 * What the text of the report asks the build for. Pure.
 *
 *   \dato{local.concurrency.latencyMs.average}{1}   a figure, and how it is written (data.ts)
 *   \codigo{actors/protocol/epoch.ts}{nextEpoch}    an excerpt of the source (excerpt.ts); several begin with ` ; ` between
 *   \figura{failover}{leader-failure-local-failover}   a picture, by the name of its SVG; the first word is for the text alone
 */
export interface Asked {
  /** Where it stands: `algorithms.tex:12`. */
  readonly at: string;
  readonly first: string;
  readonly second: string;
}
export interface AllAsked {
  readonly data: readonly Asked[];
  readonly excerpts: readonly Asked[];
  readonly pictures: readonly Asked[];
}

/** By file name. */
export type Texts = ReadonlyMap<string, string>;

const commented = /(?<!\\)%.*$/;

function find(texts: Texts, command: string): readonly Asked[] {
  const call = new RegExp(`\\\\${command}\\{([^{}#]+)\\}\\{([^{}#]+)\\}`, 'g');
  return [...texts].flatMap(([name, text]) =>
    text.split('\n').flatMap((line, i) =>
      [...line.replace(commented, '').matchAll(call)].map(([, first = '', second = '']) => ({
        at: `${name}:${i + 1}`,
        first,
        second,
      })),
    ),
  );
}

export const askedIn = (texts: Texts): AllAsked => ({
  data: find(texts, 'dato'),
  excerpts: find(texts, 'codigo'),
  pictures: find(texts, 'figura'),
});
