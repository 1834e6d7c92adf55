/** What `JSON.parse` does not tell: whether a text is worth its time, and where a text stops being JSON (RFC 8259). */

const [quote, backslash] = [0x22, 0x5c];
const marks = new Uint8Array(256);
for (const mark of Buffer.from('[{,:\n')) marks[mark] = 1;

/**
 * Whether there are more than `max` opening brackets, commas, colons and line breaks outside of strings. Each of them can
 * make a parser allocate, so that a few megabytes of nothing else would hold up the whole process for a second.
 */
export function hasMoreMarksThan(max: number, json: Buffer): boolean {
  if (json.length <= max) return false;
  let count = 0;
  let inString = false;
  for (let at = 0; at < json.length && count <= max; at++) {
    const byte = json[at] as number;
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else count += marks[byte] as number;
  }
  return count > max;
}

/** One token, with the space before it: a string, another scalar, or a mark. */
const token =
  /[ \t\n\r]*(?:("(?:[^"\\\p{Cc}]|\u007f|[\u0080-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|([[\]{},:]))/uy;
const space = /[ \t\n\r]*/y;

type Wanted = 'value' | 'first value' | 'name' | 'first name' | 'colon' | 'rest';

/** Runs only after `JSON.parse` has refused. Index of the first token that cannot stand there; the text's length when it ends too early. */
export function jsonFaultAt(text: string): number {
  /** The closing marks that are still due, innermost last: no recursion, so depth costs one string each. */
  const due: string[] = [];
  let wanted: Wanted | undefined = 'value';
  for (let at = 0; ; at = token.lastIndex) {
    space.lastIndex = at;
    space.test(text);
    const start = space.lastIndex;
    if (wanted === 'rest' && due.length === 0) return start;
    token.lastIndex = start;
    const found = token.exec(text);
    if (found === null) return start;
    wanted = step(wanted, found[3] ?? (found[1] === undefined ? 'scalar' : 'string'), due);
    if (wanted === undefined) return start;
  }
}

/** What may follow a token; undefined where it cannot stand. */
function step(wanted: Wanted, kind: string, due: string[]): Wanted | undefined {
  switch (wanted) {
    case 'first value':
      return kind === ']' ? close(due) : begin(kind, due);
    case 'value':
      return begin(kind, due);
    case 'first name':
    case 'name':
      if (kind === '}' && wanted === 'first name') return close(due);
      return kind === 'string' ? 'colon' : undefined;
    case 'colon':
      return kind === ':' ? 'value' : undefined;
    case 'rest':
      if (kind === due.at(-1)) return close(due);
      if (kind !== ',') return undefined;
      return due.at(-1) === '}' ? 'name' : 'value';
  }
}

function begin(kind: string, due: string[]): Wanted | undefined {
  if (kind === 'string' || kind === 'scalar') return 'rest';
  if (kind !== '{' && kind !== '[') return undefined;
  due.push(kind === '{' ? '}' : ']');
  return kind === '{' ? 'first name' : 'first value';
}

function close(due: string[]): Wanted {
  due.pop();
  return 'rest';
}
