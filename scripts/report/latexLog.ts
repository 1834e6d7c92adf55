/** What LaTeX's log says of a run: how many pages, whether once more, and what is wrong with the pages. Pure. */
export interface Judged {
  readonly pages: number;
  readonly again: boolean;
  readonly faults: readonly string[];
}

/** Less than that nobody sees. */
const tolerablePt = 0.5;

const signs: readonly RegExp[] = [
  /^LaTeX Warning: (?:Reference|Citation) .* undefined/,
  /^LaTeX Warning: There were multiply-defined labels/,
  /^Missing character: .*/,
  /^LaTeX Font Warning: Font shape .* undefined/,
];

/** LaTeX's first error and where it is, when it stopped. */
const isError = (line: string): boolean => /^(?:\S+\.\w+:\d+: |! )/.test(line);

export function judged(log: string, pagesMax: number): Judged {
  const lines = log.split('\n');
  const pages = Number(/^Output written on .* \((\d+) pages?/m.exec(log)?.[1] ?? 0);
  // Of a run that stopped only why: references that it did not come to are no fault of theirs.
  const faults = lines.filter((line) => isError(line) || (pages > 0 && signs.some((sign) => sign.test(line))));
  for (const line of lines) {
    const points = Number(/^Overfull \\[hv]box \((\d+(?:\.\d+)?)pt too/.exec(line)?.[1] ?? 0);
    if (points > tolerablePt) faults.push(line);
  }
  if (pages === 0) faults.push('no page was written');
  if (pages > pagesMax) faults.push(`${pages} pages; at most ${pagesMax} are wanted`);
  return { pages, again: /Rerun to get|rerun LaTeX/i.test(log), faults: [...new Set(faults)] };
}
