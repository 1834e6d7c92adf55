/** `GET /messages`, `/messages/:id` and `/messages/:a/relation/:b`: committed messages, in the one order. */
import type { Context } from 'koa';
import type { Message, NodeFacade, ReadPoint } from '../actors/facade.ts';
import type { Lamport } from '../actors/protocol/epoch.ts';
import { negotiate } from './accept.ts';
import { refuse, sendMessages } from './answer.ts';
import type { Edge } from './edge.ts';
import { encodeMessage, jsonArray, ndjson } from './encode.ts';
import { Refusal, refusalOf } from './errors.ts';
import { consistencyOf, integerOf, parametersOf, parseInteger, type Query, timeoutOf } from './query.ts';
import { lamportTimeOf, nextToken } from './sessions.ts';
import { type Range, sendList } from './stream.ts';
import { sendTail } from './tail.ts';

const listTypes = ['application/json', 'application/x-ndjson', 'text/event-stream'] as const;

const readParameters = ['timeout', 'consistency'] as const;
const listParameters = ['after', 'limit', ...readParameters] as const;

/** A read whose conditions hold: up to where it may see, and what the client had seen before. */
interface Opened {
  readonly query: Query;
  readonly point: ReadPoint;
  readonly tokenOf: (newestShown: Lamport) => Lamport;
}

async function open(
  edge: Edge,
  ctx: Context,
  parameters: readonly string[] = readParameters,
): Promise<Opened | Refusal> {
  const query = parametersOf(ctx.req.url ?? '', parameters);
  if (query instanceof Refusal) return query;
  const timeoutMs = timeoutOf(query);
  if (timeoutMs instanceof Refusal) return timeoutMs;
  const linearizable = consistencyOf(query);
  if (linearizable instanceof Refusal) return linearizable;
  const lamportTime = lamportTimeOf(ctx.req);
  if (lamportTime instanceof Refusal) return lamportTime;
  const point = await edge.node.readPoint({
    timeoutMs,
    ...(lamportTime !== undefined && { lamportTime }),
    ...(linearizable && { linearizable }),
  });
  if (point.kind === 'trouble') return refusalOf(point);
  return { query, point, tokenOf: (newestShown) => nextToken(lamportTime, newestShown) };
}

export async function getMessages(edge: Edge, ctx: Context): Promise<void> {
  const type = negotiate(ctx.req.headers.accept, listTypes);
  if (type === undefined) return refuse(ctx, new Refusal('NOT_ACCEPTABLE', listTypes.join(', ')));
  const opened = await open(edge, ctx, listParameters);
  if (opened instanceof Refusal) return refuse(ctx, opened, true);
  const { point, tokenOf } = opened;
  const range = rangeOf(ctx, opened.query, type);
  if (range instanceof Refusal) return refuse(ctx, range);
  if (type === 'text/event-stream') {
    const { tails, limits } = edge;
    if (tails.size >= limits.maxTails) return refuse(ctx, new Refusal('TOO_MANY_TAILS', `${tails.size} are open`));
    return sendTail(edge, ctx, { range, point, token: tokenOf(point.lastLamport) });
  }
  const form = type === 'application/json' ? jsonArray : ndjson;
  // The snapshot: up to the read point as it was at the beginning.
  return sendList(edge, ctx, {
    range: { ...range, upToId: Math.min(range.upToId, point.lastId) },
    form,
    point,
    tokenOf,
  });
}

/** Ids have no gaps, so a limit is a last id. */
function rangeOf({ req }: Context, query: Query, type: (typeof listTypes)[number]): Range | Refusal {
  const after = integerOf(query, 'after', { otherwise: 0 });
  if (after instanceof Refusal) return after;
  const limit = integerOf(query, 'limit', { otherwise: Number.MAX_SAFE_INTEGER });
  if (limit instanceof Refusal) return limit;
  // A browser that reconnects repeats the URL it began with, and says in the header how far it got.
  const lastEventId = type === 'text/event-stream' ? req.headers['last-event-id'] : undefined;
  const afterId = typeof lastEventId === 'string' && lastEventId !== '' ? parseInteger(lastEventId) : after;
  if (afterId === undefined) return new Refusal('HEADER_INVALID', 'Last-Event-ID is the id of a message');
  // A limit counts from where the client began, also over its reconnects.
  return { afterId, upToId: after + limit };
}

interface Found {
  readonly message: Message;
  /** The first id of its write: the same for messages that came in one request. */
  readonly writeId: number;
}

async function find(node: NodeFacade, id: number): Promise<Found | undefined> {
  for (const batch of await node.read(id - 1, id, 1)) {
    if (id < batch.firstId || id >= batch.nextId) continue;
    for (const { write, firstId, firstLamport } of batch.writes()) {
      const content = write.contents[id - firstId];
      if (content === undefined) continue;
      const message = {
        id,
        content: content.toString('utf8'),
        lamport: firstLamport + (id - firstId),
        nodeId: write.tag.origin,
        physicalSeconds: write.physicalSeconds,
        seen: write.seen,
      };
      return { message, writeId: firstId };
    }
  }
  return undefined;
}

async function lookUp(edge: Edge, point: ReadPoint, text: string): Promise<Found | Refusal> {
  const id = parseInteger(text);
  if (id === undefined) return new Refusal('PARAMETER_INVALID', 'the id of a message is a whole number');
  const found = id >= 1 && id <= point.lastId ? await find(edge.node, id) : undefined;
  return found ?? new Refusal('MESSAGE_NOT_FOUND', `no message ${id}; the newest here is ${point.lastId}`);
}

export async function getMessage(edge: Edge, ctx: Context): Promise<void> {
  const opened = await open(edge, ctx);
  if (opened instanceof Refusal) return refuse(ctx, opened, true);
  const found = await lookUp(edge, opened.point, ctx.params.id);
  if (found instanceof Refusal) return refuse(ctx, found);
  sendMessages(ctx, `${encodeMessage(found.message)}\n`, opened.tokenOf(found.message.lamport));
}

export type Relation = 'before' | 'after' | 'concurrent' | 'same';

/** Happened-before (Lamport 1978): a is before b iff b's origin had seen a, or both came in one write, a first. */
export function relationOf(a: Found, b: Found): Relation {
  const [x, y] = [a.message, b.message];
  if (x.id === y.id) return 'same';
  if (x.id <= y.seen || (a.writeId === b.writeId && x.id < y.id)) return 'before';
  if (y.id <= x.seen || (a.writeId === b.writeId && y.id < x.id)) return 'after';
  return 'concurrent';
}

export async function getRelation(edge: Edge, ctx: Context): Promise<void> {
  const opened = await open(edge, ctx);
  if (opened instanceof Refusal) return refuse(ctx, opened, true);
  const a = await lookUp(edge, opened.point, ctx.params.a);
  if (a instanceof Refusal) return refuse(ctx, a);
  const b = await lookUp(edge, opened.point, ctx.params.b);
  if (b instanceof Refusal) return refuse(ctx, b);
  const newest = Math.max(a.message.lamport, b.message.lamport);
  sendMessages(ctx, `{"relation":"${relationOf(a, b)}"}\n`, opened.tokenOf(newest));
}
