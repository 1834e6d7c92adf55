/**
 * Every error a client can get: one table from code to status, words and what to do; the README lists it.
 *
 * H1. A fault is a value, `Refusal`: parsers and readers return it, routes answer it. Nothing here throws.
 * H2. A client sees a stable `code`, the `outcome` of its write, and a hint; never a stack trace.
 */
import type { Trouble, TroubleCode } from '../actors/facade.ts';

interface ErrorEntry {
  readonly status: number;
  readonly error: string;
  /** What the client can do about it. */
  readonly hint: string;
  /** Milliseconds after which a retry makes sense; absent where the same request can only fail again. */
  readonly retryAfterMs?: number;
}

export const errors = {
  // What the node says (`Trouble`).
  NO_LEADER: {
    status: 503,
    error: 'No leader available',
    hint: 'A majority of the nodes must be alive and connected; retry, here or at another node.',
    retryAfterMs: 1000,
  },
  LEADER_UNREACHABLE: {
    status: 503,
    error: 'Leader not reachable',
    hint: 'This node lost the connection to the leader; retry, here or at another node.',
    retryAfterMs: 1000,
  },
  OUTCOME_UNKNOWN: {
    status: 503,
    error: 'Outcome unknown',
    hint: 'The message may be in the log, or may yet come to be. With the same Idempotency-Key a retry is safe.',
    retryAfterMs: 1000,
  },
  LOG_NOT_CAUGHT_UP: {
    status: 503,
    error: 'Log not caught up',
    hint: 'This node does not have yet what your Lamport-Time says you have seen; retry, or ask another node.',
    retryAfterMs: 1000,
  },
  LAMPORT_TIME_ABSURD: {
    status: 400,
    error: 'Lamport time absurd',
    hint: 'Send back the Lamport-Time of an earlier answer of this cluster, unchanged.',
  },
  KEY_REUSED: {
    status: 422,
    error: 'Idempotency key reused',
    hint: 'This Idempotency-Key was used with another body; use a new key for each write.',
  },
  KEY_EXPIRED: {
    status: 409,
    error: 'Idempotency key expired',
    hint: 'The log no longer knows this key, so the first try may or may not be in it; read before you write again.',
  },
  OVERLOADED: {
    status: 503,
    error: 'Overloaded',
    hint: 'This node has all the work it can hold; retry more slowly.',
    retryAfterMs: 1000,
  },
  DISK_FULL: {
    status: 507,
    error: 'Disk full',
    hint: 'Make room on the disk of the node; writes go on by themselves then.',
    retryAfterMs: 10_000,
  },
  NOT_LINEARIZABLE: {
    status: 503,
    error: 'Read not linearizable',
    hint: 'No majority confirmed the leader in time; retry, or read with consistency=session.',
    retryAfterMs: 1000,
  },
  IDENTITY_LOST: {
    status: 503,
    error: 'Identity lost',
    hint: 'This node lost its data folder and has no part in the cluster; /health says what to do. Use another node.',
  },
  STOPPING: {
    status: 503,
    error: 'Node stopping',
    hint: 'Use another node.',
    retryAfterMs: 1000,
  },
  STARTING: {
    status: 503,
    error: 'Node starting',
    hint: 'This node still reads its log; retry, or use another node.',
    retryAfterMs: 1000,
  },

  // What the edge finds by itself.
  MALFORMED_REQUEST: { status: 400, error: 'Malformed request', hint: 'Send valid HTTP/1.1 or WebSocket frames.' },
  MALFORMED_JSON: { status: 400, error: 'Malformed JSON', hint: 'Send valid JSON, in UTF-8.' },
  MALFORMED_URL: { status: 400, error: 'Malformed URL', hint: 'Percent-encode the query as UTF-8.' },
  NOT_UTF8: { status: 400, error: 'Not UTF-8', hint: 'Messages are text in valid UTF-8.' },
  MESSAGE_MISSING: {
    status: 400,
    error: 'Message missing',
    hint: 'Send {"message": "..."} as application/json, a text/plain body, or ?message=...',
  },
  MESSAGE_NOT_TEXT: { status: 400, error: 'Message not text', hint: 'A message is a JSON string.' },
  BATCH_EMPTY: { status: 400, error: 'Batch empty', hint: 'Send at least one message.' },
  BATCH_MALFORMED: {
    status: 400,
    error: 'Batch malformed',
    hint: 'Send a JSON array, or one JSON value a line as application/x-ndjson; each "text" or {"message": "text"}.',
  },
  PARAMETER_INVALID: { status: 400, error: 'Parameter invalid', hint: 'See the detail for what is accepted.' },
  UNKNOWN_PARAMETER: {
    status: 400,
    error: 'Unknown parameter',
    hint: 'Check the spelling; the detail lists what this call takes.',
  },
  HEADER_INVALID: { status: 400, error: 'Header invalid', hint: 'See the detail for what is accepted.' },
  TOKEN_REQUIRED: {
    status: 401,
    error: 'Token required',
    hint: 'Send the header Authorization: Bearer <API token>.',
  },
  FOREIGN_ORIGIN: {
    status: 403,
    error: 'Foreign origin',
    hint: 'Pages of other sites may not write here, unless their origin is configured as allowed.',
  },
  FOREIGN_HOST: {
    status: 421,
    error: 'Foreign host',
    hint: 'Use an address or localhost, or configure the origin with this host as allowed.',
  },
  NOT_FOUND: { status: 404, error: 'Not found', hint: 'See the README for the calls there are.' },
  MESSAGE_NOT_FOUND: {
    status: 404,
    error: 'Message not found',
    hint: 'Not committed here; send the Lamport-Time of the answer that named it and this node waits for it.',
  },
  METHOD_NOT_ALLOWED: { status: 405, error: 'Method not allowed', hint: 'Use a method of the Allow header.' },
  NOT_ACCEPTABLE: { status: 406, error: 'Not acceptable', hint: 'Accept one of the types in the detail.' },
  REQUEST_TIMEOUT: { status: 408, error: 'Request timeout', hint: 'Send the request without long pauses.' },
  BODY_TOO_LARGE: { status: 413, error: 'Body too large', hint: 'Split it into several requests.' },
  MESSAGE_TOO_LARGE: { status: 413, error: 'Message too large', hint: 'A message is at most 1 MiB of UTF-8.' },
  BATCH_TOO_LARGE: { status: 413, error: 'Batch too large', hint: 'At most 10,000 messages and 4 MiB a request.' },
  URL_TOO_LONG: { status: 414, error: 'URL too long', hint: 'Send the message as a body.' },
  MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    error: 'Media type unsupported',
    hint: 'Send application/json, application/x-ndjson (batches) or text/plain, in UTF-8, not compressed.',
  },
  UPGRADE_REQUIRED: {
    status: 426,
    error: 'Upgrade required',
    hint: 'Open this path as a WebSocket (RFC 6455, version 13).',
  },
  HEADERS_TOO_LARGE: { status: 431, error: 'Headers too large', hint: 'Send fewer or shorter headers.' },
  TOO_MANY_CONNECTIONS: {
    status: 503,
    error: 'Too many connections',
    hint: 'Close some, or use another node.',
    retryAfterMs: 1000,
  },
  TOO_MANY_TAILS: {
    status: 503,
    error: 'Too many tails',
    hint: 'Close some live tails, or tail another node.',
    retryAfterMs: 5000,
  },
  TOO_MANY_STREAMS: {
    status: 503,
    error: 'Too many streams',
    hint: 'Close some append streams, or use another node.',
    retryAfterMs: 5000,
  },
  TOO_MANY_VIEWERS: {
    status: 503,
    error: 'Too many viewers',
    hint: 'Close some dashboards, or open that of another node.',
    retryAfterMs: 5000,
  },
  CHAOS_REFUSED: {
    status: 409,
    error: 'Fault not possible',
    hint: 'See the detail for why this cannot be done to this node now.',
  },
  INTERNAL: { status: 500, error: 'Internal error', hint: 'A bug; the log of this node has the details.' },
} as const satisfies Record<TroubleCode, ErrorEntry> & Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errors;
export type ErrorFields = Readonly<Record<string, string | number>>;

