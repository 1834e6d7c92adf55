/** Finds where a text stops being JSON (RFC 8259): V8 does not always say. Runs only after `JSON.parse` has refused. */

/** One token, with the space before it: a string, another scalar, or a mark. */
const token =
  /[ \t\n\r]*(?:("(?:[^"\\\p{Cc}]|\u007f|[\u0080-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|([[\]{},:]))/uy;
const space = /[ \t\n\r]*/y;

type Wanted = 'value' | 'first value' | 'name' | 'first name' | 'colon' | 'rest';

/** Index of the first token that cannot stand there; the text's length when it ends too early. */
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
