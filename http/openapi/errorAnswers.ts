/** Errors as answers, made from the one table in ../errors.ts: which calls can give which, by status. */
import { isOpen } from '../access.ts';
import { type ErrorCode, errors, Refusal } from '../errors.ts';
import type { AnswerHeader } from './parameters.ts';
import type { Operation } from './vocabulary.ts';

/** Of limits and headers, before any route is asked. */
export const everyCall: readonly ErrorCode[] = [
  'MALFORMED_REQUEST',
  'MALFORMED_URL',
  'HEADER_INVALID',
  'REQUEST_TIMEOUT',
  'URL_TOO_LONG',
  'FOREIGN_HOST',
  'HEADERS_TOO_LARGE',
  'INTERNAL',
  'OVERLOADED',
  'TOO_MANY_CONNECTIONS',
];
export const everyWrite: readonly ErrorCode[] = ['FOREIGN_ORIGIN'];
/** Whether there are nodes on which this call needs the token: with API_TOKEN_FOR=all nearly each does. */
export const mayNeedToken = ({ path, writes }: Pick<Operation, 'path' | 'writes'>): boolean =>
  writes === true || !isOpen(path);

/** Of calls that take parameters and refuse those they do not know. */
export const ofParameters: readonly ErrorCode[] = ['PARAMETER_INVALID', 'UNKNOWN_PARAMETER'];
/** What a node may say to any call that reads or writes messages. */
const ofNode: readonly ErrorCode[] = [
  'NO_LEADER',
  'LOG_NOT_CAUGHT_UP',
  'LAMPORT_TIME_ABSURD',
  'IDENTITY_LOST',
  'STOPPING',
  'STARTING',
];
export const ofReads: readonly ErrorCode[] = [...ofParameters, ...ofNode, 'NOT_LINEARIZABLE'];
export const ofWrites: readonly ErrorCode[] = [
  ...ofParameters,
  ...ofNode,
  'LEADER_UNREACHABLE',
  'OUTCOME_UNKNOWN',
  'KEY_EXPIRED',
  'KEY_REUSED',
  'DISK_FULL',
];
export const ofBodies: readonly ErrorCode[] = [
  'MALFORMED_JSON',
  'NOT_UTF8',
  'MESSAGE_MISSING',
  'MESSAGE_NOT_TEXT',
  'MESSAGE_TOO_LARGE',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
];
/** Of paths and methods that are no call of this API. */
export const ofNoCall: readonly ErrorCode[] = ['NOT_FOUND', 'METHOD_NOT_ALLOWED'];

/** Every code that this call can give, by ascending status, each once. */
export function errorsOf(operation: Pick<Operation, 'errors' | 'path' | 'writes'>): readonly ErrorCode[] {
  const { errors: own, writes } = operation;
  const codes = new Set([...own, ...everyCall, ...(writes ? everyWrite : [])]);
  if (mayNeedToken(operation)) codes.add('TOKEN_REQUIRED');
  return allErrors.filter((code) => codes.has(code));
}

/** By ascending status, else as in the table. */
export const allErrors: readonly ErrorCode[] = (Object.keys(errors) as ErrorCode[]).sort(
  (a, b) => errors[a].status - errors[b].status,
);

export function byStatus(codes: readonly ErrorCode[]): ReadonlyMap<number, readonly ErrorCode[]> {
  const groups = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = errors[code];
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}

/** The body of an error, as a node sends it. */
export function errorValue(code: ErrorCode, detail?: string): Record<string, unknown> {
  const outcome = code === 'OUTCOME_UNKNOWN' ? ({ outcome: 'unknown' } as const) : undefined;
  return JSON.parse(new Refusal(code, detail, undefined, outcome).toJson(true)) as Record<string, unknown>;
}

/** Headers that come with an error of this status, some or always. */
export function headersOf(codes: readonly ErrorCode[]): readonly AnswerHeader[] {
  const headers: AnswerHeader[] = [];
  if (codes.some((code) => 'retryAfterMs' in errors[code])) headers.push('Retry-After');
  if (codes.includes('TOKEN_REQUIRED')) headers.push('WWW-Authenticate');
  if (codes.includes('METHOD_NOT_ALLOWED')) headers.push('Allow');
  if (codes.includes('UPGRADE_REQUIRED')) headers.push('Upgrade', 'Sec-WebSocket-Version');
  return headers;
}
