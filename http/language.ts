/** Chooses the language of a page by the `Accept-Language` header (RFC 9110 §12.5.4, RFC 4647 §3.4). Pure. */

/** The offered language the reader likes best; the first one offered where none of them is liked. */
export function languageOf<L extends string>(accept: string | undefined, offered: readonly [L, ...L[]]): L {
  let [best] = offered;
  let bestQuality = 0;
  for (const part of (accept ?? '').split(',', 50)) {
    const [range = '', ...parameters] = part.split(';').map((word) => word.trim().toLowerCase());
    // `es-MX` is content with `es`; `*` with what comes first.
    const found = range === '*' ? offered[0] : offered.find((one) => one === range.split('-', 1)[0]);
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = q === undefined ? 1 : Number(q.slice(2));
    if (found !== undefined && quality > bestQuality && quality <= 1) [best, bestQuality] = [found, quality];
  }
  return best;
}
