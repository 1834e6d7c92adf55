/** `GET /append` as a WebSocket: from the opening handshake to a stream, and what became of that. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { refuse } from './answer.ts';
import { AppendStream, type StreamSettings } from './appendStream.ts';
import type { Edge } from './edge.ts';
import { Refusal, refusalOf } from './errors.ts';
import { watch } from './liveness.ts';
import { integerOf, parametersOf, type Query, timeoutOf } from './query.ts';
import { lamportTimeOf } from './sessions.ts';
import { acceptWebSocket, opensWrites } from './upgrades.ts';

/** With the number of a frame it is a key of at most `maxKeyBytes`. */
const sessionPattern = /^[\x21-\x7e]{1,100}$/;

function formatOf(query: Query): StreamSettings['format'] | Refusal {
  const format = query.get('format') ?? 'text';
  if (format === 'text' || format === 'ndjson') return format;
  return new Refusal('PARAMETER_INVALID', 'format is text or ndjson');
}

function sessionOf(query: Query): string | undefined | Refusal {
  const session = query.get('session');
  if (session === undefined || sessionPattern.test(session)) return session;
  return new Refusal('PARAMETER_INVALID', 'session is 1 to 100 characters of visible ASCII, no spaces');
}

function settingsOf(req: IncomingMessage): StreamSettings | Refusal {
  const query = parametersOf(req.url ?? '', ['format', 'timeout', 'session', 'from']);
  if (query instanceof Refusal) return query;
  const format = formatOf(query);
  if (format instanceof Refusal) return format;
  const timeoutMs = timeoutOf(query);
  if (timeoutMs instanceof Refusal) return timeoutMs;
  const session = sessionOf(query);
  if (session instanceof Refusal) return session;
  const from = integerOf(query, 'from', { min: 1, max: 2 ** 52, otherwise: 1 });
  if (from instanceof Refusal) return from;
  const lamportTime = lamportTimeOf(req);
  if (lamportTime instanceof Refusal) return lamportTime;
  return { format, timeoutMs, session, from, lamportTime };
}

/** Overload is no reason to refuse a stream: it waits. */
function settingsNow({ node, streams, limits }: Edge, req: IncomingMessage): StreamSettings | Refusal {
  if (!opensWrites(req)) return new Refusal('UPGRADE_REQUIRED');
  const trouble = node.writeRefusal();
  if (trouble && trouble.code !== 'OVERLOADED') return refusalOf(trouble);
  if (streams.size >= limits.maxStreams) return new Refusal('TOO_MANY_STREAMS', `this node has ${streams.size}`);
  return settingsOf(req);
}

/** Resolves when the stream has ended. */
export async function openAppend(edge: Edge, ctx: Context): Promise<void> {
  const settings = settingsNow(edge, ctx.req);
  if (settings instanceof Refusal) return refuse(ctx, settings);
  const webSocket = acceptWebSocket(edge.webSockets, ctx);
  if (!webSocket) return;
  const stream = new AppendStream(edge, webSocket, settings);
  let goneFor: Refusal | undefined;
  const unwatch = watch(webSocket, ctx.req.socket, edge.limits, {
    onGone: (detail) => {
      goneFor = new Refusal('REQUEST_TIMEOUT', detail);
      webSocket.terminate();
    },
    onStalled: (detail) => stream.refuse(new Refusal('REQUEST_TIMEOUT', detail)),
  });
  const end = (): void => stream.stop();
  edge.streams.add(end);
  await stream.closed;
  edge.streams.delete(end);
  unwatch();
  ctx.state.tail = true; // How long somebody writes is no latency.
  ctx.state.refusal = stream.refusal ?? goneFor;
  ctx.state.status = ctx.state.refusal?.status ?? 101;
}
