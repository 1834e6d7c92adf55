/**
 * Excerpts of the sources, found by how they begin, so that the report shows the code that runs. Pure.
 *
 * A beginning is what stands first on a line, without `export`, `const`, `function` and `#`: a name (`nextEpoch`), a method
 * (`judgeProbe`), a branch (`case 'batch.stamp'`) or a statement. The excerpt ends with the statement.
 *
 * A1. A beginning that is not there, or is there twice, is a fault: never another piece of code by chance.
 * A2. An excerpt has ASCII only; LaTeX would drop the rest.
 */
export class ExcerptFault extends Error {}

const opening = /^(?:export |const |function |get |readonly |#)*/;
const bare = (line: string): string => line.trim().replace(opening, '');

/** A name counts only as a whole word: `best` is not the beginning of `bestOf`. */
const begins = (line: string, beginning: string): boolean => {
  const [rest, wanted] = [bare(line), bare(beginning)];
  return rest.startsWith(wanted) && !(/\w$/.test(wanted) && /^\w/.test(rest.slice(wanted.length)));
};

/** By how much a line opens more brackets than it closes; strings and comments do not count. */
export function depthOf(line: string): number {
  const code = line
    .replace(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`/g, '')
    .replace(/\/\/.*$/, '')
    .replace(/\/\*.*?\*\//g, '');
  return (code.match(/[([{]/g)?.length ?? 0) - (code.match(/[)\]}]/g)?.length ?? 0);
}

const isEnd = (line: string): boolean => /[;},]$/.test(line.replace(/\s*\/\/.*$/, '').trimEnd());

function linesFrom(lines: readonly string[], from: number): readonly string[] {
  let depth = 0;
  for (let i = from; i < lines.length; i++) {
    const line = lines[i] ?? '';
    depth += depthOf(line);
    if (depth <= 0 && isEnd(line)) return lines.slice(from, i + 1);
  }
  return lines.slice(from);
}

function withoutIndent(lines: readonly string[]): readonly string[] {
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  const indent = Math.min(...indents);
  return lines.map((line) => line.slice(indent));
}

export function excerptOf(source: string, beginning: string): string {
  const lines = source.split('\n');
  const found = lines.flatMap((line, i) => (begins(line, beginning) ? [i] : []));
  const [from] = found;
  if (from === undefined) throw new ExcerptFault(`nothing begins with "${beginning}"`);
  if (found.length > 1) {
    throw new ExcerptFault(`"${beginning}" begins lines ${found.map((i) => i + 1).join(', ')}; say more of it`);
  }
  const text = withoutIndent(linesFrom(lines, from)).join('\n');
  const strange = /[^\n -~]/.exec(text);
  if (strange) throw new ExcerptFault(`"${beginning}" has a ${JSON.stringify(strange[0])}`);
  return text;
}

/** Several, one under the other: what stands between them in the file is left out. */
export const excerptsOf = (source: string, beginnings: string): string =>
  `${beginnings
    .split(' ; ')
    .map((beginning) => excerptOf(source, beginning))
    .join('\n')}\n`;
