/**
 * The Koa application: one middleware around everything (guards, faults, counting, log lines), then the routes.
 */
import Router from '@koa/router';
import Koa, { type Context, type Next } from 'koa';
import { Access, endSession, getSession, postSession } from './access.ts';
import { refuse } from './answer.ts';
import { openAppend } from './append.ts';
import { discardRest } from './body.ts';
import { giveOrder, killNode } from './chaos.ts';
import { dashboard } from './dashboard.ts';
import { Docs } from './docsPage.ts';
import type { Edge } from './edge.ts';
import { Refusal } from './errors.ts';
import { FailureLog, pathOf } from './failureLog.ts';
import { createGuard } from './guards.ts';
import { openInspect } from './live/inspector.ts';
import { openLive } from './live/route.ts';
import { getMetrics, resetMetrics } from './metrics.ts';
import { getMessage, getMessages, getRelation } from './reads.ts';
import { getHealth, getLamportTime, getLeader, getLive, getState } from './status.ts';
import { postMessage, postMessages } from './writes.ts';

type Handler = (edge: Edge, ctx: Context) => Promise<void> | void;

const gets: readonly (readonly [path: string, handler: Handler])[] = [
  ['/append', openAppend],
  ['/live', openLive],
  ['/inspect', openInspect],
  ['/messages', getMessages],
  ['/messages/:id', getMessage],
  ['/messages/:a/relation/:b', getRelation],
  ['/metrics', getMetrics],
  ['/health', getHealth],
  ['/health/live', getLive],
  ['/leader', getLeader],
  ['/state', getState],
  ['/lamport_time', getLamportTime],
];

export function createApp(edge: Edge): Koa {
  const app = new Koa();
  const router = new Router();
  router.post('/', (ctx) => postMessage(edge, ctx));
  router.post('/messages', (ctx) => postMessages(edge, ctx));
  for (const [path, handler] of gets) router.get(path, (ctx) => handler(edge, ctx));
  const access = new Access(edge.apiToken);
  router.get('/session', (ctx) => getSession(access, edge.tokenFor, ctx));
  router.post('/session', (ctx) => postSession(access, ctx));
  router.post('/session/end', (ctx) => endSession(access, ctx));
  const docs = new Docs(edge);
  router.get('/openapi.json', docs.openApi);
  router.get('/docs', docs.page);
  if (edge.kill) {
    router.post('/kill', (ctx) => killNode(edge, ctx));
    router.post('/metrics/reset', (ctx) => resetMetrics(edge, ctx));
    router.post('/chaos/pause', (ctx) => giveOrder(edge, ctx, 'pause'));
    router.post('/chaos/cut', (ctx) => giveOrder(edge, ctx, 'cut'));
    router.post('/chaos/revive', (ctx) => giveOrder(edge, ctx, 'revive'));
    router.post('/chaos/heal', (ctx) => giveOrder(edge, ctx, 'heal'));
  }

  app.use(around(edge));
  // The one hot route does not ask the router, which looks at every route it has for every request.
  app.use((ctx, next) => (isPostOfRoot(ctx) ? postMessage(edge, ctx) : next()));
  app.use(dashboard(edge.dashboardFolder));
  app.use(router.routes());
  app.use(router.allowedMethods());
  // What a socket reports after its request was answered or given up: clients that hang up.
  app.on('error', (error: Error) => edge.log.write('debug', 'http_client_error', error.message));
  return app;
}

function isPostOfRoot({ req }: Context): boolean {
  return req.method === 'POST' && (req.url === '/' || req.url?.startsWith('/?') === true);
}

function around(edge: Edge): (ctx: Context, next: Next) => Promise<void> {
  const { limits, metrics } = edge;
  const failures = new FailureLog(edge.log);
  const guard = createGuard({ ...edge, ...limits });
  return async (ctx, next) => {
    const begun = performance.now();
    try {
      const refusal = guard(ctx.req, ctx.res);
      if (refusal) refuse(ctx, refusal);
      else await next();
      if (ctx.respond !== false) answerUnrouted(ctx);
    } catch (bug) {
      const error = bug instanceof Error ? bug : new Error(String(bug));
      edge.log.write('error', 'http_bug', error.message, { stack: error.stack ?? '', path: pathOf(ctx) });
      refuse(ctx, new Refusal('INTERNAL'));
    }
    const now = performance.now();
    if (ctx.res.headersSent) discardRest(ctx.req); // What no route wanted of its body.
    // 499: the client went away before there was an answer.
    const status = ctx.state.status ?? (ctx.res.headersSent ? ctx.res.statusCode : 499);
    metrics.observe(routeOf(ctx), status, (now - begun) / 1000, ctx.state.tail !== true, ctx.method);
    if (status >= 400) failures.report(ctx, status, now - begun, now);
  };
}

/** A bounded name: the path as the router was told it. */
const routeOf = (ctx: Context): string => ctx._matchedRoute ?? ctx.state.route ?? (isPostOfRoot(ctx) ? '/' : 'other');

/** The router found no route: an unknown path, or a path with another method. */
function answerUnrouted(ctx: Context): void {
  if (ctx.status === 404) refuse(ctx, new Refusal('NOT_FOUND'));
  else if (ctx.status === 405 || ctx.status === 501) {
    ctx.res.statusMessage = ''; // The router's words for 501 do not fit ours.
    refuse(ctx, new Refusal('METHOD_NOT_ALLOWED'));
  } else if (ctx.method === 'OPTIONS') {
    // The router has said all, but Koa would send it only after it was counted.
    ctx.respond = false;
    ctx.res.end();
  }
}
