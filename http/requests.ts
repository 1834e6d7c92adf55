/**
 * Message bodies: from the bytes of a request to the messages in it. Pure.
 *
 * M1. A message is valid UTF-8 of at most `maxMessageBytes`, and is kept byte for byte.
 * M2. A fault names the element or line, and the position in it if that is within the first MiB.
 * M3. No body holds up the process for long, whatever is in it: what is quick to send and slow to parse is refused unparsed.
 */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { bodyHashBytes, maxKeyBytes, maxMessagesInWrite } from '../actors/protocol/batch.ts';
import { type ErrorFields, Refusal } from './errors.ts';
import { hasMoreMarksThan, jsonFaultAt } from './json.ts';
import { parseForm } from './query.ts';

export const maxMessageBytes = 1024 * 1024;
export const maxBatchBodyBytes = 4 * 1024 * 1024;
/** A message of 1 MiB may take more as JSON: "é" is two bytes, and six as "\u00e9". */
export const maxSingleBodyBytes = 3 * maxMessageBytes + 1024;

/** Values in a body, roughly: 10,000 messages with a few other members each. */
const maxMarks = 100_000;
const maxSearchedLength = 1024 * 1024;

export type BodyType = 'json' | 'ndjson' | 'form' | 'text';

/** No Content-Type means text. */
export function bodyTypeOf(contentType: string | undefined): BodyType | Refusal {
  if (contentType === undefined) return 'text';
  if (contentType === 'application/json') return 'json';
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  for (const parameter of parameters) {
    if (!parameter.startsWith('charset=')) continue;
    const charset = parameter.slice(8).replaceAll('"', '');
    if (charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
      return new Refusal('MEDIA_TYPE_UNSUPPORTED', `charset ${charset} is not accepted`);
    }
  }
  if (type === 'application/json') return 'json';
  if (type === 'application/x-ndjson') return 'ndjson';
  if (type === 'application/x-www-form-urlencoded') return 'form';
  if (type === 'text/plain') return 'text';
  return new Refusal('MEDIA_TYPE_UNSUPPORTED', `${type} is not accepted`);
}

/** The one message of a `POST /`. */
export function parseMessage(type: BodyType, body: Buffer): Buffer | Refusal {
  if (body.length === 0) return new Refusal('MESSAGE_MISSING');
  if (!isUtf8(body)) return new Refusal('NOT_UTF8');
  if (type === 'text') return bounded(body);
  if (type === 'ndjson') return new Refusal('MEDIA_TYPE_UNSUPPORTED', 'send batches to /messages');
  const text = body.toString('utf8');
  // `curl -d` says form whatever it sends; a text that begins with a brace can be no form of ours.
  if (type === 'form' && !text.startsWith('{')) {
    const form = parseForm(text);
    if (form instanceof Refusal) return form;
    const message = form.get('message');
    return message === undefined ? new Refusal('MESSAGE_MISSING') : bounded(Buffer.from(message, 'utf8'));
  }
  if (hasMoreMarksThan(maxMarks, body)) return tooManyValues();
  const value = parseJson(text);
  return value instanceof Refusal ? value : messageOf(value);
}

const tooManyValues = (): Refusal =>
  new Refusal('BODY_TOO_LARGE', `more than ${maxMarks} brackets, commas, colons and lines beside its texts`);

/** The messages of a `POST /messages`. */
export function parseBatch(type: BodyType, body: Buffer): readonly Buffer[] | Refusal {
  if (!isUtf8(body)) return new Refusal('NOT_UTF8');
  if (hasMoreMarksThan(maxMarks, body)) return tooManyValues();
  if (type === 'ndjson') return parseLines(body.toString('utf8'));
  if (type !== 'json') {
    return new Refusal('MEDIA_TYPE_UNSUPPORTED', 'batches are application/json or application/x-ndjson');
  }
  const value = parseJson(body.toString('utf8'));
  if (value instanceof Refusal) return value;
  if (!Array.isArray(value)) return new Refusal('BATCH_MALFORMED', 'the body is not an array');
  if (value.length === 0) return new Refusal('BATCH_EMPTY');
  if (value.length > maxMessagesInWrite) return new Refusal('BATCH_TOO_LARGE', `it has ${value.length} messages`);
  const contents: Buffer[] = [];
  for (let element = 0; element < value.length; element++) {
    const content = messageOf(value[element]);
    if (content instanceof Refusal) return at(content, `element ${element}`, { element });
    contents.push(content);
  }
  return contents;
}

