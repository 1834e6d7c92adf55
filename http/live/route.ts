/** `GET /live` as a WebSocket: from the opening handshake to a viewer, and what it may say. */
import type { Context } from 'koa';
import { refuse } from '../answer.ts';
import type { Edge } from '../edge.ts';
import { Refusal } from '../errors.ts';
import { watch } from '../liveness.ts';
import { acceptWebSocket, opensReads, type ServerSocket } from '../upgrades.ts';
import { parseWant } from './want.ts';

/** RFC 6455 §7.4.1; a reason goes with each. */
const closeCodes = {
  normal: 1000,
  stopping: 1001,
  protocol: 1002,
  notText: 1003,
  policy: 1008,
  tooLong: 1009,
} as const;
/** A person who clicks has far fewer. */
const maxWantsPerSecond = 20;

/** Resolves when the viewer has gone. */
export async function openLive(edge: Edge, ctx: Context): Promise<void> {
  const { feed, limits } = edge;
  if (!opensReads(ctx.req)) return refuse(ctx, new Refusal('UPGRADE_REQUIRED'));
  if (feed.size >= limits.maxViewers) return refuse(ctx, new Refusal('TOO_MANY_VIEWERS', `this node has ${feed.size}`));
  const webSocket = acceptWebSocket(edge.liveSockets, ctx);
  if (!webSocket) return;
  const closed = new Promise((resolve) => webSocket.once('close', resolve));
  const viewer = feed.enter(outletOf(webSocket), () => webSocket.end(closeCodes.stopping, 'the node stops'));
  const refuseIt = (code: number, reason: string): void => {
    feed.leave(viewer);
    webSocket.end(code, reason);
  };
  const isTooMany = rateOf(maxWantsPerSecond);
  webSocket.on('message', (data, isBinary) => {
    if (isBinary) return refuseIt(closeCodes.notText, 'text frames only');
    if (isTooMany()) return refuseIt(closeCodes.policy, `more than ${maxWantsPerSecond} messages in a second`);
    const want = parseWant(String(data));
    if (typeof want === 'string') refuseIt(closeCodes.policy, want);
    else feed.want(viewer, want);
  });
  webSocket.on('error', (error) => refuseIt(...brokenBy(error)));
  webSocket.onLast = () => refuseIt(closeCodes.normal, '');
  let goneFor: Refusal | undefined;
  const onGone = (detail: string): void => {
    goneFor = new Refusal('REQUEST_TIMEOUT', detail);
    webSocket.terminate();
  };
  const unwatch = watch(webSocket, ctx.req.socket, limits, { onGone, onStalled: onGone });
  await closed;
  unwatch();
  feed.leave(viewer);
  ctx.state.tail = true; // How long somebody looks is no latency.
  ctx.state.refusal = goneFor;
  ctx.state.status = goneFor?.status ?? 101;
}

export const outletOf = (webSocket: ServerSocket): { readonly bufferedAmount: number; send(frame: Buffer): void } => ({
  get bufferedAmount() {
    return webSocket.bufferedAmount;
  },
  send: (frame) => {
    if (webSocket.readyState === webSocket.OPEN) webSocket.send(frame, { binary: false });
  },
});

/** Of a broken frame, what the library found. */
export function brokenBy(error: Error & { readonly code?: string }): [code: number, reason: string] {
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return [closeCodes.tooLong, 'message too long'];
  return [closeCodes.protocol, 'broken frame'];
}

/** Counts calls; true when there were more than `max` within a second. */
function rateOf(max: number): () => boolean {
  let [since, count] = [performance.now(), 0];
  return () => {
    const now = performance.now();
    if (now - since >= 1000) [since, count] = [now, 0];
    return ++count > max;
  };
}
