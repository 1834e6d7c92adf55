/**
 * Streams messages to a client as fast as it takes them.
 *
 * S1. At most one block of the log and its piece of the answer are in memory for a stream, whatever is streamed: the
 *     next is made only when the socket has taken the last.
 * S2. A client that takes nothing for `stallMs` is cut off; so is one whose messages cannot be read on (never a clean
 *     end of a list that is not whole).
 * S3. A stream that ends, in whatever way, leaves nothing behind: no listener, timer or subscription.
 */
import type { Context } from 'koa';
import type { NodeFacade, ReadPoint } from '../actors/facade.ts';
import type { Lamport } from '../actors/protocol/epoch.ts';
import { begin, send } from './answer.ts';
import type { Edge } from './edge.ts';
import { encodePieces, type Form, type Piece } from './encode.ts';

const blockBytes = 256 * 1024;
const nothing = Buffer.alloc(0);

/** One response under way. */
export class Outlet {
  closed = false;
  readonly #ctx: Context;
  #wake: (() => void) | undefined;

  constructor(ctx: Context, stallMs: number) {
    this.#ctx = ctx;
    const { res, req } = ctx;
    res.on('drain', () => this.wake());
    res.on('close', () => {
      this.closed = true;
      this.wake();
    });
    // Node counts progress of a pending write as activity, so this comes only after a whole pause.
    res.on('timeout', () => {
      if (res.writableLength > 0) res.destroy();
    });
    req.socket.setTimeout(stallMs);
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
  /** Until the next `wake`: drained, closed, or whatever else calls it. */
  sleep(): Promise<void> {
    return this.closed ? Promise.resolve() : new Promise((resolve) => (this.#wake = resolve));
  }
  get full(): boolean {
    return !this.closed && this.#ctx.res.writableNeedDrain;
  }
  async write(data: string | Buffer): Promise<void> {
    if (this.closed) return;
    this.#ctx.res.write(data);
    while (this.full) await this.sleep();
  }
  /** A sign of life; not needed where more waits already. */
  beat(text: string): void {
    if (!this.closed && !this.full) this.#ctx.res.write(text);
  }
  end(text: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#ctx.res.end(text);
    this.wake();
  }
  /** Ends in a way that no client takes for the end of the list. */
  fail(): void {
    this.#ctx.res.destroy();
  }
}

export interface Range {
  readonly afterId: number;
  readonly upToId: number;
}

/** Pieces of the messages of a range; ends early when the log cannot go on. */
async function* piecesOf(node: NodeFacade, { afterId, upToId }: Range, form: Form): AsyncGenerator<Piece> {
  let at = afterId;
  while (at < upToId) {
    const batches = await node.read(at, upToId, blockBytes);
    const before = at;
    for (const piece of encodePieces(batches, { afterId: at, upToId, form, first: at === afterId })) {
      at = piece.lastId;
      yield piece;
    }
    if (at === before) return;
  }
}

/** Answers with a list of messages that are all committed already. `tokenOf` makes the Lamport-Time header. */
export async function sendList(
  edge: Edge,
  ctx: Context,
  {
    range,
    form,
    point,
    tokenOf,
  }: { range: Range; form: Form; point: ReadPoint; tokenOf(newestShown: Lamport): Lamport },
): Promise<void> {
  const pieces = piecesOf(edge.node, range, form);
  const first = range.afterId < range.upToId ? ((await pieces.next()).value as Piece | undefined) : undefined;
  if (range.afterId >= range.upToId || first?.lastId === range.upToId) {
    // One piece is the whole list: an answer like others, whose newest message is known.
    const body = Buffer.concat([Buffer.from(form.open), first?.bytes ?? nothing, Buffer.from(form.close)]);
    send(ctx, 200, form.type, body, ['Lamport-Time', String(tokenOf(first?.lastLamport ?? 0))]);
    return;
  }
  // The header goes first, so the read point stands in for the newest message shown: a `limit` may show less, but the
  // token asks no more of other nodes than what is committed.
  begin(ctx, 200, form.type, ['Lamport-Time', String(tokenOf(point.lastLamport))]);
  if (ctx.req.method === 'HEAD') {
    ctx.res.end();
    return;
  }
  const outlet = new Outlet(ctx, edge.limits.stallMs);
  let at = range.afterId;
  await outlet.write(form.open);
  if (first) {
    await outlet.write(first.bytes);
    at = first.lastId;
  }
  while (!outlet.closed) {
    const { value: piece } = await pieces.next();
    if (!piece) break;
    await outlet.write(piece.bytes);
    at = piece.lastId;
  }
  if (at < range.upToId && !outlet.closed) reportBroken(edge, { afterId: at, upToId: range.upToId }, outlet);
  else outlet.end(form.close);
}

export function reportBroken({ log }: Edge, { afterId, upToId }: Range, outlet: Outlet): void {
  log.write('error', 'read_broken', `messages after ${afterId} cannot be read, though ${upToId} is committed`);
  outlet.fail();
}
