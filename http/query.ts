/**
 * Reads the query of a URL and the numbers in it. Pure.
 *
 * Q1. What cannot be understood exactly is refused, never guessed: bad escapes, bytes that are not UTF-8, a parameter
 *     given twice, a number with anything else in it.
 * Q2. A call that reads or writes messages takes the parameters that it knows and no others: a misspelt `limit` must not
 *     bring the whole log.
 */
import { isUtf8 } from 'node:buffer';
import { Refusal } from './errors.ts';

export type Query = ReadonlyMap<string, string>;

/** No call has more than five; a form of some megabytes could have a million. */
const maxPairs = 1000;
const none: Query = new Map();

/** `text` is a query or an application/x-www-form-urlencoded body: `a=1&b=2`, with plus for space. */
export function parseForm(text: string): Query | Refusal {
  const query = new Map<string, string>();
  const pairs = text.split('&', maxPairs + 1);
  if (pairs.length > maxPairs) return new Refusal('PARAMETER_INVALID', `more than ${maxPairs} parameters`);
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) {
      return new Refusal('MALFORMED_URL', `cannot decode ${JSON.stringify(pair.slice(0, 60))}`);
    }
    if (query.has(name)) return new Refusal('PARAMETER_INVALID', `${JSON.stringify(name.slice(0, 60))} is given twice`);
    query.set(name, value);
  }
  return query;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.includes('+') ? text.replaceAll('+', ' ') : text);
  } catch {
    return undefined;
  }
}

export function parseQuery(url: string): Query | Refusal {
  const at = url.indexOf('?');
  if (at < 0) return none;
  // Node hands over raw bytes as Latin-1: curl sends what was typed, and that is UTF-8 nowadays.
  const bytes = Buffer.from(url.slice(at + 1), 'latin1');
  if (!isUtf8(bytes)) return new Refusal('MALFORMED_URL', 'the query is not UTF-8');
  return parseForm(bytes.toString('utf8'));
}

/** Q2. */
export function parametersOf(url: string, known: readonly string[]): Query | Refusal {
  const query = parseQuery(url);
  if (query instanceof Refusal) return query;
  for (const name of query.keys()) {
    if (known.includes(name)) continue;
    const shown = JSON.stringify(name.slice(0, 60));
    return new Refusal('UNKNOWN_PARAMETER', `${shown} is no parameter of this call, which takes ${known.join(', ')}`);
  }
  return query;
}

/** Decimal digits alone, at most 16 of them: `1e3`, ` 1`, `+1`, `0x1` and `1.0` are not integers here. */
export function parseInteger(text: string): number | undefined {
  if (text.length === 0 || text.length > 16) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : undefined;
}

export function integerOf(
  query: Query,
  name: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER, otherwise }: { min?: number; max?: number; otherwise: number },
): number | Refusal {
  const text = query.get(name);
  if (text === undefined) return otherwise;
  const value = parseInteger(text);
  if (value !== undefined && value >= min && value <= max) return value;
  return new Refusal('PARAMETER_INVALID', `${name} is an integer from ${min} to ${max}`);
}

export const defaultTimeoutMs = 10_000;
export const maxTimeoutMs = 60_000;

export const timeoutOf = (query: Query): number | Refusal =>
  integerOf(query, 'timeout', { min: 1, max: maxTimeoutMs, otherwise: defaultTimeoutMs });

/** Whether the read must be linearizable. */
export function consistencyOf(query: Query): boolean | Refusal {
  const text = query.get('consistency');
  if (text === undefined || text === 'session') return false;
  return text === 'linearizable' || new Refusal('PARAMETER_INVALID', 'consistency is session or linearizable');
}
