/** Parameters and headers, each described once; their limits are those that the code checks. */
import { maxKeyBytes } from '../../actors/protocol/batch.ts';
import { defaultTimeoutMs, maxTimeoutMs } from '../query.ts';
import { languages, type Parameter, type Schema } from './vocabulary.ts';

const query = (name: string, schema: Schema, description: string): Parameter => ({
  name,
  in: 'query',
  schema,
  description,
});
const header = (name: string, schema: Schema, description: string): Parameter => ({
  name,
  in: 'header',
  schema,
  description,
});
const whole = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

export const timeout = query(
  'timeout',
  { type: 'integer', minimum: 1, maximum: maxTimeoutMs, default: defaultTimeoutMs },
  'How long the call may wait, in milliseconds.',
);
export const message = query('message', { type: 'string' }, 'The message, instead of a body.');
export const after = query('after', { ...whole, default: 0 }, 'Only messages with a greater id.');
export const limit = query('limit', whole, 'How many messages at most, counted from `after`.');
export const consistency = query(
  'consistency',
  { type: 'string', enum: ['session', 'linearizable'], default: 'session' },
  '`session` shows at least what `Lamport-Time` stands for; `linearizable` everything that was acknowledged to ' +
    'anybody before the call began.',
);
export const format = query(
  'format',
  { type: 'string', enum: ['text', 'ndjson'], default: 'text' },
  '`text`: a frame is a message. `ndjson`: a frame is a batch like the body of `POST /messages`, and one write.',
);
export const session = query(
  'session',
  { type: 'string', pattern: '^[\\x21-\\x7e]{1,100}$' },
  'Visible ASCII, another for each stream of messages; makes each frame a write with the `Idempotency-Key` ' +
    '`<session>:<n>`, so that a stream can be resumed at any node.',
);
export const from = query(
  'from',
  { type: 'integer', minimum: 1, maximum: 2 ** 52, default: 1 },
  'The number of the first frame.',
);
export const language = query(
  'lang',
  { type: 'string', enum: languages },
  'Language of the headings; else `Accept-Language` decides.',
);

export const lamportTime = header(
  'Lamport-Time',
  whole,
  'The `Lamport-Time` of an earlier answer: this node shows at least as much as that one showed, or waits for it.',
);
const idempotencyKey = header(
  'Idempotency-Key',
  { type: 'string', pattern: `^[\\x20-\\x7e]{1,${maxKeyBytes}}$` },
  'The same key gives the same answer and never a second message, at any node; remembered for a million messages, or 500,000 keys.',
);
export const lastEventId = header(
  'Last-Event-ID',
  whole,
  'Live tail only: the id of the last message that came; browsers send it when they connect again.',
);
export const ifNoneMatch = header(
  'If-None-Match',
  { type: 'string' },
  'The `ETag` of an earlier answer: 304 without a body while that is still right.',
);

export const idIn = (name: string, description: string): Parameter => ({
  name,
  in: 'path',
  schema: { type: 'integer', minimum: 1 },
  description,
});

export const writeParameters: readonly Parameter[] = [timeout, lamportTime, idempotencyKey];
export const readParameters: readonly Parameter[] = [timeout, consistency, lamportTime];

/** Of answers. */
export const answerHeaders = {
  'Lamport-Time': {
    description:
      'The newest Lamport time that the client has seen or made; to be sent with the next call, to any node.',
    schema: { type: 'integer', minimum: 0 },
  },
  'Retry-After': {
    description: 'Seconds after which a retry makes sense; only where it is safe.',
    schema: { type: 'integer', minimum: 1 },
  },
  'WWW-Authenticate': { description: 'How a token is sent.', schema: { type: 'string' } },
  Allow: { description: 'The methods that this path has.', schema: { type: 'string' } },
  Upgrade: { description: '`websocket`', schema: { type: 'string' } },
  'Sec-WebSocket-Accept': { description: 'The handshake of RFC 6455.', schema: { type: 'string' } },
  'Sec-WebSocket-Version': { description: '`13`', schema: { type: 'string' } },
  ETag: { description: 'Names this very text, for `If-None-Match`.', schema: { type: 'string' } },
  'Content-Language': { description: 'Language of the headings.', schema: { type: 'string' } },
} as const satisfies Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;

export type AnswerHeader = keyof typeof answerHeaders;
