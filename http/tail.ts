/**
 * Live tails (server-sent events): what is there, then what comes, until one side ends it or its limit is reached.
 *
 * L1. A tail that cannot keep up misses nothing: it reads on from where it is, when its client takes more.
 * L2. Tails that stand at the same place share one reading and encoding; most stand at the end of the log.
 */
import type { Context } from 'koa';
import type { NodeFacade, ReadPoint } from '../actors/facade.ts';
import type { Lamport } from '../actors/protocol/epoch.ts';
import { begin } from './answer.ts';
import type { Edge } from './edge.ts';
import { encodePieces, eventStream, type Piece } from './encode.ts';
import { defaultTimeoutMs } from './query.ts';
import { Outlet, type Range, reportBroken } from './stream.ts';

/** Smaller than a list's: this is what a thousand clients that stopped reading may each hold. */
const blockBytes = 64 * 1024;

/** The block that was read last, for whoever asks for the same. */
export class TailBlocks {
  readonly #node: NodeFacade;
  #range: Range = { afterId: -1, upToId: -1 };
  #pieces: Promise<readonly Piece[]> = Promise.resolve([]);

  constructor(node: NodeFacade) {
    this.#node = node;
  }

  /** Committed messages of a range from its beginning, as many as a block has. */
  read(range: Range): Promise<readonly Piece[]> {
    if (range.afterId !== this.#range.afterId || range.upToId !== this.#range.upToId) {
      this.#range = range;
      this.#pieces = this.#encode(range);
    }
    return this.#pieces;
  }

  async #encode({ afterId, upToId }: Range): Promise<readonly Piece[]> {
    const batches = await this.#node.read(afterId, upToId, blockBytes);
    return [...encodePieces(batches, { afterId, upToId, form: eventStream, first: false })];
  }
}

export async function sendTail(
  edge: Edge,
  ctx: Context,
  { range, point, token }: { range: Range; point: ReadPoint; token: Lamport },
): Promise<void> {
  begin(ctx, 200, eventStream.type, ['Lamport-Time', String(token), 'X-Accel-Buffering', 'no']);
  if (ctx.req.method === 'HEAD') {
    ctx.res.end();
    return;
  }
  ctx.state.tail = true;
  const { node, limits, tails, tailBlocks } = edge;
  const outlet = new Outlet(ctx, limits.stallMs);
  let known = point.lastId;
  const unsubscribe = node.onCommit(({ lastId }) => {
    known = lastId;
    outlet.wake();
  });
  const heartbeat = setInterval(() => outlet.beat(': still here\n\n'), limits.heartbeatMs);
  const end = (): void => outlet.end('');
  tails.add(end);
  try {
    await outlet.write(eventStream.open);
    // What was committed between the read point and the subscription is not announced again.
    const now = await node.readPoint({ timeoutMs: defaultTimeoutMs });
    if (now.kind === 'ready') known = Math.max(known, now.lastId);
    let at = range.afterId;
    while (!outlet.closed && at < range.upToId) {
      const upToId = Math.min(known, range.upToId);
      if (at >= upToId) {
        await outlet.sleep();
        continue;
      }
      const before = at;
      for (const piece of await tailBlocks.read({ afterId: at, upToId })) {
        await outlet.write(piece.bytes);
        at = piece.lastId;
        if (outlet.closed) break;
      }
      if (at === before && !outlet.closed) return reportBroken(edge, { afterId: at, upToId }, outlet);
    }
    end();
  } finally {
    unsubscribe();
    clearInterval(heartbeat);
    tails.delete(end);
  }
}
