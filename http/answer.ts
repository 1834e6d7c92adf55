/**
 * Writes answers. They go straight to node's response in one write: half the cost of Koa's own way, which stays in use
 * for whatever is not on a hot path (it sees `respond = false` and keeps out).
 */
import type { Context } from 'koa';
import type { Lamport } from '../actors/protocol/epoch.ts';
import { discardRest } from './body.ts';
import type { Refusal } from './errors.ts';

export const jsonType = 'application/json; charset=utf-8';
export const textType = 'text/plain; charset=utf-8';

/** Every answer is data, for its asker, of this moment: nothing to sniff, frame, run or keep. */
const protection = [
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
  'Cache-Control',
  'no-store',
] as const;

export function begin(ctx: Context, status: number, type: string, more: readonly string[] = []): void {
  ctx.respond = false;
  ctx.res.writeHead(status, ['Content-Type', type, ...protection, ...more]);
}

export function send(
  ctx: Context,
  status: number,
  type: string,
  body: string | Buffer,
  more: readonly string[] = [],
): void {
  if (ctx.res.headersSent) return;
  begin(ctx, status, type, ['Content-Length', String(Buffer.byteLength(body)), ...more]);
  ctx.res.end(ctx.req.method === 'HEAD' ? undefined : body);
  discardRest(ctx.req); // At once: soon node would let it pass uncounted.
}

export const sendJson = (ctx: Context, status: number, value: unknown): void =>
  send(ctx, status, jsonType, `${JSON.stringify(value)}\n`);

/** An answer that shows or makes messages (PROTOCOL §8). */
export const sendMessages = (ctx: Context, json: string, token: Lamport): void =>
  send(ctx, 200, jsonType, json, ['Lamport-Time', String(token)]);

/** `retrySafe`: the request is a read, changed nothing, or has a key that makes all its tries one write. */
export function refuse(ctx: Context, refusal: Refusal, retrySafe = refusal.outcome === 'not_done'): void {
  const { res, state } = ctx;
  if (res.headersSent) {
    res.destroy(); // Too late for an answer: a broken stream is at least no complete one.
    return;
  }
  state.refusal = refusal;
  const more: string[] = [];
  if (retrySafe && refusal.retryAfterMs !== undefined) {
    more.push('Retry-After', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000))));
  }
  if (refusal.code === 'TOKEN_REQUIRED') more.push('WWW-Authenticate', 'Bearer realm="distributed-log"');
  if (refusal.code === 'UPGRADE_REQUIRED')
    more.push('Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13');
  if (refusal.code === 'REQUEST_TIMEOUT') more.push('Connection', 'close');
  send(ctx, refusal.status, jsonType, `${refusal.toJson(retrySafe)}\n`, more);
}

/** The client went away before it had said everything: nobody is left to answer. */
export function abandon(ctx: Context): void {
  ctx.respond = false;
}
