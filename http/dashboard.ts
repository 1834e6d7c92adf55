/**
 * `/dashboard`: the page that `ui/` is built into, with its files.
 *
 * D1. The page and its files come from this node alone, and the page may speak with this node alone: its policy says so.
 * D2. A file whose name has a digest is kept for ever; all else is asked about each time.
 * D3. The page names its files by whole paths, so it is the same with a slash at the end and without. A browser that asks
 *     for `/` is led to it.
 * D4. Only what was built for the page is served: the compiler puts its own output beside it.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Context, Middleware, Next } from 'koa';
import serveStatic from 'koa-static';
import { negotiate } from './accept.ts';
import { refuse, send } from './answer.ts';
import { Refusal } from './errors.ts';
import { fixedAnswer, sendFixed } from './fixedAnswer.ts';
import { html } from './markup.ts';

/** Beside the compiled sources: dist/ui. */
const builtFolder = fileURLToPath(new URL('../ui/', import.meta.url));

const pagePath = '/dashboard';
const filesPath = '/dashboard/';
const htmlType = 'text/html; charset=utf-8';
/** D4. No dots at the beginning, so nothing hidden and no way up. */
const fileName = /^(?:assets\/[\w-][\w.-]*|icon\.svg)$/;
const hasDigest = /-[A-Z0-9]{8}\.\w+(?:\.map)?$/;
const plainHost = /^[\w.:[\]-]+$/;

/** Old browsers do not count a WebSocket of the same host as 'self'. */
function policyFor(host: string | undefined): string {
  const sockets = host !== undefined && plainHost.test(host) ? ` ws://${host} wss://${host}` : '';
  return [
    "default-src 'self'",
    `connect-src 'self'${sockets}`,
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

const notBuilt = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>distributed-log</title></head>
<body>
<h1>The dashboard is not built</h1>
<p>This node runs, but the files of its dashboard are not there. Build them and load this page again:</p>
<pre>npm run build</pre>
<p>Until then: <a href="/docs">all calls</a>, <a href="/metrics">metrics</a>, <a href="/health">health</a>.</p>
</body>
</html>
`.text;

export function dashboard(folder: string = builtFolder): Middleware {
  const files = serveStatic(folder, { index: false, hidden: false });

  const sendPage = async (ctx: Context): Promise<void> => {
    const page = await readFile(`${folder}/index.html`, 'utf8').catch(() => undefined);
    if (page !== undefined) return sendFixed(ctx, fixedAnswer(htmlType, page, policyFor(ctx.headers.host)));
    if (!asksForHtml(ctx)) return refuse(ctx, new Refusal('NOT_FOUND', 'the dashboard is not built: npm run build'));
    send(ctx, 404, htmlType, notBuilt);
  };

  const sendFile = async (ctx: Context, name: string): Promise<void> => {
    if (!fileName.test(name)) return refuse(ctx, new Refusal('NOT_FOUND'));
    ctx.set({
      'Content-Security-Policy': policyFor(ctx.headers.host),
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cache-Control': hasDigest.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    ctx.vary('Accept-Encoding');
    const { path } = ctx;
    ctx.path = `/${name}`;
    await files(ctx, async () => {});
    ctx.path = path;
    if (!ctx.body) return refuse(ctx, new Refusal('NOT_FOUND'));
    if (ctx.fresh) ctx.status = 304;
    ctx.state.status = ctx.status; // Koa sends it later.
  };

  return async (ctx: Context, next: Next) => {
    const { path } = ctx;
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next();
    if (path === '/' && wantsPage(ctx)) return redirect(ctx);
    if (path !== pagePath && !path.startsWith(filesPath)) return next();
    ctx.state.route = pagePath;
    return path.length <= filesPath.length ? sendPage(ctx) : sendFile(ctx, path.slice(filesPath.length));
  };
}

const asksForHtml = ({ req }: Context): boolean => req.headers.accept?.includes('text/html') === true;

/** A browser that goes to an address asks for HTML before all else; programs do not. */
const wantsPage = (ctx: Context): boolean =>
  asksForHtml(ctx) && negotiate(ctx.req.headers.accept, ['application/json', 'text/html']) === 'text/html';

function redirect(ctx: Context): void {
  ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  ctx.state.route = '/';
  ctx.redirect(`${pagePath}${ctx.search}`);
  ctx.state.status = ctx.status;
}
