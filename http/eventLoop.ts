/**
 * How late this process is: a timer that should come every 20 ms is asked how much later it came.
 *
 * A histogram of its own, and not `monitorEventLoopDelay`, whose readings must be reset: then two that scrape a node
 * take each other's samples away.
 */
import { performance } from 'node:perf_hooks';
import { Durations } from './durations.ts';

const everyMs = 20;

export class EventLoop {
  readonly lag = new Durations();
  #timer: NodeJS.Timeout | undefined;

  watch(): void {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.lag.add(Math.max(0, now - last - everyMs) / 1000);
      last = now;
    }, everyMs).unref();
  }

  /** Seconds in which the loop did something, since the process began. */
  busySeconds(): number {
    return performance.eventLoopUtilization().active / 1000;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