export class Refusal {
  readonly code: ErrorCode;
  /** What is known about this very case. */
  readonly detail: string | undefined;
  /** More members of the error's JSON, such as `line` or `position`. */
  readonly fields: ErrorFields | undefined;
  readonly outcome: 'not_done' | 'unknown' = 'not_done';
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    detail?: string,
    fields?: ErrorFields,
    trouble?: Pick<Trouble, 'outcome' | 'retryAfterMs'>,
  ) {
    this.code = code;
    this.detail = detail;
    this.fields = fields;
    if (trouble) this.outcome = trouble.outcome;
    this.retryAfterMs = trouble?.retryAfterMs ?? (errors[code] as ErrorEntry).retryAfterMs;
  }

  get status(): number {
    return errors[this.code].status;
  }

  /** The body of the answer. A retry is safe when nothing was done, or when a key makes it one write. */
  toJson(retrySafe: boolean): string {
    const { error, hint } = errors[this.code];
    return JSON.stringify({
      error,
      code: this.code,
      outcome: this.outcome,
      hint,
      detail: this.detail,
      retry_after_ms: retrySafe ? this.retryAfterMs : undefined,
      ...this.fields,
    });
  }
}

export const refusalOf = (trouble: Trouble): Refusal => new Refusal(trouble.code, trouble.detail, undefined, trouble);
