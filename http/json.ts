/**
 * Finds where a text stops being JSON (RFC 8259): V8 does not always say. Runs only after `JSON.parse` has refused.
 */

const space = /[ \t\n\r]*/y;
const scalar =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const name = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

/** Index of the first token that cannot stand there; the text's length when it ends too early. */
export function jsonFaultAt(text: string): number {
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  /** The closing brackets that are still due, innermost last: no recursion, so depth costs one character each. */
  const due: string[] = [];
  let wanted: 'value' | 'first' | 'name' | 'rest' = 'value';
  for (;;) {
    skip(space);
    const next = text[at];
    if (wanted === 'rest') {
      if (due.length === 0) return at;
      if (next === due.at(-1)) {
        due.pop();
        at++;
      } else if (next === ',') {
        at++;
        wanted = due.at(-1) === '}' ? 'name' : 'value';
      } else return at;
    } else if (wanted === 'first' && next === due.at(-1)) {
      wanted = 'rest';
    } else if (wanted === 'name' || (wanted === 'first' && due.at(-1) === '}')) {
      if (!skip(name)) return at;
      skip(space);
      if (text[at] !== ':') return at;
      at++;
      wanted = 'value';
    } else if (next === '{' || next === '[') {
      due.push(next === '{' ? '}' : ']');
      at++;
      wanted = 'first';
    } else if (skip(scalar)) {
      wanted = 'rest';
    } else return at;
  }
}