/** One JSON value a line, counted from 1; empty lines are skipped. */
function parseLines(text: string): readonly Buffer[] | Refusal {
  const contents: Buffer[] = [];
  let line = 0;
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    line++;
    const json = text.slice(start, end);
    start = end + 1;
    if (isBlank(json)) continue;
    if (contents.length === maxMessagesInWrite) return new Refusal('BATCH_TOO_LARGE', `line ${line} is one too many`);
    const value = parseJson(json);
    const content = value instanceof Refusal ? value : messageOf(value);
    if (content instanceof Refusal) return at(content, `line ${line}`, { line });
    contents.push(content);
  }
  return contents.length === 0 ? new Refusal('BATCH_EMPTY') : contents;
}

/** JSON's own white space and no other: a stray byte order mark or wide space is a fault. */
const isBlank = (line: string): boolean => line === '' || /^[ \t\r]*$/.test(line);

const at = ({ code, detail, fields }: Refusal, place: string, where: ErrorFields): Refusal =>
  new Refusal(code, detail === undefined ? place : `${place}: ${detail}`, { ...where, ...fields });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (text.length > maxSearchedLength) return new Refusal('MALFORMED_JSON');
    const position = jsonFaultAt(text);
    const found = position < text.length ? JSON.stringify(text.slice(position, position + 10)) : 'the end';
    return new Refusal('MALFORMED_JSON', `at position ${position}, before ${found}`, { position });
  }
}

/** JSON can spell half a surrogate pair, which no UTF-8 can hold. */
const halfPair = /\p{Surrogate}/u;

function messageOf(value: unknown): Buffer | Refusal {
  let message = value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (!Object.hasOwn(value, 'message')) return new Refusal('MESSAGE_MISSING');
    message = (value as { message: unknown }).message;
  }
  if (typeof message !== 'string') return new Refusal('MESSAGE_NOT_TEXT', `found ${kindOf(message)}`);
  const content = Buffer.from(message, 'utf8');
  // Only what is longer as UTF-8 than as UTF-16 can hold a surrogate at all.
  if (content.length > message.length && halfPair.test(message)) {
    return new Refusal('NOT_UTF8', 'it holds half of a surrogate pair');
  }
  return bounded(content);
}

const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value);

const bounded = (content: Buffer): Buffer | Refusal =>
  content.length <= maxMessageBytes ? content : new Refusal('MESSAGE_TOO_LARGE', `it has ${content.length} bytes`);

/** Visible ASCII, so that its bytes are its characters. */
export function checkKey(key: string | string[]): string | Refusal {
  if (typeof key === 'string' && key.length >= 1 && key.length <= maxKeyBytes && /^[\x20-\x7e]+$/.test(key)) return key;
  return new Refusal('HEADER_INVALID', `Idempotency-Key is 1 to ${maxKeyBytes} characters of visible ASCII`);
}

/** Digest of the messages themselves, so that a retry may spell the same message in another way. */
export function bodyHashOf(contents: readonly Buffer[]): Buffer {
  const body = Buffer.allocUnsafe(contents.reduce((sum, { length }) => sum + 4 + length, 0));
  let at = 0;
  for (const content of contents) {
    at = body.writeUInt32BE(content.length, at);
    body.set(content, at);
    at += content.length;
  }
  // In one call and by way of a text: a hash object, and a buffer outside the pool, cost more than the digest of a message.
  return Buffer.from(hash('sha256', body, 'binary').slice(0, bodyHashBytes), 'latin1');
}
