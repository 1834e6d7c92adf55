/** A message that this page sends: the request as curl would make it, and what an answer means. Pure. */

import { isObject } from '../json.ts';

export interface Sent {
  readonly kind: 'committed';
  readonly id: number;
  readonly lamport: number;
}
export interface Unsent {
  readonly kind: 'failed';
  readonly code: string | null;
  readonly error: string;
  readonly hint: string | null;
  /** It may be in the log all the same. */
  readonly mayBeIn: boolean;
}

const textOr = <T>(value: unknown, otherwise: T): string | T => (typeof value === 'string' ? value : otherwise);

/** The node's words are in its `error`, `detail` and `hint`; what is no JSON came from something in between. */
export function outcomeOf(status: number, body: string): Sent | Unsent {
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    said = null;
  }
  if (!isObject(said)) {
    return { kind: 'failed', code: null, error: `HTTP ${status}`, hint: null, mayBeIn: status >= 500 || status < 400 };
  }
  const { id, lamport_timestamp: lamport } = said;
  if (status === 200 && typeof id === 'number' && typeof lamport === 'number')
    return { kind: 'committed', id, lamport };
  const detail = textOr(said.detail, null);
  return {
    kind: 'failed',
    code: textOr(said.code, null),
    error: textOr(said.error, `HTTP ${status}`) + (detail === null ? '' : `: ${detail}`),
    hint: textOr(said.hint, null),
    mayBeIn: said.outcome === 'unknown',
  };
}

/** For a POSIX shell: nothing is special between single quotes. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A token is named, never shown: what is copied gets pasted anywhere. */
export function curlOf(origin: string, message: string, needsToken: boolean): string {
  const token = needsToken ? ' --header "authorization: Bearer $API_TOKEN"' : '';
  return `curl --header 'content-type: text/plain'${token} --data-raw ${quoted(message)} ${quoted(`${origin}/`)}`;
}
