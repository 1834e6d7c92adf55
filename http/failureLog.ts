/**
 * A log line for each request that failed: at debug where the client did wrong, at warn where the server did.
 *
 * F1. At most `maxWarningsPerSecond` warnings: while there is no leader every write fails, and one line a write would
 *     bury the cause. The next line says how many were left out.
 */
import type { Context } from 'koa';
import type { LogLines } from '../actors/ports.ts';
import type { Refusal } from './errors.ts';

export const maxWarningsPerSecond = 20;

/** Without the query, which like headers and bodies may be private. */
export function pathOf({ req }: Context): string {
  const [path = ''] = (req.url ?? '').split('?', 1);
  return path.slice(0, 200);
}

export class FailureLog {
  readonly #log: LogLines;
  #second = 0;
  #written = 0;
  #leftOut = 0;

  constructor(log: LogLines) {
    this.#log = log;
  }

  /** `nowMs` is monotonic. */
  report(ctx: Context, status: number, tookMs: number, nowMs: number): void {
    const serverFailed = status >= 500;
    if (serverFailed && !this.#mayWarn(nowMs)) return;
    const refusal: Refusal | undefined = ctx.state.refusal;
    const method = ctx.req.method ?? '';
    const fields = {
      method,
      path: pathOf(ctx),
      status,
      code: refusal?.code ?? null,
      detail: refusal?.detail ?? null,
      ms: Math.round(tookMs),
      ...(serverFailed && this.#leftOut > 0 && { left_out: this.#leftOut }),
    };
    if (serverFailed) this.#leftOut = 0;
    const level = serverFailed ? 'warn' : 'debug';
    this.#log.write(level, 'http_request_failed', `${method} was answered ${status}`, fields);
  }

  #mayWarn(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) [this.#second, this.#written] = [second, 0];
    if (this.#written === maxWarningsPerSecond) {
      this.#leftOut++;
      return false;
    }
    this.#written++;
    return true;
  }
}
