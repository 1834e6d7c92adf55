/** `POST /` and `POST /messages`: from a request to one write of the node, and its outcome as an answer. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import type { Appended } from '../actors/facade.ts';
import type { Lamport } from '../actors/protocol/epoch.ts';
import { abandon, refuse, sendMessages } from './answer.ts';
import { type BodyBounds, hasBody, readBody } from './body.ts';
import type { Edge } from './edge.ts';
import { Refusal, refusalOf } from './errors.ts';
import { parametersOf, type Query, timeoutOf } from './query.ts';
import {
  type BodyType,
  bodyHashOf,
  bodyTypeOf,
  checkKey,
  maxBatchBodyBytes,
  maxMessageBytes,
  maxSingleBodyBytes,
  parseBatch,
  parseMessage,
} from './requests.ts';
import { lamportTimeOf, nextToken } from './sessions.ts';

/** What a write says before its body; faults in it are answered before the body is read. */
interface Head {
  readonly query: Query;
  readonly timeoutMs: number;
  readonly lamportTime: Lamport | undefined;
  readonly key: string | undefined;
}

/** While the node takes no writes at all, a body is not even read: a client may still be sending megabytes of it. */
function headOf({ node }: Edge, req: IncomingMessage, parameters: readonly string[]): Head | Refusal {
  const busy = node.writeRefusal();
  if (busy) return refusalOf(busy);
  const query = parametersOf(req.url ?? '', parameters);
  if (query instanceof Refusal) return query;
  const timeoutMs = timeoutOf(query);
  if (timeoutMs instanceof Refusal) return timeoutMs;
  const lamportTime = lamportTimeOf(req);
  if (lamportTime instanceof Refusal) return lamportTime;
  const key = keyOf(req);
  if (key instanceof Refusal) return key;
  return { query, timeoutMs, lamportTime, key };
}

/** Node joins a header that is given twice; of two keys none is the right one. */
function keyOf({ headers, headersDistinct }: IncomingMessage): string | undefined | Refusal {
  const header = headers['idempotency-key'];
  if (header === undefined) return undefined;
  const isTwice = header.includes(',') && headersDistinct['idempotency-key']?.length !== 1;
  return isTwice ? new Refusal('HEADER_INVALID', 'Idempotency-Key is given twice') : checkKey(header);
}

/** `{"message": "…"}`, a text body, a form, or `?message=…`. */
export async function postMessage(edge: Edge, ctx: Context): Promise<void> {
  const head = headOf(edge, ctx.req, ['message', 'timeout']);
  if (head instanceof Refusal) return refuse(ctx, head);
  const contents = head.query.has('message') ? messageOfQuery(ctx, head.query) : await messageOfBody(edge, ctx);
  if (contents === undefined) return abandon(ctx);
  if (contents instanceof Refusal) return refuse(ctx, contents);
  await append(edge, ctx, head, contents, encodeAppended);
}

/** A JSON array or NDJSON: one write, contiguous, all or none. */
export async function postMessages(edge: Edge, ctx: Context): Promise<void> {
  const head = headOf(edge, ctx.req, ['timeout']);
  if (head instanceof Refusal) return refuse(ctx, head);
  const type = bodyTypeOf(ctx.req.headers['content-type']);
  if (type instanceof Refusal) return refuse(ctx, type);
  if (type !== 'json' && type !== 'ndjson') return refuse(ctx, new Refusal('MEDIA_TYPE_UNSUPPORTED'));
  const body = await readBody(ctx.req, ctx.res, boundsOf(edge, maxBatchBodyBytes));
  if (body === undefined) return abandon(ctx);
  const contents = body instanceof Refusal ? body : parseBatch(type, body);
  if (contents instanceof Refusal) return refuse(ctx, contents);
  await append(edge, ctx, head, contents, encodeAppendedBatch);
}

function messageOfQuery(ctx: Context, query: Query): readonly Buffer[] | Refusal {
  if (hasBody(ctx.req)) return new Refusal('PARAMETER_INVALID', 'a message in the query, and a body too');
  return [Buffer.from(query.get('message') ?? '', 'utf8')];
}

async function messageOfBody(edge: Edge, ctx: Context): Promise<readonly Buffer[] | Refusal | undefined> {
  const type = bodyTypeOf(ctx.req.headers['content-type']);
  if (type instanceof Refusal) return type;
  const maxBytes = maxBytesOf(type);
  const body = await readBody(ctx.req, ctx.res, boundsOf(edge, maxBytes));
  if (body === undefined || body instanceof Refusal) return body;
  const content = parseMessage(type, body);
  return content instanceof Refusal ? content : [content];
}

const boundsOf = ({ limits, bodyRoom }: Edge, maxBytes: number): BodyBounds => ({
  maxBytes,
  stallMs: limits.stallMs,
  room: bodyRoom,
});
const maxBytesOf = (type: BodyType): number => (type === 'text' ? maxMessageBytes : maxSingleBodyBytes);

async function append(
  edge: Edge,
  ctx: Context,
  { timeoutMs, lamportTime, key }: Head,
  contents: readonly Buffer[],
  encode: (done: Appended) => string,
): Promise<void> {
  const outcome = await edge.node.append({
    contents,
    timeoutMs,
    ...(lamportTime !== undefined && { lamportTime }),
    ...(key !== undefined && { key: { key, bodyHash: bodyHashOf(contents) } }),
  });
  await edge.turns.run(() => {
    if (outcome.kind === 'trouble') {
      // With a key all tries are one write, so that even an unknown outcome may be tried again.
      refuse(ctx, refusalOf(outcome), outcome.outcome === 'not_done' || key !== undefined);
    } else sendMessages(ctx, encode(outcome), nextToken(lamportTime, outcome.firstLamport + outcome.count - 1));
  });
}

const encodeAppended = (done: Appended): string =>
  `{"id":${done.firstId},"lamport_timestamp":${done.firstLamport},"node_id":${done.nodeId},` +
  `"seen":${done.seen},"physical_timestamp":${done.physicalSeconds}}\n`;

function encodeAppendedBatch({ firstId, firstLamport, count, nodeId, seen, physicalSeconds }: Appended): string {
  let messages = '';
  for (let i = 0; i < count; i++) {
    messages += `${i === 0 ? '' : ','}{"id":${firstId + i},"lamport_timestamp":${firstLamport + i}}`;
  }
  return (
    `{"count":${count},"first_id":${firstId},"messages":[${messages}],"node_id":${nodeId},` +
    `"seen":${seen},"physical_timestamp":${physicalSeconds}}\n`
  );
}
