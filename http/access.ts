/**
 * The API token: who has shown it, and the cookie by which a browser goes on showing it.
 *
 * K1. Comparisons take the same time for every wrong token; a token is in no log line and in no answer.
 * K2. The cookie is not the token and does not lead to it: an expiry and a signature over it, made with the token. So every
 *     node knows it, nothing is kept, and another token ends all of them.
 * K3. A script cannot read it (HttpOnly), and no other site's page can send it (SameSite=Strict; guards.ts G1).
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { jsonType, refuse, send, sendJson } from './answer.ts';
import { Refusal } from './errors.ts';

/** Which calls need the token: those that write, or all but the few that show nothing of the log. */
export type TokenFor = 'writes' | 'all';

const cookieName = 'dlog_session';
const cookieSeconds = 7 * 24 * 3600;
const cookiePattern = /^(\d{1,12})\.([\w-]{43})$/;

/** What a load balancer, and a page before it is signed in, must reach. None of it shows anything that is in the log. */
const openPaths: ReadonlySet<string> = new Set(['/', '/health', '/health/live', '/session', '/dashboard']);
export const isOpen = (url: string): boolean => {
  const path = url.split('?', 1)[0] as string;
  return openPaths.has(path) || path.startsWith('/dashboard/');
};

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export class Access {
  readonly #token: Buffer | undefined;
  readonly #nowMs: () => number;

  constructor(token: string | undefined, nowMs: () => number = Date.now) {
    this.#token = token === undefined ? undefined : digest(token);
    this.#nowMs = nowMs;
  }

  get isNeeded(): boolean {
    return this.#token !== undefined;
  }

  /** By header or by cookie. Where no token is set, everybody is known. */
  knows(req: IncomingMessage): boolean {
    return this.#token === undefined || this.hasBearer(req) || this.#hasCookie(req);
  }

  /** K1. */
  hasBearer({ headers: { authorization } }: IncomingMessage): boolean {
    return (
      this.#token !== undefined &&
      authorization !== undefined &&
      authorization.slice(0, 7).toLowerCase() === 'bearer ' &&
      timingSafeEqual(digest(authorization.slice(7).trim()), this.#token)
    );
  }

  #hasCookie({ headers: { cookie } }: IncomingMessage): boolean {
    if (cookie === undefined) return false;
    return cookie.split(';').some((part) => {
      const [name, value = ''] = part.trim().split('=', 2);
      const [, expiry = '', signature = ''] = (name === cookieName && cookiePattern.exec(value)) || [];
      if (signature === '' || Number(expiry) * 1000 <= this.#nowMs()) return false;
      return timingSafeEqual(digest(signature), digest(this.#sign(expiry)));
    });
  }

  /** K2. */
  #sign(expiry: string): string {
    return createHmac('sha256', this.#token ?? '')
      .update(`dashboard until ${expiry}`)
      .digest('base64url');
  }

  /** `Set-Cookie`: for a week, or its end. */
  cookie(req: IncomingMessage, ends = false): string {
    const seconds = ends ? 0 : cookieSeconds;
    const expiry = `${Math.floor(this.#nowMs() / 1000) + seconds}`;
    // What stands before this server and speaks TLS says so; whoever lies here hides the cookie from himself.
    const isSecure = req.headers['x-forwarded-proto'] === 'https';
    const value = ends ? '' : `${expiry}.${this.#sign(expiry)}`;
    return `${cookieName}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
  }
}

/** `GET /session`: what a page must know before it can show anything. */
export function getSession(access: Access, tokenFor: TokenFor, ctx: Context): void {
  sendJson(ctx, 200, { token_for: access.isNeeded ? tokenFor : 'nothing', signed_in: access.knows(ctx.req) });
}

/** `POST /session`: the token itself, once; a cookie does not make another one. */
export function postSession(access: Access, ctx: Context): void {
  if (access.isNeeded && !access.hasBearer(ctx.req)) return refuse(ctx, new Refusal('TOKEN_REQUIRED'));
  sendSession(ctx, true, access.isNeeded ? access.cookie(ctx.req) : undefined);
}

/** `POST /session/end`. */
export const endSession = (access: Access, ctx: Context): void => sendSession(ctx, false, access.cookie(ctx.req, true));

function sendSession(ctx: Context, signedIn: boolean, cookie: string | undefined): void {
  const body = `${JSON.stringify({ signed_in: signedIn })}\n`;
  send(ctx, 200, jsonType, body, cookie === undefined ? [] : ['Set-Cookie', cookie]);
}
