/**
 * Answers that stay the same while the process lives, such as pages: sent with an ETag, and with 304 and no body to a
 * client that has them. Not for messages, nor for anything of this moment (answer.ts).
 */
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { discardRest } from './body.ts';

export interface FixedAnswer {
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
  readonly policy: string;
  readonly language: string | undefined;
}

const digest = (text: string | Buffer): string => createHash('sha256').update(text).digest('base64');

/** A policy that allows this one style sheet of the page itself, pictures within it, and nothing else. */
export const policyForStyle = (css: string): string =>
  `default-src 'none'; style-src 'sha256-${digest(css)}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export const policyForData = "default-src 'none'; frame-ancestors 'none'";

export function fixedAnswer(type: string, text: string, policy: string, language?: string): FixedAnswer {
  const body = Buffer.from(text);
  return { type, body, etag: `"${digest(body).slice(0, 27)}"`, policy, language };
}

export function sendFixed(ctx: Context, { type, body, etag, policy, language }: FixedAnswer): void {
  ctx.set({
    'Content-Type': type,
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache', // Kept, and asked about each time.
    ETag: etag,
  });
  if (language !== undefined) {
    ctx.set('Content-Language', language);
    ctx.vary('Accept-Language');
  }
  ctx.respond = false;
  ctx.status = 200;
  if (ctx.fresh) ctx.status = 304;
  else ctx.length = body.length;
  ctx.res.end(ctx.status === 304 || ctx.method === 'HEAD' ? undefined : body);
  discardRest(ctx.req);
}
